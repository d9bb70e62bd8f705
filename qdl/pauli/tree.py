r"""Exact values where blocks join wires like a tree: linear in the number of wires.

A block takes the vectors of two wires, $v_P = \sum_{ij} R_{(P,L),ij}\,a_i b_j$, and leaves one wire that
goes on; the other is dropped, L = I, or measured. All blocks of one level and form are one product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from .matrices import block_matrices, product_vectors, take
from .network import Block, PauliNetwork
from .words import Word, letter


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
    table, order = product_vectors(network), list(network.wires)
    used = {w for block in network.blocks for w in block.wires}
    value: Any = jnp.ones(table.shape[-1], table.dtype)
    for at, wire in enumerate(order):
        if wire not in used:
            value = value * table[letter(word, wire), at]
    matrices = _matrices(network, tree)
    for level in tree.levels:
        taken: set[int] = set()
        parts, left = [], []
        for group in _alike(network.blocks, tree, level):
            blocks, read = [network.blocks[i] for i in group], tree.letters[group[0]]
            taken |= {w for block in blocks for w in block.wires}
            a, b = (take(table, [order.index(e.wires[k]) for e in blocks]) for k in (0, 1))
            both = (a[:, None] * b[None]).reshape(16, *a.shape[1:])
            r = matrices[group[0]][0]
            at = [matrices[i][1] for i in group]
            rows = take(r.reshape(-1, *r.shape[2:]), at).reshape(*r.shape[:2], len(at), -1)
            if None in read:
                parts.append(_applied(rows, both))
                left += [block.wires[read.index(None)] for block in blocks]
            else:
                value = value * jnp.prod((rows[0] * both).sum(0), axis=0)
        rest = [wire for wire in order if wire not in taken]
        parts.append(take(table, [order.index(wire) for wire in rest]))
        table, order = jnp.concatenate(parts, axis=1), left + rest
    return value


def _matrices(network: PauliNetwork, tree: Tree) -> dict[int, tuple[jax.Array, int]]:
    """For each block the array that holds its rows, and where."""
    found = {}
    for group in _alike(network.blocks, tree, range(len(network.blocks))):
        blocks = [network.blocks[i] for i in group]
        r = block_matrices(blocks, network.values, tree.letters[group[0]])
        found |= {i: (r, k) for k, i in enumerate(group)}
    return found


def _applied(rows: jax.Array, both: jax.Array) -> jax.Array:
    """Rows ``(4, 16, B, 1 or b)`` on products ``(16, B, b)``."""
    if rows.shape[-1] == 1:
        return jnp.einsum("pqB,qBb->pBb", rows[..., 0], both)
    return (rows * both[None]).sum(1)


def _alike(blocks: tuple[Block, ...], tree: Tree, level: Iterable[int]) -> list[list[int]]:
    found: dict[Any, list[int]] = {}
    for i in level:
        found.setdefault((blocks[i].form, tree.letters[i]), []).append(i)
    return list(found.values())
