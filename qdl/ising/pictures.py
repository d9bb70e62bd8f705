"""Pictures of models of bits: rows as images, and likelihoods against time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def plot_images(
    rows: Any, shape: tuple[int, int], axes: Any = None, *, columns: int | None = None
) -> Any:
    """Rows of numbers as small images on a grid: samples, data, or the weights of hidden spins.

    Numbers in [0, 1] are grey, 1 black. If some are negative they are signed: blue below zero, red
    above, white at zero. ``-machine.couplings_.T`` are a restricted machine's weights so that red
    pulls a pixel up.

    Args:
        rows: ``(images, height * width)``.
        shape: height and width of an image.
        axes: matplotlib axes; None for a new figure.
        columns: images in a line; None for about a square.

    Returns:
        The axes.

    Raises:
        ValueError: rows that are no images of this shape.

    Example:
        >>> axes = plot_images(np.eye(4), (2, 2))
        >>> axes.images[0].get_array().shape
        (5, 5)
    """
    rows, (height, width) = np.asarray(rows, float), shape
    if rows.ndim != 2 or rows.shape[1] != height * width or not len(rows):
        raise ValueError(
            f"images of {height} x {width} are rows of {height * width} numbers, got shape {rows.shape}. "
            f"Pass (images, {height * width})."
        )
    columns = columns or int(np.ceil(np.sqrt(len(rows))))
    lines = -(-len(rows) // columns)
    # One pixel between two images, empty; one around them all is cut off again.
    grid = np.full((lines * (height + 1), columns * (width + 1)), np.nan)
    for k, row in enumerate(rows):
        top, left = (k // columns) * (height + 1), (k % columns) * (width + 1)
        grid[top : top + height, left : left + width] = row.reshape(shape)
    signed = rows.min() < 0
    size = np.abs(rows).max() or 1.0
    axes = _axes(axes, (1.1 * columns, 1.1 * lines))
    limits = {"cmap": "RdBu_r", "vmin": -size, "vmax": size} if signed else {}
    axes.imshow(grid[:-1, :-1], **(limits or {"cmap": "Greys", "vmin": 0, "vmax": max(size, 1.0)}))
    axes.set_facecolor("#c8c8c8" if signed else "#8fb0d8")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


def plot_log_likelihood(curves: Mapping[str, Any], axes: Any = None) -> Any:
    """Mean log-likelihood against time, its spread shaded.

    Args:
        curves: by name ``(seconds, values)`` or ``(seconds, values, spread)``; values of several
            runs, ``(runs, times)``, are shown as mean and standard deviation.
        axes: matplotlib axes; None for a new figure.

    Returns:
        The axes.

    Example:
        >>> axes = plot_log_likelihood({"CD-1": ([1, 2], [[-20.0, -19.0], [-21.0, -18.0]])})
        >>> axes.get_ylabel()
        'log-likelihood, nats a row'
    """
    axes = _axes(axes, (5.6, 3.8))
    for name, (seconds, values, *spread) in curves.items():
        values = np.asarray(values, float)
        if values.ndim == 2:
            spread, values = [values.std(axis=0, ddof=min(1, len(values) - 1))], values.mean(axis=0)
        (line,) = axes.plot(seconds, values, marker=".", label=name)
        if spread:
            low, high = values - spread[0], values + spread[0]
            axes.fill_between(seconds, low, high, color=line.get_color(), alpha=0.2, lw=0)
    axes.set(xlabel="seconds of training", ylabel="log-likelihood, nats a row")
    axes.legend(frameon=False, fontsize=8)
    return axes


def _axes(axes: Any, size: tuple[float, float]) -> Any:
    if axes is not None:
        return axes
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").subplots()
