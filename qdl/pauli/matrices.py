"""The numbers of a Pauli network: its product state, and its blocks as real matrices on Pauli words.

The axis that counts wires or blocks comes first, that of samples behind it: long products of small matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..simulator.statevector import Values
from .network import Block, PauliNetwork, Step
from .transfer import words

Read = tuple[int | None, ...]
ZERO = np.array([1.0, 0.0, 1.0, 0.0])  # <I>, <X>, <Z>, <Y> of the state 0


def alike(blocks: Sequence[Block]) -> list[list[int]]:
    """Positions of the blocks of each form."""
    found: dict[Any, list[int]] = {}
    for i, block in enumerate(blocks):
        found.setdefault(block.form, []).append(i)
    return list(found.values())


def block_matrices(blocks: Sequence[Block], values: Values, read: Read | None = None) -> jax.Array:
    """R of blocks of one form: ``(B, 1 or batch, 4**w, 4**w)``.

    Args:
        blocks: of one form.
        values: the numbers behind their angles.
        read: for each wire the one letter that is asked of it, or None for all: then ``(B, b, rows, 4**w)``.
    """
    w, steps, out = len(blocks[0].wires), blocks[0].steps, None
    read = read or (None,) * w
    for k, step in enumerate(steps):
        matrix = _dense([block.steps[k].dense for block in blocks], values)
        last = k == len(steps) - 1
        asked = tuple(read[at] for at in step.on) if last else (None,) * len(step.on)
        r = _embedded(_on_words(matrix, step, asked), step.on, w, read if last else (None,) * w)
        out = r if out is None else r @ out
    assert out is not None
    return jnp.broadcast_to(out, (len(blocks), *out.shape[1:]))


def product_vectors(network: PauliNetwork) -> jax.Array:
    """The vectors of the product state, ``(wires, 4, 1 or batch)``, in the order of ``network.wires``."""
    dtype = jnp.result_type(float)
    zero = jnp.asarray(ZERO, dtype)[None, :, None]
    kept = {block.wires[0] for block in network.opening} | set(network.prepared)
    order = [wire for wire in network.wires if wire not in kept]
    parts = [jnp.broadcast_to(zero, (len(order), 4, 1))]
    for wire, state in network.prepared.items():
        start = _bloch(jnp.asarray(state).reshape(1, -1, 2))
        for block in network.opening:
            if block.wires[0] == wire:
                start = _turned(block_matrices([block], network.values), start)
        parts.append(start)
        order.append(wire)
    for group in alike(network.opening):
        blocks = [network.opening[i] for i in group]
        blocks = [block for block in blocks if block.wires[0] not in network.prepared]
        if blocks:
            parts.append(_opened(blocks, network.values))
            order += [block.wires[0] for block in blocks]
    wide = max(part.shape[-1] for part in parts)
    found = jnp.concatenate([jnp.broadcast_to(p, (*p.shape[:2], wide)) for p in parts])
    return take(found, [order.index(wire) for wire in network.wires])


def _opened(blocks: Sequence[Block], values: Values) -> jax.Array:
    """The vectors ``(B, 4, b)`` after one-wire gates of one form on the state 0."""
    [first, *more] = blocks[0].steps
    if not more and not first.channel:
        m = _dense([block.steps[0].dense for block in blocks], values)
        return _bloch(jnp.broadcast_to(m, (len(blocks), *m.shape[1:]))[..., 0])
    r = block_matrices(blocks, values)
    return _turned(r, jnp.asarray(ZERO, r.dtype)[None, :, None])


def _turned(r: jax.Array, vectors: jax.Array) -> jax.Array:
    """Matrices ``(B, b, 4, 4)`` on vectors ``(B, 4, b)``."""
    return jnp.einsum("Bbpq,Bqb->Bpb", *_of_one_batch(r, vectors))


def _of_one_batch(r: jax.Array, vectors: jax.Array) -> tuple[jax.Array, jax.Array]:
    wide = max(r.shape[1], vectors.shape[-1])
    return (
        jnp.broadcast_to(r, (r.shape[0], wide, *r.shape[2:])),
        jnp.broadcast_to(vectors, (r.shape[0], vectors.shape[1], wide)),
    )


def take(array: jax.Array, at: Sequence[int] | np.ndarray) -> jax.Array:
    """Entries of the first axis; a slice where they lie evenly, whose derivative is fast."""
    index = np.asarray(at, int)
    steps = set(np.diff(index).tolist()) or {1}
    if len(steps) == 1 and (step := steps.pop()) > 0:
        return array[index[0] : index[-1] + 1 : step] if len(index) else array[:0]
    return array[index]


def _bloch(state: jax.Array) -> jax.Array:
    """The vectors ``(B, 4, b)`` of amplitudes ``(B, b, 2)``."""
    zero, one = jnp.abs(state[..., 0]) ** 2, jnp.abs(state[..., 1]) ** 2
    cross = 2 * state[..., 0].conj() * state[..., 1]
    letters = [zero + one, cross.real, zero - one, cross.imag]
    return jnp.stack([jnp.asarray(each, jnp.result_type(float)) for each in letters], axis=1)


def _dense(dense: Sequence[Any], values: Values) -> jax.Array:
    """Matrices ``(B or 1, 1 or batch, d, d)``."""
    if dense[0].array is not None:
        found = jnp.stack([values.arrays[each.array] for each in dense])
        return found if dense[0].batched else found[:, None]
    form, batched = dense[0].form, dense[0].batched
    if not dense[0].angles:
        return form.build(jnp.zeros(0))[None, None]
    found = form.build(values.angles([each.angles for each in dense], batched))
    return found if batched else found[:, None]


def _on_words(matrix: jax.Array, step: Step, read: Read) -> jax.Array:
    """R ``(B, b, rows, 4**w)`` of a unitary, or of a channel on vectorised density matrices."""
    w = len(step.on)
    every = words(w)
    asked = every[_rows(read)]
    dtype = jnp.result_type(matrix.dtype, np.complex64)
    columns = jnp.asarray(every.swapaxes(1, 2).reshape(4**w, -1).T / 2**w, dtype)
    if step.channel:
        left = jnp.asarray(asked.swapaxes(1, 2).reshape(len(asked), -1), dtype)
        return (left @ matrix @ columns.conj()).real
    u = matrix[..., None, :, :]
    back = jnp.swapaxes(u.conj(), -1, -2) @ (jnp.asarray(asked, dtype) @ u)  # U^+ P U
    return _real_product(back.reshape(*back.shape[:-2], -1), columns)


def _real_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """The real part of a product, by two real ones."""
    return a.real @ b.real - a.imag @ b.imag


def _rows(read: Read) -> list[int]:
    """The local words that have these letters; None leaves a wire open."""
    at = np.arange(4 ** len(read)).reshape((4,) * len(read))
    return at[tuple(slice(None) if r is None else slice(r, r + 1) for r in read)].ravel().tolist()


def _embedded(r: jax.Array, on: tuple[int, ...], w: int, read: Read) -> jax.Array:
    """R ``(B, b, rows, 4**k)`` on some positions of a block as R on all of them."""
    if on == tuple(range(w)):
        return r
    rows = [4 if letter is None else 1 for letter in read]
    lead = r.shape[:2]
    if len(on) == w:  # two wires the other way round
        back = r.reshape(*lead, rows[1], rows[0], 4, 4)
        return jnp.transpose(back, (0, 1, 3, 2, 5, 4)).reshape(*lead, -1, 16)
    [other] = [k for k in range(w) if k not in on]
    eye = jnp.asarray(np.eye(4)[_rows((read[other],))], r.dtype)
    if other == 1:
        wide = r[..., :, None, :, None] * eye[:, None, :]
    else:
        wide = r[..., None, :, None, :] * eye[:, None, :, None]
    return wide.reshape(*lead, -1, 16)
