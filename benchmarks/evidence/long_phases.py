r"""Phases of a cluster-Ising chain of 64 spins, recognised by a tree QCNN on its exact place.

``python -m benchmarks.evidence.long_phases``. The ground states are matrix product states by DMRG
(``matrix_product``), the QCNN of disjoint pairs is contracted with them exactly (``MPSEncoding``,
``tensor_network()``), trained on 40 points with known answer and asked about a grid over the plane. The
truth is the string order of the same states over the middle of the chain, cut at its own value at the one
point where the boundary is known, h1 = J and h2 = 0. Beside it: a support vector machine on the
correlators <X_i>, <X_i X_i+1>, <Z_i-1 X_i Z_i+1> of the same states, trained on the same points.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import qdl
from qdl.layers import Convolution, MPSEncoding, Pooling, Rotation

from .matrix_product import ground_states

SPINS = 64
BOND = 8
PAULI = {
    "I": np.eye(2),
    "X": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "Z": np.diag([1.0, -1.0]),
}


def points(count: int = 96, columns: int = 12, rows: int = 24) -> np.ndarray:
    """Cells of the plane 0 < h1 < 1.6, -1.6 < h2 < 1.6, drawn without repetition: their middles."""
    h1 = (np.arange(columns) + 0.5) / columns * 1.6
    h2 = (np.arange(rows) + 0.5) / rows * 3.2 - 1.6
    every = np.stack(np.meshgrid(h1, h2), axis=-1).reshape(-1, 2)
    return every[np.random.default_rng(0).permutation(len(every))[:count]]


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
        for _ in range((spins - 1).bit_length())
        for layer in (Convolution("su4", False, pattern="pairs"), Pooling(shared=False))
    ]
    model = qdl.QNN(spins, [MPSEncoding(bond), *levels, Rotation("zyz")])
    return model.on(qdl.backends.tensor_network())


def trained(x: Any, labels: np.ndarray, seed: int, steps: int) -> tuple[Any, Any, float]:
    """A tree, its parameters, and the seconds of the processor that training took."""
    model = tree()
    keys = iter(jax.random.split(jax.random.key(seed), 64))
    start = jax.tree.map(
        lambda s: 0.3 * jax.random.normal(next(keys), s), model.shape, is_leaf=_is_shape
    )
    begun = time.process_time()
    fit = qdl.fit(
        model,
        x,
        labels,
        loss="cross_entropy",
        optimizer=optax.adam(optax.cosine_decay_schedule(0.05, steps)),
        steps=steps,
        batch_size=10,
        params=start,
        key=jax.random.key(seed),
    )
    return model, fit.params, time.process_time() - begun


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple)


def draw(plane: np.ndarray, panels: dict[str, np.ndarray], line: np.ndarray, file: Path) -> None:
    """The plane once for each panel: colours are its values, which change sign at its boundary."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True)
    exact = next(iter(panels.values()))
    for one, (title, values) in zip(axes, panels.items(), strict=True):
        most = np.abs(values).max()
        seen = one.scatter(*plane.T, c=values, cmap="RdBu", vmin=-most, vmax=most, s=40)
        one.tricontour(*plane.T, exact, levels=[0], colors="black", linestyles="dashed")
        one.plot(*line.T, "+", color="0.4", markersize=5)
        one.set(title=title, xlabel="$h_1 / J$")
        figure.colorbar(seen, ax=one)
    axes[0].set_ylabel("$h_2 / J$")
    figure.savefig(file, dpi=110)


def main() -> None:
    """Train, ask about the plane, print one line each, and draw the first seed's answers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence.long_phases", description=__doc__
    )
    parser.add_argument("--points", type=int, default=96, help="of 288 cells of the plane")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--check", type=int, default=0, help="points asked again at twice the bond")
    parser.add_argument("--picture", type=Path, help="a .png to draw")
    asked = parser.parse_args()
    line, plane = train_points(), points(asked.points)
    x, test = ground_states(SPINS, line, BOND), ground_states(SPINS, plane, BOND)
    [critical] = string_order(ground_states(SPINS, np.array([[1.0, 0.0]]), BOND))
    exact = string_order(test) - critical
    labels, truth = string_order(x) > critical, exact > 0
    print(
        f"{len(x)} points to train on, {labels.mean():.0%} topological; {len(test)} asked, "
        f"{truth.mean():.0%} topological",
        flush=True,
    )
    machine = make_pipeline(StandardScaler(), SVC(C=10.0)).fit(correlators(x), labels)
    margin = machine.decision_function(correlators(test))
    print(f"SVM on the correlators: {np.mean((margin > 0) == truth):.3f}", flush=True)
    scores, first = [], None
    for seed in range(asked.seeds):
        model, params, seconds = trained(x, labels.astype(int), seed, asked.steps)
        values = np.concatenate(
            [model.apply(params, test[i : i + 16])[:, 0] for i in range(0, len(test), 16)]
        )
        if asked.check and seed == 0:
            finer = tree(2 * BOND).apply(
                params, ground_states(SPINS, plane[: asked.check], 2 * BOND)
            )
            off = np.abs(finer[:, 0] - values[: asked.check])
            same = np.mean((finer[:, 0] > 0) == (values[: asked.check] > 0))
            print(
                f"bond {2 * BOND}: {asked.check} outputs differ by {np.median(off):.1e} in the median, "
                f"{off.max():.1e} at most; {same:.0%} of the answers agree",
                flush=True,
            )
        first = values if first is None else first
        scores.append(float(np.mean((values > 0) == truth)))
        print(
            f"tree QCNN, seed {seed}: {scores[-1]:.3f}, trained in {seconds:.0f} s of the processor",
            flush=True,
        )
    print(f"tree QCNN, mean: {np.mean(scores):.3f}")
    if asked.picture and first is not None:
        panels = {"string order": exact, "SVM of correlators": margin, "tree QCNN": first}
        draw(plane, panels, line, asked.picture)


if __name__ == "__main__":
    main()
