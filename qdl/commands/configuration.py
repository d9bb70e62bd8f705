"""What ``qdl train`` can be told: by options, by a TOML file, or by the folder of a run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..arguments import check_number, check_whole
from ..tabular import TABLES, is_table
from .models import WIDTH_FREE, check_model

OWN_DATA = {"model": "reuploading", "learning_rate": 0.1, "steps": 600}  # as QNNClassifier
FEATURES = {
    "bars_and_stripes": 9,
    "breast_cancer": 8,
    "digits": 8,
    "hidden_manifold": 4,
    "iris": 4,
    "linearly_separable": 4,
    "mnist": 8,
    "two_curves": 4,
    "wine": 8,
}  # how many features each data set is reduced to unless the user says otherwise: one a wire
CLASSES = ("digits", "iris", "mnist", "wine")  # where classes can be chosen
MOST = {"features": 1000, "depth": 1000, "steps": 10**7, "batch_size": 10**6, "learning_rate": 1e6}
MOST |= {"seeds": 1000, "shots": 2**31 - 1, "max_qpu_seconds": 1e9}
MACHINE = ("shots", "gradient", "max_qpu_seconds")  # what is said of a machine alone
KINDS = {"str": str, "int": int, "float": (int, float)}
KINDS |= {"tuple[int, ...]": (list, tuple), "tuple[str, ...]": (list, tuple)}


@dataclass(frozen=True)
class TrainConfig:
    """What ``qdl train`` can be told; a TOML file has the same keys.

    Attributes:
        dataset: a function of ``qdl.datasets``, a CSV or Parquet file, or ``file.py:name``.
        model: one of the list of all commands, ``file.py:name``, or a folder of a saved model.
        classes: which labels to keep; None for the data set's own choice.
        features: how many features, one a wire; None for the data set's own choice.
        depth: how often the model's block is repeated; None for 4, or for a model that has none.
        steps: gradient steps.
        batch_size: rows a step.
        learning_rate: of Adam.
        seed: of the split, the first parameters and the batches.
        place: where it is trained: classical, which takes any number of wires, aer, fake_torino, ...; None
            for the state vector.
        shots: of each circuit and basis on a place that draws them; None for 1000.
        gradient: how it makes gradients: ``parameter_shift``, ``spsa``, ``stochastic``; None for its own.
        max_qpu_seconds: the most that a machine may be asked for; None for the 60 of a real one, and no limit
            of a simulated one.
        target: columns of a table to predict.
        task: ``"classification"`` or ``"regression"``; None to see from the target.
        drop: columns of a table to leave out.
        class_weight: ``"balanced"`` where rare classes shall count as much as frequent ones.
        seeds: how many trainings, with the seeds ``seed``, ``seed + 1``, ..., each with a split of its own.
        weight_decay: of the default model; None for the one of 0 and 0.3 that does best on rows
            held out of the training part.
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
    shots: int | None = None
    gradient: str | None = None
    max_qpu_seconds: float | None = None
    target: tuple[str, ...] | None = None
    task: str | None = None
    drop: tuple[str, ...] | None = None
    class_weight: str | None = None
    seeds: int = 1
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        if self.dataset not in FEATURES and not is_own_data(self.dataset):
            raise ValueError(
                f"dataset must be one of {', '.join(FEATURES)}, a table ({', '.join(TABLES)}) or "
                f"file.py:name of data; got {self.dataset!r}."
            )
        check_model(self.model, self.depth)
        if self.class_weight not in (None, "balanced"):
            raise ValueError(
                f"class_weight must be 'balanced' or left out, got {self.class_weight!r}."
            )
        if self.dataset in FEATURES:
            for name in ("target", "task", "drop"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{self.dataset} is a data set of qdl, which says its own {name}. Leave {name} "
                        "out, or name a table."
                    )
        if self.classes is not None and self.dataset not in CLASSES:
            raise ValueError(
                f"{self.dataset} has no classes to choose, got classes = {list(self.classes)}. "
                f"Leave them out, or choose one of {', '.join(CLASSES)}."
            )
        for name in MACHINE if self.place in (None, "classical") else ():
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} = {getattr(self, name)} is for a machine, got place = {self.place!r}, where "
                    f"nothing is sent. Leave {name} out, or name a place: aer, fake_torino."
                )
        for name, most in MOST.items():
            value = getattr(self, name)
            if value is not None and not value > 0:  # nor NaN
                raise ValueError(f"{name} must be positive, got {value}.")
            if value is not None and value > most:
                raise ValueError(f"{name} must be at most {most:,}, got {value}.")
        if self.weight_decay is not None:
            check_number("weight_decay", self.weight_decay, "weight_decay = 0.1")
            if self.weight_decay and self.model not in WIDTH_FREE:
                raise ValueError(
                    f"weight_decay = {self.weight_decay} is for the default model, reuploading, got model = "
                    f"{self.model!r}. Leave it out."
                )
        check_whole("seed", self.seed, least=0)


def is_own_data(name: str) -> bool:
    """Whether a data set is the user's: a table, or data in a Python file."""
    return is_table(name) or ".py:" in name


TYPES = {field.name: str(field.type) for field in fields(TrainConfig)}


def read_config(path: Path | None, options: Mapping[str, Any]) -> TrainConfig:
    """The configuration in a TOML file, overridden by those options that are not None.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown key, or a value of the wrong kind, each by name.
    """
    given: dict[str, Any] = {}
    if path is not None:
        if path.is_dir():
            raise IsADirectoryError(
                f"{path} is a folder, expected a file: a table ({', '.join(TABLES)}) or a TOML file."
            )
        if not path.is_file():
            raise FileNotFoundError(f"no configuration file {path}. Give the path of a TOML file.")
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(
                f"{path} is not valid TOML: {error}. Example line: steps = 300. Tables end in "
                f"{', '.join(TABLES)}."
            ) from error
    unknown = sorted(set(given) - set(TYPES))
    if unknown:
        raise ValueError(
            f"{path} has the unknown key {unknown[0]!r}. Valid keys: {', '.join(TYPES)}."
        )
    given |= {name: value for name, value in options.items() if value is not None}
    if isinstance(given.get("target"), str):
        given["target"] = [given["target"]]
    if is_own_data(str(given.get("dataset"))):
        given = {**OWN_DATA, **given}
        if is_table(given["dataset"]):
            given["dataset"] = str(Path(given["dataset"]).absolute())  # a run goes on from anywhere
    return _built(given)


def _built(given: Mapping[str, Any]) -> TrainConfig:
    """The configuration of these values, whose kinds are checked first."""
    given = dict(given)
    for name, value in given.items():
        if value is None and "None" in TYPES[name]:
            continue
        kind = TYPES[name].removesuffix(" | None")
        wrong = isinstance(value, bool) or not isinstance(value, KINDS[kind])
        inner = int if kind == "tuple[int, ...]" else str
        if wrong or (isinstance(value, list) and not all(type(each) is inner for each in value)):
            raise ValueError(f"{name} must be {_words(kind)}, got {value!r}.")
    for name in ("classes", "target", "drop"):
        if given.get(name) is not None:
            given[name] = tuple(given[name])
    return TrainConfig(**given)


def _words(kind: str) -> str:
    words = {"str": "a string", "int": "a whole number", "float": "a number"}
    words["tuple[str, ...]"] = "a list of strings"
    return words.get(kind, "a list of whole numbers")


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
