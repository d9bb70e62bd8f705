"""The numbers of a Pauli network: its product state, and its blocks as real matrices on Pauli words.

The axis that counts blocks comes last, so that a matrix of many blocks is built by operations on long arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..simulator.statevector import Values
from .network import Block, PauliNetwork, Step

Read = tuple[int | None, ...]
ZERO = np.array([1.0, 0.0, 1.0, 0.0])  # <I>, <X>, <Z>, <Y> of the state 0


def alike(blocks: Sequence[Block]) -> list[list[int]]:
    """Positions of the blocks of each form."""
    found: dict[Any, list[int]] = {}
    for i, block in enumerate(blocks):
        found.setdefault(block.form, []).append(i)
    return list(found.values())


def block_matrices(blocks: Sequence[Block], values: Values, read: Read | None = None) -> jax.Array:
    """R of blocks of one form: ``(4**w, 4**w, B, 1 or batch)``.

    Args:
        blocks: of one form.
        values: the numbers behind their angles.
        read: for each wire the one letter that is asked of it, or None for all: then ``(rows, 4**w, B, b)``.
    """
    wires, steps, out = len(blocks[0].wires), blocks[0].steps, None
    for k, step in enumerate(steps):
        matrix = _dense([block.steps[k].dense for block in blocks], values)
        whole = step.on == tuple(range(wires))
        asked = read if whole and k == len(steps) - 1 else None
        r = (
            _embedded(_on_words(matrix, step, asked), step.on, wires)
            if asked is None
            else (_on_words(matrix, step, asked))
        )
        out = r if out is None else jnp.einsum("pqBb,qrBb->prBb", r, out)
        if read is not None and asked is None and k == len(steps) - 1:
            rows = out.reshape(*(4,) * wires, *out.shape[1:])
            out = rows[tuple(slice(None) if r is None else slice(r, r + 1) for r in read)]
            out = out.reshape(-1, *rows.shape[wires:])
    assert out is not None
    return jnp.broadcast_to(out, (*out.shape[:2], len(blocks), out.shape[3]))


def product_vectors(network: PauliNetwork) -> jax.Array:
    """The vectors of the product state, ``(4, wires, 1 or batch)``, in the order of ``network.wires``."""
    dtype = jnp.result_type(float)
    zero = jnp.asarray(ZERO, dtype)[:, None, None]
    kept = {block.wires[0] for block in network.opening} | set(network.prepared)
    order = [wire for wire in network.wires if wire not in kept]
    parts = [jnp.broadcast_to(zero, (4, len(order), 1))]
    for wire, state in network.prepared.items():
        start = _bloch(jnp.asarray(state).reshape(-1, 2).T[:, None])
        mine = [block for block in network.opening if block.wires[0] == wire]
        for block in mine:
            start = (block_matrices([block], network.values) * start[None]).sum(1)
        parts.append(start)
        order.append(wire)
    for group in alike(network.opening):
        blocks = [network.opening[i] for i in group]
        blocks = [block for block in blocks if block.wires[0] not in network.prepared]
        if blocks:
            parts.append(_opened(blocks, network.values))
            order += [block.wires[0] for block in blocks]
    wide = max(part.shape[-1] for part in parts)
    found = jnp.concatenate([jnp.broadcast_to(p, (*p.shape[:2], wide)) for p in parts], axis=1)
    return take(found, [order.index(wire) for wire in network.wires])


def _opened(blocks: Sequence[Block], values: Values) -> jax.Array:
    """The vectors ``(4, B, b)`` after one-wire gates of one form on the state 0."""
    [first, *more] = blocks[0].steps
    if not more and not first.channel:
        m = _dense([block.steps[0].dense for block in blocks], values)
        m = jnp.broadcast_to(m, (len(blocks), *m.shape[1:]))
        return _bloch(jnp.moveaxis(m[..., 0], -1, 0))
    r = block_matrices(blocks, values)
    return jnp.einsum("pqBb,q->pBb", r, jnp.asarray(ZERO, r.dtype))


def take(vectors: jax.Array, at: Sequence[int]) -> jax.Array:
    """Entries of the second axis; a slice where they lie evenly, whose derivative is fast."""
    index = np.asarray(at)
    steps = set(np.diff(index).tolist()) or {1}
    if len(steps) == 1 and (step := steps.pop()) > 0:
        return vectors[:, index[0] : index[-1] + 1 : step] if len(index) else vectors[:, :0]
    return vectors[:, index]


def _bloch(state: jax.Array) -> jax.Array:
    """The vectors ``(4, ...)`` of amplitudes ``(2, ...)``."""
    zero, one = jnp.abs(state[0]) ** 2, jnp.abs(state[1]) ** 2
    cross = 2 * state[0].conj() * state[1]
    letters = [zero + one, cross.real, zero - one, cross.imag]
    return jnp.stack([jnp.asarray(each, jnp.result_type(float)) for each in letters])


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


def _on_words(matrix: jax.Array, step: Step, read: Read | None) -> jax.Array:
    """R ``(rows, 4**w, B, b)`` of a unitary, or of a channel on vectorised density matrices."""
    w = len(step.on)
    m = jnp.moveaxis(matrix, (0, 1), (-2, -1))  # (d, d, B, b)
    tail = m.shape[2:]
    if step.channel:
        s = m.reshape((2,) * 4 * w + tail)
    else:
        u = m.reshape(2**w, 1, 2**w, 1, *tail) * m.conj().reshape(1, 2**w, 1, 2**w, *tail)
        s = u.reshape((2,) * 4 * w + tail)
    # Axes: rows i1 .. iw, j1 .. jw, then columns k1 .. kw, l1 .. lw. Letters that are done stand in front.
    # The barriers keep XLA from computing every sum of sums anew for each letter.
    for side in range(2):
        for k in range(w):
            first = side * w + k
            letter = None if side or read is None else read[k]
            s = jax.lax.optimization_barrier(_letters(s, first, first + w - k, side, letter))
    return (s.real / 2**w).reshape(-1, 4**w, *tail)


def _letters(s: jax.Array, row: int, column: int, side: int, letter: int | None) -> jax.Array:
    """Two axes of a density matrix as one of letters I, X, Z, Y, or of one of them."""

    def at(i: int, j: int) -> jax.Array:
        index: list[Any] = [slice(None)] * s.ndim
        index[row], index[column] = i, j
        return s[tuple(index)]

    a, b, c, d = at(0, 0), at(0, 1), at(1, 0), at(1, 1)
    found = [
        lambda: a + d,
        lambda: b + c,
        lambda: a - d,
        lambda: (-1j if side else 1j) * (b - c),
    ]
    return jnp.stack(
        [f() for f in (found if letter is None else found[letter : letter + 1])], axis=row
    )


def _embedded(r: jax.Array, on: tuple[int, ...], wires: int) -> jax.Array:
    """R on some positions of a block as R on all of them."""
    tail = r.shape[2:]
    if len(on) == wires:
        if on == tuple(range(wires)):
            return r
        back = r.reshape(4, 4, 4, 4, *tail)
        return jnp.transpose(back, (1, 0, 3, 2, 4, 5)).reshape(16, 16, *tail)
    eye = jnp.eye(4, dtype=r.dtype)
    if on == (0,):
        wide = r[:, None, :, None] * eye[None, :, None, :, None, None]
    else:
        wide = r[None, :, None, :] * eye[:, None, :, None, None, None]
    return wide.reshape(16, 16, *tail)
