"""The engine for places that sample: gradients from shots at random starts, without the noise of the shots.

At every start the place is asked twice, with outcomes of their own. A sweep asks for the cost and for one
component drawn at random among those that are not certified zero, a few expectation values a start instead of
two for each parameter: right in the mean over all of them. One model is asked for its whole gradient.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ... import simulator
from ...backends.machines.price import qpu_seconds
from ...backends.native.statevector import Statevector
from ...pauli.circuit import structure
from ...pauli.cones import reduced
from ...pauli.observables import linear
from ...pauli.reach import silent
from ...refused import Refused
from ..engine import Engine, Task, cost_of, start, value_at
from ..result import intervals
from ..result.intervals import LEVEL
from ..result.sampling import Sampling
from ..result.variance import Certificate, GradientVariance
from ..tasks import gather
from . import halves
from .shifts import outside, shift_table
from .starts import Layout, starts
from .until import relative, until

SAMPLES = 500
AMPLITUDES = 2**22  # of all circuits of a block together
SMALL = 2**21  # amplitudes whose program takes longer to optimise than to run as it is
QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
RANDOM = ("spsa", "stochastic")  # gradients of few evaluations: nothing is gained by one component


@dataclass(frozen=True)
class Sampled(Engine):
    """Two runs at random starts of the model where it is; refused where its values have no noise."""

    @property
    def name(self) -> str:
        return "sampled"

    def valid(self, task: Task) -> str | None:
        place = task.model.place
        if place.draws is not None:
            return None
        return (
            f"the values of {place!r} are no means of draws, so that there is no noise to subtract."
        )

    def measure(self, task: Task) -> GradientVariance:
        began = time.perf_counter()
        zero = certified(task)
        plan = make_plan(task, zero)
        found, calls = draw(task, plan)
        return summary(task, plan, zero, found, calls, time.perf_counter() - began)


def price(task: Task) -> tuple[int, float]:
    """Expectation values that a task asks for, at most, and seconds of a QPU for them; nothing is run.

    Raises:
        ValueError: the circuit does not fit the machine.
    """
    plan = make_plan(task, certified(task))
    most = task.most(SAMPLES)
    asked = 2 * most * plan.evaluations
    jobs = (
        1 if task.interval is None else len(until(lambda count, part: count, lambda p: 1, 0, most))
    )
    return asked, _qpu_seconds(task, asked, jobs)


def _qpu_seconds(task: Task, asked: int, calls: int) -> float:
    cost = task.model.place.cost(task.model.circuit, 1, False)
    return 0.0 if cost is None else qpu_seconds(calls, asked * cost.executions)


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


def certified(task: Task) -> np.ndarray:
    """The reported parameters that are proven to have no influence on the cost, wherever it runs."""
    known = outside(task.model)[task.parameters.reported]
    try:
        if np.ndim(task.x) > 1:
            return known | silent(reduced(structure(task.model, None, _all_values)))
        return known | silent(reduced(structure(task.model, task.x, task.cost)))
    except Refused:
        return known


def _all_values(values: Any) -> Any:
    """Not linear, so that every readout value counts."""
    return (values**2).sum()


def make_plan(task: Task, zero: np.ndarray) -> Plan:
    """One component drawn at each start, one that was asked for, or the whole gradient."""
    reported = np.flatnonzero(task.parameters.reported)
    alive, none = reported[~zero], np.zeros((0, 0))
    if not alive.size:
        return Plan(np.zeros(0, int), none, none, 1)
    wanted = alive if isinstance(task.components, str) else reported[[task.components]]
    place = task.model.place
    rows = np.shape(task.x)[0] if np.ndim(task.x) > 1 else 1
    spsa = getattr(place, "gradient", None) in RANDOM
    few = spsa or rows > 1 or not linear(task.model, task.cost)
    if task.components != "all" and not few:
        asked = np.isin(np.arange(len(task.parameters.reported)), wanted)
        table = shift_table(task.model, asked)
        if table is not None:
            return Plan(wanted, *table, 1 + table[0].shape[1])
    shifts = shift_table(task.model, np.isin(np.arange(len(task.parameters.reported)), alive))
    pairs = 2 * len(alive) if shifts is None else int((shifts[1] != 0).sum())
    return Plan(None, none, none, rows * (3 if spsa else 1 + pairs))


def draw(task: Task, plan: Plan) -> tuple[dict[str, np.ndarray], int]:
    """Costs and gradients of both runs at the starts, and in how many calls."""
    most = task.most(SAMPLES)
    if task.interval is None:
        return _draw(task, plan, most)

    def part(count: int, number: int) -> tuple[dict[str, np.ndarray], int]:
        return _draw(replace(task, key=jax.random.fold_in(task.key, number)), plan, count)

    def half(parts: list[tuple[dict[str, np.ndarray], int]]) -> float:
        return relative(*_followed(task, plan, joined(parts)))

    def joined(parts: list[tuple[dict[str, np.ndarray], int]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([found[name] for found, _ in parts]) for name in parts[0][0]}

    parts = until(part, half, task.interval, most)
    return joined(parts), sum(calls for _, calls in parts)


def _followed(task: Task, plan: Plan, found: dict[str, np.ndarray]) -> tuple[float, float]:
    """The squared norm and its error; of one component, where one was asked for, its variance."""
    a, b = np.moveaxis(found["slopes"].astype(float), 1, 0)
    if plan.positions is None:
        a, b = (each[:, task.parameters.reported] for each in (a, b))
    elif not isinstance(task.components, str):
        value, error, _ = halves.covariance(a, b)
        return float(value[0]), float(error[0])
    norm = halves.squared_norm(a, b, 1.0)
    return norm.value, norm.error


def _draw(task: Task, plan: Plan, m: int) -> tuple[dict[str, np.ndarray], int]:
    place, n = task.model.place, task.model.n_wires
    block = m
    if place.cost(task.model.circuit, 1, False) is None:  # nothing is sent: as much as memory likes
        block = int(np.clip(AMPLITUDES // (2 ** min(n, 22) * 2 * plan.evaluations), 1, m))
    data = np.asarray(jax.random.key_data(task.key)), str(jax.random.key_impl(task.key))
    x64 = bool(jax.config.jax_enable_x64)
    jobs = [
        (task.model, task.cost, task.x, plan, min(block, m - i), *data, b, x64)
        for b, i in enumerate(range(0, m, block))
    ]
    parts = gather(_block, jobs, task.executor)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, len(jobs)


def _block(
    model: Any, cost: Any, x: Any, plan: Plan, count: int, data: Any, impl: str, b: int, x64: bool
) -> dict[str, np.ndarray]:
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
    return np.asarray(jax.vmap(jax.vmap(partial(cost_of, cost=cost)))(values))


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


def summary(
    task: Task, plan: Plan, zero: np.ndarray, found: dict[str, np.ndarray], calls: int, seconds: float
) -> GradientVariance:  # fmt: skip
    """Numbers without their noise, with normal intervals that may reach below zero."""
    known, m = task.parameters, len(found["costs"])
    costs, slopes = found["costs"].astype(float), found["slopes"].astype(float)
    reported = np.flatnonzero(known.reported)
    variance, error, naive = (np.where(zero, 0.0, np.nan) for _ in range(3))
    alone = not isinstance(task.components, str) and plan.positions is not None
    if plan.positions is None:
        slopes = slopes[:, :, reported[~zero]]
        measured = ~zero
    else:
        measured = np.isin(reported, plan.positions) & (alone or len(plan.positions) == 1)
    a, b = slopes[:, 0], slopes[:, 1]
    if measured.any():
        variance[measured], error[measured], naive[measured] = halves.covariance(a, b)
    half, wide = (_z(level) * error for level in (LEVEL, intervals.at_once(measured.sum())))
    lowest, highest = (variance - wide)[measured], (variance + wide)[measured]
    cost = halves.cost_moment(costs[:, 0], costs[:, 1])
    times = 1.0 if plan.positions is None else float(len(plan.positions))
    norm = halves.squared_norm(a, b, times)
    value, norm_error = norm.value, norm.error
    if alone and (~zero).sum() > 1:
        value = norm_error = math.nan  # one component says nothing about the others
    count = len(plan.positions) if plan.positions is not None else max(a.shape[1], 1)
    each = halves.Resolution(norm.noise.floor / count, _each(a - b))
    asked = 2 * m * plan.evaluations
    billed = task.model.place.cost(task.model.circuit, 1, False)
    shots = task.model.place.shots
    drawn = plan.positions is not None and not measured.any() and bool((~zero).any())
    where = type(task.model.place).__name__ if billed is None else billed.place
    sampling = Sampling(
        where, shots, naive, each, norm.noise, cost.noise, drawn,
        asked, calls, seconds, _qpu_seconds(task, asked, calls),
    )  # fmt: skip
    how = "one component drawn at each" if drawn else "the whole gradient at each"
    how = "one component at each" if alone else how
    return GradientVariance(
        task.model.n_wires, variance, variance - half, variance + half, error, zero, known.names,
        cost_mean=float(costs.mean()),
        cost_variance=cost.value,
        cost_interval=intervals.normal(cost.value, cost.error),
        squared_norm=value,
        squared_norm_interval=intervals.normal(value, norm_error),
        method="sampled",
        certificate=Certificate(
            f"two independent runs of the place at random starts, {how}; the mean product of the two has no "
            "noise of its own; nominal 95% intervals, which may reach below zero"
        ),
        draws=m,
        median_interval=intervals.of_median(lowest, highest) if measured.any() else None,
        maximum_interval=intervals.of_largest(lowest, (variance + half)[measured])
        if measured.any()
        else None,
        squared_norm_error=norm_error,
        cost_error=cost.error,
        sampling=sampling,
    )  # fmt: skip


def _each(differences: np.ndarray) -> float:
    """1.96 standard errors of one component's variance without a signal, in the mean over components."""
    noise = (differences**2).mean(axis=0) / 2
    return float(1.96 * noise.mean() / len(differences) ** 0.5) if noise.size else 0.0


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))
