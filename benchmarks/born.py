"""Circuits that generate, for the table of ``python -m benchmarks.generative small``.

Each is a function of (rows, CPU seconds, seed) that gives the probabilities of all 2^n rows, the first bit
worth most. What compiling takes is not counted.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import qdl
from qdl.diagnostics import iqp_expectations
from qdl.layers import Entangler, Evolution, Repeat, Rotation
from qdl.training import KL, MMD

STEPS = 100  # between two looks at the clock
LETTERS = 3  # of the longest word of the IQP circuit


def trained(model: Any, target: Any, loss: Any, rate: float, seconds: float, seed: int) -> Any:
    """Parameters after so many CPU seconds of Adam."""
    more = {"loss": loss, "optimizer": optax.adam(rate), "steps": STEPS}
    key = jax.random.key(seed)
    qdl.fit(model, None, target, key=key, **more)  # compiled now
    params, state, turn, started = None, None, 0, time.process_time()
    while time.process_time() - started < seconds:
        own = jax.random.fold_in(key, turn)
        found = qdl.fit(model, None, target, params=params, state=state, key=own, **more)
        params, state, turn = found.params, found.state, turn + 1
    return params


def born_machine(X: np.ndarray, seconds: float, seed: int, depth: int = 10) -> np.ndarray:
    """Rotations and a ring of CZ, trained by the divergence of all probabilities."""
    block = [Rotation("zx"), Entangler("cz", "ring")]
    model = qdl.QNN(X.shape[1], [Repeat(block, depth), Rotation("zx")], readout=qdl.Probs())
    params = trained(model, X.astype(int), KL(), 0.05, seconds, seed)
    return np.asarray(model.apply(params), float)


@dataclass(frozen=True)
class Means:
    """Two estimates of means of words, without a state vector."""

    model: qdl.QNN
    words: tuple[tuple[int, ...], ...]

    def init(self, key: Any) -> Any:
        return self.model.init(key)

    def apply(self, params: Any, x: Any, key: Any) -> Any:
        ask = partial(iqp_expectations, self.model, params, np.array(self.words), samples=500)
        return jnp.stack([ask(key=k) for k in jax.random.split(key)])


def apart(found: Any, wanted: Any) -> Any:
    """The discrepancy of two estimates that share no noise."""
    return jnp.mean((found[0] - wanted) * (found[1] - wanted))


def iqp_machine(X: np.ndarray, seconds: float, seed: int) -> np.ndarray:
    """Rotations about words of up to three X, trained by 300 means of words of Z."""
    n = X.shape[1]
    words = np.asarray(MMD((0.25, 1.0, 4.0)).words(n, 300, jax.random.key(seed)))
    terms = [
        (1.0, "X" * k, w)
        for k in range(1, LETTERS + 1)
        for w in itertools.combinations(range(n), k)
    ]
    start = qdl.initializers.gaussian(0.3)
    layers = [Evolution(terms, shared=False)]
    model = qdl.QNN(n, layers, readout=qdl.Probs(), initializer=start)
    means = ((-1.0) ** (X.astype(int) @ words.T)).mean(0)
    seen = Means(model, tuple(map(tuple, words.tolist())))
    params = trained(seen, means, apart, 0.02, seconds, seed)
    return np.asarray(model.apply(params), float)
