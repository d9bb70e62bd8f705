r"""Multiplying a state by $e^{i \sum_k \theta_k (-1)^{|b \wedge m_k|}}$, the work of every diagonal gate.

Neither a sine per amplitude nor a table of $2^n$ angles is needed. The register is cut into a high and a
low half. A mask inside one half belongs to a table of $2^{n/2}$ numbers; a mask that straddles the cut
only flips the sign of its low part, so the low table exists once per sign pattern. The factor of all
$2^n$ amplitudes is then one small matrix product. The derivative is written by hand: the angles' needs
only the result, $\partial_{\phi_b} L = \mathrm{Im}(\bar\psi_b \lambda_b)$, folded onto the masks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .kernels import multiply, parities
from .trigonometry import cos_sin

MAX_PATTERNS = 16  # beyond, sines of all amplitudes' angles are cheaper than the product


class Tables(NamedTuple):
    """Signs of the masks on the two halves of the register, and the patterns of straddling ones."""

    high: np.ndarray  # (2^h, K), 1 where a mask has no bit there
    low: np.ndarray  # (2^l, K)
    patterns: np.ndarray  # (P, K): sign of the high part of mask k, 1 for masks in the low half
    pick: np.ndarray  # (2^h, P), one-hot
    only_high: np.ndarray  # (K,), 1.0 for masks inside the high half


def tables(masks: tuple[int, ...], n: int) -> Tables:
    """Everything about the masks that does not depend on angles."""
    low_bits = n // 2
    high = parities(tuple(m >> low_bits for m in masks), n - low_bits)
    low = parities(tuple(m & (2**low_bits - 1) for m in masks), low_bits)
    only_high = np.array([float(m & (2**low_bits - 1) == 0) for m in masks])
    straddling = np.where(only_high, 1.0, high)
    patterns, inverse = np.unique(straddling, axis=0, return_inverse=True)
    pick = np.eye(len(patterns))[np.ravel(inverse)]
    return Tables(high, low, patterns, pick, only_high)


def factors(masks: tuple[int, ...], theta: jax.Array, n: int) -> jax.Array:
    """Cos and sin of every amplitude's phase: ``(2, 2**n)`` from ``theta`` ``(K,)``."""
    t, dtype = tables(masks, n), theta.dtype
    as_array = partial(jnp.asarray, dtype=dtype)
    if len(t.patterns) > MAX_PATTERNS:
        phi = (as_array(t.high) * theta) @ as_array(t.low).T
        return jnp.stack(_kept(phi)).reshape(2, -1)
    phi_high = as_array(t.high) @ (theta * as_array(t.only_high))
    phi_low = (as_array(t.patterns) * (theta * as_array(1 - t.only_high))) @ as_array(t.low).T
    pick = as_array(t.pick)
    re, im = jnp.cos(phi_high)[:, None] * pick, jnp.sin(phi_high)[:, None] * pick
    left = jnp.concatenate([jnp.concatenate([re, -im], 1), jnp.concatenate([im, re], 1)])
    right = jnp.concatenate([jnp.cos(phi_low), jnp.sin(phi_low)])
    return (left @ right).reshape(2, -1)


class Turn(NamedTuple):
    """One multiplication by phases: its factor, and how its angles' gradient is folded."""

    cos: jax.Array
    sin: jax.Array | None  # None: a sign
    name: str = ""
    fold: Callable[[jax.Array], jax.Array] | None = None

    def apply(self, state: jax.Array) -> jax.Array:
        """The state times cos + i sin."""
        return state * self.cos if self.sin is None else multiply(state, self.cos, self.sin)

    def undo(self, state: jax.Array) -> jax.Array:
        """The state times cos - i sin."""
        return state * self.cos if self.sin is None else multiply(state, self.cos, -self.sin)

    def angle_gradient(self, state: jax.Array, ct: jax.Array) -> jax.Array:
        """The cotangent of the angles, from the state and its cotangent after the turn."""
        assert self.fold is not None
        return self.fold(state[0] * ct[1] - state[1] * ct[0])


