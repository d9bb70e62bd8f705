"""Reading layers: which gates they yield, and where each angle comes from.

Layers are asked for their operators twice with NumPy numbers, every parameter entry and every feature
replaced by a distinct random one. An angle that equals one entry both times *is* that entry; one that
is the same number both times is a constant; anything else is computed by the layer, and is traced with
the real arrays later. Reading costs microseconds per gate, since no tracer is involved.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..layers.base import Layer, Wires, collect, is_shape
from ..layers.compose import Repeat, Sequential

MAX_WIRES = 4  # wider operators are decomposed, where they can be
FENCED = 8  # a block repeated this often is kept apart from its repetitions, to become a loop


class Slot(NamedTuple):
    """Where an angle is found: ``index`` into a piece of the numbers (see Reading)."""

    piece: int
    index: int


CONSTANTS = -1  # the piece of numbers that no argument enters


class Gate(NamedTuple):
    """An operator with its angles given by place; ``operator`` holds stand-in numbers."""

    operator: Any
    angles: tuple[Slot, ...]
    array: int | None = None  # the piece that holds its matrix or state, where that is computed


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
        """Append a piece; its number."""
        self.numbers.append(numbers)
        self.pieces.append(Piece(len(numbers), batched, arrays))
        return len(self.pieces) - 1

    def constant(self, value: float) -> Slot:
        """The angle of a constant; equal constants share one place."""
        return Slot(CONSTANTS, self.constants.setdefault(value, len(self.constants)))


def read(layer: Layer, wires: Wires, params: Any, x: Any, channels: bool = False) -> Reading:
    """The gates of a layer; ``x`` is None, ``(n_features,)`` or ``(batch, n_features)``.

    ``channels`` says whether noise may be among them.
    """
    reading = Reading()
    leaves, tree = jax.tree.flatten(params)
    sizes = np.cumsum([0] + [np.size(leaf) for leaf in leaves])
    reading.add(jnp.concatenate([jnp.ravel(leaf) for leaf in leaves] or [jnp.zeros(0)]), False)
    numbered = [
        np.arange(start, start + np.size(leaf)).reshape(np.shape(leaf))
        for start, leaf in zip(sizes, leaves, strict=False)
    ]
    batched = x is not None and x.ndim == 2
    if x is not None:
        reading.add(x.T, batched)
    _walk(layer, wires, params, jax.tree.unflatten(tree, numbered), x, reading)
    if not channels:
        _refuse_channels(reading)
    return reading


def _refuse_channels(reading: Reading) -> None:
    for gate in reading.gates:
        if isinstance(gate.operator, qp.operation.Channel):
            raise ValueError(
                f"The state-vector simulator runs unitary gates, got the channel {gate.operator.name}. "
                "Use model.on(qdl.backends.density_matrix()), or trajectories(samples=100) for more wires."
            )


def _walk(layer: Layer, wires: Wires, params: Any, index: Any, x: Any, reading: Reading) -> None:
    if isinstance(layer, Sequential):
        for (child, on), p, i in zip(layer.steps(wires), params, index, strict=True):
            _walk(child, on, p, i, x, reading)
    elif isinstance(layer, Repeat):
        _block(layer.block, wires, params, index, x, reading, layer.times)
    else:

        def stack(tree: Any) -> Any:
            return jax.tree.map(lambda leaf: leaf[None], tree)

        _block(layer, wires, stack(params), stack(index), x, reading, 1)


def _block(
    block: Layer, wires: Wires, params: Any, index: Any, x: Any, reading: Reading, times: int
) -> None:
    """Read a block once and append its gates ``times`` times; leaves have a leading axis."""
    features = None if x is None else (3, x.shape[1]) if x.ndim == 2 else x.shape
    shape = block.shape(wires)
    drawn = [_operators(block, wires, *_stand_ins(shape, features, seed)) for seed in (1, 2)]
    if [op.name for op in drawn[0][0]] != [op.name for op in drawn[1][0]]:
        raise ValueError(
            f"{type(block).__name__} yields other gates for other numbers. The gates of a layer may "
            "depend on wires and fields only; let numbers enter through angles."
        )
    sources = _sources(drawn)
    traced = _trace(block, wires, params, x, sources, reading, times)
    flat = [np.asarray(leaf).reshape(times, -1) for leaf in jax.tree.leaves(index)]
    entries = np.concatenate(flat, axis=1) if flat else np.zeros((times, 0), int)
    for t in range(times):
        if times >= FENCED:
            reading.fences.append(len(reading.gates))
        for g, (operator, row) in enumerate(zip(drawn[0][0], sources, strict=True)):
            angles = [_angle(source, value, t, entries, traced, reading) for source, value in row]
            angles = tuple(a for a in angles if a is not None)
            reading.gates.append(Gate(operator, angles, traced.get(("array", t, g))))


def _angle(
    source: str, value: Any, t: int, entries: np.ndarray, traced: Any, reading: Reading
) -> Slot | None:
    if source == "entry":
        return Slot(0, int(entries[t, value]))
    if source == "feature":
        return Slot(1, value)
    if source == "constant":
        return reading.constant(value)
    if source in ("single", "batched"):
        piece, width = traced[source]
        return Slot(piece, t * width + value)
    return None  # a fixed array, or one that was traced


def _stand_ins(shape: Any, features: tuple[int, ...] | None, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda leaf: rng.uniform(0.1, 3.0, leaf), shape, is_leaf=is_shape)
    return params, None if features is None else rng.uniform(0.1, 3.0, features)


def _operators(block: Layer, wires: Wires, params: Any, x: Any) -> tuple[list[Any], Any, Any]:
    """The block's operators, decomposed until each is a small matrix or a known form."""
    stand_ins = all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves((params, x)))
    # Stand-ins stay numbers under jit, also in a layer that computes with jax.numpy.
    concrete = jax.ensure_compile_time_eval() if stand_ins else nullcontext()
    with concrete, qp.QueuingManager.stop_recording():
        return [o for op in collect(block, params, x, wires) for o in _expand(op)], params, x


