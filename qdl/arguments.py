"""Refusals of arguments that are no proper numbers, in one form."""

from __future__ import annotations

from math import isfinite
from numbers import Integral, Real
from typing import Any


def check_whole(
    name: str, value: Any, example: str = "", least: int = 1, owner: str | None = None
) -> None:
    """Refuse what is not a whole number >= ``least``.

    Args:
        name: of the argument.
        value: what was given.
        example: of a good one; the least if left out.
        least: the smallest number allowed.
        owner: the function that asks, where the name alone would not tell.

    Example:
        >>> check_whole("epochs", 1.5, "epochs=13")
        Traceback (most recent call last):
        ...
        ValueError: epochs must be a whole number >= 1, got 1.5. Example: epochs=13.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        subject = f"{name} must be" if owner is None else f"{owner} needs {name} to be"
        raise ValueError(
            f"{subject} a whole number >= {least}, got {value!r}. Example: {example or f'{name}={least}'}."
        )


def check_number(name: str, value: Any, example: str, positive: bool = False) -> None:
    """Refuse what is not a finite number >= 0, or > 0 if it must be ``positive``.

    Example:
        >>> check_number("scale", -1.0, "scale=0.5", positive=True)
        Traceback (most recent call last):
        ...
        ValueError: scale must be a number > 0, got -1.0. Example: scale=0.5.
    """
    known = isinstance(value, Real) and not isinstance(value, bool) and isfinite(float(value))
    if not known or value < 0 or (positive and value == 0):
        sign = ">" if positive else ">="
        raise ValueError(f"{name} must be a number {sign} 0, got {value!r}. Example: {example}.")
