"""The pictures of a run: each function draws on axes that it is given; ``save`` writes the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..training.picture import smooth

COLOURS = ("#3b6fb6", "#d1663a", "#7a7a7a", "#4f9d69")  # blue, orange, grey, green
KEY: dict[str, Any] = {
    "fontsize": 8.5,
    "framealpha": 1.0,
    "edgecolor": "none",
}  # legends: small, on white


def panels(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Any, Any]:
    """A figure with a grid of axes: ``(figure, array of axes)``."""
    from matplotlib.figure import Figure

    # A Figure of its own, not pyplot's: no window, no global state, nothing to close.
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for each in axes.flat:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Any, path: Path) -> None:
    """Write a picture of the kind that the name ends in; in PDF and SVG text stays text."""
    import matplotlib

    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure.savefig(path, dpi=130, facecolor="white")


def losses(axes: Any, histories: Mapping[str, Mapping[str, Any]]) -> None:
    """Loss against step: minibatches thin, their running mean thick, the test part dotted."""
    for colour, (name, history) in zip(COLOURS, histories.items(), strict=False):
        step = np.arange(1, len(history["loss"]) + 1)
        axes.plot(step, history["loss"], color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(step, smooth(history["loss"]), color=colour, label=f"{name}, training")
        axes.plot(
            history["val_step"], history["val_loss"],
            ".:", color=colour, linewidth=1, markersize=4, label=f"{name}, test",
        )  # fmt: skip
    axes.set(xlabel="step", ylabel="cross entropy")
    axes.set_title("Training", loc="left")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.legend(**KEY)


def several(axes: Any, histories: Sequence[Mapping[str, Any]]) -> None:
    """The losses of several seeds: each thin, their mean thick, the test part dotted."""
    losses = np.stack([smooth(history["loss"]) for history in histories])
    step = np.arange(1, losses.shape[1] + 1)
    axes.plot(step, losses.T, color=COLOURS[0], alpha=0.3, linewidth=0.7)
    axes.plot(step, losses.mean(axis=0), color=COLOURS[0], label="training, mean")
    held = np.stack([history["val_loss"] for history in histories])
    at, (mean, spread) = histories[0]["val_step"], (held.mean(axis=0), held.std(axis=0, ddof=1))
    axes.plot(at, mean, ".:", color=COLOURS[1], label="test, mean and spread")
    axes.fill_between(at, mean - spread, mean + spread, color=COLOURS[1], alpha=0.2, linewidth=0)
    axes.set(xlabel="step")
    axes.set_title(f"Training, {len(histories)} seeds", loc="left")
    axes.margins(x=0.01)
    axes.legend(**KEY)


def dots(axes: Any, rows: Mapping[str, Sequence[float | None]], title: str) -> None:
    """A dot a seed, a bar for the mean, a line for a standard deviation to both sides."""
    for height, values in enumerate(rows.values()):
        there = np.array([v for v in values if v is not None])
        axes.plot(there, np.full(len(there), height), "o", color=COLOURS[0], alpha=0.35)
        if len(there) > 1:
            axes.errorbar(
                there.mean(),
                height,
                xerr=there.std(ddof=1),
                fmt="|",
                color="black",
                capsize=3,
                markersize=16,
            )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(title, loc="left")


def gradient_norms(axes: Any, histories: Mapping[str, Mapping[str, Any]]) -> None:
    """The gradient's norm against step, on a logarithmic scale."""
    from ..diagnostics.report.pictures import whole_decades

    for colour, (name, history) in zip(COLOURS, histories.items(), strict=False):
        norm = np.maximum(history["grad_norm"], 1e-12)
        step = np.arange(1, len(norm) + 1)
        axes.plot(step, norm, color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(step, np.exp(smooth(np.log(norm))), color=colour, label=name)
    whole_decades(axes, [h["grad_norm"] for h in histories.values()])
    axes.set(xlabel="step", ylabel="norm of the gradient")
    axes.set_title("Gradient", loc="left")
    axes.margins(x=0.01)
    axes.legend(**KEY)


def decisions(
    axes: Any, labels: Any, p: Any, title: str, names: Sequence[str] = ("0", "1")
) -> None:
    """Histograms of the predicted probability of class 1, one for each true class."""
    p, labels = np.asarray(p, float), np.asarray(labels)
    edges = np.linspace(0, 1, 21)
    for label, colour in ((0, "#8064a2"), (1, "#e0a526")):
        axes.hist(p[labels == label], edges, color=colour, alpha=0.75, label=f"digit {label}")
    axes.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    wrong = int(np.sum((p > 0.5) != labels))
    axes.set_title(f"{title}: {wrong} of {len(p)} wrong", loc="left")
    axes.set(xlim=(0, 1))
    axes.yaxis.get_major_locator().set_params(integer=True)


def confusion(axes: Any, counts: Any, names: Sequence[str]) -> None:
    """Counts of (true class, predicted class)."""
    counts = np.asarray(counts)
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=max(counts.max(), 1) * 1.2)
    for (i, j), count in np.ndenumerate(counts):
        shade = "white" if count > 0.6 * counts.max() else "#333333"
        axes.text(j, i, str(count), ha="center", va="center", color=shade)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    right = int(np.trace(counts))
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(f"Test: {right} of {counts.sum()} right", loc="left")


