r"""Operators into one parametrised Qiskit circuit, observables into Qiskit's; qubit order ends here.

Every angle that is an array, of NumPy or JAX, traced or not, becomes a named ``Parameter``; a Python
number in a layer is a constant of the circuit. So a circuit is the same for all parameters and samples: it is
transpiled once, and a batch is an array of parameter values. Qubit i of the circuit is the i-th wire. Qiskit
writes qubit 0 last, in labels, bit strings and matrices; whoever uses this module need not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import jax.numpy as jnp
import numpy as np
import pennylane as qp
from jax.core import Tracer
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter, library
from qiskit.quantum_info import SparsePauliOp

from ...observables import words
from .amplitudes import preparation

# Gates with the same matrix, angles and order of wires in both libraries; all others are decomposed.
GATES = {
    "Hadamard": library.HGate, "PauliX": library.XGate, "PauliY": library.YGate,
    "PauliZ": library.ZGate, "S": library.SGate, "T": library.TGate, "SX": library.SXGate,
    "Adjoint(S)": library.SdgGate, "Adjoint(T)": library.TdgGate, "Adjoint(SX)": library.SXdgGate,
    "CNOT": library.CXGate, "CY": library.CYGate, "CZ": library.CZGate, "CH": library.CHGate,
    "SWAP": library.SwapGate, "ISWAP": library.iSwapGate, "ECR": library.ECRGate,
    "Toffoli": library.CCXGate, "CSWAP": library.CSwapGate, "CCZ": library.CCZGate,
    "RX": library.RXGate, "RY": library.RYGate, "RZ": library.RZGate,
    "PhaseShift": library.PhaseGate, "U3": library.UGate, "CRX": library.CRXGate,
    "CRY": library.CRYGate, "CRZ": library.CRZGate, "ControlledPhaseShift": library.CPhaseGate,
    "IsingXX": library.RXXGate, "IsingYY": library.RYYGate, "IsingZZ": library.RZZGate,
}  # fmt: skip
NOTHING = ("Identity", "Snapshot", "GlobalPhase")

Rule = tuple[tuple[float, float], ...]  # f'(a) = sum of c * f(a + s) over its (c, s)


@dataclass(frozen=True)
class Lowered:
    """One circuit for a whole batch.

    Attributes:
        circuit: the Qiskit circuit, without measurements at its end.
        parameters: its parameters; bind them by name, ``circuit.parameters`` sorts them otherwise.
        angles: the value of each parameter, a number or ``(batch,)``, traced or not.
        rules: for each the terms of its derivative; () where it cannot change what is measured,
            None where it has no derivative (a prepared state).
        wires: the wire of each qubit.
    """

    circuit: QuantumCircuit
    parameters: tuple[Any, ...]
    angles: tuple[Any, ...]
    rules: tuple[Rule | None, ...]
    wires: tuple[Any, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in the order of ``angles``."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def measures(self) -> bool:
        """Whether there are measurements in the middle."""
        return bool(self.circuit.cregs)

    def bound(self) -> QuantumCircuit:
        """The circuit with its angles put in; for one sample, with numbers."""
        values = {name: float(a) for name, a in zip(self.names, self.angles, strict=True)}
        return self.circuit.assign_parameters(values)


def lower(
    operators: Iterable[Any],
    measured: Sequence[Any] = (),
    wires: Sequence[Any] | None = None,
) -> Lowered:
    """Lower PennyLane operators, as ``model.operators(params, x)`` gives them.

    Args:
        operators: in time order; angles numbers or ``(batch,)``, NumPy, JAX or traced.
        measured: the wires that are measured; without any, every angle counts as one that matters.
        wires: the wires in the order of the qubits; None for those that occur, sorted.

    Raises:
        ValueError: channels, resets, matrices computed from parameters or
            features, and operators without a decomposition.

    Example:
        >>> import numpy as np
        >>> found = lower([qp.RX(np.array([0.1, 0.2]), 0), qp.CNOT([0, 1]), qp.RZ(0.5, 1)])
        >>> found.names, found.angles[0].tolist(), found.circuit.count_ops()["rz"]
        (('angle_0',), [0.1, 0.2], 1)

    Reference: shift rules: Wierichs et al., Quantum 6, 677 (2022), as in PennyLane.
    """
    with qp.QueuingManager.stop_recording():
        gates = [gate for operator in operators for gate in _gates(operator)]
    if wires is None:
        found = set(measured).union(*(gate.wires for gate in gates))
        wires = sorted(found)
    circuit = QuantumCircuit(len(wires))
    parameters, angles = _write(circuit, gates, {wire: i for i, wire in enumerate(wires)})
    rules = _rules(gates, set(measured or wires))
    return Lowered(circuit, tuple(parameters), tuple(angles), rules, tuple(wires))


@dataclass(frozen=True)
class _Gate:
    operator: Any
    angles: tuple[Any, ...] = ()
    matrix: Any = None
    prepares: bool = False  # part of the preparation of a state
    if_one: Any = None  # the wire whose outcome must be 1

    @property
    def wires(self) -> set[Any]:
        return {*self.operator.wires} | ({self.if_one} - {None})


def _gates(operator: Any) -> Iterator[_Gate]:
    """An operator as gates that Qiskit has."""
    if operator.name in NOTHING:
        return
    if operator.name in GATES:
        yield _Gate(operator, tuple(operator.data))
    elif operator.name in ("StatePrep", "AmplitudeEmbedding", "MottonenStatePreparation"):
        vector = operator.data[0]
        for part in preparation(vector, list(operator.wires)):
            yield _Gate(part, tuple(part.data), prepares=True)
    elif operator.name == "Barrier":
        yield _Gate(operator)
    elif isinstance(operator, qp.ops.MidMeasure) and _refusal(operator) is None:
        yield _Gate(operator)
    elif isinstance(operator, qp.ops.Conditional) and _refusal(operator) is None:
        [wire] = operator.meas_val.wires
        yield from (replace(part, if_one=wire) for part in _gates(operator.base))
    elif operator.name == "QubitUnitary":
        yield _Gate(operator, matrix=_constant_matrix(operator))
    elif _refusal(operator) is None and operator.has_decomposition:
        for part in operator.decomposition():
            yield from _gates(part)
    elif _refusal(operator) is None and operator.has_matrix:
        yield _Gate(operator, matrix=_constant_matrix(operator))
    else:
        raise ValueError(_refusal(operator) or _without_gates(operator))


def _write(
    circuit: QuantumCircuit, gates: list[_Gate], qubit: dict[Any, int]
) -> tuple[list[Any], list[Any]]:
    """Append the gates; the parameters that stand for arrays, and these."""
    parameters: list[Any] = []
    arrays: list[Any] = []
    bits: dict[Any, Any] = {}  # of the wires measured so far

    def number(angle: Any) -> Any:
        if type(angle) in (int, float):
            return angle
        parameters.append(Parameter(f"angle_{len(arrays)}"))
        arrays.append(angle)
        return parameters[-1]

    for if_one, together in groupby(gates, lambda gate: gate.if_one):
        branch = nullcontext() if if_one is None else circuit.if_test((bits[if_one], 1))
        with branch:
            for gate in together:
                on = [qubit[wire] for wire in gate.operator.wires]
                if isinstance(gate.operator, qp.ops.MidMeasure):
                    register = ClassicalRegister(1, f"wire_{on[0]}_{len(circuit.cregs)}")
                    circuit.add_register(register)
                    bits[gate.operator.wires[0]] = register[0]
                    circuit.measure(on, register)
                elif gate.operator.name == "Barrier":
                    circuit.barrier(on)
                elif gate.matrix is not None:  # Qiskit reads the first qubit as least significant
                    circuit.append(library.UnitaryGate(gate.matrix), on[::-1])
                else:
                    circuit.append(GATES[gate.operator.name](*map(number, gate.angles)), on)
    return parameters, arrays


def _constant_matrix(operator: Any) -> np.ndarray:
    if operator.batch_size is not None or any(isinstance(a, Tracer) for a in operator.data):
        raise ValueError(
            f"{operator.name} has a matrix that is computed from parameters or features, which one "
            "circuit for a whole batch cannot hold. Use gates with angles, or the exact simulator, "
            "qdl.backends.statevector()."
        )
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
    return (
        f"{operator.name} has no counterpart in Qiskit, and neither a decomposition nor a matrix. "
        "Yield gates that have one."
    )


def _rules(gates: list[_Gate], reached: set[Any]) -> tuple[Rule | None, ...]:
    """The derivative's terms for every parameter of the circuit, in its order."""
    found: list[Rule | None] = []
    reached = set(reached)
    for gate in reversed(gates):  # backwards, as the light cone of what is measured grows
        if gate.operator.name == "Barrier":
            continue
        inside = bool(reached & gate.wires)
        if inside:
            reached |= gate.wires
        own: list[Rule | None] = []
        for i, angle in enumerate(gate.angles):
            if type(angle) not in (int, float):
                own.append(None if gate.prepares else _rule(gate.operator, i) if inside else ())
        found += reversed(own)
    return tuple(reversed(found))


def _rule(operator: Any, index: int) -> Rule:
    terms = qp.gradients.generate_shift_rule(tuple(operator.parameter_frequencies[index]))
    return tuple((float(c), float(s)) for c, s in terms)


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


def table(angles: Sequence[Any]) -> Any:
    """Angles as one array ``(rows, n_parameters)``, rows being the samples of a batch, or one."""
    rows = max((a.shape[0] for a in angles if a.ndim), default=1)
    columns = [jnp.broadcast_to(a, (rows,)) for a in angles]
    return jnp.stack(columns, axis=1) if columns else jnp.zeros((rows, 0))
