"""Both runs at many random starts, as one program for the whole gradient or for one component of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ... import simulator
from ...backends.native.statevector import Statevector
from ..engine import cost_of, start, value_at
from .starts import Layout, starts

SMALL = 2**21  # amplitudes whose program takes longer to optimise than to run as it is
QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


@dataclass(frozen=True, eq=False)
class Plan:
    """What is asked at each start.

    Attributes:
        positions: of the components among the flattened parameters, one of which is drawn; None for the
            whole gradient, by the place's own method.
        moves: ``(p, terms)`` of the shift rules.
        weights: ``(p, terms)``.
        evaluations: expectation values of one run at one start.
    """

    positions: np.ndarray | None
    moves: np.ndarray
    weights: np.ndarray
    evaluations: int


def block(
    model: Any, cost: Any, x: Any, plan: Plan, count: int, data: Any, impl: str, b: int, x64: bool
) -> dict[str, np.ndarray]:
    """Costs and gradients of both runs at some starts; of plain values: any process can run it."""
    with jax.enable_x64(x64):  # the caller's precision, also in a process of its own
        key = jax.random.fold_in(jax.random.wrap_key_data(data, impl=impl), b)
        x = None if x is None else jnp.asarray(x, float)
        if plan.positions is None:
            return _whole(model, cost, x, count, key)
        return _one_component(model, cost, x, plan, plan.positions, count, key)


def _whole(model: Any, cost: Any, x: Any, count: int, key: jax.Array) -> dict[str, np.ndarray]:
    """The whole gradient at each start, both runs side by side, as rows of one map."""
    # Keys and starts one operation at a time: as programs they would be compiled for every width.
    params, features, last = jax.vmap(partial(start, model, x))(jax.random.split(key, count))
    axis = None if features is None or x is not None else 0
    runs = jnp.moveaxis(jax.vmap(jax.random.split)(last), 1, 0)
    twice = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), params)
    # Features that are given: the map has made a copy for each start.
    seen = x if features is None or axis is None else jnp.concatenate([features] * 2)
    found = _gradients(model, cost, axis)(twice, seen, runs.reshape(-1))
    costs, slopes = (
        np.moveaxis(np.asarray(f).reshape(2, count, *f.shape[1:]), 0, 1) for f in found
    )
    return {"costs": costs, "slopes": slopes}


def _one_component(
    model: Any, cost: Any, x: Any, plan: Plan, positions: np.ndarray, count: int, key: jax.Array
) -> dict[str, np.ndarray]:
    """The cost, and one derivative among ``positions``, at each start."""
    for_starts, for_shots = jax.random.split(key)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(for_starts)).ravel())
    flat, features, layout = starts(model, x, for_starts, count, rng)
    axis = None if features is None or x is not None else 0
    rows, at = flat[:, None], np.zeros(0, int)
    if len(positions):
        at = positions[rng.integers(len(positions), size=count)]
        one = np.eye(flat.shape[1])[at]
        rows = np.concatenate([rows, rows + plan.moves[at][:, :, None] * one[:, None]], axis=1)
    terms = rows.shape[1]
    rows = rows.reshape(count * terms, -1).astype(jnp.result_type(float))
    seen = x if features is None or axis is None else np.repeat(features, terms, axis=0)
    small = len(rows) * 2**model.n_wires <= SMALL
    if isinstance(model.place, Statevector):
        exact = np.asarray(_distributions(model, axis, layout, small)(rows, seen))
        found = _outcomes(model, cost, exact, rng)
    else:
        keys = jax.random.split(for_shots, (count * terms, 2))
        found = _values(model, cost, axis, layout, small)(rows, seen, keys)
    found = np.moveaxis(np.asarray(found, float).reshape(count, terms, 2), 2, 1)
    slopes = np.zeros((count, 2, 0))
    if terms > 1:
        slopes = np.einsum("mrt,mt->mr", found[:, :, 1:], plan.weights[at])[..., None]
    return {"costs": found[:, :, 0], "slopes": slopes}


@lru_cache(maxsize=32)
def _distributions(model: Any, axis: int | None, layout: Layout, small: bool) -> Any:
    """The exact distributions of the outcomes at rows of parameters, from which both runs are drawn."""

    def one(row: jax.Array, x: Any) -> jax.Array:
        return simulator.distributions(model.circuit, layout.tree(row), x)

    return jax.jit(jax.vmap(one, (0, axis)), compiler_options=_options(small))


def _outcomes(model: Any, cost: Any, exact: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The costs ``(rows, 2)`` of two runs, in NumPy: a program that draws takes longer to compile."""
    bases = simulator.bases(model.measured)
    twice = [simulator.drawn_values(bases, exact, model.place.shots, rng) for _ in range(2)]
    values = np.stack(twice, axis=1).astype(jnp.result_type(float))
    if cost is None:
        return values[..., 0]
    return np.asarray(jax.vmap(jax.vmap(partial(cost_of, cost=cost)))(jnp.asarray(values)))


@lru_cache(maxsize=32)
def _values(model: Any, cost: Any, axis: int | None, layout: Layout, small: bool) -> Any:
    """The costs ``(rows, 2)`` at rows of parameters and two keys each."""
    place = model.place

    def value(row: jax.Array, x: Any, key: jax.Array) -> jax.Array:
        return value_at(model, cost, layout.tree(row), x, key)

    def shared(row: jax.Array, x: Any, keys: jax.Array) -> jax.Array:
        return jax.vmap(lambda key: value(row, x, key))(keys)

    def apart(rows: jax.Array, x: Any, keys: jax.Array) -> jax.Array:
        x = x if axis is None else jnp.repeat(x, 2, axis=0)
        twice = jnp.repeat(rows, 2, axis=0)
        return jax.vmap(value, (0, axis, 0))(twice, x, keys.reshape(-1)).reshape(-1, 2)

    # Where only the outcomes differ, both runs share one state.
    together = place.compiles and place.shots is not None
    both = jax.vmap(shared, (0, axis, 0)) if together else apart
    return jax.jit(both, compiler_options=_options(small))


def _options(small: bool) -> dict[str, Any] | None:
    return QUICKLY if small and jax.default_backend() == "cpu" else None


@lru_cache(maxsize=32)
def _gradients(model: Any, cost: Any, axis: int | None) -> Any:
    """Costs and gradients at rows of parameters and keys, by the place's own method."""

    def value(params: Any, x: Any, key: jax.Array) -> jax.Array:
        return value_at(model, cost, params, x, key)

    def one(params: Any, x: Any, key: jax.Array) -> Any:
        found, gradient = jax.value_and_grad(value)(params, x, key)
        return found, ravel_pytree(gradient)[0]

    if model.place.shots is not None:
        return jax.jit(jax.vmap(one, (0, axis, 0)))

    # Trajectories are many states already: one start after another.
    def each(params: Any, x: Any, keys: jax.Array) -> Any:
        if axis is None:
            return jax.lax.map(lambda row: one(row[0], x, row[1]), (params, keys))
        return jax.lax.map(lambda row: one(*row), (params, x, keys))

    return jax.jit(each)
