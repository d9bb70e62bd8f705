r"""How the scatter of shots goes through error mitigation.

$\sigma^2 = \sum_r (\partial v / \partial r)^2 \sigma_r^2$ over the runs $r$ of a value $v$. Extrapolation
weighs values with large numbers of both signs: with scales 1, 3, 5, 7 and order 3 the standard error is
3.4 times that of one run. Undoing the readout divides by numbers below one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# The values of the runs by scale, ``(m,)`` each, and Z of each wire after all zeros and all ones, or None.
Runs = tuple[list[Any], Any]


def propagated(runs: Runs, by_run: Runs, shots: float, words: bool) -> np.ndarray:
    """Standard errors ``(k,)`` from the runs and the derivative of the k values by each of them.

    Args:
        runs: what was measured.
        by_run: the derivatives ``(k, m)`` by the runs of each scale, ``(k, wires)`` by those of the readout.
        shots: outcomes behind every run.
        words: whether runs are values of Pauli words; otherwise they are probabilities of one distribution.

    Example:
        >>> runs = [np.zeros(1), np.zeros(1)], None
        >>> weights = [np.array([[1.5]]), np.array([[-0.5]])], None
        >>> propagated(runs, weights, 100, True)  # scales 1 and 3: sqrt(1.5^2 + 0.5^2) / 10
        array([0.15811388])

    Reference: Giurgica-Tiron et al., IEEE QCE 2020, p. 306, section IV.
    """
    total: Any = 0.0
    for found, slope in zip(runs[0], by_run[0], strict=True):
        found, slope = np.asarray(found, float), np.asarray(slope, float)
        if words:  # words of one basis share outcomes: their errors may add up, and never to more
            total = total + (np.abs(slope) @ _scatter(found)) ** 2
        else:
            p = found.clip(0, 1)
            total = total + np.maximum(slope**2 @ p - (slope @ p) ** 2, 0)
    for found, slope in zip(runs[1] or (), by_run[1] or (), strict=True):
        errors = np.asarray(slope, float) * _scatter(np.asarray(found, float))
        total = total + np.sum(errors**2, axis=-1)  # every wire has outcomes of its own
    return np.sqrt(total / shots)


def _scatter(value: np.ndarray) -> np.ndarray:
    """The standard deviation of one outcome +1 or -1 with this mean."""
    return np.sqrt((1 - value**2).clip(0))
