r"""Values from shots, differentiable: the parameter-shift rule as extra columns of the batch.

An angle $\theta$ of one gate enters an expectation value with few frequencies, so its derivative is a
combination of values at shifted angles, $f'(\theta) = \sum_s c_s f(\theta + s)$: two shifts for a rotation,
four for a controlled one. Every use of an angle by a gate is shifted on its own; JAX adds up the uses of
a tied parameter. Each shifted value is drawn with its own shots, hence the gradient is unbiased. Only what
is differentiated is shifted, and only where it can change what is measured. The shifted values are
themselves differentiable in this way, and so are the derivatives.

Reference: Schuld et al., Physical Review A 99, 032331 (2019); general frequencies: Wierichs et al.,
Quantum 6, 677 (2022), as in PennyLane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from ..reading import light_cone
from ..reading.shift_rules import Rule, shift_rules
from ..reverse_mode import reverse_only
from . import shots as sampling
from .execute import Execution, execute
from .read import CONSTANTS, Piece, Reading, Slot


@dataclass(frozen=True)
class Experiment:
    """An execution whose head gives the distributions of ``bases``, and how often it is run."""

    execution: Execution
    batch: int
    bases: tuple[sampling.Basis, ...]
    shots: int


def sampled(experiment: Experiment, key: jax.Array) -> jax.Array:
    """The values ``(batch, k)``, differentiable in the numbers of the circuit."""
    reading = untied(experiment.execution.reading)
    execution = replace(experiment.execution, reading=reading)
    return _sampled(replace(experiment, execution=execution), reading.numbers, key)


def untied(reading: Reading) -> Reading:
    """The same gates, each angle of each with a place of its own among the numbers."""
    uses: list[list[int]] = [[] for _ in reading.pieces]

    def own(slot: Slot) -> Slot:
        if slot.piece == CONSTANTS:
            return slot
        uses[slot.piece].append(slot.at)
        return Slot(slot.piece, len(uses[slot.piece]) - 1)

    gates = [gate._replace(angles=tuple(map(own, gate.angles))) for gate in reading.gates]
    old = list(zip(reading.numbers, reading.pieces, uses, strict=True))
    numbers = [a if piece.arrays else a[np.array(used, dtype=int)] for a, piece, used in old]
    pieces = [piece if piece.arrays else piece._replace(size=len(used)) for _, piece, used in old]
    return replace(reading, gates=gates, numbers=numbers, pieces=pieces)


def _sampled(experiment: Experiment, numbers: list[Any], key: jax.Array) -> jax.Array:
    """``sampled`` for an untied circuit, as a function of its numbers."""
    execution, shots = experiment.execution, experiment.shots

    @jax.custom_vjp
    def values(numbers: list[Any], key: jax.Array) -> jax.Array:
        reading = replace(execution.reading, numbers=numbers)
        exact = execute(replace(execution, reading=reading), experiment.batch)
        return sampling.sampled_values(experiment.bases, exact, shots, jax.random.fold_in(key, 0))

    def forward(numbers: list[Any], key: Any) -> Any:
        plain = [a.value for a in numbers]
        # What is differentiated must be known while tracing: the structure says it, not an array.
        asked = [() if a.perturbed else None for a in numbers]
        refuse_arrays([a.perturbed for a in numbers], execution.reading.pieces)
        return values(reverse_only(plain), key.value), (plain, key.value, asked)

    def backward(kept: Any, ct: Any) -> Any:
        numbers, key, asked = kept
        asked = [a is not None for a in asked]
        if isinstance(ct, SymbolicZero) or not any(asked):
            return [jnp.zeros_like(a) for a in numbers], None
        return _gradient(experiment, numbers, key, asked, ct), None

    values.defvjp(forward, backward, symbolic_zeros=True)
    return values(reverse_only(numbers), key)


def refuse_arrays(asked: Sequence[bool], pieces: Sequence[Piece]) -> None:
    """Refuse a derivative through what has no angle to shift."""
    if any(wanted and piece.arrays for wanted, piece in zip(asked, pieces, strict=True)):
        raise ValueError(
            "With shots there is no gradient through a matrix or a prepared state that is "
            "computed from parameters or features: it has no angle to shift. Use gates with "
            "angles, or the exact simulator, statevector()."
        )


class Shift(NamedTuple):
    """One term of the derivative by one use of an angle."""

    piece: int
    at: int
    coefficient: float
    angle: float


def shifts(execution: Execution, asked: list[bool]) -> list[Shift]:
    """All terms for the pieces that are asked for, gates outside the light cone left out."""
    out: list[Shift] = []
    rules: dict[int, list[Rule]] = {}  # by identity: a layer's operators are shared by its runs
    gates = execution.reading.gates
    seen, _ = light_cone(gates, execution.head.wires)
    for gate in (gates[i] for i in reversed(seen)):
        for number, slot in enumerate(gate.angles):
            if slot.piece == CONSTANTS or not asked[slot.piece]:
                continue
            if id(gate.operator) not in rules:
                rules[id(gate.operator)] = shift_rules(gate.operator)
            out += [Shift(*slot, c, a) for c, a in rules[id(gate.operator)][number]]
    return out


def _gradient(
    experiment: Experiment, numbers: list[Any], key: jax.Array, asked: list[bool], ct: jax.Array
) -> list[jax.Array]:
    """The cotangents of the numbers: shifted circuits weighed by ``ct``, a chunk of shifts at a time."""
    batch, pieces = experiment.batch, experiment.execution.reading.pieces
    table = shifts(experiment.execution, asked)
    if not table:
        return [jnp.zeros_like(a) for a in numbers]
    chunk = chunk_of(experiment, len(table), ct.dtype)
    table += [Shift(-1, 0, 0.0, 0.0)] * (
        -len(table) % chunk
    )  # no angle moves, and it weighs nothing
    columns = [np.array(column) for column in zip(*table, strict=True)]
    piece, index, coefficient, angle = columns
    keys = jax.random.split(jax.random.fold_in(key, 1), len(table) // chunk)

    def weighed(part: Any) -> jax.Array:
        key, *these = part
        moved, wide = shifted(experiment, numbers, asked, *these)
        return (_sampled(moved, wide, key).reshape(chunk, batch, -1) * ct).sum(-1)

    stacked = [jnp.asarray(c.reshape(-1, chunk)) for c in (piece, index, angle)]
    found = jax.lax.map(weighed, (keys, *stacked)).reshape(-1, batch)
    found = found * jnp.asarray(coefficient, ct.dtype)[:, None]
    grads = []
    for i, (a, p) in enumerate(zip(numbers, pieces, strict=True)):
        if asked[i]:
            here = np.flatnonzero(piece == i)
            grad = jnp.zeros((len(a), batch), ct.dtype).at[index[here]].add(found[here])
            grads.append(grad if p.batched else grad.sum(1))
        else:
            grads.append(jnp.zeros_like(a))
    return grads


def shifted(
    experiment: Experiment,
    numbers: list[Any],
    asked: list[bool],
    piece: Any,
    index: Any,
    angle: Any,
) -> tuple[Experiment, list[Any]]:
    """The experiment with a batch of shifts times samples, and its numbers."""
    execution, batch, count = experiment.execution, experiment.batch, len(piece)
    pieces, out = execution.reading.pieces, []
    for i, (a, p) in enumerate(zip(numbers, pieces, strict=True)):
        if not asked[i] and not p.batched:
            out.append(a)
        elif p.arrays:
            out.append(jnp.tile(a, (count, *(1,) * (a.ndim - 1))))
        else:
            moves = (piece == i) & (index == np.arange(len(a))[:, None])  # (angles, shifts)
            move = jnp.where(moves, angle.astype(a.dtype), 0)[:, :, None]
            at = move + (a[:, None] if p.batched else a[:, None, None])
            out.append(jnp.broadcast_to(at, (len(a), count, batch)).reshape(len(a), count * batch))
    flags = [p._replace(batched=p.batched or moves) for p, moves in zip(pieces, asked, strict=True)]
    moved = replace(execution, reading=replace(execution.reading, pieces=flags))
    return replace(experiment, execution=moved, batch=count * batch), out


def chunk_of(experiment: Experiment, count: int, dtype: Any) -> int:
    """How many of ``count`` shifts run together: chunks of about equal size.

    On a CPU they should stay in its cache: chunks of 64 MiB were measured three to five times slower
    than chunks of 2 MiB, and memory stays small when keys are mapped over as well.
    """
    budget = 2**21 if jax.default_backend() == "cpu" else 2**28  # bytes
    execution = experiment.execution
    angles = sum(piece.size for piece in execution.reading.pieces)
    numbers = 8 * 2 ** len(execution.wires) + 4 * experiment.shots + angles
    most = max(1, budget // (numbers * experiment.batch * np.dtype(dtype).itemsize))
    return -(-count // -(-count // most))
