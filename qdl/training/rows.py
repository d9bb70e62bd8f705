"""Data that are not in memory: rows read when they are needed, or batches as somebody gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LOOKED_AT = 1024  # rows that are checked before training; the others when they are read


IN_MEMORY = ("jax", "jaxlib", "numpy", "pandas", "torch")  # packages whose arrays are taken whole


def is_on_disk(X: Any) -> bool:
    """Whether it is indexed by rows and is not in memory: a memory map, or data of HDF5 or Zarr."""
    if isinstance(X, np.memmap):
        return True
    needed = ("shape", "dtype", "__getitem__", "__len__")
    package = type(X).__module__.partition(".")[0]
    return all(hasattr(X, name) for name in needed) and package not in IN_MEMORY


def is_batches(X: Any, y: Any) -> bool:
    """Whether it is an iterable of batches: no array, and no y beside it."""
    if y is not None or X is None or hasattr(X, "shape") or hasattr(X, "__array__"):
        return False
    if isinstance(X, list | tuple):
        first = X[0] if len(X) else None
        return isinstance(first, tuple) and len(first) == 2 and hasattr(first[0], "shape")
    return hasattr(X, "__iter__") and not isinstance(X, str | dict)


class OnDisk:
    """Rows of an array that is not in memory.

    Args:
        X: indexed by rows.
        y: targets, an array; None for a loss of outputs alone.
        weight: of each row; None for 1 each.
        check: ``check(X, y) -> X, y`` of some rows, for what a model and a loss can take.
    """

    def __init__(self, X: Any, y: Any, weight: Any, check: Callable[[Any, Any], tuple[Any, Any]]):
        self.X, self.y, self.weight, self.check = X, y, weight, check

    def __len__(self) -> int:
        return len(self.X)

    def at(self, rows: np.ndarray) -> tuple[Any, Any, Any]:
        """These rows, checked: ``X, y, weight``."""
        order = np.unique(rows)  # rising and each once, as HDF5 wants it, and files like it
        position = np.searchsorted(order, rows)
        y = None if self.y is None else np.asarray(self.y)[rows]
        X, y = self.check(np.asarray(self.X[order])[position], y)
        return X, y, None if self.weight is None else self.weight[rows]


class BatchesOf:
    """Batches as an iterable gives them; a generator once, anything else again and again.

    Batches of fewer rows than the first one are left out, as an incomplete last batch is.

    Args:
        source: gives ``(X, y)``, or ``X`` alone.
        check: as for ``OnDisk``.

    Raises:
        ValueError: no batches, or some with y and some without.
    """

    def __init__(self, source: Any, check: Callable[[Any, Any], tuple[Any, Any]]):
        self.source, self.check, self.count = source, check, 0
        self.again = iter(source) is not source
        self.iterator: Iterator[Any] = iter(source)
        try:
            self.waiting: Any = self._checked(next(self.iterator))
        except StopIteration:
            raise ValueError(
                "the iterable gave no batch, expected (X, y) or X each time."
            ) from None
        self.first = self.waiting
        self.size = len(self.first[0])

    def next(self) -> Any:
        """The next batch, ``X, y``; None when a generator has ended."""
        if self.waiting is not None:
            batch, self.waiting = self.waiting, None
            return batch
        for _ in range(2):  # to the end, and once more from the start
            for given in self.iterator:
                X, y = self._checked(given)
                if len(X) < self.size:
                    continue
                self._compare(X, y)
                return X, y
            if not self.again:
                return None
            self.iterator = iter(self.source)
        raise ValueError(f"the iterable gave no batch of {self.size} rows the second time.")

    def _checked(self, given: Any) -> tuple[Any, Any]:
        self.count += 1
        X, y = given if isinstance(given, tuple | list) and len(given) == 2 else (given, None)
        try:
            return self.check(X, y)
        except (ValueError, TypeError) as error:
            raise type(error)(f"batch {self.count}: {error}") from None

    def _compare(self, X: Any, y: Any) -> None:
        wanted, given = (
            (np.shape(a), None if b is None else np.shape(b)) for a, b in (self.first, (X, y))
        )
        if wanted != given:
            raise ValueError(
                f"batch {self.count} has shapes {given}, the first one {wanted}: all must have the same, as "
                "they go through one compiled program."
            )
