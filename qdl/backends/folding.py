"""Circuits with as much noise as one wants: a circuit, undone and done again."""

from __future__ import annotations

from typing import Any

import pennylane as qp


def folded(operators: list[Any], scale: int) -> list[Any]:
    """A circuit that does the same with ``scale`` times as many gates; a prepared state stays.

    PennyLane's ``fold_global`` has no barriers, without which a transpiler undoes the folding.

    Raises:
        ValueError: a gate that cannot be undone.

    Example:
        >>> [gate.name for gate in folded([qp.RX(0.3, 0), qp.S(0)], 3)]
        ['RX', 'S', 'Barrier', 'Adjoint(S)', 'RX', 'Barrier', 'RX', 'S']
    """
    if scale == 1:
        return operators
    for operator in operators:
        if isinstance(operator, qp.operation.Channel | qp.ops.MidMeasure | qp.ops.Conditional):
            raise ValueError(
                f"Only gates that can be undone can be folded, got {operator.name}. Leave Noise layers to "
                "the place, or use scales=(1,)."
            )
    prepared = [o for o in operators if isinstance(o, qp.operation.StatePrepBase)]
    gates = operators[len(prepared) :]
    with qp.QueuingManager.stop_recording():
        barrier = qp.Barrier(sorted({wire for gate in gates for wire in gate.wires}))
        back = [qp.adjoint(gate, lazy=False) for gate in reversed(gates)]
    return [*prepared, *gates, *[barrier, *back, barrier, *gates] * (scale // 2)]
