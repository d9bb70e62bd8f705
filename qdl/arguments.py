"""Refusals of arguments that are no proper numbers, in one form."""

from __future__ import annotations

import sys
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np


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


ROWS = "Drop or impute such rows first."


def is_number(text: str) -> bool:
    """Whether a text is a number, as a field of a table.

    Example:
        >>> is_number("1e3"), is_number("1,000")
        (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_real(name: str, array: Any, dtype: Any = None, advice: str = ROWS) -> None:
    """Refuse entries that are masked, complex or text, NaN or infinite, or too large for ``dtype``.

    Args:
        name: of the argument.
        array: a NumPy array, masked or not, or what becomes one; of a traced array the kind alone is known.
        dtype: of the numbers that it will be; None for its own.
        advice: what to do about entries that are masked or not finite.

    Example:
        >>> check_real("X", np.array([[1.0, np.nan]]), advice="Drop it.")
        Traceback (most recent call last):
        ...
        ValueError: X must be finite, got nan in column 1, row 0 (1 such value). Drop it.
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.getmaskarray(array).any():
        where = np.argwhere(np.ma.getmaskarray(array))
        raise ValueError(
            f"{name} has masked entries, the first one in {_place(where[0])} ({_such(where)}). A mask "
            f"is not kept. {advice}"
        )
    jax = sys.modules.get("jax")  # this file must not load it
    traced = jax is not None and isinstance(array, jax.core.Tracer)
    array = array if traced else np.asarray(array)
    if array.dtype.kind not in "biuf" and not array.dtype.name.startswith("bfloat"):
        raise TypeError(
            f"{name} must be real numbers, got dtype {array.dtype}. Encode text and categories as numbers, "
            f"complex numbers as two features each, or leave such columns out; then {name}.astype(float)."
        )
    if traced:
        return
    finite = np.isfinite(array)
    if not finite.all():
        where = np.argwhere(~finite)
        raise ValueError(
            f"{name} must be finite, got {array[tuple(where[0])]} in {_place(where[0])} ({_such(where)}). "
            f"{advice}"
        )
    if dtype is None or array.dtype.kind != "f" or array.dtype.itemsize <= np.dtype(dtype).itemsize:
        return
    where = np.argwhere(np.abs(array) > np.finfo(dtype).max)
    if len(where):
        raise ValueError(
            f"{name} must be within the range of {np.dtype(dtype)}, got {array[tuple(where[0])]} in "
            f"{_place(where[0])} ({_such(where)}). Scale such columns, or set JAX_ENABLE_X64=1."
        )


def _place(where: Any) -> str:
    if len(where) == 0:
        return "it"
    *rows, last = (int(i) for i in where)
    if not rows:
        return f"row {last}"
    return f"column {last}, row {rows[0] if len(rows) == 1 else tuple(rows)}"


def _such(where: Any) -> str:
    return "1 such value" if len(where) == 1 else f"{len(where)} such values"


def check_no_torch(name: str, value: Any) -> None:
    """Refuse a tensor of PyTorch that asks for a gradient, which JAX could not give back to it."""
    if type(value).__module__.partition(".")[0] == "torch" and value.requires_grad:
        raise TypeError(
            f"{name} is a tensor of PyTorch that asks for a gradient, but this function is differentiated by "
            "JAX. Use qdl.torch.Layer(model)(x), which gives the gradient to PyTorch."
        )
