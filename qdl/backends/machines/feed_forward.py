r"""``Pooling(kind="measured")`` as measurement in the middle of a circuit, and gates that depend on it.

Measuring wire d and rotating wire k if the outcome is 1 leaves wire k in the same state as a controlled
rotation followed by forgetting d: deferred measurement. On a machine it saves the two-qubit gates.

Reference: Nielsen, Chuang, Quantum Computation and Quantum Information, section 4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pennylane as qp

from ...layers import Composite, Pooling
from ...layers.base import Layer, Wires, collect
from ...reading import leaves, unfold

ROTATIONS = {"x": qp.RX, "y": qp.RY, "z": qp.RZ}


def is_measured(layer: Layer, wires: Wires) -> bool:
    """True where a circuit asks for measurements in its middle.

    Example:
        >>> is_measured(Sequential([Pooling(), Pooling(kind="measured")]), (0, 1, 2, 3))
        True
    """
    found = (leaf.layer for leaf in leaves(unfold(layer, wires)))
    return any(isinstance(each, Pooling) and each.kind == "measured" for each in found)


@dataclass(frozen=True)
class FeedForward(Layer):
    """A layer with its measured poolings as ``MidMeasure`` and ``Conditional``.

    Params: the layer's.

    Example:
        >>> import numpy as np
        >>> pooling = Pooling("zx", kind="measured")
        >>> [o.name for o in FeedForward(pooling).gates(np.ones(2), None, (0, 1))]
        ['MidMeasureMP', 'Conditional(RZ)', 'Conditional(RX)']
    """

    block: Layer

    def shape(self, wires: Wires) -> Any:
        return self.block.shape(wires)

    def active(self, wires: Wires) -> Wires:
        return self.block.active(wires)

    def n_features(self, wires: Wires) -> int:
        return self.block.n_features(wires)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterator[Any]:
        if isinstance(self.block, Composite):
            for key, part, on in self.block.steps(wires):
                yield from FeedForward(part).gates(params[key], x, on)
        elif isinstance(self.block, Pooling) and is_measured(self.block, wires):
            yield from _pool(self.block, params, wires)
        else:
            yield from collect(self.block, params, x, wires)


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
