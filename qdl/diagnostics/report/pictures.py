"""The pictures of the page: each function draws on axes that it is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..result.variance import shots

BLUE, ORANGE, GREY = "#3b6fb6", "#d1663a", "#7a7a7a"
LEGEND: dict[str, Any] = {"fontsize": 8.5, "framealpha": 1.0, "edgecolor": "none"}
FLOOR = 1e-12  # what is drawn for a number that vanishes on a logarithmic axis: nothing below this


def gradients(axes: Any, row: Any) -> None:
    """The variance of each component with its interval; arrows down where nothing was hit."""
    index = np.arange(len(row.variance))
    seen = (row.variance > 0) & ~row.certified_zero
    v = row.variance[seen]
    spread = np.abs([v - np.minimum(row.low[seen], v), row.high[seen] - v])
    spread[0] = np.minimum(spread[0], v * (1 - 1e-3))  # a bar to zero has no end on this axis
    axes.errorbar(index[seen], v, spread, fmt="o", color=BLUE, markersize=3.5, capsize=2, lw=1)
    unseen = ~seen & ~row.certified_zero & (row.high > 0)
    if unseen.any():
        axes.plot(
            index[unseen], row.high[unseen], "v", color=BLUE, fillstyle="none", label="at most"
        )
    if row.median > 0:
        label = f"median {row.median:.2g}"
        if np.isfinite(row.shots_needed):
            label += f": {shots(row.shots_needed)} shots for signal-to-noise 1"
        axes.axhline(row.median, color=ORANGE, lw=1, label=label)
    whole_decades(axes, [*v, *row.high[seen], *row.high[unseen]])
    zeros = int(row.certified_zero.sum())
    beside = f" ({zeros} certified zero, not drawn)" if zeros else ""
    axes.set(xlabel=f"parameter{beside}", ylabel="variance of its derivative")
    axes.xaxis.get_major_locator().set_params(integer=True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**LEGEND)


def alternatives(axes: Any, rows: dict[str, Any]) -> None:
    """The squared norm of the gradient of each variant as a bar."""
    names = list(rows)
    norms = np.array([row.squared_norm for row in rows.values()])
    drawn = np.maximum(norms, FLOOR)
    colours = [ORANGE if name == "as it is" else BLUE for name in names]
    axes.barh(range(len(names)), drawn, color=colours, height=0.6)
    for i, norm in enumerate(norms):
        axes.text(drawn[i] * 1.1, i, f"{norm:.2g}", va="center", fontsize=8.5)
    axes.set_xscale("log")
    low = drawn[norms > 0].min(initial=1.0)
    axes.set_xlim(low / 3, max(norms.max(initial=0.0) * 4, low * 10))
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.invert_yaxis()
    axes.set(xlabel="expected squared norm of the gradient")


def fidelities(axes: Any, found: Any) -> None:
    """The histogram of fidelities and Haar's."""
    bins = len(found.counts)
    edges = np.linspace(0, 1, bins + 1)
    total = found.counts.sum()
    axes.stairs(found.counts / total, edges, fill=True, color=BLUE, alpha=0.6, label="this circuit")
    axes.stairs(found.haar, edges, color=ORANGE, lw=1.4, label="Haar-random states")
    axes.set_yscale("log")
    axes.set_ylim(0.5 / total, 2)
    shown = np.flatnonzero((found.counts > 0) | (found.haar * total > 0.5)).max() + 3
    axes.set(xlabel="fidelity of two random states", ylabel="share of pairs")
    axes.set_xlim(0, min(shown / bins, 1))
    axes.legend(**LEGEND)


def spectrum(axes: Any, found: Any) -> None:
    """Eigenvalues in falling order: the median over the draws, and their range."""
    top = found.eigenvalues.max()
    values = np.maximum(found.eigenvalues, top * FLOOR)[:, : max(found.rank, 1)]
    index = np.arange(1, values.shape[1] + 1)
    low, middle, high = values.min(axis=0), np.median(values, axis=0), values.max(axis=0)
    axes.errorbar(
        index, middle, [middle - low, high - middle], fmt="o", color=BLUE, ecolor="#a9c0e0",
        markersize=3, label="median and range over starts",
    )  # fmt: skip
    whole_decades(axes, [*low, *high])
    axes.set_xlim(0.5, len(index) + 0.5)
    p = found.eigenvalues.shape[1]
    axes.set(xlabel=f"eigenvalue, of {p}; {p - found.rank} vanish", ylabel="Fisher information")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(**LEGEND)


def truncation(axes: Any, found: Any) -> None:
    """What is lost by dropping words on more than k wires, as a share of the second moment."""
    share = found.error / found.second_moment
    seen = share > 0
    k = np.arange(len(share))
    axes.errorbar(
        k[seen], share[seen], found.standard_error[seen] / found.second_moment,
        fmt="o-", color=BLUE, markersize=4, capsize=2,
    )  # fmt: skip
    axes.axhline(0.01, color=GREY, lw=0.8, ls=":")
    whole_decades(axes, share[seen])
    axes.set(xlabel="words kept: on at most k wires", ylabel="mean square error / E C²")
    axes.xaxis.get_major_locator().set_params(integer=True)


def whole_decades(axes: Any, values: Any) -> None:
    """A logarithmic y axis from one power of ten to another, so that ticks are never crowded."""
    values = np.concatenate([*map(np.ravel, values), []])
    values = values[values > FLOOR] if (values > FLOOR).any() else np.ones(1)
    low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
    axes.set_yscale("log")
    axes.set_ylim(10.0**low / 1.5, 10.0 ** max(high, low + 1) * 1.5)  # room for marks on the edge
