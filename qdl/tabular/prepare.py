"""From the columns of a table to the features of a circuit: scikit-learn's transformers, kept as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import pi
from typing import Any

import numpy as np

from .columns import (
    MISSING,
    categories,
    counts_rows,
    is_numbers,
    numbers_of,
    texts_of,
    unfit_numbers,
    unfit_texts,
    written,
)
from .read import listed

CLIP = 4.0  # standard deviations: what lies beyond counts as that far


@dataclass(frozen=True, eq=False)
class Preparation:
    r"""How a table becomes features, learned from the training rows.

    Numbers: gaps become the median, then each column is standardised and cut at 4 standard deviations.
    Categories: a feature each, 0 or 1. Then, if asked for, principal components, and a map to $[0, \pi]$
    radians by the range in training, beyond which values are cut.

    Attributes:
        numbers: names of the columns that hold numbers.
        categories: names of the others, with their categories.
        arrays: what scikit-learn's transformers learned: ``fill``, ``mean``, ``scale`` of the columns of
            numbers; ``center`` and ``components`` where there are principal components; ``low`` and ``high``
            where features are mapped to $[0, \pi]$.
    """

    numbers: tuple[str, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...]
    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        # As they come back from a file: the order in memory decides about the last bit of a product.
        whole = {name: np.ascontiguousarray(a, np.float64) for name, a in self.arrays.items()}
        object.__setattr__(self, "arrays", whole)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (*self.numbers, *(name for name, _ in self.categories))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features before any projection: columns, and ``column=category``."""
        return (
            *self.numbers,
            *(f"{name}={value}" for name, values in self.categories for value in values),
        )

    @property
    def n_features(self) -> int:
        """How many features a model gets."""
        return len(self.arrays["components"]) if "components" in self.arrays else len(self.features)

    def transform(self, frame: Any, where: str, say: Callable[[str], Any]) -> np.ndarray:
        """The features of the rows of a frame, ``(n, n_features)``.

        Args:
            frame: as ``read_table`` gives it; columns in any order, further ones are not looked at.
            where: the file, for errors.
            say: told in a sentence what was done to values that training never saw.

        Raises:
            ValueError: columns that are missing, text where training had numbers.
        """
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise ValueError(
                f"{where} has no column {listed(missing)}, which the model was trained with. It has "
                f"{listed(frame.columns)}."
            )
        X = np.concatenate([self._numbers(frame, where, say), self._categories(frame, say)], axis=1)
        for step in self.steps():
            X = step.transform(X)
        return X

    def _numbers(self, frame: Any, where: str, say: Callable[[str], Any]) -> np.ndarray:
        if not self.numbers:
            return np.empty((len(frame), 0))
        columns = []
        for name in self.numbers:
            values, wrong = numbers_of(frame[name])
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(
                    f"{where}: column {name!r} held numbers in training, but here "
                    f"{written(frame[name].iloc[row])!r} in row {frame.index[row] + 1} "
                    f"({int(wrong.sum())} such in all). Mend them, or leave them empty."
                )
            if np.isnan(values).all():
                say(f"{name} is empty: its median in training stands for every row")
            columns.append(values)
        imputer, scaler = self._number_steps()
        return np.clip(scaler.transform(imputer.transform(np.stack(columns, axis=1))), -CLIP, CLIP)

    def _categories(self, frame: Any, say: Callable[[str], Any]) -> np.ndarray:
        parts: list[np.ndarray] = [np.empty((len(frame), 0))]
        for name, known in self.categories:
            texts = texts_of(frame[name])
            gaps = np.array([text is None for text in texts])
            filled = np.where(gaps, MISSING, texts)
            new = ~np.isin(filled.astype(str), known)
            if (new & ~gaps).any():
                strange = list(dict.fromkeys(filled[new & ~gaps]))
                rows = np.flatnonzero(new & ~gaps)
                say(
                    f"{name} has {listed(strange, 3)} in {len(rows)} row(s), the first one row "
                    f"{frame.index[rows[0]] + 1}, which training never saw: counted as none of "
                    f"{listed(known, 5)}"
                )
            if (new & gaps).any():
                say(
                    f"{name} is empty in {int(gaps.sum())} row(s), which it never was in training: "
                    f"counted as none of {listed(known, 5)}"
                )
            parts.append(_encoder(known).transform(filled[:, None].astype(object)))
        return np.concatenate(parts, axis=1)

    def _number_steps(self) -> tuple[Any, Any]:
        """The imputer and the scaler of the columns of numbers, as they were fitted."""
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler

        fill, mean, scale = (self.arrays[name] for name in ("fill", "mean", "scale"))
        # Fitted on the one row of its medians, an imputer has just these.
        imputer = SimpleImputer(strategy="median").fit(fill[None])
        scaler = StandardScaler().fit(fill[None])
        scaler.mean_, scaler.scale_, scaler.var_ = mean, scale, scale**2
        return imputer, scaler

    def steps(self) -> list[Any]:
        """The transformers of all features together, as they were fitted."""
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import MinMaxScaler

        steps: list[Any] = []
        if "components" in self.arrays:
            pca = PCA(len(self.arrays["components"]))
            pca.components_, pca.mean_ = self.arrays["components"], self.arrays["center"]
            pca.n_features_in_ = len(pca.mean_)
            steps.append(pca)
        if "low" in self.arrays:
            ends = np.stack([self.arrays["low"], self.arrays["high"]])
            steps.append(MinMaxScaler((0, pi), clip=True).fit(ends))
        return steps


