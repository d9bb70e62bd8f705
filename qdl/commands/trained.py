"""A trained model on rows that it has not seen: what it predicts, and the figures of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import measures
from ..tabular import Target

ROWS = 4096  # evaluated at once


@dataclass(frozen=True)
class Trained:
    """A trained model on the test part.

    Attributes:
        name: what the tables and pictures call it.
        model: the model.
        fit: what ``qdl.fit`` returned.
        predicted: for each test row the probability of each class, ``(n_test, n_classes)``, or the
            values of each target, ``(n_test, targets)``.
        figures: what ``qdl.measures`` says of them.
        target: what was predicted, in the words of a table; None for a data set by name.
        qpu_seconds: estimated, of all its steps; None where nothing is sent.
    """

    name: str
    model: Any
    fit: Any
    predicted: np.ndarray
    figures: dict[str, Any]
    target: Target | None = None
    qpu_seconds: float | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """Of each class for each test row."""
        return self.predicted

    @property
    def accuracy(self) -> float:
        """The fraction of test rows whose most probable class is right."""
        return self.figures["accuracy"]


def predict(model: Any, params: Any, X: Any, target: Target, seed: int = 0) -> np.ndarray:
    """The probability of each class ``(n, classes)``, or numbers ``(n, targets)``, of rows of features."""
    import jax

    from ..hybrid import applied
    from ..training import CrossEntropy

    key = jax.random.key(seed)
    parts = [
        np.asarray(applied(model, params, X[start : start + ROWS], jax.random.fold_in(key, start)))
        for start in range(0, len(X), ROWS)
    ]
    outputs = np.concatenate(parts)
    if target.classes is None:
        return target.unscaled(outputs)
    probabilities = np.exp(
        np.asarray(CrossEntropy().of(model).log_probs(jax.numpy.asarray(outputs)), float)
    )
    return probabilities[:, : len(target.classes)] / probabilities[:, : len(target.classes)].sum(
        axis=1, keepdims=True
    )


def figures(y: Any, predicted: np.ndarray, target: Target) -> dict[str, Any]:
    """What ``qdl.measures`` says of predictions; numbers in the units of the table."""
    if target.classes is None:
        return measures.of_numbers(target.unscaled(y), predicted, target.names)
    return measures.of_classes(y, predicted, target.classes)


def summary(trained: Trained) -> dict[str, Any]:
    """The line of ``summary.jsonl`` for a model."""
    return {
        "model": trained.name,
        "n_params": trained.model.n_params,
        "steps": trained.fit.step,
        "stopped": trained.fit.stopped,
        **{f"test_{name}": value for name, value in trained.figures.items()},
        **({} if trained.qpu_seconds is None else {"qpu_seconds": trained.qpu_seconds}),
        "compile_time": trained.fit.history["compile_time"],
    }


def nobody(line: str) -> None:
    """Nobody is told."""
