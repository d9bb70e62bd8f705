"""PennyLane's photonic operators: which are gates of modes here, and those that are made of them."""

from __future__ import annotations

from math import pi
from typing import Any

import pennylane as qp

from ..refused import Refused

NEUTRAL = ("Barrier", "Identity", "Snapshot")
KINDS = {
    "Displacement": "displacement",
    "Squeezing": "squeezing",
    "Rotation": "rotation",
    "Beamsplitter": "beamsplitter",
    "Kerr": "kerr",
    "CrossKerr": "cross_kerr",
    "CubicPhase": "cubic_phase",
}
TEMPLATES = ("CVNeuralNetLayers", "Interferometer")


def expand(operator: Any) -> list[Any]:
    """A PennyLane operator as those that are simulated here.

    Raises:
        Refused: a gate of qubits, or one that no simulator of modes has; by name.

    Example:
        >>> [o.name for o in expand(qp.TwoModeSqueezing(0.3, 0.0, wires=(0, 1)))]
        ['Beamsplitter', 'Squeezing', 'Squeezing', 'Beamsplitter']
    """
    name = getattr(operator, "name", repr(operator))
    if name in NEUTRAL:
        return []
    if not isinstance(operator, qp.operation.CV) and name not in TEMPLATES:
        raise Refused(
            f"{name} is no gate of modes, and this place has modes of light: gates of qubits and photonic "
            "gates cannot be mixed. Use the layers of qdl.photonic alone, or two models in a Hybrid."
        )
    if name in KINDS:
        return [operator]
    if name == "TwoModeSqueezing":
        # The sign of PennyLane's device, a -> a cosh r + e^(i phi) b+ sinh r; its docstring has the other.
        r, phi = operator.data
        a, b = operator.wires
        return [
            qp.Beamsplitter(-pi / 4, 0.0, wires=(a, b)),
            qp.Squeezing(-r, phi, wires=a),
            qp.Squeezing(r, phi, wires=b),
            qp.Beamsplitter(pi / 4, 0.0, wires=(a, b)),
        ]
    if operator.has_decomposition:
        return [part for each in operator.decomposition() for part in expand(each)]
    raise Refused(
        f"{name} is none of the photonic gates that are simulated here: {', '.join(KINDS)} and "
        "TwoModeSqueezing. Write it with those."
    )