def learn(
    frame: Any,
    train: np.ndarray,
    where: str,
    say: Callable[[str], Any],
    without: Sequence[str] = (),
) -> Preparation:
    """The preparation of a table; features are standardised, and not yet projected.

    Args:
        frame: as ``read_table`` gives it; all its rows say what kind a column is, and its categories.
        train: positions of the rows of training, from which medians, means and widths are learned.
        where: the file, for errors.
        say: told in a sentence what becomes of columns that are no use or have gaps.
        without: columns to leave out: targets, and what the user drops.

    Raises:
        ValueError: no column is left, or one holds text among its numbers.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    numbers: dict[str, np.ndarray] = {}
    others: list[tuple[str, tuple[str, ...]]] = []
    for name in (n for n in frame.columns if n not in without):
        if is_numbers(frame[name], where):
            whole = numbers_of(frame[name])[0]
            values = whole[train]
            why = "it counts the rows" if counts_rows(whole) else unfit_numbers(whole)
            if why is None:
                numbers[name] = values
        else:
            texts = texts_of(frame[name])
            why = unfit_texts(texts)
            if why is None:
                others.append((name, categories(texts, name, say)))
        if why is not None:
            say(f"{name} is left out: {why}")
    if not numbers and not others:
        raise ValueError(
            f"{where} has no column to learn from beside {listed(without)}: columns of one value, names and "
            "counters are no use. Add columns that tell the rows apart."
        )
    arrays: dict[str, np.ndarray] = {}
    if numbers:
        values = np.stack(list(numbers.values()), axis=1)
        imputer: Any = SimpleImputer(strategy="median", keep_empty_features=True).fit(values)
        scaler: Any = StandardScaler().fit(imputer.transform(values))
        arrays = {"fill": imputer.statistics_, "mean": scaler.mean_, "scale": scaler.scale_}
        for i, name in enumerate(numbers):
            gaps = int(np.isnan(values[:, i]).sum())
            if gaps:
                say(f"{name}: {gaps} gap(s) take the median, {arrays['fill'][i]:.6g}")
    return Preparation(tuple(numbers), tuple(others), arrays)


def projected(preparation: Preparation, X: np.ndarray, features: int) -> Preparation:
    """The preparation with principal components at its end, fitted on these features of the training rows."""
    from sklearn.decomposition import PCA

    most = min(X.shape)
    if not 1 <= features <= most:
        raise ValueError(
            f"features must be from 1 to {most} (the smaller of {len(X)} training rows and {X.shape[1]} "
            f"prepared columns), got {features}."
        )
    pca: Any = PCA(features, svd_solver="full").fit(X)
    also = {"center": pca.mean_, "components": pca.components_}
    return replace(preparation, arrays=preparation.arrays | also)


def as_angles(preparation: Preparation, X: np.ndarray) -> Preparation:
    """The preparation with features mapped to [0, pi] at its end, by their range in these rows."""
    ends = {"low": X.min(axis=0), "high": X.max(axis=0)}
    return replace(preparation, arrays=preparation.arrays | ends)


def _encoder(known: Sequence[str]) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    values: Any = np.array(known, object)
    options: Any = {"categories": [values], "handle_unknown": "ignore", "sparse_output": False}
    encoder: Any = OneHotEncoder(**options)
    return encoder.fit(values[:1, None])
