"""At which temperature were these states drawn?"""

from __future__ import annotations

from typing import Any

import numpy as np

from .energy import Bipartite, Couplings, Ising, check_problem

SMALL = 1e-12  # of the largest field: what rounding leaves of a field that is zero
RANGE = 200  # doublings of beta, in units of the rms field


def effective_temperature(h: Any, J: Any, spins: Any) -> float:
    r"""The temperature T at which reads are most likely those of Boltzmann's law $e^{-E(s)/T}$.

    Maximises the pseudo-likelihood over $\beta = 1/T$, which is concave:

    $$-\sum_{\rm reads} \sum_i \log\left(1 + e^{2 \beta s_i f_i}\right), \quad
    f_i = h_i + \sum_j J_{ij} s_j.$$

    A machine's temperature in units of its couplings, or whether a program samples or descends. It
    looks at single flips: reads that are each settled, but in the wrong basins, are not found out.

    Args:
        h: fields ``(n,)``, or ``(..., n)`` of many problems that share couplings and temperature.
        J: couplings, ``(n, n)`` upper triangular or ``Bipartite``.
        spins: ``(reads, n)``, or ``(..., reads, n)``.

    Returns:
        T; 0 if no spin points against its field (a descent ends so), negative if they rather
        point against their fields, ``inf`` if they do not mind them.

    Raises:
        ValueError: shapes or values that are no problem or no spins; a problem without any field,
            which looks the same at all temperatures.

    Example:
        >>> from qdl.ising import ExactSampler
        >>> h, J = np.array([0.3, -0.5, 0.2]), np.triu(np.ones((3, 3)), 1)
        >>> reads = ExactSampler(temperature=2.0).sample(h, J, num_reads=100_000, key=0)
        >>> round(effective_temperature(h, J, reads.spins), 1)
        2.0

    Reference: Chatterjee, Annals of Statistics 35, 1931 (2007); Raymond, Yarkoni, Andriyash,
    Frontiers in ICT 3, 23 (2016).
    """
    h, J = check_problem(h, J)
    spins = np.asarray(spins)
    Ising(h, J).energies(spins)  # refuses what are no spins of this problem
    along = along_fields(h, J, spins)
    scale = np.sqrt(np.mean(along**2)) if along.size else 0.0
    if scale == 0:
        raise ValueError(
            "no field acts on any of these spins, so they look the same at all temperatures. Pass "
            "reads of a problem with fields or couplings."
        )
    along = along[np.abs(along) > SMALL * np.abs(along).max()] / scale
    if not (along > 0).any():
        return 0.0
    if not (along < 0).any():
        return -0.0
    beta = _root(along)
    return float("inf") if beta == 0 else float(scale / beta)


def along_fields(h: np.ndarray, J: Couplings, spins: np.ndarray) -> np.ndarray:
    """s_i f_i of all spins of all reads, flat; negative for a spin that lowers the energy."""
    spins = spins.astype(float)
    if isinstance(J, Bipartite):
        p = len(J.block)
        left, right = spins[..., p:] @ J.block.T, spins[..., :p] @ J.block
        fields = np.concatenate([left, right], axis=-1)
    else:
        fields = spins @ (J + J.T)
    return (spins * (fields + (h if h.ndim == 1 else h[..., None, :]))).ravel()


def _root(along: np.ndarray) -> float:
    """Where the slope of the pseudo-likelihood in beta is zero; there are fields of both signs."""
    from scipy.optimize import brentq
    from scipy.special import expit

    def slope(beta: float) -> float:  # grows with beta
        return float(along @ expit(2 * beta * along))

    far = 1.0 if slope(0.0) < 0 else -1.0
    for _ in range(RANGE):
        if slope(far) * far > 0:
            break
        far *= 2
    return float(brentq(slope, min(far, 0.0), max(far, 0.0), xtol=1e-300, rtol=1e-14))  # pyright: ignore[reportArgumentType]
