r"""Programs into parametrised Qiskit circuits, observables into Qiskit's; qubit order ends here.

Every column of a program becomes a named ``Parameter``. So a circuit is the same for all parameters and
samples: it is transpiled once, and a batch is an array of parameter values. Qubit i of the circuit is the
i-th wire. Qiskit writes qubit 0 last, in labels, bit strings and matrices; whoever uses this module need not
know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import pennylane as qp
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter, library
from qiskit.quantum_info import SparsePauliOp

from ...layers.openqasm import SAME
from ...observables import words
from ...reading import light_cone
from ..opened import NOTHING, PREPARATIONS, computed_matrix
from ..opened import expand as as_angles
from ..program import OpenGate, Program
from .text import text_of

# Qiskit's class of each gate that is the same in PennyLane, by PennyLane's name; all others are decomposed.
STANDARD = library.get_standard_gate_name_mapping()
GATES = {ours: STANDARD[theirs].base_class for ours, theirs in SAME.items()}


@dataclass(frozen=True)
class Lowered:
    """A program as Qiskit's circuit and observables; equal ones have equal bytes.

    Attributes:
        program: the circuit with its angles open.
        circuit: Qiskit's, without measurements at its end.
        parameters: those of the columns; bind them by name, ``circuit.parameters`` sorts them otherwise.
        wires: the wire of each qubit.
        text: all of it.
    """

    program: Program = field(compare=False, repr=False)
    circuit: QuantumCircuit = field(compare=False)
    parameters: tuple[Any, ...] = field(compare=False)
    wires: tuple[Any, ...] = field(compare=False)
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        what: list[Any] = self.observables or [self.wires.index(w) for w in self.measured_wires]
        object.__setattr__(self, "text", text_of(self.circuit, self.names, what))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in the order of the columns."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def measures(self) -> bool:
        """Whether there are measurements in the middle."""
        return bool(self.circuit.cregs)

    @property
    def measured_wires(self) -> tuple[Any, ...]:
        """The wires whose probabilities are asked for, in order."""
        return self.program.probabilities

    @property
    def samples(self) -> bool:
        """True for probabilities, which need the sampler."""
        return bool(self.measured_wires)

    @cached_property
    def observables(self) -> list[Any]:
        """Qiskit's observables, on the qubits of the circuit; none for probabilities."""
        return [sparse_pauli(o, self.wires) for o in self.program.observables]

    @property
    def size(self) -> int:
        """The number k of values."""
        return self.program.size

    @cached_property
    def bases(self) -> int:
        """How many bases are measured: observables that agree qubit by qubit share one."""
        return len(self.together)

    @cached_property
    def together(self) -> list[set[Any]]:
        """The wires that are measured together, basis by basis."""
        if self.samples:
            return [set(self.measured_wires)]
        all_words = sum(self.observables[1:], self.observables[0]).simplify()
        groups = all_words.group_commuting(qubit_wise=True)
        return [
            {self.wires[i] for i in np.flatnonzero((g.paulis.x | g.paulis.z).any(0))}
            for g in groups
        ]

    @cached_property
    def unread(self) -> bool:
        """Whether a gate that waits for an outcome cannot matter to what is measured in some basis."""
        gates = self.program.gates
        waiting = {i for i, gate in enumerate(gates) if _waits_for(gate.operator) is not None}
        return any(waiting - set(light_cone(gates, wires)[0]) for wires in self.together)


def _without_unread(program: Program) -> Program:
    """Without gates that wait for an outcome and cannot matter to anything measured.

    Aer cuts their wires off and then fails to load the circuit ("_Map_base::at", 0.17).
    """
    seen = set(light_cone(program.gates, program.measured.wires)[0])
    kept = [g for i, g in enumerate(program.gates) if i in seen or _waits_for(g.operator) is None]
    return program if len(kept) == len(program.gates) else replace(program, gates=tuple(kept))


@lru_cache(maxsize=64)
def lower(program: Program, simulated: bool = False) -> Lowered:
    """Lower a program whose operators were expanded by ``gates``.

    Args:
        program: the circuit with its angles open.
        simulated: for Aer, which fails to load gates that wait for an outcome and cannot matter.

    Raises:
        ValueError: a matrix with open angles.

    Example:
        >>> import numpy as np
        >>> import qdl
        >>> from qdl.backends.opened import program_of
        >>> circuit = qdl.QNN(2, [qdl.layers.Rotation("x"), qdl.layers.Entangler("cnot")])
        >>> found = lower(program_of(circuit, None, gates))
        >>> found.names, dict(found.circuit.count_ops())
        (('angle_0', 'angle_1'), {'rx': 2, 'cx': 1})
    """
    program = _without_unread(program) if simulated else program
    wires = program.wires
    circuit = QuantumCircuit(len(wires))
    digits = len(str(max(len(program.sources) - 1, 0)))  # names sort as their numbers do
    parameters = [Parameter(f"angle_{i:0{digits}}") for i in range(len(program.sources))]
    _write(circuit, program.gates, parameters, {wire: i for i, wire in enumerate(wires)})
    return Lowered(program, circuit, tuple(parameters), tuple(wires))


