"""The pictures of ``qdl ising``, after Figs. 2 to 5 of Zhang and Kamenev (2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .plots import COLOURS, KEY, panels

IMAGES = 4  # images whose states figure 2 shows one by one
MOST = 700  # points of figure 3: the cost is quadratic
STYLES = ("o-", "s-", "^-", "x:", "x--", "x-")


def states_of_images(found: Mapping[str, Any]) -> Any:
    """Fig. 2: the states of a few images in the plane, before and after training."""
    figure, axes = panels(1, len(found), (4 * len(found), 3.9))
    for ax, (name, seen) in zip(axes.flat, found.items(), strict=True):
        few = _part(seen, _one_of_each(seen.labels, IMAGES))
        points, labels = few.mds()
        for colour, label in zip(COLOURS, np.unique(few.labels), strict=True):
            mine = points[labels == label]
            ax.scatter(*mine.T, s=9, color=colour, alpha=0.5, label=f"an image of a {label}")
        _finish(ax, name, f"mean distance within an image {few.within_image:.1f}")
    axes[0, 0].legend(**KEY, loc="upper right")
    return figure


def states_of_classes(found: Mapping[str, Any]) -> Any:
    """Fig. 3: states of all test images in the plane, coloured by class."""
    from matplotlib import colormaps

    figure, axes = panels(1, len(found), (4 * len(found), 4.2))
    colours = colormaps["tab10"].colors  # pyright: ignore[reportAttributeAccessIssue]
    for ax, (name, seen) in zip(axes.flat, found.items(), strict=True):
        points, labels = seen.mds(max_points=MOST)
        for label in np.unique(labels):
            mine = points[labels == label]
            ax.scatter(*mine.T, s=7, color=colours[label % 10], alpha=0.7, label=str(label))
        _finish(
            ax, name, f"distance {seen.same_class:.0f} in a class, {seen.other_class:.0f} between"
        )
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, **KEY, loc="outside lower center", ncols=10, markerscale=2)
    return figure


def first_epoch(
    reads: Sequence[int], errors: Sequence[Mapping[str, Sequence[float]]], rate: float
) -> Any:
    """Fig. 4: the online error of the first epoch against the number of reads."""
    figure, axes = panels(1, 1, (5.4, 3.8))
    ax = axes[0, 0]
    names = {"forward": "forward reads", "mixed": "from wrong classes, a tenth forward"}
    for colour, (kind, name) in zip(COLOURS, names.items(), strict=False):
        rows = np.array([each[kind] for each in errors])
        ax.errorbar(
            reads, rows.mean(axis=0), rows.std(axis=0, ddof=1) if len(rows) > 1 else None,
            fmt="o-", color=colour, capsize=3, markersize=5, label=name,
        )  # fmt: skip
    ax.set(xlabel="reads per image", ylabel="online error of epoch 1")
    ax.set_title(f"Learning rate {rate:g}, {_seeds(errors)}", loc="left")
    ax.set_xticks(reads, [str(m) for m in reads])
    ax.legend(**KEY)
    return figure


def training_errors(every: Sequence[Sequence[Any]]) -> Any:
    """Fig. 5: the online error against the epoch, both logarithmic."""
    figure, axes = panels(1, 1, (7.6, 4.4))
    ax = axes[0, 0]
    colours = (*COLOURS[:2], COLOURS[3], "#7a7a7a", "#7a7a7a", "#7a7a7a")
    for colour, style, same in zip(colours, STYLES, zip(*every, strict=True), strict=True):
        error = np.mean([method.online_error for method in same], axis=0)
        epochs = np.arange(1, len(error) + 1)
        label = f"{same[0].name}, rate {same[0].learning_rate:g}"
        shown = error > 0  # zero has no place on a logarithmic axis
        ax.plot(epochs[shown], error[shown], style, color=colour, markersize=4, label=label)
    ax.set(xscale="log", yscale="log", xlabel="epoch", ylabel="online training error")
    last = len(every[0][0].online_error)
    ticks = [t for t in (1, 2, 3, 5, 8, 13, 20, 30, 50, 100) if t <= last]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set_title(f"784-120-40, {_seeds(every)}", loc="left")
    ax.legend(**KEY, loc="lower left")
    return figure


def _seeds(rows: Sequence[Any]) -> str:
    return f"{len(rows)} seed{'s' if len(rows) > 1 else ''}"


def _finish(ax: Any, title: str, below: str) -> None:
    ax.set_title(title, loc="left")
    ax.set(xlabel=below, xticks=[], yticks=[])
    ax.set_aspect("equal", "datalim")


def _one_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """The first image of each of the first classes."""
    return np.array([np.flatnonzero(labels == c)[0] for c in np.unique(labels)[:count]])


def _part(seen: Any, images: np.ndarray) -> Any:
    """The landscape of some of its images."""
    from dataclasses import replace

    from ..ising.landscape import distances

    spins, labels = seen.spins[images], seen.labels[images]
    return replace(seen, spins=spins, labels=labels, within_image=distances(spins, labels)[0])
