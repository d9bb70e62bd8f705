"""How much of the state space a circuit reaches: expressibility and frame potential."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..refused import Refused
from .engines.state_moments import state_moments, unitary_circuit

FEW = 5  # wires up to which the frame potential is computed exactly: it has up to 16^n moments
AMPLITUDES = 2**16  # how many are simulated side by side: they fit into a cache


@dataclass(frozen=True, repr=False)
class Expressibility:
    r"""How far the fidelities of random pairs of states are from those of Haar-random pairs.

    Attributes:
        value: $D_{KL}$ of the histogram from Haar's, in nats; 0 for a circuit that cannot be told
            from Haar, $(2^n - 1) \ln(\mathrm{bins})$ for one whose state never changes.
        standard_error: of ``value``, from the scatter of a histogram of this many pairs.
        haar_bias: what Haar-random states themselves would read on average with this many pairs: a
            finite histogram is never perfect, so a value near this one means "as good as Haar".
        fidelities: one for each pair, ``(samples,)``.
        counts: the histogram of the fidelities over equal bins of [0, 1].
        haar: the probability of each bin for Haar-random pairs.
        n_wires: number of qubits.
    """

    value: float
    standard_error: float
    haar_bias: float
    fidelities: np.ndarray
    counts: np.ndarray
    haar: np.ndarray
    n_wires: int

    def __repr__(self) -> str:
        """The divergence with its error, and what Haar-random states themselves read."""
        return (
            f"D = {self.value:.4g} +- {self.standard_error:.2g}, Haar itself {self.haar_bias:.4g} "
            f"({self.fidelities.size} pairs of states of {self.n_wires} wires)"
        )

    def frame_potential(self, t: int = 2) -> FramePotential:
        """The frame potential of order ``t``, from the same pairs."""
        powers = self.fidelities**t
        error = powers.std(ddof=1) / math.sqrt(powers.size)
        haar = 1 / math.comb(2**self.n_wires + t - 1, t)
        return FramePotential(float(powers.mean()), float(error), haar, t)


@dataclass(frozen=True, repr=False)
class FramePotential:
    r"""$F_t = E\,|\langle \psi | \psi' \rangle|^{2t}$ over pairs of states, never below Haar's.

    Attributes:
        value: the mean over the pairs.
        standard_error: of ``value``.
        haar: $1 / \binom{2^n + t - 1}{t}$, which a state t-design attains.
        t: the order.
        method: ``"statevector"`` or ``"dense_moment"``, which is exact.
    """

    value: float
    standard_error: float
    haar: float
    t: int
    method: str = "statevector"

    def __repr__(self) -> str:
        """The value with its error, and Haar's."""
        error = f" +- {self.standard_error:.2g}" if self.standard_error else ""
        return f"F_{self.t} = {self.value:.4g}{error}, Haar {self.haar:.4g} ({self.method})"


def expressibility(
    model: Any, *, key: jax.Array, samples: int = 5000, bins: int = 75, x: Any = None
) -> Expressibility:
    r"""Expressibility: $D_{KL}(\hat P(F) \,\|\, P_{Haar}(F))$ of the fidelities of pairs of states.

    Pairs of parameters are drawn by the model's own ``init``, and the fidelities
    $F = |\langle \psi_\theta | \psi_{\theta'} \rangle|^2$ sorted into equal bins of [0, 1]. Of
    Haar-random pairs in dimension $d = 2^n$ the bin from $F_l$ to $F_r$ holds
    $(1 - F_l)^{d-1} - (1 - F_r)^{d-1}$. Smaller is more expressive.

    Args:
        model: a QNN without noise, on a place without errors.
        key: a JAX key.
        samples: number of pairs.
        bins: number of bins; the published values use 75.
        x: features ``(n_features,)`` of both states of all pairs; None draws them uniform over a
            turn for every pair.

    Raises:
        ValueError: fewer than 2 samples or bins, or a model that has no state vector.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> one = qdl.QNN(2, Rotation("z"))  # the state never changes: 3 ln 75
        >>> round(expressibility(one, key=jax.random.key(0), samples=100).value, 3)
        12.952

    Reference: Sim, Johnson, Aspuru-Guzik, Advanced Quantum Technologies 2, 1900070 (2019), eq. 10.
    """
    at_least_two(samples=samples, bins=bins)
    model.place.check_pure("expressibility")
    blocks = state_pairs(model, key, samples, one_sample(model, x))
    fidelities = np.concatenate([_overlaps(block) for block in blocks])
    return of_fidelities(fidelities, model.n_wires, bins)


def of_fidelities(fidelities: np.ndarray, n_wires: int, bins: int) -> Expressibility:
    """The expressibility that the fidelities of pairs say, ``(samples,)``."""
    samples, fidelities = len(fidelities), np.clip(fidelities, 0.0, 1.0)
    haar = haar_histogram(n_wires, bins)
    counts, _ = np.histogram(fidelities, bins, (0.0, 1.0))
    p, q = counts[counts > 0] / samples, haar[counts > 0]
    logs = np.log(p) - np.log(q)
    value = float(p @ logs)
    error = math.sqrt(max(p @ logs**2 - value**2, 0.0) / samples)
    return Expressibility(value, error, haar_bias(haar, samples), fidelities, counts, haar, n_wires)


