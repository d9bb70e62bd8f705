"""States of modes as arrays of amplitudes, batch last: which photon numbers are kept, and gates on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from math import comb

import jax
import jax.numpy as jnp
import numpy as np

from ..reverse_mode import reverse_only


@dataclass(frozen=True)
class Full:
    """Up to ``levels - 1`` photons in every mode: states ``(levels, ..., levels, batch)``."""

    modes: int
    levels: int

    @property
    def size(self) -> int:
        """How many amplitudes there are."""
        return self.levels**self.modes

    def numbers(self, mode: int) -> np.ndarray:
        """The photons of a mode, of a shape that multiplies states."""
        shape = [1] * (self.modes + 1)
        shape[mode] = self.levels
        return np.arange(self.levels).reshape(shape)

    def product(self, vectors: list[jax.Array]) -> jax.Array:
        """The state with amplitudes ``(levels, batch)`` for each mode."""
        batch = max(v.shape[-1] for v in vectors)
        state = jnp.ones(batch, vectors[0].dtype)
        for vector in vectors:
            state = state[..., None, :] * vector
        return state

    def single(self, state: jax.Array, matrix: jax.Array, mode: int) -> jax.Array:
        """A matrix ``(D, D)``, or one for each sample ``(batch, D, D)``, on a mode."""
        batch = state.shape[-1]
        before = self.levels**mode
        if matrix.ndim == 3:
            split = state.reshape(before, self.levels, -1, batch)
            return jnp.einsum("bij,pjqb->piqb", matrix, split).reshape(state.shape)
        if mode == 0:
            return (matrix @ state.reshape(self.levels, -1)).reshape(state.shape)
        split = state.reshape(before, self.levels, -1)
        return jnp.einsum("ij,pjq->piq", matrix, split).reshape(state.shape)

    def phases(self, state: jax.Array, phases: jax.Array, mode: int) -> jax.Array:
        """Phases ``(D,)`` or ``(batch, D)`` by the photons of a mode."""
        shape = [1] * (self.modes + 1)
        shape[mode] = self.levels
        if phases.ndim == 2:
            shape[-1], phases = len(phases), phases.T
        return state * phases.reshape(shape)

    def cross(self, state: jax.Array, phases: jax.Array, modes: tuple[int, int]) -> jax.Array:
        """Phases ``(D, D)`` or ``(batch, D, D)`` by the photons of two modes."""
        shape = [1] * (self.modes + 1)
        for mode in modes:
            shape[mode] = self.levels
        if phases.ndim == 3:
            shape[-1], phases = len(phases), jnp.moveaxis(phases, 0, -1)
        if modes[0] > modes[1]:
            phases = jnp.swapaxes(phases, 0, 1)
        return state * phases.reshape(shape)

    @property
    def totals(self) -> int:
        """How many totals of two modes there are."""
        return 2 * self.levels - 1

    def pair(self, state: jax.Array, blocks: jax.Array, modes: tuple[int, int]) -> jax.Array:
        """Blocks ``(N, D, D)``, or ``(batch, N, D, D)``, on two modes with N photons together."""
        d, batch = self.levels, state.shape[-1]
        moved = jnp.moveaxis(state, modes, (0, 1))
        split = moved.reshape(d, d, -1)
        # Rows of the first mode moved right by their own number: columns are then totals.
        sheared = jnp.pad(split, [(0, 0), (0, d), (0, 0)]).reshape(2 * d * d, -1)
        sheared = sheared[: d * (2 * d - 1)].reshape(d, 2 * d - 1, -1)
        if blocks.ndim == 4:
            each = sheared.reshape(d, 2 * d - 1, -1, batch)
            mixed = jnp.einsum("bNij,jNqb->iNqb", blocks, each).reshape(d, 2 * d - 1, -1)
        else:
            mixed = jnp.einsum("Nij,jNq->iNq", blocks, sheared)
        flat = jnp.pad(mixed.reshape(d * (2 * d - 1), -1), [(0, d), (0, 0)])
        found = flat.reshape(d, 2 * d, -1)[:, :d]
        return jnp.moveaxis(found.reshape(moved.shape), (0, 1), modes)

    def shells(self, state: jax.Array) -> jax.Array:
        """Probabilities of the most photons of a mode, ``(levels, batch)``."""
        most = np.zeros(1, np.int32)
        for _ in range(self.modes):
            most = np.maximum(most[:, None], np.arange(self.levels, dtype=np.int32)).ravel()
        return _shells(state, most, self.levels)

    def dense(self, state: jax.Array) -> jax.Array:
        """The state as ``(levels, ..., levels, batch)``."""
        return state


@dataclass(frozen=True)
class Total:
    """Fewer than ``levels`` photons in all modes together: states ``(size, batch)``.

    Interferometers keep that number, so that they lose nothing here.
    """

    modes: int
    levels: int

    @property
    def size(self) -> int:
        """How many amplitudes there are."""
        return comb(self.modes + self.levels - 1, self.modes)

    @cached_property
    def states(self) -> np.ndarray:
        """The photons of each mode, ``(size, modes)``, in lexicographic order."""
        return _states(self.modes, self.levels)

    def numbers(self, mode: int) -> np.ndarray:
        """The photons of a mode, of a shape that multiplies states."""
        return self.states[:, mode, None]

    def product(self, vectors: list[jax.Array]) -> jax.Array:
        """The state with amplitudes ``(levels, batch)`` for each mode."""
        state = jnp.ones((1, 1), vectors[0].dtype)
        for mode, vector in enumerate(vectors):
            state = state * vector[self.states[:, mode]]
        return state

    def single(self, state: jax.Array, matrix: jax.Array, mode: int) -> jax.Array:
        """A matrix ``(D, D)``, or one for each sample ``(batch, D, D)``, on a mode."""
        _, out, back = _lines(self.modes, self.levels, mode)
        lines = self.lines(state, mode)
        sub = "bij,ojb->oib" if matrix.ndim == 3 else "ij,ojb->oib"
        mixed = jnp.einsum(sub, matrix, lines)
        return _moved(mixed.reshape(-1, state.shape[-1]), back, out)

    def lines(self, state: jax.Array, mode: int) -> jax.Array:
        """The amplitudes of a mode for each of the others' photon numbers, ``(others, D, batch)``."""
        others, out, back = _lines(self.modes, self.levels, mode)
        return _moved(state, out, back).reshape(others, self.levels, -1)

    def phases(self, state: jax.Array, phases: jax.Array, mode: int) -> jax.Array:
        """Phases ``(D,)`` or ``(batch, D)`` by the photons of a mode."""
        n = self.states[:, mode]
        return state * (phases[:, n].T if phases.ndim == 2 else phases[n, None])

    def cross(self, state: jax.Array, phases: jax.Array, modes: tuple[int, int]) -> jax.Array:
        """Phases ``(D, D)`` or ``(batch, D, D)`` by the photons of two modes."""
        a, b = (self.states[:, mode] for mode in modes)
        return state * (phases[:, a, b].T if phases.ndim == 3 else phases[a, b, None])

    @property
    def totals(self) -> int:
        """How many totals of two modes there are."""
        return self.levels

    def pair(self, state: jax.Array, blocks: jax.Array, modes: tuple[int, int]) -> jax.Array:
        """Blocks ``(N, D, D)``, or ``(batch, N, D, D)``, on two modes with N photons together."""
        batch = state.shape[-1]
        pieces, flat, back = _pairs(self.modes, self.levels, modes)
        lines: jax.Array = _moved(state, flat, back)
        mixed, start = [], 0
        for first, shape in pieces:
            count, others, n = shape
            here = lines[start : start + count * others * n].reshape(*shape, batch)
            block = blocks[..., first : first + count, :n, :n]
            sub = "bNij,Nojb->Noib" if block.ndim == 4 else "Nij,Nojb->Noib"
            mixed.append(jnp.einsum(sub, block, here).reshape(-1, batch))
            start += count * others * n
        return _moved(jnp.concatenate(mixed), back, flat)

    def shells(self, state: jax.Array) -> jax.Array:
        """Probabilities of the photons of all modes together, ``(levels, batch)``."""
        return _shells(state, self.states.sum(1), self.levels)

    def dense(self, state: jax.Array) -> jax.Array:
        """The state as ``(levels, ..., levels, batch)``."""
        index = np.ravel_multi_index(tuple(self.states.T), (self.levels,) * self.modes)
        found = jnp.zeros((self.levels**self.modes, state.shape[-1]), state.dtype)
        shape = (self.levels,) * self.modes + (state.shape[-1],)
        return found.at[index].set(state).reshape(shape)


