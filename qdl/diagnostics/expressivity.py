"""How much of the state space a circuit reaches: expressibility, entangling capability, frame potential."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

AMPLITUDES = 2**16  # how many are simulated side by side: they fit into a cache


@dataclass(frozen=True)
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

    def frame_potential(self, t: int = 2) -> FramePotential:
        """The frame potential of order ``t``, from the same pairs."""
        powers = self.fidelities**t
        error = powers.std(ddof=1) / math.sqrt(powers.size)
        haar = 1 / math.comb(2**self.n_wires + t - 1, t)
        return FramePotential(float(powers.mean()), float(error), haar, t)


@dataclass(frozen=True)
class FramePotential:
    r"""$F_t = E\,|\langle \psi | \psi' \rangle|^{2t}$ over pairs of states, never below Haar's.

    Attributes:
        value: the mean over the pairs.
        standard_error: of ``value``.
        haar: $1 / \binom{2^n + t - 1}{t}$, which a state t-design attains.
        t: the order.
    """

    value: float
    standard_error: float
    haar: float
    t: int


@dataclass(frozen=True)
class EntanglingCapability:
    r"""The mean Meyer-Wallach entanglement of the states that a circuit makes.

    Attributes:
        value: mean of $Q$, between 0 (products) and 1.
        standard_error: of ``value``.
        haar: the mean over Haar-random states, $(2^n - 2)/(2^n + 1)$.
        samples: how many states.
    """

    value: float
    standard_error: float
    haar: float
    samples: int


def expressibility(
    model: Any, *, key: jax.Array, samples: int = 5000, bins: int = 75, x: Any = None
) -> Expressibility:
    r"""Expressibility: $D_{KL}(\hat P(F) \,\|\, P_{Haar}(F))$ of the fidelities of pairs of states.

    Pairs of parameters are drawn by the model's own ``init``, and the fidelities
    $F = |\langle \psi_\theta | \psi_{\theta'} \rangle|^2$ sorted into equal bins of [0, 1]. Of
    Haar-random pairs in dimension $d = 2^n$ the bin from $F_l$ to $F_r$ holds
    $(1 - F_l)^{d-1} - (1 - F_r)^{d-1}$. Smaller is more expressive.

    Args:
        model: a QNN without noise.
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
    _at_least_two(samples=samples, bins=bins)
    blocks = state_pairs(model, key, samples, one_sample(model, x))
    fidelities = np.clip(np.concatenate([_overlaps(block) for block in blocks]), 0.0, 1.0)
    haar = haar_histogram(model.n_wires, bins)
    counts, _ = np.histogram(fidelities, bins, (0.0, 1.0))
    p, q = counts[counts > 0] / samples, haar[counts > 0]
    logs = np.log(p) - np.log(q)
    value = float(p @ logs)
    error = math.sqrt(max(p @ logs**2 - value**2, 0.0) / samples)
    bias = haar_bias(haar, samples)
    return Expressibility(value, error, bias, fidelities, counts, haar, model.n_wires)


def frame_potential(
    model: Any, t: int = 2, *, key: jax.Array, samples: int = 5000, x: Any = None
) -> FramePotential:
    r"""The frame potential $F_t = E\,|\langle \psi_\theta | \psi_{\theta'} \rangle|^{2t}$.

    Args:
        model: a QNN without noise.
        t: the order, at least 1.
        key: a JAX key.
        samples: number of pairs of states.
        x: as in ``expressibility``.

    Raises:
        ValueError: fewer than 2 samples, or an order below 1.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> still = qdl.QNN(2, Rotation("z"))  # always the same state
        >>> frame_potential(still, key=jax.random.key(0), samples=100).value
        1.0

    Reference: Sim, Johnson, Aspuru-Guzik, Advanced Quantum Technologies 2, 1900070 (2019), eq. 6.
    """
    if t < 1:
        raise ValueError(f"frame_potential needs an order t >= 1, got {t}. t=2 is the usual one.")
    return expressibility(model, key=key, samples=samples, x=x).frame_potential(t)


def entangling_capability(
    model: Any, *, key: jax.Array, samples: int = 1000, x: Any = None
) -> EntanglingCapability:
    r"""The mean of $Q = 2\,(1 - \frac{1}{n} \sum_q \mathrm{Tr}\,\rho_q^2)$ over random parameters.

    $\rho_q$ is the reduced state of one qubit. Some published tables of this quantity do not follow
    from its definition; compare with closed forms only.

    Args:
        model: a QNN without noise.
        key: a JAX key; parameters are drawn by the model's own ``init``.
        samples: number of states.
        x: features ``(n_features,)`` of all states; None draws them uniform over a turn for each.

    Raises:
        ValueError: fewer than 2 samples, or a model that has no state vector.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> product = qdl.QNN(3, Rotation("zyz"))
        >>> abs(entangling_capability(product, key=jax.random.key(0), samples=10).value) < 1e-6
        True

    Reference: Meyer, Wallach, Journal of Mathematical Physics 43, 4273 (2002); Brennen, Quantum
    Information and Computation 3, 619 (2003), eq. 3.
    """
    _at_least_two(samples=samples)
    blocks = state_pairs(model, key, -(-samples // 2), one_sample(model, x))
    q = np.concatenate([np.ravel(meyer_wallach(block)) for block in blocks])[:samples].astype(float)
    d, error = 2**model.n_wires, float(q.std(ddof=1) / math.sqrt(samples))
    return EntanglingCapability(float(q.mean()), error, (d - 2) / (d + 1), samples)


@jax.jit
def meyer_wallach(state: Any) -> jax.Array:
    r"""$Q = 2\,(1 - \frac{1}{n} \sum_q \mathrm{Tr}\,\rho_q^2)$ of a state ``(..., 2**n)``.

    Example:
        >>> import jax.numpy as jnp
        >>> ghz = jnp.zeros(8).at[jnp.array([0, 7])].set(0.5**0.5)
        >>> round(float(meyer_wallach(ghz)), 6)
        1.0

    Reference: Brennen, Quantum Information and Computation 3, 619 (2003), eq. 3.
    """
    state = jnp.asarray(state)
    n = int(state.shape[-1]).bit_length() - 1
    purities = []
    for wire in range(n):
        split = state.reshape(*state.shape[:-1], 2**wire, 2, -1)
        rho = jnp.einsum("...iaj,...ibj->...ab", split, split.conj())
        purities.append(jnp.sum(jnp.abs(rho) ** 2, axis=(-2, -1)))
    return 2 * (1 - sum(purities) / n)


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


def _at_least_two(**counts: int) -> None:
    for name, count in counts.items():
        if count < 2:
            raise ValueError(f"expected {name} >= 2, got {count}. Take the default, or 1000.")
