"""Classical models to stand beside a quantum one, trained on the same split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


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
    n_params: int
    probabilities: np.ndarray
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
    from sklearn.linear_model import LogisticRegression

    n_features, outputs = _sizes(data)
    return _fitted(
        "logistic regression",
        LogisticRegression(max_iter=1000),
        data,
        (n_features + 1) * outputs,
    )


def mlp(data: Any, n_params: int, seed: int = 0) -> Baseline:
    """A perceptron with one hidden layer (tanh) of the size that comes closest to ``n_params``.

    Args:
        data: a data set with ``X_train, y_train, X_test, y_test``.
        n_params: how many parameters it should have, about.
        seed: of the initial weights.

    Example:
        >>> import qdl
        >>> mlp(qdl.datasets.digits(classes=(0, 1), features=4), n_params=40).n_params
        43
    """
    from sklearn.neural_network import MLPClassifier

    n_features, outputs = _sizes(data)
    per_unit = n_features + 1 + outputs  # weights in, bias, weights out
    hidden = max(1, round((n_params - outputs) / per_unit))
    estimator = MLPClassifier(
        (hidden,), activation="tanh", solver="lbfgs", max_iter=2000, random_state=seed
    )
    return _fitted(f"MLP, {hidden} hidden", estimator, data, hidden * per_unit + outputs)


def _sizes(data: Any) -> tuple[int, int]:
    """Features, and outputs as scikit-learn counts them: one for two classes."""
    classes = len(np.unique(data.y_train))
    return np.shape(data.X_train)[1], 1 if classes == 2 else classes


def _fitted(name: str, estimator: Any, data: Any, n_params: int) -> Baseline:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), estimator).fit(data.X_train, data.y_train)
    accuracy = float(pipeline.score(data.X_test, data.y_test))
    return Baseline(name, n_params, pipeline.predict_proba(data.X_test), accuracy)
