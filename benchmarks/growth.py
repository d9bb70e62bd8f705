"""Step time and first call against wires, depth and batch, as one picture."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .engines import TITLES, installed
from .measure import Options, say
from .workloads import Workload

PICTURE = Path(__file__).resolve().parent / "growth.png"
SERIES = {
    "wires (4 layers, batch 16)": {n: Workload("A", n, 4, 16) for n in range(2, 17, 2)},
    "layers (8 wires, batch 64)": {d: Workload("A", 8, d, 64) for d in (1, 2, 4, 8, 16, 32, 64)},
    "batch (8 wires, 4 layers)": {b: Workload("A", 8, 4, b) for b in (1, 4, 16, 64, 256, 1024)},
}
_COLORS = {"qdl": "#1b6ca8", "pennylane": "#c8553d"}

Points = list[tuple[int, float, float]]  # size, step in ms, first call in s


def measure(options: Options, series: Any = None) -> dict[str, dict[str, Points]]:
    """``{series: {engine: points}}``; a peer's series ends where a first call passes the cap."""
    found: dict[str, dict[str, Points]] = {}
    for title, workloads in (series or SERIES).items():
        engines = ("qdl", *(name for name in ("pennylane",) if name in options.peers))
        found[title] = {n: _points(n, workloads, options) for n in engines if installed(n)}
    return found


def _points(engine: str, workloads: dict[int, Workload], options: Options) -> Points:
    points: Points = []
    with options.process(engine) as process, TemporaryDirectory() as folder:
        for size, workload in workloads.items():
            first = process.ask(
                "start", options.cap, workload=str(workload), gradients=f"{folder}/gradients.npy"
            )
            step = first if "error" in first else process.ask("round", seconds=options.seconds)
            say(f"  {engine} {workload}: {step.get('error') or step['median_ms']}")
            if "error" in step:
                break
            points.append((size, step["median_ms"], first["first_s"]))
    return points


def draw(found: dict[str, dict[str, Points]], path: Path = PICTURE) -> None:
    """Write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(found), figsize=(11, 6), sharey="row", squeeze=False)
    for column, (title, engines) in enumerate(found.items()):
        for row, axis in enumerate(axes[:, column]):
            for name, points in engines.items():
                sizes, values = [p[0] for p in points], [p[row + 1] for p in points]
                axis.plot(sizes, values, "o-", color=_COLORS[name], label=TITLES[name])
            sizes = sorted({point[0] for points in engines.values() for point in points})
            _scale(axis, sizes, doubling=not title.startswith("wires"))
        axes[1, column].set_xlabel(title)
    axes[0, 0].set_ylabel("one step, ms")
    axes[1, 0].set_ylabel("first call, s")
    axes[0, 0].legend(frameon=False)
    figure.suptitle("Loss and gradient of workload A, one thread, complex64")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _scale(axis: Any, sizes: list[int], doubling: bool) -> None:
    """Plain numbers on logarithmic axes; wires are equally spaced, each doubles the state."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if doubling:
        axis.set_xscale("log", base=2)
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)
