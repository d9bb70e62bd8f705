r"""Coefficients of Pauli words carried back through a network: one scan, and its own derivative.

A step takes W groups of one block: $c_{\mathrm{out}} = c_{\mathrm{in}} R$, 16 numbers each. The derivative
runs the scan backwards with what each step read; JAX's own would add an array as long as all words for
every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..reverse_mode import reverse_only
from .sets import WordSets

STEP, ELEMENT = 12e-6, 1.2e-9  # seconds of a step, and of a number in it; only their ratio matters


class Swept(NamedTuple):
    """Coefficients ``(slots + 2, k)``, and of what was dropped the sum of squares and of sizes, ``(k,)``."""

    coefficients: jax.Array
    squares: jax.Array
    sizes: jax.Array


@dataclass(frozen=True, eq=False)
class Sweep:
    """The steps of a set of words."""

    sets: WordSets

    @cached_property
    def steps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Block, inputs, outputs and drops of each step, filled up with groups that do nothing."""
        sets = self.sets
        counts = np.unique(sets.block, return_counts=True)[1]
        widths = [2**e for e in range(13)]
        cost = [sum(-(-c // w) for c in counts) * (STEP + 272 * w * ELEMENT) for w in widths]
        width = widths[int(np.argmin(cost))]
        nothing = np.full(16, sets.slots), np.full(16, sets.slots + 1), np.zeros(16, bool)
        out: list[list[Any]] = [[], [], [], []]
        order = np.flatnonzero(np.diff(sets.block)) + 1
        for group in np.split(np.arange(len(sets.block)), order):
            for first in range(0, len(group), width):
                part = group[first : first + width]
                pad = width - len(part)
                out[0].append(sets.block[part[0]])
                columns = (sets.inputs, sets.outputs, sets.dropped)
                for k, (column, none) in enumerate(zip(columns, nothing, strict=True)):
                    out[k + 1].append(np.concatenate([column[part], np.tile(none, (pad, 1))]))
        return tuple(np.array(column) for column in out)  # pyright: ignore[reportReturnType]

    def run(self, matrices: jax.Array, start: jax.Array) -> Swept:
        """Carry coefficients back.

        Args:
            matrices: R of all blocks, ``(blocks, 16, 16)``.
            start: ``(slots + 2, k)``, those of the readout's words.
        """
        if not len(self.sets.block):
            nothing = jnp.zeros(start.shape[1], start.dtype)
            return Swept(start, nothing, nothing)
        return _swept(self)(*reverse_only((matrices, start)))


def _swept(sweep: Sweep) -> Any:
    block, inputs, outputs, dropped = sweep.steps
    steps, masks = (
        (block, inputs, outputs),
        dropped,
    )  # NumPy's: both traces make constants of their own
    real = outputs < sweep.sets.slots

    def forward(matrices: jax.Array, start: jax.Array) -> tuple[Swept, Any]:
        def step(carry: Any, row: Any) -> Any:
            c, squares, sizes = carry
            b, i, o, gone = row
            read = c[i]  # (W, 16, k)
            new = jnp.einsum("wpk,pq->wqk", read, matrices[b])
            out = jnp.where(gone[..., None], new, 0)
            carry = (
                c.at[o].set(new),
                squares + (out**2).sum((0, 1)),
                sizes + jnp.abs(out).sum((0, 1)),
            )
            return carry, read

        nothing = jnp.zeros(start.shape[1], start.dtype)
        carry, reads = jax.lax.scan(step, (start, nothing, nothing), (*steps, masks))
        return Swept(*carry), reads

    @jax.custom_vjp
    def run(matrices: jax.Array, start: jax.Array) -> Swept:
        return forward(matrices, start)[0]

    def run_forward(matrices: jax.Array, start: jax.Array) -> Any:
        found, reads = forward(matrices, start)
        return found, (matrices, reads)

    def run_backward(residuals: Any, ct: Swept) -> Any:
        matrices, reads = residuals

        def step(carry: Any, row: Any) -> Any:
            ct_c, ct_matrices = carry
            b, i, o, gone, written, read = row
            matrix = matrices[b]
            new = jnp.einsum("wpk,pq->wqk", read, matrix)
            ct_new = jnp.where(written[..., None], ct_c[o], 0)
            ct_new += jnp.where(gone[..., None], 2 * new * ct.squares + jnp.sign(new) * ct.sizes, 0)
            ct_matrix = jnp.einsum("wpk,wqk->pq", read, ct_new)
            ct_c = ct_c.at[o].set(0).at[i].set(jnp.einsum("wqk,pq->wpk", ct_new, matrix))
            return (ct_c, ct_matrices.at[b].add(ct_matrix)), None

        first = ct.coefficients, jnp.zeros_like(matrices)
        rows = (*steps, masks, real, reads)
        (ct_start, ct_matrices), _ = jax.lax.scan(step, first, rows, reverse=True)
        return ct_matrices, ct_start

    run.defvjp(run_forward, run_backward)
    return run
