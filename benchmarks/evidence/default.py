"""The default classifier on the problems of the published benchmark: what you get without choosing anything.

``QNNClassifier()`` behind a ``StandardScaler``, on ten draws of three problems in 2, 6 and 10 dimensions
and on ten splits of four real tables; beside it the same circuit without its entanglers, the default of
the version before (re-uploading read by one Z, 300 steps at 0.05), and classical models as they come.

The generated problems have 300 rows, 240 of them to train, as in the paper; every seed draws new ones.
The published figures are the means of five trainings of *DataReuploadingClassifier*, tuned by grid
search, on the one draw of each problem that the authors kept (their repository, paper/results, files
*best-hyperparams-results*; where no file was at hand the column says so).

Reference: Bowles, Ahmed, Schuld, arXiv:2403.07059 (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import qdl
from qdl.baselines import classical, without_entanglers
from qdl.baselines.classical import CONSTANTS
from qdl.datasets import Dataset
from qdl.estimators import decaying_adam, reuploading, reuploading_head
from qdl.estimators.default import RATE, STEPS

from .row import Row, shown
from .run import accuracy, beside, over_seeds

SEEDS = 10
DIMENSIONS = (2, 6, 10)
PUBLISHED = {
    ("linearly_separable", 6): "100.0", ("linearly_separable", 10): "89.0",
    ("two_curves", 2): "70.7", ("two_curves", 6): "93.7",
    ("hidden_manifold", 2): "66.3", ("hidden_manifold", 6): "79.0", ("hidden_manifold", 10): "82.7",
}  # fmt: skip
TABLES: dict[str, dict[str, Any]] = {
    "iris": {}, "wine": {}, "breast_cancer": {}, "digits": {"classes": None, "features": 16},
}  # fmt: skip
NOTE = (
    "**The default classifier**: nothing is chosen, standardised columns, new data or a new split for "
    "each seed. The published figures are of one draw each."
)


def rows(
    seeds: int, dimensions: Iterable[int] = DIMENSIONS, tables: Iterable[str] = tuple(TABLES)
) -> list[Row]:
    """Three rows a problem: the default, without entanglers, and the default of before."""
    problems: list[tuple[str, Callable[[int], Dataset], str]] = []
    for name in ("linearly_separable", "two_curves", "hidden_manifold"):
        for features in dimensions:
            problems.append((f"{name}, {features} features", _drawn(name, features),
                             PUBLISHED.get((name, features), "not at hand")))  # fmt: skip
    for name in tables:
        load = getattr(qdl.datasets, name)
        problems.append(
            (
                name,
                lambda seed, load=load, name=name: load(scale=None, seed=seed, **TABLES[name]),
                "none",
            )
        )
    return [row for problem in problems for row in _rows(*problem, seeds)]


def _drawn(name: str, features: int) -> Callable[[int], Dataset]:
    draw = getattr(qdl.datasets, name)
    return lambda seed: draw(features=features, n_samples=300, scale=None, seed=seed)


def _rows(task: str, data: Callable[[int], Dataset], published: str, seeds: int) -> list[Row]:
    first = data(0)
    width, classes = first.X_train.shape[1], int(first.y_train.max()) + 1
    outputs = 1 if classes == 2 else classes
    whole = reuploading_head(width, outputs)
    bare, before = without_entanglers(whole), reuploading(width, outputs)
    kinds: list[tuple[str, Any, Callable[[int], Any]]] = [
        ("QNNClassifier()", whole, lambda seed: qdl.QNNClassifier(seed=seed)),
        ("the same without entanglers", bare,
         lambda seed: qdl.QNNClassifier(bare, optimizer=decaying_adam(RATE, STEPS), steps=STEPS, seed=seed)),
        ("the default before", before, lambda seed: qdl.QNNClassifier(before, seed=seed)),
    ]  # fmt: skip
    rivals = [c for c in classical(width, classes, whole.n_params) if c.name not in CONSTANTS]
    every = beside(rivals, data, seeds)
    found = []
    for name, model, build in kinds:
        ours, seconds = over_seeds(
            lambda seed, build=build: accuracy(_scaled(build(seed)), data(seed)), seeds
        )
        title = f"{name}, {model.n_params} parameters"
        found.append(shown(Row(task, title, ours, published, every, seconds=seconds)))
    return found


def _scaled(classifier: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), classifier)
