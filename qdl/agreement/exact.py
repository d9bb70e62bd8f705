"""The exact values of a model, of the same circuit read elsewhere, and of its gates changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ..backends import density_matrix, statevector
from ..layers import Template
from ..model import QNN


def exact(model: QNN, params: Any, x: Any) -> np.ndarray:
    """The values ``(samples, k)`` of the exact simulator, the one for mixed states if need be."""
    one = None if x is None else np.reshape(x, (-1, np.shape(x)[-1]))[0]
    operators = model.operators(jax.tree.map(np.asarray, params), one)
    noisy = any(isinstance(operator, qp.operation.Channel) for operator in operators)
    return rows(model.on(density_matrix() if noisy else statevector()).apply(params, x))


def rows(values: Any) -> np.ndarray:
    """Values as ``(samples, k)``."""
    return np.asarray(values, float).reshape(-1, np.shape(values)[-1])


def changed(model: QNN, gates: Any, readout: Any = None) -> QNN:
    """A model with other gates and perhaps another readout; its parameters are ``[params]``."""
    if readout is None:
        readout = model.readout
        if getattr(readout, "wires", True) is None:  # a Template keeps all wires active
            readout = replace(readout, wires=model.active)
    return QNN(model.n_wires, Template(gates, shape=model.layers.shape), readout)


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
