"""A Pauli network as tensors whose edges have dimension 4, for one word: what a contraction library takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from .matrices import alike, block_matrices, product_vectors
from .network import PauliNetwork
from .words import Word, letter

Edges = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Layout:
    """Which edges each tensor has; first the vectors of the wires, then the blocks.

    Attributes:
        edges: of each tensor. A block has those that go on, then those that come in.
        letters: for each block the letter that is read on each wire, None where it goes on.
    """

    edges: Edges
    letters: tuple[tuple[int | None, ...], ...]


def layout_of(network: PauliNetwork, word: Word) -> Layout:
    """The tensors of a word's expectation value."""
    last = {wire: i for i, block in enumerate(network.blocks) for wire in block.wires}
    edge: dict[int, int] = {wire: i for i, wire in enumerate(network.wires) if wire in last}
    edges: list[tuple[int, ...]] = [(edge[w],) if w in edge else () for w in network.wires]
    letters, new = [], len(network.wires)
    for i, block in enumerate(network.blocks):
        read = tuple(None if last[w] != i else letter(word, w) for w in block.wires)
        come = tuple(edge[w] for w in block.wires)
        leave = []
        for wire, asked in zip(block.wires, read, strict=True):
            if asked is None:
                edge[wire] = new
                leave.append(new)
                new += 1
        edges.append((*leave, *come))
        letters.append(read)
    return Layout(tuple(edges), tuple(letters))


def arrays_of(network: PauliNetwork, layout: Layout, word: Word) -> tuple[list[Any], list[Any]]:
    """The tensors, and for each its axis of samples in front or None where all samples share it."""
    vectors = product_vectors(network)
    many = vectors.shape[-1] > 1
    arrays, axes = [], []
    for at, wire in enumerate(network.wires):
        tensor = vectors[:, at].T if many else vectors[:, at, 0]
        edges = layout.edges[at]
        arrays.append(tensor if edges else tensor[..., letter(word, wire)])
        axes.append(0 if many else None)
    out: dict[int, Any] = {}
    for group in alike(network.blocks):
        by_letters: dict[Any, list[int]] = {}
        for i in group:
            by_letters.setdefault(layout.letters[i], []).append(i)
        for read, members in by_letters.items():
            r = block_matrices([network.blocks[i] for i in members], network.values, read)
            shape = (*(4,) * read.count(None), 4, 4)
            r = r.reshape(*shape, *r.shape[2:])
            for k, i in enumerate(members):
                one = r[..., k, :]
                batched = one.shape[-1] > 1
                out[i] = jnp.moveaxis(one, -1, 0) if batched else one[..., 0]
                axes_of = 0 if batched else None
                out[i] = out[i], axes_of
    for i in range(len(network.blocks)):
        arrays.append(out[i][0])
        axes.append(out[i][1])
    return arrays, axes


def contracted(
    arrays: Sequence[Any], axes: Sequence[Any], layout: Layout, path: Any, chunk: int | None
) -> jax.Array:
    """The value, ``(1 or batch,)``; ``chunk`` samples at once, None for all."""
    import cotengra

    def one(*each: Any) -> jax.Array:
        found: Any = cotengra.array_contract(list(each), layout.edges, (), optimize=path)
        return found

    if all(axis is None for axis in axes):
        return one(*arrays)[None]
    if chunk is None:
        return jax.vmap(one, tuple(axes))(*arrays)
    mapped = [a for a, axis in zip(arrays, axes, strict=True) if axis == 0]

    def some(rows: Any) -> jax.Array:
        rest = iter(rows)
        return one(*(next(rest) if x == 0 else a for a, x in zip(arrays, axes, strict=True)))

    return jax.lax.map(jax.checkpoint(some), mapped, batch_size=chunk)
