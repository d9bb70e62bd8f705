"""The pictures of a training: its curves, its figures on the test part, and how seeds differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import plots
from .importance import figure_of
from .problem import Problem
from .trained import Trained, nobody, predict


def figures_of(trained: Trained, problem: Problem, path: Path) -> None:
    """ROC, calibration and the importance of the columns, on the test part."""
    preparation, target = problem.preparation, problem.target
    if preparation is None:
        return

    def predicted(frame: Any) -> np.ndarray:
        X = preparation.transform(frame, "", nobody)
        return predict(trained.model, trained.fit.params, X, target)

    held = problem.held[list(preparation.columns)]
    figure_of(predicted, held, problem.data.y_test, trained.predicted, target, path)


def curves_of(trained: Trained, problem: Problem, path: Path) -> None:
    """Loss, gradient, and the confusion matrix or predicted against true numbers."""
    figure, axes = plots.panels(1, 3, (13, 3.8), width_ratios=(4, 4, 3))
    histories = {trained.name: trained.fit.history}
    plots.losses(axes[0, 0], histories)
    plots.gradient_norms(axes[0, 1], histories)
    if problem.classes is None:
        axes[0, 0].set_ylabel("mean squared error")
        y = problem.target.unscaled(problem.data.y_test)
        plots.numbers(axes[0, 2], y, trained.predicted, problem.target.names)
    else:
        plots.confusion(axes[0, 2], trained.figures["confusion"], problem.classes)
    plots.save(figure, path)


def spread_of(trained: Sequence[Trained], problem: Problem, path: Path) -> None:
    """The curves of all seeds, and the figures of each with mean and standard deviation."""
    figure, axes = plots.panels(1, 2, (10, 3.8))
    plots.several(axes[0, 0], [each.fit.history for each in trained])
    axes[0, 0].set_ylabel("mean squared error" if problem.classes is None else "cross entropy")
    names = ("r2",) if problem.classes is None else ("accuracy", "balanced_accuracy", "f1", "auc")
    rows = {name.replace("_", " "): [each.figures[name] for each in trained] for name in names}
    plots.dots(axes[0, 1], rows, f"test part, {len(trained)} seeds")
    plots.save(figure, path)
