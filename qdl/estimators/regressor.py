"""``QNNRegressor``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from ..training.check import n_outputs
from .base import Estimator, checked_loss

NUMBERS: Any = {"y_numeric": True, "multi_output": True}


class QNNRegressor(RegressorMixin, Estimator):
    r"""A regressor that trains a QNN with one output a target, with scikit-learn's manners.

    An expectation value lies in $[-1, 1]$, so each target is mapped linearly from the range it has in
    training to that interval, and predictions back: a QNN never predicts beyond that range.

    Args:
        model: as for ``QNNClassifier``, with one output a target.
        loss: None for the mean squared error, or ``f(outputs, y) -> scalar`` with mapped targets.
        optimizer: any Optax transformation, or the name of one, as ``"adam"``, which reads well in
            ``best_params_``; None for Adam.
        steps: gradient steps.
        batch_size: rows a step.
        seed: of the first parameters, the batches and shots.
        learning_rate: of an optimizer that is named; None for 0.05.
        warm_start: whether ``fit`` starts from the parameters of the ``fit`` before, with a new optimizer
            and the range of y that it saw.

    Attributes:
        target_range_: ``(low, high)`` of y in training: numbers, or for several targets arrays
            ``(targets,)``.
        model_: the model that was trained.
        params_: its parameters, NumPy arrays.
        history_: what the last ``fit`` or ``partial_fit`` recorded, see ``qdl.fit``.
        n_steps_: gradient steps so far.

    Raises:
        ValueError: in ``fit``: NaN by column and row, a model of another width or with other outputs.

    Example:
        >>> X = np.linspace(-2, 2, 50)[:, None]
        >>> QNNRegressor().fit(X, np.sin(2 * X[:, 0])).score(X, np.sin(2 * X[:, 0])) > 0.9
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> QNNRegressor:
        """Train from new parameters, or with ``warm_start`` from those of the ``fit`` before.

        Args:
            X: ``(n_samples, n_features)``, radians.
            y: ``(n_samples,)`` or ``(n_samples, targets)``, numbers.
            sample_weight: ``(n_samples,)``, not negative; None for 1 each.
        """
        loss = checked_loss(self.loss, "mse", "cross_entropy")
        X, y, weights = self._rows(X, y, sample_weight, reset=True, **NUMBERS)
        if not self._goes_on():
            self._start(y)
        self._train(X, self._mapped(y), weights, loss)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> QNNRegressor:
        """One more pass over these rows, from where the parameters are.

        The optimizer goes on too, from the call before; after ``fit`` it starts afresh. The range
        of y stays that of the first call, so that call should see the whole of it.

        Args:
            X: ``(n_samples, n_features)``, radians.
            y: ``(n_samples,)`` or ``(n_samples, targets)``, numbers.
            sample_weight: ``(n_samples,)``, not negative; None for 1 each.
        """
        first = not hasattr(self, "params_")
        loss = checked_loss(self.loss, "mse", "cross_entropy")
        X, y, weights = self._rows(X, y, sample_weight, reset=first, **NUMBERS)
        if first:
            self._start(y)
        self._go_on(X, self._mapped(y), weights, loss)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The predicted targets, ``(n_samples,)`` or ``(n_samples, targets)`` as y was in ``fit``."""
        values = self._values(self._features(X))
        low, high = self.target_range_
        values = values[:, 0] if np.ndim(low) == 0 else values
        return (low + high) / 2 + (high - low) / 2 * values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _start(self, y: np.ndarray) -> None:
        """A new model for targets in this range."""
        targets = 1 if y.ndim == 1 else y.shape[1]
        model = self._build(targets)
        given = n_outputs(model)
        if given not in (None, targets):
            number, read = (
                ("one", "a single value") if targets == 1 else (targets, f"{targets} values")
            )
            raise ValueError(
                f"the model has {given} outputs, but QNNRegressor expects {number}. Read {read}, for "
                f"example readout=qdl.ExpZ({list(range(targets))})."
            )
        low, high = y.min(axis=0), y.max(axis=0)
        self.model_ = model
        self.target_range_ = (float(low), float(high)) if y.ndim == 1 else (low, high)

    def _mapped(self, y: np.ndarray) -> np.ndarray:
        """Targets as expectation values; the range goes to [-1, 1], a single value to 0."""
        low, high = self.target_range_
        if np.shape(low) != y.shape[1:]:
            raise ValueError(
                f"y has shape {y.shape}, but expected the {np.size(low)} target(s) of the fit before."
            )
        half = (np.asarray(high) - low) / 2
        return (y - (low + high) / 2) / np.where(half > 0, half, 1.0)