def frame_potential(
    model: Any,
    t: int = 2,
    *,
    key: jax.Array,
    samples: int = 5000,
    x: Any = None,
    method: str = "auto",
) -> FramePotential:
    r"""The frame potential $F_t = E\,|\langle \psi_\theta | \psi_{\theta'} \rangle|^{2t}$.

    For $t = 2$ and independent angles it is exact on few wires,
    $F_2 = 4^{-n} \sum_{P, P'} (E\,\langle P \rangle \langle P' \rangle)^2$ over all Pauli words.

    Args:
        model: a QNN without noise, on a place without errors.
        t: the order, at least 1.
        key: a JAX key.
        samples: number of pairs of states, where it is sampled.
        x: as in ``expressibility``.
        method: ``"dense_moment"`` for the exact one, ``"statevector"`` for sampled pairs; ``"auto"``
            takes the exact one on up to 5 wires where it is valid.

    Raises:
        ValueError: fewer than 2 samples, an order below 1, or a method that is not valid here.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> still = qdl.QNN(2, Rotation("z"))  # always the same state
        >>> round(frame_potential(still, key=jax.random.key(0)).value, 6)
        1.0

    Reference: Sim, Johnson, Aspuru-Guzik, Advanced Quantum Technologies 2, 1900070 (2019), eq. 6.
    """
    if t < 1 or method not in ("auto", "dense_moment", "statevector"):
        raise ValueError(
            f"frame_potential needs an order t >= 1 and the method 'auto', 'dense_moment' or "
            f"'statevector', got t={t} and {method!r}. t=2 with 'auto' is the usual one."
        )
    model.place.check_pure("frame_potential")
    if method == "dense_moment" or (method == "auto" and t == 2 and model.n_wires <= FEW):
        try:
            return _exact_potential(model, t, one_sample(model, x))
        except Refused:
            if method != "auto":
                raise
    return expressibility(model, key=key, samples=samples, x=x).frame_potential(t)


def _exact_potential(model: Any, t: int, x: Any) -> FramePotential:
    if t != 2 or (x is None and model.n_features):
        raise Refused(
            f"the exact frame potential is that of order 2 at fixed features, got t={t} and x={x}. "
            "Use method='statevector', or give x."
        )
    sectors = state_moments(unitary_circuit(model, x))
    value = sum(float(v @ v) for v in sectors.values()) / 4**model.n_wires
    return FramePotential(value, 0.0, 1 / math.comb(2**model.n_wires + 1, 2), 2, "dense_moment")


def haar_histogram(n_wires: int, bins: int = 75) -> np.ndarray:
    r"""The share of each bin: $(1 - F_l)^{d-1} - (1 - F_r)^{d-1}$, with $d = 2^n$.

    Example:
        >>> haar_histogram(1, 4)
        array([0.25, 0.25, 0.25, 0.25])

    Reference: Zyczkowski, Sommers, Physical Review A 71, 032313 (2005), eq. 24.
    """
    left = (1 - np.arange(bins + 1) / bins) ** (2.0**n_wires - 1)
    # Shares that underflow would make a stray count infinitely surprising.
    return np.maximum(left[:-1] - left[1:], np.finfo(float).tiny)


def haar_bias(haar: np.ndarray, samples: int) -> float:
    r"""The mean of $D_{KL}$ that Haar-random fidelities themselves show, exactly.

    The count $k$ of a bin of share $q$ is binomial, so this is the sum over the bins of
    $E[\frac{k}{N} \ln \frac{k}{N q}]$.

    Example:
        >>> round(haar_bias(haar_histogram(4), 5000), 4)
        0.0037

    Reference: Miller, in Information Theory in Psychology (1955), is its first order.
    """
    from scipy.stats import binom

    total = 0.0
    for q in haar[samples * haar > 1e-9]:  # the others add less than 1e-12 together
        reach = 40 + 10 * math.sqrt(samples * q)  # what lies further out weighs less than 1e-14
        k = np.arange(max(samples * q - reach, 1) // 1, min(samples * q + reach, samples) // 1 + 1)
        total += float(binom.pmf(k, samples, q) @ (k / samples * np.log(k / (samples * q))))
    return total


def one_sample(model: Any, x: Any) -> Any:
    """Fixed features as an array; None where they are drawn, or where there are none."""
    if x is None:
        return None
    if np.ndim(x) != 1:
        raise ValueError(
            f"x must be one sample of shape ({model.n_features},), got shape {np.shape(x)}. "
            "Pass one row, x[0], or None to draw features at random."
        )
    return jnp.asarray(x, jnp.result_type(float))


def state_pairs(model: Any, key: jax.Array, pairs: int, x: Any = None) -> Iterator[jax.Array]:
    """Blocks ``(2, block, 2**n)`` of states at random parameters; the two of a pair share features."""
    block = max(1, min(pairs, AMPLITUDES >> model.n_wires))
    for i, start in enumerate(range(0, pairs, block)):
        states = _pairs(model, jax.random.fold_in(key, i), block, x)
        yield states[:, : pairs - start]


@partial(jax.jit, static_argnums=(0, 2))
def _pairs(model: Any, key: jax.Array, block: int, x: Any) -> jax.Array:
    for_params, for_x = jax.random.split(key)
    params = jax.vmap(jax.vmap(model.init))(jax.random.split(for_params, (2, block)))
    if not model.n_features:
        return jax.vmap(jax.vmap(model.state))(params)
    drawn = jax.random.uniform(for_x, (block, model.n_features), maxval=2 * jnp.pi)
    features = drawn if x is None else jnp.broadcast_to(x, drawn.shape)
    return jax.vmap(jax.vmap(model.state), in_axes=(0, None))(params, features)


@jax.jit
def _overlaps(states: jax.Array) -> jax.Array:
    return jnp.abs(jnp.sum(states[0].conj() * states[1], axis=-1)) ** 2


def at_least_two(**counts: int) -> None:
    """Refuse a single sample or bin by name."""
    for name, count in counts.items():
        if count < 2:
            raise ValueError(f"expected {name} >= 2, got {count}. Take the default, or 1000.")
