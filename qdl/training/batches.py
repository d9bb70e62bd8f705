"""The rows that training goes through: which ones each step takes, in shapes that many trainings share."""

from __future__ import annotations

import jax
import numpy as np

from .. import threefry
from .step import CHUNK, Data

MOST = 2**16  # rows: more are never filled up, so that much memory is not doubled
FEW = 2**14  # rows: fewer are filled up to this number where they are narrow
NARROW = 2**22  # bytes: what that may take


class Batches:
    """The training data on the device, and the rows of each step.

    Every epoch is a new order of all rows, its incomplete last batch left out. The order follows from the
    key and the number of the epoch alone, so there is nothing to restore. It is drawn here and not in the
    compiled program, which is then smaller, and does not depend on the number of rows but through the
    shape of the data: that is filled up, with rows that are never taken, so that trainings on other
    numbers of rows are the same program.

    Args:
        data: all rows.
        size: rows a step.
    """

    def __init__(self, data: Data, size: int):
        self.n, self.size = n_rows(data), size
        self.key = threefry.fold_in(data.key, 0)
        self.whole = size == self.n
        self._first, self._orders = 0, np.empty((0, self.n), np.int32)
        self.data = data
        if data.X is None:  # one target, and no rows
            return
        length = self.n if self.whole else filled(self.n, data.X.nbytes // self.n)
        parts = {"X": data.X, "y": data.y, "weight": data.weight}
        longer = {n: None if a is None else _longer(a, length) for n, a in parts.items()}
        self.data = data._replace(**longer)

    def rows(self, start: int, stop: int) -> np.ndarray | None:
        """The rows of the steps from ``start`` to ``stop``, ``(CHUNK, size)``; None if each takes all."""
        if self.whole:
            return None
        rows = np.zeros((CHUNK, self.size), np.int32)
        if stop > start:
            a_epoch = self.n // self.size
            orders = self._epochs(start // a_epoch, (stop - 1) // a_epoch + 1)
            steps = orders[:, : a_epoch * self.size].reshape(-1, self.size)
            rows[: stop - start] = steps[start % a_epoch :][: stop - start]
        return rows

    def _epochs(self, first: int, end: int) -> np.ndarray:
        """The orders of some epochs; those of the call before are not drawn again."""
        kept = self._orders[first - self._first :] if first >= self._first else self._orders[:0]
        new = range(first + len(kept), end)
        if new:
            kept = np.concatenate([kept, threefry.permutations(self.key, new, self.n)])
        self._first, self._orders = first, kept
        return kept[: end - first]


def n_rows(data: Data) -> int:
    """How many rows there are; one for a model without data."""
    return 1 if data.X is None else len(data.X)


def filled(n: int, width: int) -> int:
    """The number of rows that ``n`` rows are filled up to: a power of two.

    Args:
        n: rows there are.
        width: bytes a row.

    Example:
        >>> filled(150, 32), filled(20000, 32), filled(150, 100_000), filled(100_000, 32)
        (16384, 32768, 256, 100000)
    """
    if n > MOST:
        return n
    return max(1 << (n - 1).bit_length(), FEW if FEW * width <= NARROW else 1)


def _longer(array: jax.Array, length: int) -> jax.Array:
    """An array with its first row again and again at its end."""
    if len(array) == length:
        return array
    rows = np.asarray(array)
    return jax.device_put(np.concatenate([rows, np.repeat(rows[:1], length - len(rows), axis=0)]))
