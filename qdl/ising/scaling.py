"""The exponent z of the training error, which is nothing without its window and learning rate."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Scaling(NamedTuple):
    r"""A fit of $e(t) \propto t^{-z}$ over a window of epochs.

    Attributes:
        z: minus the slope of log error against log epoch, by least squares.
        first: the first epoch of the window, counted from 1.
        last: the last one.
    """

    z: float
    first: int
    last: int


def scaling_exponent(errors: Any, first: int = 1, last: int = 13, floor: float = 0.0) -> Scaling:
    r"""The z of $e(t) \propto t^{-z}$, Eq. 8.

    It depends on the window and, strongly, on the learning rate: quote all three.

    Args:
        errors: the error of epoch 1, 2, ...
        first: the first epoch of the fit.
        last: the last one; fewer if there are fewer.
        floor: the fit ends before the first error that is not above it; zero errors always end it.

    Example:
        >>> scaling_exponent([0.4, 0.2, 0.4 / 3, 0.1])
        Scaling(z=1.0, first=1, last=4)

    Reference: Zhang, Kamenev, Communications Physics 8, 478 (2025), Eq. 8 and Fig. 5.
    """
    errors = np.asarray(errors, float)
    if errors.ndim != 1 or not np.isfinite(errors).all():
        got = "nan or inf" if errors.ndim == 1 else f"shape {errors.shape}"
        raise ValueError(
            f"errors must be finite numbers (epochs,), got {got}. Example: "
            "classifier.history_['online_error']."
        )
    errors = errors[:last]
    low = np.flatnonzero(errors <= floor)
    last = int(low[0]) if len(low) else len(errors)
    if first < 1 or last - first < 1:
        raise ValueError(
            f"a slope needs at least two epochs from {first} on with an error above {floor}, "
            f"got the errors {errors.tolist()}. Train longer, or choose another window."
        )
    epochs = np.arange(first, last + 1)
    slope = np.polyfit(np.log(epochs), np.log(errors[first - 1 : last]), 1)[0]
    return Scaling(round(float(-slope), 6), first, last)
