"""Iris with three classes: the circuit of a public VQC tutorial, and the default classifier.

The tutorial (Qiskit Machine Learning, 02a) trains the ZZ feature map and RealAmplitudes on 120 of the
150 flowers with 100 evaluations of COBYLA and sampled probabilities: 160 s, test accuracy 0.57, where
its SVC has 0.97, both from one split. The first row is that circuit, its classes read as there (the
basis state's number modulo 3), trained with exact gradients; the second is ``QNNClassifier()``, whose
model is not theirs. Optimizer and steps of both are the defaults of ``QNNClassifier``: 300 steps of
Adam, rate 0.05, batches of 32. Nothing was searched.

What differs: the tutorial scales features with minima and maxima of all 150 flowers, we with those of
the training part. It draws one split; ours are that split (random_state 123) and the next ones.

Classical, untuned: as scikit-learn comes, features standardised; the perceptron is of the size of
that row's quantum model.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from typing import Any

import numpy as np
import pennylane as qp

import qdl
from qdl.baselines import classical
from qdl.datasets import Dataset
from qdl.estimators import reuploading_head
from qdl.layers import Entangler, Repeat, Rotation, Template
from qdl.training import CrossEntropy

from .row import Row, shown
from .run import accuracy, beside, over_seeds

SEEDS, STEPS = 10, 300
SPLIT = 123  # the tutorial's, and the first of ours
PUBLISHED = "VQC 57 after 160 s, SVC 97; one split"
NOTE = (
    "**Iris**: the tutorial's circuit, trained with qdl's default optimizer, and qdl's default "
    "classifier; nothing was searched; a new split for each seed, scaling fitted on its training part; "
    "classical models as they come."
)


def rows(seeds: int, steps: int = STEPS) -> list[Row]:
    """The tutorial's circuit, and the default of ``QNNClassifier``."""
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    loss = CrossEntropy(outputs="probabilities")
    settings = [
        ("the tutorial's circuit, exact gradients", tutorial(), loss, MinMaxScaler()),
        ("QNNClassifier()", None, None, StandardScaler()),
    ]
    return [shown(_row(*setting, seeds, steps)) for setting in settings]


def _row(name: str, model: Any, loss: Any, scaler: Any, seeds: int, steps: int) -> Row:
    from sklearn.pipeline import make_pipeline

    def score(seed: int) -> float:
        given = (
            None if model is None and steps == STEPS else steps
        )  # the default has its own number
        classifier = qdl.QNNClassifier(model, loss=loss, steps=given, seed=seed)
        return accuracy(make_pipeline(scaler, classifier), flowers(seed))

    ours, seconds = over_seeds(score, seeds)
    count = (reuploading_head(4, 3) if model is None else model).n_params
    every = beside(classical(4, 3, count), flowers, seeds)
    title = f"{name}, {count} parameters"
    return Row("Iris, 3 classes", title, ours, PUBLISHED, every, seconds=seconds)


def flowers(seed: int) -> Dataset:
    """A split of the 150 flowers, 120 to train."""
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    parts: Any = train_test_split(
        *load_iris(return_X_y=True), train_size=0.8, random_state=SPLIT + seed
    )
    X_train, X_test, y_train, y_test = parts
    return Dataset(X_train, y_train, X_test, y_test)


def tutorial() -> qdl.QNN:
    """ZZ feature map, RealAmplitudes with 3 repetitions, probabilities of the three classes."""
    entangler = Entangler("cnot", [(2, 3), (1, 2), (0, 1)])
    layers = [Template(zz_features), Rotation("y"), Repeat([entangler, Rotation("y")], 3)]
    return qdl.QNN(4, layers, readout=qdl.Expval([remainder(label) for label in range(3)]))


def zz_features(params: Any, x: Any, wires: tuple[int, ...]) -> Iterator[Any]:
    """The ZZ feature map, once."""
    for wire in wires:
        yield qp.Hadamard(wire)
        yield qp.PhaseShift(2 * x[..., wire], wire)
    for i in wires:
        for j in wires[i + 1 :]:
            yield qp.CNOT((i, j))
            yield qp.PhaseShift(2 * (pi - x[..., i]) * (pi - x[..., j]), j)
            yield qp.CNOT((i, j))


def remainder(label: int) -> Any:
    """The projector on basis states whose number is ``label`` modulo 3, wire 0 the lowest bit."""
    return qp.Hermitian(np.diag(np.arange(16) % 3 == label).astype(float), wires=[3, 2, 1, 0])
