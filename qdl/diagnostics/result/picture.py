"""The picture of a sweep: points with intervals, and arrows down where nothing was resolved."""

from __future__ import annotations

from typing import Any

import numpy as np

RESOLVED = (
    0.5  # a point is drawn as an upper bound if its interval reaches below this part of it...
)
LAWS = ("exponential", "polynomial")  # whose rate is that of a line
EMPTY = 1e-3  # ...and so far that the lower end is below this part of the upper end


def draw_sweep(sweep: Any, axes: Any, label: str | None, colour: str | None) -> Any:
    """See ``Sweep.plot``."""
    own = axes is None
    if own:
        from matplotlib.figure import Figure

        axes = Figure(figsize=(5.4, 3.8), layout="constrained").subplots()
    follow, sizes = sweep.followed(), np.array(sweep.sizes)
    value, low, high = follow["value"], follow["low"], follow["high"]
    points_of = sweep.points(sweep.parameter)
    bound = unresolved(value, low, high) | np.array([p.censored and p.high > 0 for p in points_of])
    known = ~bound & (value > 0)
    spread = [value[known] - np.minimum(low, value)[known], high[known] - value[known]]
    points = axes.errorbar(
        sizes[known], value[known], np.abs(spread), fmt="o-", color=colour, capsize=3,
        markersize=4, label=label,
    )  # fmt: skip
    if bound.any():
        shade = points[0].get_color()
        axes.plot(sizes[bound], high[bound], "v", color=shade, fillstyle="none", linestyle="none")
    shaded = [(p.size, p.limit) for p in points_of if p.limit]
    axes.set_yscale("log")
    if shaded:
        where, limits = zip(*shaded, strict=True)
        seen = axes.dataLim.frozen()
        axes.fill_between(
            where, 1e-9 * min(limits), limits, color="0.5", alpha=0.15, lw=0, zorder=0
        )
        # The band goes on below what is shown: its upper edge alone makes room.
        axes.dataLim.set(seen)
        axes.update_datalim(shaded)
        axes.autoscale_view()
    if known.any():
        words = _law(axes, sweep, sizes[known], value[known], points[0].get_color())
        if "$" in words:
            points[0].set_linestyle("none")  # the law's own line is enough
        points.set_label(words if label is None else f"{label}: {words}")
        if own:
            axes.legend(fontsize=8.5, frameon=False)
    first = "wires" if sweep.axis == "n_wires" else "depth"
    axes.set(xlabel=first, ylabel=sweep.subject)
    _label_ticks(axes)
    return axes


def _label_ticks(axes: Any) -> None:
    """Whole numbers to the right, and numbers up the side where there is no whole decade."""
    from matplotlib.ticker import LogFormatterSciNotation

    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(1, 0.6)))


def _law(axes: Any, sweep: Any, sizes: np.ndarray, value: np.ndarray, colour: Any) -> str:
    """Draw the law of the verdict through the points, and give its words."""
    verdict, letter = sweep.verdict, "n" if sweep.axis == "n_wires" else "d"
    if verdict.rate is None or verdict.kind not in LAWS or len(sizes) < 2:
        return verdict.kind
    fine = np.linspace(sizes.min(), sizes.max(), 100)
    if verdict.kind == "polynomial":
        shapes, words = (
            (s**-verdict.rate for s in (sizes, fine)),
            f"{letter}^{{-{verdict.rate:.2f}}}",
        )
    else:
        shapes = (2.0 ** (verdict.rate * s) for s in (sizes, fine))
        words = f"2^{{{verdict.rate:.2f}\\,{letter}}}"
    at, line = shapes
    height = np.exp(np.mean(np.log(value) - np.log(at)))
    axes.plot(fine, height * line, "--", color=colour, linewidth=1, alpha=0.8)
    return f"{verdict.kind}, ${words}$"


def draw_expressivity(sweep: Any, axes: Any) -> Any:
    """See ``ExpressivitySweep.plot``."""
    if axes is None:
        from matplotlib.figure import Figure

        axes = Figure(figsize=(5.4, 3.8), layout="constrained").subplots()
    right = axes.twinx()
    sides = (
        (axes, "#3b6fb6", sweep.expressibility, "haar_bias", "divergence from Haar, D"),
        (right, "#d1663a", sweep.entangling, "haar", "entangling capability, Q"),
    )
    for side, colour, rows, haar, label in sides:
        values, errors = ([getattr(r, n) for r in rows] for n in ("value", "standard_error"))
        side.errorbar(
            sweep.depths,
            values,
            errors,
            fmt="o-",
            color=colour,
            markersize=4,
            capsize=3,
            linewidth=1.2,
        )
        side.axhline(getattr(rows[0], haar), color=colour, linestyle=":", linewidth=1)
        side.set_ylabel(label, color=colour)
        side.tick_params(axis="y", which="both", colors=colour)
        side.spines["top"].set_visible(False)
    axes.set_yscale("log")
    right.set_ylim(0, 1)
    axes.set(xlabel="depth; dotted: Haar-random states")
    _label_ticks(axes)
    return axes


def unresolved(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where only the upper end of the interval says something."""
    return (high > 0) & ((value <= 0) | ((low < RESOLVED * value) & (low < EMPTY * high)))
