"""Two curves and a hidden manifold in several dimensions: who wins where.

Quantum: data re-uploading, a wire a feature, five rounds of trained encoding, rotations and a ring of
CZ, read as the mean of all Z; and the same without its entanglers, a product of single qubits, which
needs no quantum computer. Classical: its Fourier surrogate (a linear model on the same frequencies),
logistic regression, an SVC, a perceptron with as many parameters, boosted trees.

The data are those of Bowles, Ahmed and Schuld, with their settings: curves of degree 5, 0.1 apart,
noise 0.01; a manifold of 6 dimensions. Every seed draws new data, 300 rows to train and 300 to test.
No figure is published for just these, so that column is empty. What the paper found: classical models
win as they come, and taking the entanglers out of quantum models often does no harm.

How it was chosen: five rounds and the defaults of ``QNNClassifier`` were set beforehand. Each model
then tries its default settings and two random ones, for each seed, on two folds of the training
part: ``qdl.baselines.compare``. Quantum models draw the factor of the features, the classical ones
their own settings. The test part is seen once.

Reference: Bowles, Ahmed, Schuld, arXiv:2403.07059 (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import jax
import pennylane as qp

import qdl
from qdl.baselines import Contender, compare, quantum, surrogate, without_entanglers
from qdl.datasets import Dataset, hidden_manifold, two_curves

from .row import Row, shown

SEEDS, ROUNDS, STEPS, TRIALS = 5, 5, 300, 3
DIMENSIONS = (2, 4, 8)
TASKS: dict[str, Callable[..., Dataset]] = {
    "two curves": two_curves,
    "hidden manifold": hidden_manifold,
}
NOTE = (
    "**Two curves, hidden manifold**: every model tries its defaults and two random settings on two "
    "folds of each seed's training part, the test part is seen once; new data for each seed. "
    "*No entanglers* is the quantum model as a product of single qubits."
)


def rows(
    seeds: int, dimensions: Iterable[int] = DIMENSIONS, steps: int = STEPS, trials: int = TRIALS
) -> list[Row]:
    """Two rows a data set and dimension: with entanglers and without."""
    return [
        shown(row)
        for name, draw in TASKS.items()
        for features in dimensions
        for row in _rows(name, draw, features, seeds, steps, trials)
    ]


def _rows(
    name: str, draw: Callable[..., Dataset], features: int, seeds: int, steps: int, trials: int
) -> list[Row]:
    circuit = model(features)
    bare = contender("re-uploading, no entanglers", without_entanglers(circuit), steps)
    result = compare(
        contender("re-uploading", circuit, steps),
        lambda seed: draw(features, 600, test_size=0.5, seed=seed),
        key=jax.random.key(0), seeds=seeds, trials=trials, folds=2,
        rows=[bare, surrogate(circuit)],
    )  # fmt: skip
    percent = {each.name: tuple(100 * score for score in each.scores) for each in result.rows}
    every = {each.name: percent[each.name] for each in result.rows if each.kind == "classical"}
    return [
        Row(
            f"{name}, {features} features",
            f"{each.name}, {each.n_params} parameters",
            percent[each.name],
            classical=every,
            seconds=each.seconds,
        )
        for each in result.rows
        if each.kind == "quantum"
    ]


def model(features: int) -> qdl.QNN:
    """Data re-uploading that reads the mean of all Z, so that no wire goes unseen."""
    mean = qp.sum(*(qp.s_prod(1 / features, qp.Z(wire)) for wire in range(features)))
    return replace(qdl.models.data_reuploading(features, ROUNDS), readout=qdl.Expval(mean))


def contender(name: str, circuit: Any, steps: int) -> Contender:
    """The circuit with the default optimizer; tuning draws the factor of the features alone."""
    each = quantum(name, circuit, steps)
    return replace(each, settings={"scale": each.settings["scale"]})
