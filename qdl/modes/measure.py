"""Readout values of states in a cut Fock basis; of what is in the basis, not normalised."""

from __future__ import annotations

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..observables import terms
from ..readout import Measured, Observables, PhotonProbabilities, Probabilities
from ..refused import Refused
from .space import Full, Space, Total

KNOWN = "QuadX, QuadP, QuadOperator, NumberOperator, TensorN and FockStateProjector"


def values(space: Space, state: jax.Array, measured: Measured) -> jax.Array:
    """The readout values ``(batch, k)``."""
    refuse(measured)
    if isinstance(measured, PhotonProbabilities):
        return probabilities(space, state, measured.wires)
    found = [expectation(space, state, o) for o in measured.observables]
    return jnp.stack(found, -1)


def refuse(measured: Measured, levels: int | None = None) -> None:
    """Refuse what is no readout of modes, or one of more photons than there are, by name.

    Raises:
        Refused: a readout of qubits.
    """
    if isinstance(measured, Probabilities):
        raise Refused(
            "Probs gives the probabilities of bits, and this place has modes. Use "
            "qdl.photonic.FockProbs() for those of photon numbers."
        )
    if isinstance(measured, PhotonProbabilities):
        return
    for observable in measured.observables:
        for _, term in terms(observable):
            if getattr(term, "name", "") not in NAMES:
                raise Refused(
                    f"{term} is no observable of modes that is known here: {KNOWN}, and sums of them. Use "
                    "qdl.photonic.Quadrature(), PhotonNumber() or FockProbs()."
                )
            most = max(term.data[0], default=0) if term.name == "FockStateProjector" else 0
            if levels is not None and most >= levels:
                raise Refused(
                    f"{term} asks for {int(most)} photons, beyond cutoff={levels}. Use fock({int(most) + 1}) "
                    "or more."
                )


def bounds(measured: Observables) -> np.ndarray | None:
    """The largest absolute value of each observable; None where one has none."""
    total = [[(abs(c), t.name) for c, t in terms(o)] for o in measured.observables]
    if any(name != "FockStateProjector" for row in total for _, name in row):
        return None
    return np.array([sum(c for c, _ in row) for row in total])


NAMES = ("QuadX", "QuadP", "QuadOperator", "NumberOperator", "TensorN", "FockStateProjector")


def expectation(space: Space, state: jax.Array, observable: Any) -> jax.Array:
    """One observable's value for each sample, ``(batch,)``."""
    total: Any = 0.0
    for coefficient, term in terms(observable):
        total = total + coefficient * _term(space, state, term)
    return total


def _term(space: Space, state: jax.Array, term: Any) -> jax.Array:
    wires = [int(w) for w in term.wires]
    if term.name in ("NumberOperator", "TensorN"):
        weight = np.prod(np.broadcast_arrays(*(space.numbers(w) for w in wires)), axis=0)
        return _summed(_square(state) * jnp.asarray(weight, state.real.dtype))
    if term.name == "FockStateProjector":
        wanted = np.asarray(term.data[0])
        same = [space.numbers(w) == n for w, n in zip(wires, wanted, strict=True)]
        weight = np.prod(np.broadcast_arrays(*same), axis=0)
        return _summed(_square(state) * jnp.asarray(weight, state.real.dtype))
    c, s = direction(term)
    a = lowering(space, state, wires[0])
    return 2 * (c * a.real + s * a.imag)


def direction(term: Any) -> tuple[float, float]:
    """Cosine and sine of the direction of a quadrature."""
    exact = {"QuadX": (1.0, 0.0), "QuadP": (0.0, 1.0)}
    if term.name in exact:
        return exact[term.name]
    phi = float(term.data[0])
    return float(np.cos(phi)), float(np.sin(phi))


def lowering(space: Space, state: jax.Array, mode: int) -> jax.Array:
    r"""$\langle a \rangle$ of a mode, ``(batch,)``, complex."""
    dense = _lines(space, state, mode)
    root = jnp.asarray(np.sqrt(np.arange(1, space.levels)), state.real.dtype)
    return jnp.sum(dense[:, :-1].conj() * dense[:, 1:] * root[:, None], (0, 1))


def reduced(space: Space, state: jax.Array, mode: int) -> jax.Array:
    """The density matrix of one mode, ``(batch, D, D)``."""
    lines = _lines(space, state, mode)
    return jnp.einsum("oib,ojb->bij", lines, lines.conj())


def probabilities(space: Space, state: jax.Array, wires: tuple[int, ...]) -> jax.Array:
    """Of the photon numbers of some modes, ``(batch, D**k)``, the first mode the slowest."""
    if isinstance(space, Total):
        shape = (space.levels,) * len(wires)
        index = np.ravel_multi_index(tuple(space.states[:, list(wires)].T), shape)
        found = jnp.zeros((prod(shape), state.shape[-1]), state.real.dtype)
        return found.at[index].add(_square(state)).T
    p = _square(state)
    others = tuple(i for i in range(space.modes) if i not in wires)
    p = jnp.sum(p, others)
    order = np.argsort(np.argsort(wires))
    p = jnp.transpose(p, (*order, len(wires)))
    return p.reshape(-1, p.shape[-1]).T


def _lines(space: Space, state: jax.Array, mode: int) -> jax.Array:
    """The state as ``(others, D, batch)``."""
    if isinstance(space, Full):
        moved = jnp.moveaxis(state, mode, 0)
        lines = moved.reshape(space.levels, -1, state.shape[-1])
        return jnp.swapaxes(lines, 0, 1)
    return space.lines(state, mode)


def _square(state: jax.Array) -> jax.Array:
    return state.real**2 + state.imag**2


def _summed(weighted: jax.Array) -> jax.Array:
    return jnp.sum(weighted, tuple(range(weighted.ndim - 1)))
