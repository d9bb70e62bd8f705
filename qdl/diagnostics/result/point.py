"""What one size says: a number and how it is known. A list of them is what the verdict judges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One number of a sweep at one size.

    Attributes:
        size: the width, or the depth.
        value: the estimate, without bias; below zero where its own noise is larger than it.
        low: lower end of its 95% interval, below zero where that is; ``value`` where it is exact.
        high: upper end.
        error: standard error; 0 where it is exact.
        exact: nothing was sampled.
        zero: proven to vanish, whatever the angles.
        shots: outcomes behind each expectation value, or None.
        floor: what those shots add to the number if nobody subtracts it; None without shots.
        limit: the smallest number that so many shots and draws tell from none; None without shots.

    Example:
        >>> Point(4, 2e-5, -1e-4, 2e-4, 8e-5, shots=100, floor=5e-3, limit=1.6e-4).censored
        True
        >>> Point(4, 0.01, 0.01, 0.01, 0.0, exact=True).censored
        False
    """

    size: int
    value: float
    low: float
    high: float
    error: float
    exact: bool = False
    zero: bool = False
    shots: int | None = None
    floor: float | None = None
    limit: float | None = None

    @property
    def censored(self) -> bool:
        """Whether all that is known is that the number is at most ``high``."""
        if self.exact or self.zero:
            return False
        return self.value <= 0 or (self.limit is not None and self.value < self.limit)
