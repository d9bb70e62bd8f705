r"""Exact values where blocks join wires like a tree: linear in the number of wires.

A block takes the vectors of two wires, $v_P = \sum_{ij} R_{(P,L),ij}\,a_i b_j$, and leaves one wire that
goes on; the other is dropped, L = I, or measured. One scan takes some blocks of a level at a time, and has
its own derivative: each vector is read once, so that nothing is added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .matrices import block_matrices, product_vectors, take
from .network import PauliNetwork
from .words import Word, letter

STEP, BLOCK = 20e-6, 2e-6  # seconds of a step, and of a block in it; only their ratio matters


@dataclass(frozen=True)
class Tree:
    """The blocks of a tree by level, what each leaves and whom it joins.

    Attributes:
        levels: for each level the blocks of it, by position.
        letters: for each block, the letter that is read on each wire; None for the wire that goes on.
    """

    levels: tuple[tuple[int, ...], ...]
    letters: tuple[tuple[int | None, ...], ...]


def tree_of(network: PauliNetwork, word: Word) -> Tree | None:
    """How the blocks of a network join for one word; None where they are no tree."""
    if network.chains:
        return None
    last = {wire: i for i, block in enumerate(network.blocks) for wire in block.wires}
    depth: dict[int, int] = {}
    letters, levels = [], {}
    for i, block in enumerate(network.blocks):
        read = tuple(None if last[w] != i else letter(word, w) for w in block.wires)
        if read.count(None) > 1:
            return None
        letters.append(read)
        level = max(depth.get(w, 0) for w in block.wires)
        depth |= dict.fromkeys(block.wires, level + 1)
        levels.setdefault(level, []).append(i)
    return Tree(tuple(tuple(levels[k]) for k in sorted(levels)), tuple(letters))


def tree_value(network: PauliNetwork, tree: Tree, word: Word) -> jax.Array:
    """The expectation value of a word, ``(1 or batch,)``."""
    vectors, n = product_vectors(network), len(network.wires)
    place = {
        wire: at for at, wire in enumerate(network.wires)
    }  # of each wire's vector, at its time
    alone = set(network.wires) - {w for block in network.blocks for w in block.wires}
    ends = [(place[wire], letter(word, wire)) for wire in alone]
    if network.blocks:
        rows, components = _rows(network, tree)
        inputs = np.zeros((len(network.blocks), 2), int)
        for i, (block, read) in enumerate(zip(network.blocks, tree.letters, strict=True)):
            inputs[i] = [place[w] for w in block.wires]
            place |= dict.fromkeys(block.wires, n + i)
            if None not in read:
                ends.append((n + i, components[i]))
        vectors = _joined(vectors, rows, inputs, _steps(tree.levels))
    at, component = np.array(ends).T
    return jnp.prod(vectors[at, component], axis=0)


def _rows(network: PauliNetwork, tree: Tree) -> tuple[jax.Array, list[int]]:
    """R of each block, ``(blocks, 1 or batch, 4, 16)``, and which row is read where no wire goes on."""
    groups: dict[Any, list[int]] = {}
    components = []
    for i, (block, read) in enumerate(zip(network.blocks, tree.letters, strict=True)):
        component = 0
        if None not in read:  # built like the others, with one wire open
            k = int(read[0] == 0)
            component, read = read[k] or 0, (*read[:k], None, *read[k + 1 :])
        components.append(component)
        groups.setdefault((block.form, read), []).append(i)
    parts = [
        block_matrices([network.blocks[i] for i in group], network.values, read)
        for (_, read), group in groups.items()
    ]
    wide = max(part.shape[1] for part in parts)
    whole = jnp.concatenate([jnp.broadcast_to(p, (len(p), wide, 4, 16)) for p in parts])
    order = [i for group in groups.values() for i in group]
    return take(whole, np.argsort(order)), components


def _steps(levels: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """The blocks of each step, ``(steps, W)``, those of a level side by side; -1 for none."""
    widths = [2**e for e in range(10)]
    cost = [sum(-(-len(level) // w) for level in levels) * (STEP + w * BLOCK) for w in widths]
    width = widths[int(np.argmin(cost))]
    rows = [
        level[first : first + width] for level in levels for first in range(0, len(level), width)
    ]
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows])


def _joined(
    vectors: jax.Array, rows: jax.Array, inputs: np.ndarray, steps: np.ndarray
) -> jax.Array:
    """The vectors ``(n, 4, b)`` of the wires with those of all blocks behind them, ``(n + blocks, 4, b)``."""
    n, blocks = len(vectors), len(inputs)
    none = n + blocks  # a place that holds zeros, and one behind it that is never read
    reads = np.where(steps[..., None] < 0, none, inputs[steps])
    writes = np.where(steps < 0, none + 1, n + steps)
    table = jnp.concatenate([vectors, jnp.zeros((blocks + 2, *vectors.shape[1:]), vectors.dtype)])
    taken = take(rows, np.where(steps < 0, 0, steps).ravel())
    taken = taken.reshape(*steps.shape, *rows.shape[1:])
    run = _scan(reads, writes)
    if rows.shape[1] == 1:
        return run(table, taken[:, :, 0])
    table = jnp.broadcast_to(table, (*table.shape[:2], rows.shape[1]))
    return jax.vmap(lambda t, r: run(t[..., None], r)[..., 0], (-1, 2), -1)(table, taken)


def _scan(reads: np.ndarray, writes: np.ndarray) -> Any:
    """The scan over steps, of tables ``(N, 4, b)`` and rows ``(steps, W, 4, 16)``."""

    def forward(table: jax.Array, rows: jax.Array) -> Any:
        def step(table: jax.Array, row: Any) -> Any:
            r, read, write = row
            a, b = table[read[:, 0]], table[read[:, 1]]
            return table.at[write].set(r @ _both(a, b)), (a, b)

        return jax.lax.scan(step, table, (rows, reads, writes))

    @jax.custom_vjp
    def run(table: jax.Array, rows: jax.Array) -> jax.Array:
        return forward(table, rows)[0]

    def run_forward(table: jax.Array, rows: jax.Array) -> Any:
        found, taken = forward(table, rows)
        return found, (rows, taken)

    def run_backward(residuals: Any, ct: jax.Array) -> Any:
        rows, taken = residuals

        def step(ct: jax.Array, row: Any) -> Any:
            r, read, write, (a, b) = row
            out = ct[write]
            both = (jnp.swapaxes(r, 1, 2) @ out).reshape(len(out), 4, 4, -1)
            slope = out @ jnp.swapaxes(_both(a, b), 1, 2)
            ct = ct.at[read[:, 0]].set((both * b[:, None]).sum(2))
            return ct.at[read[:, 1]].set((both * a[:, :, None]).sum(1)), slope

        ct = ct.at[-2:].set(0)
        ct, slopes = jax.lax.scan(step, ct, (rows, reads, writes, taken), reverse=True)
        return ct, slopes

    run.defvjp(run_forward, run_backward)
    return run


def _both(a: jax.Array, b: jax.Array) -> jax.Array:
    """Products of vectors ``(W, 4, b)``: ``(W, 16, b)``."""
    return (a[:, :, None] * b[:, None]).reshape(len(a), 16, -1)
