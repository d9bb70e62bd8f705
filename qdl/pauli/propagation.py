r"""Values by propagation of Pauli words: $y = v(x) \cdot c(\theta)$."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .matrices import alike, block_matrices, product_vectors
from .network import PauliNetwork
from .observables import Words
from .sets import Limits, WordSets, word_sets
from .sweep import Sweep
from .words import letter, wires_of

DRAWS = 32  # of angles, for entries that are never zero and for mean squares


class Propagated(NamedTuple):
    """Values ``(batch, k)``; of what was dropped the root of the sum of squares and the sum of sizes."""

    values: jax.Array
    dropped: jax.Array  # (batch or 1, k)
    bound: jax.Array  # (batch or 1, k)


@dataclass(frozen=True, eq=False)
class Propagation:
    """The words that are followed for a readout, and the wires of the network."""

    words: Words
    sweep: Sweep
    wires: tuple[int, ...]
    reuploads: bool = False

    @property
    def sets(self) -> WordSets:
        """The words and their slots."""
        return self.sweep.sets

    @property
    def flops(self) -> float:
        """Operations of one pass."""
        return 512.0 * len(self.sets.block) * len(self.words.weights)


def propagation(network: PauliNetwork, words: Words, limits: Limits) -> Propagation:
    """Choose the words for a network whose numbers are stand-ins."""
    patterns, squares = _patterns(network)
    weights = (words.weights**2).sum(0)
    sets = word_sets(network.blocks, patterns, squares, words.words, weights, limits)
    return Propagation(words, Sweep(sets), network.wires, network.reuploads)


def propagated(plan: Propagation, network: PauliNetwork) -> Propagated:
    """Values of a network with its numbers, by the words of a plan."""
    matrices = _matrices(network)  # (blocks, 1 or batch, 16, 16)
    vectors = product_vectors(network)
    start = _start(plan, vectors.dtype)
    products = _products(plan, network, vectors)  # (words, 1 or batch)
    slots = np.array([at for _, at in plan.sets.words], int)
    offset = jnp.asarray(plan.words.offset, vectors.dtype)

    never = plan.words.weights[:, np.array(plan.sets.start, int) < 0]  # words dropped at once

    def carried(matrices: jax.Array) -> Any:
        found = plan.sweep.run(matrices, start)
        squares = found.squares + (never**2).sum(1)
        return found.coefficients[slots], squares, found.sizes + np.abs(never).sum(1)

    if matrices.shape[1] == 1:
        c, squares, sizes = carried(matrices[:, 0])
        return Propagated(products.T @ c + offset, _root(squares)[None], sizes[None])
    c, squares, sizes = jax.vmap(carried, 1)(matrices)  # a pass for each sample
    batch = len(c)
    products = jnp.broadcast_to(products, (len(products), batch))
    return Propagated(jnp.einsum("wb,bwk->bk", products, c) + offset, _root(squares), sizes)


def _root(squares: jax.Array) -> jax.Array:
    """The root, whose slope at zero is zero."""
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)


def _start(plan: Propagation, dtype: Any) -> jax.Array:
    """Coefficients of the readout's words in their slots."""
    start = np.zeros((plan.sets.slots + 2, len(plan.words.weights)))
    for word, at in enumerate(plan.sets.start):
        if at >= 0:
            start[at] = plan.words.weights[:, word]
    return jnp.asarray(start, dtype)


def _products(plan: Propagation, network: PauliNetwork, vectors: jax.Array) -> jax.Array:
    """The words' values in the product state, ``(words, 1 or batch)``."""
    at = {wire: i for i, wire in enumerate(network.wires)}
    words = [word for word, _ in plan.sets.words]
    width = max((len(wires_of(word)) for word in words), default=0)
    index = np.zeros(
        (2, len(words), width), int
    )  # letter I on wire 0 where a word has no more letters
    for row, word in enumerate(words):
        for k, wire in enumerate(wires_of(word)):
            index[:, row, k] = letter(word, wire), at[wire]
    out = jnp.ones((len(words), vectors.shape[-1]), vectors.dtype)
    for k in range(width):
        out = out * vectors[index[1, :, k], index[0, :, k]]
    return out


def _matrices(network: PauliNetwork) -> jax.Array:
    """R of all blocks, ``(blocks, 1 or batch, 16, 16)``."""
    parts, order = [], []
    for group in alike(network.blocks):
        parts.append(block_matrices([network.blocks[i] for i in group], network.values))
        order += group
    if not parts:
        return jnp.zeros((0, 1, 16, 16), jnp.result_type(float))
    wide = max(part.shape[1] for part in parts)
    whole = jnp.concatenate([jnp.broadcast_to(p, (len(p), wide, 16, 16)) for p in parts])
    return whole if order == sorted(order) else whole[np.argsort(order)]


def _patterns(network: PauliNetwork) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each block which entries of R can be other than zero, and their mean squares over all angles."""
    values, rng = network.values, np.random.default_rng(0)
    fixed = network.constants  # angles that no argument enters, behind the others
    moved = np.asarray(values.shared).size - fixed

    @jax.jit
    def draw(shared: jax.Array, many: jax.Array | None) -> jax.Array:
        whole = jnp.concatenate([shared, values.shared[moved:]])
        drawn = values._replace(shared=whole, many=many)
        return _matrices(network.with_values(drawn))[:, 0]

    def angles(shape: tuple[int, ...]) -> jax.Array:
        return jnp.asarray(rng.uniform(0, 4 * np.pi, shape), values.shared.dtype)

    blocks = len(network.blocks)
    possible, square = np.zeros((blocks, 16, 16), bool), np.zeros((blocks, 16, 16))
    for _ in range(DRAWS):
        many = None if values.many is None else angles(values.many.shape)
        found = np.asarray(draw(angles((moved,)), many))
        possible |= np.abs(found) > (1e-10 if found.dtype == np.float64 else 2e-6)
        square += found.astype(float) ** 2 / DRAWS
    for i, block in enumerate(network.blocks):  # a computed matrix is not drawn, and may be any
        possible[i] |= any(step.dense.array is not None for step in block.steps)
    return list(possible), list(square)
