"""The rows that training goes through: which ones each step takes, in shapes that many trainings share."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from .. import threefry
from .rows import BatchesOf, OnDisk
from .step import CHUNK, Data

MOST = 2**16  # rows: more are never filled up, so that much memory is not doubled
FEW = 2**14  # rows: fewer are filled up to this number where they are narrow
NARROW = 2**22  # bytes: what that may take
READ = 2**25  # bytes that are read at once of data that are not in memory


class Orders:
    """The rows of each step: every epoch is a new order of all rows, its incomplete last batch left out.

    The order follows from the key and the number of the epoch alone, so there is nothing to restore.

    Args:
        n: all rows.
        size: rows a step.
        key: of the orders.
    """

    def __init__(self, n: int, size: int, key: jax.Array):
        self.n, self.size, self.key = n, size, key
        self.whole = size == n
        self._first, self._orders = 0, np.empty((0, n), np.int32)

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


class Batches(Orders):
    """The training data on the device, and the rows of each step.

    Orders are drawn here and not in the compiled program, which is then smaller, and does not depend on the
    number of rows but through the shape of the data: that is filled up, with rows that are never taken, so
    that trainings on other numbers of rows are the same program.

    Args:
        data: all rows.
        size: rows a step.
    """

    span = CHUNK  # steps at a time

    def __init__(self, data: Data, size: int):
        super().__init__(n_rows(data), size, threefry.fold_in(data.key, 0))
        self.data = data
        if data.X is None:  # one target, and no rows
            return
        length = self.n if self.whole else filled(self.n, data.X.nbytes // self.n)
        parts = {"X": data.X, "y": data.y, "weight": data.weight}
        longer = {n: None if a is None else _longer(a, length) for n, a in parts.items()}
        self.data = data._replace(**longer)

    def chunk(self, start: int, stop: int) -> tuple[Data, np.ndarray | None, int]:
        """The data of the steps from ``start``, their rows in these, and where they end: at ``stop``."""
        return self.data, self.rows(start, stop), stop


class Streamed:
    """Batches of data that are not in memory: those of a chunk of steps are read before it.

    Args:
        source: ``OnDisk``, or ``BatchesOf``.
        data: the first rows, whose shapes all others have, and the key.
        size: rows a step.
    """

    whole = False

    def __init__(self, source: OnDisk | BatchesOf, data: Data, size: int):
        self.source, self.size = source, size
        self.span = int(np.clip(READ // max(1, size * data.X[:1].nbytes), 1, CHUNK))
        parts = (data.X, data.y, data.weight)
        blank = [
            None if a is None else np.zeros((self.span * size, *a.shape[1:]), a.dtype)
            for a in parts
        ]
        self.data = Data(blank[0], blank[1], data.key, blank[2])
        self._rows = np.arange(CHUNK * size, dtype=np.int32).reshape(CHUNK, size)
        rows = len(source) if isinstance(source, OnDisk) else size
        # The same orders as those of an array in memory.
        self.orders = Orders(rows, size, threefry.fold_in(data.key, 0))

    def chunk(self, start: int, stop: int) -> tuple[Data, np.ndarray, int]:
        """The rows of the steps from ``start``, read now, and where they end: early if there are no more."""
        taken = self._read(start, stop) if stop > start else []
        filled = [
            None if a is None else a.copy() for a in (self.data.X, self.data.y, self.data.weight)
        ]
        for i, parts in enumerate(taken):
            for whole, part in zip(filled, parts, strict=True):
                if whole is not None:
                    whole[i * self.size : (i + 1) * self.size] = part
        data = Data(filled[0], filled[1], self.data.key, filled[2])
        return data, self._rows, start + len(taken)

    def _read(self, start: int, stop: int) -> list[Any]:
        if isinstance(self.source, BatchesOf):
            found = []
            while len(found) < stop - start and (batch := self.source.next()) is not None:
                found.append((*batch, None))
            return found
        drawn = self.orders.rows(start, stop)
        steps = np.tile(np.arange(self.size), (CHUNK, 1)) if drawn is None else drawn
        steps = steps[: stop - start]
        read = self.source.at(steps.ravel())
        cut = (slice(i * self.size, (i + 1) * self.size) for i in range(len(steps)))
        return [tuple(None if a is None else a[s] for a in read) for s in cut]


def n_rows(data: Any) -> int:
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
