"""The Fourier spectrum of a model: which functions of the features it can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import check_whole
from ..layers.base import check_key
from ..refused import Refused
from .data import outputs
from .frequencies import MOST, Frequencies, all_sums, gate_frequencies

IRREGULAR = 1024  # frequencies that are fitted where there is no period
STRETCHED = 8  # how often the points of a fit may be spread further
CONDITION = 30.0  # of a fit: by how much it may enlarge rounding or the noise of shots
SEEN = 1e-5  # a coefficient below is none


@dataclass(frozen=True, eq=False, repr=False)
class FourierSpectrum:
    r"""The coefficients of $f(x) = \sum_\omega c_\omega e^{i \omega \cdot x}$ over random parameters.

    Attributes:
        frequencies: all that the encodings allow, in radians per unit of a feature, with the opposite of
            each: ``(m,)`` of one feature, else ``(m, n_features)``.
        coefficients: ``(samples, m, k)``, complex, of the k readout values; $c_{-\omega}$ is the conjugate
            of $c_\omega$.
    """

    frequencies: np.ndarray
    coefficients: np.ndarray

    @property
    def amplitudes(self) -> np.ndarray:
        r"""$|c_\omega|$, ``(samples, m, k)``."""
        return np.abs(self.coefficients)

    @property
    def present(self) -> np.ndarray:
        """Which of the frequencies any coefficient has, ``(m,)``; without shots, whose noise all have."""
        return self.amplitudes.max(axis=(0, 2)) > SEEN

    def __repr__(self) -> str:
        """How many frequencies there are, and the largest of them that are present."""
        samples, m, k = self.coefficients.shape
        highest = np.abs(self.frequencies[self.present]).max(axis=0, initial=0.0)
        which = ", ".join(f"{value:.4g}" for value in np.atleast_1d(highest))
        return (
            f"<FourierSpectrum of {k} value{'s' * (k > 1)} at {samples} parameters: {m} frequencies, "
            f"{int(self.present.sum())} of them present, up to {which}>"
        )

    def plot(self, axes: Any = None, value: int = 0) -> Any:
        """Draw how the amplitudes of one readout value scatter over the parameters.

        Of one feature a box for each frequency that is not negative: quartiles, and whiskers to the smallest
        and the largest. Of two features the mean amplitude by both frequencies.

        Args:
            axes: matplotlib axes; None for a new figure.
            value: which readout value.

        Returns:
            The axes; ``axes.figure.savefig("spectrum.pdf")`` writes the picture.
        """
        from .result.spectra import draw_spectrum

        return draw_spectrum(self, axes, value)


def fourier_spectrum(
    model: Any, *, key: jax.Array, samples: int = 100, params: Any = None
) -> FourierSpectrum:
    r"""The Fourier series of a model in its features, at random parameters.

    Where features enter by angles $w \cdot x + b$ alone, a readout value is the finite sum
    $f(x) = \sum_\omega c_\omega e^{i \omega \cdot x}$. The frequencies follow from the encodings: each gate
    adds $0$ or $\pm w$ (a controlled rotation $\pm w / 2$ too). The coefficients follow from the rest, and
    are computed from values of the model: where all frequencies are multiples of a unit, on the grid of
    $2K + 1$ points a period that has no aliasing, K being the largest multiple; else by least squares at
    random points. Values at other points are compared with the series, so that a layer that does something
    else with a feature is refused.

    Args:
        model: a QNN on qubits that reads features; on places with noise or shots, theirs is in the answer.
        key: a JAX key; parameters are drawn by the model's own ``init``.
        samples: how many.
        params: parameters to use instead of random ones, such as those of a ``fit``.

    Returns:
        A ``FourierSpectrum``. Of trained factors the frequencies are those of the factors that ``init``
        gives, or that ``params`` hold: no whole numbers in general.

    Raises:
        Refused: a model with classical stages; features in a state, or in an angle that is no linear
            function of them; modes of light; frequencies that are drawn with the parameters; too many.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding, Repeat, Rotation
        >>> model = qdl.QNN(1, Repeat([Rotation("zyz"), AngleEncoding("x")], 3))
        >>> found = fourier_spectrum(model, key=jax.random.key(0), samples=5)
        >>> found.frequencies.tolist()
        [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]

    Reference: Schuld, Sweke, Meyer, Physical Review A 103, 032430 (2021), eqs. 7 to 10; Wiedmann, Periyasamy,
    Scherer, "Fourier analysis of variational quantum circuits for supervised learning" (2024).
    """
    if not hasattr(model, "circuit"):
        raise Refused(
            f"fourier_spectrum is of a QNN, got {type(model).__name__}: a classical stage makes other "
            "functions of the features than sums of waves. Ask about a stage: model.stages[i]."
        )
    if not model.n_features:
        raise Refused("fourier_spectrum needs a model that reads features; this one reads none.")
    check_whole("samples", samples, owner="fourier_spectrum")
    for_params, for_shots = jax.random.split(check_key(key, "fourier_spectrum"))
    if params is None:
        every = [model.init(k) for k in jax.random.split(for_params, samples)]
    else:
        model.check_params(params)
        every = [params]
    gates = gate_frequencies(model, every[0])
    if not gates:
        raise Refused("fourier_spectrum needs gates that read features; this circuit has none.")
    _check_same(gates, gate_frequencies(model, every[-1]))
    found = all_sums(gates)
    keys = jax.random.split(for_shots, len(every)) if model.place.draws else [None] * len(every)
    measure = _on_grid if found.units is not None else _fitted
    coefficients = measure(found, _Values(model, every, list(keys)))
    frequencies = found.vectors[:, 0] if model.n_features == 1 else found.vectors
    return FourierSpectrum(frequencies, coefficients)


def _check_same(gates: list[np.ndarray], others: list[np.ndarray]) -> None:
    if not all(np.allclose(a, b, rtol=1e-6) for a, b in zip(gates, others, strict=True)):
        raise Refused(
            "the frequencies of this model are drawn with its parameters, so that each draw has its own. "
            "Pass params=, one draw or those of a fit."
        )


@dataclass(frozen=True, eq=False)
class _Values:
    """The model at each of the parameters.

    Attributes:
        model: the model.
        params: for each sample.
        keys: of shots, for each sample; None where there are none.
    """

    model: Any
    params: list[Any]
    keys: list[Any]

    def at(self, points: np.ndarray) -> np.ndarray:
        """``(samples, points, k)``."""
        x = jnp.asarray(points, jnp.result_type(float))
        pairs = zip(self.params, self.keys, strict=True)
        found = [np.asarray(outputs(self.model, p, x, k), float) for p, k in pairs]
        return np.stack([each.reshape(len(points), -1) for each in found])

    def check(
        self, vectors: np.ndarray, coefficients: np.ndarray, reach: float, cond: float
    ) -> None:
        """Compare the series with values at other points, where nothing is drawn."""
        if self.model.place.draws is not None:
            return
        points = np.random.default_rng(1).uniform(0.0, reach, (8, vectors.shape[1]))
        first = _Values(self.model, self.params[:1], self.keys[:1]).at(points)[0]
        series = (np.exp(1j * points @ vectors.T) @ coefficients[0]).real
        rounding = float(jnp.finfo(jnp.result_type(float)).eps)
        angle = np.abs(vectors).max() * np.abs(points).max()
        room = 200 * rounding * cond * (1 + angle) * math.sqrt(len(vectors))
        off = float(np.abs(series - first).max())
        if off > max(room, 1e-8) * max(1.0, float(np.abs(first).max())):
            raise Refused(
                f"values of the model are off by {off:.2g} from the Fourier series that its gates allow: a "
                "layer does something else with the features than turning gates by multiples of them, or "
                "the place has errors that follow the angles."
            )


def _on_grid(found: Frequencies, values: _Values) -> np.ndarray:
    """From all values of one period."""
    whole, units = found.multiples, np.asarray(found.units)
    sizes = 2 * np.abs(whole).max(axis=0) + 1
    if math.prod(sizes.tolist()) > MOST:
        raise Refused(
            f"the grid of a period has {' x '.join(map(str, sizes))} points, more than {MOST}. Take fewer "
            "encodings or features."
        )
    turns = np.stack(np.meshgrid(*(np.arange(s) / s for s in sizes), indexing="ij"), -1)
    points = 2 * np.pi * turns.reshape(-1, len(sizes)) / units
    at = values.at(points)
    axes = tuple(range(1, len(sizes) + 1))
    waves = np.fft.fftn(at.reshape(len(at), *sizes, -1), axes=axes) / len(points)
    coefficients = waves[(slice(None), *(whole % sizes).T)]
    reach = float((2 * np.pi / units).max())
    values.check(found.vectors, coefficients, reach, 1.0)
    return coefficients


def _fitted(found: Frequencies, values: _Values) -> np.ndarray:
    """By least squares at random points, spread until the frequencies can be told apart."""
    vectors = found.vectors
    m, n = vectors.shape
    if m > IRREGULAR:
        raise Refused(
            f"the encodings allow {m} frequencies without a common unit, more than {IRREGULAR}. Take fewer "
            "encodings, or factors that are multiples of one number."
        )
    rng = np.random.default_rng(0)
    reach = 2 * np.pi / np.abs(vectors[np.abs(vectors) > 0]).min()
    for _ in range(STRETCHED):
        points = rng.uniform(0.0, reach, (4 * m + 16, n))
        matrix = np.exp(1j * points @ vectors.T)
        cond = float(np.linalg.cond(matrix))
        if cond < CONDITION:
            break
        reach *= 2
    else:
        raise Refused(
            f"the {m} frequencies lie too close to each other to be told apart: some differ by less than "
            f"{2 * np.pi / reach:.2g}. Take factors that are equal, or further apart."
        )
    inverse = np.linalg.pinv(matrix)
    coefficients = np.einsum("fp,spk->sfk", inverse, values.at(points))
    coefficients = (
        coefficients + coefficients[:, ::-1].conj()
    ) / 2  # in ascending order, opposites mirror
    values.check(vectors, coefficients, reach, cond)
    return coefficients
