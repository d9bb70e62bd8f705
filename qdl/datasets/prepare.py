"""From raw numbers to a Dataset: choose classes, split, project, scale."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..arguments import check_whole

Range = tuple[float, float] | None
ANGLES = (0.0, math.pi)


class Dataset(NamedTuple):
    """A train and a test part: features float64 ``(n, k)``, labels int64 ``(n,)`` in ``0 .. c-1``.

    Example:
        >>> data = Dataset(np.zeros((3, 2)), np.array([0, 1, 1]), np.zeros((1, 2)), np.array([0]))
        >>> data.X_train.shape
        (3, 2)
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def choose(
    X: np.ndarray, y: np.ndarray, classes: Iterable[int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of these classes, with labels 0, 1, ... in the order in which they are given."""
    known = np.unique(y).tolist()
    wanted = known if classes is None else list(classes)
    if len(wanted) < 2 or len(set(wanted)) != len(wanted) or not set(wanted) <= set(known):
        raise ValueError(
            f"classes must be at least two different ones of {known}, got {wanted}. "
            "Example: classes=(0, 1)."
        )
    rows = np.isin(y, wanted)
    position = {label: i for i, label in enumerate(wanted)}
    return X[rows], np.array([position[label] for label in y[rows].tolist()], dtype=np.int64)


def split(X: np.ndarray, y: np.ndarray, test_size: float, seed: int) -> Dataset:
    """A shuffled split in which both parts hold the classes in the same proportions."""
    from sklearn.model_selection import train_test_split

    if isinstance(test_size, bool) or not 0 < test_size < 1:
        raise ValueError(
            f"test_size must be a fraction between 0 and 1, got {test_size!r}. "
            "Example: test_size=0.2."
        )
    check_whole("seed", seed, least=0)
    n_classes, n_test = len(np.unique(y)), math.ceil(test_size * len(y))
    if min(n_test, len(y) - n_test) < n_classes:
        raise ValueError(
            f"test_size={test_size} leaves {len(y) - n_test} rows for training and {n_test} for "
            f"the test, but both need one of each of the {n_classes} classes. Choose another "
            "test_size, or more samples."
        )
    parts: Any = train_test_split(
        X.astype(np.float64), y, test_size=test_size, random_state=seed, stratify=y
    )
    X_train, X_test, y_train, y_test = parts
    return Dataset(X_train, y_train, X_test, y_test)


def project(data: Dataset, features: int | None, standardize: bool = False) -> Dataset:
    """The first principal components, fitted on the training part; None keeps every feature.

    Reference: Pearson, Philosophical Magazine 2, 559 (1901).
    """
    if features is None:
        return data
    most = min(data.X_train.shape)
    if not isinstance(features, int | np.integer) or not 1 <= features <= most:
        raise ValueError(
            f"features must be a whole number from 1 to {most} (the smaller of {len(data.X_train)} "
            f"training rows and {data.X_train.shape[1]} columns), or None for all columns; "
            f"got {features!r}."
        )
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pca = PCA(features, svd_solver="full")
    steps = make_pipeline(StandardScaler(), pca) if standardize else make_pipeline(pca)
    train = steps.fit_transform(data.X_train)
    return data._replace(X_train=train, X_test=steps.transform(data.X_test))


def rescale(data: Dataset, scale: Range, source: tuple[float, float] | None = None) -> Dataset:
    """Features mapped linearly to ``scale``, and clipped to it; None leaves them as they are.

    ``source`` is the range they are known to have (pixels); without it each column's minimum and
    maximum in the training part are used, and test values beyond them are clipped.
    """
    if scale is None:
        return data
    low, high = _check_range(scale)
    if source is None:
        start, stop = data.X_train.min(axis=0), data.X_train.max(axis=0)
    else:
        start, stop = (np.asarray(end, dtype=np.float64) for end in source)
    width = np.where(stop > start, stop - start, 1.0)  # a constant column maps to `low`

    def to_range(X: np.ndarray) -> np.ndarray:
        return np.clip(low + (high - low) * ((X - start) / width), low, high)

    return data._replace(X_train=to_range(data.X_train), X_test=to_range(data.X_test))


def _check_range(scale: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in scale)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            f"scale must be (low, high) with low < high, or None for raw features; got {scale!r}. "
            "The default is (0, pi), radians."
        )
    return low, high
