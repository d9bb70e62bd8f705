"""``qdl compare``: a quantum classifier beside classical ones, and without its entanglers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..files import write_json
from . import runs
from .configuration import TrainConfig
from .train import build_model, load_data

DEFAULT = "reuploading"  # the default model of QNNClassifier: at most 4 wires, any features


def compare(
    dataset: str = "breast_cancer",
    model: str = DEFAULT,
    *,
    classes: tuple[int, ...] | None = None,
    features: int | None = None,
    depth: int | None = None,
    steps: int = 300,
    seeds: int = 5,
    trials: int = 4,
    seed: int = 0,
    out: Path | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Path, Any]:
    """Compare a model with its rivals on new splits of a data set, and leave a run folder.

    Writes ``config.json``, ``comparison.json``, ``metrics.jsonl`` and ``comparison.png``.

    Args:
        dataset: a function of ``qdl.datasets``.
        model: ``"reuploading"``, or a function of ``qdl.models`` that reads features.
        classes: which labels to keep; None for the data set's own choice.
        features: how many features; None for the data set's own choice.
        depth: how often the model's block is repeated.
        steps: gradient steps of the quantum models.
        seeds: how many splits, each with a start of its own.
        trials: settings that each contender may try on the training part of each split.
        seed: from which those of the splits are drawn.
        out: the run folder; None for ``runs/DATASET-compare``, or the next free name.
        say: told in a line what is done.

    Returns:
        The folder and the ``Comparison``.
    """
    import jax

    from ..baselines import compare as run

    known = "data_reuploading" if model == DEFAULT else model
    if model == DEFAULT and depth is not None:
        raise ValueError(
            f"{DEFAULT} chooses its own depth, got depth = {depth}. Leave depth out, or name another "
            "model, for example data_reuploading."
        )
    if model == "cvqnn":
        raise ValueError(
            "compare sets a circuit beside itself without entanglers and beside its Fourier series, which a "
            "cvqnn has not. Use qdl train --model cvqnn, and compare --model reuploading for its rivals."
        )
    config = TrainConfig(dataset, known, classes, features, depth, steps=steps, seed=seed)
    data = load_data(config)
    width, n_classes = data.X_train.shape[1], int(data.y_train.max()) + 1
    circuit = None if model == DEFAULT else build_model(known, width, n_classes, depth)
    asked = {**asdict(config), "model": model, "seeds": seeds, "trials": trials}
    with runs.fresh(f"{dataset}-compare", out) as folder:
        runs.write_config(folder, {"command": "compare", **asked})
        result = run(
            circuit, lambda number: load_data(replace(config, seed=number)),
            key=jax.random.key(seed), seeds=seeds, trials=trials, steps=steps, say=say,
        )  # fmt: skip
        _write(folder, result)
    return folder, result


def _write(folder: Path, result: Any) -> None:
    write_json(folder / "comparison.json", result.as_dict())
    for row in result.rows:
        scores = zip(result.seeds, row.scores, row.settings, strict=True)
        runs.write_metrics(
            folder,
            ({"model": row.name, "seed": s, "test_accuracy": a, **also} for s, a, also in scores),
        )
    from . import plots

    plots.save(result.plot().figure, folder / "comparison.png")
