"""Readout values from a state: signs on probabilities where the observable is diagonal."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from . import kernels


def is_diagonal(measurements: list[Any]) -> bool:
    """True where probabilities alone decide the values."""
    return all(
        m.obs is None or _diagonal(m.obs, tuple(m.obs.wires)) is not None for m in measurements
    )


def support(measurements: list[Any]) -> tuple[int, ...]:
    """The wires that the measurements look at."""
    return tuple(sorted({int(w) for m in measurements for w in m.wires}))


def amplitudes(state: jax.Array, ready: Any) -> jax.Array:
    """The complex state ``(batch, 2**n)``, positions as they are."""
    psi = jax.lax.complex(state[0], state[1])
    return psi.T if ready.layout.last else psi


def values(measurements: list[Any], state: jax.Array, ready: Any) -> jax.Array:
    """The values ``(batch, k)`` of all measurements."""
    order = ready.program.final
    if not is_diagonal(measurements):
        psi = amplitudes(state, ready)
        return jnp.stack([expectation(m.obs, psi, order) for m in measurements], -1)
    last, index = ready.layout.last, ready.tail_index
    p = state[0] ** 2 + state[1] ** 2
    if measurements[0].obs is None:
        p = p.T if last else p
        p = p if index is None else p[:, index]
        return probabilities(p, tuple(measurements[0].wires), order)
    columns = diagonals(measurements, order)
    if index is not None:  # the bit map that was left undone moves the observable instead
        columns = columns[kernels.inverse(index)]
    columns = jnp.asarray(columns, p.dtype)
    return (columns.T @ p).T if last else p @ columns


def diagonals(measurements: list[Any], order: list[int]) -> np.ndarray:
    """The diagonal observables as columns over the basis states: ``(2**n, k)``."""
    columns = [
        _spread(_diagonal(m.obs, tuple(m.obs.wires)), tuple(m.obs.wires), order)
        for m in measurements
    ]
    return np.stack(columns, 1)


def terms(observable: Any) -> list[tuple[Any, Any]]:
    """A sum of observables as (coefficient, observable)."""
    if observable.pauli_rep is not None:
        return [(c, word) for word, c in observable.pauli_rep.items()]
    if isinstance(observable, qp.ops.SProd):
        return [(c * observable.scalar, term) for c, term in terms(observable.base)]
    if isinstance(observable, qp.ops.Sum):
        return [term for operand in observable.operands for term in terms(operand)]
    return [(1.0, observable)]


def _diagonal(observable: Any, wires: tuple[int, ...]) -> Any:
    """The diagonal over the basis states of ``wires``, or None."""
    total = np.zeros(2 ** len(wires))
    for coefficient, term in terms(observable):
        if isinstance(term, qp.pauli.PauliWord):
            if set(term.values()) - {"Z"}:
                return None
            mask = sum(1 << (len(wires) - 1 - wires.index(w)) for w in term)
            part = kernels.parities((mask,), len(wires))[:, 0]
        elif (
            isinstance(term, qp.Projector)
            and (found := np.array(term.data[0], dtype=complex)).shape == (len(term.wires),)
            and set(found.tolist()) <= {0, 1}  # a basis state, not a vector of amplitudes
        ):
            bits = dict(zip(term.wires, found.real.astype(int), strict=True))
            b = np.arange(2 ** len(wires))
            part = np.ones(len(b))
            for w, bit in bits.items():
                part = part * ((b >> (len(wires) - 1 - wires.index(w)) & 1) == bit)
        else:
            return None
        total = total + np.real(coefficient) * part
    return total


def _spread(diagonal: np.ndarray, wires: tuple[int, ...], order: list[int]) -> np.ndarray:
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
            wires = tuple(term.wires)
            matrix = jnp.asarray(qp.matrix(term, wire_order=wires), state.dtype)
            part = _local(matrix, [order.index(w) for w in wires], state, n)
        total = total + np.real(coefficient) * part
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


def _local(matrix: jax.Array, axes: list[int], state: jax.Array, n: int) -> jax.Array:
    k = len(axes)
    split = jnp.moveaxis(state.reshape(-1, *(2,) * n), [1 + a for a in axes], range(1, k + 1))
    shape = split.shape
    out = matrix @ split.reshape(len(state), 2**k, -1)
    return jnp.moveaxis(out.reshape(shape), range(1, k + 1), [1 + a for a in axes]).reshape(
        state.shape
    )
