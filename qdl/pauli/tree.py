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
import numpy as np

from .matrices import Read, alike, block_matrices, product_vectors, take
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
            value = value * table[at, letter(word, wire)]
    matrices = _matrices(network, tree)
    for level in tree.levels:
        place = {wire: at for at, wire in enumerate(order)}
        taken: set[int] = set()
        parts, left = [], []
        for group in _alike(network.blocks, tree, level):
            blocks, read = [network.blocks[i] for i in group], tree.letters[group[0]]
            taken |= {w for block in blocks for w in block.wires}
            a, b = (take(table, [place[e.wires[k]] for e in blocks]) for k in (0, 1))
            both = (a[:, :, None] * b[:, None]).reshape(len(blocks), 16, -1)
            r, built = matrices[group[0]][0]
            rows = take(r, [matrices[i][1] for i in group])[:, :, _picked(built, read)]
            found = _applied(rows, both)
            if None in read:
                parts.append(found)
                left += [block.wires[read.index(None)] for block in blocks]
            else:
                value = value * jnp.prod(found[:, 0], axis=0)
        rest = [wire for wire in order if wire not in taken]
        parts.append(take(table, [place[wire] for wire in rest]))
        table, order = jnp.concatenate(parts), left + rest
    return value


def _matrices(network: PauliNetwork, tree: Tree) -> dict[int, tuple[tuple[jax.Array, Read], int]]:
    """For each block the array that holds its rows with what they are of, and where in it.

    Blocks of one form are one array, with the letters that they have in common.
    """
    found = {}
    for group in alike(network.blocks):
        letters = [set(each) for each in zip(*(tree.letters[i] for i in group), strict=True)]
        read = tuple(each.pop() if len(each) == 1 else None for each in letters)
        r = block_matrices([network.blocks[i] for i in group], network.values, read)
        found |= {i: ((r, read), k) for k, i in enumerate(group)}
    return found


def _picked(built: Read, read: Read) -> Any:
    """Which of the rows that were built are read."""
    at = np.arange(4 ** built.count(None)).reshape([4 if r is None else 1 for r in built])
    pairs = zip(built, read, strict=True)
    rows = at[tuple(slice(None) if a == b else slice(b, b + 1) for a, b in pairs)].ravel()  # type: ignore
    return slice(None) if rows.size == at.size else rows


def _applied(rows: jax.Array, both: jax.Array) -> jax.Array:
    """Rows ``(B, 1 or b, p, 16)`` on products ``(B, 16, b)``."""
    if rows.shape[1] == 1:
        return rows[:, 0] @ both
    return jnp.einsum("Bbpq,Bqb->Bpb", rows, jnp.broadcast_to(both, (*both.shape[:2], rows.shape[1])))


def _alike(blocks: tuple[Block, ...], tree: Tree, level: Iterable[int]) -> list[list[int]]:
    found: dict[Any, list[int]] = {}
    for i in level:
        found.setdefault((blocks[i].form, tree.letters[i]), []).append(i)
    return list(found.values())
