"""What a column holds: numbers, categories, or nothing that a model could use, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MOST = 30  # categories of a column; the rest count as none of them
MISSING = "(missing)"  # the category of a gap, where training had gaps


def numbers_of(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """A column as floats, NaN for gaps and for what is no number; and where the latter is."""
    import pandas as pd

    gaps = column.isna().to_numpy()
    text = column if column.dtype.kind == "f" else column.where(~column.isna(), np.nan)
    values = np.array(pd.to_numeric(text, errors="coerce"), dtype=float)
    return np.where(np.isinf(values), np.nan, values), ~gaps & ~np.isfinite(values)


def texts_of(column: Any) -> np.ndarray:
    """A column as text, None for gaps; whole numbers are written without a point."""
    return np.array(
        [None if gap else written(v) for v, gap in zip(column, column.isna(), strict=True)], object
    )


def written(value: Any) -> str:
    """A value as a reader of the file would write it.

    Example:
        >>> written(3.0), written("a "), written(0.5)
        ('3', 'a', '0.5')
    """
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value).strip()


def is_numbers(column: Any, where: str) -> bool:
    """Whether a column holds numbers; one that does but for a few entries is refused with the first of those.

    Args:
        column: of a frame.
        where: the file, for errors.
    """
    values, wrong = numbers_of(column)
    there = int(column.notna().sum())
    if not wrong.any():
        return there > 0
    if 2 * np.isfinite(values).sum() > there:
        row = int(wrong.argmax())
        raise ValueError(
            f"{where}: column {column.name!r} holds numbers, but {written(column.iloc[row])!r} in row "
            f"{column.index[row] + 1} ({int(wrong.sum())} such in all). Mend or empty them, or leave "
            f"the column out: --drop {column.name!r}."
        )
    return False


def unfit_numbers(values: np.ndarray) -> str | None:
    """Why a column of numbers is of no use; None if it is."""
    there = values[np.isfinite(values)]
    if not len(there):
        return "it is empty"
    if (there == there[0]).all():
        return f"it has one value, {written(float(there[0]))}"
    return None


def counts_rows(values: np.ndarray) -> bool:
    """Whether a whole column of numbers is 0, 1, 2, ... from any start: an index, which says nothing."""
    return len(values) > 2 and bool((np.diff(values) == 1).all())


def unfit_texts(texts: np.ndarray) -> str | None:
    """Why a column of texts is of no use; None if it is."""
    there = [text for text in texts if text is not None]
    distinct = len(set(there))
    if not there:
        return "it is empty"
    if distinct == 1 and len(there) == len(texts):
        return f"it has one value, {there[0]!r}"
    if distinct == len(there) > 2 or distinct > max(MOST, len(there) // 2):
        digits = sum(any(letter.isdigit() for letter in text) for text in there)
        hint = (
            "; dates and amounts must be written as plain numbers to count"
            if 2 * digits > len(there)
            else ""
        )
        return f"it has {distinct:,} different texts in {len(there):,} rows, as names and free text do{hint}"
    return None


def categories(texts: np.ndarray, name: str, say: Callable[[str], Any]) -> tuple[str, ...]:
    """The categories of a column in the order of their names, a gap among them if there is one."""
    there = [text for text in texts if text is not None]
    values, counts = np.unique(np.array(there, object).astype(str), return_counts=True)
    if len(values) > MOST:
        say(
            f"{name} has {len(values)} categories: the {MOST} most frequent are told apart, the others "
            "count as none of them"
        )
        values = np.sort(values[np.argsort(-counts, kind="stable")[:MOST]])
    gaps = len(there) < len(texts) and MISSING not in values
    return (*map(str, values), *((MISSING,) if gaps else ()))
