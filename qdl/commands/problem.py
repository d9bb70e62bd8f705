"""What is to be learned: a data set by name, a table, or data in a Python file, split and in features."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from .. import tabular
from ..datasets import Dataset
from . import own
from .configuration import FEATURES, TrainConfig
from .models import WIDTH_FREE, is_own

TEST = 0.25  # of the rows
WIRES = 8  # features of a model with a wire a feature, unless the user says otherwise


@dataclass(frozen=True)
class Problem:
    """Data in features, and what its labels are called.

    Attributes:
        data: training and test part; labels 0, 1, ..., or targets in [-1, 1] of shape ``(n, targets)``.
        target: the names of what is predicted.
        preparation: how a table became the features; None for a data set by name.
        held: the rows of the table that are the test part.
    """

    data: Dataset
    target: tabular.Target
    preparation: tabular.Preparation | None = None
    held: Any = None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes; None where numbers are predicted."""
        return self.target.classes


@dataclass(frozen=True, eq=False)
class Table:
    """A table whose target is known, not yet split.

    Attributes:
        frame: the rows that have a target.
        where: the file, for errors.
        target: what is predicted.
        drop: columns to leave out.
    """

    frame: Any
    where: str
    target: tabular.Target
    drop: tuple[str, ...]

    @property
    def values(self) -> np.ndarray:
        """Labels, or numbers ``(n, targets)``."""
        return self.target.values(self.frame, self.where)

    def split(self, config: TrainConfig, seed: int, say: Callable[[str], Any]) -> Problem:
        """A training and a test part, the classes in equal proportions, as features of the model."""
        from sklearn.model_selection import train_test_split

        values = self.values
        self.check_rows(values)
        parts: Any = train_test_split(
            np.arange(len(values)), test_size=TEST, random_state=seed % 2**32,
            stratify=None if self.target.classes is None else values,
        )  # fmt: skip
        train, test = parts
        return self.at(train, test, config, say)

    def at(
        self, train: np.ndarray, test: np.ndarray, config: TrainConfig, say: Callable[[str], Any]
    ) -> Problem:
        """These rows as training and test part."""
        values, classes = self.values, self.target.classes
        without = (*self.target.names, *self.drop)
        preparation = tabular.learn(self.frame, train, self.where, say, without)
        X = preparation.transform(self.frame.iloc[train], self.where, say)
        preparation = _fitted(preparation, X, config, say)
        y = values if classes is not None else self.target.scaled(values)
        first, second = self.frame.iloc[train], self.frame.iloc[test]
        data = Dataset(
            preparation.transform(first, self.where, say), y[train],
            preparation.transform(second, self.where, say), y[test],
        )  # fmt: skip
        return Problem(data, self.target, preparation, second)

    def check_rows(self, values: np.ndarray) -> None:
        n, classes = len(values), self.target.classes
        least = 8 if classes is None else max(8, 2 * len(classes))
        held = math.ceil(TEST * n)
        if n < least or (classes is not None and min(held, n - held) < len(classes)):
            raise ValueError(
                f"{self.where} has {n} rows with a target, too few to train on three quarters and test on "
                f"the rest: expected {max(least, 4 * len(classes or ()))} or more. Add rows."
            )


def table(config: TrainConfig, say: Callable[[str], Any]) -> Table | Dataset:
    """The user's own data, read and checked; a ``Dataset`` where a Python file gives one.

    Raises:
        FileNotFoundError: no such file.
        ValueError: whatever is wrong with it, in its own words.
    """
    where = config.dataset if is_python(config.dataset) else Path(config.dataset).name
    if is_python(config.dataset):
        frame = own.data(config.dataset, config.seed)
        if isinstance(frame, Dataset):
            if config.target:
                raise ValueError(f"{where} says its own target. Leave --target out.")
            return frame
        frame = tabular.as_table(frame, where)
        names = config.target or (("y",) if "y" in frame.columns else ())
    else:
        frame, names = tabular.read_table(Path(config.dataset)), config.target or ()
    if not names:
        raise ValueError(
            f"{where} needs --target, the column to predict. Its columns: "
            f"{tabular.listed(frame.columns, 40)}."
        )
    names, drop = (_columns(frame, given) for given in (names, config.drop or ()))
    tabular.check_there(frame, drop, where, "Name those to leave out with --drop.")
    target, there = tabular.learn_target(frame, names, config.task, where, say)
    return Table(frame[there], where, target, drop)


def prepare(config: TrainConfig, say: Callable[[str], Any] = print) -> list[Problem]:
    """The data that a configuration names, split and in features, for each of its seeds."""
    seeds = range(config.seed, config.seed + config.seeds)
    if config.dataset in FEATURES:
        return [by_name(load_data(replace(config, seed=s)), config.classes) for s in seeds]
    found = table(config, say)
    if isinstance(found, Dataset):
        return [by_name(found, None)] * len(seeds)
    return [found.split(config, s, _nobody if s > config.seed else say) for s in seeds]


def _nobody(line: str) -> None:
    """What was said of one split is not said of all."""


def is_python(name: str) -> bool:
    """Whether data are named in a Python file, as ``file.py:name``."""
    return ".py:" in name


def load_data(config: TrainConfig) -> Dataset:
    """The data set of qdl that a configuration names, features in [0, pi] radians."""
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


def by_name(data: Dataset, classes: tuple[int, ...] | None) -> Problem:
    """A data set whose classes are numbered, or are those that were chosen."""
    y = np.concatenate([data.y_train, data.y_test])
    names = tuple(map(str, classes or range(int(y.max()) + 1)))
    return Problem(data, tabular.Target(("class",), names))


def _columns(frame: Any, given: tuple[str, ...]) -> tuple[str, ...]:
    """Names of columns; one that is no column may be several with commas between."""
    there = set(frame.columns)
    parts = ([name] if name in there else name.split(",") for name in given)
    return tuple(name.strip() for names in parts for name in names)


def _fitted(
    preparation: tabular.Preparation, X: np.ndarray, config: TrainConfig, say: Callable[[str], Any]
) -> tabular.Preparation:
    """The preparation with what the model wants at its end: fewer features, angles."""
    width, features = X.shape[1], config.features
    if features is None and is_own(config.model):
        features = own.features_of(config.model)
        if features is not None and features > width:
            raise ValueError(
                f"{config.model} reads {features} features, but the table makes {width}: "
                f"{tabular.listed(preparation.features, 12)}. Use a model of {width} features or fewer."
            )
    elif features is None and config.model not in WIDTH_FREE:
        features = min(width, WIRES)
    if features is not None and features != width:
        say(f"{width} prepared columns become {features} principal components, one a wire")
        preparation = tabular.projected(preparation, X, features)
    if config.model in WIDTH_FREE:
        return preparation
    steps = X
    for step in preparation.steps():
        steps = step.transform(steps)
    return tabular.as_angles(preparation, steps)
