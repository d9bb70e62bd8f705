r"""Quantum phases of the cluster-Ising chain, recognised by a QCNN: Cong, Choi, Lukin (2019).

A circuit gets a ground state as its input, and says whether it is topological. It is trained on 40
points of the solvable line h2 = 0, where that phase ends at h1 = J, and asked about the whole plane.

The truth is the exact string order <Z_1 X_2 X_4 ... X_{N-1} Z_N> of the same chain, above or below a
cut. On few sites the transition is smooth, so every method, string order included, gets its cut at
the one point that is known: its own value at h1 = J, h2 = 0.

Of four restarts of the training the one with the lowest training loss is kept. The layers and the
penalties of the classical models were chosen by the agreement on 256 random points of the plane,
which are not those of the score.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import pennylane as qp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import qdl
from qdl.layers import (
    AmplitudeEncoding,
    Convolution,
    Entangler,
    Layer,
    Pooling,
    Rotation,
    Template,
)

from .cluster_ising import expectation, ground_states, string_order, word
from .row import Row

SEEDS = 3
RESTARTS = 4
CRITICAL = ((1.0, 0.0),)  # where the solvable line leaves the topological phase, (h1, h2) in J
COPIES = 100


def train_points() -> np.ndarray:
    """Forty points of the solvable line, 0 < h1 < 2, as in the paper."""
    return np.array([(h1, 0.0) for h1 in (np.arange(40) + 0.5) / 20])


def validation_points() -> np.ndarray:
    """256 random points of the plane: what choices are made on."""
    return np.random.default_rng(0).uniform((0.0, -1.6), (1.6, 1.6), (256, 2))


def test_points(columns: int = 24) -> np.ndarray:
    """A regular grid over the plane, 0 < h1 < 1.6, -1.6 < h2 < 1.6; h1 changes fastest."""
    h1 = (np.arange(columns) + 0.5) / columns * 1.6
    h2 = (np.arange(2 * columns) + 0.5) / columns * 1.6 - 1.6
    return np.stack(np.meshgrid(h1, h2), axis=-1).reshape(-1, 2)


def hadamards(params: Any, x: Any, wires: Iterable[int]) -> Iterable[Any]:
    """A Hadamard on every wire."""
    for wire in wires:
        yield qp.Hadamard(wire)


@dataclass(frozen=True)
class Thirds(Layer):
    """Keeps the middle of every three wires, turned about x where a neighbour is 1.

    Params: ``(2,)``, radians: for the left and for the right neighbours, shared by all triples.
    """

    def shape(self, wires):
        return (2,)

    def gates(self, params, x, wires):
        for left, middle, right in zip(wires[0::3], wires[1::3], wires[2::3], strict=False):
            yield qp.CRX(params[0], wires=(left, middle))
            yield qp.CRX(params[1], wires=(right, middle))

    def active(self, wires):
        return wires[1::3]


def decoder(n: int) -> qdl.QNN:
    """A QCNN that starts like the one in the paper: CZ and H turn each Z X Z into one Z.

    In the topological phase the wires then read 0, errors apart. What follows combines neighbours
    two times three to one, by rotations about x only, so that it stays a reading of these Zs.
    """
    unravel = [AmplitudeEncoding(), Entangler("cz", "chain"), Template(hadamards)]
    return qdl.QNN(n, [*unravel, Thirds(), Thirds(), Rotation("x")])


def any_gates(n: int) -> qdl.QNN:
    """A QCNN that knows nothing of the problem: any two-wire gates, and pooling to one wire."""
    levels = (n - 1).bit_length()  # each keeps half of the wires, rounded up
    layers = [Convolution("su4"), Pooling()] * levels
    return qdl.QNN(n, [AmplitudeEncoding(), *layers, Rotation("zyz")])


class Recogniser(NamedTuple):
    """A trained circuit, and the value at the critical point above which it says "topological"."""

    model: qdl.QNN
    params: Any
    cut: float

    def margin(self, states: np.ndarray) -> np.ndarray:
        """How far the output is above the cut."""
        return np.asarray(self.model.apply(self.params, states))[:, 0] - self.cut


def train(model: qdl.QNN, seed: int, restarts: int = RESTARTS, steps: int = 300) -> Recogniser:
    """Fit the solvable line: topological where h1 < J; the restart with the lowest loss."""
    points = train_points()
    states, labels = ground_states(model.n_wires, points), (points[:, 0] < 1).astype(int)
    settings = {"loss": "cross_entropy", "optimizer": optax.adam(0.05), "batch_size": len(points)}
    fits = [
        qdl.fit(model, states, labels, steps=steps, key=key, **settings)
        for key in jax.random.split(jax.random.key(seed), restarts)
    ]
    best = min(fits, key=lambda fit: fit.history["loss"][-1])
    critical = model.apply(best.params, ground_states(model.n_wires, CRITICAL))
    return Recogniser(model, best.params, float(critical[0, 0]))


def correlators(states: np.ndarray, words: tuple[str, ...]) -> np.ndarray:
    """Expectations of each word at each of its places: features for a classical model."""
    n = states.shape[1].bit_length() - 1
    places = [(start, w) for w in words for start in range(n - len(w) + 1)]
    operators = [word(n, {s + k: letter for k, letter in enumerate(w)}) for s, w in places]
    return np.stack([expectation(states, operator) for operator in operators], axis=1)


class Study(NamedTuple):
    """States of one chain and the exact answers: True where the string order is above its cut."""

    n: int
    line: np.ndarray
    critical: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def truth(self, states: np.ndarray) -> np.ndarray:
        return string_order(states) > string_order(self.critical)

    def agreement(self, topological: np.ndarray) -> float:
        """Percent of the test points with the exact phase."""
        return 100 * float(np.mean(topological == self.truth(self.test)))


@lru_cache
def study(n: int) -> Study:
    """The ground states of all the points."""
    sets = (train_points(), CRITICAL, validation_points(), test_points())
    return Study(n, *(ground_states(n, points) for points in sets))


def classical(data: Study, make: Any, words: tuple[str, ...]) -> tuple[float, ...]:
    """A classical model of correlators, its penalty chosen on the validation points."""
    line, critical, validation, test = (correlators(states, words) for states in data[1:])
    labels = train_points()[:, 0] < 1

    def margin(C: float, features: np.ndarray) -> np.ndarray:
        model = make_pipeline(StandardScaler(), make(C=C)).fit(line, labels)
        return model.decision_function(features) - model.decision_function(critical)

    exact = data.truth(data.validation)
    penalties = 10.0 ** np.arange(-2, 4)
    best = max(penalties, key=lambda C: np.mean((margin(C, validation) > 0) == exact))
    return (data.agreement(margin(best, test) > 0),)


def sampled(expectations: np.ndarray, seed: int) -> np.ndarray:
    """Averages of +1 and -1 over ``COPIES`` measurements of each expectation."""
    p = np.clip((1 + expectations) / 2, 0, 1)
    return 2 * np.random.default_rng(seed).binomial(COPIES, p) / COPIES - 1


def rows(seeds: int) -> list[Row]:
    """The decoder on 9 and 11 sites, from few copies, and the circuit that knows nothing."""
    table = [_decoder_row(n, seeds) for n in (9, 11)]
    return [*table, _copies_row(seeds), _any_gates_row(seeds)]


PUBLISHED = "a drawn boundary, no figure"
UNIT = "% of the plane as the exact string order"


@lru_cache
def recognisers(build: Any, n: int, seeds: int, restarts: int) -> tuple[list[Recogniser], float]:
    """One trained circuit a seed, and seconds for each."""
    start = time.perf_counter()
    trained = [train(build(n), seed, restarts) for seed in range(seeds)]
    return trained, (time.perf_counter() - start) / seeds


def _decoder_row(n: int, seeds: int) -> Row:
    data = study(n)
    trained, seconds = recognisers(decoder, n, seeds, RESTARTS)
    beside = {
        "logistic regression on X, XX, ZZ": classical(data, _logistic, ("X", "XX", "ZZ")),
        "SVC on X, XX, ZZ": classical(data, SVC, ("X", "XX", "ZZ")),
        "logistic regression on ZXZ": classical(data, _logistic, ("ZXZ",)),
    }
    ours = tuple(data.agreement(one.margin(data.test) > 0) for one in trained)
    name = f"QCNN that decodes, {trained[0].model.n_params} parameters"
    return Row(f"cluster-Ising phases, {n} sites", name, ours, PUBLISHED, beside, UNIT, seconds)


def _logistic(C: float) -> LogisticRegression:
    return LogisticRegression(C=C, max_iter=10_000)


def _copies_row(seeds: int) -> Row:
    """From measurements: the circuit's one wire, or the string order itself."""
    data = study(9)
    trained, seconds = recognisers(decoder, 9, seeds, RESTARTS)
    cut = string_order(data.critical)
    ours = tuple(
        data.agreement(sampled(one.margin(data.test) + one.cut, seed) > one.cut)
        for seed, one in enumerate(trained)
    )
    order = string_order(data.test)
    theirs = tuple(data.agreement(sampled(order, seed) > cut) for seed in range(seeds))
    task = f"the same, 9 sites, {COPIES} copies a state"
    return Row(task, "QCNN that decodes", ours, PUBLISHED, {"string order": theirs}, UNIT, seconds)


