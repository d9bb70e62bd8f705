"""The picture of a sweep: points with intervals, and arrows down where nothing was resolved."""

from __future__ import annotations

from typing import Any

import numpy as np

RESOLVED = (
    0.5  # a point is drawn as an upper bound if its interval reaches below this part of it...
)
EMPTY = 1e-3  # ...and so far that the lower end is below this part of the upper end


def draw_sweep(sweep: Any, axes: Any, label: str | None, colour: str | None) -> Any:
    """See ``Sweep.plot``."""
    if axes is None:
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
    first = "wires" if sweep.axis == "n_wires" else "depth"
    axes.set(xlabel=first, ylabel=sweep.subject)
    return axes


def unresolved(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where only the upper end of the interval says something."""
    return (high > 0) & ((value <= 0) | ((low < RESOLVED * value) & (low < EMPTY * high)))
