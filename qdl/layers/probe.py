"""How many features a layer reads that does not say so: it is tried out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import numpy as np
import pennylane as qp

from .base import Layer, Wires, is_shape

WIDE = 1025  # columns: an image of 32 x 32, and one more, since amplitudes of ten wires are as many
NARROW = 64  # up to here every width is tried
MOST_WIRES = 14  # whose amplitudes are tried


@lru_cache(maxsize=256)
def columns_read(layer: Layer, wires: Wires) -> int:
    """How many columns of x the gates of a layer depend on, up to the last one that matters.

    Of a layer that takes rows of any width and reads them whole it is the least width that it takes. 0 where
    no x is needed, and where none of the tried widths is taken: then the layer says why, when it is run.

    Args:
        layer: any layer, asked for its gates with drawn numbers.
        wires: the wires it acts on.
    """
    try:
        shape = layer.shape(wires)
    except Exception:  # it says so itself when the model is built
        return 0
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda s: rng.uniform(0.1, 0.9, s), shape, is_leaf=is_shape)

    def gates(x: Any) -> list[Any] | None:
        """Gates by name and numbers; None where the layer does not take x."""
        with (
            jax.ensure_compile_time_eval(),
            qp.QueuingManager.stop_recording(),
            np.errstate(all="ignore"),
        ):
            try:
                return [(o.name, o.wires, _numbers(o)) for o in layer.gates(params, x, wires)]
            except (
                Exception
            ):  # whatever a function of the user's says to columns that are not there
                return None

    if gates(None) is not None:
        return 0
    n = len(wires)
    amplitudes = 2 ** min(n, MOST_WIRES)
    row = rng.uniform(0.1, 0.9, max(WIDE, amplitudes))
    taken = (w for w in [amplitudes, n, *range(1, NARROW)] if gates(row[:w]) is not None)
    if gates(row[:WIDE]) is None:
        return _last(gates, row[: next(taken, 0)])
    read = _last(gates, row[:WIDE])
    return read if read < WIDE else min(taken, default=0)


def _last(gates: Any, row: np.ndarray) -> int:
    """One more than the last column that matters, by bisection: 0 where none does."""
    there, low, high = gates(row), 0, len(row)
    while low < high:
        middle = (low + high) // 2
        changed = np.where(np.arange(len(row)) < middle, row, 1.0 - row)
        if _same(there, gates(changed)):
            high = middle
        else:
            low = middle + 1
    return low


def _numbers(operator: Any) -> tuple[Any, ...]:
    """The numbers of an operator; a number that is no number is refused."""
    return tuple(np.asarray(number, complex) for number in operator.data)


def _same(first: Any, second: Any) -> bool:
    if first is None or second is None or len(first) != len(second):
        return False
    return all(
        a[:2] == b[:2] and len(a[2]) == len(b[2]) and all(map(np.array_equal, a[2], b[2]))
        for a, b in zip(first, second, strict=True)
    )
