"""``qdl train``: one model on one data set, from a TOML file, options, or both."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import check_whole
from . import photonic, runs
from .places import place_named
from .start import start_line

FEATURES = {
    "bars_and_stripes": 9,
    "breast_cancer": 8,
    "digits": 8,
    "hidden_manifold": 4,
    "iris": 4,
    "mnist": 8,
    "two_curves": 4,
    "wine": 8,
}  # how many features each data set is reduced to unless the user says otherwise: one a wire
CLASSES = ("digits", "iris", "mnist", "wine")  # where classes can be chosen
DEPTHS = {
    "cvqnn": 4, "data_reuploading": 4, "hardware_efficient": 4, "qcnn": None, "strongly_entangling": 4,
}  # fmt: skip
SHOTS = 1000  # of a place that draws
IN_PYTHON = "Data and models of your own are trained in Python, with qdl.fit or qdl.QNNClassifier."
MOST = {"features": 1000, "depth": 1000, "steps": 10**7, "batch_size": 10**6, "learning_rate": 1e6}
KINDS = {"str": str, "int": int, "float": (int, float), "tuple[int, ...]": (list, tuple)}


@dataclass(frozen=True)
class TrainConfig:
    """What ``qdl train`` can be told; a TOML file has the same keys.

    Attributes:
        dataset: a function of ``qdl.datasets``.
        model: a function of ``qdl.models`` that reads features.
        classes: which labels to keep; None for the data set's own choice.
        features: how many features, one a wire; None for the data set's own choice.
        depth: how often the model's block is repeated; None for 4, or for a QCNN, which has none.
        steps: gradient steps.
        batch_size: rows a step.
        learning_rate: of Adam.
        seed: of the split, the first parameters and the batches.
        place: where it is trained: classical, which takes any number of wires, aer, fake_torino, ...; None
            for the state vector.
    """

    dataset: str = "digits"
    model: str = "qcnn"
    classes: tuple[int, ...] | None = None
    features: int | None = None
    depth: int | None = None
    steps: int = 300
    batch_size: int = 32
    learning_rate: float = 0.02
    seed: int = 0
    place: str | None = None

    def __post_init__(self) -> None:
        if self.dataset not in FEATURES:
            raise ValueError(
                f"dataset must be one of {', '.join(FEATURES)}; got {self.dataset!r}. {IN_PYTHON}"
            )
        if self.model not in DEPTHS:
            raise ValueError(
                f"model must be one of {', '.join(DEPTHS)}; got {self.model!r}. {IN_PYTHON}"
            )
        if self.depth is not None and DEPTHS[self.model] is None:
            raise ValueError(
                f"{self.model} has no depth, got depth = {self.depth}: it pools until no wires "
                "are left over. Leave depth out, or choose data_reuploading."
            )
        if self.classes is not None and self.dataset not in CLASSES:
            raise ValueError(
                f"{self.dataset} has no classes to choose, got classes = {list(self.classes)}. "
                f"Leave them out, or choose one of {', '.join(CLASSES)}."
            )
        for name, most in MOST.items():
            value = getattr(self, name)
            if value is not None and not value > 0:  # nor NaN
                raise ValueError(f"{name} must be positive, got {value}.")
            if value is not None and value > most:
                raise ValueError(f"{name} must be at most {most:,}, got {value}.")
        check_whole("seed", self.seed, least=0)


TYPES = {field.name: str(field.type) for field in fields(TrainConfig)}


def read_config(path: Path | None, options: Mapping[str, Any]) -> TrainConfig:
    """The configuration in a TOML file, overridden by those options that are not None.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown key, or a value of the wrong kind, each by name.
    """
    given: dict[str, Any] = {}
    if path is not None:
        if not path.is_file():
            raise FileNotFoundError(f"no configuration file {path}. Give the path of a TOML file.")
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(
                f"{path} is not valid TOML: {error}. Example line: steps = 300. {IN_PYTHON}"
            ) from error
    unknown = sorted(set(given) - set(TYPES))
    if unknown:
        raise ValueError(
            f"{path} has the unknown key {unknown[0]!r}. Valid keys: {', '.join(TYPES)}."
        )
    given |= {name: value for name, value in options.items() if value is not None}
    return _built(given)


def _built(given: Mapping[str, Any]) -> TrainConfig:
    """The configuration of these values, whose kinds are checked first."""
    given = dict(given)
    for name, value in given.items():
        if value is None and "None" in TYPES[name]:
            continue
        kind = TYPES[name].removesuffix(" | None")
        wrong = isinstance(value, bool) or not isinstance(value, KINDS[kind])
        if wrong or (isinstance(value, list) and not all(type(each) is int for each in value)):
            raise ValueError(f"{name} must be {_words(kind)}, got {value!r}.")
    if given.get("classes") is not None:
        given["classes"] = tuple(given["classes"])
    return TrainConfig(**given)


def _words(kind: str) -> str:
    words = {"str": "a string", "int": "a whole number", "float": "a number"}
    return words.get(kind, "a list of whole numbers")


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


def saved_config(folder: Path, saved: Mapping[str, Any]) -> TrainConfig:
    """What a run was started with, from its ``config.json``.

    Raises:
        ValueError: damaged.
    """
    try:
        return _built({name: saved[name] for name in TYPES.keys() & saved.keys()})
    except ValueError as error:
        raise ValueError(
            f"{folder / 'config.json'} is damaged: {error} Use a whole copy."
        ) from None


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