def numbers(axes: Any, y: Any, predicted: Any, names: Sequence[str]) -> None:
    """Predicted against true numbers, and where both are equal."""
    y, predicted = np.asarray(y), np.asarray(predicted)
    for colour, name, true, guess in zip(COLOURS * 9, names, y.T, predicted.T, strict=False):
        axes.plot(true, guess, "o", color=colour, markersize=4, alpha=0.6, label=name)
    ends = [min(y.min(), predicted.min()), max(y.max(), predicted.max())]
    axes.plot(ends, ends, ":", color="black", linewidth=0.8)
    axes.set(xlabel="true", ylabel="predicted")
    axes.set_title("Test", loc="left")
    if len(names) > 1:
        axes.legend(**KEY)


def roc(axes: Any, y: Any, p: Any, positive: str) -> None:
    """True against false positives as the threshold falls, with the area below."""
    from sklearn.metrics import roc_auc_score, roc_curve

    false, true, _ = roc_curve(y, p)
    axes.plot(false, true, color=COLOURS[0], linewidth=1.8, drawstyle="steps-post")
    axes.plot([0, 1], [0, 1], ":", color="black", linewidth=0.8)
    axes.set(xlabel="false positives", ylabel=f"true positives ({positive})")
    axes.set_title(f"ROC: area {roc_auc_score(y, p):.3f}", loc="left")
    axes.set_aspect("equal")


def calibration(axes: Any, y: Any, probabilities: Any) -> None:
    """How often the most probable class is right against its probability; the size of a dot is its rows."""
    from ..measures import calibration as binned
    from ..measures import calibration_error

    sure, right, counts = binned(y, probabilities)
    axes.plot([0, 1], [0, 1], ":", color="black", linewidth=0.8)
    axes.plot(sure, right, color=COLOURS[1], linewidth=1)
    axes.scatter(sure, right, 15 + 250 * counts / counts.sum(), color=COLOURS[1])
    axes.set(xlim=(0, 1.04), ylim=(0, 1.04))
    axes.set(xlabel="probability of the predicted class", ylabel="share that is right")
    axes.set_title(f"Calibration: error {calibration_error(y, probabilities):.3f}", loc="left")
    axes.set_aspect("equal")


def importance(axes: Any, names: Sequence[str], lost: Any, what: str) -> None:
    """What is lost when a column is shuffled: a bar for the mean, a line for the standard deviation."""
    lost = np.asarray(lost)
    heights = range(len(names))
    axes.barh(heights, lost.mean(axis=1), xerr=lost.std(axis=1), color=COLOURS[0], alpha=0.8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(heights, [name if len(name) <= 24 else f"{name[:23]}\u2026" for name in names])
    axes.invert_yaxis()
    axes.set(xlabel=f"{what} lost when it is shuffled")
    axes.set_title("Columns", loc="left")


def variances(axes: Any, sweeps: Mapping[str, Any]) -> None:
    """What the sweeps follow against width with its intervals, on a logarithmic scale."""
    from ..diagnostics.report.pictures import whole_decades

    for colour, (name, sweep) in zip(COLOURS, sweeps.items(), strict=False):
        sweep.plot(axes, label=name, colour=colour)
    followed = [sweep.followed() for sweep in sweeps.values()]
    whole_decades(axes, [f[end][f["value"] > 0] for f in followed for end in ("low", "high")])
    widths = sorted({n for sweep in sweeps.values() for n in sweep.n_wires})
    axes.set_xticks(widths, [str(n) for n in widths])
    axes.set(xlabel="wires", ylabel=next(iter(sweeps.values())).subject)
    axes.set_title("Gradient over random starts", loc="left")
    axes.legend(**KEY)


def circuit(model: Any, params: Any, x: Any, path: Path) -> None:
    """The circuit as PennyLane draws it, by ``draw_mpl``."""
    import pennylane as qp
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)  # draw_mpl measures text before anything is saved
    node = model.qnode(qp.device("default.qubit", wires=model.n_wires))
    qp.draw_mpl(node, style="pennylane", fig=figure, level="top")(params, x)
    figure.savefig(path, dpi=60, facecolor="white", bbox_inches="tight")
