"""A reading with numbers: the gates of a circuit, and arrays that their angles point into.

What ``qdl.reading`` finds is turned into pieces of numbers: the parameters, the features, their multiples,
and what layers compute, traced with the real arrays for all turns of their loops at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from pennylane.ops.qubit.attributes import diagonal_in_z_basis

from .. import reading as structure
from ..layers.base import Layer, Wires
from ..layers.mps import MatrixProductState
from ..reading import Computed, Constant, Entry, Feature, Leaf, with_all_data
from ..reading.gates import Array, operators_of
from ..reading.values import computed_angles, without_gradient
from ..refused import Refused

MAX_WIRES = 4  # wider operators are decomposed, where they can be
PLAIN = frozenset(  # gates that are known by their names, and need no second look
    {qp.RX, qp.RY, qp.RZ, qp.Rot, qp.IsingXX, qp.IsingYY, qp.IsingZZ}
    | {qp.CRX, qp.CRY, qp.CRZ, qp.CZ, qp.CNOT, qp.Hadamard}
)
FENCED = 8  # a block repeated this often is kept apart from its repetitions, to become a loop


class Slot(NamedTuple):
    """Where an angle is found: ``at`` an index into a piece of the numbers (see Reading)."""

    piece: int
    at: int


CONSTANTS = -1  # the piece of numbers that no argument enters


class Gate(NamedTuple):
    """An operator with its angles given by place; ``operator`` holds stand-in numbers."""

    operator: Any
    angles: tuple[Slot, ...]
    array: int | None = None  # the piece that holds its matrix or state, where that is computed

    @property
    def wires(self) -> Any:
        """The wires that it acts on."""
        return self.operator.wires


class Piece(NamedTuple):
    """What is known of a piece of numbers without the numbers."""

    size: int
    batched: bool
    arrays: bool  # a matrix or a state instead of angles


@dataclass
class Reading:
    """The gates of a circuit, and the pieces of numbers that their angles point into.

    A piece is an array of angles ``(m,)``, or ``(m, batch)`` if it is batched, or one matrix or state
    ``(...)`` or ``(batch, ...)``. The numbers may be tracers; everything else is plain Python.
    """

    gates: list[Gate] = field(default_factory=list)
    numbers: list[Any] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    constants: dict[float, int] = field(default_factory=dict)
    fences: list[int] = field(default_factory=list)  # gates before which nothing is fused across

    def add(self, numbers: Any, batched: bool, arrays: bool = False) -> int:
        """Append a piece; its number. Whole numbers become floats, as their multiples are none."""
        whole = not jnp.issubdtype(numbers.dtype, jnp.inexact)
        self.numbers.append(numbers.astype(jnp.result_type(float)) if whole else numbers)
        self.pieces.append(Piece(len(numbers), batched, arrays))
        return len(self.pieces) - 1

    def constant(self, value: float) -> Slot:
        """The angle of a constant; equal constants share one place."""
        return Slot(CONSTANTS, self.constants.setdefault(value, len(self.constants)))


def read(
    layer: Layer,
    wires: Wires,
    params: Any,
    x: Any,
    channels: bool = False,
    expand: structure.Expand | None = None,
) -> Reading:
    """The gates of a layer; ``x`` is None, ``(n_features,)`` or ``(batch, n_features)``.

    ``channels`` says whether noise may be among them, ``expand`` which operators are taken apart.
    """
    expand = expand or parts_of
    nodes = structure.unfold(layer, wires)
    shape = None if x is None else (x.shape[-1],) if x.ndim == 1 else (3, x.shape[-1])
    known: dict[Any, tuple[structure.Gate, ...]] = {}  # equal layers on equal wires are read once
    for leaf in structure.leaves(nodes):
        at = leaf.layer, leaf.wires
        if at not in known:
            known[at] = _read_gates(*at, shape, expand)
            if not channels:
                _refuse_channels(known[at])
    builder = _Builder(without_gradient(params, structure.leaves(nodes)), x, expand)
    parts: dict[int, _Part] = {}  # by identity: a leaf stands at one place of the tree
    for leaf, run, first in structure.visits(nodes):
        if id(leaf) not in parts:
            parts[id(leaf)] = builder.part(leaf, known[leaf.layer, leaf.wires])
        if first and leaf.runs >= FENCED:
            builder.reading.fences.append(len(builder.reading.gates))
        builder.append(parts[id(leaf)], run)
    return builder.finished()


@lru_cache(maxsize=256)
def _read_gates(
    layer: Layer, wires: Wires, shape: tuple[int, ...] | None, expand: structure.Expand
) -> tuple[structure.Gate, ...]:
    """Read once for counting what a circuit costs, for its values, and for their gradient."""
    return structure.read_gates(layer, wires, shape, expand)


def reduced(reading: Reading, measured: Iterable[int]) -> tuple[Reading, tuple[int, ...]]:
    """The gates that can change some wires, and the wires that they reach, sorted."""
    seen, reached = structure.light_cone(reading.gates, measured, _diagonal)
    gates = [reading.gates[i] for i in seen]
    return replace(reading, gates=gates, fences=[]), tuple(sorted(reached))


def _diagonal(gate: Gate) -> bool:
    return gate.operator in diagonal_in_z_basis


def _refuse_channels(gates: Iterable[structure.Gate]) -> None:
    for gate in gates:
        if isinstance(gate.operator, qp.operation.Channel):
            raise ValueError(
                f"The state-vector simulator runs unitary gates, got the channel {gate.operator.name}. "
                "Use model.on(qdl.backends.density_matrix()), or trajectories(samples=100) for more wires."
            )


class _Builder:
    """Appends the gates of leaves and collects the numbers that they need."""

    def __init__(self, params: Any, x: Any, expand: structure.Expand):
        self.expand = expand
        self.x, self.params = x, jax.tree.map(jnp.asarray, params)
        self.index = structure.numbered(jax.tree.map(jnp.shape, self.params))
        flat = [  # of NumPy's numbers without a compilation for each shape
            leaf.ravel() if isinstance(leaf, np.ndarray) else jnp.ravel(leaf)
            for leaf in jax.tree.leaves(params)
        ]
        self.reading = Reading()
        self.reading.add(jnp.concatenate(flat or [jnp.zeros(0)]), False)
        if x is not None:
            self.reading.add(x.T, x.ndim == 2)
        self.multiples: list[dict[tuple[int, float], int]] = [
            {},
            {},
        ]  # by piece: behind its numbers

    def part(self, leaf: Leaf, gates: tuple[structure.Gate, ...]) -> _Part:
        """A leaf with what its gates need, traced for all of its runs."""
        entries = leaf.entries(self.index)
        return _Part(
            gates, entries, *_trace(leaf, self.params, self.x, gates, self.reading, self.expand)
        )

    def append(self, part: _Part, run: int) -> None:
        """The gates of one run of a leaf."""
        for number, gate in enumerate(part.gates):
            angles = [self._slot(s, part, run) for s in gate.sources if not isinstance(s, Array)]
            array = part.arrays.get((run, number))
            self.reading.gates.append(Gate(gate.operator, tuple(angles), array))

    def _slot(self, source: structure.Source, part: _Part, run: int) -> Slot:
        if isinstance(source, Constant):
            return self.reading.constant(source.value)
        if isinstance(source, Entry):
            return self._multiple(0, int(part.entries[run, source.index]), source.factor)
        if isinstance(source, Feature):
            return self._multiple(1, source.index, source.factor)
        assert isinstance(source, Computed)
        piece, width = part.angles[source.batched]
        return Slot(piece, run * width + source.index)

    def _multiple(self, piece: int, index: int, factor: float) -> Slot:
        """An entry of a piece, or its multiple, which is put behind the entries."""
        if factor == 1.0:
            return Slot(piece, index)
        place = self.multiples[piece].setdefault((index, factor), len(self.multiples[piece]))
        return Slot(piece, self.reading.pieces[piece].size + place)

    def finished(self) -> Reading:
        """The reading, multiples included."""
        for piece, multiples in enumerate(self.multiples):
            if multiples:
                numbers = self.reading.numbers[piece]
                index, factor = (np.array(column) for column in zip(*multiples, strict=True))
                scaled = (numbers[index].T * jnp.asarray(factor, numbers.dtype)).T
                self.reading.numbers[piece] = jnp.concatenate([numbers, scaled])
                size = self.reading.pieces[piece].size + len(multiples)
                self.reading.pieces[piece] = self.reading.pieces[piece]._replace(size=size)
        return self.reading


Angles = dict[bool, tuple[int, int]]  # batched or not -> piece of computed angles, how many a run
Arrays = dict[tuple[int, int], int]  # (run, gate) -> piece


class _Part(NamedTuple):
    """The gates of a leaf, its parameter entries ``(runs, entries)``, and what it computes."""

    gates: tuple[structure.Gate, ...]
    entries: np.ndarray
    angles: Angles
    arrays: Arrays


def _trace(
    leaf: Leaf,
    params: Any,
    x: Any,
    gates: tuple[structure.Gate, ...],
    reading: Reading,
    expand: structure.Expand,
) -> tuple[Angles, Arrays]:
    """Trace what a leaf computes, for all its runs at once, and add it to the numbers."""
    traced: tuple[Angles, Arrays] = {}, {}
    found = computed_angles(leaf, gates, params, x, expand)
    for batched, columns in found.items():
        if columns:
            stacked = jnp.stack(columns, axis=1)  # (runs, m[, batch])
            piece = reading.add(stacked.reshape(-1, *stacked.shape[2:]), batched)
            traced[0][batched] = piece, len(columns)
    if any(gate.array for gate in gates):
        own = leaf.params(params)
        for run in range(leaf.runs):
            here = jax.tree.map(lambda a, run=run: a[run], own)
            for g, operator in enumerate(operators_of(leaf.layer, leaf.wires, here, x, expand)):
                if gates[g].array:
                    traced[1][run, g] = _add_array(operator, reading)
    return traced


def parts_of(operator: Any, widest: int = MAX_WIRES) -> list[Any]:
    """An operator as matrices on at most ``widest`` wires, known forms, preparations and channels."""
    if not isinstance(operator, qp.operation.Operator):
        raise TypeError(f"A layer must yield PennyLane operators, got {operator!r}.")
    if operator.name in ("MidMeasureMP", "MidMeasure", "Conditional") or isinstance(
        operator, qp.ops.Conditional
    ):
        raise ValueError(
            f"The native simulator does not run mid-circuit operators, got {operator.name}. "
            "Use Pooling(), the controlled rotation that gives the same expectation values, or run "
            "the model .on() a PennyLane device."
        )
    if operator.name in ("Barrier", "Identity", "Snapshot"):
        return []
    if isinstance(operator, MatrixProductState):
        return [operator.dense()]
    if isinstance(operator, qp.operation.Channel):
        return [operator]
    small = len(operator.wires) <= widest and operator.has_matrix
    preparation = isinstance(operator, qp.operation.StatePrepBase)
    if small or preparation or operator.name in ("MultiRZ", "GlobalPhase"):
        return [with_all_data(operator)]
    if operator.has_decomposition:
        return [o for op in operator.decomposition() for o in parts_of(op, widest)]
    if operator.has_matrix:
        return [operator]
    if isinstance(operator, qp.operation.CV):
        raise Refused(
            f"{operator.name} is a gate of modes of light, and there are qubits here: photonic gates and "
            "gates of qubits cannot be mixed. Use model.on(qdl.backends.fock(cutoff)), and photonic layers "
            "alone."
        )
    raise ValueError(
        f"{operator.name} has neither a matrix nor a decomposition, so it cannot be simulated. "
        "Yield gates that have one."
    )


def _add_array(operator: Any, reading: Reading) -> int:
    """A piece for the matrix, the Kraus matrices or the prepared state of a traced operator."""
    batch = operator.batch_size
    if isinstance(operator, MatrixProductState):
        return reading.add(operator.data[0], batch is not None, True)
    if isinstance(operator, qp.operation.StatePrepBase):
        lead = () if batch is None else (batch,)
        return reading.add(operator.state_vector().reshape(*lead, -1), batch is not None, True)
    if isinstance(operator, qp.operation.Channel):
        return reading.add(jnp.stack(operator.kraus_matrices()), False, True)
    return reading.add(qp.matrix(operator), batch is not None, True)
