"""Whether the values of a place that leaves something out are right: one verdict, by one rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arguments import check_number
from .shown import Shown

EXACT = "exact at this size"
CERTIFIED = "certified at this theta"
NOT_CERTIFIED = "not certified"


@dataclass(frozen=True)
class Certified(Shown):
    """What a place says of its own values; ``str()`` begins with the verdict.

    A place that knows more of its errors returns a subclass with more fields.

    Attributes:
        verdict: "exact at this size": nothing was left out; "certified at this theta": ``judge`` found
            the errors small enough, for these parameters and features alone; "not certified": anything
            else, also where values may be right.
        values: the readout values ``(..., k)`` as the place gives them.
        errors: what they may be off by ``(..., k)``: a rigorous bound, or what the place estimates.
        tolerance: the largest error that is certified.
        why: what the verdict rests on, in a sentence.

    Example:
        >>> import numpy as np
        >>> found = Certified(CERTIFIED, np.array([0.5]), np.array([1e-4]), 1e-3, "The bound is rigorous.")
        >>> print(found)
        certified at this theta: errors of at most 0.0001, tolerance 0.001. The bound is rigorous.
    """

    verdict: str
    values: Any
    errors: Any
    tolerance: float
    why: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in (EXACT, CERTIFIED, NOT_CERTIFIED):
            raise ValueError(
                f"unknown verdict {self.verdict!r}; expected {EXACT!r}, {CERTIFIED!r} or {NOT_CERTIFIED!r}. "
                "Use judge(tolerance, ...)."
            )
        check_number("tolerance", self.tolerance, "tolerance=1e-3")

    @property
    def error(self) -> float:
        """The largest of the errors."""
        return float(np.max(np.asarray(self.errors), initial=0.0))

    def __bool__(self) -> bool:
        """Whether the values are exact or certified."""
        return self.verdict != NOT_CERTIFIED

    def __str__(self) -> str:
        found = f"errors of at most {self.error:.2g}, tolerance {self.tolerance:.2g}"
        return f"{self.verdict}: {found}. {self.why}".strip()


def judge(
    tolerance: float,
    *,
    exact: bool = False,
    bound: Any = None,
    difference: Any = None,
    spot: Any = None,
) -> str:
    """The verdict on values of a truncation, by the one rule of all places.

    Certified is a rigorous bound of at most the tolerance, or twice the difference to the next
    truncation *and* twice the difference to an independent check both at most the tolerance. What is not
    finite certifies nothing.

    Args:
        tolerance: the largest error that is certified.
        exact: nothing was left out.
        bound: rigorous bounds of the errors, of any shape.
        difference: absolute differences to a finer truncation, of any shape.
        spot: absolute differences to checks that do not share the truncation, of any shape.

    Example:
        >>> judge(1e-2, bound=[1e-3, 2e-2]), judge(1e-2, difference=[1e-3], spot=[4e-3])
        ('not certified', 'certified at this theta')
        >>> judge(1e-2, difference=[1e-3])
        'not certified'
    """
    if exact:
        return EXACT
    if bound is not None and _within(bound, tolerance):
        return CERTIFIED
    both = difference is not None and spot is not None
    if both and _within(difference, tolerance / 2) and _within(spot, tolerance / 2):
        return CERTIFIED
    return NOT_CERTIFIED


def _within(errors: Any, most: float) -> bool:
    errors = np.asarray(errors, float)
    return bool(errors.size and np.all(np.abs(errors) <= most))  # a NaN is not


def certify(model: Any, params: Any, X: Any = None) -> Certified:
    """Whether a model's values are right at its place, which leaves something out; for these parameters.

    The place says: what is left out, and what it may cost, is of its own kind. A place that leaves
    nothing out, or that draws shots, is refused.

    Args:
        model: a ``QNN`` on a truncating place.
        params: as returned by ``init``.
        X: ``(n_features,)`` or ``(batch, n_features)``; None for a circuit without data.

    Returns:
        A ``Certified``: ``print`` says the verdict first.

    Raises:
        Refused: a place that has nothing to certify.
        TypeError: a model that is no circuit on a place, as ``Hybrid``.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.cvqnn(1, 2, cutoff=20)
        >>> certify(model, model.init(jax.random.key(0)), jax.numpy.zeros((3, 1))).verdict
        'certified at this theta'
    """
    if not (hasattr(model, "place") and hasattr(model, "circuit")):
        raise TypeError(
            f"certify takes a circuit on a place, got {type(model).__name__}. Pass one quantum stage, "
            "model.stages[i], with params[i] and what that stage is given."
        )
    model.check_params(params)
    return model.place.certify(model.circuit, params, model.check_features(X))
