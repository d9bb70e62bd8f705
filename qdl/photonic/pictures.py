"""Pictures of photonic states: Wigner functions, photon numbers, wavefunctions."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import check_number
from ..modes.elements import displacement, wavefunctions
from ..readout import as_wires
from ..refused import Refused

BLUE, ORANGE, GREY = "#3b6fb6", "#d1663a", "#7a7a7a"


def plot_wigner(
    model: Any, params: Any, x: Any = None, *, mode: int = 0, extent: float = 5.0, ax: Any = None
) -> Any:
    r"""The Wigner function of one mode, $W(x, p) = \frac{1}{2\pi} \mathrm{Tr}[\rho\, D(x + ip)\, (-1)^n]$.

    Blue is positive and orange negative, which no classical mixture of coherent states is. It integrates
    to 1 over x and p (hbar = 2, vacuum variance 1).

    Args:
        model: a photonic QNN on ``fock(cutoff)``.
        params: its parameters.
        x: one sample ``(n_features,)``, or None.
        mode: which.
        extent: the axes go from minus this to this.
        ax: Matplotlib axes; None for new ones.

    Returns:
        The axes.

    Example:
        >>> import jax, qdl
        >>> model = qdl.QNN(1, qdl.photonic.Squeezing(), readout=qdl.photonic.Quadrature())
        >>> ax = plot_wigner(model.on(qdl.backends.fock(20)), [{"r": np.array([0.5])}])
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('x', 'p')

    Reference: Cahill, Glauber, Phys. Rev. 177, 1882 (1969), eq. 6.12.
    """
    points = _points(extent, 121)
    rho = density(model, params, x, mode)
    found = wigner(rho, points, points)
    ax = _axes(ax)
    most = np.abs(found).max()
    mesh = ax.pcolormesh(points, points, found, cmap=_map(), vmin=-most, vmax=most, rasterized=True)
    ax.set(xlabel="x", ylabel="p", aspect="equal", title=f"Wigner function of mode {mode}")
    ax.set(xlim=(-extent, extent), ylim=(-extent, extent))
    ax.figure.colorbar(mesh, ax=ax, shrink=0.8)
    return ax


def plot_photon_numbers(
    model: Any,
    params: Any,
    x: Any = None,
    *,
    modes: Sequence[int] | int | None = None,
    ax: Any = None,
) -> Any:
    """The probabilities of the photon numbers of each mode; what the cut-off leaves out is in the title.

    Args:
        model: a photonic QNN on ``fock(cutoff)``.
        params: its parameters.
        x: one sample ``(n_features,)``, or None.
        modes: which, one or several; None for all.
        ax: Matplotlib axes; None for new ones.

    Returns:
        The axes.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.cvqnn(2, 1, cutoff=6)
        >>> ax = plot_photon_numbers(model, model.init(jax.random.key(0)), np.array([0.5, 0.0]))
        >>> ax.get_xlabel()
        'photons'

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019).
    """
    chosen = range(model.n_wires) if modes is None else as_wires(modes, "plot_photon_numbers") or ()
    columns = [np.diag(density(model, params, x, mode)).real for mode in chosen]
    ax = _axes(ax)
    width = 0.8 / len(columns)
    for i, (mode, p) in enumerate(zip(chosen, columns, strict=True)):
        n = np.arange(len(p)) + (i - (len(columns) - 1) / 2) * width
        ax.bar(n, p, width, label=f"mode {mode}", color=(BLUE, ORANGE, GREY, "#4f9d69")[i % 4])
    leak = 1 - columns[0].sum()
    ax.set(xlabel="photons", ylabel="probability", title=f"beyond the cut-off: {max(leak, 0):.1e}")
    if len(columns) > 1:
        ax.legend(frameon=False)
    return ax


def plot_wavefunction(
    model: Any, params: Any, x: Any = None, *, extent: float = 6.0, ax: Any = None
) -> Any:
    r"""The wavefunction $\psi(x)$ of one mode: real and imaginary part, and $|\psi|^2$.

    Args:
        model: a photonic QNN of one mode on ``fock(cutoff)``; of several modes none has a wavefunction of
            its own.
        params: its parameters.
        x: one sample ``(n_features,)``, or None.
        extent: the axis goes from minus this to this.
        ax: Matplotlib axes; None for new ones.

    Returns:
        The axes.

    Raises:
        ValueError: more than one mode.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.cvqnn(1, 1, cutoff=8)
        >>> ax = plot_wavefunction(model, model.init(jax.random.key(0)), np.array([0.5]))
        >>> len(ax.lines)
        2

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019).
    """
    amplitudes = _state(model, params, x)
    if model.n_wires != 1:
        raise ValueError(
            f"plot_wavefunction needs a model of one mode, got {model.n_wires}: a mode among several has no "
            "wavefunction of its own. Use plot_wigner(..., mode=0)."
        )
    points = _points(extent, 401)
    psi = amplitudes @ wavefunctions(points, len(amplitudes))
    ax = _axes(ax)
    ax.fill_between(points, np.abs(psi) ** 2, color=GREY, alpha=0.3, lw=0, label=r"$|\psi|^2$")
    ax.plot(points, psi.real, color=BLUE, label=r"Re $\psi$")
    ax.plot(points, psi.imag, color=ORANGE, label=r"Im $\psi$")
    ax.set(xlabel="x", ylabel=r"$\psi(x)$", title="wavefunction")
    ax.legend(frameon=False)
    return ax


def density(model: Any, params: Any, x: Any, mode: int) -> np.ndarray:
    """The density matrix of one mode, ``(D, D)``."""
    psi, levels = _state(model, params, x), model.place.cutoff
    whole = isinstance(mode, Integral) and not isinstance(mode, bool)
    if not (whole and 0 <= mode < model.n_wires):
        raise ValueError(f"mode must be 0 to {model.n_wires - 1}, got {mode!r}. Example: mode=0.")
    rows = np.moveaxis(psi.reshape((levels,) * model.n_wires), mode, 0).reshape(levels, -1)
    return rows @ rows.conj().T


def wigner(rho: np.ndarray, x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The Wigner function of a density matrix ``(D, D)``, ``(len(p), len(x))``."""
    levels = len(rho)
    weighted = rho.T * np.where(np.arange(levels) % 2, -1.0, 1.0)
    with jax.enable_x64(True):
        return np.asarray(_parity(*map(jnp.asarray, (weighted, x, p))))


@jax.jit
def _parity(weighted: jax.Array, x: jax.Array, p: jax.Array) -> jax.Array:
    def row(each: jax.Array) -> jax.Array:
        matrices = displacement(jax.lax.complex(x, jnp.full_like(x, each)), len(weighted))
        return jnp.einsum("xmn,mn->x", matrices, weighted).real / (2 * np.pi)

    return jax.lax.map(row, p)


def _points(extent: Any, count: int) -> np.ndarray:
    check_number("extent", extent, "extent=5.0", positive=True)
    return np.linspace(-extent, extent, count)


def _state(model: Any, params: Any, x: Any) -> np.ndarray:
    place = getattr(model, "place", model)
    if not hasattr(place, "cutoff"):
        raise Refused(
            f"pictures of modes are of a photonic QNN on fock(cutoff), got {place!r}. Use "
            "model.on(qdl.backends.fock(20)), and photonic layers alone."
        )
    if x is not None and np.ndim(x) != 1:
        raise ValueError(f"a picture is of one sample, got x of shape {np.shape(x)}. Pass x[0].")
    return np.asarray(model.state(params, x))


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(4.6, 3.6), layout="constrained").subplots()


def _map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("wigner", [ORANGE, "white", BLUE])
