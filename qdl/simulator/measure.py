"""Readout values from a state: signs on probabilities where the observable is diagonal."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..observables import basis_state, refuse_modes, terms
from ..readout import Measured, Observables, Probabilities
from ..refused import Refused
from . import kernels
from .execute import Head, Ready


def is_diagonal(measured: Measured) -> bool:
    """True where probabilities of basis states alone decide the values."""
    return isinstance(measured, Probabilities) or all(
        diagonal(o, tuple(o.wires)) is not None for o in measured.observables
    )


def head(measured: Measured) -> Head:
    """The head that gives the readout values."""

    def finish(state: jax.Array, ready: Ready) -> jax.Array:
        return values(measured, state, ready)

    return Head(measured.wires, is_diagonal(measured), finish)


def amplitudes(state: jax.Array, ready: Ready) -> jax.Array:
    """The complex state ``(batch, 2**n)``, positions as they are."""
    psi = jax.lax.complex(state[0], state[1])
    return psi.T if ready.layout.last else psi


def values(measured: Measured, state: jax.Array, ready: Ready) -> jax.Array:
    """The readout values ``(batch, k)``."""
    order = ready.program.final
    if isinstance(measured, Observables) and not is_diagonal(measured):
        psi = amplitudes(state, ready)
        return jnp.stack([expectation(o, psi, order) for o in measured.observables], -1)
    last, index = ready.layout.last, ready.tail_index
    p = state[0] ** 2 + state[1] ** 2
    if isinstance(measured, Probabilities):
        p = p.T if last else p
        p = p if index is None else p[:, index]
        return probabilities(p, measured.wires, order)
    columns = diagonals(measured, order)
    if index is not None:  # the bit map that was left undone moves the observable instead
        columns = columns[kernels.inverse(index)]
    columns = jnp.asarray(columns, p.dtype)
    return (columns.T @ p).T if last else p @ columns


def diagonals(measured: Measured, order: list[int]) -> np.ndarray:
    """The diagonal observables as columns over the basis states: ``(2**n, k)``."""
    if not isinstance(measured, Observables):
        raise Refused(
            "numbers of photons are read on modes. Use FockProbs on qdl.backends.fock(...)."
        )
    each = [(diagonal(o, tuple(o.wires)), tuple(o.wires)) for o in measured.observables]
    return np.stack([spread(diagonal, wires, order) for diagonal, wires in each], 1)


def diagonal(observable: Any, wires: tuple[int, ...]) -> Any:
    """The diagonal over the basis states of ``wires``, or None."""
    total = np.zeros(2 ** len(wires))
    for coefficient, term in terms(observable):
        bits = basis_state(term)
        if isinstance(term, qp.pauli.PauliWord):
            if set(term.values()) - {"Z"}:
                return None
            mask = sum(1 << (len(wires) - 1 - wires.index(w)) for w in term)
            part = kernels.parities((mask,), len(wires))[:, 0]
        elif bits is not None:
            b = np.arange(2 ** len(wires))
            part = np.ones(len(b))
            for w, bit in bits.items():
                part = part * ((b >> (len(wires) - 1 - wires.index(w)) & 1) == bit)
        else:
            return None
        total = total + coefficient * part
    return total


def spread(diagonal: np.ndarray, wires: tuple[int, ...], order: list[int]) -> np.ndarray:
    """A diagonal on some wires as one on all of them."""
    n, b = len(order), np.arange(2 ** len(order))
    local = np.zeros(2**n, int)
    for w in wires:
        local = local * 2 + (b >> (n - 1 - order.index(w)) & 1)
    return diagonal[local]


def probabilities(p: jax.Array, wires: tuple[int, ...], order: list[int]) -> jax.Array:
    """Marginals ``(B, 2**k)`` from all probabilities ``(B, 2**n)``."""
    n = len(order)
    full = p.reshape(-1, *(2,) * n)
    drop = tuple(1 + i for i, w in enumerate(order) if w not in wires)
    kept = [w for w in order if w in wires]
    marginal = full.sum(drop)
    return jnp.transpose(marginal, (0, *(1 + kept.index(w) for w in wires))).reshape(len(p), -1)


def expectation(observable: Any, state: jax.Array, order: list[int]) -> jax.Array:
    """<state|O|state> for complex states ``(B, 2**n)`` and any observable."""
    return (state.conj() * image(observable, state, order)).sum(-1).real


def image(observable: Any, state: jax.Array, order: list[int]) -> jax.Array:
    """O|state> for complex states ``(B, 2**n)`` and any observable."""
    n = len(order)
    total = jnp.zeros_like(state)
    for coefficient, term in terms(observable):
        if isinstance(term, qp.pauli.PauliWord):
            part = _pauli(term, state, order)
        else:
            refuse_modes(term)
            wires = tuple(term.wires)
            matrix = jnp.asarray(qp.matrix(term, wire_order=wires), state.dtype)
            part = local(matrix, [order.index(w) for w in wires], state, n)
        total = total + coefficient * part
    return total


def _pauli(word: Any, state: jax.Array, order: list[int]) -> jax.Array:
    n = len(order)
    bit = {w: 1 << (n - 1 - p) for p, w in enumerate(order)}
    flip = sum(bit[w] for w, letter in word.items() if letter in "XY")
    sign = sum(bit[w] for w, letter in word.items() if letter in "YZ")
    factor = 1j ** sum(letter == "Y" for letter in word.values())
    phase = factor * kernels.parities((sign,), n)[:, 0]  # on the source: Y|b> = i (-1)^b |1-b>
    source = np.arange(2**n) ^ flip
    return jnp.asarray(phase[source], state.dtype) * state[:, source]


def local(matrix: jax.Array, axes: list[int], state: jax.Array, n: int) -> jax.Array:
    """A matrix on the bits at some positions of complex states ``(B, 2**n)``."""
    k = len(axes)
    split = jnp.moveaxis(state.reshape(-1, *(2,) * n), [1 + a for a in axes], range(1, k + 1))
    shape = split.shape
    out = matrix @ split.reshape(len(state), 2**k, -1)
    return jnp.moveaxis(out.reshape(shape), range(1, k + 1), [1 + a for a in axes]).reshape(
        state.shape
    )
