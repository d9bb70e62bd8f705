r"""``Pooling(kind="measured")`` as measurement in the middle of a circuit, and gates that depend on it.

Measuring wire d and rotating wire k if the outcome is 1 leaves wire k in the same state as a controlled
rotation followed by forgetting d: deferred measurement. On a machine it saves the two-qubit gates.

Reference: Nielsen, Chuang, Quantum Computation and Quantum Information, section 4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pennylane as qp

from ...layers import Pooling, Sequential
from ...layers.base import Layer, Wires, collect

ROTATIONS = {"x": qp.RX, "y": qp.RY, "z": qp.RZ}


def is_measured(layer: Layer) -> bool:
    """True where a circuit asks for measurements in its middle.

    Example:
        >>> is_measured(Sequential([Pooling(), Pooling(kind="measured")]))
        True
    """
    if isinstance(layer, Sequential):
        return any(map(is_measured, layer.layers))
    return isinstance(layer, Pooling) and layer.kind == "measured"


def measured_operators(layer: Layer, params: Any, x: Any, wires: Wires) -> Iterator[Any]:
    """The operators of a layer, its measured poolings as ``MidMeasure`` and ``Conditional``.

    Example:
        >>> import numpy as np
        >>> pooling = Pooling("zx", kind="measured")
        >>> [o.name for o in measured_operators(pooling, np.ones(2), None, (0, 1))]
        ['MidMeasureMP', 'Conditional(RZ)', 'Conditional(RX)']
    """
    if isinstance(layer, Sequential):
        for (child, on), p in zip(layer.steps(wires), params, strict=True):
            yield from measured_operators(child, p, x, on)
    elif is_measured(layer):
        yield from _pool(layer, params, wires)
    else:
        yield from collect(layer, params, x, wires)


def _pool(layer: Any, params: Any, wires: Wires) -> Iterator[Any]:
    """All measurements first: a machine does them at the same time."""
    pairs = layer.pairs(wires) if layer.axes else []
    with qp.QueuingManager.stop_recording():
        outcomes = [qp.measure(drop) for _, drop in pairs]
    for outcome in outcomes:
        yield from outcome.measurements
    for (keep, _), outcome in zip(pairs, outcomes, strict=True):
        for j, axis in enumerate(layer.axes):
            yield qp.ops.Conditional(outcome, ROTATIONS[axis](params[j], wires=keep))
