"""Outcomes of measurements as bits: drawn from a state or from probabilities, or counted by a machine."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .. import simulator
from ..circuit import Circuit


@partial(jax.jit, static_argnums=0)
def state(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    """The state vector of a circuit's qubits, ``(2**n,)`` or ``(batch, 2**n)``."""
    return simulator.state(circuit, params, x)


@partial(jax.jit, static_argnums=(0, 3))
def of_state(circuit: Circuit, params: Any, x: Any, shots: int, key: jax.Array) -> jax.Array:
    """Outcomes ``(..., shots, n_active)`` of the active wires in the state of a circuit."""
    state = simulator.state(circuit, params, x)
    return simulator.sample_bits(state, circuit.n_wires, circuit.active, shots, key)


def drawn(p: jax.Array, shots: int, key: jax.Array) -> jax.Array:
    """Outcomes ``(..., shots, n)`` of probabilities ``(..., 2**n)``.

    Example:
        >>> drawn(jnp.array([0.0, 0.0, 1.0, 0.0]), 3, jax.random.key(0)).tolist()
        [[1, 0], [1, 0], [1, 0]]
    """
    found = simulator.draw(p.reshape(-1, p.shape[-1]), shots, key)
    return _bits(found.reshape(*p.shape[:-1], shots), p.shape[-1])


def counted(frequencies: jax.Array, shots: int, key: jax.Array) -> jax.Array:
    """Outcomes ``(..., shots, n)`` in random order, of which these are the frequencies ``(..., 2**n)``.

    Example:
        >>> sorted(counted(jnp.array([0.5, 0.5]), 2, jax.random.key(0)).ravel().tolist())
        [0, 1]
    """
    size = frequencies.shape[-1]
    counts = jnp.round(frequencies.reshape(-1, size) * shots).astype(int)

    def spread(counts: jax.Array, key: jax.Array) -> jax.Array:
        found = jnp.repeat(jnp.arange(size), counts, total_repeat_length=shots)
        return jax.random.permutation(key, found)

    found = jax.vmap(spread)(counts, jax.random.split(key, len(counts)))
    return _bits(found.reshape(*frequencies.shape[:-1], shots), size)


def _bits(outcomes: jax.Array, size: int) -> jax.Array:
    n = size.bit_length() - 1
    return (outcomes[..., None] >> jnp.arange(n - 1, -1, -1)) & 1
