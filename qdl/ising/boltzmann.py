"""Boltzmann machines with scikit-learn's manners, trained with any sampler as the model phase."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..arguments import check_whole
from .base import generator
from .draws import first_slices, scaled, unsorted, visible_states
from .energy import Ising
from .gibbs import GibbsSampler
from .partition import in_double
from .quantum import Exact, field_means, trotter
from .trained import Trained

SWEEPS = 200  # of sample, from random states
QUANTUM_SWEEPS = 500  # the same for coupled copies, which mix slower


@dataclass(eq=False, repr=False)
class BoltzmannMachine(Trained):
    r"""A model of bits: visible spins, one a feature, and hidden ones, at temperature 1.

    $$p(v) = \frac{1}{Z} \sum_h e^{-E(v, h)}, \quad E = \sum_i h_i s_i + \sum_{i<j} J_{ij} s_i s_j$$

    Without ``graph`` visible spins are coupled with hidden ones only: a restricted Boltzmann
    machine. Training climbs the log-likelihood: each coupling moves by its rate times the
    correlation of its spins in the data, less that in the machine's own states (the model phase),
    which a sampler draws. Deep belief nets are machines in scikit-learn's ``Pipeline``.

    Features are bits, or grey values in [0, 1], the probability of a 1: they are drawn anew for
    each batch. Rates are those of spins: .001 here is .016 in a machine of bits.

    Args:
        hidden: how many hidden spins.
        graph: None, or which spins are coupled: ``(n, n)`` of True and False, n the features and
            ``hidden``, visible spins first.
        sampler: of the model phase: None for block Gibbs sampling, one sweep an update;
            ``"cd"`` for contrastive divergence, a sweep from the data, or ``"cd-10"`` for ten; or
            any sampler, which should draw at temperature 1. Hidden spins that are coupled with each
            other are drawn by it too, given each row.
        num_reads: states of the model phase; and of each row, where hidden spins are coupled.
        persistent: reads go on from the last ones, as chains. Not for a sampler that cannot start
            from given states, nor for a machine, where each start is a call.
        correct_temperature: for a sampler that draws at another temperature: the problem that it is
            given is scaled, every 20 updates, by what ``effective_temperature`` says.
        learning_rate: of all weights.
        batch_size: rows of an update.
        epochs: passes over the data.
        transverse: $\Gamma$ of a quantum machine, $H = E(Z) + \Gamma \sum_i X_i$. Up to 10 spins
            and without ``sampler`` all is exact; else 8 coupled copies are sampled (Suzuki-Trotter),
            and training climbs a bound of the likelihood.
        seed: of first weights, order and samples.

    Attributes:
        fields_: h ``(n,)``, visible spins first, as trained.
        couplings_: ``(features, hidden)``, with ``graph`` ``(n, n)`` upper triangular.
        chains_: the last states of persistent chains, or None.
        scale_: what a sampler's problem is multiplied by.
        history_: arrays per epoch: ``temperature`` of the model phase's reads (NaN where none are
            drawn), ``scale``, and ``seconds``.
        n_features_in_: features of a row.

    Raises:
        ValueError: bad arguments, features outside of [0, 1], weights that are no longer finite.

    Example:
        >>> X = np.array([[0, 0, 1], [1, 1, 0]] * 50)
        >>> machine = BoltzmannMachine(hidden=2, learning_rate=0.1, epochs=50).fit(X)
        >>> machine.sample(3, key=0).shape, bool(machine.score(X) > -1.2)
        ((3, 3), True)

    Reference: Ackley, Hinton, Sejnowski, Cognitive Science 9, 147 (1985); Hinton, Neural
    Computation 14, 1771 (2002); persistent chains: Tieleman, ICML 2008; transverse field: Amin et
    al., Physical Review X 8, 021050 (2018).
    """

    hidden: int = 64
    _: KW_ONLY
    graph: Any = None
    sampler: Any = None
    num_reads: int = 100
    persistent: bool = True
    correct_temperature: bool = False
    learning_rate: float = 1e-3
    batch_size: int = 20
    epochs: int = 10
    transverse: float | None = None
    seed: int = 0

    def transform(self, X: Any) -> np.ndarray:
        """The probability of each hidden spin to be +1 given each row, ``(n_samples, hidden)``.

        Grey values count as the mean of their bit. More than 20 hidden spins that are coupled with
        each other are sampled, by block Gibbs sampling.
        """
        machine, v = self._machine(), self._visible(X)
        gamma = self._gamma()
        if gamma and machine.among_hidden is None:
            return (1 + field_means(machine.hidden_fields(v), gamma)) / 2
        if gamma or machine.enumerable() is not None:
            contrast = self._contrast(self.n_features_in_, sampler=GibbsSampler(SWEEPS), steps=None)
            return contrast.hidden_probabilities(machine, v, generator([self.seed, 3]))
        return (1 + machine.hidden_means(v)) / 2

    def sample(self, num_reads: int = 1, key: Any = None) -> np.ndarray:
        """Rows of bits, int8 ``(num_reads, n_features)``, that the machine draws by itself.

        By its sampler, at its scale; without one by 200 sweeps of block Gibbs sampling from random
        states, which may not visit all that a trained machine knows. With ``transverse`` exactly
        where training is, else one of the copies.

        Args:
            num_reads: rows.
            key: as for samplers; None follows ``seed``.
        """
        check_whole("num_reads", num_reads, "num_reads=10")
        machine, gamma = self._machine(), self._gamma()
        rng = generator([self.seed, 2] if key is None else key)
        if gamma and self._exact(machine):
            p = Exact.of(in_double(machine), gamma).visible
            return (visible_states(machine, p, num_reads, rng) + 1) // 2
        own = self.sampler is None or isinstance(self.sampler, str)
        sampler = GibbsSampler(QUANTUM_SWEEPS if gamma else SWEEPS) if own else self.sampler
        h, J = scaled(machine, self.scale_)
        if gamma:
            h, J = trotter(h, J, gamma)
        spins = unsorted(sampler, h[None], J, num_reads, rng)[0]
        spins = (first_slices(spins) if gamma else spins)[:, : machine.visible]
        return ((spins + 1) // 2).astype(np.int8)

    def score_samples(self, X: Any) -> np.ndarray:
        r"""$\log p(v)$ of each row of bits, in nats, ``(n_samples,)``: $-F(v) - \log Z$.

        Raises:
            ValueError: values other than 0 and 1; more than 20 hidden spins that are coupled with
                each other, or more than 10 spins in a transverse field.

        Warns:
            RuntimeWarning: ``log_partition_`` is an estimate that is not to be trusted.
        """
        v = self._visible(X, bits=True).astype(float)
        machine, gamma = in_double(self._machine()), self._gamma()
        if gamma:
            self._refuse_large(machine)
            p = Exact.of(machine, gamma).visible
            index = ((1 - v.astype(int)) // 2) @ 2 ** np.arange(machine.visible - 1, -1, -1)
            return np.log(p[index])
        if (why := machine.enumerable()) is not None:
            raise ValueError(f"{why}: the likelihood of a row is not known. Use fewer, or a graph "
                             "without couplings among hidden spins.")  # fmt: skip
        return -machine.free_energy(v) - self.log_partition_

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of ``score_samples``; grey values are drawn as bits first, once, by ``seed``."""
        check_is_fitted(self, "fields_")
        X, rng = self._rows(X, reset=False), generator([self.seed, 5])
        return float(self.score_samples(rng.random(X.shape, np.float32) < X).mean())

    @property
    def log_partition_(self) -> float:
        r"""$\log Z$ of the spins' Boltzmann factors, computed when it is first asked for.

        A sum over states where that can be done (the smaller layer of a restricted machine, or the
        visible spins, or all, up to 20 of them); else by annealed importance sampling: 100 chains,
        1,000 temperatures, from the data's base rates.

        Reference: Salakhutdinov, Murray, ICML 2008.
        """
        return self._log_partition().value

    @property
    def log_partition_spread_(self) -> float:
        """The standard deviation of the chains' log weights behind ``log_partition_``; 0: exact."""
        return self._log_partition().spread

    def to_ising(self) -> Ising:
        """The problem whose states at temperature 1 are the machine's: visible spins first."""
        if self._gamma():
            raise ValueError(
                f"a machine with transverse={self.transverse:g} is no classical problem. Its classical "
                "part is Ising(fields_, couplings_)."
            )
        return self._machine().ising

    @classmethod
    def from_bernoulli_rbm(cls, rbm: Any, **words: Any) -> BoltzmannMachine:
        r"""The same model as a fitted ``sklearn.neural_network.BernoulliRBM``; words as for the class.

        For bits v and weights w it is $W = -w/4$, $h_i = -(a_i + \sum_j w_{ij}/2)/2$.
        """
        check_is_fitted(rbm, "components_")
        w, a, b = rbm.components_.T, rbm.intercept_visible_, rbm.intercept_hidden_
        machine = cls(**{"hidden": len(b), **words})
        if machine.hidden != len(b) or machine.graph is not None or machine.transverse:
            raise ValueError(
                f"a BernoulliRBM of {len(b)} components is a machine with hidden={len(b)}, without "
                f"graph and transverse, got {words}. Leave these words out."
            )
        machine.n_features_in_ = len(w)
        if hasattr(rbm, "feature_names_in_"):
            machine.feature_names_in_ = rbm.feature_names_in_
        visible, hidden = a / 2 + w.sum(axis=1) / 4, b / 2 + w.sum(axis=0) / 4
        machine._learned(-np.concatenate([visible, hidden]), -w / 4, np.zeros(len(w), w.dtype))
        return machine

    def to_bernoulli_rbm(self) -> Any:
        """A ``sklearn.neural_network.BernoulliRBM`` that is the same model."""
        from sklearn.neural_network import BernoulliRBM

        machine = self._machine()
        if self.graph is not None or self._gamma():
            raise ValueError(
                "a BernoulliRBM has couplings of visible with hidden spins only and no transverse "
                "field; this machine has more. Use graph=None and transverse=None."
            )
        w, h, v = -4 * machine.weights, machine.h, machine.visible
        rbm = BernoulliRBM(
            self.hidden, learning_rate=16 * self.learning_rate, batch_size=self.batch_size,
            n_iter=self.epochs, random_state=self.seed,
        )  # fmt: skip
        rbm.components_ = np.ascontiguousarray(w.T)
        rbm.intercept_visible_ = -2 * h[:v] - w.sum(axis=1) / 2
        rbm.intercept_hidden_ = -2 * h[v:] - w.sum(axis=0) / 2
        rbm.h_samples_ = np.zeros((self.batch_size, self.hidden), w.dtype)
        rbm.n_features_in_ = v
        return rbm
