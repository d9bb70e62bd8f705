"""The picture of a training."""

from __future__ import annotations

from typing import Any

import numpy as np

WINDOW = 21  # steps in the running mean of noisy curves
BLUE, ORANGE = "#3b6fb6", "#d1663a"


def smooth(values: Any) -> np.ndarray:
    """The running mean over ``WINDOW`` values around each one, over fewer at the ends."""
    values = np.asarray(values, float)
    total = np.cumsum(np.insert(values, 0, 0.0))
    position = np.arange(len(values))
    first = np.maximum(position - WINDOW // 2, 0)
    last = np.minimum(position + WINDOW // 2 + 1, len(values))
    return (total[last] - total[first]) / (last - first)


def draw_fit(fit: Any, axes: Any) -> Any:
    """See ``Fit.plot``."""
    if axes is None:
        from matplotlib.figure import Figure

        axes = Figure(figsize=(5.4, 3.8), layout="constrained").subplots()
        axes.spines[["top", "right"]].set_visible(False)
    losses, steps = fit.history["loss"], np.arange(1, len(fit.history["loss"]) + 1)
    noisy = len(losses) > WINDOW
    axes.plot(steps, losses, color=BLUE, alpha=0.3 if noisy else 1.0, linewidth=0.8, label="loss")
    if noisy:
        label = f"running mean over {WINDOW} steps"
        axes.plot(steps, smooth(losses), color=BLUE, linewidth=1.6, label=label)
    if len(fit.history["val_step"]):
        held = fit.history["val_step"], fit.history["val_loss"]
        axes.plot(*held, ".:", color=ORANGE, linewidth=1, markersize=5, label="validation")
    if fit.step < len(losses):
        label = f"parameters of step {fit.step}"
        axes.axvline(fit.step, color="black", linewidth=0.8, linestyle="--", label=label)
    axes.set(xlabel="step", ylabel="loss")
    axes.margins(x=0.01)
    axes.legend(fontsize=8.5, frameon=False)
    return axes