Space = Full | Total


def _shells(state: jax.Array, shell: np.ndarray, levels: int) -> jax.Array:
    p = (state.real**2 + state.imag**2).reshape(len(shell), -1)
    return jnp.zeros((levels, p.shape[-1]), p.dtype).at[shell].add(p)


@lru_cache(maxsize=16)
def _states(modes: int, levels: int) -> np.ndarray:
    """Photon numbers ``(count, modes)`` with a sum below ``levels``, in lexicographic order."""
    if modes == 0:
        return np.zeros((1, 0), np.int32)
    rest = _states(modes - 1, levels)
    fits = [rest[rest.sum(1) < levels - n] for n in range(levels)]
    first = np.repeat(np.arange(levels, dtype=np.int32), [len(f) for f in fits])
    return np.column_stack([first, np.concatenate(fits)])


def _rank(numbers: np.ndarray, levels: int) -> np.ndarray:
    """Where photon numbers ``(count, modes)`` stand among ``_states``; their count for those beyond."""
    modes = numbers.shape[1]
    table = np.array([[comb(r + k, r + 1) for k in range(levels + 1)] for r in range(modes)], int)
    left, rank = np.full(len(numbers), levels), np.zeros(len(numbers), int)
    inside = numbers.sum(1) < levels
    numbers = np.where(inside[:, None], numbers, 0)
    for mode in range(modes):
        # States that agree so far and have fewer photons here.
        after = left - numbers[:, mode]
        rest = table[modes - 1 - mode]
        rank += rest[left] - rest[after]
        left = after
    return np.where(inside, rank, comb(modes + levels - 1, modes))


