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
from .row import Row, shown

SEEDS = 3
RESTARTS = 4
NOTE = (
    "**Phases**: trained on 40 points of the line h2 = 0 with known answer, asked about 1,152 points of "
    "the plane, which each seed moves; layers and the classical models' penalties were chosen on 256 others, "
    "with their answers; of four restarts the one with the lowest training loss is kept. The paper draws a "
    "boundary and gives no figure. The truth is the exact string order of the same chain, so the best that "
    "measurements of it can do is a row, too."
)
CRITICAL = ((1.0, 0.0),)  # where the solvable line leaves the topological phase, (h1, h2) in J
COPIES = 100


def train_points() -> np.ndarray:
    """Forty points of the solvable line, 0 < h1 < 2, as in the paper."""
    return np.array([(h1, 0.0) for h1 in (np.arange(40) + 0.5) / 20])


def validation_points() -> np.ndarray:
    """256 random points of the plane: what choices are made on."""
    return np.random.default_rng(0).uniform((0.0, -1.6), (1.6, 1.6), (256, 2))


def test_points(columns: int = 24, seed: int | None = None) -> np.ndarray:
    """A regular grid over the plane, 0 < h1 < 1.6, -1.6 < h2 < 1.6; h1 changes fastest.

    Points are the middles of their cells, or with a seed all moved alike within them.
    """
    place = (0.5, 0.5) if seed is None else np.random.default_rng(seed).uniform(size=2)
    h1 = (np.arange(columns) + place[0]) / columns * 1.6
    h2 = (np.arange(2 * columns) + place[1]) / columns * 1.6 - 1.6
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
def study(n: int, seed: int | None = None) -> Study:
    """The ground states of all the points; a seed moves those of the test."""
    sets = (train_points(), CRITICAL, validation_points(), test_points(seed=seed))
    return Study(n, *(ground_states(n, points) for points in sets))


def classical(data: Study, make: Any, words: tuple[str, ...]) -> float:
    """A classical model of correlators, its penalty chosen on the validation points."""
    line, critical, validation, test = (correlators(states, words) for states in data[1:])
    labels = train_points()[:, 0] < 1

    def margin(C: float, features: np.ndarray) -> np.ndarray:
        model = make_pipeline(StandardScaler(), make(C=C)).fit(line, labels)
        return model.decision_function(features) - model.decision_function(critical)

    exact = data.truth(data.validation)
    penalties = 10.0 ** np.arange(-2, 4)
    best = max(penalties, key=lambda C: np.mean((margin(C, validation) > 0) == exact))
    return data.agreement(margin(best, test) > 0)


def sampled(expectations: np.ndarray, seed: int) -> np.ndarray:
    """Averages of +1 and -1 over ``COPIES`` measurements of each expectation."""
    p = np.clip((1 + expectations) / 2, 0, 1)
    return 2 * np.random.default_rng(seed).binomial(COPIES, p) / COPIES - 1


PUBLISHED = "a drawn boundary, no figure"
UNIT = "% of the plane as the exact string order"


def rows(seeds: int) -> list[Row]:
    """The decoder on 9 and 11 sites, the circuit that knows nothing, and the decoder from few copies."""
    table = [
        _row("QCNN that decodes", decoder, 9, seeds, RESTARTS),
        _row("QCNN that decodes", decoder, 11, seeds, RESTARTS),
        _row("QCNN of any gates", any_gates, 9, seeds, 1),
        _copies_row(seeds),
    ]
    return [shown(row) for row in table]


@lru_cache
def recognisers(build: Any, n: int, seeds: int, restarts: int) -> tuple[list[Recogniser], float]:
    """One trained circuit a seed, and seconds for each."""
    start = time.perf_counter()
    trained = [train(build(n), seed, restarts) for seed in range(seeds)]
    return trained, (time.perf_counter() - start) / seeds


def _row(name: str, build: Any, n: int, seeds: int, restarts: int) -> Row:
    """Circuits from exact expectations, beside linear models and an SVC of local correlators."""
    trained, seconds = recognisers(build, n, seeds, restarts)
    every = [study(n, seed) for seed in range(seeds)]
    ours = tuple(
        data.agreement(one.margin(data.test) > 0) for data, one in zip(every, trained, strict=True)
    )
    beside = {
        f"{model} on {', '.join(words)}": tuple(classical(data, make, words) for data in every)
        for model, make, words in (
            ("logistic regression", _logistic, ("X", "XX", "ZZ")),
            ("SVC", SVC, ("X", "XX", "ZZ")),
            ("logistic regression", _logistic, ("ZXZ",)),
        )
    }
    title = f"{name}, {trained[0].model.n_params} parameters"
    return Row(f"cluster-Ising phases, {n} sites", title, ours, PUBLISHED, beside, UNIT, seconds)


def _logistic(C: float) -> LogisticRegression:
    return LogisticRegression(C=C, max_iter=10_000)


def _copies_row(seeds: int) -> Row:
    """From measurements: the circuit's one wire, or the string order itself."""
    trained, seconds = recognisers(decoder, 9, seeds, RESTARTS)
    ours, theirs = [], []
    for seed, one in enumerate(trained):
        data = study(9, seed)
        read, order = one.margin(data.test) + one.cut, string_order(data.test)
        ours.append(data.agreement(sampled(read, seed) > one.cut))
        theirs.append(data.agreement(sampled(order, seed) > string_order(data.critical)))
    task = f"the same, 9 sites, {COPIES} copies a state"
    beside = {"string order": tuple(theirs)}
    return Row(task, "QCNN that decodes", tuple(ours), PUBLISHED, beside, UNIT, seconds)


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


def picture(rows: list[Row], folder: Path, n: int = 11) -> None:
    """Phase diagrams, exact and of both circuits, as ``phases.png``; the rows do not have the points."""
    from matplotlib.figure import Figure

    data = study(n)
    exact = string_order(data.test) - string_order(data.critical)
    panels = {"exact string order": exact}
    for name, build, restarts in (
        ("decoding QCNN", decoder, RESTARTS),
        ("QCNN of any gates", any_gates, 1),
    ):
        panels[name] = recognisers(build, n, 1, restarts)[0][0].margin(data.test)
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for one, (title, values) in zip(axes, panels.items(), strict=True):
        figure.colorbar(draw(one, values, exact, title), ax=one, label="above the cut")
    axes[0].set_ylabel("$h_2 / J$")
    figure.savefig(folder / "phases.png", dpi=110)
