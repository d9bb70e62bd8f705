"""Confidence intervals: for a variance from draws, for hits among trials, for the mean of a bounded score."""

from __future__ import annotations

from typing import Any

import numpy as np

LEVEL = 0.95
HEAVY = 0.05  # kurtosis / draws above this: the interval from draws is known to be too narrow


def log_delta(variance: Any, kurtosis: Any, draws: int, level: float = LEVEL) -> Any:
    r"""Interval of a variance from draws, $\ln v \pm z\sqrt{(\kappa - 1)/M}$.

    Heavy tails need many draws: with $\kappa/M$ above 0.05 the interval is too narrow, and no
    interval made from the draws alone repairs that.

    Args:
        variance: sample variances.
        kurtosis: fourth central moment over the squared variance.
        draws: their number M.
        level: confidence.

    Returns:
        ``(low, high)``, of the shape of ``variance``.

    Example:
        >>> low, high = log_delta(0.5, 1.5, 200)
        >>> print(f"{low:.3f} {high:.3f}")
        0.453 0.551
    """
    from scipy.special import ndtri

    spread = np.sqrt(np.maximum(np.asarray(kurtosis, float) - 1, 0) / draws)
    factor = np.exp(ndtri(0.5 + level / 2) * spread)
    return variance / factor, variance * factor


def clopper_pearson(hits: Any, trials: int, level: Any = LEVEL) -> Any:
    """Exact interval of a probability after ``hits`` among ``trials``: it covers at least ``level``.

    Zero hits give 0 to about ``3.7 / trials`` at 95%.

    Example:
        >>> low, high = clopper_pearson(0, 1000)
        >>> print(f"{low:.4f} {high:.4f}")
        0.0000 0.0037

    Reference: Clopper, Pearson, Biometrika 26, 404 (1934).
    """
    from scipy.special import betaincinv

    hits, tail = np.asarray(hits, float), (1 - level) / 2
    misses = trials - hits
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)
    return low, high


def empirical_bernstein(
    mean: Any, variance: Any, trials: int, bound: Any, level: Any = LEVEL
) -> Any:
    r"""Interval of the mean of a score in ``[0, bound]``, whatever its distribution.

    $\bar s \pm \left(\sqrt{2 V \ln(4/\alpha)/N} + 7 b \ln(4/\alpha) / (3(N-1))\right)$ with the
    sample variance $V$ and $\alpha$ = 1 - level: the one-sided bound at $\alpha/2$, twice.

    Example:
        >>> low, high = empirical_bernstein(0.5, 0.25, 10_000, 1.0)
        >>> print(f"{low:.3f} {high:.3f}")
        0.484 0.516

    Reference: Maurer, Pontil, COLT 2009, theorem 4.
    """
    log = np.log(4 / (1 - level))
    half = np.sqrt(2 * np.asarray(variance) * log / trials) + 7 * bound * log / (3 * (trials - 1))
    return np.maximum(mean - half, 0.0), np.minimum(mean + half, bound)


def kurtosis(draws: Any) -> Any:
    """Fourth central moment over the squared variance, along the first axis; 1 where it is zero."""
    centred = draws - draws.mean(axis=0)
    second = np.mean(centred**2, axis=0)
    fourth = np.mean(centred**4, axis=0)
    return np.where(second > 0, fourth / np.where(second > 0, second**2, 1), 1.0)


def of_median(low: Any, high: Any) -> tuple[float, float]:
    r"""Interval of the median of several numbers, from intervals that hold for all of them at once.

    The median grows with each of them. It covers at least as often as they do together.

    Args:
        low: ``(k,)``, as at a level of $1 - \alpha/k$ each.
        high: ``(k,)``.

    Example:
        >>> of_median(np.array([0.1, 0.4, 0.2]), np.array([0.6, 0.5, 0.9]))
        (0.2, 0.6)
    """
    if not len(low):
        return 0.0, 0.0
    return float(np.median(low)), float(np.median(high))


def at_once(count: int, level: float = LEVEL) -> float:
    """The level of each of ``count`` intervals that together hold at ``level``, whatever they share.

    Example:
        >>> round(at_once(5), 3)
        0.99
    """
    return 1 - (1 - level) / max(count, 1)


def of_largest(low: Any, high: Any) -> tuple[float, float]:
    r"""Interval of the largest of several numbers that covers at least as often as theirs.

    Which one is the largest is not known. Its own upper end is at most the largest of all, so that this end
    needs no correction; a lower end may be taken from any of them, so that all must hold at once.

    Args:
        low: ``(k,)``, lower ends that hold for all k at once, as at a level of $1 - \alpha/k$ each.
        high: ``(k,)``, upper ends that hold for each.

    Example:
        >>> of_largest(np.array([0.1, 0.4]), np.array([0.6, 0.5]))
        (0.4, 0.6)

    Reference: Berger, Technometrics 24, 295 (1982), for tests that are an intersection or a union.
    """
    if not len(low):
        return 0.0, 0.0
    return float(np.max(low)), float(np.max(high))


def normal(mean: float, error: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a mean from its standard error; below zero where that reaches there.

    Example:
        >>> print("{:.3f} {:.3f}".format(*normal(0.5, 0.1)))
        0.304 0.696
    """
    from scipy.special import ndtri

    half = float(ndtri(0.5 + level / 2)) * error
    return mean - half, mean + half


def of_positive_mean(mean: float, error: float, level: float = LEVEL) -> tuple[float, float]:
    r"""Interval of the mean of numbers that cannot be negative, $\ln m \pm z\,s/m$.

    Example:
        >>> print("{:.3f} {:.3f}".format(*of_positive_mean(0.5, 0.05)))
        0.411 0.608
    """
    if not mean > 0:
        return 0.0, 0.0
    low, high = normal(0.0, error / mean, level)
    return mean * float(np.exp(low)), mean * float(np.exp(high))
