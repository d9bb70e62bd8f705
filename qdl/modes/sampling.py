"""Shots on modes: photon counting, and homodyne detection of quadratures."""

from __future__ import annotations

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import simulator
from ..observables import terms
from ..readout import Measured, PhotonProbabilities
from ..refused import Refused
from . import measure
from .elements import wavefunctions
from .space import Space

POINTS = 2048  # of the distribution of a quadrature


def sampled(
    space: Space, state: jax.Array, measured: Measured, shots: int, key: jax.Array
) -> jax.Array:
    """Readout values ``(batch, k)`` as means of outcomes; every observable gets all the shots.

    What the cut-off leaves out is an outcome of its own, which counts 0: values are right on average.
    """
    measure.refuse(measured)
    norm = jnp.sum(state.real**2 + state.imag**2, tuple(range(state.ndim - 1)))
    # Outcomes are whole numbers, through which no gradient comes back that could be refused.
    found = _means(space, jax.lax.stop_gradient(state), measured, shots, key)
    return found + 0 * no_gradient(norm)[:, None]


def _means(
    space: Space, state: jax.Array, measured: Measured, shots: int, key: jax.Array
) -> jax.Array:
    if isinstance(measured, PhotonProbabilities):
        p = measure.probabilities(space, state, measured.wires)
        found = _drawn(p, shots, key)
        counts = jax.vmap(lambda row: jnp.bincount(row, length=p.shape[-1] + 1))(found)
        return counts[:, :-1].astype(p.dtype) / shots
    columns = []
    for i, observable in enumerate(measured.observables):
        total: Any = 0.0
        for j, (coefficient, term) in enumerate(terms(observable)):
            own = jax.random.fold_in(jax.random.fold_in(key, i), j)
            p, outcomes = distribution(space, state, term)
            found = _drawn(p, shots, own)
            lost = jnp.concatenate([outcomes, jnp.zeros(1, outcomes.dtype)])
            total = total + coefficient * jnp.mean(lost[found], -1)
        columns.append(total)
    return jnp.stack(columns, -1)


def _drawn(p: jax.Array, shots: int, key: jax.Array) -> jax.Array:
    """Outcomes ``(batch, shots)``; the number of columns for what is lost."""
    p = jnp.maximum(p, 0)
    lost = jnp.maximum(1 - jnp.sum(p, -1, keepdims=True), 0)
    return simulator.draw(jnp.concatenate([p, lost], -1), shots, key)


def distribution(space: Space, state: jax.Array, term: Any) -> tuple[jax.Array, jax.Array]:
    """Probabilities ``(batch, m)`` of the outcomes ``(m,)`` of an observable."""
    wires = tuple(int(w) for w in term.wires)
    if term.name == "FockStateProjector":  # seen, 1, or not, as what is lost: 0
        p = measure.expectation(space, state, term)[:, None]
        return p, jnp.ones(1, p.dtype)
    if term.name in ("NumberOperator", "TensorN"):
        p = measure.probabilities(space, state, wires)
        n = np.indices((space.levels,) * len(wires)).reshape(len(wires), -1)
        return p, jnp.asarray(prod(n), p.dtype)
    c, s = measure.direction(term)
    turned = jnp.exp(
        -1j * np.arctan2(s, c) * jnp.asarray(space.numbers(wires[0]), state.real.dtype)
    )
    rho = measure.reduced(space, state * turned, wires[0])
    x = np.linspace(-1, 1, POINTS) * (2 * np.sqrt(space.levels) + 8)
    psi = jnp.asarray(wavefunctions(x, space.levels) * np.sqrt(x[1] - x[0]), state.real.dtype)
    p = jnp.einsum("bmn,mx,nx->bx", rho, psi, psi).real
    return p, jnp.asarray(x, p.dtype)


@jax.custom_vjp
def no_gradient(values: jax.Array) -> jax.Array:
    """Values that are not to be differentiated."""
    return values


def _forward(values: jax.Array) -> tuple[jax.Array, None]:
    return values, None


def _backward(_: None, ct: jax.Array) -> tuple[jax.Array]:
    raise Refused(
        "values of photonic shots have no gradient here: the Kerr gate has no parameter-shift rule. Train "
        "without shots, on fock(cutoff) or gaussian(), or with an optimizer that needs values alone, "
        "qdl.training.spsa."
    )


no_gradient.defvjp(_forward, _backward)
