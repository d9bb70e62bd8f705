"""Which law numbers follow: local slopes where they are exact, fits of whole laws where they are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

SIZES, SPAN = 5, 2  # at least so many sizes, the largest at least so many times the smallest
FLOOR = (
    0.02  # relative error added to every point of a fit: no law of this kind holds better than that
)
MARGIN = 6.0  # AICc by which every rival must be worse
WINS = 0.95  # share of bootstrap repetitions that the winner must win
MISFIT = 4.0  # chi^2 per degree of freedom above which no model is believed
FLAT = 0.05  # a slope of log2 v per unit that is surely smaller counts as constant...
POWER = 0.25  # ...unless the power of n is larger than this
STEEP = 0.1  # a smaller slope of log2 v per unit is called no exponential
JAGGED = 1.0  # slopes that fall and rise again with higher powers of n are on no law yet
FALLEN = 1.5  # what is flat in the end, and so much smaller than in the beginning, has levelled off
REPEATS = 500
MODELS = ("exponential", "polynomial", "constant")


@dataclass(frozen=True)
class Law:
    """What the numbers alone say.

    Attributes:
        kind: the law; None where they cannot tell.
        rate: log2 slope per unit, or the power for ``polynomial``.
        low: lower end of its 95% interval.
        high: upper end.
        figures: what was found, in words.
        falls: whether the last value is surely below the first.
        power: whether a power is nearer to the numbers than an exponential, where neither is shown.
        rises: whether the last values surely rise; a constant that does not may still be a slow power.
    """

    kind: str | None
    rate: float
    low: float
    high: float
    figures: str
    falls: bool
    power: bool = False
    rises: bool = False


def from_slopes(x: np.ndarray, y: np.ndarray, unit: str) -> Law:
    r"""The law of exact values from the slopes between neighbours, and from how the slopes go.

    Finite sizes bend every law, but they differ in what the slope $s = \Delta \ln v / \Delta n$ tends to: it
    stays for $2^{-bn}$, also times a power of n; it falls as $1/n$ for $n^{-c}$, also with terms of lower
    order; and faster where v levels off. So $q = -d \ln|s| / d \ln n$ tends to 0, 1, or beyond, and the last
    slopes decide. Each belongs to the size $\Delta n / \Delta \ln n$, for which a power has q = 1 at any
    spacing.

    Args:
        x: sizes, rising.
        y: ln v.
        unit: ``per qubit``, for words.
    """
    size = np.diff(x) / np.diff(np.log(x))
    slope = np.diff(y) / np.diff(x)
    powers = -slope * size
    line, power = (_fit(_design(name, x), y, np.full(len(x), FLOOR)) for name in MODELS[:2])
    rate = line.slope / np.log(2), 1.96 * line.slope_error / np.log(2)
    falls = bool(y[-1] < y[0] - np.log(1.25) and slope[-1] < 0)
    said = f"local slopes of log2 v {_list(slope / np.log(2))} {unit}, powers {_list(powers)}"

    def law(kind: str | None, rate: tuple[float, float] = rate) -> Law:
        return Law(kind, rate[0], rate[0] - rate[1], rate[0] + rate[1], said, falls)

    tail = slope[-3:]
    flat = np.abs(tail / np.log(2)).max() < FLAT and np.abs(powers[-3:]).max() < POWER
    if flat and y[-1] < y[0] - np.log(FALLEN):
        return law("levels off")
    if np.all(tail > 0.01) and y[-1] > y[0] + np.log(1.25):
        return replace(law("constant"), rises=True)
    if flat or (np.all(tail > -FLAT * np.log(2) / 5) and y[-1] >= y[0] - np.log(1.05)):
        return law("constant")
    if not np.all(slope[-3:] < 0):
        return law(None)
    q = -np.diff(np.log(-tail)) / np.diff(np.log(size[-3:]))
    whole = -np.diff(np.log(-tail[[0, -1]]))[0] / np.diff(np.log(size[-3:][[0, -1]]))[0]
    said += f", which fall with powers {_list(q)} of n"
    if q[0] * q[-1] < 0 and np.abs(q).min() > JAGGED:
        return law(None)
    if whole <= 0.35 and q[-1] <= 0.6 and -tail[-1] > STEEP * np.log(2):
        return law("exponential")
    if q[-1] >= 2 and q[-1] >= q[0] and powers[-1] < powers.max() / 2:
        return law("levels off")
    nearer = abs(q[-1] - 1) <= abs(q[0] - 1) + 0.1
    if 0.65 <= q[-1] <= 1.4 and 0.6 <= whole <= 1.5 and nearer and powers[-1] > POWER:
        return law("polynomial", (-power.slope, 1.96 * power.slope_error))
    return replace(law(None), power=bool(falls and whole > 0.6 and q[-1] > 0.6))


def from_fits(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, unit: str, seed: int) -> Law:
    """The law of values with errors; where none fits all sizes, of the larger ones: small ones are bent most.

    At least five sizes over a factor of two are kept. See ``_of_fits``.
    """
    whole = _of_fits(x, y, sigma, unit, seed)
    start = 1
    while whole.kind is None and len(x) - start >= SIZES and x[-1] >= SPAN * x[start]:
        law = _of_fits(x[start:], y[start:], sigma[start:], unit, seed)
        if law.kind is not None:
            return replace(law, figures=f"from {x[start]:g} on {law.figures}", falls=whole.falls)
        start += 1
    return whole


def _of_fits(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, unit: str, seed: int) -> Law:
    r"""The law of values with errors: $a - bn$, $a - c\ln n$ or $a$, or None.

    One is declared only if its corrected Akaike criterion is better by 6 than every rival's, it wins 95%
    of a parametric bootstrap, and $\chi^2$ per degree of freedom is at most 4. Since the constant is a case
    of both others, it has tests of its own: the whole 95% interval of the slope within 0.05 of zero, or
    values that surely rise at the last three steps.

    Args:
        x: sizes.
        y: ln v.
        sigma: its errors.
        unit: ``per qubit``, for words.
        seed: of the bootstrap.

    Reference: Burnham, Anderson, Sociological Methods and Research 33, 261 (2004), for AICc.
    """
    falls = bool(y[0] - y[-1] > 3 * np.hypot(sigma[0], sigma[-1]))
    sigma = np.hypot(sigma, FLOOR)
    fits = {name: _fit(_design(name, x), y, sigma) for name in MODELS}
    line, power = fits["exponential"], fits["polynomial"]
    rate, half = line.slope / np.log(2), 1.96 * line.slope_error / np.log(2)
    flat = fits["constant"]
    steepest = abs(power.slope) + 1.96 * power.slope_error
    if abs(rate) + half < FLAT and flat.chi2 <= MISFIT * flat.dof and steepest < 2 * POWER:
        said = f"the slope of log2 v is surely below {FLAT} {unit}"
        return Law("constant", rate, rate - half, rate + half, said, falls)
    steps, errors = np.diff(y), np.hypot(sigma[1:], sigma[:-1])
    if np.all(steps[-3:] > 2 * errors[-3:]) and y[-1] - y[0] > 3 * np.hypot(sigma[0], sigma[-1]):
        said = f"it rises: local slopes of log2 v {_list(steps / np.diff(x) / np.log(2))} {unit}"
        return Law("constant", rate, rate - half, rate + half, said, falls, rises=True)
    best = min(fits, key=lambda name: fits[name].aicc)
    margin = min(fits[name].aicc - fits[best].aicc for name in fits if name != best)
    wins = _wins(best, fits[best].fitted, x, sigma, seed)
    misfit = fits[best].chi2 / fits[best].dof
    said = f"{best} fits best, AICc margin {margin:.1f}, bootstrap wins {wins:.0%}, chi2/dof {misfit:.1f}"
    why_not = [
        text
        for text, failed in (
            ("no law fits", misfit > MISFIT),
            (f"the margin is below {MARGIN:g}", margin < MARGIN),
            (f"the wins are below {WINS:.0%}", wins < WINS),
            ("flatness is not shown", best == "constant"),
        )
        if failed
    ]
    if why_not:
        said = f"{' and '.join(why_not)}; {said}"
        nearer = power.chi2 <= MISFIT * power.dof and power.chi2 < line.chi2 - 2
        return Law(None, rate, rate - half, rate + half, said, falls, falls and nearer)
    if best == "polynomial":
        rate, half = -power.slope, 1.96 * power.slope_error
    return Law(best, rate, rate - half, rate + half, said, falls)


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


@dataclass(frozen=True)
class _Fit:
    slope: float
    slope_error: float
    fitted: np.ndarray
    chi2: float
    dof: int
    aicc: float


def _design(name: str, x: np.ndarray) -> np.ndarray:
    columns = {"exponential": [x], "polynomial": [np.log(x)], "constant": []}[name]
    return np.stack([*columns, np.ones_like(x)], axis=1)


def _fit(design: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> _Fit:
    """Weighted least squares with known errors."""
    scaled = design / sigma[:, None]
    covariance = np.linalg.inv(scaled.T @ scaled)
    coefficients = covariance @ scaled.T @ (y / sigma)
    fitted = design @ coefficients
    n, k = design.shape
    chi2 = float(np.sum(((y - fitted) / sigma) ** 2))
    aicc = chi2 + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    return _Fit(float(coefficients[0]), float(covariance[0, 0] ** 0.5), fitted, chi2, n - k, aicc)


def _wins(best: str, fitted: np.ndarray, x: np.ndarray, sigma: np.ndarray, seed: int) -> float:
    """How often data drawn from the winner's fit are won by it again."""
    rng = np.random.default_rng(seed)
    designs = {name: _design(name, x) for name in MODELS}
    count = 0
    for _ in range(REPEATS):
        y = fitted + sigma * rng.standard_normal(len(x))
        aicc = {name: _fit(design, y, sigma).aicc for name, design in designs.items()}
        count += min(aicc, key=lambda name: aicc[name]) == best
    return count / REPEATS
