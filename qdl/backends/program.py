"""A circuit with its angles open: what a place of rows is given, once for all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from pennylane.devices.preprocess import decompose

from ..layers.base import Shape, Wires, is_shape
from ..reading import Gate, Leaf, light_cone
from ..reading.shift_rules import Rule, shift_rules
from ..reading.values import computed_angles, entered, without_gradient
from ..readout import Measured, Observables, Probabilities

# What the library of OpenQASM 2 holds everywhere, by PennyLane's names; Cross, Bishop, Smolin, Gambetta,
# arXiv 1707.03429, has neither swaps nor controlled rotations of x and y.
QELIB1 = (
    "CNOT CZ U3 U2 U1 Identity PauliX PauliY PauliZ Hadamard S Adjoint(S) T Adjoint(T) RX RY RZ CRZ Toffoli "
    "PhaseShift"
).split()


class OpenGate(NamedTuple):
    """An operator, and for each of its numbers a column of the rows, or None for its own number."""

    operator: Any
    columns: tuple[int | None, ...]
    prepares: bool = False  # part of the preparation of a state

    @property
    def wires(self) -> set[Any]:
        """The wires through which it can matter, those of outcomes that it waits for included."""
        if self.operator.name == "Barrier":
            return set()
        waits = isinstance(self.operator, qp.ops.Conditional)
        return {*self.operator.wires, *(self.operator.meas_val.wires if waits else ())}


@dataclass(frozen=True, eq=False)
class Piece:
    """Angles that are found in one array: entries of parameters, features, or computed by a layer."""

    origin: tuple[Any, ...]  # ("params", array), ("x",) or ("computed", leaf, batched, number)
    columns: np.ndarray
    index: np.ndarray  # entry of the array, feature, or run of the leaf
    factor: np.ndarray

    @property
    def batched(self) -> bool:
        """Whether it has angles for each sample, given a batch."""
        return self.origin[0] == "x" or self.origin[0] == "computed" and self.origin[2]


@dataclass(frozen=True, eq=False)
class Program:
    """A circuit with its angles open, and what is measured at its end.

    Every use of an angle by a gate has a column of its own in the rows that ``RowPlace.run_rows`` is
    given; what no argument enters is a number of its gate.

    Attributes:
        gates: operators with the columns of their numbers, in time order.
        wires: all of the circuit, sorted, those that no gate touches too.
        measured: ``Observables``, or ``Probabilities`` of some wires.
        sources: of each column, as ``"params[1][0, 0]"``, ``"-x[2]"``, ``"0.5*x[0]"`` or ``"computed"``.
        batched: whether the angles of a batch differ from sample to sample.

    Example:
        >>> import qdl
        >>> from qdl.backends.opened import program_of
        >>> from qdl.layers import AngleEncoding, Rotation
        >>> circuit = qdl.QNN(2, [AngleEncoding("y"), Rotation("z")])
        >>> program = program_of(circuit, (2,))
        >>> program.sources
        ('x[0]', 'x[1]', 'params[1][0, 0]', 'params[1][1, 0]')
        >>> program.operators([0.1, 0.2, 0.3, 0.4])[:2]
        [RY(0.1, wires=[0]), RY(0.2, wires=[1])]
    """

    gates: tuple[OpenGate, ...]
    wires: Wires
    measured: Measured
    sources: tuple[str, ...]
    batched: bool
    pieces: tuple[Piece, ...] = field(repr=False)
    shape: Shape = field(repr=False)
    features: tuple[int, ...] | None = field(repr=False)
    parts: tuple[tuple[Leaf, tuple[Gate, ...]], ...] = field(repr=False)
    expand: Callable[[Any], Iterable[Any]] = field(repr=False)

    @property
    def size(self) -> int:
        """The number k of values in each row."""
        return self.measured.size

    @property
    def observables(self) -> tuple[Any, ...]:
        """The Hermitian observables whose expectation values are asked for; () for probabilities."""
        return self.measured.observables if isinstance(self.measured, Observables) else ()

    @property
    def probabilities(self) -> Wires:
        """The wires whose probabilities are asked for, the first most significant; () for observables."""
        return self.measured.wires if isinstance(self.measured, Probabilities) else ()

    def operators(self, row: Sequence[float]) -> list[Any]:
        """The PennyLane operators of one row of angles."""
        with qp.QueuingManager.stop_recording():
            return [_bound(gate, row) for gate in self.gates]

    def to_qasm(self, row: Sequence[float]) -> str:
        """OpenQASM 2 of one row of angles: qubit i is wire i, measured into bit i."""
        return to_qasm2(self.operators(row), self.wires, self.wires)

    def numbers(self, params: Any, x: Any) -> list[jax.Array]:
        """The angles of each piece, ``(m,)`` or ``(m, batch)``; traced if parameters or features are."""
        params = without_gradient(
            jax.tree.map(jnp.asarray, params), (leaf for leaf, _ in self.parts)
        )
        arrays, dtype = jax.tree.leaves(params), jnp.result_type(float)
        used = {piece.origin[1] for piece in self.pieces if piece.origin[0] == "computed"}
        computed = {}
        for i in used:
            leaf, gates = self.parts[i]
            computed[i] = computed_angles(leaf, gates, params, x, self.expand)
        found = []
        for piece in self.pieces:
            (kind, *at), index, factor = piece.origin, piece.index, piece.factor
            if kind == "computed":
                found.append(computed[at[0]][at[1]][at[2]][index])
                continue
            values = arrays[at[0]].reshape(-1) if kind == "params" else jnp.asarray(x, dtype).T
            values = values[index].astype(dtype)
            scaled = not np.all(factor == 1)
            found.append((values.T * jnp.asarray(factor, dtype)).T if scaled else values)
        return found

    def table(self, numbers: Sequence[jax.Array]) -> jax.Array:
        """The rows ``(batch, columns)``; one row where nothing differs from sample to sample."""
        rows = max((n.shape[1] for n in numbers if n.ndim > 1), default=1)
        if not numbers:
            return jnp.zeros((rows, 0))
        wide = [n if n.ndim > 1 else n[:, None] for n in numbers]
        stacked = jnp.concatenate([jnp.broadcast_to(n, (len(n), rows)) for n in wide])
        return stacked[np.argsort(self._columns([True] * len(numbers)))].T

    def _columns(self, asked: Sequence[bool]) -> np.ndarray:
        """The columns of the pieces that are asked for."""
        chosen = [p.columns for p, wanted in zip(self.pieces, asked, strict=True) if wanted]
        return np.concatenate([*chosen, np.zeros(0, int)]).astype(int)

    @cached_property
    def rules(self) -> tuple[Rule | None, ...]:
        """The shift rule of each column.

        () where it cannot change what is measured; None where there is none, as in a prepared state.
        """
        inside, _ = light_cone(self.gates, self.measured.wires)
        found: list[Rule | None] = [()] * len(self.sources)
        for gate in (self.gates[i] for i in inside):
            columns = [c for c in gate.columns if c is not None]
            if columns:
                known = None if gate.prepares else _rules(gate)
                for column in columns:
                    found[column] = None if known is None else known[column]
        return tuple(found)

    def rules_of(self, asked: Sequence[bool]) -> tuple[np.ndarray, list[Rule]]:
        """The columns of the pieces that are differentiated, sorted, and their shift rules.

        Raises:
            ValueError: an angle without a rule.
        """
        columns = np.sort(self._columns(asked))
        missing = {c for c in columns.tolist() if self.rules[c] is None}
        for gate in self.gates:
            if missing & set(gate.columns) and not gate.prepares:
                shift_rules(_base(gate.operator))  # says why
        if missing:
            raise ValueError(
                "There is no gradient through the features of AmplitudeEncoding, or any prepared state, on "
                "hardware: it has no angle to shift. Differentiate with respect to params only, or use "
                "AngleEncoding, or the exact simulator, qdl.backends.statevector()."
            )
        return columns, [self.rules[c] or () for c in columns.tolist()]

    def differentiated(self, features: bool = False) -> list[bool]:
        """Which pieces depend on the parameters, or on the features too."""
        x = None if self.features is None else jnp.ones(self.features)
        params = jax.tree.map(jnp.ones, self.shape, is_leaf=is_shape)
        if features:
            return entered(self.numbers, params, x)
        return entered(lambda params: self.numbers(params, x), params)


def to_qasm2(operators: Sequence[Any], wires: Wires, measured: Sequence[int]) -> str:
    """OpenQASM 2 text: qubit i is the i-th of ``wires``, and bit j is read from the j-th of ``measured``.

    Raises:
        ValueError: a channel.

    Example:
        >>> print(to_qasm2([qp.RX(0.5, 1)], (0, 1), (1,)))
        OPENQASM 2.0;
        include "qelib1.inc";
        qreg q[2];
        rx(0.5) q[1];
        creg c[1];
        measure q[1] -> c[0];
    """
    for operator in operators:
        if isinstance(operator, qp.operation.Channel):
            raise ValueError(
                f"OpenQASM has gates, got the channel {operator.name}. Leave Noise layers out of what is "
                "exported."
            )
    tape = qp.tape.QuantumScript(list(operators))
    kept = {"GlobalPhase", "MidMeasure", *QELIB1}
    found: Any = decompose(
        tape,
        target_gates=kept,
        stopping_condition=lambda o: (
            o.name in kept or isinstance(o, qp.ops.MidMeasure | qp.ops.Conditional)
        ),
        skip_initial_state_prep=False,
        name="OpenQASM 2",
        error=ValueError,
    )
    [tape] = found[0]
    text = qp.to_openqasm(tape, wires=qp.wires.Wires(wires), measure_all=False)
    # OpenQASM 2 has no global phase; PennyLane writes one, and counts qubits by when gates touch them.
    lines = [line for line in text.splitlines() if not line.startswith("gphase")]
    if len(tape.wires) == 0:
        lines.append(f"qreg q[{len(wires)}];")
    lines.append(f"creg c[{len(measured)}];")
    read = [f"measure q[{wires.index(wire)}] -> c[{bit}];" for bit, wire in enumerate(measured)]
    return "\n".join([*lines, *read])


def _base(operator: Any) -> Any:
    return operator.base if isinstance(operator, qp.ops.Conditional) else operator


def _rules(gate: OpenGate) -> dict[int, Rule] | None:
    operator = _base(gate.operator)
    try:
        rules = iter(shift_rules(operator))
    except ValueError:
        return None
    angles = [c for c, dim in zip(gate.columns, operator.ndim_params, strict=True) if dim == 0]
    return {c: rule for c, rule in zip(angles, rules, strict=True) if c is not None}


def _bound(gate: OpenGate, row: Sequence[float]) -> Any:
    if all(column is None for column in gate.columns):
        return gate.operator
    numbers = zip(gate.operator.data, gate.columns, strict=True)
    data = [value if c is None else float(row[c]) for value, c in numbers]
    return qp.ops.functions.bind_new_parameters(gate.operator, data)
