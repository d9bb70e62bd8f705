r"""Fits of laws to numbers with errors: as they are, also those that the noise has made negative.

The mean of v is $m = e^{\eta}$ with $\eta$ linear in few functions of the size, and its error
$s^2 = a^2 + (r m)^2$: a of the place's noise, r of the draws. A value that the noise hides weighs little, and
what it does say, that v is not large, is kept: it is no reason to leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOOR = (
    0.02  # relative error added to every point of a fit: no law of this kind holds better than that
)
REPEATS = 500
ROUNDS = 12  # of reweighting; six are enough where values are resolved
STEP = 3.0  # of ln v, at most, in one of them
PLAIN = ("exponential", "polynomial", "constant")
BENT = ("exponential with a power", "power with a correction", "constant with corrections")


def design(law: str, x: np.ndarray) -> np.ndarray:
    """The functions of the size that ln v is made of, one a column; the last is 1."""
    columns = {
        "exponential": [x],
        "polynomial": [np.log(x)],
        "constant": [],
        BENT[0]: [x, np.log(x)],
        BENT[1]: [np.log(x), 1 / x],
        BENT[2]: [1 / x, 1 / x**2],
    }[law]
    return np.stack([*columns, np.ones_like(x)], axis=1)


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is fitted.

    Attributes:
        x: sizes, rising.
        v: values, which may be negative where ``noise`` is.
        noise: ``(sizes,)``, the part of the errors that does not go with the value.
        relative: ``(sizes,)``, that which does, of the value.
    """

    x: np.ndarray
    v: np.ndarray
    noise: np.ndarray
    relative: np.ndarray

    def error(self, mean: np.ndarray) -> np.ndarray:
        """Standard errors, if the truth is ``mean``."""
        return np.hypot(self.noise, self.relative * mean)

    def since(self, i: int) -> Numbers:
        """Those from a size on."""
        return Numbers(self.x[i:], self.v[i:], self.noise[i:], self.relative[i:])


def numbers(x: np.ndarray, v: np.ndarray, error: np.ndarray, noise: np.ndarray) -> Numbers:
    """Of values with standard errors, of which ``noise`` would be there without a signal too."""
    resolved = v > 1.96 * noise
    signal = np.sqrt(np.maximum(error**2 - noise**2, 0.0))
    relative = signal / np.where(resolved, v, 1.0)
    usual = np.median(relative[resolved]) if resolved.any() else 0.0
    return Numbers(x, v, noise, np.hypot(np.where(resolved, relative, usual), FLOOR))


@dataclass(frozen=True, eq=False)
class Fit:
    """One law's fit; ``slope`` is the coefficient of its first function."""

    slope: float
    slope_error: float
    coefficients: np.ndarray
    fitted: np.ndarray
    chi2: float
    dof: int
    aicc: float


def fit(law: str, given: Numbers) -> Fit:
    """The fit of one law."""
    columns = design(law, given.x)
    coefficients, fitted, covariance = _solve(columns, given, given.v)
    chi2, aicc = _criterion(given, given.v, fitted, columns.shape[1])
    n, k = columns.shape
    return Fit(
        float(coefficients[0]), float(covariance[0, 0] ** 0.5), coefficients, fitted, float(chi2), n - k,
        float(aicc),
    )  # fmt: skip


def wins(best: str, laws: tuple[str, ...], fitted: np.ndarray, given: Numbers, seed: int) -> float:
    """How often values drawn from the winner's fit are won by it again."""
    rng = np.random.default_rng(seed)
    v = fitted + given.error(fitted) * rng.standard_normal((REPEATS, len(given.x)))
    found = []
    for law in laws:
        columns = design(law, given.x)
        found.append(_criterion(given, v, _solve(columns, given, v)[1], columns.shape[1])[1])
    return float(np.mean(np.argmin(found, axis=0) == laws.index(best)))


def _solve(
    columns: np.ndarray, given: Numbers, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, means and covariance for values ``(..., sizes)``, by reweighted least squares.

    Reference: McCullagh, Nelder, Generalized Linear Models, 2nd ed. (1989), section 2.5: a logarithmic link.
    """
    least = 1e-3 * abs(v).max(axis=-1, keepdims=True)
    mean = np.where(v > 0, v, 0.0)
    mean = np.maximum(mean, np.maximum(given.noise / 2, np.where(mean > 0, 0.0, least)))
    ridge = 1e-12 * np.eye(columns.shape[1])

    def normal(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = (mean / given.error(mean)) ** 2
        return weights, np.einsum("...n,ni,nj->...ij", weights, columns, columns) + ridge

    coefficients = np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        weights, matrix = normal(mean)
        response = np.log(mean) + np.clip((v - mean) / mean, -STEP, STEP)
        right = np.einsum("...n,ni,...n->...i", weights, columns, response)
        coefficients = np.linalg.solve(matrix, right[..., None])[..., 0]
        mean = np.exp(np.clip(coefficients @ columns.T, -300, 300))
    return coefficients, mean, np.linalg.inv(normal(mean)[1])


def _criterion(
    given: Numbers, v: np.ndarray, mean: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    r"""$\chi^2$, and Akaike's criterion corrected for few sizes, up to a constant."""
    error, n = given.error(mean), len(given.x)
    chi2 = (((v - mean) / error) ** 2).sum(axis=-1)
    return chi2, chi2 + 2 * np.log(error).sum(axis=-1) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
