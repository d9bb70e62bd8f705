"""The gates on single wires that open a circuit: a product state, averaged exactly wire by wire."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .circuit import PauliCircuit
from .moments import local_step, mean_matrix
from .operators import Clifford, Element

ZERO_STATE = np.array([1.0, 0.0, 1.0, 0.0])  # values of I, X, Z, Y


@dataclass(frozen=True, eq=False)
class Prefix:
    """What the first gates leave on each wire.

    Attributes:
        squares: ``(n, 4)``, the mean square of each letter I, X, Z, Y.
        means: ``(n, 4)``, the mean of each letter.
        slopes: parameter -> (wire, the mean square of each letter's derivative).
        rest: the gates after it.
        product: bits of the wires that are left in anything but a stabiliser state.
    """

    squares: np.ndarray
    means: np.ndarray
    slopes: dict[int, tuple[int, np.ndarray]]
    rest: tuple[Element, ...]
    product: int

    @property
    def stabiliser(self) -> bool:
        """True where every letter's square is 0 or 1: a stabiliser state."""
        return not self.product


def split(circuit: PauliCircuit, angles: bool) -> Prefix:
    """Cut the opening off; ``angles`` says whether gates with an angle belong to it."""
    n = circuit.n_wires
    opening: list[list[Element]] = [[] for _ in range(n)]
    open_wires, rest = set(range(n)), []
    for element in circuit.elements:
        (wire, *others) = element.wires
        if others or wire not in open_wires or not (angles or element.angle is None):
            open_wires -= set(element.wires)
            rest.append(element)
        else:
            opening[wire].append(element)
    squares, means, slopes, product = np.zeros((n, 4)), np.zeros((n, 4)), {}, 0
    for wire, gates in enumerate(opening):
        squares[wire] = _square(gates)
        mean = ZERO_STATE
        for gate in gates:
            mean = mean_matrix(gate).T @ mean
        means[wire] = mean
        if not np.isin(squares[wire], (0.0, 1.0)).all():
            product |= 1 << wire
        for k, gate in enumerate(gates):
            if gate.angle is not None and gate.angle.parameter is not None:
                slopes[gate.angle.entry] = wire, _square(gates, k)
    return Prefix(squares, means, slopes, tuple(rest), product)


def _square(gates: list[Element], derivative: int | None = None) -> np.ndarray:
    """The mean square of each letter after the gates, one of them replaced by its derivative."""
    pairs = np.outer(ZERO_STATE, ZERO_STATE)
    for k, gate in enumerate(gates):
        if isinstance(gate, Clifford):
            h = mean_matrix(gate)
            pairs = h.T @ pairs @ h
            continue
        step = local_step(gate)
        tables = step.slope_square if k == derivative else step.square
        q, fresh = np.arange(4), np.zeros((4, 4))
        for (r_out, r_in), matrix in tables.items():
            fresh[q, q ^ r_in] += matrix.T @ pairs[q, q ^ r_out]
        pairs = fresh
    out = np.diag(pairs)
    return np.where(abs(out - out.round()) < 1e-13, out.round(), out)
