"""Which law numbers follow: local slopes where they are exact, fits of whole laws where they are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .fits import BENT, FLOOR, PLAIN, Fit, Numbers, design, fit, wins

SIZES, SPAN = 5, 2  # at least so many sizes, the largest at least so many times the smallest
MARGIN = 6.0  # AICc by which every rival must be worse
WINS = 0.95  # share of bootstrap repetitions that the winner must win
MISFIT = 4.0  # chi^2 per degree of freedom above which no model is believed
FLAT = 0.05  # a slope of log2 v per unit that is surely smaller counts as constant...
POWER = 0.25  # ...unless the power of n is larger than this
STEEP = 0.1  # a smaller slope of log2 v per unit is called no exponential
JAGGED = 1.0  # slopes that fall and rise again with higher powers of n are on no law yet
FALLEN = 1.5  # what is flat in the end, and so much smaller than in the beginning, has levelled off


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
        by: what told it, as ``Verdict.argument`` says it.
    """

    kind: str | None
    rate: float
    low: float
    high: float
    figures: str
    falls: bool
    power: bool = False
    rises: bool = False
    by: str = "fit"


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
    line, power = (_line(name, x, y) for name in PLAIN[:2])
    rate = line[0] / np.log(2), line[1] / np.log(2)
    falls = bool(y[-1] < y[0] - np.log(1.25) and slope[-1] < 0)
    said = f"local slopes of log2 v {_list(slope / np.log(2))} {unit}, powers {_list(powers)}"

    def law(kind: str | None, rate: tuple[float, float] = rate) -> Law:
        return Law(kind, rate[0], rate[0] - rate[1], rate[0] + rate[1], said, falls, by="slopes")

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
        return law("polynomial", (-power[0], power[1]))
    return replace(law(None), power=bool(falls and whole > 0.6 and q[-1] > 0.6))


def _line(law: str, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The slope of exact values by least squares, and half of its interval, were they off by ``FLOOR``."""
    columns = design(law, x)
    inverse = np.linalg.pinv(columns)
    return float((inverse @ y)[0]), float(1.96 * FLOOR * np.linalg.norm(inverse[0]))


def from_fits(given: Numbers, unit: str, seed: int) -> Law:
    """The law of values with errors; where none fits all sizes, one that bends, or one of the larger sizes.

    Small ones are bent most. At least five sizes over a factor of two are kept. See ``_of_fits``.
    """
    whole = _of_fits(given, unit, seed)
    if whole.kind is not None:
        return whole
    bent = _of_bent(given, unit, seed)
    if bent is not None:
        return replace(bent, falls=whole.falls)
    x, start = given.x, 1
    while len(x) - start >= SIZES and x[-1] >= SPAN * x[start]:
        law = _of_fits(given.since(start), unit, seed)
        if law.kind is not None:
            return replace(law, figures=f"from {x[start]:g} on {law.figures}", falls=whole.falls)
        start += 1
    return whole


def _of_fits(given: Numbers, unit: str, seed: int) -> Law:
    r"""The law of values with errors: $2^{-bn}$, $n^{-c}$ or a constant, or None.

    One is declared only if its corrected Akaike criterion is better by 6 than every rival's, it wins 95%
    of a parametric bootstrap, and $\chi^2$ per degree of freedom is at most 4. Since the constant is a case
    of both others, it has tests of its own: the whole 95% interval of the slope within 0.05 of zero, or
    values that surely rise at the last three steps.

    Args:
        given: sizes, values, errors.
        unit: ``per qubit``, for words.
        seed: of the bootstrap.

    Reference: Burnham, Anderson, Sociological Methods and Research 33, 261 (2004), for AICc.
    """
    x, v, sigma = given.x, given.v, given.error(np.maximum(given.v, 0.0))
    fits = {name: fit(name, given) for name in PLAIN}
    line, power, flat = (fits[name] for name in PLAIN)
    falls = bool(v[0] - v[-1] > 3 * np.hypot(sigma[0], sigma[-1]))
    rate, half = line.slope / np.log(2), 1.96 * line.slope_error / np.log(2)
    steepest = abs(power.slope) + 1.96 * power.slope_error
    if abs(rate) + half < FLAT and flat.chi2 <= MISFIT * flat.dof and steepest < 2 * POWER:
        said = f"the slope of log2 v is surely below {FLAT} {unit}"
        return Law("constant", rate, rate - half, rate + half, said, falls)
    steps, errors = np.diff(v), np.hypot(sigma[1:], sigma[:-1])
    rises = np.all(steps[-3:] > 2 * errors[-3:]) and np.all(v[-4:] > 0)
    if rises and v[-1] - v[0] > 3 * np.hypot(sigma[0], sigma[-1]):
        slopes = np.diff(np.log(v[-4:])) / np.diff(x[-4:]) / np.log(2)
        said = f"it rises: local slopes of log2 v {_list(slopes)} {unit}"
        return Law("constant", rate, rate - half, rate + half, said, falls, rises=True)
    best, said, why_not = _best(PLAIN, fits, given, seed)
    if best == "constant":
        why_not.append("flatness is not shown")
    if why_not:
        said = f"{' and '.join(why_not)}; {said}"
        nearer = power.chi2 <= MISFIT * power.dof and power.chi2 < line.chi2 - 2
        return Law(None, rate, rate - half, rate + half, said, falls, falls and nearer)
    if best == "polynomial":
        rate, half = -power.slope, 1.96 * power.slope_error
    return Law(best, rate, rate - half, rate + half, said, falls)


def _of_bent(given: Numbers, unit: str, seed: int) -> Law | None:
    r"""An exponential times a power of n, $n^a 2^{-bn}$, where no law fits as it is; or None.

    Its rivals have a correction too: $n^{-c} e^{d/n}$, and what levels off. b must be larger than three
    standard errors, and v must fall at the last size.
    """
    if len(given.x) < SIZES + 1:  # three coefficients, and two degrees of freedom
        return None
    laws = (*PLAIN, *BENT)
    fits = {name: fit(name, given) for name in laws}
    best, said, why_not = _best(laws, fits, given, seed)
    found = fits[BENT[0]]
    last = found.slope + found.coefficients[1] / given.x[-1]
    if best != BENT[0] or why_not or found.slope > -3 * found.slope_error or last > 0:
        return None
    said += f", at the last size {last / np.log(2):.2f} {unit}"
    rate, half = found.slope / np.log(2), 1.96 * found.slope_error / np.log(2)
    return Law("exponential", rate, rate - half, rate + half, said, True)


def _best(
    laws: tuple[str, ...], fits: dict[str, Fit], given: Numbers, seed: int
) -> tuple[str, str, list[str]]:
    """The law that fits best, the figures, and why it is not believed."""
    best = min(fits, key=lambda name: fits[name].aicc)
    margin = min(fits[name].aicc for name in fits if name != best) - fits[best].aicc
    share = wins(best, laws, fits[best].fitted, given, seed)
    misfit = fits[best].chi2 / fits[best].dof
    said = f"{best} fits best, AICc margin {margin:.1f}, bootstrap wins {share:.0%}, chi2/dof {misfit:.1f}"
    failed = {
        "no law fits": misfit > MISFIT,
        f"the margin is below {MARGIN:g}": margin < MARGIN,
        f"the wins are below {WINS:.0%}": share < WINS,
    }
    return best, said, [text for text, true in failed.items() if true]


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
