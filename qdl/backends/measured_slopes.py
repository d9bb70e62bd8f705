"""A place of rows with shots that differ from row to row: a call, and on machines a job, for each number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..simulator import Slopes, one_group, per_group, pulled
from .derivative import moves, on_host
from .program import Program

Run = Callable[[np.ndarray, int, Any], np.ndarray]  # rows, shots, key data -> values


def measured_slopes(
    run: Run,
    program: Program,
    params: Any,
    x: Any,
    ask: Any,
    shots: Any,
    key: jax.Array,
    groups: int,
    circuits: int,
) -> Slopes:
    """As ``Place.measured_slopes``, by parameter shift.

    Shots are rounded up to powers of two, so that there are few calls; all bases of a circuit get the same.

    Args:
        run: evaluates rows of angles with so many shots.
        program: the circuit.
        params: its parameters.
        x: features, or None.
        ask: as there.
        shots: as there.
        key: a JAX key.
        groups: how many gradients.
        circuits: that one row needs, one a basis.
    """

    def angles(params: Any) -> list[jax.Array]:
        return program.numbers(params, x)

    numbers, pull = jax.vjp(angles, params)
    columns, rules = program.rules_of(program.differentiated())
    d, w = moves("parameter_shift", rules, 1, 0, None)
    each = _power(program.table(per_group(angles, params, shots, groups)))
    table, dtype = program.table(numbers), jnp.result_type(float)
    each = jnp.broadcast_to(each, table.shape)
    moved = columns[np.abs(d[:, 0]).argmax(1)]  # the column that each shift moves
    most = each[:, columns].max() if len(columns) else jnp.asarray(2.0**10)
    counts = jnp.concatenate(
        [jnp.full((1, len(table)), most), each[:, moved].T]
    )  # (1 + shifts, batch)
    shape = (groups, 1 + len(d), len(table), program.size)

    def host(base: np.ndarray, counts: np.ndarray, data: np.ndarray) -> np.ndarray:
        rows = np.repeat(np.asarray(base, float)[None], 1 + len(d), axis=0)
        rows[1:][:, :, columns] += d
        wide = np.broadcast_to(rows, (groups, *rows.shape)).reshape(-1, rows.shape[-1])
        level = np.broadcast_to(counts, (groups, *counts.shape)).reshape(-1)
        found = np.empty((len(wide), program.size))
        for number in np.unique(level):
            here = level == number
            found[here] = run(wide[here], int(number), data)
        return found.reshape(shape).astype(dtype)

    found = on_host(
        host, jax.ShapeDtypeStruct(shape, dtype), table, counts, jax.random.key_data(key)
    )
    values = found[:, 0].mean(0)
    lead = () if x is None else x.shape[:-1]
    wide = bool(lead)
    aux, ct = ask(jnp.broadcast_to(values, (*(lead or (1,)), program.size)).reshape(*lead, -1))
    ct = ct.reshape(-1, program.size)
    ct = ct if len(table) > 1 or not wide else ct.sum(0, keepdims=True)  # one row stands for all
    weighed = jnp.einsum("mrbk,bk->mrb", found[:, 1:], ct)
    slopes = jnp.einsum("mrb,rp->mpb", weighed, jnp.asarray(w[:, 0], dtype))
    out = []
    for piece, number in zip(program.pieces, numbers, strict=True):
        at = np.searchsorted(columns, piece.columns)
        if len(columns) and np.isin(piece.columns, columns).all():
            slope = slopes[:, at]
            out.append(slope if number.ndim > 1 else slope.sum(2))
        else:
            out.append(jnp.zeros((groups, *number.shape), number.dtype))
    gradients = pulled(pull, numbers, out)
    taken = jax.tree.map(lambda s: groups * _power(one_group(s, groups)), shots)
    return Slopes(aux, gradients, taken, circuits * groups * counts.sum())


def _power(shots: jax.Array) -> jax.Array:
    """The next power of two."""
    return 2.0 ** jnp.ceil(jnp.log2(shots) - 1e-3)