def shared(masks: tuple[int, ...], theta: jax.Array, layout: Any, count: int) -> Turn:
    """Angles ``(K,)``, the same for all samples; the first ``count`` of them vary."""
    cos, sin = factors(masks, theta, layout.n)
    t = tables(masks[:count], layout.n)

    def fold(turn: jax.Array) -> jax.Array:
        ones = jnp.ones(layout.batch, turn.dtype)
        summed = turn @ ones if layout.last else ones @ turn
        high, low = jnp.asarray(t.high, turn.dtype), jnp.asarray(t.low, turn.dtype)
        return (high * (summed.reshape(len(high), len(low)) @ low)).sum(0)

    expand = (slice(None), None) if layout.last else (None, slice(None))
    return Turn(cos[expand], sin[expand], "single", fold)


def batched(masks: tuple[int, ...], theta: jax.Array, layout: Any) -> Turn:
    """Angles ``(K, batch)``, each sample its own."""
    n, batch, dtype = layout.n, layout.batch, theta.dtype
    low_bits = n // 2
    inside_high = [k for k, m in enumerate(masks) if not m & (2**low_bits - 1)]
    inside_low = [k for k, m in enumerate(masks) if not m >> low_bits and m]
    straddling = [k for k in range(len(masks)) if k not in inside_high and k not in inside_low]
    high = parities(tuple(masks[k] >> low_bits for k in inside_high), n - low_bits)
    low = parities(tuple(masks[k] for k in inside_low), low_bits)
    both = parities(tuple(masks[k] for k in straddling), n)
    cube = (len(high), len(low), batch)
    parts = [
        (np.array(which), jnp.asarray(signs, dtype), shape)
        for which, signs, shape in (
            (inside_high, high, (len(high), 1, batch)),
            (inside_low, low, (1, len(low), batch)),
            (straddling, both, cube),
        )
        if which
    ]
    phis = [(signs @ theta[which]).reshape(len(low), -1) for which, signs, _ in parts]
    ends = np.cumsum([phi.shape[1] for phi in phis])[:-1].tolist()
    kept = [jnp.split(f, ends, axis=1) for f in _kept(jnp.concatenate(phis, axis=1))]
    shapes = [shape for _, _, shape in parts]
    tables = [[f.reshape(shape) for f in pair] for *pair, shape in zip(*kept, shapes, strict=True)]
    cos, sin = (jnp.broadcast_to(f, cube).reshape(-1, batch) for f in reduce(_times, tables))

    def fold(turn: jax.Array) -> jax.Array:
        turn = (turn if layout.last else turn.T).reshape(cube)
        out = jnp.zeros(theta.shape, dtype)
        for which, signs, shape in parts:
            summed = turn.sum(tuple(axis for axis in (0, 1) if shape[axis] < cube[axis]))
            out = out.at[which].set(signs.T @ summed.reshape(-1, batch))
        return out

    if not layout.last:
        cos, sin = cos.T, sin.T
    return Turn(cos, sin, "batched", fold)


def _kept(phi: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cos and sin of ``phi`` ``(m, k)``, written to memory once.

    A matrix product is the one thing XLA does not fuse into what follows; fused, every sine would be
    computed again for each amplitude that it multiplies. Turning the rows over and back hides from XLA
    that the product changes nothing.
    """
    phi = phi[::-1]
    back = jnp.asarray(np.eye(len(phi))[::-1], phi.dtype)
    table = back @ jnp.concatenate(cos_sin(phi), axis=1)
    cos, sin = jnp.split(table, 2, axis=1)
    return cos, sin


def _times(a: Any, b: Any) -> tuple[jax.Array, jax.Array]:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def constant(phases: tuple[tuple[int, float], ...], layout: Any) -> Turn:
    """Constant phases ``(mask, angle)``; a sign where that is all they are."""
    t = tables(tuple(m for m, _ in phases), layout.n)
    phi = ((t.high * np.array([f for _, f in phases])) @ t.low.T).ravel()
    cos, sin = np.cos(phi), np.sin(phi)
    dtype, shape = jnp.result_type(float), (-1, 1) if layout.last else (1, -1)
    if np.abs(sin).max() < 1e-12:
        return Turn(jnp.asarray(cos.round(), dtype).reshape(shape), None)
    return Turn(jnp.asarray(cos, dtype).reshape(shape), jnp.asarray(sin, dtype).reshape(shape))
