"""What is to be predicted: classes or numbers, in the table's own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import numbers_of, texts_of, written
from .read import listed

TASKS = ("classification", "regression")
FEW = 10  # different whole numbers: at most so many are taken for classes
MOST_CLASSES = 100


@dataclass(frozen=True)
class Target:
    """The columns to predict.

    Attributes:
        names: of the columns.
        classes: of the one column, in the order of the labels 0, 1, ...; None where numbers are predicted.
        low: the smallest value of each column of numbers in training.
        high: the largest one.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def outputs(self) -> int:
        """How many values a model must give: one for two classes."""
        if self.classes is None:
            return len(self.names)
        return 1 if len(self.classes) == 2 else len(self.classes)

    def values(self, frame: Any, where: str) -> np.ndarray:
        """Labels ``(n,)``, or numbers ``(n, targets)``, of the rows of a frame; a gap is -1, or NaN.

        Raises:
            ValueError: no such column, a class that training never had, text where numbers are predicted.
        """
        check_there(
            frame, self.names, where, "It is what the model predicts: add it, or use qdl predict."
        )
        if self.classes is None:
            return np.stack([_numbers(frame[name], where) for name in self.names], axis=1)
        texts = texts_of(frame[self.names[0]])
        position = {label: i for i, label in enumerate(self.classes)}
        strange = [i for i, text in enumerate(texts) if text is not None and text not in position]
        if strange:
            raise ValueError(
                f"{where} has {self.names[0]} = {texts[strange[0]]!r} in row {strange[0] + 1}, expected one "
                f"of the classes of training: {listed(self.classes)}. Mend or remove such rows "
                f"({len(strange)} in all)."
            )
        return np.array([-1 if text is None else position[text] for text in texts], np.int64)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Numbers as expectation values: the range in training becomes [-1, 1]."""
        low, high = np.array(self.low), np.array(self.high)
        return (values - (low + high) / 2) / np.where(high > low, (high - low) / 2, 1.0)

    def unscaled(self, outputs: np.ndarray) -> np.ndarray:
        """Expectation values as numbers."""
        low, high = np.array(self.low), np.array(self.high)
        return (low + high) / 2 + (high - low) / 2 * np.asarray(outputs, float)


def check_there(frame: Any, names: Sequence[str], where: str, advice: str) -> None:
    """Refuse names of columns that are not there, with those that are and what to do."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"{where} has no column {missing[0]!r}. Its columns: {listed(frame.columns, 40)}. "
            f"{advice}"
        )


def learn_target(
    frame: Any, names: tuple[str, ...], task: str | None, where: str, say: Callable[[str], Any]
) -> tuple[Target, np.ndarray]:
    """What is to be predicted, and which rows say it.

    Args:
        frame: all rows.
        names: of the columns.
        task: ``"classification"`` or ``"regression"``; None to see from the values: texts, two different
            numbers, and at most ten different whole numbers are classes.
        where: the file, for errors.
        say: told in a sentence what was chosen, and of rows without a target.

    Raises:
        ValueError: no such column, one class, a class in one row only, text to be regressed.
    """
    check_there(frame, names, where, "Choose one with --target.")
    if task not in (None, *TASKS):
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}.")
    if len(set(names)) != len(names):
        raise ValueError(f"--target names {listed(names)}, expected each column once.")
    there = np.all([frame[name].notna().to_numpy() for name in names], axis=0)
    if not there.any():
        raise ValueError(
            f"{where}: the column {listed(names)} is empty, so there is nothing to learn."
        )
    rows = frame[there]
    if not there.all():
        say(f"{int((~there).sum())} row(s) without {' or '.join(names)} are left out")
    if task is None:
        task = (
            "classification" if len(names) == 1 and _are_classes(rows[names[0]]) else "regression"
        )
        if len(names) == 1 and not numbers_of(rows[names[0]])[1].any():
            other = TASKS[1 - TASKS.index(task)]
            count = len(set(texts_of(rows[names[0]])))
            say(
                f"{names[0]} has {count:,} different numbers: {task} (--task {other} for the other)"
            )
    if task == "classification":
        if len(names) != 1:
            raise ValueError(
                f"classes are predicted for one column, got {listed(names)}. Train a model for each, or name "
                "columns of numbers."
            )
        return Target(names, _classes(rows[names[0]], where)), there
    values = np.stack([_numbers(rows[name], where) for name in names], axis=1)
    flat = [name for name, column in zip(names, values.T, strict=True) if np.ptp(column) == 0]
    if flat:
        raise ValueError(
            f"{where}: {flat[0]} is {written(values[0, names.index(flat[0])])} in all {len(values)} rows, so "
            "there is nothing to learn."
        )
    return Target(names, None, tuple(values.min(axis=0)), tuple(values.max(axis=0))), there


def _are_classes(column: Any) -> bool:
    values, wrong = numbers_of(column)
    if wrong.any():
        return True
    different, counts = np.unique(values, return_counts=True)
    whole = (different == np.floor(different)).all()
    return len(different) <= 2 or bool(whole and len(different) <= FEW and counts.min() > 1)


def _classes(column: Any, where: str) -> tuple[str, ...]:
    texts = texts_of(column)
    labels, first, counts = np.unique(texts.astype(str), return_index=True, return_counts=True)
    name = column.name
    if len(labels) == 1:
        raise ValueError(
            f"{where}: {name} is {str(labels[0])!r} in all {len(texts)} rows, so there is nothing to "
            "tell apart. Expected two classes or more."
        )
    if len(labels) > MOST_CLASSES:
        raise ValueError(
            f"{where}: {name} has {len(labels)} different values, too many for classes (at most "
            f"{MOST_CLASSES}). Choose another --target; numbers are predicted with --task regression."
        )
    alone = counts == 1
    if alone.any():
        i = int(alone.argmax())
        row = int(column.index[first[i]]) + 1
        raise ValueError(
            f"{where}: {name} is {str(labels[i])!r} in row {row} alone, but each class needs two rows, one "
            "to train and one to test. Remove that row, or join classes."
        )
    if not numbers_of(column)[1].any():
        labels = labels[np.argsort([float(label) for label in labels])]
    return tuple(map(str, labels))


def _numbers(column: Any, where: str) -> np.ndarray:
    values, wrong = numbers_of(column)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{where}: {column.name} is {written(column.iloc[row])!r} in row {int(column.index[row]) + 1}, "
            "but numbers are to be predicted. Mend that row, or use --task classification."
        )
    return values
