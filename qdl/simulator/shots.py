r"""Measuring by sampling: an exact distribution is replaced by the frequencies of random outcomes.

Observables are read in as few bases as a greedy grouping finds. In each basis the state gives a
distribution $p$ over the bits of the wires that matter; ``shots`` outcomes give frequencies $\hat p$,
with $E[\hat p] = p$, and every value is linear in them. Values read in one basis come from the same
outcomes, so they are correlated as on hardware; every basis gets all the shots.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..layers.base import Wires
from ..observables import refuse_modes, terms
from ..readout import Measured, Probabilities
from . import kernels, measure
from .execute import Head

# Shots for each outcome from which on binomial numbers are faster. Measured on a CPU in ms, 64 rows, draws
# against binomials: 16 outcomes, 100 shots 0.3 : 0.9, 1000 shots 2.5 : 0.7, 4000 shots 11 : 0.6; 256
# outcomes, 1000 shots 2.3 : 19, 100000 shots 750 : 14. They meet between 15 and 60 shots an outcome.
BINOMIAL = 50
HADAMARD = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
LETTERS = {"X": HADAMARD, "Y": HADAMARD @ np.diag([1, -1j])}  # what turns a letter into Z


class Basis(NamedTuple):
    """One way to measure: matrices first, then the bits of ``wires``."""

    wires: Wires
    rotations: tuple[tuple[np.ndarray, Wires], ...]
    columns: np.ndarray | None  # (2**len(wires), k): values by outcome; None for probabilities


def bases(measured: Measured) -> tuple[Basis, ...]:
    """Every term of every observable, in the first basis that agrees with it on all of its wires."""
    if isinstance(measured, Probabilities):
        return (Basis(measured.wires, (), None),)
    axes: list[dict[int, Any]] = []  # for each basis: wire -> the axis that is read on it
    members: list[list[tuple[int, Wires, np.ndarray]]] = []
    rotations: dict[Any, tuple[np.ndarray, Wires]] = {}
    for k, observable in enumerate(measured.observables):
        for coefficient, term in terms(observable):
            wires, diagonal, wanted, turned = _eigenbasis(term)
            rotations |= turned
            fits = (all(a.get(w, axis) == axis for w, axis in wanted.items()) for a in axes)
            at = next((i for i, fit in enumerate(fits) if fit), len(axes))
            if at == len(axes):
                axes.append({})
                members.append([])
            axes[at] |= wanted
            members[at].append((k, wires, coefficient * diagonal))
    out = []
    for axis, parts in zip(axes, members, strict=True):
        wires = tuple(sorted(axis))
        columns = np.zeros((2 ** len(wires), measured.size))
        for k, on, diagonal in parts:
            columns[:, k] += measure.spread(diagonal, on, list(wires))
        needed = dict.fromkeys(axis[w] for w in wires if axis[w] != "Z")
        out.append(Basis(wires, tuple(rotations[a] for a in needed), columns))
    return tuple(out)


def _eigenbasis(term: Any) -> tuple[Wires, np.ndarray, dict[int, Any], dict[Any, Any]]:
    """A term's wires, its eigenvalues by outcome, the axis to read on each wire, and the rotations."""
    wires = tuple(term) if isinstance(term, qp.pauli.PauliWord) else tuple(term.wires)
    if isinstance(term, qp.pauli.PauliWord):
        eigenvalues = kernels.parities((2 ** len(wires) - 1,), len(wires))[:, 0]
        axes = {w: "Z" if letter == "Z" else (letter, w) for w, letter in term.items()}
        turned = {(a, w): (LETTERS[a], (w,)) for w, a in term.items() if a != "Z"}
        return wires, eigenvalues, axes, turned
    refuse_modes(term)
    diagonal = measure.diagonal(term, wires)
    if diagonal is not None:
        return wires, diagonal, dict.fromkeys(wires, "Z"), {}
    eigenvalues, vectors = np.linalg.eigh(np.asarray(qp.matrix(term, wire_order=wires)))
    axis = (vectors.tobytes(), wires)
    return wires, eigenvalues, dict.fromkeys(wires, axis), {axis: (vectors.conj().T, wires)}


def head(measured: tuple[Basis, ...]) -> Head:
    """The head that gives the exact distributions of all bases."""
    wires = tuple(sorted({wire for basis in measured for wire in basis.wires}))
    diagonal = not any(basis.rotations for basis in measured)
    return Head(wires, diagonal, partial(distributions, measured))


