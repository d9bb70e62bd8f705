"""The splits of a comparison: those that are given, or drawn from rows, repeated where rows are few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..datasets import Dataset

FEW_ROWS = 500  # fewer are used up: every row is tested once in each repetition
PARTS = 5
TEST = 0.25


@dataclass(frozen=True, eq=False)
class Splits:
    """The data of a comparison.

    Attributes:
        parts: a data set for each seed.
        new: whether each seed has one of its own.
        regression: whether numbers are predicted.
        tested: how many different rows are in a test part.
        how: how they were made, a few words.
    """

    parts: Sequence[Any]
    new: bool
    regression: bool
    tested: int
    how: str

    @property
    def ratio(self) -> float:
        """Rows of the test part over those of training."""
        return len(self.parts[0].y_test) / len(self.parts[0].y_train)

    @property
    def n_classes(self) -> int:
        """Labels; of numbers the targets."""
        y = np.asarray(self.parts[0].y_train)
        return (1 if y.ndim == 1 else y.shape[1]) if self.regression else len(np.unique(y))


def splits_of(data: Any, seeds: Sequence[int], regression: bool | None) -> Splits:
    """What the data of a comparison mean.

    Args:
        data: a data set with ``X_train, y_train, X_test, y_test``; a function of a seed that gives one; or
            ``(X, y)`` with numbers or labels.
        seeds: one a split.
        regression: whether numbers are predicted; None to see from y.

    Raises:
        ValueError: X and y that do not fit together, a class with too few rows.
    """
    if isinstance(data, Splits):
        return data
    if isinstance(data, tuple | list) and len(data) == 2 and not hasattr(data, "X_train"):
        X, y = data
        return _drawn(X, y, seeds, regression)
    parts = [data(seed) for seed in seeds] if callable(data) else [data] * len(seeds)
    first = parts[0]
    numbers = _is_numbers(first.y_train) if regression is None else regression
    n_test, n = len(first.y_test), len(first.y_test) + len(first.y_train)
    tested = min(n, n_test * len(seeds)) if callable(data) else n_test
    how = "a new split each" if callable(data) else "one split"
    return Splits(parts, callable(data), numbers, tested, how)


def _drawn(X: Any, y: Any, seeds: Sequence[int], regression: bool | None) -> Splits:
    """Splits of rows: a quarter for the test, or repeated cross-validation where there are few."""
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim != 2 or len(X) != len(y) or y.ndim not in (1, 2):
        raise ValueError(
            f"compare takes (X, y) of shapes (n, features) and (n,) or (n, targets), got "
            f"{X.shape} and {y.shape}."
        )
    regression = _is_numbers(y) if regression is None else regression
    if not regression:
        if y.ndim == 2:
            raise ValueError(f"classes must be labels of shape (n,), got {y.shape}.")
        names, y, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(names) < 2 or counts.min() < PARTS:
            raise ValueError(
                f"y has the classes {dict(zip(names.tolist(), counts.tolist(), strict=True))}, expected "
                f"two or more with at least {PARTS} rows each."
            )
    pairs, how = rows_of(len(X), None if regression else y, seeds)
    parts = [Dataset(X[a], y[a], X[b], y[b]) for a, b in pairs]
    return made(parts, pairs, regression, how)


def rows_of(n: int, labels: Any, seeds: Sequence[int]) -> tuple[list[tuple[Any, Any]], str]:
    """Rows of training and test for each seed, and how they were drawn.

    Args:
        n: rows in all.
        labels: classes to be in equal proportions; None where numbers are predicted.
        seeds: one a split.
    """
    few = n < FEW_ROWS
    pairs = list((_folds if few else _quarters)(np.empty((n, 1)), labels, seeds))
    repetitions = -(-len(seeds) // PARTS)
    how = f"{PARTS}-fold cross-validation" + (f", {repetitions} times" if repetitions > 1 else "")
    return pairs, how if few else "a new split each"


def made(parts: Sequence[Any], pairs: Sequence[Any], regression: bool, how: str) -> Splits:
    """The splits of these rows."""
    tested = len(np.unique(np.concatenate([test for _, test in pairs])))
    return Splits(parts, True, regression, tested, how)


def _folds(X: Any, y: Any, seeds: Sequence[int]) -> Any:
    """One fold a seed; every five of them are a repetition with an order of its own."""
    from sklearn.model_selection import KFold, StratifiedKFold

    kind: Callable[..., Any] = KFold if y is None else StratifiedKFold
    for first in range(0, len(seeds), PARTS):
        folds = kind(PARTS, shuffle=True, random_state=seeds[first]).split(X, y)
        yield from list(folds)[: len(seeds) - first]


def _quarters(X: Any, y: Any, seeds: Sequence[int]) -> Any:
    from sklearn.model_selection import train_test_split

    for seed in seeds:
        yield train_test_split(np.arange(len(X)), test_size=TEST, random_state=seed, stratify=y)


def _is_numbers(y: Any) -> bool:
    from sklearn.utils.multiclass import type_of_target

    return "continuous" in type_of_target(y) or np.ndim(y) == 2
