"""Data and models of the user's own, in Python files: ``file.py:name`` in every command."""

from __future__ import annotations

import inspect
import runpy
import traceback
from pathlib import Path
from typing import Any

import numpy as np

EXPECTED_DATA = (
    "Expected (X, y), a table of pandas, a data set with X_train, y_train, X_test and y_test, or a function "
    "of a seed that returns one of them"
)


def from_file(target: str, expected: str) -> Any:
    """An object of a Python file of the user's.

    Args:
        target: as ``file.py:name``.
        expected: a sentence of what it should be, for errors.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an error in the file, with its line, or no such name in it.
    """
    path, _, name = target.rpartition(":")
    if not path or not Path(path).is_file():
        raise FileNotFoundError(f"no Python file {path or target}. {expected}")
    try:
        found = runpy.run_path(path)
    except (Exception, SystemExit) as error:
        raise of_the_user(path, error) from error
    if name not in found:
        raise ValueError(f"{path} has no {name!r}. {expected}")
    return found[name]


def of_the_user(path: str, error: BaseException) -> ValueError:
    """An error in a user's file, with the last of its lines that was on the way."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else "?"
    return ValueError(f"{path}, line {line}: {type(error).__name__}: {error}. Mend the file.")


def called(target: str, function: Any, *arguments: Any, expected: str) -> Any:
    """What a function of the user's gives; what it raises is told with its line."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise ValueError(
            f"{target} cannot be called with {arguments}: {error}. {expected}"
        ) from None
    try:
        return function(*arguments)
    except Exception as error:
        raise of_the_user(target.rpartition(":")[0], error) from error


def model(target: str, n_features: int, outputs: int) -> Any:
    """A model of the user's own for so many features and outputs.

    Raises:
        ValueError: no model, or one of other sizes.
    """
    from ..hybrid import n_in, n_out

    expected = (
        f"Expected a QNN of {n_features} features and {outputs} outputs, or a function (n_features, "
        "n_outputs) that returns one."
    )
    if Path(target).is_dir():
        from ..saving import load

        found = load(target)[0]
    else:
        found = from_file(target, expected)
        if not _is_model(found) and callable(found):
            found = called(target, found, n_features, outputs, expected=expected)
    if not _is_model(found):
        raise ValueError(f"{target} is {type(found).__name__}. {expected}")
    if n_in(found) not in (0, n_features):
        raise ValueError(f"{target} reads {n_in(found)} features, got {n_features}. {expected}")
    if n_out(found) not in (None, outputs):
        raise ValueError(
            f"{target} gives {n_out(found)} values, got {outputs} to predict. {expected}"
        )
    return found


def features_of(target: str) -> int | None:
    """How many features a model of the user's own reads; None if it takes any number."""
    from ..hybrid import n_in

    if Path(target).is_dir():
        from ..saving import load

        return n_in(load(target)[0]) or None
    found = from_file(target, "Expected file.py:name of a QNN, or of a function that returns one.")
    return (n_in(found) or None) if _is_model(found) else None


def data(target: str, seed: int) -> Any:
    """Data of the user's own: a frame of columns, or a ``Dataset`` that is split already.

    Of ``(X, y)`` the columns are called ``x0``, ``x1``, ..., and the target ``y``.
    """
    import pandas as pd

    from ..datasets import Dataset

    found = from_file(target, f"{EXPECTED_DATA}.")
    if callable(found) and not hasattr(found, "X_train") and not isinstance(found, pd.DataFrame):
        found = called(target, found, seed, expected=f"{EXPECTED_DATA}.")
    if isinstance(found, pd.DataFrame):
        return found.set_axis([str(name) for name in found.columns], axis=1).reset_index(drop=True)
    if all(hasattr(found, name) for name in Dataset._fields):
        return Dataset(*(np.asarray(getattr(found, name)) for name in Dataset._fields))
    if isinstance(found, tuple | list) and len(found) == 4:
        raise ValueError(
            f"{target} has four parts. Name them: qdl.datasets.Dataset(X_train, y_train, X_test, y_test)."
        )
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise ValueError(f"{target} is {type(found).__name__}. {EXPECTED_DATA}.")
    X, y = (np.asarray(part) for part in found)
    if X.ndim != 2 or y.ndim != 1 or len(X) != len(y) or not len(X):
        raise ValueError(
            f"{target} has X of shape {X.shape} and y of shape {y.shape}, expected (n, features) and (n,)."
        )
    return pd.DataFrame({**{f"x{i}": column for i, column in enumerate(X.T)}, "y": y})


def _is_model(found: Any) -> bool:
    return not inspect.isclass(found) and hasattr(found, "init") and hasattr(found, "apply")
