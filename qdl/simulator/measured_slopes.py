r"""The gradient of a loss from shots that differ from parameter to parameter, several times over.

Every shifted circuit is measured in groups of shots of its own, and each group makes a whole gradient:
their mean is the gradient, their scatter its variance. How many shots a circuit gets is a traced number, so
that one compiled program serves all steps of an optimizer that changes them. Within a circuit the shots are
shared among its bases in proportion to the coefficients read in each, as Arrasmith et al., arXiv 2004.06252.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..circuit import Circuit, leading
from ..reading.values import entered
from .execute import Execution, execute
from .read import read
from .run import check_size
from .shift import Experiment, Shift, chunk_of, refuse_arrays, shifted, shifts, untied
from .shots import Basis, bases, head

Ask = Callable[[jax.Array], tuple[Any, jax.Array]]  # values -> (anything, their cotangent)


class Slopes(NamedTuple):
    """What was measured for one step.

    Attributes:
        asked: what ``ask`` gave beside the cotangent.
        gradients: a gradient of each group, a tree like the parameters with a leading axis.
        shots: of all groups, as they were taken for each parameter.
        spent: executions in all, circuits times shots.
    """

    asked: Any
    gradients: Any
    shots: Any
    spent: jax.Array


def measured_slopes(
    circuit: Circuit, params: Any, x: Any, ask: Ask, shots: Any, key: jax.Array, groups: int
) -> Slopes:
    """The gradients of a loss, one from each of ``groups`` groups of shots.

    Args:
        circuit: the circuit.
        params: its parameters.
        x: features of at most one leading axis, or None.
        ask: given the values ``(..., k)``, the loss, and its derivative in them.
        shots: of each shifted circuit of each parameter, all its bases together on average: a tree like the
            parameters; it may be traced.
        key: a JAX key.
        groups: in how many groups they are measured; a circuit has at least one shot in each.
    """
    check_size(circuit, x)
    lead, found = leading(x), bases(circuit.measured)
    batch = math.prod(lead)

    def angles(params: Any) -> list[jax.Array]:
        return untied(read(circuit.layers, circuit.wires, params, x)).numbers

    reading = untied(read(circuit.layers, circuit.wires, params, x))
    asked = entered(angles, params)
    refuse_arrays(asked, reading.pieces)
    experiment = Experiment(Execution(reading, circuit.wires, head(found)), batch, found, 0)
    numbers, pull = jax.vjp(angles, params)
    each = per_group(angles, params, shots, groups)
    most = jnp.max(jnp.stack([n.max() for n in each if n.size] or [jnp.ones(())]))
    exact = execute(experiment.execution, batch)
    values, spent = _drawn(found, exact, groups * most, jax.random.fold_in(key, 0))
    aux, ct = ask(values.reshape(*lead, -1))
    ct = ct.reshape(batch, -1)
    slopes, more = _slopes(experiment, numbers, asked, each, ct, jax.random.fold_in(key, 1), groups)
    gradients = pulled(pull, numbers, slopes)
    taken = jax.tree.map(lambda s: groups * one_group(s, groups), shots)
    return Slopes(aux, gradients, taken, spent + more)


def per_group(
    angles: Callable[[Any], Sequence[jax.Array]], params: Any, shots: Any, groups: int
) -> list[jax.Array]:
    """The shots of each angle in each group: those of the parameter that enters it, or a mean of several."""
    shots, ones = (
        jax.tree.map(lambda p, s: jnp.full(jnp.shape(p), s, jnp.asarray(p).dtype), params, tree)
        for tree in (shots, jax.tree.map(lambda p: 1.0, params))
    )
    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(shots)])
    (_, up), (_, one) = (jax.jvp(angles, (params,), (by,)) for by in (shots, ones))
    out = []
    for a, b in zip(up, one, strict=True):
        share = jnp.where(b == 0, flat.min(), a / jnp.where(b == 0, 1, b))
        out.append(one_group(jnp.clip(share, flat.min(), flat.max()), groups))
    return out


def pulled(pull: Any, numbers: Sequence[jax.Array], slopes: Sequence[jax.Array]) -> Any:
    """The derivatives in the parameters of each group, from those in the angles."""
    typed = [slope.astype(number.dtype) for slope, number in zip(slopes, numbers, strict=True)]
    return jax.vmap(lambda *pieces: pull(list(pieces))[0])(*typed)


def one_group(shots: Any, groups: int) -> jax.Array:
    """The shots of one group of several: the next whole number, at least one."""
    return jnp.ceil(jnp.asarray(shots) / groups - 1e-3).clip(1)


def _slopes(
    experiment: Experiment,
    numbers: list[Any],
    asked: list[bool],
    shots: list[jax.Array],
    ct: jax.Array,
    key: jax.Array,
    groups: int,
) -> tuple[list[jax.Array], jax.Array]:
    """The cotangents of the numbers by group, ``(groups, ...)`` each; and the executions."""
    batch, pieces = experiment.batch, experiment.execution.reading.pieces
    table = shifts(experiment.execution, asked)
    nothing = [jnp.zeros((groups, *jnp.shape(a)), jnp.result_type(float)) for a in numbers]
    if not table:
        return nothing, jnp.zeros(())
    chunk = chunk_of(experiment, len(table), ct.dtype)
    table += [Shift(-1, 0, 0.0, 0.0)] * (-len(table) % chunk)
    piece, index, coefficient, angle = (np.array(column) for column in zip(*table, strict=True))
    rows = jnp.stack([_shots_of(s, pieces, shots, batch) for s in table])  # (shifts, batch)
    keys = jax.random.split(key, len(table) // chunk)

    def weighed(part: Any) -> tuple[jax.Array, jax.Array]:
        key, count, *these = part
        moved, wide = shifted(experiment, numbers, asked, *these)
        execution = moved.execution
        read = replace(execution.reading, numbers=wide)
        exact = execute(replace(execution, reading=read), moved.batch)

        def group(key: jax.Array) -> tuple[jax.Array, jax.Array]:
            values, spent = _drawn(experiment.bases, exact, count.reshape(-1), key)
            return (values.reshape(chunk, batch, -1) * ct).sum(-1), spent

        found, spent = jax.lax.map(group, jax.random.split(key, groups))
        return found, spent.sum()

    stacked = [jnp.asarray(c.reshape(-1, chunk)) for c in (piece, index, angle)]
    found, spent = jax.lax.map(weighed, (keys, rows.reshape(-1, chunk, batch), *stacked))
    found = jnp.moveaxis(found, 0, 1).reshape(groups, -1, batch)
    found = found * jnp.asarray(coefficient, ct.dtype)[:, None]
    out = []
    for i, (a, p) in enumerate(zip(numbers, pieces, strict=True)):
        here = np.flatnonzero(piece == i)
        if not asked[i] or not len(here):
            out.append(nothing[i])
            continue
        slope = jnp.zeros((groups, len(a), batch), ct.dtype).at[:, index[here]].add(found[:, here])
        out.append(slope if p.batched else slope.sum(2))
    return out, spent.sum()


def _shots_of(shift: Shift, pieces: Any, shots: list[jax.Array], batch: int) -> jax.Array:
    """The shots ``(batch,)`` of a shifted circuit; none where no angle moves."""
    if shift.piece < 0:
        return jnp.zeros(batch)
    return jnp.broadcast_to(shots[shift.piece][shift.at], (batch,))


def shares(found: Sequence[Basis]) -> np.ndarray:
    """How many of the shots each basis gets, of 1 for each on average: by the values that it tells apart."""
    sizes = np.array([1.0 if b.columns is None else np.std(b.columns, axis=0).max() for b in found])
    return np.ones(len(found)) if not sizes.sum() else len(found) * sizes / sizes.sum()


def _drawn(
    found: Sequence[Basis], exact: jax.Array, shots: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The values ``(rows, k)`` from ``shots`` of each row, a number or ``(rows,)``; and the executions.

    All bases are drawn at once, the shorter ones filled up: binomial numbers take long to compile.
    """
    sizes = [2 ** len(basis.wires) for basis in found]
    parts = jnp.split(exact, np.cumsum(sizes)[:-1], axis=1)
    wide = [jnp.pad(p, ((0, 0), (0, max(sizes) - p.shape[1]))) for p in parts]
    p = jnp.stack(wide)  # (bases, rows, outcomes)
    share = jnp.asarray(shares(found), p.dtype)[:, None]
    count = jnp.where(shots > 0, jnp.ceil(share * shots - 1e-3).clip(1), 0)
    count = jnp.broadcast_to(count, p.shape[:2])
    normed = p / p.sum(2, keepdims=True)
    counts = jax.random.multinomial(key, count, normed, dtype=p.dtype)
    seen = counts / jnp.where(count > 0, count, 1)[..., None] + 0 * p.sum(2, keepdims=True)
    total: Any = 0
    for basis, size, frequencies in zip(found, sizes, seen, strict=True):
        here = frequencies[:, :size]
        total = total + (
            here if basis.columns is None else here @ jnp.asarray(basis.columns, p.dtype)
        )
    return total, count.sum()
