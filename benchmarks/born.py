"""``python -m benchmarks.born``: circuits that generate 9 bits, beside independent bits, at equal CPU time.

A row is a function of (rows, CPU seconds, seed) that gives the probabilities of all 2^n rows, the first bit
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


def independent(X: np.ndarray, seconds: float, seed: int) -> np.ndarray:
    """Independent bits, in closed form."""
    del seconds, seed
    p, every = X.mean(0), np.array(list(itertools.product((0, 1), repeat=X.shape[1])))
    return np.prod(np.where(every, p, 1 - p), axis=-1)


ROWS = {
    "independent bits": independent,
    "Born machine, CZ ring, depth 10, KL": born_machine,
    "IQP circuit of words of up to 3, MMD": iqp_machine,
}


def bars() -> tuple[np.ndarray, np.ndarray]:
    """The 14 patterns of 3 x 3 bars and stripes; the test part is the same."""
    lines = (np.arange(8)[:, None] >> np.arange(2, -1, -1)) & 1
    patterns = np.concatenate([np.repeat(lines, 3, axis=1), np.tile(lines, (1, 3))])
    found = np.unique(patterns, axis=0).astype(float)
    return found, found


def small_digits() -> tuple[np.ndarray, np.ndarray]:
    """Digits as 3 x 3 bits: the mean of each part above the median of that part."""
    data = qdl.datasets.digits(None, 9, "pool", scale=(0, 1), test_size=397 / 1797)
    middle = np.median(data.X_train, axis=0)
    return (data.X_train > middle).astype(float), (data.X_test > middle).astype(float)


def scored(p: np.ndarray, test: np.ndarray) -> float:
    """The mean log-likelihood of test rows; of few patterns the divergence from them."""
    index = test.astype(int) @ 2 ** np.arange(test.shape[1] - 1, -1, -1)
    mean = float(np.mean(np.log(np.maximum(p[index], 1e-12))))
    return -np.log(len(test)) - mean if len(test) < 20 else mean


def main(seconds: float = 8.0, seeds: int = 3) -> None:
    """The table."""
    sets = {"KL, bars and stripes": bars(), "digits, test": small_digits()}
    print(f"9 bits, {seconds:g} CPU seconds each, mean and sd of {seeds} seeds; nats\n")
    print("| model | " + " | ".join(sets) + " |\n| --- | --- | --- |")
    for name, model in ROWS.items():
        cells = []
        for train, test in sets.values():
            found = [scored(model(train, seconds, seed), test) for seed in range(seeds)]
            cells.append(f"{np.mean(found):.3f} +- {np.std(found):.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
