"""The picture of a loss landscape."""

from __future__ import annotations

from typing import Any

import numpy as np

LEVELS = 24


def draw_landscape(landscape: Any, axes: Any) -> Any:
    """See ``LossLandscape.plot``."""
    if axes is None:
        from matplotlib.figure import Figure

        axes = Figure(figsize=(5.4, 4.2), layout="constrained").subplots()
    values = np.ma.masked_invalid(landscape.values.T)
    drawn = axes.contourf(landscape.a, landscape.b, values, LEVELS, cmap="Blues_r")
    drawn.set_edgecolor("face")  # no white seams in a PDF
    axes.contour(
        landscape.a, landscape.b, values, LEVELS // 3, colors="white", linewidths=0.5, alpha=0.6
    )
    axes.figure.colorbar(drawn, ax=axes, label="loss")
    if landscape.path is not None:
        axes.plot(*landscape.path.T, ".-", color="#d1663a", linewidth=1.2, markersize=4)
        axes.plot(*landscape.path[0], "o", color="#d1663a", markersize=7, label="start of the path")
    axes.plot(0, 0, "k+", markersize=11, markeredgewidth=1.6, linestyle="none", label="parameters")
    axes.legend(fontsize=8.5, framealpha=0.9, edgecolor="none")
    axes.locator_params(nbins=6)
    axes.set(xlabel=_label(landscape, 0), ylabel=_label(landscape, 1))
    return axes


def _label(landscape: Any, i: int) -> str:
    if landscape.shares is not None:
        return f"principal component {i + 1} ({landscape.shares[i]:.0%} of the path)"
    if landscape.curvatures is not None:
        return f"eigenvector {i + 1} (curvature {landscape.curvatures[i]:.3g})"
    return f"random direction {i + 1}"
