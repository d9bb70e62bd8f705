"""A scikit-learn classifier whose weights are trained by an annealer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_whole
from .base import Reads, check_answer
from .block import BlockSampler
from .estimator import Annealed
from .network import Network, winners
from .rules import Rule, Trainer


@dataclass(eq=False, repr=False)
class IsingClassifier(Annealed):
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

    hidden: int = 120
    redundancy: int = 4
    rule: str = "quantum_propagation"
    num_reads: int = 10
    reads: str = "forward"
    learning_rate: float = 1e-3
    bias_learning_rate: float | None = None
    decay: str | None = None
    average: bool = True
    sampler: Any = BlockSampler(sweeps=20)
    epochs: int = 13
    seed: int = 0

    def _layout(self, outputs: int) -> tuple[type[Network], dict[str, tuple[int, ...]]]:
        check_whole("hidden", self.hidden, "hidden=120")
        return Network, Network.shapes(self.n_features_in_, self.hidden, outputs)

    def _new_network(self, outputs: int, rng: np.random.Generator) -> Network:
        check_whole("hidden", self.hidden, "hidden=120")
        return Network.init(self.n_features_in_, self.hidden, outputs, rng)

    def _trainer(self, codes: np.ndarray) -> Trainer:
        return Trainer(Rule(self.rule, self.num_reads, self.reads), self.sampler, codes)

    def _energies(self, X: np.ndarray) -> np.ndarray:
        return self.network_.clamped_energies(self.network_.pull(X), self._codes())

    def _found(self, X: np.ndarray) -> np.ndarray:
        return self._energies(X).argmin(axis=1)

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
        X = self._rows(X)
        if method == "codeword":
            return self.classes_[self._found(X)]
        if method != "sample":
            raise ValueError(f"method must be 'codeword' or 'sample', got {method!r}.")
        spins = self.sample(X, num_reads).spins[:, 0]
        found = winners(spins[:, len(self.network_.J) :], len(self.classes_))
        if (ties := int((found < 0).sum())) == 0:
            return self.classes_[found]
        warnings.warn(
            f"the outputs of {ties} of {len(found)} rows are tied, so that no class wins: "
            f"their label is {self._unclassified()!r}, which counts as wrong. Train longer, "
            "sample more reads, or use predict(X, method='codeword').",
            RuntimeWarning,
            stacklevel=2,
        )
        return np.append(self.classes_, self._unclassified())[found]

    def decision_energies(self, X: Any) -> np.ndarray:
        """The lowest energy with the outputs held at each class's code, ``(n_samples, classes)``.

        In closed form: every hidden spin follows its field. The lowest one is the prediction.
        """
        return self._energies(self._rows(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        r"""The share of each class, ``(n_samples, n_classes)``: $p_c \propto e^{-(E_c - \min E)}$.

        Of ``decision_energies``, at temperature 1 in the units of the weights. The largest is the
        prediction; how sure it is has not been calibrated, see ``sklearn.calibration``.
        """
        energies = self._energies(
            self._rows(X).astype(float)
        )  # alike for a row alone and in a batch
        weights = np.exp(energies.min(axis=1, keepdims=True) - energies)
        return weights / weights.sum(axis=1, keepdims=True)

    def sample(self, X: Any, num_reads: int = 20, key: Any = None) -> Reads:
        """Free low-energy states of each row: spins ``(n_samples, reads, hidden + outputs)``.

        Args:
            X: ``(n_samples, n_features)``.
            num_reads: states per row, the lowest energy first.
            key: as for samplers; None follows ``seed``.
        """
        X = self._rows(X)
        problem = self.network_.ising(X)
        rng = self._rng(key)
        spins, energies = self.sampler.sample(problem.h, problem.J, num_reads=num_reads, key=rng)
        return Reads(check_answer(spins, (len(X), num_reads, problem.n), self.sampler), energies)

    def to_bqm(self, x: Any) -> Any:
        """The problem of one row ``(n_features,)`` as a dimod model: hidden spins, then outputs."""
        rows = self._rows(np.atleast_2d(x))
        if np.ndim(x) != 1:
            raise ValueError(
                f"to_bqm takes one row ({self.n_features_in_},), got shape {np.shape(x)}. Call it "
                "for each row."
            )
        return self.network_.ising(rows[0]).to_bqm()
