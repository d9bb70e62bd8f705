"""Digits 0 and 1 from few samples: the QCNN of PennyLane's demo `tutorial_learning_few_data`.

As in the demo: the 64 pixels of scikit-learn's digits, each image of norm 1, as amplitudes of 6
wires; two levels of convolution and pooling, any gate on the two wires left; the loss is 1 - p(label);
angles that start normal; 100 steps of Adam on all samples at once, the rate falling along a cosine
from 0.1 to 0.095. Nothing was searched: every number is theirs. Their text promises more than 97 %
from 80 samples, after 100 repetitions; their other sizes are curves without numbers.

What differs: our blocks are qdl's, so every pair gets all 15 angles, and the last wire meets the
first (in the demo some pairs lack the first rotations; both have 51 parameters). Every training set
has as many zeros as ones, or one more zero (theirs are drawn at random: two samples may show one
class). A seed draws 80 images, smaller sets are the first of them, and the other 280 are the
test; the demo tests on 100.

Classical, on the same vectors, untuned: logistic regression, the nearest neighbour, an SVC, and a
perceptron with one hidden unit, 67 parameters. None standardises: two samples have no spread to
speak of.

Reference: Kottmann, Mantilla Calderon, Weber, "Generalization in QML from few training data",
PennyLane demos (2022), after Caro et al., Nature Communications 13, 4919 (2022).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import qdl
from qdl.baselines import Contender
from qdl.datasets import Dataset
from qdl.initializers import gaussian
from qdl.layers import AmplitudeEncoding, Convolution, Pooling

from .row import Row, shown
from .run import beside, over_seeds

SEEDS, STEPS, LARGEST = 10, 100, 80
SIZES = (2, 5, 10, 20, 40, 80)
PUBLISHED = {80: "> 97"}  # of the others a curve
OPTIMIZER = optax.adam(optax.cosine_decay_schedule(0.1, STEPS, alpha=0.95))
LAYERS = [
    AmplitudeEncoding(), Convolution(), Pooling("zyz", "measured"),
    Convolution(), Pooling("zyz", "measured"), Convolution(),
]  # fmt: skip
MODEL = qdl.QNN(6, LAYERS, readout=qdl.Probs([0]), initializer=gaussian(1.0))
NOTE = (
    "**Digits from few samples**: all settings are those of the demo, none was searched; a new split "
    "for each seed, tested on the 280 images outside of its 80; classical models as they come. "
    "The first row compiles for all sizes."
)


def rows(seeds: int, sizes: Iterable[int] = SIZES, steps: int = STEPS) -> list[Row]:
    """A row a size of the training set."""
    return [shown(_row(size, seeds, steps)) for size in sizes]


def _row(size: int, seeds: int, steps: int) -> Row:
    ours, seconds = over_seeds(lambda seed: score(samples(size, seed), steps, seed), seeds)
    return Row(
        f"digits 0/1 from {size} samples",
        f"QCNN, {MODEL.n_params} parameters",
        ours,
        PUBLISHED.get(size, "a curve"),
        beside(contenders(), lambda seed: samples(size, seed), seeds),
        seconds=seconds,
    )


def score(data: Dataset, steps: int, seed: int) -> float:
    """Percent of the test part that is more probably right than wrong.

    Every size is filled up to 80 rows with copies: the mean loss is the same, and so is the program.
    """
    rows = np.resize(np.arange(len(data.X_train)), LARGEST)
    result = qdl.fit(
        MODEL, data.X_train[rows], data.y_train[rows],
        loss=mistaken, optimizer=OPTIMIZER, steps=steps, batch_size=LARGEST, key=jax.random.key(seed),
    )  # fmt: skip
    guess = np.asarray(MODEL.apply(result.params, data.X_test)).argmax(axis=1)
    return 100 * float(np.mean(guess == data.y_test))


def mistaken(outputs: jax.Array, y: jax.Array) -> jax.Array:
    """The mean probability of the wrong label."""
    return 1 - jnp.mean(jnp.take_along_axis(outputs, y[:, None], axis=1))


def samples(size: int, seed: int) -> Dataset:
    """The first ``size`` of 80 images that alternate 0, 1, 0, 1, ...; the other images to test."""
    from sklearn.datasets import load_digits

    X, y = load_digits(n_class=2, return_X_y=True)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    draw = np.random.default_rng(seed)
    zeros, ones = (draw.permutation(np.flatnonzero(y == label)) for label in (0, 1))
    half = LARGEST // 2
    train = np.stack([zeros[:half], ones[:half]], axis=1).ravel()[:size]
    test = np.concatenate([zeros[half:], ones[half:]])
    return Dataset(X[train], y[train], X[test], y[test])


def contenders() -> list[Contender]:
    """The classical models, with scikit-learn's settings."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    def perceptron(seed: int) -> Any:
        return MLPClassifier(
            (1,), activation="tanh", solver="lbfgs", max_iter=2000, random_state=seed
        )

    return [
        Contender("logistic regression", lambda seed: LogisticRegression()),
        Contender("nearest neighbour", lambda seed: KNeighborsClassifier(1)),
        Contender("SVC", lambda seed: SVC()),
        Contender("MLP, 1 hidden", perceptron),
    ]


def picture(rows: list[Row], folder: Path) -> None:
    """Accuracy against the number of samples, as ``few_samples.png``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    sizes = [int(row.task.split()[-2]) for row in rows]
    every = {"QCNN": [row.ours for row in rows]}
    every |= {name: [row.classical[name] for row in rows] for name in rows[0].classical}
    for i, (name, scores) in enumerate(every.items()):
        shift = 1.05 ** (i - len(every) / 2)  # so that the bars can be told apart
        mean, sd = np.mean(scores, axis=1), np.std(scores, axis=1, ddof=1)
        axes.errorbar(
            np.array(sizes) * shift, mean, sd,
            fmt="o-" if name == "QCNN" else "s--", label=name, markersize=4,
            linewidth=2 if name == "QCNN" else 1, capsize=2,
        )  # fmt: skip
    axes.plot([80], [97], "k^", label="published for 80: more than this")
    axes.set(xscale="log", xlabel="training images", ylabel="% test accuracy", ylim=(50, 101))
    axes.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small", loc="lower right")
    figure.savefig(folder / "few_samples.png", dpi=110)
