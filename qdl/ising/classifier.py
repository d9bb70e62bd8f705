"""A scikit-learn classifier whose weights are trained by an annealer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from . import storage
from .base import Reads, check_answer, generator
from .block import BlockSampler
from .fitting import Schedule, train
from .network import Network, class_codes, winners
from .rules import Rule, Trainer

COLLAPSED = 0.95  # one class predicted for more than this fraction of the training images


class IsingClassifier(ClassifierMixin, BaseEstimator):
    r"""A network of Ising spins, trained by letting a sampler find its low-energy states.

    Pixels act as fields on hidden spins, hidden spins couple to ``redundancy`` output spins per
    class. For each image the weights move towards the correlations of the nudged state, whose
    outputs are held at the code of its class, and away from those of free low-energy states:

    $$\Delta J_{ia} = \eta \left(s_i^N s_a^N - \langle s_i s_a \rangle_{\rm free}\right)$$

    with the mean over ``num_reads`` free states in quantum propagation (Eq. 6), or the lowest of
    them in equilibrium propagation (Eq. 5). Images are taken one by one, in random order.

    Features should lie in [0, 1], as pixels do: the learning rates are tuned for 784 of them.
    Hence the one scikit-learn tag that is set, ``poor_score``: on unscaled data with few features
    and few rows it is less accurate than scikit-learn's checks demand.

    Args:
        hidden: how many hidden spins.
        redundancy: output spins per class.
        rule: ``"quantum_propagation"`` or ``"equilibrium_propagation"``.
        num_reads: free states per image.
        reads: ``"forward"``, ``"cyclic"`` (from the nudged states of the wrong classes, Eq. 7) or
            ``"mixed"`` (a tenth forward, the others cyclic).
        learning_rate: of W and J; 3e-4 to 3e-3 works, from about 2e-2 training collapses.
        bias_learning_rate: of the biases; None for a tenth of ``learning_rate``.
        decay: None, or ``"linear"``: the rates fall to a thirtieth over the epochs of ``fit``.
        average: use the mean of the weights at the ends of the second half of the epochs. It
            halves the scatter between seeds.
        sampler: anything that keeps the contract of ``qdl.testing.check_sampler``.
        epochs: passes over the data.
        seed: of first weights, order and sampler.

    Attributes:
        network_: the trained ``Network``.
        classes_: the labels.
        history_: arrays ``online_error`` (the fraction of images whose lowest read, drawn before
            the update, named a wrong class or none) and ``seconds``, one entry per epoch.
        n_features_in_: features of a row.

    Raises:
        ValueError: bad arguments or data, one class only, or weights that are no longer finite.

    Example:
        >>> import qdl
        >>> data = qdl.datasets.mnist(features=None, scale=(0, 1))
        >>> clf = IsingClassifier(hidden=20, epochs=2).fit(data.X_train, data.y_train)
        >>> bool(clf.score(data.X_test, data.y_test) > 0.9)
        True

    Reference: Zhang, Kamenev, "Quantum sequel of neural network training", Communications Physics
    8, 478 (2025); their Eqs. 1-7. Details that the paper leaves open are ours.
    """

    def __init__(
        self,
        hidden: int = 120,
        redundancy: int = 4,
        rule: str = "quantum_propagation",
        num_reads: int = 10,
        reads: str = "forward",
        learning_rate: float = 1e-3,
        bias_learning_rate: float | None = None,
        decay: str | None = None,
        average: bool = True,
        sampler: Any = BlockSampler(sweeps=20),  # noqa: B008 - it is immutable
        epochs: int = 13,
        seed: int = 0,
    ):
        self.hidden = hidden
        self.redundancy = redundancy
        self.rule = rule
        self.num_reads = num_reads
        self.reads = reads
        self.learning_rate = learning_rate
        self.bias_learning_rate = bias_learning_rate
        self.decay = decay
        self.average = average
        self.sampler = sampler
        self.epochs = epochs
        self.seed = seed

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
        callback: Callable[[IsingClassifier], Any] | None = None,
    ) -> IsingClassifier:
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
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        schedule = self._schedule(self.epochs)
        trainer = self._trainer()
        labels = np.searchsorted(self.classes_, y)
        network = self._new_network()

        def after_epoch(network: Network, history: dict[str, Any]) -> Any:
            self.network_, self.history_ = network, history
            return callback is not None and callback(self)

        self.network_, self.history_ = train(
            trainer, network, X, labels, schedule, after_epoch,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            about={name: repr(value) for name, value in self.get_params().items()},
        )  # fmt: skip
        self._warn_of_collapse(X, labels)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> IsingClassifier:
        """One more pass over these rows, from the weights that there are; no averaging, no decay.

        Args:
            X: ``(n_samples, n_features)``.
            y: labels.
            classes: all labels that will ever come; needed in the first call.
        """
        first = not hasattr(self, "network_")
        X, y = self._data(X, y, reset=first)
        if first:
            self.classes_ = np.unique(y if classes is None else classes)
            schedule, network, history = self._schedule(1), self._new_network(), None
        else:
            schedule, network, history = self._schedule(1), self.network_, self.history_
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has the label {unknown[0]!r}, but the classes are {self.classes_.tolist()}. "
                "Name all of them in the first call: partial_fit(X, y, classes=...)."
            )
        labels = np.searchsorted(self.classes_, y)
        self.network_, self.history_ = train(
            self._trainer(), network, X, labels, schedule, history=history
        )
        return self

    def predict(self, X: Any, method: str = "codeword", num_reads: int = 20) -> np.ndarray:
        """The label of each row.

        Args:
            X: ``(n_samples, n_features)``.
            method: ``"codeword"``: the class whose code has the lowest energy, in closed form and
                without a sampler. ``"sample"``: the class of the lowest of ``num_reads`` reads, by
                the sums of its output spins; where two sums tie the row is unclassified: -1 (or
                one less than the lowest label, if that is taken), "unclassified" if labels are not
                numbers, with a warning.
            num_reads: reads per row.
        """
        check_is_fitted(self, "network_")
        if method == "codeword":
            return self.classes_[self.decision_energies(X).argmin(axis=1)]
        if method != "sample":
            raise ValueError(f"method must be 'codeword' or 'sample', got {method!r}.")
        spins = self.sample(X, num_reads).spins[:, 0]
        found = winners(spins[:, len(self.network_.J) :], len(self.classes_))
        labels = np.concatenate([self.classes_, [self._unclassified()]])[found]
        if (ties := int((found < 0).sum())) > 0:
            warnings.warn(
                f"the outputs of {ties} of {len(found)} rows are tied, so that no class wins: "
                f"their label is {self._unclassified()!r}, which counts as wrong. Train longer, "
                "sample more reads, or use predict(X, method='codeword').",
                RuntimeWarning,
                stacklevel=2,
            )
        return labels

    def decision_energies(self, X: Any) -> np.ndarray:
        """The lowest energy with the outputs held at each class's code, ``(n_samples, classes)``.

        In closed form: every hidden spin follows its field. The lowest one is the prediction.
        """
        check_is_fitted(self, "network_")
        X = validate_data(self, X, reset=False, dtype=np.float32)
        return self.network_.clamped_energies(self.network_.pull(X), self._codes())

    def sample(self, X: Any, num_reads: int = 20, key: Any = None) -> Reads:
        """Free low-energy states of each row: spins ``(n_samples, reads, hidden + outputs)``.

        Args:
            X: ``(n_samples, n_features)``.
            num_reads: states per row, the lowest energy first.
            key: as for samplers; None follows ``seed``.
        """
        check_is_fitted(self, "network_")
        X = validate_data(self, X, reset=False, dtype=np.float32)
        problem = self.network_.ising(X)
        rng = generator([self.seed, 2] if key is None else key)
        spins, energies = self.sampler.sample(problem.h, problem.J, num_reads=num_reads, key=rng)
        return Reads(check_answer(spins, (len(X), num_reads, problem.n), self.sampler), energies)

    def to_bqm(self, x: Any) -> Any:
        """The problem of one row ``(n_features,)`` as a dimod model: hidden spins, then outputs."""
        check_is_fitted(self, "network_")
        return self.network_.ising(x).to_bqm()

    def save(self, path: str | Path) -> None:
        """Save in a folder: ``classifier.json`` and ``params.safetensors``, every byte hashed.

        Example:
            >>> import tempfile
            >>> folder, X = tempfile.mkdtemp(), [[0.0], [1.0]]
            >>> clf = IsingClassifier(hidden=3, epochs=1).fit(X, ["a", "b"])
            >>> clf.save(folder)
            >>> bool((IsingClassifier.load(folder).predict(X) == clf.predict(X)).all())
            True
        """
        check_is_fitted(self, "network_")
        storage.save(Path(path), self)

    @classmethod
    def load(cls, path: str | Path, sampler: Any = None) -> IsingClassifier:
        """The classifier that ``save`` wrote; nothing in the files is executed.

        Args:
            path: as given to ``save``.
            sampler: needed when it was not one of qdl's own annealers: those are not written.
        """
        return storage.load(Path(path), cls, sampler)

    def _data(self, X: Any, y: Any, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, reset=reset, dtype=np.float32)
        return X, y

    def _schedule(self, epochs: int) -> Schedule:
        return Schedule(
            epochs, self.learning_rate, self.bias_learning_rate, self.decay, self.average, self.seed
        )

    def _trainer(self) -> Trainer:
        rule = Rule(self.rule, self.num_reads, self.reads)
        if not callable(getattr(self.sampler, "sample", None)):
            raise TypeError(
                f"sampler must have sample(h, J, num_reads, key, initial), got {self.sampler!r}. "
                "Example: qdl.ising.BlockSampler(sweeps=20)."
            )
        return Trainer(rule, self.sampler, self._codes())

    def _codes(self) -> np.ndarray:
        return class_codes(len(self.classes_), self.redundancy)

    def _new_network(self) -> Network:
        for name in ("hidden", "redundancy"):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {value!r}.")
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} tells classes apart, but y has one class only: "
                f"{self.classes_.tolist()}. Pass rows of at least two classes."
            )
        outputs = len(self.classes_) * self.redundancy
        rng = np.random.default_rng([self.seed, 0])
        return Network.init(self.n_features_in_, self.hidden, outputs, rng)

    def _unclassified(self) -> Any:
        """The label of a row whose outputs tie: none of the classes."""
        if self.classes_.dtype.kind not in "iuf":
            return "unclassified"
        return -1 if -1 not in self.classes_ else self.classes_.min() - 1

    def _warn_of_collapse(self, X: np.ndarray, labels: np.ndarray) -> None:
        """Compare the share of the class predicted most with that of the commonest one."""
        found = self.network_.clamped_energies(self.network_.pull(X), self._codes()).argmin(axis=1)
        share = np.bincount(found).max() / len(found)
        if share > COLLAPSED and np.bincount(labels).max() / len(labels) <= COLLAPSED:
            warnings.warn(
                f"training has collapsed: {share:.0%} of the training rows get the class "
                f"{self.classes_[np.bincount(found).argmax()]}. Lower learning_rate "
                f"({self.learning_rate:g}), scale the features to [0, 1], or train for more epochs.",
                RuntimeWarning,
                stacklevel=3,
            )
