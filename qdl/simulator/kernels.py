"""Moving amplitudes and multiplying by small matrices.

A state is real: ``(2, 2**n, batch)``, samples next to each other, or ``(2, batch, 2**n)`` where the batch
is small. Position 0 is the most significant bit of the index.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def parities(masks: tuple[int, ...], n: int) -> np.ndarray:
    """(-1)^(parity of b & mask) for all b of n bits: ``(2**n, len(masks))``."""
    b = np.arange(2**n)[:, None] & np.array(masks, dtype=np.int64)[None, :]
    return 1.0 - 2.0 * (np.bitwise_count(b) & 1)  # uint8 inside, floats out


def source_index(rows: tuple[int, ...], flips: tuple[int, ...]) -> np.ndarray | None:
    """For every new basis state the old one it comes from; None where nothing moves."""
    n = len(rows)
    if rows == tuple(1 << (n - 1 - p) for p in range(n)) and not any(flips):
        return None
    old = np.array([sum(flip << (n - 1 - p) for p, flip in enumerate(flips))], dtype=np.int32)
    for bit in range(
        n
    ):  # the map is linear: setting one more bit flips the same old bits everywhere
        column = sum((row >> bit & 1) << (n - 1 - p) for p, row in enumerate(rows))
        old = np.concatenate([old, old ^ np.int32(column)])
    return old


def inverse(index: np.ndarray) -> np.ndarray:
    """The permutation that undoes another."""
    out = np.empty_like(index)
    out[index] = np.arange(len(index), dtype=index.dtype)
    return out


def gather(state: jax.Array, index: np.ndarray, layout: Any) -> jax.Array:
    """``state`` with its amplitudes moved."""
    axis = 1 if layout.last else 2
    return jnp.take(state, index, axis=axis, unique_indices=True, mode="clip")


def multiply(state: jax.Array, cos: jax.Array, sin: jax.Array) -> jax.Array:
    """The state times cos + i sin."""
    re, im = state[0], state[1]
    return jnp.stack([re * cos - im * sin, re * sin + im * cos])


def apply(state: jax.Array, matrix: jax.Array, group: Any, layout: Any) -> jax.Array:
    """A matrix on neighbouring positions: ``(s, s)``, or one per sample, ``(batch, s, s)``."""
    after = 2 ** (layout.n - group.first - group.width)
    if group.batched:
        view = jnp.moveaxis(state, 2, 0) if layout.last else jnp.swapaxes(state, 0, 1)
        view = view.reshape(layout.batch, 2, -1, 2**group.width, after)
        out = jax.vmap(_matrix)(matrix, view).reshape(layout.batch, 2, -1)
        return jnp.moveaxis(out, 0, 2) if layout.last else jnp.swapaxes(out, 0, 1)
    view = state.reshape(2, -1, 2**group.width, after * (layout.batch if layout.last else 1))
    return _matrix(matrix, view).reshape(state.shape)


def undo(state: jax.Array, matrix: jax.Array, group: Any, layout: Any) -> jax.Array:
    """The state before ``apply``, for a unitary matrix."""
    return apply(state, jnp.swapaxes(matrix, -1, -2).conj(), group, layout)


def _matrix(matrix: jax.Array, view: jax.Array) -> jax.Array:
    """A matrix on axis 2 of ``(2, left, s, right)``, real part and imaginary part in front."""
    if not jnp.iscomplexobj(matrix):
        return _product(matrix, view)
    # [[Re, -Im], [Im, Re]] on the real parts above the imaginary ones: one product instead of four.
    full = jnp.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
    pairs = jnp.swapaxes(view, 0, 1)
    out = _product(full, pairs.reshape(len(pairs), len(full), -1)).reshape(pairs.shape)
    return jnp.swapaxes(out, 0, 1)


def _product(matrix: jax.Array, view: jax.Array) -> jax.Array:
    """Matrix @ view over the last two axes, as explicit batched products: einsum would transpose."""
    if view.shape[-1] == 1:
        return (view[..., 0] @ matrix.T)[..., None]
    return jnp.matmul(jnp.broadcast_to(matrix, (*view.shape[:-2], *matrix.shape)), view)
