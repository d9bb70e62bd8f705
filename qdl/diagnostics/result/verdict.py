"""How a variance goes with the size: exponential, polynomial, constant, or cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FLOOR = 0.02  # relative error added to every point: no law of this kind holds better than that
SIZES, SPAN = 5, 2  # at least so many sizes, the largest at least so many times the smallest
MARGIN = 6.0  # AICc by which every rival must be worse
WINS = 0.95  # share of bootstrap repetitions that the winner must win
MISFIT = 4.0  # chi^2 per degree of freedom above which no model is believed
FLAT = 0.05  # a slope of log2 v per unit that is surely smaller counts as constant
REPEATS = 500
MODELS = ("exponential", "polynomial", "constant")


@dataclass(frozen=True)
class Verdict:
    """What a sweep says, or that it cannot tell.

    It compares equal to its kind: ``sweep.verdict == "exponential"``.

    Attributes:
        kind: ``exponential``, ``polynomial``, ``constant`` or ``inconclusive``.
        rate: exponential: slope of log2 v per unit of size; polynomial: c in v ~ size^-c; constant
            and inconclusive: the slope as for exponential, for what it is worth, or None.
        low: lower end of the rate's 95% interval.
        high: upper end.
        reason: the figures behind it.
        context: the parameter that was followed and the depth law.
    """

    kind: str
    rate: float | None
    low: float | None
    high: float | None
    reason: str
    context: str = ""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.kind == other
        return isinstance(other, Verdict) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.kind)

    def __str__(self) -> str:
        said = ""
        if self.rate is not None:
            name = "falls with power" if self.kind == "polynomial" else "log2 slope"
            said = f", {name} {self.rate:.3f} [{self.low:.3f}, {self.high:.3f}]"
        tail = f" ({self.context})" if self.context else ""
        return f"{self.kind}{said}: {self.reason}{tail}"


def judge(
    sizes: Any, variance: Any, error: Any, context: str = "",
    axis: str = "n_wires", seed: int = 0,
) -> Verdict:  # fmt: skip
    r"""Fit $\ln v$ by $a - bn$, $a - c\ln n$ and $a$, and say which one holds, if one does.

    A law is declared only if there are 5 sizes or more over a factor of 2 or more, its corrected
    Akaike criterion is better by 6 than every rival's, it wins 95% of a parametric bootstrap, and
    $\chi^2$ per degree of freedom is at most 4. Since the constant is a case of both others, it has a
    test of its own: the whole 95% interval of the slope within 0.05 of zero.

    Args:
        sizes: widths or depths.
        variance: at each of them; values that are not positive are left out, and it is said.
        error: their standard errors.
        context: what is being fitted, for the verdict.
        axis: what the sizes are.
        seed: of the bootstrap.

    Example:
        >>> n = np.arange(2, 11)
        >>> print(judge(n, 0.125 * 0.375 ** (n - 1), 0.05 * 0.125 * 0.375 ** (n - 1)).kind)
        exponential

    Reference: Burnham, Anderson, Sociological Methods and Research 33, 261 (2004), for AICc.
    """
    sizes, variance, error = (np.asarray(a, float) for a in (sizes, variance, error))
    kept = variance > 0
    left_out = f"; {int((~kept).sum())} unresolved left out" if not kept.all() else ""
    x, y = sizes[kept], np.log(variance[kept])
    if len(x) < SIZES or x.max() / x.min() < SPAN:
        span = f"{x.min():g} to {x.max():g}" if len(x) else "none"
        reason = (
            f"{len(x)} sizes with a value ({span}) where {SIZES} over a factor of {SPAN} are needed"
        )
        return Verdict("inconclusive", None, None, None, reason + left_out, context)
    sigma = np.hypot(error[kept] / variance[kept], FLOOR)
    fits = {name: _fit(_design(name, x), y, sigma) for name in MODELS}
    line = fits["exponential"]
    slope, half = line.slope / np.log(2), 1.96 * line.slope_error / np.log(2)
    unit = f"per {'qubit' if axis == 'n_wires' else 'layer'}"
    if abs(slope) + half < FLAT and fits["constant"].chi2 <= MISFIT * fits["constant"].dof:
        reason = f"the slope of log2 v is surely below {FLAT} {unit}" + left_out
        return Verdict("constant", slope, slope - half, slope + half, reason, context)
    best = min(fits, key=lambda name: fits[name].aicc)
    margin = min(fits[name].aicc - fits[best].aicc for name in fits if name != best)
    wins = _wins(best, fits[best].fitted, x, sigma, seed)
    misfit = fits[best].chi2 / fits[best].dof
    figures = (
        f"{best} fits best, AICc margin {margin:.1f}, bootstrap wins {wins:.0%}, "
        f"chi2/dof {misfit:.1f}" + left_out
    )
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
        reason = f"{' and '.join(why_not)}; {figures}"
        return Verdict("inconclusive", slope, slope - half, slope + half, reason, context)
    if best == "polynomial":
        slope, half = -fits[best].slope, 1.96 * fits[best].slope_error
    return Verdict(best, slope, slope - half, slope + half, figures, context)


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
