"""Running a program forward and backward: the start, the stages, the loops.

Every stage is unitary, so the backward pass can undo it, its own derivative taken in between: it needs
nothing but the final state, and memory does not grow with depth. Where the states in between are few
and small, they are kept instead, which saves a third of the work on the way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import kernels, phases
from .matrices import kron, product
from .program import Group, Kind, Occurrences, Program
from .read import Reading
from .split import Angle, Dense

# States in between are kept up to this size. Together with the work space they must stay below 32 MiB:
# larger buffers come from the system anew at every call, and touching fresh pages costs more than it saves.
KEPT_BYTES = 8 * 2**20
BATCH_LAST = 16  # from this batch size on, samples lie next to each other in memory

Numbers = dict[str, Any]  # what the stages of one kind need: phases and matrices, stacked


class Layout(NamedTuple):
    """How a state lies in memory: ``(2, 2**n, batch)`` if ``last``, else ``(2, batch, 2**n)``."""

    n: int
    batch: int
    last: bool

    @classmethod
    def of(cls, n: int, batch: int) -> Layout:
        return cls(n, batch, batch >= BATCH_LAST)


class Values(NamedTuple):
    """The numbers behind the angles: shared ones, those with a batch axis, and whole matrices."""

    shared: jax.Array  # (m,)
    many: jax.Array | None  # (m, batch)
    arrays: dict[int, jax.Array]
    batch: int

    @classmethod
    def of(
        cls, reading: Reading, flags: Sequence[bool], numbers: Sequence[Any], batch: int
    ) -> Values:
        """Pieces joined: the shared ones with the constants behind them, and the batched ones."""
        dtype = jnp.result_type(float)
        pieces = reading.pieces
        angles = [
            (jnp.asarray(a, dtype), many)
            for a, many, piece in zip(numbers, flags, pieces, strict=True)
            if not piece.arrays
        ]
        constants = jnp.asarray(list(reading.constants), dtype)
        many = [a for a, batched in angles if batched]
        return cls(
            jnp.concatenate([*(a for a, batched in angles if not batched), constants]),
            jnp.concatenate(many) if many else None,
            {i: a for i, (a, p) in enumerate(zip(numbers, pieces, strict=True)) if p.arrays},
            batch,
        )

    def angles(self, rows: list[tuple[Angle, ...]], batched: bool) -> jax.Array:
        """Stacked angles ``(len(rows), k)``, or ``(len(rows), batch, k)``."""
        if not batched:
            index = np.array([[a.at for a in row] for row in rows], dtype=int)
            return self.shared[index.reshape(len(rows), -1)]
        assert self.many is not None
        many = np.array([[a.batched for a in row] for row in rows])
        index = np.array([[a.at for a in row] for row in rows])
        picked = self.many[np.where(many, index, 0)]  # (rows, k, batch)
        if not many.all():
            shared = self.shared[np.where(many, 0, index)]
            picked = jnp.where(many[..., None], picked, shared[..., None])
        return jnp.swapaxes(picked, 1, 2)


def numbers_of(program: Program, values: Values) -> list[Numbers]:
    """For each kind of stage, the phases and matrices of all its stages, stacked."""
    tables = _tables(program, values)
    pairs = zip(program.kinds, program.occurrences, strict=True)
    return [_kind_numbers(kind, at, values, tables) for kind, at in pairs]


def _tables(program: Program, values: Values) -> dict[Any, tuple[jax.Array, dict[Any, int]]]:
    """All small matrices, those of one form in one go, equal ones once."""
    wanted: dict[Any, dict[Any, Dense]] = {}
    for at in program.occurrences:
        for dense in (d for stage in at.matrices for d in stage):
            wanted.setdefault((dense.form, dense.batched), {})[dense.angles, dense.array] = dense
    tables = {}
    for (form, batched), places in wanted.items():
        if any(array is not None for _, array in places):
            matrix = jnp.stack([values.arrays[array] for _, array in places])
        else:
            matrix = form.build(values.angles([angles for angles, _ in places], batched))
        tables[form, batched] = matrix, {place: i for i, place in enumerate(places)}
    return tables


def _kind_numbers(kind: Kind, at: Occurrences, values: Values, tables: Any) -> Numbers:
    numbers: Numbers = {"matrices": []}
    dtype = values.shared.dtype
    if kind.single.masks:
        weights = jnp.asarray(kind.single.weights, dtype)
        numbers["single"] = values.shared[np.array(at.single)] @ weights.T
    if kind.batched.masks:
        assert values.many is not None
        weights = jnp.asarray(kind.batched.weights, dtype)
        numbers["batched"] = jnp.einsum("ke,reb->rkb", weights, values.many[np.array(at.batched)])
    column = 0
    for group in kind.groups:
        picks = []
        for _ in (step for piece in group.pieces for step in piece.steps):
            matrix, places = tables[at.matrices[0][column].form, at.matrices[0][column].batched]
            rows = [places[s[column].angles, s[column].array] for s in at.matrices]
            constant = matrix.ndim == 2
            picks.append(matrix if constant else matrix[np.array(rows)])
            column += 1
        numbers["matrices"].append(None if group.fixed else _group_matrix(group, picks))
    return numbers


def _group_matrix(group: Group, picks: list[jax.Array]) -> jax.Array:
    """The matrix of a group, ``(r[, batch], s, s)``: products in blocks, Kronecker across them."""
    lead = max((pick.shape[:-2] for pick in picks), key=len)
    picks = [jnp.broadcast_to(pick, (*lead, *pick.shape[-2:])) for pick in picks]
    matrices, at = [], 0
    for piece in group.pieces:
        steps = [(picks[at + i], bits) for i, (_, bits) in enumerate(piece.steps)]
        matrices.append(product(steps, piece.width))
        at += len(steps)
    return reduce(kron, matrices)


def _fixed_matrix(group: Group) -> jax.Array:
    """The matrix of a group without angles, rounded once: 1/2 is exact where 1/sqrt(2)^2 is not."""
    pieces = [product([(f.matrix, bits) for f, bits in p.steps], p.width) for p in group.pieces]
    matrix = reduce(kron, pieces)
    return jnp.asarray(matrix.astype(jnp.result_type(float if group.real else complex)))


def kept_places(program: Program, layout: Layout) -> list[list[int]]:
    """One entry for each state in between that is kept; none where they are many or large."""
    if any(times > 1 for _, times in program.runs):
        return []
    places = [
        list(range(len(program.kinds[kind].groups))) for body, _ in program.runs for kind, _ in body
    ]
    bytes_each = 2 * 2**layout.n * layout.batch * jnp.dtype(jnp.result_type(float)).itemsize
    return places if sum(map(len, places)) * bytes_each <= KEPT_BYTES else []


def forward(
    program: Program, state: jax.Array, numbers: list[Numbers], layout: Layout
) -> tuple[jax.Array, list[list[jax.Array]]]:
    """The state after all stages, and for each stage the states that its derivative needs."""
    kept: list[list[jax.Array]] = []
    for body, times in program.runs:
        if times == 1:
            for kind, at in body:
                its = _one(numbers[kind], at)
                state, between = _stage(program.kinds[kind], state, its, layout)
                kept.append(between)
            continue

        def turn(state: jax.Array, stacked: Any, body: Any = body) -> tuple[jax.Array, None]:
            for kind, its in _in_turn(body, stacked):
                state, _ = _stage(program.kinds[kind], state, its, layout)
            return state, None

        state, _ = jax.lax.scan(turn, state, _by_turn(body, times, numbers))
    return state, kept if kept_places(program, layout) else []


def backward(
    program: Program,
    state: jax.Array,
    kept: list[list[jax.Array]],
    numbers: list[Numbers],
    ct: jax.Array,
    layout: Layout,
) -> tuple[jax.Array, list[Numbers]]:
    """From the final state and its cotangent to those of the first state and of all numbers.

    ``kept`` is what ``forward`` returned; where it is empty, the stages are undone.
    """
    kept = list(kept)
    grads: list[dict[int, Any]] = [{} for _ in program.kinds]  # by first occurrence, stacked
    for body, times in reversed(program.runs):
        if times == 1:
            for kind, at in reversed(body):
                its = _one(numbers[kind], at)
                between = kept.pop() if kept else []
                state, ct, grad = _stage_back(program.kinds[kind], state, between, its, ct, layout)
                grads[kind][at] = jax.tree.map(lambda leaf: leaf[None], grad)
            continue

        def turn(carry: Any, stacked: Any, body: Any = body) -> tuple[Any, Any]:
            state, ct = carry
            out: dict[int, list[Numbers]] = {}
            for kind, its in reversed(list(_in_turn(body, stacked))):
                state, ct, grad = _stage_back(program.kinds[kind], state, [], its, ct, layout)
                out.setdefault(kind, []).insert(0, grad)
            return (state, ct), out

        stacked = _by_turn(body, times, numbers)
        (state, ct), out = jax.lax.scan(turn, (state, ct), stacked, reverse=True)
        for kind, its in out.items():
            at = min(at for k, at in body if k == kind)
            grads[kind][at] = jax.tree.map(_interleaved, *its)
    joined = [
        jax.tree.map(lambda *parts: jnp.concatenate(parts), *(g[at] for at in sorted(g)))
        for g in grads
    ]
    return ct, joined


def _one(numbers: Numbers, at: int) -> Numbers:
    return jax.tree.map(lambda leaf: leaf[at], numbers)


Body = tuple[tuple[int, int], ...]  # (kind, occurrence) of each stage of a loop's first turn


def _by_turn(body: Body, times: int, numbers: list[Numbers]) -> dict[int, list[Numbers]]:
    """For each kind of stage in a loop its occurrences in a turn, every leaf with an axis of turns.

    Occurrences are numbered in time order: those of one turn follow those of the turn before.
    """
    places: dict[int, list[int]] = {}
    for kind, at in body:
        places.setdefault(kind, []).append(at)

    def picked(kind: int, at: int) -> Numbers:
        step = len(places[kind])
        return jax.tree.map(lambda leaf: leaf[at : at + step * times : step], numbers[kind])

    return {kind: [picked(kind, at) for at in ats] for kind, ats in places.items()}


def _in_turn(body: Body, stacked: dict[int, list[Numbers]]) -> Iterator[tuple[int, Numbers]]:
    """The stages of one turn with their numbers."""
    left = {kind: iter(its) for kind, its in stacked.items()}
    for kind, _ in body:
        yield kind, next(left[kind])


def _interleaved(*leaves: jax.Array) -> jax.Array:
    """Leaves ``(turns, ...)``, one for each occurrence in a turn, in the order of occurrences."""
    return jnp.stack(leaves, 1).reshape(-1, *leaves[0].shape[1:])


def _stage(
    kind: Kind, state: jax.Array, numbers: Numbers, layout: Layout
) -> tuple[jax.Array, list[jax.Array]]:
    """The state after a stage, and those before each of its groups."""
    index = kernels.source_index(kind.rows, kind.flips)
    if index is not None:
        state = kernels.gather(state, index, layout)
    for turn in _turns(kind, numbers, layout):
        state = turn.apply(state)
    between = []
    for group, given in zip(kind.groups, numbers["matrices"], strict=True):
        matrix = _fixed_matrix(group) if given is None else given
        between.append(state)
        state = kernels.apply(state, matrix, group, layout)
    return state, between


def _stage_back(
    kind: Kind,
    state: jax.Array,
    between: list[jax.Array],
    numbers: Numbers,
    ct: jax.Array,
    layout: Layout,
) -> tuple[jax.Array, jax.Array, Numbers]:
    """Undo a stage: its first state, the cotangents of that and of the stage's numbers.

    States that were kept are used; the first state of the stage is then of no interest.
    """
    grad: Numbers = {"matrices": []}
    for g, group in reversed(list(enumerate(kind.groups))):
        given = numbers["matrices"][g]
        matrix = _fixed_matrix(group) if given is None else given
        state = between[g] if between else kernels.undo(state, matrix, group, layout)
        d_matrix = None
        if given is not None:
            _, pull = jax.vjp(partial(kernels.apply, state, group=group, layout=layout), matrix)
            (d_matrix,) = pull(ct)
        grad["matrices"].insert(0, d_matrix)
        ct = kernels.undo(ct, matrix, group, layout)  # as unitary as the state
    for turn in reversed(list(_turns(kind, numbers, layout))):
        if turn.name:
            grad[turn.name] = turn.angle_gradient(state, ct)
        state, ct = turn.undo(state), turn.undo(ct)
    index = kernels.source_index(kind.rows, kind.flips)
    if index is not None:
        back = kernels.inverse(index)
        state, ct = kernels.gather(state, back, layout), kernels.gather(ct, back, layout)
    return state, ct, grad


def _turns(kind: Kind, numbers: Numbers, layout: Layout) -> Iterator[phases.Turn]:
    """The stage's multiplications by phases; constant ones ride along with varying ones."""
    masks, steady = kind.single.masks, dict(kind.fixed)
    if masks:
        offset = np.array([steady.pop(mask, 0.0) for mask in masks] + list(steady.values()))
        theta = jnp.pad(numbers["single"], (0, len(steady)))
        theta = theta + jnp.asarray(offset, theta.dtype)
        yield phases.shared((*masks, *steady), theta, layout, len(masks))
    elif steady:
        yield phases.constant(kind.fixed, layout)
    if kind.batched.masks:
        yield phases.batched(kind.batched.masks, numbers["batched"], layout)
