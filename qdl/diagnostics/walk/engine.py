r"""Second moments by a random walk of Pauli words, for hundreds to thousands of wires.

The observable goes back through the circuit: a Clifford conjugates it, a rotation about P keeps it where it
commutes, and otherwise keeps it or multiplies it by P, with probabilities $E\cos^2\theta$ and
$E\sin^2\theta$. Then $E\,C^2$ is the chance that what arrives is seen by the state 0, and $v_k$ the chance
that it is seen and anticommuted at gate k: all parameters from one pass, 64 samples to a machine word, no
signs.

An implementation of the mapping to Clifford circuits of Heyraud et al., PRX Quantum 4, 040335 (2023); see
also Letcher, Woerner, Zoufal, arXiv:2309.12681.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from ...pauli import reach
from ...pauli.circuit import PauliCircuit
from ...pauli.cones import reduced
from ...pauli.moments import local_step
from ...pauli.operators import AngleGate, AxisRotation, Channel, Clifford, PauliRotation
from ...pauli.prefix import Prefix, split
from ...refused import Refused
from ..engine import Engine, Task, noiseless, refusal
from ..result import intervals
from ..result.variance import Certificate, GradientVariance
from ..tasks import gather
from ..until import half_of, until
from . import bits, means
from .certify import certify, damping
from .gates import walk
from .plan import Plan, begin, make_plan
from .score import Counts, three, weigh

SAMPLES = 2**18
ROWS = 1024  # rows of flags counted at a time
HITS = 20  # samples from which the squared norm's interval is a normal one


@dataclass(frozen=True)
class PauliWalk(Engine):
    """The engines ``pauli_walk`` and, with ``blackwell``, ``pauli_walk_rb``."""

    blackwell: bool = False

    @property
    def name(self) -> str:
        return "pauli_walk_rb" if self.blackwell else "pauli_walk"

    def valid(self, task: Task) -> str | None:
        return noiseless(task) or refusal(lambda: task.circuit)

    def measure(self, task: Task) -> GradientVariance:
        small = reduced(task.circuit)
        fixed = split(small, angles=False)
        terms = certify(replace(small, elements=fixed.rest), fixed.product)
        terms = terms or [(0.0, (0, 0))]  # all of them cancel
        prefix = split(small, angles=True) if self.blackwell else fixed
        slope_means = _slope_means(small, fixed, terms)
        samples = task.most(SAMPLES)
        plan = make_plan(small, prefix, terms, samples)
        seed = np.asarray(jax.random.key_data(task.key)).ravel().tolist()
        chunks = -(-samples // plan.chunk)
        mean = means.mean(replace(small, elements=fixed.rest), fixed.means)
        scale, parts = sum(c**2 for c, _ in terms), []

        def row() -> GradientVariance:
            trials = len(parts) * plan.chunk
            return _result(task.circuit, small, prefix, parts, trials, scale, mean, slope_means)

        def some(count: int, _: int) -> None:
            jobs = [(plan, [*seed, c]) for c in range(len(parts), len(parts) + count)]
            parts.extend(gather(run_chunk, jobs, task.executor))

        if task.interval is None:
            some(chunks, 0)
        else:
            until(some, lambda _: half_of(row(), task.components), task.interval, chunks, size=1)
        return replace(row(), method=self.name)


def _slope_means(circuit: PauliCircuit, fixed: Prefix, terms: Any) -> np.ndarray:
    """The mean of each derivative: zero for uniform angles, a walk of its own for one word otherwise."""
    angled = {e.form: e for e in circuit.elements if e.angle is not None}
    with_mean = [e.angle for e in angled.values() if _has_mean_slope(e)]
    if not with_mean:
        return np.zeros(circuit.size)
    simple = all(isinstance(e, Clifford | PauliRotation | Channel) for e in fixed.rest)
    if len(terms) > 1 or not simple:
        labels = sorted({element.label for element in fixed.rest})
        raise Refused(
            f"angles start with {with_mean[0].law!r}, so derivatives have a mean; the walk "
            f"has it for one Pauli word and rotations about Pauli words, but there are {len(terms)} words "
            f"and the gates {labels}. Use method='light_cone' or 'statevector'."
        )
    coefficient, word = terms[0]
    rest = replace(circuit, elements=fixed.rest)
    return means.mean_slopes(rest, coefficient, word, fixed.means)


def _has_mean_slope(element: PauliRotation | AxisRotation | AngleGate) -> bool:
    if isinstance(element, PauliRotation):
        return damping(element) != 0
    return bool(local_step(element).slope_mean.any())


def run_chunk(plan: Plan, seed: list[int]) -> Counts:
    """One chunk of samples; a plain function of plain values, so that any process can run it."""
    source = bits.Source(seed, plan.chunk)
    rows = begin(plan, source)
    slots: list[tuple[int, float]] = []
    flags: list[np.ndarray] = []

    def score(parameter: int, where: np.ndarray, weight: float) -> None:
        slots.append((parameter, weight))
        flags.append(where)

    alive = walk(plan.gates, rows, source, score)
    if plan.prefix.stabiliser:
        for wire in range(plan.n):
            for letter in np.flatnonzero(plan.prefix.squares[wire] == 0):
                alive &= ~bits.matching(rows, (wire,), int(letter))
        weights, hits, passed = np.array([w for _, w in slots]), [np.zeros(0)], np.zeros(plan.chunk)
        for i in range(0, len(flags), ROWS):
            block, own = np.stack(flags[i : i + ROWS]) & alive, weights[i : i + ROWS]
            hits.append(bits.count(block))
            for weight in set(own.tolist()):
                passed += weight * bits.totals(block[own == weight])
        table = np.concatenate(hits)
        total = float(bits.count(alive))
        return Counts(np.array([total, total]), three(passed), slots, np.stack([table, table], -1))
    return weigh(plan.prefix, rows, alive, slots, flags)


def _result(
    circuit: PauliCircuit, small: PauliCircuit, prefix: Prefix, parts: list[Counts], trials: int,
    scale: float, mean: float, slope_means: np.ndarray,
) -> GradientVariance:  # fmt: skip
    """Estimates and intervals from the counts of all chunks."""
    stabiliser, size = prefix.stabiliser, circuit.size
    sums = np.sum([part.sums for part in parts], axis=0).reshape(-1, 2)
    weights = np.array([w for _, w in parts[0].slots]).reshape(-1)
    owner = np.array([k for k, _ in parts[0].slots], int)
    tops = np.array([bound(prefix, k) for k in owner]).reshape(-1)
    share = np.bincount(owner, minlength=size)  # intervals that a parameter's own is made of
    low, high = _interval(sums, trials, share[owner], stabiliser, tops)
    per_slot = scale * weights

    def collect(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, per_slot * values, minlength=size)

    p = sums[:, 0] / trials
    spread = np.bincount(owner, per_slot**2 * sums[:, 1] / trials, minlength=size)
    second = collect(p)
    error = np.sqrt(np.maximum(spread - second**2, 0) / trials)
    shift = slope_means**2
    zero = reach.silent(small) if scale else np.ones(size, bool)
    total = np.sum([part.total for part in parts], axis=0)
    cost_low, cost_high = _interval(total[None], trials, np.ones(1), stabiliser, np.ones(1))
    cost_square = scale * total[0] / trials
    alive = ~zero
    together = _interval(sums, trials, share[owner] * max(alive.sum(), 1), stabiliser, tops)
    lowest, highest = (np.maximum(collect(end) - shift, 0.0)[alive] for end in together)
    norm, norm_error, ends = _norm(
        np.sum([part.norm for part in parts], axis=0), trials, float(per_slot @ tops), scale
    )
    interval = "Clopper-Pearson" if stabiliser else "empirical-Bernstein"
    statement = (
        "Cliffords, Pauli rotations and Pauli noise, angles independent and used once, no cross terms; "
        f"unbiased, {interval} intervals of at least 95% for each parameter"
    )
    return GradientVariance(
        circuit.n_wires,
        np.maximum(second - shift, 0.0),
        np.where(zero, 0.0, np.maximum(collect(low) - shift, 0.0)),
        np.where(zero, 0.0, np.maximum(collect(high) - shift, 0.0)),
        error, zero, circuit.layers,
        cost_mean=mean + circuit.observable.offset,
        cost_variance=max(cost_square - mean**2, 0.0),
        cost_interval=(
            max(scale * float(cost_low[0]) - mean**2, 0.0), max(scale * float(cost_high[0]) - mean**2, 0.0)
        ),
        squared_norm=norm,
        squared_norm_interval=ends,
        method="",
        certificate=Certificate(statement, independent=circuit.independent),
        draws=trials,
        warnings=_warnings(second, error, zero),
        median_interval=intervals.of_median(lowest, highest),
        maximum_interval=intervals.of_largest(lowest, (collect(high) - shift)[alive]),
        squared_norm_error=norm_error,
        cost_error=scale * max(total[1] / trials - (total[0] / trials) ** 2, 0.0) ** 0.5 / trials**0.5,
    )  # fmt: skip


def _norm(
    sums: np.ndarray, trials: int, most: float, scale: float
) -> tuple[float, float, tuple[float, float]]:
    """The squared norm, its standard error and interval, from the sums over samples of all parameters."""
    mean, square, hits = sums[0] / trials, sums[1] / trials, sums[2]
    error = (max(square - mean**2, 0.0) / trials) ** 0.5
    if hits >= HITS:
        ends = intervals.of_positive_mean(mean, error)
    else:  # too few for a normal distribution: between none and all parameters a hit
        chance = float(intervals.clopper_pearson(hits, trials)[1])
        ends = 0.0, max(chance * most / scale if scale else 0.0, mean)
    return scale * mean, scale * error, (scale * ends[0], scale * ends[1])


def bound(prefix: Prefix, parameter: int) -> float:
    """The largest score that a sample can give to a parameter."""
    if parameter not in prefix.slopes:
        return 1.0
    return float(prefix.slopes[parameter][1].max())


def _interval(
    sums: np.ndarray, trials: int, share: np.ndarray, stabiliser: bool, tops: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    level = 1 - (1 - intervals.LEVEL) / np.maximum(share, 1)
    if stabiliser:
        return intervals.clopper_pearson(sums[:, 0], trials, level)
    mean = sums[:, 0] / trials
    variance = np.maximum(sums[:, 1] / trials - mean**2, 0) * trials / (trials - 1)
    return intervals.empirical_bernstein(mean, variance, trials, tops, level)


def _warnings(second: np.ndarray, error: np.ndarray, zero: np.ndarray) -> tuple[str, ...]:
    unseen = int(((second == 0) & ~zero).sum())
    rough = int(((error > 0.3 * second) & (second > 0)).sum())
    out = []
    if unseen:
        out.append(f"{unseen} components were never hit: their upper bounds are what is known")
    if rough:
        out.append(f"{rough} components have a relative error above 30%; take more samples")
    return tuple(out)
