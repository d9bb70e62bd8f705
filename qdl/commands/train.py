"""``qdl train``: one model on one data set, from a TOML file, options, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from . import photonic, runs
from .configuration import DEPTHS, FEATURES, TrainConfig, saved_config
from .places import place_named
from .start import start_line

SHOTS = 1000  # of a place that draws


def load_data(config: TrainConfig) -> Any:
    """The data set that a configuration names, features in [0, pi] radians."""
    from .. import datasets

    load = getattr(datasets, config.dataset)
    features = config.features or FEATURES[config.dataset]
    if config.dataset == "bars_and_stripes":
        side = isqrt(features)
        if side * side != features:
            raise ValueError(
                f"bars_and_stripes has side x side pixels, got features = {features}. "
                "Use a square: 4, 9, 16."
            )
        return load(side=side, seed=config.seed)
    chosen = {} if config.classes is None else {"classes": config.classes}
    return load(features=features, seed=config.seed, **chosen)


def build_model(name: str, n_features: int, n_classes: int, depth: int | None = None) -> Any:
    """A model with one wire a feature and one output a class; a single output for two classes."""
    from .. import models
    from ..readout import ExpZ

    outputs = 1 if n_classes == 2 else n_classes
    if outputs > n_features:
        raise ValueError(
            f"{n_classes} classes are read from {n_classes} wires, but {n_features} features make "
            f"{n_features} wires. Use features = {n_classes} or more, or fewer classes."
        )
    if name == "qcnn":
        left = n_features
        while left > 1 and (left + 1) // 2 >= outputs:
            left = (left + 1) // 2
        model = models.qcnn(n_features, stop_at=left)
    elif name == "cvqnn":
        return photonic.classifier(n_features, outputs, 4 if depth is None else depth)
    else:
        model = getattr(models, name)(n_features, DEPTHS[name] if depth is None else depth)
    return replace(model, readout=ExpZ(model.active[:outputs]))


@dataclass(frozen=True)
class Trained:
    """A trained model on the test part.

    Attributes:
        name: what the tables and pictures call it.
        model: the model.
        fit: what ``qdl.fit`` returned.
        probabilities: of each class for each test row, ``(n_test, n_classes)``.
        accuracy: the fraction of test rows whose most probable class is right.
    """

    name: str
    model: Any
    fit: Any
    probabilities: np.ndarray
    accuracy: float


def train(
    name: str,
    model: Any,
    data: Any,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    checkpoint: Path | None = None,
) -> Trained:
    """Train a classifier by Adam on cross entropy and evaluate it on the test part.

    The test part is also evaluated along the way, for the picture; nothing is selected by it.
    With ``checkpoint``, a folder, a run that was stopped goes on.
    """
    import jax
    import optax

    from ..training import CrossEntropy, fit

    result = fit(
        model,
        data.X_train,
        data.y_train,
        loss="cross_entropy",
        optimizer=optax.adam(learning_rate),
        steps=steps,
        batch_size=batch_size,
        validation=(data.X_test, data.y_test),
        key=jax.random.key(seed),
        checkpoint=checkpoint,
    )
    log_p = CrossEntropy().of(model).log_probs(model.apply(result.params, data.X_test))
    probabilities = np.exp(np.asarray(log_p))
    accuracy = float(np.mean(probabilities.argmax(axis=-1) == data.y_test))
    return Trained(name, model, result, probabilities, accuracy)


def run(
    config: TrainConfig, out: Path | None = None, say: Callable[[str], Any] | None = None
) -> tuple[Path, Trained]:
    """Train what a configuration says and leave a run folder; ``say`` is told about the start first."""
    data, model = _prepare(config)
    with runs.fresh(f"{config.dataset}-{config.model}", out) as folder:
        if say is not None and config.place is None:
            say(start_line(model, data, config.seed))
        return folder, _run(config, data, model, folder)


def resume(folder: Path, options: Mapping[str, Any]) -> Trained:
    """Go on with a run that was stopped or killed, or train a finished one for more steps.

    Args:
        folder: of the run.
        options: as on the command line; only ``steps`` may differ from the run's own.

    Raises:
        FileNotFoundError: no run of ``qdl train`` there.
        ValueError: an option that differs.
    """
    saved = runs.read_config(folder)
    if saved.get("command") != "train":
        raise FileNotFoundError(
            f"{folder} holds no run of qdl train, so there is nothing to resume. qdl runs lists "
            "those there are."
        )
    config = saved_config(folder, saved)
    for name, value in options.items():
        if name != "steps" and value is not None and _tuple(value) != getattr(config, name):
            raise ValueError(
                f"{folder} was trained with {name} = {getattr(config, name)!r}, got {value!r}. "
                "Leave it out to resume, or start a new run."
            )
    steps = options.get("steps") or config.steps
    if steps < config.steps:
        raise ValueError(
            f"{folder} was meant for {config.steps} steps, got steps = {steps}. Ask for "
            f"{config.steps} or more, or start a new run."
        )
    config = replace(config, steps=steps)
    return _run(config, *_prepare(config), folder)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _prepare(config: TrainConfig) -> tuple[Any, Any]:
    data = load_data(config)
    n_classes = int(data.y_train.max()) + 1
    model = build_model(config.model, data.X_train.shape[1], n_classes, config.depth)
    return data, model if config.place is None else model.on(place_named(config.place, SHOTS))


def _run(config: TrainConfig, data: Any, model: Any, folder: Path) -> Trained:
    from ..saving import save

    runs.write_config(folder, {"command": "train", **asdict(config), "circuit": str(model)})
    trained = train(
        config.model, model, data,
        steps=config.steps, batch_size=config.batch_size,
        learning_rate=config.learning_rate, seed=config.seed, checkpoint=folder,
    )  # fmt: skip
    runs.write_summary(folder, summary(trained))
    save(folder, model, trained.fit.params)
    names = config.classes or range(int(data.y_train.max()) + 1)
    _picture(trained, data, names, folder / "training.png")
    return trained


def summary(trained: Trained) -> dict[str, Any]:
    """The last line of ``metrics.jsonl`` for a model."""
    return {
        "model": trained.name,
        "n_params": trained.model.n_params,
        "steps": trained.fit.step,
        "stopped": trained.fit.stopped,
        "test_accuracy": trained.accuracy,
        "compile_time": trained.fit.history["compile_time"],
    }


def _picture(trained: Trained, data: Any, classes: Any, path: Path) -> None:
    from . import plots

    figure, axes = plots.panels(1, 3, (13, 3.8), width_ratios=(4, 4, 3))
    histories = {trained.name: trained.fit.history}
    plots.losses(axes[0, 0], histories)
    plots.gradient_norms(axes[0, 1], histories)
    predicted = trained.probabilities.argmax(axis=-1)
    plots.confusion(axes[0, 2], data.y_test, predicted, [str(each) for each in classes])
    plots.save(figure, path)
