"""A Pauli network as tensors whose edges have dimension 4, for one word: what a contraction library takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .matrices import alike, block_matrices, product_vectors
from .network import PauliNetwork
from .words import Word, letter

Edges = tuple[tuple[int, ...], ...]
Sizes = tuple[tuple[int, int], ...]  # of edges that are not 4 wide


@dataclass(frozen=True)
class Site:
    """A site of a matrix product state: which ends it is, and the letter read, None where it goes on."""

    first: bool
    last: bool
    letter: int | None


@dataclass(frozen=True)
class Layout:
    """Which edges each tensor has; first the wires, then gates that open sites, then the blocks.

    Attributes:
        edges: of each tensor. A block has those that go on, then those that come in.
        letters: for each block the letter that is read on each wire, None where it goes on.
        sites: for each wire its site, None for one that starts alone.
        opened: for each gate that opens a site the letter that is read, None where the wire goes on.
        sizes: of the bonds.
    """

    edges: Edges
    letters: tuple[tuple[int | None, ...], ...]
    sites: tuple[Site | None, ...]
    opened: tuple[int | None, ...]
    sizes: Sizes


def layout_of(network: PauliNetwork, word: Word) -> Layout:
    """The tensors of a word's expectation value."""
    last = {wire: i for i, block in enumerate(network.blocks) for wire in block.wires}
    edge: dict[int, int] = {wire: i for i, wire in enumerate(network.wires) if wire in last}
    new = len(network.wires)
    opening = [block.wires[0] for block in network.opening if block.wires[0] in network.chained]
    bonds: dict[int, tuple[int, ...]] = {}
    ends: dict[int, tuple[bool, bool]] = {}
    sizes = []
    for wires, tensors in network.chains:
        bond = tuple(range(new, new + len(wires) - 1))
        sizes += [(each, tensors.shape[-1] ** 2) for each in bond]
        new += len(bond)
        for i, wire in enumerate(wires):
            bonds[wire] = bond[max(i - 1, 0) : i + 1] if i else bond[:1]
            ends[wire] = i == 0, i == len(wires) - 1
    edges: list[tuple[int, ...]] = []
    sites: list[Site | None] = []
    middle = {}  # the edge between a site and the gate that opens it
    for wire in network.wires:
        if wire in opening:
            middle[wire], new = new, new + 1
        on = middle.get(wire, edge.get(wire))
        edges.append((() if on is None else (on,)) + bonds.get(wire, ()))
        read = letter(word, wire) if on is None else None
        sites.append(Site(*ends[wire], read) if wire in ends else None)
    for wire in opening:
        edges.append(((edge[wire],) if wire in edge else ()) + (middle[wire],))
    opened = tuple(None if wire in edge else letter(word, wire) for wire in opening)
    letters = []
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
    return Layout(tuple(edges), tuple(letters), tuple(sites), opened, tuple(sizes))


def arrays_of(network: PauliNetwork, layout: Layout, word: Word) -> tuple[list[Any], list[Any]]:
    """The tensors, and for each its axis of samples in front or None where all samples share it.

    Those of sites are still what the state is made of; ``contracted`` makes expectation values of them.
    """
    vectors = product_vectors(network)
    many = vectors.shape[-1] > 1
    chains = {
        wire: (tensors[..., i, :, :, :], 0 if jnp.ndim(tensors) == 5 else None)
        for wires, tensors in network.chains
        for i, wire in enumerate(wires)
    }
    found: list[tuple[Any, int | None]] = []
    for at, wire in enumerate(network.wires):
        if wire in chains:
            found.append(chains[wire])
            continue
        tensor = vectors[at].T if many else vectors[at, :, 0]
        read = tensor if layout.edges[at] else tensor[..., letter(word, wire)]
        found.append((read, 0 if many else None))
    opening = [block for block in network.opening if block.wires[0] in chains]
    for block, asked in zip(opening, layout.opened, strict=True):
        [r] = block_matrices([block], network.values, (asked,))
        found.append(_of_samples(r if asked is None else r[:, 0]))
    blocks: dict[int, tuple[Any, int | None]] = {}
    for group in alike(network.blocks):
        by_letters: dict[Any, list[int]] = {}
        for i in group:
            by_letters.setdefault(layout.letters[i], []).append(i)
        for read, members in by_letters.items():
            r = block_matrices([network.blocks[i] for i in members], network.values, read)
            r = r.reshape(*r.shape[:2], *(4,) * read.count(None), 4, 4)
            blocks |= {i: _of_samples(r[k]) for k, i in enumerate(members)}
    found += [blocks[i] for i in range(len(network.blocks))]
    arrays, axes = zip(*found, strict=True)
    return list(arrays), list(axes)


def _of_samples(array: Any) -> tuple[Any, int | None]:
    """An array whose first axis counts samples, and that axis; or without it, and None."""
    return (array, 0) if len(array) > 1 else (array[0], None)


def contracted(
    arrays: Sequence[Any], axes: Sequence[Any], layout: Layout, path: Any, chunk: int | None
) -> jax.Array:
    """The value, ``(1 or batch,)``; ``chunk`` samples at once, None for all."""
    import cotengra

    def one(*each: Any) -> jax.Array:
        tensors = list(each)
        for site in {each for each in layout.sites if each is not None}:  # those of a kind at once
            where = [i for i, each in enumerate(layout.sites) if each == site]
            made = jax.vmap(lambda a, s=site: site_tensor(a, s))(
                jnp.stack([tensors[i] for i in where])
            )
            for k, i in enumerate(where):
                tensors[i] = made[k]
        found: Any = cotengra.array_contract(tensors, layout.edges, (), optimize=path)
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


def site_tensor(a: jax.Array, site: Site) -> jax.Array:
    r"""A site ``(bond, 2, bond)`` by expectation values, real: ``(4, bond**2, bond**2)``, less at ends.

    $T_{P, aa', bb'} = \sum_{ss'} A_{asb} \bar A_{a's'b'} \langle s'|P|s\rangle$ is Hermitian in its pairs
    of bonds taken together; a pair stands for the entry $\sqrt2\,\mathrm{Re}$ where a < a',
    $\sqrt2\,\mathrm{Im}$ where a > a', by which a sum over the bond is a sum of real products.
    """
    m = jnp.einsum("asb,ctd->stacbd", a, a.conj())
    letters = [m[0, 0] + m[1, 1], m[0, 1] + m[1, 0], m[0, 0] - m[1, 1]]
    letters.append(1j * (m[0, 1] - m[1, 0]))
    t = letters[site.letter][None] if site.letter is not None else jnp.stack(letters)
    t = _pairs(t, 1.0)  # the right bond, then the left one
    t = jnp.moveaxis(_pairs(jnp.moveaxis(t, (1, 2), (3, 4)), -1.0), (3, 4), (1, 2)).real
    t = t.reshape(len(t), t.shape[1] ** 2, -1)
    t = t[:, :1] if site.first else t
    t = t[:, :, :1] if site.last else t
    kept = [t.shape[0]] if site.letter is None else []
    kept += [] if site.first else [t.shape[1]]
    return t.reshape(*kept, *([] if site.last else [t.shape[2]]))


def _pairs(t: jax.Array, sign: float) -> jax.Array:
    """The last two axes as real and imaginary parts: x and its conjugate at (a, b) and (b, a)."""
    other, bond = jnp.swapaxes(t, -1, -2), t.shape[-1]
    row, column = np.indices((bond, bond))
    real, imaginary = (t + other) / np.sqrt(2), sign * 1j * (t - other) / np.sqrt(2)
    return jnp.where(row == column, t, jnp.where(row < column, real, imaginary))