def _any_gates_row(seeds: int) -> Row:
    data = study(9)
    trained, seconds = recognisers(any_gates, 9, seeds, 1)
    ours = tuple(data.agreement(one.margin(data.test) > 0) for one in trained)
    name = f"QCNN of any gates, {trained[0].model.n_params} parameters"
    return Row("cluster-Ising phases, 9 sites", name, ours, PUBLISHED, {}, UNIT, seconds)


def draw(axes: Any, values: np.ndarray, exact: np.ndarray, title: str) -> Any:
    """Values over the plane: white where they pass their cut, dashed where string order does."""
    columns = int(np.sqrt(len(values) / 2))
    h1, h2 = test_points(columns).reshape(2 * columns, columns, 2).transpose(2, 0, 1)
    values, exact = values.reshape(h1.shape), exact.reshape(h1.shape)
    image = axes.pcolormesh(h1, h2, values, cmap="viridis", shading="gouraud", rasterized=True)
    axes.contour(h1, h2, values, levels=[0], colors="white", linewidths=2)
    axes.contour(h1, h2, exact, levels=[0], colors="black", linewidths=1, linestyles="dashed")
    line = train_points()
    axes.plot(*line[line[:, 0] < 1.6].T, ".", color="#d1663a", markersize=3)
    axes.set(title=title, xlabel="$h_1 / J$")
    return image


def picture(path: Path, n: int = 11) -> None:
    """Three phase diagrams: exact, the decoder's, and that of the circuit of any gates."""
    import matplotlib.pyplot as plt

    data = study(n)
    exact = string_order(data.test) - string_order(data.critical)
    panels = {"exact string order": exact}
    for name, build, restarts in (
        ("decoding QCNN", decoder, RESTARTS),
        ("QCNN of any gates", any_gates, 1),
    ):
        panels[name] = recognisers(build, n, 1, restarts)[0][0].margin(data.test)
    figure, axes = plt.subplots(1, 3, figsize=(10, 4.2), sharey=True, layout="constrained")
    for one, (title, values) in zip(axes, panels.items(), strict=True):
        figure.colorbar(draw(one, values, exact, title), ax=one, label="above the cut")
    axes[0].set_ylabel("$h_2 / J$")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    picture(Path(__file__).resolve().parent.parent / "phases.png")
