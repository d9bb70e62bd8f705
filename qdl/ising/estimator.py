"""What the two classifiers share: scikit-learn's manners, training, saving."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arguments import check_whole
from . import storage
from .base import generator
from .fitting import Schedule, train
from .network import class_codes

COLLAPSED = 0.95  # one class predicted for more than this fraction of the training images


class Annealed(ClassifierMixin, BaseEstimator):
    """A classifier whose weights are trained by a sampler. A subclass says network and trainer.

    Reference: scikit-learn, "Developing scikit-learn estimators".
    """

    redundancy: int
    learning_rate: float
    bias_learning_rate: float | None
    decay: str | None
    average: bool
    sampler: Any
    epochs: int
    seed: int

    @abstractmethod
    def _layout(self, outputs: int) -> tuple[Any, dict[str, tuple[int, ...]]]:
        """The class of the network, and the shapes of its arrays by name."""

    @abstractmethod
    def _new_network(self, outputs: int, rng: np.random.Generator) -> Any:
        """First weights for ``n_features_in_`` features."""

    @abstractmethod
    def _trainer(self, codes: np.ndarray) -> Any:
        """What has ``epoch(network, X, labels, rates, rng)``."""

    @abstractmethod
    def _found(self, X: np.ndarray) -> np.ndarray:
        """The index of the class of each row, as ``predict`` finds it; -1 for none."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        checkpoint: str | Path | None = None,
        callback: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Train from new weights.

        Args:
            X: ``(n_samples, n_features)``, best in [0, 1].
            y: labels ``(n_samples,)``, numbers or strings.
            checkpoint: a folder: the state is kept there after every epoch, and a run that was
                broken off goes on from it as if it had not been.
            callback: called with this classifier after every epoch, its weights those of the
                moment; a true answer stops training.

        Warns:
            UserWarning: a learning rate in the region where training collapses.
            RuntimeWarning: it has collapsed: nearly all images get the same class.
        """
        X, y = self._data(X, y, reset=True)
        self.classes_ = np.unique(y)
        schedule = self._schedule(self.epochs)
        trainer, network = self._start()
        labels = np.searchsorted(self.classes_, y)

        def after_epoch(network: Any, history: dict[str, Any]) -> Any:
            self.network_, self.history_ = network, history
            return callback is not None and callback(self)

        self.network_, self.history_ = train(
            trainer, network, X, labels, schedule, after_epoch,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            about={name: _described(value) for name, value in self.get_params().items()},
        )  # fmt: skip
        self._warn_of_collapse(X, labels)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Any:
        """One more pass over these rows, from the weights that there are; no averaging, no decay.

        Args:
            X: ``(n_samples, n_features)``.
            y: labels.
            classes: all labels that will ever come; None in the first call: those of ``y``.
        """
        first = not hasattr(self, "network_")
        X, y = self._data(X, y, reset=first)
        if first:
            self.classes_ = np.unique(y if classes is None else classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes are {np.unique(classes).tolist()}, but were {self.classes_.tolist()} in "
                "the first call. Leave classes out, or start with a new classifier."
            )
        schedule = replace(self._schedule(1), decay=None)
        trainer, new = self._start()
        network, history = (new, None) if first else (self.network_, self.history_)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has the label {unknown[0]!r}, but the classes are {self.classes_.tolist()}. "
                "Name all of them in the first call: partial_fit(X, y, classes=...)."
            )
        labels = np.searchsorted(self.classes_, y)
        self.network_, self.history_ = train(trainer, network, X, labels, schedule, history=history)
        return self

    def save(self, path: str | Path) -> None:
        """Save in a folder: ``classifier.json`` and ``params.safetensors``, every byte hashed.

        Example:
            >>> import tempfile
            >>> from qdl.ising import IsingClassifier
            >>> folder, X = tempfile.mkdtemp(), [[0.0], [1.0]]
            >>> clf = IsingClassifier(hidden=3, epochs=1).fit(X, ["a", "b"])
            >>> clf.save(folder)
            >>> bool((IsingClassifier.load(folder).predict(X) == clf.predict(X)).all())
            True
        """
        check_is_fitted(self, "network_")
        storage.save(Path(path), self)

    @classmethod
    def load(cls, path: str | Path, sampler: Any = None, samplers: Iterable[type[Any]] = ()) -> Any:
        """The classifier that ``save`` wrote; nothing in the files is executed.

        Args:
            path: as given to ``save``.
            sampler: needed for one that is not written, since it may hold a connection: one that
                is no dataclass of plain fields and has no ``get_params``.
            samplers: your own classes that the sampler needs.

        Raises:
            FileNotFoundError: no classifier there.
            ValueError: damaged; a sampler, or a class of your own, that must be passed.
        """
        return storage.load(Path(path), cls, sampler, samplers)

    def _data(self, X: Any, y: Any, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, reset=reset, dtype=np.float32)
        check_classification_targets(y)
        return X, y

    def _rows(self, X: Any) -> np.ndarray:
        """The rows to predict, float32."""
        check_is_fitted(self, "network_")
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float32))

    def _schedule(self, epochs: int) -> Schedule:
        return Schedule(
            epochs, self.learning_rate, self.bias_learning_rate, self.decay, self.average, self.seed
        )

    def _codes(self) -> np.ndarray:
        return class_codes(len(self.classes_), self.redundancy)

    def _start(self) -> tuple[Any, Any]:
        """The trainer, and new weights; bad arguments are refused here."""
        check_whole("redundancy", self.redundancy, "redundancy=4")
        if isinstance(self.sampler, type) or not callable(getattr(self.sampler, "sample", None)):
            raise TypeError(
                f"sampler must have sample(h, J, num_reads, key, initial), got {self.sampler!r}. "
                "Example: qdl.ising.BlockSampler(sweeps=20)."
            )
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} tells classes apart, but y has one class only: "
                f"{self.classes_.tolist()}. Pass rows of at least two classes."
            )
        codes = self._codes()
        rng = np.random.default_rng([self.seed, 0])
        return self._trainer(codes), self._new_network(codes.shape[1], rng)

    def _rng(self, key: Any) -> np.random.Generator:
        """Of predictions."""
        return generator([self.seed, 2] if key is None else key)

    def _unclassified(self) -> Any:
        """The label of a row whose outputs tie: none of the classes."""
        if self.classes_.dtype.kind not in "iuf":
            return "unclassified"
        return -1 if -1 not in self.classes_ else self.classes_.min() - 1

    def _warn_of_collapse(self, X: np.ndarray, labels: np.ndarray) -> None:
        """Compare the share of the class predicted most with that of the commonest one."""
        found, counts = np.unique(self._found(X), return_counts=True)
        share = counts.max() / len(X)
        if share > COLLAPSED and np.bincount(labels).max() / len(labels) <= COLLAPSED:
            warnings.warn(
                f"training has collapsed: {share:.0%} of the training rows get the class "
                f"{self.classes_[found[counts.argmax()]]}. Lower learning_rate "
                f"({self.learning_rate:g}), scale "
                "the features to [0, 1], or train for more epochs.",
                RuntimeWarning,
                stacklevel=3,
            )


def _described(value: Any) -> str:
    """How an argument is told from another one in a checkpoint, also in the next process."""
    cls = type(value)
    # Python's own repr of an object is its address.
    return cls.__qualname__ if cls.__repr__ is object.__repr__ else repr(value)
