"""The light cone: what can change the values of some wires at the end of a circuit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any


def light_cone(
    gates: Sequence[Any],
    measured: Iterable[Any],
    diagonal: Callable[[Any], bool] = lambda gate: False,
) -> tuple[list[int], set[Any]]:
    """The gates in the past of ``measured`` wires, and all wires of that past.

    Args:
        gates: in time order; anything with ``wires``.
        measured: the wires that are looked at.
        diagonal: whether a gate is diagonal. Such gates commute, so that of a chain of CZ only those on the
            wires that are looked at matter, in whatever order they are written.

    Returns:
        Positions of the gates that matter, in time order, and the wires that they reach.

    Example:
        >>> import pennylane as qp
        >>> light_cone([qp.X(0), qp.CNOT([0, 1]), qp.X(2), qp.X(0)], [1])
        ([0, 1], {0, 1})
        >>> light_cone([qp.CZ([0, 1]), qp.CZ([1, 2])], [2], lambda gate: True)
        ([1], {1, 2})

    Reference: Cerezo, Sone, Volkoff, Cincio, Coles, Nature Communications 12, 1791 (2021).
    """
    reached, seen = set(measured), []
    signs: set[Any] = (
        set()
    )  # reached wires on which the observable, carried back, is still diagonal
    for i in reversed(range(len(gates))):
        here = reached.intersection(gates[i].wires)
        commutes = diagonal(gates[i])
        if not here or (commutes and here <= signs):
            continue
        if commutes:
            signs.update(w for w in gates[i].wires if w not in reached)
        else:
            signs.difference_update(gates[i].wires)
        reached.update(gates[i].wires)
        seen.append(i)
    return seen[::-1], reached
