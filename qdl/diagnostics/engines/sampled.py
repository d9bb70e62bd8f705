"""The engine for places that sample: gradients from shots at random starts, without the noise of the shots.

At every start the place is asked twice, with outcomes of their own. A sweep asks for the cost and for one
component drawn at random among those that are not certified zero, a few expectation values a start instead of
two for each parameter: right in the mean over all of them. One model is asked for its whole gradient.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from ...backends.machines.price import qpu_seconds
from ...pauli.circuit import structure
from ...pauli.cones import reduced
from ...pauli.observables import linear
from ...pauli.reach import silent
from ...refused import Refused
from ..engine import Engine, Task
from ..result import intervals
from ..result.intervals import LEVEL
from ..result.sampling import Sampling
from ..result.variance import Certificate, GradientVariance
from ..tasks import gather
from ..until import PART, relative, until
from . import halves
from .runs import Plan, block
from .shifts import outside, shift_table

SAMPLES = 500
AMPLITUDES = 2**22  # of all circuits of a block together
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
    jobs = 1 if task.interval is None else -(-most // PART)
    return asked, _qpu_seconds(task, asked, jobs)


def _qpu_seconds(task: Task, asked: int, calls: int) -> float:
    cost = task.model.place.cost(task.model.circuit, 1, False)
    return 0.0 if cost is None else qpu_seconds(calls, asked * cost.executions)


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
    size = m
    if place.cost(task.model.circuit, 1, False) is None:  # nothing is sent: as much as memory likes
        size = int(np.clip(AMPLITUDES // (2 ** min(n, 22) * 2 * plan.evaluations), 1, m))
    data = np.asarray(jax.random.key_data(task.key)), str(jax.random.key_impl(task.key))
    x64 = bool(jax.config.jax_enable_x64)
    jobs = [
        (task.model, task.cost, task.x, plan, min(size, m - i), *data, b, x64)
        for b, i in enumerate(range(0, m, size))
    ]
    parts = gather(block, jobs, task.executor)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, len(jobs)


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
