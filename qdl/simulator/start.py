"""The first state: an outer product over wires, or given amplitudes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp

from .fuse import as_dense
from .plan import Plan, is_batched
from .split import Preparation
from .statevector import Layout, Values


def product_state(
    plan: Plan, order: list[int], values: Values, layout: Layout, matmul: Any = jnp.matmul
) -> jax.Array:
    """The state after the one-wire elements at the start: an outer product over wires."""
    alike: dict[Any, list[int]] = {}
    steps = {
        wire: [as_dense(list(run), (wire,)) for _, run in groupby(plan.prefix[wire], is_batched)]
        for wire in order
    }
    for wire in order:
        signature = tuple((step.form, step.batched) for step in steps[wire])
        alike.setdefault(signature, []).append(wire)
    vectors: dict[int, jax.Array] = {}
    for signature, wires in alike.items():
        vector = jnp.zeros((len(wires), 1, 2), values.shared.dtype).at[..., 0].set(1)
        for j, (form, batched) in enumerate(signature):
            matrix = form.build(values.angles([steps[wire][j].angles for wire in wires], batched))
            matrix = (
                jnp.broadcast_to(matrix, (len(wires), *matrix.shape[-2:]))
                if matrix.ndim == 2
                else matrix
            )
            matrix = matrix if batched else matrix[:, None]
            vector = (matrix * vector[..., None, :]).sum(-1)  # (wires, batch or 1, 2)
        vectors |= {wire: vector[i] for i, wire in enumerate(wires)}
    half = (len(order) + 1) // 2
    left = _outer([vectors[w] for w in order[:half]])
    right = _outer([vectors[w] for w in order[half:]])
    # (a + ib)(c + id) as a matrix product over (c, d): its derivative is one, too.
    rows = jnp.concatenate(
        [jnp.stack([left.real, -left.imag], -1), jnp.stack([left.imag, left.real], -1)], -2
    )
    columns = jnp.stack([right.real, right.imag], -2)
    lead = max(len(rows), len(columns))
    rows, columns = (jnp.broadcast_to(f, (lead, *f.shape[1:])) for f in (rows, columns))
    state = jnp.swapaxes(matmul(rows, columns).reshape(lead, 2, -1), 0, 1)
    state = jnp.broadcast_to(state, (2, layout.batch, 2**layout.n))
    return jnp.swapaxes(state, 1, 2) if layout.last else state


@jax.custom_vjp
def pulled_matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    """A @ B, to be pulled back: JAX's derivative contracts axes that XLA's fast products do not know."""
    return a @ b


pulled_matmul.defvjp(
    lambda a, b: (a @ b, (a, b)),
    lambda kept, ct: (ct @ jnp.swapaxes(kept[1], -1, -2), jnp.swapaxes(kept[0], -1, -2) @ ct),
)


def _outer(vectors: list[jax.Array]) -> jax.Array:
    """The outer product of vectors ``(batch or 1, 2)``, or longer ones: ``(batch or 1, 2**m)``."""
    out = jnp.ones((1, 1))
    for vector in vectors:
        out = out[..., :, None] * vector[..., None, :]
        out = out.reshape(out.shape[0], -1)
    return out


def prepared_state(
    start: Sequence[Preparation], order: list[int], values: Values, layout: Layout
) -> jax.Array:
    """Given amplitudes on some groups of wires, |0> on the others."""
    prepared, amplitudes = [wire for part in start for wire in part.wires], jnp.ones((1, 1))
    n, k = len(order), len(prepared)
    for part in start:
        own = values.arrays[part.state] if isinstance(part.state, int) else jnp.asarray(part.state)
        own = own.reshape(-1, 2 ** len(part.wires))
        amplitudes = own if len(start) == 1 else _outer([amplitudes, own])
    full = jnp.zeros((len(amplitudes), 2**k, 2 ** (n - k)), amplitudes.dtype)
    full = full.at[..., 0].set(amplitudes).reshape(-1, *(2,) * n)
    wires = [*prepared, *(w for w in order if w not in prepared)]
    full = jnp.transpose(full, (0, *(1 + wires.index(w) for w in order))).reshape(-1, 2**n)
    full = jnp.broadcast_to(full, (layout.batch, 2**n))
    state = jnp.stack([full.real, full.imag]).astype(values.shared.dtype)
    return jnp.swapaxes(state, 1, 2) if layout.last else state
