"""Two classical models with their defaults, trained once: what a quick look needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .classical import hidden_units, logistic, perceptron
from .classical import n_params as count


@dataclass(frozen=True)
class Baseline:
    """A trained classical model.

    Attributes:
        name: what it is.
        n_params: its trainable numbers.
        probabilities: of each class for each test row, ``(n_test, n_classes)``.
        accuracy: the fraction of test rows whose most probable class is right.
    """

    name: str
    n_params: int | None
    probabilities: np.ndarray = field(repr=False)  # hundreds of numbers
    accuracy: float


def logistic_regression(data: Any) -> Baseline:
    """Logistic regression on standardised features (scikit-learn, L2 penalty at its default).

    Args:
        data: a data set with ``X_train, y_train, X_test, y_test``.

    Example:
        >>> import qdl
        >>> logistic_regression(qdl.datasets.digits(classes=(0, 1), features=4)).n_params
        5
    """
    return _fitted("logistic regression", logistic(0), data)


def mlp(data: Any, n_params: int, seed: int = 0) -> Baseline:
    """A perceptron with one hidden layer (tanh) of the size that comes closest to ``n_params``.

    Args:
        data: a data set with ``X_train, y_train, X_test, y_test``.
        n_params: how many parameters it should have, about.
        seed: of the initial weights.

    Example:
        >>> import qdl
        >>> mlp(qdl.datasets.digits(classes=(0, 1), features=4), n_params=40).n_params
        37
    """
    n_features, n_classes = np.shape(data.X_train)[1], len(np.unique(data.y_train))
    hidden = hidden_units(n_features, n_classes, n_params)
    return _fitted(f"MLP, {hidden} hidden", perceptron(hidden, seed), data)


def _fitted(name: str, estimator: Any, data: Any) -> Baseline:
    estimator.fit(data.X_train, data.y_train)
    accuracy = float(estimator.score(data.X_test, data.y_test))
    return Baseline(name, count(estimator), estimator.predict_proba(data.X_test), accuracy)