def _expand(operator: Any) -> list[Any]:
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
    if isinstance(operator, qp.operation.Channel):
        return [operator]
    small = len(operator.wires) <= MAX_WIRES and operator.has_matrix
    preparation = isinstance(operator, qp.operation.StatePrepBase)
    if small or preparation or operator.name in ("MultiRZ", "GlobalPhase"):
        return [with_all_data(operator)]
    if operator.has_decomposition:
        return [o for op in operator.decomposition() for o in _expand(op)]
    if operator.has_matrix:
        return [operator]
    raise ValueError(
        f"{operator.name} has neither a matrix nor a decomposition, so it cannot be simulated. "
        "Yield gates that have one."
    )


def with_all_data(operator: Any) -> Any:
    """The operator, or its matrix if its ``data`` leave numbers out: qp.evolve hides its generator's."""
    if len(jax.tree.leaves(operator)) == len(operator.data):
        return operator
    return qp.QubitUnitary(qp.matrix(operator), wires=operator.wires)


def _sources(drawn: list[tuple[list[Any], Any, Any]]) -> list[list[tuple[str, Any]]]:
    """For each gate and parameter: ('entry', k), ('feature', k), ('constant', v), or computed."""
    lookups = []
    for _, params, x in drawn:
        flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)] or [np.zeros(0)])
        lookup = {value: ("entry", k) for k, value in enumerate(flat.tolist())}
        if x is not None:
            columns = [x] if x.ndim == 1 else [x[0]]
            lookup |= {v: ("feature", k) for k, v in enumerate(columns[0].tolist())}
        lookups.append(lookup)
    counts = {"single": 0, "batched": 0}
    rows = []
    pairs: list[tuple[Any, Any]] = list(zip(drawn[0][0], drawn[1][0], strict=True))
    for first, second in pairs:
        dims = dims_of(first)
        row = []
        for a, b, dim in zip(first.data, second.data, dims, strict=True):
            row.append(_source(np.asarray(a), np.asarray(b), dim, lookups, drawn, counts))
        rows.append(row)
    return rows


