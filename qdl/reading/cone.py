"""The light cone: what can change the values of some wires at the end of a circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def light_cone(gates: Sequence[Any], measured: Iterable[Any]) -> tuple[list[int], set[Any]]:
    """The gates in the past of ``measured`` wires, and all wires of that past.

    Args:
        gates: in time order; anything with ``wires``.
        measured: the wires that are looked at.

    Returns:
        Positions of the gates that matter, in time order, and the wires that they reach.

    Example:
        >>> import pennylane as qp
        >>> light_cone([qp.X(0), qp.CNOT([0, 1]), qp.X(2), qp.X(0)], [1])
        ([0, 1], {0, 1})

    Reference: Cerezo, Sone, Volkoff, Cincio, Coles, Nature Communications 12, 1791 (2021).
    """
    reached, seen = set(measured), []
    for i in reversed(range(len(gates))):
        wires = gates[i].wires
        if not reached.isdisjoint(wires):
            reached.update(wires)
            seen.append(i)
    return seen[::-1], reached
