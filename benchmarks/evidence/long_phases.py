r"""Phases of a cluster-Ising chain of 64 spins, recognised by a tree QCNN on its exact place.

``python -m benchmarks.evidence.long_phases``. The ground states are matrix product states by DMRG
(``chains``), the QCNN of disjoint pairs is contracted with them exactly (``MPSEncoding``,
``tensor_network()``), trained on 40 points with known answer and asked about a grid over the plane. The
truth is the string order of the same states over the middle of the chain, cut at its own value at the one
point where the boundary is known, h1 = J and h2 = 0. Beside it: a support vector machine on the
correlators <X_i>, <X_i X_i+1>, <Z_i-1 X_i Z_i+1> of the same states, trained on the same points.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import jax
import numpy as np
import optax
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import qdl
from qdl.layers import Convolution, MPSEncoding, Pooling, Rotation

from .chains import ground_states

SPINS = 64
BOND = 8
PAULI = {
    "I": np.eye(2),
    "X": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "Z": np.diag([1.0, -1.0]),
}


def points(columns: int, rows: int) -> np.ndarray:
    """The middles of the cells of the plane 0 < h1 < 1.6, -1.6 < h2 < 1.6."""
    h1 = (np.arange(columns) + 0.5) / columns * 1.6
    h2 = (np.arange(rows) + 0.5) / rows * 3.2 - 1.6
    return np.stack(np.meshgrid(h1, h2), axis=-1).reshape(-1, 2)


def train_points(count: int = 40, seed: int = 0) -> np.ndarray:
    """Points of the same plane that lie evenly and on no grid (Sobol)."""
    from scipy.stats import qmc

    unit = qmc.Sobol(2, seed=seed).random(64)[:count]
    return np.round(unit * [1.6, 3.2] - [0.0, 1.6], 4)


def expectations(x: np.ndarray, word: dict[int, str]) -> np.ndarray:
    """<word> of real states given as rows of features, by transfer matrices."""
    tensors = x.reshape(len(x), SPINS, BOND, 2, BOND)
    start = np.zeros((len(x), BOND, BOND))
    start[:, 0, 0] = 1
    ends = []
    for letters in (word, {}):
        left = start
        for site in range(SPINS):
            a = tensors[:, site]
            turned = np.einsum("st,natc->nasc", PAULI[letters.get(site, "I")], a)
            left = np.einsum("nab,nasc->nbsc", left, turned)
            left = np.einsum("nbsc,nbsd->ncd", left, a)
        ends.append(left[:, 0, 0])
    return ends[0] / ends[1]


def string_order(x: np.ndarray) -> np.ndarray:
    """The string Z X 1 X ... 1 X Z over the middle half of the chain."""
    first, last = SPINS // 4, 3 * SPINS // 4
    letters = {first: "Z", last: "Z", **dict.fromkeys(range(first + 1, last, 2), "X")}
    return expectations(x, letters)


def correlators(x: np.ndarray) -> np.ndarray:
    """What a classical model is given of each state."""
    words = [{i: "X"} for i in range(SPINS)]
    words += [{i: "X", i + 1: "X"} for i in range(SPINS - 1)]
    words += [{i: "Z", i + 1: "X", i + 2: "Z"} for i in range(SPINS - 2)]
    return np.stack([expectations(x, word) for word in words], axis=-1)


def tree(bond: int = BOND, spins: int = SPINS) -> qdl.QNN:
    """Disjoint pairs down to one wire, 17 parameters a pair."""
    levels = [
        layer
        for _ in range(int(np.log2(spins)))
        for layer in (Convolution("su4", False, pattern="pairs"), Pooling(shared=False))
    ]
    model = qdl.QNN(spins, [MPSEncoding(bond), *levels, Rotation("zyz")])
    return model.on(qdl.backends.tensor_network())


def trained(x: Any, labels: np.ndarray, seed: int, steps: int) -> tuple[Any, Any, float]:
    """A tree, its parameters, and the seconds that training took."""
    model = tree()
    keys = iter(jax.random.split(jax.random.key(seed), 64))
    start = jax.tree.map(
        lambda s: 0.3 * jax.random.normal(next(keys), s), model.shape, is_leaf=_is_shape
    )
    begun = time.perf_counter()
    fit = qdl.fit(
        model,
        x,
        labels,
        loss="cross_entropy",
        optimizer=optax.adam(optax.cosine_decay_schedule(0.05, steps)),
        steps=steps,
        batch_size=20,
        params=start,
        key=jax.random.key(seed),
    )
    return model, fit.params, time.perf_counter() - begun


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple)


def main() -> None:
    """Train, ask about the plane, and print one line each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence.long_phases", description=__doc__
    )
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    line, plane = train_points(), points(asked.columns, asked.rows)
    x, test = ground_states(SPINS, line, BOND), ground_states(SPINS, plane, BOND)
    [critical] = string_order(ground_states(SPINS, np.array([[1.0, 0.0]]), BOND))
    labels, truth = string_order(x) > critical, string_order(test) > critical
    print(
        f"{len(x)} points to train on, {labels.mean():.0%} topological; {len(test)} asked, "
        f"{truth.mean():.0%} topological",
        flush=True,
    )
    machine = make_pipeline(StandardScaler(), SVC(C=10.0))
    machine.fit(correlators(x), labels)
    print(f"SVM on the correlators: {np.mean(machine.predict(correlators(test)) == truth):.3f}")
    scores = []
    for seed in range(asked.seeds):
        model, params, seconds = trained(x, labels.astype(int), seed, asked.steps)
        values = np.concatenate(
            [model.apply(params, test[i : i + 20])[:, 0] for i in range(0, len(test), 20)]
        )
        scores.append(float(np.mean((values > 0) == truth)))
        print(f"tree QCNN, seed {seed}: {scores[-1]:.3f}, trained in {seconds:.0f} s", flush=True)
    print(f"tree QCNN, mean: {np.mean(scores):.3f}")


if __name__ == "__main__":
    main()
