"""The picture of a model on a table: ROC, calibration, and what it loses without each column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..tabular import Target

ROWS, REPEATS = 1000, 10  # on which columns are shuffled, and how often
SHOWN = 15  # columns in the picture


def importance(
    predict: Callable[[Any], np.ndarray], frame: Any, y: np.ndarray, target: Target
) -> tuple[list[str], np.ndarray, str]:
    """What is lost when one column is shuffled: scikit-learn's permutation importance.

    Args:
        predict: gives probabilities, or numbers, for rows of a frame.
        frame: rows of the table, the columns that the model reads.
        y: labels, or targets in [-1, 1].
        target: what is predicted.

    Returns:
        The columns, most important first, the loss ``(columns, repeats)``, and of what it is one.
    """
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import balanced_accuracy_score, r2_score

    class Predictor:  # what scikit-learn wants to be given
        def fit(self, X: Any, y: Any) -> None:
            """It is trained."""

    def scorer(_: Any, X: Any, y: np.ndarray) -> float:
        found = predict(X)
        if target.classes is None:
            return float(r2_score(target.unscaled(y), found))
        return float(balanced_accuracy_score(y, found.argmax(axis=1)))

    few = slice(0, ROWS)
    found: Any = permutation_importance(
        Predictor(), frame.iloc[few], y[few], scoring=scorer, n_repeats=REPEATS, random_state=0
    )
    order = np.argsort(-found.importances_mean)
    what = "R2" if target.classes is None else "balanced accuracy"
    return [str(frame.columns[i]) for i in order], found.importances[order], what


def figure_of(
    predict: Callable[[Any], np.ndarray],
    frame: Any,
    y: np.ndarray,
    predicted: np.ndarray,
    target: Target,
    path: Path,
) -> dict[str, float]:
    """Draw ROC (two classes), calibration (classes) or predictions (numbers), and importance.

    Args:
        predict: as for ``importance``.
        frame: rows of the table.
        y: labels, or targets in [-1, 1].
        predicted: for these rows.
        target: what is predicted.
        path: of the PNG file.

    Returns:
        The mean importance of each column.
    """
    from . import plots

    names, lost, what = importance(predict, frame, y, target)
    classes = target.classes
    count = 3 if classes is not None and len(classes) == 2 and len(np.unique(y)) == 2 else 2
    widths = {"width_ratios": (*(3,) * (count - 1), 4)}
    figure, axes = plots.panels(1, count, (4.2 * count, 3.8), **widths)
    if classes is None:
        plots.numbers(axes[0, 0], target.unscaled(y), predicted, target.names)
    else:
        plots.calibration(axes[0, -2], y, predicted)
    if count == 3 and classes is not None:
        plots.roc(axes[0, 0], y, predicted[:, 1], f"{target.names[0]} = {classes[1]}")
    plots.importance(axes[0, -1], names[:SHOWN], lost[:SHOWN], what)
    plots.save(figure, path)
    return dict(zip(names, map(float, lost.mean(axis=1)), strict=True))
