"""What people report of predictions: for classes and for numbers, each by scikit-learn's definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 10  # of predicted probabilities, for the calibration


def of_classes(labels: Any, probabilities: Any, names: Sequence[str]) -> dict[str, Any]:
    r"""The figures of a classifier on rows whose labels are known.

    With two classes F1 and the area under the ROC curve are those of the second one; with more both are
    means over classes, the area one class against the rest. The calibration error is
    $\sum_b \frac{n_b}{n} |\text{right}_b - \text{sure}_b|$ over ten bins of the largest probability.

    Args:
        labels: ``(n,)``, 0, 1, ...
        probabilities: ``(n, classes)``.
        names: of the classes.

    Returns:
        By name: ``accuracy``, ``balanced_accuracy``, ``f1``, ``auc`` (None where a class has no row),
        ``log_loss``, ``calibration_error``, ``majority`` (the accuracy of always the class that has most of
        these rows), and ``confusion``, the counts of (true class, predicted class).

    Example:
        >>> found = of_classes([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], ["no", "yes"])
        >>> round(found["accuracy"], 3), found["confusion"], found["auc"]
        (0.667, [[1, 0], [1, 1]], 1.0)

    Reference: on the calibration error: Guo, Pleiss, Sun, Weinberger, ICML (2017), equation 3.
    """
    from sklearn import metrics

    y, p = np.asarray(labels), np.asarray(probabilities, float)
    p = p / p.sum(axis=1, keepdims=True)  # float32 sums to one only nearly
    every, guess = list(range(len(names))), p.argmax(axis=1)
    two = len(names) == 2
    score: Any = metrics.f1_score  # whose stubs know no number for zero_division
    f1 = score(y, guess, labels=every, average="binary" if two else "macro", zero_division=0.0)
    confusion = metrics.confusion_matrix(y, guess, labels=every)
    rows = confusion.sum(axis=1)
    recalls = np.diag(confusion)[rows > 0] / rows[rows > 0]
    return {
        "accuracy": float(np.mean(guess == y)),
        "balanced_accuracy": float(recalls.mean()),
        "f1": float(f1),
        "auc": _area(y, p, two),
        "log_loss": float(metrics.log_loss(y, p, labels=every)),
        "calibration_error": calibration_error(y, p),
        "majority": float(rows.max() / len(y)),
        "confusion": confusion.tolist(),
    }


def of_numbers(y: Any, predicted: Any, names: Sequence[str]) -> dict[str, Any]:
    r"""The figures of predicted numbers: $R^2$, mean absolute and root mean square errors.

    Args:
        y: ``(n, targets)``.
        predicted: ``(n, targets)``.
        names: of the targets.

    Returns:
        By name: ``r2``, the mean over targets, None for a single row; ``mean_absolute_error`` and
        ``root_mean_square_error``, a number a target by its name.

    Example:
        >>> of_numbers([[0.0], [2.0]], [[0.0], [1.0]], ["price"])["mean_absolute_error"]
        {'price': 0.5}
    """
    from sklearn import metrics

    y, predicted = np.asarray(y, float), np.asarray(predicted, float)
    errors = predicted - y
    absolute, square = np.abs(errors).mean(axis=0), np.sqrt((errors**2).mean(axis=0))
    return {
        "r2": float(metrics.r2_score(y, predicted)) if len(y) > 1 else None,
        "mean_absolute_error": dict(zip(names, map(float, absolute), strict=True)),
        "root_mean_square_error": dict(zip(names, map(float, square), strict=True)),
    }


def calibration(labels: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each bin of the largest probability that has rows: how sure, how often right, how many rows."""
    p = np.asarray(probabilities, float)
    sure, right = p.max(axis=1), p.argmax(axis=1) == np.asarray(labels)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    there = counts > 0
    means = [np.bincount(bins, v, minlength=BINS)[there] / counts[there] for v in (sure, right)]
    return means[0], means[1], counts[there]


def calibration_error(labels: Any, probabilities: Any) -> float:
    """How far the stated probability is from the share of right answers, on average over rows."""
    sure, right, counts = calibration(labels, probabilities)
    return float(np.abs(sure - right) @ counts / counts.sum())


def _area(y: np.ndarray, p: np.ndarray, two: bool) -> float | None:
    from sklearn.metrics import roc_auc_score

    if len(np.unique(y)) < p.shape[1]:
        return None
    return float(roc_auc_score(y, p[:, 1]) if two else roc_auc_score(y, p, multi_class="ovr"))
