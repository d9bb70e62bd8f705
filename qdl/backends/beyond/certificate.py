"""What may be said of truncated values: bounds, the next weight, and exact checks of a few samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...certified import EXACT, Certified, judge
from ...circuit import Circuit
from ...refused import Refused
from . import cone, contraction
from .structure import cones, free_bytes

if TYPE_CHECKING:
    from .propagation import PauliPropagation

SPOTS = 3  # samples that are compared with an exact engine
AFFORDED = 1e12  # operations of an exact check of one sample
TOLERANCE = 1e-2


@dataclass(frozen=True)
class PauliCertified(Certified):
    """The verdict on values of propagated Pauli words.

    Attributes:
        dropped: the root of the sum of squares of all dropped coefficients ``(k,)``: the typical size of what
            is missing over all states, and no bound.
        bound: the sum of their sizes ``(k,)``, a bound for every input, mostly far too large.
        difference: to the values of the next weight ``(..., k)``; None where that is not affordable. It is
            smaller than the error.
        spot: differences to exact values of the first samples ``(samples, k)``; None without an exact engine.
        words: how many words were followed at once.
        outside: values outside of the range that the observables have, as a count.
    """

    dropped: Any = None
    bound: Any = None
    difference: Any = None
    spot: Any = None
    words: int = 0
    outside: int = 0


def certify(place: PauliPropagation, circuit: Circuit, params: Any, x: Any) -> PauliCertified:
    """The certificate of a place at these parameters and features."""
    found = place.propagated(circuit, params, x)
    shape = (*np.shape(x)[:-1], circuit.size)
    values = np.asarray(found.values, float).reshape(shape)
    bound = np.asarray(found.bound, float)
    tolerance = place.most
    exact = not bound.any() and not place.drops(circuit)
    difference = None if exact else _next(place, circuit, params, x, values)
    spot = None if exact else _spot(circuit, params, x, values)
    verdict = judge(tolerance, exact=exact, bound=bound, difference=difference, spot=spot)
    errors = np.broadcast_to(np.max(bound, axis=0), shape)
    outside = int((np.abs(values) > place.range(circuit) + 1e-6).sum())
    why = _why(exact, found, bound, difference, spot, outside)
    if not exact:
        if spot is not None:
            known = [
                2 * np.max(each, initial=0.0) for each in (difference, spot) if each is not None
            ]
            errors = np.minimum(errors, np.full(shape, max(known)))
        elif difference is not None:
            errors = np.minimum(errors, 2 * difference)
    return PauliCertified(
        verdict, values, np.asarray(errors), tolerance, why,
        dropped=np.max(np.asarray(found.dropped, float), axis=0), bound=np.max(bound, axis=0),
        difference=difference, spot=spot, words=place.words(circuit), outside=outside,
    )  # fmt: skip


def exactly(values: Any) -> Certified:
    """The certificate of an engine that leaves nothing out."""
    values = np.asarray(values, float)
    return Certified(EXACT, values, np.zeros_like(values), TOLERANCE, "Nothing was left out.")


def _next(place: PauliPropagation, circuit: Circuit, params: Any, x: Any, values: Any) -> Any:
    """Differences to the next weight; with epsilon or max_words also ten times more is kept."""
    finer = replace(
        place,
        weight=None if place.weight is None else place.weight + 1,
        epsilon=place.epsilon / 10,
        max_words=None if place.max_words is None else 10 * place.max_words,
    )
    try:
        other = finer.propagated(circuit, params, x).values
    except Refused:
        return None
    return np.abs(np.asarray(other, float).reshape(values.shape) - values)


def _spot(circuit: Circuit, params: Any, x: Any, values: Any) -> Any:
    """Differences to exact values of the first samples, where counted operations allow."""
    few = None if x is None else np.atleast_2d(x)[:SPOTS]
    seen = cone.explain(circuit)
    try:
        if cones(circuit).size() * SPOTS <= free_bytes() / 2 and seen.flops <= AFFORDED:
            exact = cone.Cone().values(circuit, params, few, None)
        else:
            place = contraction.TensorNetwork()
            if place.explain(circuit).flops > AFFORDED:
                return None
            exact = place.values(circuit, params, few, None)
    except (Refused, ImportError):
        return None
    exact = np.asarray(exact, float).reshape(-1, circuit.size)
    return np.abs(exact - values.reshape(-1, circuit.size)[: len(exact)])


def _why(exact: bool, found: Any, bound: Any, difference: Any, spot: Any, outside: int) -> str:
    if exact:
        return "No word was dropped."
    lost = float(np.max(np.asarray(found.dropped)))
    text = [
        f"Dropped: L2 norm {lost:.2g}, L1 norm {float(bound.max()):.2g}, which bounds every error."
    ]
    if difference is None:
        text.append("The next weight is not affordable.")
    else:
        rms = float(np.sqrt(np.mean(difference**2)))
        text.append(f"The next weight differs by {rms:.2g} (rms), at most {difference.max():.2g}.")
    if spot is None:
        text.append("No exact engine affords a sample.")
    else:
        text.append(f"Exact values of {len(spot)} samples differ by at most {spot.max():.2g}.")
    if outside:
        text.append(f"{outside} values are outside of the observables' range.")
    return " ".join(text)
