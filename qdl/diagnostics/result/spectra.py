"""The pictures of spectra: of a model over its features, of its Fisher information."""

from __future__ import annotations

from typing import Any

import numpy as np

BLUE, DARK = "#3b6fb6", "#1d3557"
BINS = 20


def draw_spectrum(spectrum: Any, axes: Any, value: int) -> Any:
    """See ``FourierSpectrum.plot``."""
    n_features = 1 if spectrum.frequencies.ndim == 1 else spectrum.frequencies.shape[1]
    if n_features > 2:
        raise ValueError(
            f"a spectrum of one or two features can be drawn, this one has {n_features}. Look at "
            "frequencies and amplitudes."
        )
    k = spectrum.coefficients.shape[2]
    if not 0 <= value < k:
        raise ValueError(f"value must lie in 0 .. {k - 1}, got {value}.")
    axes = _axes(axes)
    amplitudes = spectrum.amplitudes[:, :, value]
    if n_features == 1:
        _boxes(axes, spectrum.frequencies, amplitudes)
    else:
        _plane(axes, spectrum.frequencies, amplitudes.mean(axis=0))
    return axes


def draw_fisher(spectrum: Any, axes: Any, label: str | None) -> Any:
    """See ``FisherSpectrum.plot``."""
    axes = _axes(axes)
    values = spectrum.eigenvalues
    relative = (values / values.mean() if values.any() else values).ravel()
    rank = f"rank {spectrum.rank} of {values.shape[1]}"
    axes.hist(
        relative, bins=BINS, range=(0, max(relative.max(), 1)), histtype="stepfilled", alpha=0.5,
        weights=np.full(relative.size, 1 / relative.size), label=f"{label}: {rank}" if label else rank,
    )  # fmt: skip
    axes.set_yscale("log")
    axes.set(xlabel="eigenvalue / mean", ylabel=f"share, {spectrum.kind} Fisher information")
    axes.legend(fontsize=8.5, frameon=False)
    return axes


def _axes(axes: Any) -> Any:
    if axes is None:
        from matplotlib.figure import Figure

        axes = Figure(figsize=(5.4, 3.8), layout="constrained").subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _boxes(axes: Any, frequencies: np.ndarray, amplitudes: np.ndarray) -> None:
    shown = frequencies >= -1e-12
    at = frequencies[shown]
    gap = np.diff(at).min() if len(at) > 1 else 1.0
    if len(amplitudes) > 1:
        axes.boxplot(
            amplitudes[:, shown], positions=at, widths=0.5 * gap, whis=(0, 100), manage_ticks=False,
            patch_artist=True, boxprops={"facecolor": BLUE, "alpha": 0.5, "edgecolor": DARK},
            medianprops={"color": DARK, "linewidth": 1.4},
        )  # fmt: skip
    else:
        axes.vlines(at, 0, amplitudes[0, shown], color=BLUE, linewidth=2)
        axes.plot(at, amplitudes[0, shown], "o", color=DARK, markersize=4)
    if len(at) <= 16:
        axes.set_xticks(at, [f"{frequency:.3g}" for frequency in at])
    axes.set(xlabel=r"frequency $\omega$", ylabel=r"amplitude $|c_\omega|$")
    axes.set_xlim(at[0] - 0.8 * gap, at[-1] + 0.8 * gap)
    axes.set_ylim(bottom=0)


def _plane(axes: Any, frequencies: np.ndarray, mean: np.ndarray) -> None:
    gaps = [np.diff(np.unique(np.round(column, 9))) for column in frequencies.T]
    width, height = (gap.min() if len(gap) else 1.0 for gap in gaps)
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    cells = [
        Rectangle((x - width / 2, y - height / 2), width, height) for x, y in frequencies.tolist()
    ]
    drawn = PatchCollection(cells, cmap="Blues", edgecolor="white", linewidth=0.5)
    drawn.set_array(mean)
    drawn.set_clim(0.0, float(mean.max()))
    axes.add_collection(drawn)
    every = [np.unique(np.round(column, 9)) for column in frequencies.T]
    if max(map(len, every)) <= 9:
        axes.set_xticks(every[0], [f"{frequency:.3g}" for frequency in every[0]])
        axes.set_yticks(every[1], [f"{frequency:.3g}" for frequency in every[1]])
    axes.set_xlim(frequencies[:, 0].min() - width, frequencies[:, 0].max() + width)
    axes.set_ylim(frequencies[:, 1].min() - height, frequencies[:, 1].max() + height)
    axes.set(xlabel=r"frequency of $x_0$", ylabel=r"frequency of $x_1$", aspect="equal")
    axes.figure.colorbar(drawn, ax=axes, label=r"mean amplitude $|c_\omega|$")
