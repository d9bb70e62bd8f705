"""Whether states fit into memory, before anything is allocated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import psutil

WITHOUT_STATES = (
    "qdl.diagnostics.gradient_variance(method='pauli_walk'), which needs no statevector"
)


def check_memory(
    n: int,
    batch: int,
    dtype: Any,
    kind: str = "statevector",
    doubling: int = 1,
    instead: str = "a smaller batch",
) -> None:
    """Refuse what cannot fit, with the numbers, before anything is allocated.

    A wire makes a state ``2**doubling`` times as large.
    """
    one = 2 * np.dtype(dtype).itemsize * 2.0 ** min(doubling * n, 900)  # a number still, and enough
    free = psutil.virtual_memory().available
    if 3 * one * batch > free:  # state, its image and one cotangent
        fits = int(math.log2(max(free / (2 * np.dtype(dtype).itemsize) / 3 / batch, 1))) // doubling
        raise ValueError(
            f"{n} wires need {readable(one)} for one {kind}, and a batch of {batch} with work space "
            f"{readable(3 * one * batch)}; this machine has {readable(free)} free. Use at most {fits} wires, "
            f"or {instead if batch > 1 or instead != 'a smaller batch' else WITHOUT_STATES}."
        )


def readable(count: float) -> str:
    """A number of bytes in the unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if count < 1024 or unit == "PiB":
            return f"{count:.3g} {unit}"
        count /= 1024
    return ""
