"""What trains, keeps and saves a Boltzmann machine; the questions one asks it are in boltzmann.py."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dimod
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arguments import check_number, check_whole
from . import storage
from .base import Sampler
from .contrast import Contrast, State
from .gibbs import GibbsSampler
from .machine import Machine, layout, new_machine
from .partition import MOST_SPREAD, LogPartition, in_double, log_partition
from .qpu import QPUSampler
from .quantum import LARGEST, Exact


class Trained(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A machine of bits that is trained; its arguments and attributes are told by ``BoltzmannMachine``.

    Reference: scikit-learn, "Developing scikit-learn estimators".
    """

    hidden: int
    graph: Any
    sampler: Any
    num_reads: int
    persistent: bool
    correct_temperature: bool
    learning_rate: float
    batch_size: int
    epochs: int
    transverse: float | None
    seed: int

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, *, callback: Callable[[Any], Any] | None = None) -> Any:
        """Train from new weights.

        Args:
            X: ``(n_samples, n_features)`` in [0, 1]; float32 stays float32.
            y: ignored.
            callback: called with this machine after every epoch; a true answer stops training.

        Warns:
            RuntimeWarning: a sampler that descends to states of low energy, or draws at another
                temperature than 1; values beyond a machine's range.
        """
        X = self._rows(X, reset=True)
        contrast = self._begin(X)
        for _ in range(self.epochs):
            self._epoch(contrast, X)
            if callback is not None and callback(self):
                break
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Any:
        """One more pass over these rows, from the weights, chains and scale that there are.

        Args:
            X: ``(n_samples, n_features)`` in [0, 1].
            y: ignored.
        """
        first = not hasattr(self, "fields_")
        X = self._rows(X, reset=first)
        contrast = self._begin(X) if first else self._contrast(self.n_features_in_)
        self._epoch(contrast, X.astype(self.fields_.dtype, copy=False))
        return self

    def save(self, path: str | Path) -> None:
        """Save in a folder: ``machine.json`` and ``params.safetensors``, every byte hashed.

        Example:
            >>> import tempfile
            >>> folder, X = tempfile.mkdtemp(), [[0.0, 1.0], [1.0, 0.0]]
            >>> from qdl.ising import BoltzmannMachine
            >>> machine = BoltzmannMachine(hidden=3, epochs=2).fit(X)
            >>> machine.save(folder)
            >>> bool((BoltzmannMachine.load(folder).score_samples(X) == machine.score_samples(X)).all())
            True
        """
        check_is_fitted(self, "fields_")
        arrays = {"fields": self.fields_, "couplings": self.couplings_, "base": self._base}
        if self.chains_ is not None:
            arrays["chains"] = self.chains_
        more = {"scale": self.scale_, "updates": self._updates, "features": self.n_features_in_}
        storage.write_fitted(Path(path), storage.MACHINE, self, arrays, more)

    @classmethod
    def load(cls, path: str | Path, sampler: Any = None, samplers: Iterable[type[Any]] = ()) -> Any:
        """The machine that ``save`` wrote; nothing in the files is executed.

        Args:
            path: as given to ``save``.
            sampler: needed for one that is not written, since it may hold a connection.
            samplers: your own classes that the sampler needs.

        Raises:
            FileNotFoundError: no machine there.
            ValueError: damaged; a sampler, or a class of your own, that must be passed.
        """
        machine, arrays, notes = storage.read_fitted(
            Path(path), storage.MACHINE, cls, sampler, samplers
        )
        with storage.whole(Path(path) / storage.MACHINE):
            features, scale, updates = (notes[name] for name in ("features", "scale", "updates"))
            check_whole("features", features)
            check_number("scale", scale, "scale=1.0", positive=True)
            check_whole("updates", updates, least=0)
            machine.n_features_in_ = features
            machine._contrast(features)  # its arguments
            shapes = layout(features, machine.hidden, machine.graph)
            chains = arrays.get("chains")
            if chains is not None and (
                chains.shape[1:] != shapes["fields"] or not np.isin(chains, (-1, 1)).all()
            ):
                raise ValueError(f"chains of shape {chains.shape} are no spins of such a machine")
            history = machine.history_
            machine._learned(**storage.shaped(arrays, shapes, "f"))
            machine.history_, machine.scale_ = history, scale
            machine.chains_, machine._updates = chains, updates
        return machine

    @property
    def _n_features_out(self) -> int:
        return self.hidden

    def _rows(self, X: Any, reset: bool) -> np.ndarray:
        X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        if X.min() < 0 or X.max() > 1:
            bad = X[(X < 0) | (X > 1)].flat[0]
            raise ValueError(
                f"features must lie in [0, 1], bits or grey values, got {bad:g}. Scale them, with "
                "sklearn.preprocessing.MinMaxScaler(clip=True) in a pipeline, or threshold them."
            )
        return X

    def _visible(self, X: Any, bits: bool = False) -> np.ndarray:
        """Rows as spins, or as the means of spins, in the type of the weights."""
        check_is_fitted(self, "fields_")
        X = self._rows(X, reset=False)
        if bits and not np.isin(X, (0, 1)).all():
            bad = X[~np.isin(X, (0, 1))].flat[0]
            raise ValueError(
                f"a machine of spins gives bits their likelihood, got the value {bad:g}. Threshold the "
                "rows, X > 0.5, or draw bits: rng.random(X.shape) < X."
            )
        return (2 * X - 1).astype(self.fields_.dtype, copy=False)

    def _gamma(self) -> float:
        return float(self.transverse or 0.0)

    def _exact(self, machine: Machine) -> bool:
        return self.sampler is None and len(machine.h) <= LARGEST

    def _refuse_large(self, machine: Machine) -> None:
        if len(machine.h) > LARGEST:
            raise ValueError(
                f"in a transverse field the likelihood is known for at most {LARGEST} spins, got "
                f"{len(machine.h)}. Use a smaller machine, or transverse=None."
            )

    def _begin(self, X: np.ndarray) -> Contrast:
        """New weights and what trains them; bad arguments are refused here."""
        contrast = self._contrast(X.shape[1])
        rates = (X.sum(axis=0, dtype=float) + 0.5) / (len(X) + 1)  # never 0 or 1
        log_odds = np.log(rates / (1 - rates)).astype(X.dtype)
        rng = np.random.default_rng([self.seed, 0])
        new = new_machine(X.shape[1], self.hidden, self.graph, log_odds, rng)
        self._learned(new.h, new.weights, -log_odds / 2)
        return contrast

    def _learned(self, fields: np.ndarray, couplings: np.ndarray, base: np.ndarray) -> None:
        self.fields_, self.couplings_, self._base = fields, couplings, base
        self.chains_, self.scale_, self._updates, self._partition = None, 1.0, 0, None
        self._warned = set()  # of this fit
        names = ("temperature", "scale", "seconds")
        self.history_ = {name: np.array([]) for name in names}

    def _machine(self) -> Machine:
        check_is_fitted(self, "fields_")
        mask = None
        if self.graph is not None:
            graph = np.asarray(self.graph) != 0
            mask = np.triu(graph | graph.T, 1)
        return Machine(self.fields_, self.couplings_, self.n_features_in_, mask)

    def _contrast(self, visible: int, **changed: Any) -> Contrast:
        check_whole("hidden", self.hidden, "hidden=64", least=0)
        for name, least in (("num_reads", 1), ("batch_size", 1), ("epochs", 0), ("seed", 0)):
            check_whole(name, getattr(self, name), least=least)
        check_number("learning_rate", self.learning_rate, "learning_rate=1e-3")
        if self.transverse is not None:
            check_number("transverse", self.transverse, "transverse=1.0")
        sampler, steps = self._sampler_and_steps()
        gamma = self._gamma()
        exact = bool(gamma) and self.sampler is None and visible + self.hidden <= LARGEST
        words: dict[str, Any] = {
            "sampler": sampler, "steps": steps, "num_reads": self.num_reads,
            "persistent": self.persistent, "correct": self.correct_temperature,
            "learning_rate": self.learning_rate, "batch_size": self.batch_size,
            "gamma": gamma, "exact": exact,
        }  # fmt: skip
        return Contrast(**(words | changed))

    def _sampler_and_steps(self) -> tuple[Any, int | None]:
        """The sampler of the model phase, or the sweeps of contrastive divergence."""
        sampler = self.sampler
        if sampler is None:
            return GibbsSampler(1), None
        if isinstance(sampler, str):
            name, _, count = sampler.partition("-")
            if name != "cd" or not (sampler == "cd" or count.isdecimal() and int(count) > 0):
                raise ValueError(
                    f"sampler must be None, 'cd' (or 'cd-10' for ten sweeps) or a sampler, got {sampler!r}."
                )
            if self.transverse:
                raise ValueError(
                    "contrastive divergence starts from data, which says nothing of the copies of a "
                    "machine in a transverse field. Use sampler=None, or a sampler."
                )
            return GibbsSampler(1), int(count or 1)
        if isinstance(sampler, dimod.Sampler) and not isinstance(sampler, Sampler):
            raise TypeError(
                f"{type(sampler).__name__} is one of dimod's samplers, which takes models one by one. Pass "
                "DimodSampler(sampler)."
            )
        if isinstance(sampler, type) or not callable(getattr(sampler, "sample", None)):
            raise TypeError(
                f"sampler must have sample(h, J, num_reads, key, initial), got {sampler!r}. "
                "Example: qdl.ising.GibbsSampler(sweeps=10)."
            )
        if self.persistent and isinstance(sampler, QPUSampler):
            raise ValueError(
                f"each of the {self.num_reads} chains would be a call of the machine in every update. "
                "Pass persistent=False: reads are then forward anneals."
            )
        return sampler, None

    def _epoch(self, contrast: Contrast, X: np.ndarray) -> None:
        """One pass, and a line of the history."""
        start, done = time.perf_counter(), len(self.history_["seconds"])
        state = State(self.chains_, self.scale_, self._updates, warned=self._warned)
        contrast.epoch(self._machine(), X, state, np.random.default_rng([self.seed, 1, done]))
        self.chains_, self.scale_, self._updates = state.chains, state.scale, state.updates
        self._partition = None
        row = (state.temperature, state.scale, time.perf_counter() - start)
        self.history_ = {
            name: np.append(column, value)
            for (name, column), value in zip(self.history_.items(), row, strict=True)
        }

    def _log_partition(self) -> LogPartition:
        machine, gamma = self._machine(), self._gamma()
        if self._partition is None:
            if gamma:
                self._refuse_large(machine)
                value = Exact.of(in_double(machine), gamma).log_partition
                self._partition = LogPartition(value, 0.0)
            else:
                rng = np.random.default_rng([self.seed, 4])
                self._partition = log_partition(machine, self._base, rng)
            if self._partition.spread > MOST_SPREAD:
                warnings.warn(
                    f"log Z = {self._partition.value:.2f} is not to be trusted: the log weights of the "
                    f"chains behind it have a spread of {self._partition.spread:.2f}, more than "
                    f"{MOST_SPREAD:g}. Its error may be as large.",
                    RuntimeWarning,
                    stacklevel=3,
                )
        return self._partition