def _moved(rows: jax.Array, index: Index, back: Index) -> jax.Array:
    """Rows by their number, zeros where the number is beyond the last; ``back`` leads back the same way."""
    return _picked(reverse_only(rows), index, back)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _picked(rows: jax.Array, index: Index, back: Index) -> jax.Array:
    return jnp.pad(rows, [(0, 1), (0, 0)])[index.array]


def _picked_forward(rows: jax.Array, index: Index, back: Index) -> tuple[jax.Array, None]:
    return _picked(rows, index, back), None


def _picked_backward(index: Index, back: Index, _: None, ct: jax.Array) -> tuple[jax.Array]:
    return (_picked(ct, back, index),)  # rows are moved, none twice: no sums


_picked.defvjp(_picked_forward, _picked_backward)


class Index:
    """Row numbers, compared by identity: those of one space are made once."""

    def __init__(self, array: np.ndarray):
        self.array = array


def _indices(wanted: np.ndarray, modes: int, levels: int) -> tuple[Index, Index]:
    """Where states ``(count, modes)`` stand among those of a space, and the way back."""
    size = comb(modes + levels - 1, modes)
    index = _rank(wanted, levels).astype(np.int32)
    back = np.empty(size, np.int32)
    there = index < size
    back[index[there]] = np.flatnonzero(there)
    return Index(index), Index(back)


@lru_cache(maxsize=64)
def _lines(modes: int, levels: int, mode: int) -> tuple[int, Index, Index]:
    """All photon numbers of one mode for each of the others': how many others, and the indices."""
    others = _states(modes - 1, levels)
    n = np.tile(np.arange(levels), len(others))
    wanted = np.insert(np.repeat(others, levels, axis=0), mode, n, axis=1)
    return len(others), *_indices(wanted, modes, levels)


@lru_cache(maxsize=64)
def _pairs(
    modes: int, levels: int, pair: tuple[int, int]
) -> tuple[list[tuple[int, tuple[int, int, int]]], Index, Index]:
    """Two modes' photons by their total, few and many apart: pieces ``(totals, others, n)``, and indices."""
    half = (levels + 1) // 2
    pieces, wanted = [], []
    for first, last in ((0, half), (half, levels)):
        if first == last:
            continue
        others = _states(modes - 2, levels - first)
        total, other, n = np.meshgrid(
            np.arange(first, last), np.arange(len(others)), np.arange(last), indexing="ij"
        )
        pieces.append((first, total.shape))
        full = np.zeros((total.size, modes), int)
        left = [mode for mode in range(modes) if mode not in pair]
        full[:, left] = others[other.ravel()]
        full[:, pair[0]] = n.ravel()
        second = (total - n).ravel()
        full[:, pair[1]] = np.where(second < 0, 2 * levels, second)  # beyond
        wanted.append(full)
    return pieces, *_indices(np.concatenate(wanted), modes, levels)
