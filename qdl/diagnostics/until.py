"""Draws in parts until an interval is as narrow as it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from .result.variance import GradientVariance

T = TypeVar("T")
PART = 100  # draws of one part: of one size, so that its program is compiled once


def until(
    draw: Callable[[int, int], T], half: Callable[[list[T]], float], wanted: float, most: int,
    size: int = PART,
) -> list[T]:  # fmt: skip
    """Parts of draws until ``half`` of them is at most ``wanted``, or there are ``most`` draws.

    Looking after every part ends early where the interval happened to be narrow: it is a nominal one.

    Args:
        draw: takes a number of draws and the number of the part.
        half: half of the 95% interval, relative to the value.
        wanted: relative to the value too.
        most: draws.
        size: draws of a part.

    Example:
        >>> len(until(lambda count, part: count, lambda parts: sum(parts) ** -0.5, 0.06, 1000))
        3
    """
    parts: list[T] = []
    for number, first in enumerate(range(0, most, size)):
        parts.append(draw(min(size, most - first), number))
        if half(parts) <= wanted:
            break
    return parts


def relative(value: float, error: float) -> float:
    """Half of a normal 95% interval, relative to the value; infinite where that is not above zero."""
    return 1.96 * error / value if value > 0 else np.inf


def half_of(row: GradientVariance, components: str | int) -> float:
    """Half of the interval of the squared norm, or of one component, relative to it."""
    if isinstance(components, str):
        return relative(row.squared_norm, row.squared_norm_error)
    return relative(float(row.variance[components]), float(row.standard_error[components]))


def warned(row: GradientVariance, components: str | int, wanted: float | None) -> GradientVariance:
    """The row, with a warning where its draws were not enough for the interval that was asked for."""
    found = half_of(row, components)
    if wanted is None or found <= wanted:
        return row
    reach = f"within {found:.0%} of the value" if np.isfinite(found) else "not above zero"
    text = f"after {row.draws:,} draws the interval is {reach}, where {wanted:.0%} was asked for"
    return replace(row, warnings=(*row.warnings, f"{text}: take more samples"))
