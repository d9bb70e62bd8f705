r"""From two independent runs at every start: gradients without their noise, and what that noise was.

The estimates $a$ and $b$ of one number share nothing but the start, so that $E[ab]$ is the mean square of the
number, whatever the noise: no model of it is needed. What is subtracted is half the mean square of $a - b$.
All results may fall below zero, and must not be clipped before they are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..result.sampling import Resolution
from ..shots import split_variance


@dataclass(frozen=True, eq=False)
class Moment:
    """A second moment without noise, its standard error, and what the noise was."""

    value: float
    error: float
    noise: Resolution


def covariance(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each column of two runs ``(M, ...)``: the variance without noise, its error, the plain one."""
    products = (a - a.mean(axis=0)) * (b - b.mean(axis=0))
    error = products.std(axis=0, ddof=1) / len(a) ** 0.5
    return split_variance(a, b), error, (a.var(0, ddof=1) + b.var(0, ddof=1)) / 2


def cost_moment(a: np.ndarray, b: np.ndarray) -> Moment:
    """The variance of a cost from ``(M,)`` values of each run."""
    value, error, _ = covariance(a, b)
    return Moment(float(value), float(error), resolution((a - b)[:, None]))


def squared_norm(a: np.ndarray, b: np.ndarray, times: float) -> Moment:
    """The mean squared norm of gradients ``(M, k)``, times a factor: of a component drawn among many."""
    products = times * (a * b).sum(axis=1)
    noise = resolution(a - b)
    noise = Resolution(times * noise.floor, times * noise.limit)
    return Moment(float(products.mean()), float(products.std(ddof=1) / len(a) ** 0.5), noise)


def resolution(differences: np.ndarray) -> Resolution:
    r"""What the noise adds to a squared norm, and 1.96 standard errors of what is left without a signal.

    With the covariance $\Sigma$ of one run's noise, the product of two runs has the variance
    $\mathrm{tr}\,\Sigma^2$, which is $E(d_i \cdot d_j)^2/4$ over pairs of differences d of the two runs.
    """
    m = len(differences)
    floor = float((differences**2).sum(axis=1).mean() / 2)
    gram = differences @ differences.T
    square = float((gram**2).sum() - (np.diag(gram) ** 2).sum()) / (m * (m - 1)) / 4
    return Resolution(floor, 1.96 * (square / m) ** 0.5)
