"""What layers refuse of features, while their values are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.core import Tracer

from .base import Wires


def given(x: Any, expected: int, owner: str) -> None:
    """Refuse None for features."""
    if x is None:
        raise ValueError(
            f"{owner} needs features, got x=None: expected x of shape ({expected},) or "
            f"(batch, {expected}). Pass x to apply(params, x)."
        )


def resolved(x: Any, angles: Callable[[Any], Any], owner: str) -> None:
    """Refuse features whose angles have no digits behind the point, while values are concrete."""
    if isinstance(x, Tracer):
        return
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):  # infinite is too large
        largest = float(np.abs(angles(x)).max(initial=0))
    if largest * np.finfo(x.dtype).eps < 1:
        return
    more = ", or set JAX_ENABLE_X64=1" if x.dtype == np.float32 else ""
    raise ValueError(
        f"{owner} would turn by {largest:.3g} radians, and {x.dtype} knows that to a radian at best. "
        f"Scale the features, for example with sklearn.preprocessing.StandardScaler{more}."
    )


def largest_product(x: Any) -> Any:
    """The two largest features of a row, and their product: the angles of ``IQPEncoding``."""
    largest = np.sort(np.abs(x), axis=-1)[..., -2:]
    return np.concatenate([largest, largest.prod(-1, keepdims=True)], axis=-1)


def one_per_wire(x: Any, wires: Wires, owner: str, alternative: str = "drop columns") -> None:
    """Refuse any other number of features than wires; static shapes only."""
    n = len(wires)
    given(x, n, owner)
    got = x.shape[-1]
    if got != n:
        advice = "Pad x, lower n_wires" if got < n else f"Raise n_wires, {alternative}"
        raise ValueError(
            f"{owner} needs one feature per wire: got x of shape {tuple(x.shape)} for {n} wires. "
            f"{advice}, or project with qdl.Dense({got}, {n})."
        )
