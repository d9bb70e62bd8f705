"""The exact values of a model, of the same circuit read elsewhere, and of its gates changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ..backends import density_matrix, statevector
from ..backends.beyond.classical import exactly_at
from ..layers import Layer
from ..layers.base import Wires
from ..model import QNN

PURE, MIXED = 22, 11  # wires whose states are computed; above them qdl.backends.classical() does


def exact(model: QNN, params: Any, x: Any) -> np.ndarray:
    """The values ``(samples, k)`` of the exact simulator, the one for mixed states if need be.

    Raises:
        Refused: more wires than a state vector has, and no exact engine that is affordable.
    """
    one = None if x is None else np.reshape(x, (-1, np.shape(x)[-1]))[0]
    operators = model.operators(jax.tree.map(np.asarray, params), one)
    noisy = any(isinstance(operator, qp.operation.Channel) for operator in operators)
    if model.n_wires > (MIXED if noisy else PURE):
        place = exactly_at(model.circuit)
    else:
        place = density_matrix() if noisy else statevector()
    return rows(model.on(place).apply(params, x))


def rows(values: Any) -> np.ndarray:
    """Values as ``(samples, k)``."""
    return np.asarray(values, float).reshape(-1, np.shape(values)[-1])


@dataclass(frozen=True)
class Changed(Layer):
    """Other gates for the parameters and the features of some layers, which keep all wires active."""

    operators: Callable[..., Any]
    of: Layer

    def shape(self, wires: Wires) -> Any:
        return self.of.shape(wires)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        yield from self.operators(params, x, wires)

    def n_features(self, wires: Wires) -> int:
        return self.of.n_features(wires)


def changed(model: QNN, gates: Any, readout: Any = None) -> QNN:
    """A model with other gates and perhaps another readout; its parameters are ``[params]``."""
    if readout is None:
        readout = model.readout
        if getattr(readout, "wires", True) is None:  # the new layer keeps all wires active
            readout = replace(readout, wires=model.active)
    return QNN(model.n_wires, Changed(gates, model.layers), readout)


def scaled(model: QNN, factor: float) -> QNN:
    """The same circuit with all its angles multiplied by a factor."""

    def gates(params: Any, x: Any, wires: Any) -> Any:
        for operator in model.layers.gates(params, x, wires):
            angles = operator.num_params and not any(operator.ndim_params)
            if angles and not isinstance(operator, qp.operation.Channel):
                data = [factor * angle for angle in operator.data]
                operator = qp.ops.functions.bind_new_parameters(operator, data)
            yield operator

    return changed(model, gates)


def reread(model: QNN, readout: Any) -> QNN:
    """The same gates with another readout, which may look at wires that are no longer active."""
    return changed(model, model.layers.gates, readout)
