"""The native simulator: layers in, one fused JAX program out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp


def state(layers, wires, params, x):
    n = len(wires)
    with qp.QueuingManager.stop_recording():
        ops = list(layers.gates(params, x, wires))
    batch = () if x is None else x.shape[:-1]
    cdtype = jnp.result_type(jnp.result_type(float), jnp.complex64)
    psi = jnp.zeros((2,) * n, cdtype).at[(0,) * n].set(1)
    psi = jnp.broadcast_to(psi, batch + psi.shape)
    lead = len(batch)
    for op in ops:
        if isinstance(op, qp.StatePrep):
            psi = jnp.broadcast_to(op.state_vector(wire_order=wires), psi.shape)
            continue
        m = jnp.asarray(qp.matrix(op), cdtype)
        k = len(op.wires)
        axes = [lead + wires.index(w) for w in op.wires]
        psi = jnp.moveaxis(psi, axes, range(lead, lead + k))
        shape = psi.shape
        psi = psi.reshape(*batch, 2**k, -1)
        psi = (m @ psi).reshape(shape)
        psi = jnp.moveaxis(psi, range(lead, lead + k), axes)
    return psi.reshape(*batch, -1)


def evaluate(layers, wires, readout, params, x, shots, key):
    psi = state(layers, wires, params, x)
    measurements = readout.measurements(layers.active(wires))
    n = len(wires)
    out = []
    for mp in measurements:
        if isinstance(mp, qp.measurements.ProbabilityMP):
            p = jnp.abs(psi) ** 2
            p = p.reshape(*psi.shape[:-1], *(2,) * n)
            drop = tuple(psi.ndim - 1 + w for w in wires if w not in mp.wires)
            return p.sum(drop).reshape(*psi.shape[:-1], -1)
        m = qp.matrix(mp.obs, wire_order=wires)
        out.append(jnp.einsum("...i,ij,...j->...", psi.conj(), m, psi).real)
    return jnp.stack(out, -1)


def check_shots(shots: Any, key: Any = True) -> None:
    """Refuse shots that are not a positive whole number, and shots without a key."""
    if isinstance(shots, bool) or not isinstance(shots, int | np.integer) or shots < 1:
        raise ValueError(f"shots must be a whole number >= 1, or None for exact values; got {shots!r}.")
    if key is None:
        raise ValueError(f"{shots} shots need a key: apply(params, x, key=jax.random.key(0)).")


def sample_bits(psi: jax.Array, n: int, wires, shots: int, key: jax.Array) -> jax.Array:
    """Measured bits ``(..., shots, len(wires))`` of a state."""
    logits = jnp.log(jnp.abs(psi) ** 2)
    draws = jax.random.categorical(key, logits[..., None, :], shape=(*psi.shape[:-1], shots))
    return jnp.stack([(draws >> (n - 1 - w)) & 1 for w in wires], -1)
