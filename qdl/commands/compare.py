"""``qdl compare``: a quantum classifier beside classical ones, and without its entanglers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..files import write_json
from . import runs
from .configuration import FEATURES, TrainConfig
from .models import with_outputs
from .problem import Table, load_data, table
from .train import data_name

DEFAULT = "reuploading"  # the default model of QNNClassifier: at most 4 wires, any features


def compare(
    config: TrainConfig,
    *,
    seeds: int = 5,
    trials: int = 4,
    scoring: str | None = None,
    out: Path | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Path, Any]:
    """Compare a model with its rivals on new splits of a table or a data set, and leave a run folder.

    Writes ``config.json``, ``comparison.json``, ``metrics.jsonl`` and ``comparison.png``.

    Args:
        config: data, model, steps, and the seed from which those of the splits are drawn.
        seeds: how many splits, each with a start of its own.
        trials: settings that each contender may try on the training part of each split.
        scoring: what is compared, the name of a scorer of scikit-learn; None for accuracy, or R2.
        out: the run folder; None for ``runs/DATA-compare``, or the next free name.
        say: told in a line what is done.

    Returns:
        The folder and the ``Comparison``.
    """
    import jax

    from ..baselines import compare as run

    if config.model == "cvqnn":
        raise ValueError(
            "compare sets a circuit beside itself without entanglers and beside its Fourier series, which a "
            "cvqnn has not. Use qdl train --model cvqnn, and compare --model reuploading for its rivals."
        )
    if config.place is not None:
        raise ValueError(
            f"compare runs on the exact simulator, got place = {config.place!r}. Leave it out."
        )
    key = jax.random.key(config.seed)
    data, width, outputs = _data(config, key, seeds, say)
    circuit = (
        None
        if config.model == DEFAULT
        else with_outputs(config.model, width, outputs, config.depth)
    )
    asked = {**asdict(config), "seeds": seeds, "trials": trials, "scoring": scoring}
    with runs.fresh(f"{data_name(config)}-compare", out) as folder:
        runs.write_config(folder, {"command": "compare", **asked})
        result = run(
            circuit, data, key=key, seeds=seeds, trials=trials, steps=config.steps, scoring=scoring,
            class_weight=config.class_weight, say=say,
        )  # fmt: skip
        _write(folder, result)
    return folder, result


def _data(
    config: TrainConfig, key: Any, seeds: int, say: Callable[[str], Any]
) -> tuple[Any, int, int]:
    """What ``qdl.baselines.compare`` takes for data; how many features and outputs a model needs."""
    if config.dataset in FEATURES:
        first = load_data(config)
        return (lambda number: load_data(replace(config, seed=number))), *_sizes(first)
    found = table(config, say)
    if isinstance(found, Table):
        return _splits(found, config, key, seeds, say)
    return found, *_sizes(found)


def _sizes(data: Dataset) -> tuple[int, int]:
    n_classes = int(np.max(data.y_train)) + 1
    return data.X_train.shape[1], 1 if n_classes == 2 else n_classes


def _splits(
    found: Table, config: TrainConfig, key: Any, seeds: int, say: Callable[[str], Any]
) -> tuple[Any, int, int]:
    """Splits of a table, each prepared from its own training part; numbers in their own units."""
    import jax

    from ..baselines.splits import made, rows_of

    values, target = found.values, found.target
    found.check_rows(values)
    numbers = [int(n) for n in jax.random.randint(key, (seeds,), 0, 2**31 - 1)]
    labels = None if target.classes is None else values
    pairs, how = rows_of(len(values), labels, numbers)
    parts = []
    for i, (train, test) in enumerate(pairs):
        data = found.at(train, test, config, _nobody if i else say).data
        if target.classes is None:
            y = (target.unscaled(data.y_train), target.unscaled(data.y_test))
            first, second = (part[:, 0] if part.shape[1] == 1 else part for part in y)
            data = data._replace(y_train=first, y_test=second)
        parts.append(data)
    splits = made(parts, pairs, target.classes is None, how)
    return splits, parts[0].X_train.shape[1], target.outputs


def _nobody(line: str) -> None:
    """What was said of one split is not said of all."""


def _write(folder: Path, result: Any) -> None:
    write_json(folder / "comparison.json", result.as_dict())
    for row in result.rows:
        scores = zip(result.seeds, row.scores, row.settings, strict=True)
        runs.write_metrics(
            folder,
            (
                {"model": row.name, "seed": s, f"test_{result.scoring}": a, **also}
                for s, a, also in scores
            ),
        )
    from . import plots

    plots.save(result.plot().figure, folder / "comparison.png")
