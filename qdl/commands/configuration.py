"""What ``qdl train`` can be told: by options, by a TOML file, or by the folder of a run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..arguments import check_whole

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