def distributions(measured: tuple[Basis, ...], state: jax.Array, ready: Any) -> jax.Array:
    """The exact distributions of all bases, one after another: ``(batch, sum of their sizes)``."""
    order, index = ready.program.final, ready.tail_index
    psi = measure.amplitudes(state, ready)
    if index is not None:  # the bit map that was left undone
        psi = psi[:, index]
    out = []
    for basis in measured:
        turned = psi
        for matrix, wires in basis.rotations:
            at = [order.index(w) for w in wires]
            turned = measure.local(jnp.asarray(matrix, psi.dtype), at, turned, len(order))
        out.append(measure.probabilities(turned.real**2 + turned.imag**2, basis.wires, order))
    return jnp.concatenate(out, axis=1)


def sampled_values(
    measured: tuple[Basis, ...], exact: jax.Array, shots: int, key: jax.Array
) -> jax.Array:
    """The values ``(batch, k)`` from ``shots`` outcomes of each of the exact distributions."""
    ends = np.cumsum([2 ** len(basis.wires) for basis in measured])[:-1]
    total: Any = 0
    for i, (basis, p) in enumerate(zip(measured, jnp.split(exact, ends, axis=1), strict=True)):
        found = frequencies(p, shots, jax.random.fold_in(key, i))
        total = total + (
            found if basis.columns is None else found @ jnp.asarray(basis.columns, p.dtype)
        )
    return total


def frequencies(p: jax.Array, shots: int, key: jax.Array) -> jax.Array:
    """How often each of ``shots`` outcomes of ``p`` ``(batch, m)`` is seen, as a share of all.

    Drawn one by one, O(shots), or as m binomial numbers one after another, O(m) and slower each.
    """
    if shots >= BINOMIAL * p.shape[1]:
        normed = p / p.sum(1, keepdims=True)
        found = jax.random.multinomial(key, shots, normed, dtype=p.dtype)
    else:
        count = jax.vmap(lambda outcomes: jnp.zeros(p.shape[1], p.dtype).at[outcomes].add(1))
        found = count(draw(p, shots, key))
    # A NaN compares as false and would be drawn as some outcome; it must stay a NaN.
    return found / shots + 0 * p.sum(1, keepdims=True)


def drawn_values(
    measured: tuple[Basis, ...], exact: np.ndarray, shots: int, rng: np.random.Generator
) -> np.ndarray:
    """``sampled_values`` in NumPy, where nothing is to be compiled or differentiated.

    Outcomes with the same values are counted as one.
    """
    ends = np.cumsum([2 ** len(basis.wires) for basis in measured])[:-1]
    total: Any = 0
    for basis, p in zip(measured, np.split(exact, ends, axis=1), strict=True):
        columns, p = np.eye(p.shape[1]), np.asarray(p, float)
        if basis.columns is not None:
            columns, which = np.unique(basis.columns, axis=0, return_inverse=True)
            p = p @ np.eye(len(columns))[which.ravel()]
        sums = p.sum(axis=1, keepdims=True)
        known = np.isfinite(sums)
        p = np.where(known, p / np.where(known, sums, 1), 1 / p.shape[1])
        found = rng.multinomial(shots, p) / shots @ columns
        total = total + np.where(known, found, np.nan)
    return total


def draw(p: jax.Array, shots: int, key: jax.Array) -> jax.Array:
    """Outcomes ``(batch, shots)`` of ``p`` ``(batch, m)``: O(m + shots) memory each.

    The inverse of the distribution function at uniform numbers. Sums of floats need not grow in
    order, hence the running maximum; entries of probability zero repeat it and are never found.
    """
    steps = jnp.where(p > 0, jnp.cumsum(p, axis=1), 0)
    steps = jax.lax.cummax(steps, axis=1)
    uniform = jax.random.uniform(key, (len(p), shots), p.dtype) * steps[:, -1:]
    return jax.vmap(partial(jnp.searchsorted, side="right"))(steps, uniform)


def sample_bits(psi: jax.Array, n: int, wires: Wires, shots: int, key: jax.Array) -> jax.Array:
    """Measured bits ``(..., shots, len(wires))`` of states ``(..., 2**n)``."""
    lead = psi.shape[:-1]
    p = (psi.real**2 + psi.imag**2).reshape(-1, 2**n)
    outcomes = draw(measure.probabilities(p, wires, list(range(n))), shots, key)
    bits = (outcomes[..., None] >> np.arange(len(wires) - 1, -1, -1)) & 1
    return bits.reshape(*lead, shots, len(wires))