def gates(operator: Any) -> Iterator[Any]:
    """An operator as gates that Qiskit has.

    Raises:
        ValueError: channels, resets, and operators without a decomposition.

    Example:
        >>> [gate.name for gate in gates(qp.Rot(0.1, 0.2, 0.3, 0))]
        ['RZ', 'RY', 'RZ']
    """
    if operator.name in NOTHING:
        return
    if operator.name in GATES or operator.name in ("Barrier", "QubitUnitary"):
        yield operator
    elif operator.name in PREPARATIONS:
        yield from as_angles(operator)
    elif isinstance(operator, qp.ops.MidMeasure) and _refusal(operator) is None:
        yield operator
    elif isinstance(operator, qp.ops.Conditional) and _refusal(operator) is None:
        for part in gates(operator.base):
            yield qp.ops.Conditional(operator.meas_val, part)
    elif _refusal(operator) is None and operator.has_decomposition:
        for part in operator.decomposition():
            yield from gates(part)
    elif _refusal(operator) is None and operator.has_matrix:
        yield operator
    else:
        raise ValueError(_refusal(operator) or _without_gates(operator))


def _write(
    circuit: QuantumCircuit,
    open_gates: Sequence[OpenGate],
    parameters: list[Any],
    qubit: dict[Any, int],
) -> None:
    """Append the gates, with parameters for their open angles."""
    bits: dict[Any, Any] = {}  # of the wires measured so far

    for if_one, together in groupby(open_gates, lambda gate: _waits_for(gate.operator)):
        branch = nullcontext() if if_one is None else circuit.if_test((bits[if_one], 1))
        with branch:
            for gate in together:
                operator = gate.operator if if_one is None else gate.operator.base
                on = [qubit[wire] for wire in operator.wires]
                if isinstance(operator, qp.ops.MidMeasure):
                    register = ClassicalRegister(1, f"wire_{on[0]}_{len(circuit.cregs)}")
                    circuit.add_register(register)
                    bits[operator.wires[0]] = register[0]
                    circuit.measure(on, register)
                elif operator.name == "Barrier":
                    circuit.barrier(on)
                elif operator.name == "Identity":
                    circuit.id(on)
                elif operator.name in GATES:
                    pairs = zip(operator.data, gate.columns, strict=True)
                    angles = [float(value) if c is None else parameters[c] for value, c in pairs]
                    circuit.append(GATES[operator.name](*angles), on)
                else:  # Qiskit reads the first qubit as least significant
                    circuit.append(library.UnitaryGate(_matrix(operator, gate.columns)), on[::-1])


def _waits_for(operator: Any) -> Any:
    """The wire whose outcome must be 1; None for a gate that waits for none."""
    return operator.meas_val.wires[0] if isinstance(operator, qp.ops.Conditional) else None


def _matrix(operator: Any, columns: Sequence[int | None]) -> np.ndarray:
    if any(column is not None for column in columns):
        raise ValueError(computed_matrix(operator))
    return np.asarray(qp.matrix(operator), dtype=complex)


def _refusal(operator: Any) -> str | None:
    """Why a circuit of gates cannot hold this operator."""
    if isinstance(operator, qp.operation.Channel):
        return (
            f"Qiskit places run gates, got the channel {operator.name}. Leave Noise layers out and "
            "choose the noise of the place, aer(noise='fake_torino'), or run the model "
            ".on(qdl.backends.density_matrix())."
        )
    plain = isinstance(operator, qp.ops.MidMeasure) and not operator.reset
    plain = plain and operator.postselect is None
    if isinstance(operator, qp.ops.Conditional):
        plain = operator.meas_val.branches == {(0,): 0, (1,): 1}
    if isinstance(operator, qp.ops.MidMeasure | qp.ops.Conditional) and not plain:
        return (
            f"Of mid-circuit operators, plain measurements and gates that wait for one outcome 1 are "
            f"lowered, got {operator}. Leave out reset and postselect, or use "
            "Pooling(kind='measured')."
        )
    return None


def _without_gates(operator: Any) -> str:
    if isinstance(operator, qp.operation.CV):
        return (
            f"{operator.name} is a gate of modes of light, and Qiskit has qubits alone. Run the model "
            ".on(qdl.backends.fock(cutoff))."
        )
    return (
        f"{operator.name} has no counterpart in Qiskit, and neither a decomposition nor a matrix. "
        "Yield gates that have one."
    )


def sparse_pauli(observable: Any, wires: Sequence[Any]) -> SparsePauliOp:
    """A PennyLane observable on qubits in the order of ``wires``.

    Example:
        >>> sparse_pauli(qp.Z(0) @ qp.X(2), (0, 1, 2)).paulis.to_labels()
        ['XIZ']
    """
    terms = [
        ("".join(word.values()), [wires.index(w) for w in word], coefficient)
        for word, coefficient in words(observable).items()
    ]
    terms = terms or [("", [], 0.0)]  # the zero operator
    return SparsePauliOp.from_sparse_list(terms, num_qubits=len(wires))


def with_measurement(lowered: Lowered, wires: Sequence[Any]) -> QuantumCircuit:
    """The circuit with ``wires`` measured into a register ``c``; wire 0 of them most significant.

    The integer that a sampled bit string stands for is then the index into ``qdl.Probs``.
    """
    circuit = lowered.circuit.copy()
    register = ClassicalRegister(len(wires), "c")
    circuit.add_register(register)
    qubits = [lowered.wires.index(wire) for wire in wires]
    circuit.measure(qubits[::-1], register)
    return circuit
