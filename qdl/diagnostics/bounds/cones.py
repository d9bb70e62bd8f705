r"""From below: how many angles the readout sees.

As a function of the angles of its light cone, the cost is a trigonometric polynomial. On a set of positive
measure such a polynomial is at least $c^{-N}$ times its largest value for N gates with angles, shared or not:
a bounded number of them bounds the variance from below, and $O(\log n)$ of them bound it by a power of n.

Reference: Nazarov, St. Petersburg Mathematical Journal 5, 663 (1994), Turan's lemma; Cerezo, Sone, Volkoff,
Cincio, Coles, Nature Communications 12, 1791 (2021) and Pesah et al., Physical Review X 11, 041011 (2021) for
two-designs in such cones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ...layers.base import is_shape

DIAGONAL = qp.ops.qubit.attributes.diagonal_in_z_basis


@dataclass(frozen=True)
class Seen:
    """What the readout sees of a circuit.

    Attributes:
        wires: in its light cone.
        angles: gates with an angle in it.
        gates: all of its gates.
        kinds: which gates with which numbers there are.
    """

    wires: int
    angles: int
    gates: int
    kinds: frozenset[Any] = field(default=frozenset(), repr=False, compare=False)


def operators_of(model: Any) -> list[Any]:
    """The gates in time order, with stand-in numbers."""
    shape = model.layers.shape(model.wires)
    params = jax.tree.map(lambda s: np.full(s, 0.3), shape, is_leaf=is_shape)
    x = np.full(model.n_features, 0.3) if model.n_features else None
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        return list(model.layers.gates(params, x, model.wires))


def seen(operators: Sequence[Any], measured: Iterable[int]) -> Seen:
    """The light cone of measured wires; diagonal gates in a row commute, and do not hide each other.

    Example:
        >>> chain = [qp.RX(0.1, w) for w in range(4)] + [qp.CZ((w, w + 1)) for w in range(3)]
        >>> seen(chain, [1])
        Seen(wires=3, angles=3, gates=5)
    """
    reached = set(measured)
    before = set(reached)  # what a run of diagonal gates meets
    inside, gates, angles, kinds = False, 0, 0, set()
    for operator in reversed(operators):
        diagonal = operator in DIAGONAL
        if not (diagonal and inside):
            before = set(reached)
        inside = diagonal
        wires = set(operator.wires)
        if wires.isdisjoint(before if diagonal else reached):
            continue
        reached |= wires
        gates += 1
        angles += bool(operator.num_params) and not isinstance(operator, qp.operation.Channel)
        kinds.add((operator.name, *(round(float(v), 9) for p in operator.data for v in _parts(p))))
    return Seen(len(reached), angles, gates, frozenset(kinds))


def _parts(values: Any) -> np.ndarray:
    """Real numbers."""
    flat = np.ravel(values)
    return np.concatenate([flat.real, flat.imag]) if np.iscomplexobj(flat) else flat
