"""Scores over seeds, of anything that can be trained and asked for an accuracy."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from qdl.baselines import Contender
from qdl.datasets import Dataset

Scores = tuple[float, ...]


def over_seeds(score: Callable[[int], float], seeds: int) -> tuple[Scores, float]:
    """``score(0)``, ``score(1)``, ... and the seconds of the first, in which all is compiled."""
    start = time.perf_counter()
    first = score(0)
    seconds = time.perf_counter() - start
    return (first, *(score(seed) for seed in range(1, seeds))), seconds


def accuracy(estimator: Any, data: Dataset) -> float:
    """Percent of the test part that an estimator gets right after training on the other."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the score tells
        estimator.fit(data.X_train, data.y_train)
    return 100 * float(estimator.score(data.X_test, data.y_test))


def beside(
    contenders: Iterable[Contender], data: Callable[[int], Dataset], seeds: int
) -> dict[str, Scores]:
    """The accuracy of every contender as it comes, nothing tuned, on the data of each seed."""
    return {
        each.name: tuple(accuracy(each.build(seed), data(seed)) for seed in range(seeds))
        for each in contenders
    }
