r"""The weights of a Boltzmann machine, and what follows from them in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .energy import Bipartite, Couplings, Ising, as_dense, energies
from .samplers import LIMIT, all_states

PIECE = 2**22  # numbers of a table of states that are held at once


class Moments(NamedTuple):
    """Means of spins ``(n,)`` and of their products, shaped as the couplings are."""

    spins: np.ndarray
    products: np.ndarray


@dataclass(frozen=True, eq=False)
class Machine:
    r"""$E(s) = h \cdot s + \sum_{i<j} J_{ij} s_i s_j$ of visible and hidden spins, visible first.

    Training changes the arrays in place.

    Args:
        h: fields ``(n,)``.
        weights: ``(visible, hidden)`` of a restricted machine, else ``(n, n)`` upper triangular.
        visible: how many visible spins.
        mask: where a general machine has couplings, ``(n, n)`` upper triangular; None for a
            restricted one.

    Example:
        >>> machine = Machine(np.zeros(3), np.array([[1.0], [2.0]]), visible=2)
        >>> machine.hidden_means(np.array([[1.0, -1.0]])).round(2).tolist()
        [[0.76]]

    Reference: Ackley, Hinton, Sejnowski, Cognitive Science 9, 147 (1985).
    """

    h: np.ndarray
    weights: np.ndarray
    visible: int
    mask: np.ndarray | None = None

    @property
    def J(self) -> Couplings:
        """The couplings, as samplers take them."""
        return Bipartite(self.weights) if self.mask is None else self.weights

    @property
    def hidden(self) -> int:
        """How many hidden spins."""
        return len(self.h) - self.visible

    @property
    def ising(self) -> Ising:
        """A copy as a problem."""
        weights = self.weights.copy()
        return Ising(self.h.copy(), Bipartite(weights) if self.mask is None else weights)

    @property
    def across(self) -> np.ndarray:
        """Couplings of visible with hidden spins."""
        v = self.visible
        return self.weights if self.mask is None else self.weights[:v, v:]

    @property
    def among_hidden(self) -> np.ndarray | None:
        """Couplings among hidden spins; None where there are none: given v they are independent."""
        if self.mask is None:
            return None
        inner = self.weights[self.visible :, self.visible :]
        return inner if inner.any() else None

    def hidden_fields(self, v: np.ndarray) -> np.ndarray:
        """What visible spins ``(rows, visible)`` say to the hidden ones, their own fields included."""
        return v @ self.across + self.h[self.visible :]

    def visible_energy(self, v: np.ndarray) -> np.ndarray:
        """The energy of visible spins alone, ``(rows,)``."""
        b, energy = self.h[: self.visible], 0.0
        if self.mask is not None:
            energy = np.sum((v @ self.weights[: self.visible, : self.visible]) * v, axis=1)
        return v @ b + energy

    def hidden_means(self, v: np.ndarray) -> np.ndarray:
        """The mean of each hidden spin given v, exactly; coupled ones are enumerated."""
        fields, inner = self.hidden_fields(v), self.among_hidden
        if inner is None:
            return -np.tanh(fields)
        states = all_states(self.hidden).astype(v.dtype)
        parts = [_softmax(-each) @ states for each in self._hidden_energies(fields, inner, states)]
        return np.concatenate(parts)

    def free_energy(self, v: np.ndarray) -> np.ndarray:
        r"""$F(v) = -\log \sum_h e^{-E(v, h)}$ of visible spins ``(rows, visible)``.

        Without couplings among hidden spins $E(v) - \sum_j \log 2 \cosh f_j$.
        """
        fields, inner = self.hidden_fields(v), self.among_hidden
        if inner is None:
            return self.visible_energy(v) - log_2cosh(fields).sum(axis=1)
        states = all_states(self.hidden).astype(v.dtype)
        parts = self._hidden_energies(fields, inner, states)
        return self.visible_energy(v) - np.concatenate([log_sum_exp(-each) for each in parts])

    def _hidden_energies(self, fields: np.ndarray, inner: np.ndarray, states: np.ndarray) -> Any:
        """Energies ``(rows, states)`` of all hidden states, some rows at a time."""
        own = energies(np.zeros(self.hidden, states.dtype), inner, states)
        step = max(1, PIECE // len(states))
        for first in range(0, len(fields), step):
            yield fields[first : first + step] @ states.T + own

    def moments(self, spins: np.ndarray) -> Moments:
        """Means over states ``(rows, n)``; hidden ones may be their means given the visible ones."""
        spins, v = spins.astype(self.h.dtype, copy=False), self.visible
        if self.mask is None:
            products = spins[:, :v].T @ spins[:, v:]
        else:
            products = (spins.T @ spins) * self.mask
        return Moments(spins.mean(axis=0), products / len(spins))

    def enumerable(self) -> str | None:
        """None if coupled hidden spins can be enumerated, else why not."""
        if self.among_hidden is None or self.hidden <= LIMIT:
            return None
        return (
            f"{self.hidden} hidden spins that are coupled with each other have 2^{self.hidden} states, "
            f"and at most 2^{LIMIT} are summed"
        )


def layout(visible: int, hidden: int, graph: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of what a machine has learned, by name; a graph of another shape is refused."""
    n = visible + hidden
    if graph is not None:
        _mask(graph, n, visible, hidden)
    couplings = (visible, hidden) if graph is None else (n, n)
    return {"fields": (n,), "couplings": couplings, "base": (visible,)}


def new_machine(visible: int, hidden: int, graph: Any, log_odds: np.ndarray, rng: Any) -> Machine:
    """First weights: small random couplings, visible fields at the log-odds of the data's bits."""
    n, dtype = visible + hidden, log_odds.dtype
    h = np.concatenate([-log_odds / 2, np.zeros(hidden, dtype)])
    mask = None if graph is None else _mask(graph, n, visible, hidden)
    shape = (visible, hidden) if mask is None else (n, n)
    weights = rng.normal(scale=0.01, size=shape).astype(dtype)
    return Machine(h, weights if mask is None else weights * mask, visible, mask)


def _mask(graph: Any, n: int, visible: int, hidden: int) -> np.ndarray:
    """A graph as an upper triangular matrix of bool."""
    graph = np.asarray(graph)
    if graph.shape != (n, n):
        raise ValueError(
            f"graph must have shape ({n}, {n}), for {visible} features and hidden={hidden}, got "
            f"{graph.shape}. Entry (i, j) says whether spins i and j are coupled, visible spins first."
        )
    if not np.isin(graph, (0, 1)).all():
        bad = graph[~np.isin(graph, (0, 1))].flat[0]
        raise ValueError(f"graph must hold True and False, or 1 and 0, got {bad}.")
    if np.diag(graph).any():
        i = int(np.flatnonzero(np.diag(graph))[0])
        raise ValueError(f"graph couples spin {i} with itself. Leave the diagonal False.")
    return np.triu((graph != 0) | (graph.T != 0), 1)


def log_2cosh(x: np.ndarray) -> np.ndarray:
    """log(2 cosh x), without overflow."""
    size = np.abs(x)
    return size + np.log1p(np.exp(-2 * size))


def log_sum_exp(x: np.ndarray) -> np.ndarray:
    """Log of the sum of exponentials over the last axis."""
    top = x.max(axis=-1)
    return top + np.log(np.exp(x - top[..., None]).sum(axis=-1))


def _softmax(x: np.ndarray) -> np.ndarray:
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def dense(machine: Machine) -> np.ndarray:
    """The couplings as an upper triangular matrix in float64."""
    return as_dense(machine.J).astype(float)
