r"""Gradients from shots: the floor under which a plateau hides, and estimates that do not see it.

With S shots a term, the parameter-shift estimate $\hat g = (\hat f_+ - \hat f_-)/2$ of a $\pm 1$ observable
has a variance of its own of up to $1/(2S)$: the plain variance over starts never falls below it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def shot_floor(shots: int) -> float:
    r"""The largest variance that shots add to a parameter-shift gradient: $1/(2S)$.

    Args:
        shots: per expectation value, of an observable with values in [-1, 1].

    Example:
        >>> shot_floor(1000)
        0.0005
    """
    return 1 / (2 * shots)


def shots_needed(variance: float, snr: float = 1.0, one_shot: float = 1.0) -> float:
    r"""Shots per expectation value for a typical gradient at a signal-to-noise ratio: $r^2 w/(2v)$.

    Twice as many for a parameter, which takes two expectation values.

    Args:
        variance: $v$, of the gradient component over starts.
        snr: ratio of its standard deviation to the shots' one.
        one_shot: $w$, the variance of what is measured from one shot; 1 is the most that a single Pauli word
            has, and what it has on a plateau.

    Example:
        >>> shots_needed(1e-6, snr=3)
        4500000
    """
    return math.ceil(snr**2 * one_shot / (2 * variance)) if variance > 0 else math.inf


def detection_limit(shots: int, draws: int) -> float:
    r"""The smallest variance told from none at 95%: $1.96 \sqrt{2/M} / (2S)$.

    Example:
        >>> f"{detection_limit(1000, 200):.1e}"
        '9.8e-05'
    """
    return 1.96 * math.sqrt(2 / draws) * shot_floor(shots)


def debiased_variance(plus: Any, minus: Any, shots: int) -> np.ndarray:
    r"""Unbiased variance of a gradient from sampled shift values of a $\pm 1$ observable.

    $s^2(\hat g) - \overline{[(1 - \hat f_+^2) + (1 - \hat f_-^2)]/(4(S - 1))}$ over the draws. It can be
    negative where the signal is below the noise: never clip before averaging.

    Args:
        plus: ``(draws, ...)``, the mean of S outcomes at $\theta + \pi/2$.
        minus: the same at $\theta - \pi/2$.
        shots: S, at least 2.

    Example:
        >>> round(float(debiased_variance(np.array([0.5, -0.5]), np.array([-0.5, 0.5]), 100)), 4)
        0.4962
    """
    plus, minus = np.asarray(plus, float), np.asarray(minus, float)
    noise = ((1 - plus**2) + (1 - minus**2)) / (4 * (shots - 1))
    return ((plus - minus) / 2).var(axis=0, ddof=1) - noise.mean(axis=0)


def split_variance(first: Any, second: Any) -> np.ndarray:
    """Unbiased variance of a gradient from two estimates with shots of their own: their covariance.

    For any observable. Like ``debiased_variance`` it can be negative.

    Args:
        first: ``(draws, ...)``, gradients from one half of the shots.
        second: from the other half, at the same starts.

    Example:
        >>> float(split_variance(np.array([0.5, -0.5]), np.array([0.5, -0.5])))
        0.5
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    return ((first - first.mean(0)) * (second - second.mean(0))).sum(0) / (len(first) - 1)
