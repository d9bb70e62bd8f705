"""Layers, a composite and a readout as a user may write them, and the gates that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp

from qdl.layers import Composite, Layer
from qdl.readout import Readout

# Gates by name: how many wires, how many angles. The first line has names in Qiskit's noise models.
NAMED = {"RX": (1, 1), "RY": (1, 1), "RZ": (1, 1), "Hadamard": (1, 0), "PauliX": (1, 0), "S": (1, 0),
         "CNOT": (2, 0), "CZ": (2, 0)}  # fmt: skip
OTHERS = {"PhaseShift": (1, 1), "Rot": (1, 3), "SX": (1, 0), "T": (1, 0), "PauliZ": (1, 0), "CRX": (2, 1),
          "CRY": (2, 1), "ControlledPhaseShift": (2, 1), "IsingXX": (2, 1), "IsingXY": (2, 1), "SWAP": (2, 0),
          "ISWAP": (2, 0), "CSWAP": (3, 0), "Toffoli": (3, 0), "MultiRZ": (3, 1), "PauliRot": (2, 1),
          "QubitUnitary": (2, 0), "GlobalPhase": (0, 1), "U3": (1, 3), "SISWAP": (2, 0)}  # fmt: skip
CHANNELS = {"BitFlip": 1, "PhaseFlip": 1, "DepolarizingChannel": 1, "AmplitudeDamping": 1, "PhaseDamping": 1,
            "GeneralizedAmplitudeDamping": 1, "PauliError": 2}  # fmt: skip
UNITARY = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4, 2)) @ [1, 1j])[0]


@dataclass(frozen=True)
class Own(Layer):
    """Gates one by one: names, positions among the wires, and where each number comes from.

    ``lost``: the first gate is built and not yielded, as if PennyLane's queue recorded it.
    """

    gate_list: Any  # ((name, positions, sources), ...)
    size: int
    columns: int
    lost: bool = False

    def shape(self, wires):
        return (self.size,) if self.size else None

    def n_features(self, wires):
        return self.columns

    def meant(self, params, x, wires):
        for name, positions, sources in self.gate_list:
            on = [wires[i] for i in positions]
            yield made(name, [number(s, params, x) for s in sources], on)

    def gates(self, params, x, wires):
        found = self.meant(params, x, wires)
        if self.lost:
            next(found)
        yield from found


def number(source, params, x):
    """A number of a gate: its own, a multiple of an entry or a feature, or another function of them."""
    kind, i, j, factor = source
    if kind == "number":
        return factor
    if kind == "param":
        return factor * params[i]
    if kind == "feature":
        return factor * x[..., j]
    if kind == "product":
        return params[i] * x[..., j]
    xp = params.__array_namespace__()
    return factor * xp.sin(params[i]) ** 2  # a strength of noise, or a derived angle


def made(name, numbers, on):
    if name == "PauliRot":
        return qp.PauliRot(numbers[0], "XY", on)
    if name == "QubitUnitary":
        return qp.QubitUnitary(UNITARY, on)
    if name == "GlobalPhase":
        return qp.GlobalPhase(numbers[0])
    if name == "GeneralizedAmplitudeDamping":
        return qp.GeneralizedAmplitudeDamping(numbers[0], 0.7, on[0])
    if name == "PauliError":
        return qp.PauliError("XZ", numbers[0], wires=on)
    return getattr(qp, name)(*numbers, wires=on)


@dataclass(frozen=True)
class Pair(Composite):
    """Two parts by names that do not sort as they follow each other."""

    first: Layer
    second: Layer

    def parts(self, wires):
        return {"z": self.first, "a": [self.second]}


@dataclass(frozen=True)
class Ends(Readout):
    """A readout of one's own: Y of the last wire, then the first two together."""

    def measurements(self, wires):
        word = qp.X(wires[-1]) @ qp.Z(wires[0]) if len(wires) > 1 else qp.X(wires[0])
        return [qp.expval(qp.Y(wires[-1])), qp.expval(0.5 * word - 2.0 * qp.Identity(wires[0]))]


OWN = (Own, Pair, Ends)
