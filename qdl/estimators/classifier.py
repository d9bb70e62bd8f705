"""``QNNClassifier``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from ..arguments import check_number
from ..training import CrossEntropy
from ..training.check import n_outputs
from .base import Estimator, checked_loss
from .chosen import chosen_decay
from .default import RATE, STEPS, decaying_adam, reuploading_head


class QNNClassifier(ClassifierMixin, Estimator):
    r"""A classifier that trains a QNN, with scikit-learn's manners.

    Features are angles in radians as far as the model is concerned: scale them, for example with
    ``StandardScaler`` in a pipeline. How outputs become probabilities is told by
    ``qdl.training.CrossEntropy``: one output for two classes, else one a class; outputs beyond the
    classes are trained never to be right.

    Batches come from a pool in which each row stands in proportion to its weight, so that a weight of
    2 is the same as the row twice. Equal models and batch sizes share one compilation, whatever the seed,
    the rate of an optimizer that is named, and the number of steps as long as the pool is small.

    Args:
        model: a QNN, a Hybrid, anything with ``init`` and ``apply``; or a function
            ``(n_features, n_outputs) -> model``; or None for ``qdl.estimators.reuploading_head``.
        loss: None for cross entropy, ``CrossEntropy(scale=...)``, or ``f(outputs, y) -> scalar``
            with labels 0, 1, ... in the order of ``classes_``.
        optimizer: any Optax transformation, or the name of one, as ``"adam"``, which reads well in
            ``best_params_``; None for Adam. Estimators with any of them are pickled, by joblib too; what
            ``pickle`` itself refuses, as Optax's functions, for the same version of Python.
        steps: gradient steps of ``fit``; None for 300, and for 600 of the default model.
        batch_size: rows a step.
        seed: of the first parameters, the batches and shots.
        learning_rate: of an optimizer that is named; None for 0.05. In ``fit`` of the default model with the
            default optimizer it falls from here, or from 0.1, to 0 by a cosine.
        weight_decay: of the default model with the default optimizer, see ``decaying_adam``; None for the one
            of 0 and 0.3 that does best on a fifth of the rows when trained on the others, which takes two
            trainings of half the steps, and from 50 different rows on. All rows are trained on in the end.
        class_weight: ``"balanced"``, so that rare classes count as much as frequent ones, or a dictionary of
            a number for each label: each row's weight is multiplied by that of its class. None for 1 each.
        warm_start: whether ``fit`` starts from the parameters of the ``fit`` before, with a new optimizer.

    Attributes:
        classes_: the labels.
        model_: the model that was trained.
        params_: its parameters, NumPy arrays.
        history_: what the last ``fit`` or ``partial_fit`` recorded, see ``qdl.fit``.
        n_steps_: gradient steps so far.
        weight_decay_: that of the default model with the default optimizer.

    Raises:
        ValueError: in ``fit``: NaN by column and row, fewer than two classes, a model of another width
            or with too few outputs.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> X, y = load_iris(return_X_y=True)
        >>> make_pipeline(StandardScaler(), QNNClassifier()).fit(X, y).score(X, y) > 0.9
        True
    """

    def __init__(
        self,
        model: Any = None,
        *,
        loss: Any = None,
        optimizer: Any = None,
        steps: int | None = None,
        batch_size: int = 32,
        seed: int = 0,
        class_weight: Any = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        warm_start: bool = False,
    ):
        super().__init__(
            model, loss=loss, optimizer=optimizer, steps=steps, batch_size=batch_size, seed=seed,
            learning_rate=learning_rate, warm_start=warm_start,
        )  # fmt: skip
        self.class_weight = class_weight
        self.weight_decay = weight_decay

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> QNNClassifier:
        """Train from new parameters, or with ``warm_start`` from those of the ``fit`` before.

        Args:
            X: ``(n_samples, n_features)``, radians.
            y: ``(n_samples,)``, labels: numbers or strings.
            sample_weight: ``(n_samples,)``, not negative; None for 1 each.
        """
        loss = checked_loss(self.loss, "cross_entropy", "mse")
        X, y, weights = self._rows(X, y, sample_weight, reset=True)
        check_classification_targets(y)
        if not self._goes_on():
            self._start(np.unique(y))
        elif not np.array_equal(np.unique(y), self.classes_):
            raise ValueError(
                f"y has the classes {np.unique(y).tolist()}, but with warm_start expected those of the fit "
                f"before, {self.classes_.tolist()}. Set warm_start=False to start anew."
            )
        self._train(X, np.searchsorted(self.classes_, y), weights * self._of_classes(y), loss)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> QNNClassifier:
        """One more pass over these rows, from where the parameters are.

        The optimizer goes on too, from the call before; after ``fit`` it starts afresh.

        Args:
            X: ``(n_samples, n_features)``, radians.
            y: ``(n_samples,)``, labels.
            classes: all labels there will ever be; needed in the first call.
            sample_weight: ``(n_samples,)``, not negative; None for 1 each.
        """
        first = not hasattr(self, "params_")
        loss = checked_loss(self.loss, "cross_entropy", "mse")
        X, y, weights = self._rows(X, y, sample_weight, reset=first)
        check_classification_targets(y)
        if first:
            if classes is None:
                raise ValueError(
                    "partial_fit has no classes, got None in the first call. Expected every label "
                    "there will be: partial_fit(X, y, classes=numpy.unique(y_all))."
                )
            self._start(np.unique(classes))
        known = np.isin(y, self.classes_)
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(
                f"y has the label {y[row:].tolist()[0]!r} in row {row}, expected one of "
                f"{self.classes_.tolist()}. Name all classes in the first partial_fit, or call "
                "fit to start anew."
            )
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"partial_fit sees some rows of many, so it cannot know what "
                f"class_weight={self.class_weight!r} means. Pass a dictionary: dict(zip(classes, "
                "sklearn.utils.class_weight.compute_class_weight('balanced', classes=classes, y=y_all)))."
            )
        weights = weights * self._of_classes(y)
        self._go_on(X, np.searchsorted(self.classes_, y), weights, loss)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, ``(n_samples, n_classes)``, in the order of ``classes_``."""
        values = self._values(self._features(X))
        log_p = np.asarray(self._cross_entropy().log_probs(jnp.asarray(values)), float)
        return softmax(log_p[:, : len(self.classes_)], axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        r"""Log probabilities of the classes, ``(n_samples, n_classes)``; of two their difference.

        For two classes ``(n_samples,)``: $\log p(1) - \log p(0)$, positive for ``classes_[1]``.
        """
        p = self.predict_proba(X)
        logs = np.log(np.maximum(p, np.finfo(float).tiny))
        return logs[:, 1] - logs[:, 0] if p.shape[1] == 2 else logs

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, ``(n_samples,)``."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    _default: Any = staticmethod(reuploading_head)

    def _steps(self) -> Any:
        if self.steps is None:
            return STEPS if self.model is None else 300
        return self.steps

    def _decays(self) -> bool:
        """Whether ``fit`` trains the default model by the default optimizer, whose rate falls."""
        return self.model is None and self.optimizer is None

    def _optimizer(self, whole: bool = False) -> Any:
        """The Optax transformation; of a ``whole`` training, or of a part of one."""
        if not (whole and self._decays()):
            return super()._optimizer(whole)
        return decaying_adam(self._rate(), self._steps(), self.weight_decay_)

    def _rate(self) -> float:
        """Of the default model with the default optimizer, at the start."""
        return RATE if self.learning_rate is None else self.learning_rate

    def _train(self, X: Any, y: Any, weights: Any, loss: Any) -> None:
        if not self._decays():
            if self.weight_decay is not None:
                raise ValueError(
                    f"weight_decay={self.weight_decay!r} belongs to the default model with the default "
                    "optimizer. Leave it out, or pass optimizer=optax.adamw(0.05, weight_decay=0.1)."
                )
        elif self.weight_decay is not None:
            check_number("weight_decay", self.weight_decay, "weight_decay=0.1")
            self.weight_decay_ = float(self.weight_decay)
        elif not (self._goes_on() and hasattr(self, "weight_decay_")):
            self._check_numbers()
            self.weight_decay_ = chosen_decay(
                self.model_, X, y, weights, learning_rate=self._rate(), steps=self._steps(),
                batch_size=self.batch_size, seed=self.seed, loss=loss,
            )  # fmt: skip
        super()._train(X, y, weights, loss)

    def _kept(self, state: Any) -> Any:
        return state[0] if self._decays() else state

    def _of_classes(self, y: np.ndarray) -> np.ndarray:
        """The weight of each row by its class."""
        from sklearn.utils.class_weight import compute_sample_weight

        if self.class_weight is None:
            return np.ones(len(y))
        kind = self.class_weight
        if isinstance(kind, dict):
            numbers = [isinstance(w, int | float | np.number) and w >= 0 for w in kind.values()]
            if not all(numbers) or not any(kind.values()):
                raise ValueError(
                    f"class_weight must be a number >= 0 for each label, got {kind!r}."
                )
            strange = [label for label in kind if label not in self.classes_]
            if strange:
                raise ValueError(
                    f"class_weight weighs {strange[0]!r}, expected labels among {self.classes_.tolist()}."
                )
        elif kind != "balanced":
            raise ValueError(
                f"class_weight must be None, 'balanced' or a dictionary of weights by label, got {kind!r}."
            )
        return compute_sample_weight(kind, y)

    def _start(self, classes: np.ndarray) -> None:
        """A new model for these classes."""
        if len(classes) < 2:
            raise ValueError(
                f"y has one class only, {classes.tolist()}: a classifier needs two or more. Look at "
                "how the rows were chosen, or stratify the split."
            )
        model = self._build(1 if len(classes) == 2 else len(classes))
        given = n_outputs(model)
        if given is not None and max(given, 2) < len(classes):
            raise ValueError(
                f"the model has {given} outputs, but y has {len(classes)} classes: expected one "
                f"output a class. Read {len(classes)} values, for example "
                f"readout=qdl.ExpZ(range({len(classes)})), or pass a function "
                "(n_features, n_outputs) -> model."
            )
        self.model_, self.classes_ = model, classes

    def _cross_entropy(self) -> CrossEntropy:
        given = self.loss if isinstance(self.loss, CrossEntropy) else CrossEntropy()
        return replace(given.of(self.model_), shots=None)  # plain frequencies