def dims_of(operator: Any) -> list[int]:
    """How many axes each parameter has without a batch: 0 for an angle."""
    if isinstance(operator, qp.operation.Channel):  # which takes a batch of strengths for a vector
        return [2 if getattr(value, "ndim", 0) > 1 else 0 for value in operator.data]
    try:
        return list(operator.ndim_params) if operator.data else []
    except AttributeError:  # products and sums of operators do not say
        batch = operator.batch_size
        return [
            np.ndim(v) - (batch is not None and np.shape(v)[:1] == (batch,)) for v in operator.data
        ]


def _source(
    a: np.ndarray, b: np.ndarray, dim: int, lookups: Any, drawn: Any, counts: dict[str, int]
) -> tuple[str, Any]:
    if dim == 0 and np.iscomplexobj(a):  # no angle: the matrix is computed as a whole
        return "array", None
    if dim > 0:
        return ("fixed", None) if a.shape == b.shape and np.array_equal(a, b) else ("array", None)
    if a.ndim == 0:
        found = lookups[0].get(float(a))
        if found is not None and found == lookups[1].get(float(b)):
            return found
        if float(a) == float(b):
            return "constant", float(a)
        kind = "single"
    else:
        found = lookups[0].get(float(a[0]))
        columns = [x[:, found[1]] for _, _, x in drawn] if found and found[0] == "feature" else None
        if columns and np.array_equal(a, columns[0]) and np.array_equal(b, columns[1]):
            return found
        kind = "batched"
    counts[kind] += 1
    return kind, counts[kind] - 1


def _trace(
    block: Layer,
    wires: Wires,
    params: Any,
    x: Any,
    sources: list[list[tuple[str, Any]]],
    reading: Reading,
    times: int,
) -> dict[Any, Any]:
    """Trace the block's computed angles, for all repetitions at once, and add them to the values."""

    def computed(p: Any) -> tuple[list[Any], list[Any]]:
        operators, _, _ = _operators(block, wires, p, x)
        single, batched = [], []
        for operator, row in zip(operators, sources, strict=True):
            for value, (source, _) in zip(operator.data, row, strict=True):
                if source in ("single", "batched"):
                    (single if source == "single" else batched).append(value)
        dtype = jnp.result_type(float)
        return [jnp.asarray(v, dtype) for v in single], [jnp.asarray(v, dtype) for v in batched]

    traced: dict[Any, Any] = {}
    kinds = {source for row in sources for source, _ in row}
    if kinds & {"single", "batched"}:
        single, batched = jax.vmap(computed, axis_size=times)(params)
        for kind, columns in (("single", single), ("batched", batched)):
            if columns:
                stacked = jnp.stack(columns, axis=1)  # (times, m[, batch])
                flat = stacked.reshape(-1, *stacked.shape[2:])
                traced[kind] = (reading.add(flat, kind == "batched"), len(columns))
    if "array" in kinds:
        for t in range(times):
            here = jax.tree.map(lambda leaf, t=t: leaf[t], params)
            for g, operator in enumerate(_operators(block, wires, here, x)[0]):
                if any(source == "array" for source, _ in sources[g]):
                    traced["array", t, g] = _add_array(operator, reading)
    return traced


def _add_array(operator: Any, reading: Reading) -> int:
    """A piece for the matrix, the Kraus matrices or the prepared state of a traced operator."""
    batch = operator.batch_size
    if isinstance(operator, qp.operation.StatePrepBase):
        lead = () if batch is None else (batch,)
        return reading.add(operator.state_vector().reshape(*lead, -1), batch is not None, True)
    if isinstance(operator, qp.operation.Channel):
        return reading.add(jnp.stack(operator.kraus_matrices()), False, True)
    return reading.add(qp.matrix(operator), batch is not None, True)
