"""How a variance goes with the size: exponential, polynomial, constant, or cannot tell; and what decides it.

What the structure of the circuits proves comes first, then what the numbers say where it has a reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .fits import FLOOR, numbers
from .laws import MISFIT, SIZES, SPAN, Law, from_fits, from_slopes
from .structure import Bound, Bounds

FAR = 6.0  # log2 by which a constant bound lies below every value, so that it is not yet met
SLOW = "n^-log n"  # a bound that is no power of n, but no exponential either
FASTEST = {
    "constant": "it stays above a constant",
    "polynomial": "it falls no faster than by a power",
    SLOW: "it falls slower than any exponential",
}
UNRESOLVED = "below what shots resolve"


@dataclass(frozen=True)
class Verdict:
    """What a sweep says, or that it cannot tell.

    It compares equal to its kind: ``sweep.verdict == "exponential"``.

    Attributes:
        kind: ``exponential``, ``polynomial``, ``constant`` (it does not fall), ``levels off``,
            ``below what shots resolve`` or ``inconclusive``.
        rate: polynomial: c in v ~ size^-c; others: the slope of log2 v per unit of size, for what it is
            worth, or None.
        low: lower end of the rate's 95% interval.
        high: upper end.
        reason: the figures behind it.
        context: what was followed, and the depth law.
        argument: what decided: ``"bound"``, proven from the structure at every width; ``"bound and data"``;
            ``"structure and data"``, no proof, but a reason; ``"bound, structure and data"``, proven to be no
            exponential, and a reason for a power; ``"moments and data"``, values from shots that agree with
            exact ones of the same circuits; ``"slopes"`` or ``"fit"``, the numbers alone.
    """

    kind: str
    rate: float | None
    low: float | None
    high: float | None
    reason: str
    context: str = ""
    argument: str = ""

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
    sizes: Any, variance: Any, error: Any, context: str = "", axis: str = "n_wires", seed: int = 0, *,
    exact: bool = False, limits: Any = None, shots: int | None = None,
    bounds: Bounds | None = None, subject: int | str | None = None, predicted: Any = None,
) -> Verdict:  # fmt: skip
    r"""Say how values go with the size, and what decided.

    In this order: a bound from above that falls exponentially; a bound from below that stays, or falls by a
    power; numbers and a reason in the structure; numbers alone. Numbers need 5 sizes or more over a factor of
    2 or more. Exact ones are judged by their local slopes (``laws.from_slopes``); others too where they agree
    with exact ones of the same circuits; else by fits (``laws.from_fits``), in which values that shots do not
    resolve count as what they are, with their errors. A power without a bound or a reason is not believed
    where the structure is known.

    Args:
        sizes: widths or depths.
        variance: at each of them; values that are not positive are left out, and it is said, unless the
            noise of shots explains them.
        error: their standard errors.
        context: what is being judged, for the verdict.
        axis: what the sizes are.
        seed: of the bootstrap.
        exact: nothing was sampled.
        limits: the smallest value that the shots tell from none, by size; None without shots.
        shots: outcomes behind each expectation value, or None.
        bounds: what the structure proves; None where it is not known.
        subject: None for the whole gradient, ``"cost"``, or the component that is followed.
        predicted: the exact values of the same circuits by size, NaN where they are not known; None for none.

    Example:
        >>> n = np.arange(2, 11)
        >>> print(judge(n, 0.125 * 0.375 ** (n - 1), 0.05 * 0.125 * 0.375 ** (n - 1)).kind)
        exponential
    """
    sizes, variance, error = (np.asarray(a, float) for a in (sizes, variance, error))
    order = np.argsort(sizes)
    sizes, variance, error = sizes[order], variance[order], error[order]
    limit = np.zeros(len(sizes)) if limits is None else np.asarray(limits, float)[order]
    kept = (variance > 0) & (variance >= limit)
    if predicted is not None and not exact:
        predicted = _agreed(np.asarray(predicted, float)[order], variance, error)
    seen = variance[kept] if predicted is None else predicted[predicted > 0]
    # A bound that stays is not met yet where every value is far above it.
    least = float(np.log2(seen.min())) if seen.size else -math.inf
    law = _numbers(sizes, variance, error, limit, axis, seed, exact, predicted)
    found = _decided(law, _of_subject(bounds, subject), least)
    if not kept.all() and predicted is None:
        found = replace(found, reason=f"{found.reason}; {_unkept(kept, limit)}")
    found = replace(found, context=context)
    if found.kind == "inconclusive" and shots is not None and not kept.all():
        found = _unresolved(found, sizes, variance, error, limit, kept, shots)
    return found


def _unkept(kept: np.ndarray, limit: np.ndarray) -> str:
    """What became of values that are not resolved, in words."""
    out = int((~kept & (limit == 0)).sum())
    hidden = int((~kept & (limit > 0)).sum())
    said = [f"{out} unresolved left out"] * (out > 0)
    return "; ".join([*said, *[f"{hidden} unresolved, with their errors"] * (hidden > 0)])


def _agreed(predicted: np.ndarray, v: np.ndarray, error: np.ndarray) -> np.ndarray | None:
    """The predictions, NaN where there are none; None where the values contradict them."""
    there = ~np.isnan(predicted)
    if there.sum() < SIZES:
        return None
    off = (v - predicted)[there] / np.hypot(error, FLOOR * predicted)[there]
    return predicted if np.mean(off**2) <= MISFIT else None


def _numbers(
    x: np.ndarray, v: np.ndarray, error: np.ndarray, limit: np.ndarray, axis: str, seed: int, exact: bool,
    predicted: np.ndarray | None,
) -> Law | str:  # fmt: skip
    """What the numbers say, or why they say nothing."""
    unit = f"per {'qubit' if axis == 'n_wires' else 'layer'}"
    if predicted is not None:
        known = predicted > 0
        here, values = x[known], predicted[known]
        if len(here) >= SIZES and here[-1] >= SPAN * here[0]:
            law = from_slopes(here, np.log(values), unit)
            if law.kind is not None or known.all():
                said = f"the values agree with the exact ones of the same circuits to {here[-1]:g}, whose"
                return replace(law, figures=f"{said} {law.figures}", by="moments and data")
    resolved = (v > 0) & (v >= limit)
    here = x[resolved]
    if len(here) < SIZES or here.max() / here.min() < SPAN:
        span = f"{here.min():g} to {here.max():g}" if len(here) else "none"
        return f"{len(here)} sizes with a value ({span}) where {SIZES} over a factor of {SPAN} are needed"
    if exact:
        return from_slopes(here, np.log(v[resolved]), unit)
    known = resolved | (limit > 0)
    given = numbers(x[known], v[known], error[known], limit[known] / 1.96)
    return from_fits(given, unit, seed)


def _of_subject(bounds: Bounds | None, subject: Any) -> Bounds | None:
    """The bounds that hold for what is followed."""
    if bounds is None or subject is None:
        return bounds
    reason = bounds.reason or bounds.lower  # of the whole gradient it is proven, of others expected
    if subject == "cost":
        return replace(bounds, lower=bounds.lower_cost, reason=reason)
    lower = bounds.cone
    if lower is None and subject == "largest" and bounds.lower is not None:
        # The whole gradient is shared by as many angles as a power of n.
        law = "polynomial" if bounds.lower.law == "constant" else bounds.lower.law
        lower = replace(bounds.lower, law=law, log2=None)
    return replace(bounds, lower=lower, reason=reason)


def _decided(law: Law | str, bounds: Bounds | None, seen: float) -> Verdict:
    numbers = law if isinstance(law, str) else law.figures
    unknown = (None, None, None)
    rate = unknown if isinstance(law, str) else (law.rate, law.low, law.high)
    kind = None if isinstance(law, str) else law.kind
    falls = isinstance(law, Law) and law.falls

    def verdict(word: str | None, argument: str, *reasons: str) -> Verdict:
        low, middle, high = rate if kind == word or word != "polynomial" else unknown
        said = "; ".join(reasons)
        return Verdict(word or "inconclusive", low, middle, high, said, "", argument)

    if bounds is not None and bounds.upper is not None:
        return verdict("exponential", "bound", bounds.upper.argument, numbers)
    if bounds is not None and bounds.lower is not None:
        said = f"{FASTEST[bounds.lower.law]}: {bounds.lower.argument}"
        if bounds.lower.law != SLOW:
            word = _above(bounds.lower, law, seen)
            return verdict(word, "bound and data" if word else "", said, numbers)
        if bounds.reason is not None:
            word = "polynomial" if falls and kind != "constant" else _expected(bounds.reason, law)
            reasons = said, numbers, bounds.reason.argument
            return verdict(word, "bound, structure and data" if word else "", *reasons)
        return verdict(None, "", said, numbers)
    alone = "" if isinstance(law, str) else law.by
    if bounds is None or not bounds.widths:
        return verdict(kind, alone if kind else "", numbers)
    if bounds.reason is not None:
        word = _expected(bounds.reason, law)
        return verdict(word, "structure and data" if word else "", numbers, bounds.reason.argument)
    if kind in ("polynomial", "levels off", "constant"):
        return verdict(
            None, "", f"{numbers}: {kind}, but nothing in the circuits says that it stays so"
        )
    if kind == "exponential" and not bounds.angles[-1] > 1.5 * bounds.angles[0]:
        return verdict(None, "", numbers, "but the readout sees no more angles with the width")
    return verdict(kind, alone if kind else "", numbers)


def _above(lower: Bound, law: Law | str, seen: float) -> str | None:
    """The word for values that a bound holds up."""
    kind, falls, rises = (
        (None, False, False) if isinstance(law, str) else (law.kind, law.falls, law.rises)
    )
    if lower.law == "polynomial":
        # At few widths n^(-1/2) with terms of lower order is as flat as a constant.
        return "constant" if rises else "polynomial" if falls and kind != "constant" else None
    met = lower.log2 is None or min(lower.log2) > seen - FAR
    if kind == "exponential" and not met:
        return "exponential"
    return "levels off" if falls and kind != "constant" else "constant"


def _expected(reason: Bound, law: Law | str) -> str | None:
    """The word where the structure gives a reason that is no proof: numbers must agree."""
    if isinstance(law, str) or law.kind == "exponential":
        return None
    if law.kind is None:
        return "polynomial" if reason.law == "polynomial" and law.power else None
    if law.kind == "levels off":
        return law.kind if reason.law == "constant" else None
    if law.kind == "constant":
        return law.kind if law.rises or reason.law == "constant" else None
    return law.kind if law.kind == reason.law else None


def _unresolved(
    found: Verdict, sizes: Any, variance: Any, error: Any, limit: Any, kept: Any, shots: int
) -> Verdict:
    """The numbers end at the floor of the shots."""
    at = int(np.flatnonzero(~kept)[0])
    value = max(variance[at], error[at] / 2, 1e-300)
    wanted = math.ceil(shots * max(limit[at] / value, 1.0))
    text = f"from {sizes[at]:g} on it takes more than {shots:,} shots, at least {wanted:,}"
    return replace(found, kind=UNRESOLVED, reason=f"{text}; {found.reason}")
