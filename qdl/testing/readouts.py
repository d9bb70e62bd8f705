"""What every readout must do, as one call."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..layers import AngleEncoding, Entangler, Rotation
from ..model import QNN
from ..readout import Expval, ExpZ, Probs, Readout

LAYERS = (AngleEncoding("x"), Rotation("zyx"), Entangler("cnot"), Rotation("xz"))
READOUTS = (
    ExpZ(),
    Expval(
        [
            qp.X(0) @ qp.Z(2),
            0.5 * qp.Y(1) - 0.3 * qp.Z(0) @ qp.Z(1),
            qp.Hermitian(np.diag([0.0, 1.0, 0.0, 0.0]), [2, 1]),
        ]
    ),
    Probs([2, 0]),
    Probs([1, 2, 0]),  # no involution: the inverse order is another one
)


def check_readout(readout: Readout, n_wires: int = 3, key: jax.Array | None = None) -> None:
    """Check that a readout keeps the contract, on a random circuit.

    Description: hashable, and equal by value to another of its kind. ``size`` is the number k of values;
    a sample gives ``(k,)``, a batch ``(batch, k)``, both as PennyLane's ``default.qubit`` does, to 1e-10 in
    float64 and 1e-5 in float32.

    Args:
        readout: the readout.
        n_wires: wires of the circuit.
        key: for parameters and features; ``jax.random.key(0)`` if None.

    Raises:
        AssertionError: the contract is broken; the text says where and by how much.

    Example:
        >>> check_readout(Probs([1]))
    """
    name = type(readout).__name__
    assert isinstance(readout, Readout), f"{name} is not a qdl.Readout: subclass it."
    assert hash(readout) == hash(readout), f"{name} is not hashable."
    try:
        model = QNN(n_wires, LAYERS, readout=readout)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{name} does not make a model: {error}") from error
    params, x = inputs(model, key)
    size = readout.size(model.active)
    values_of(model, params, x, None, f"{name}, of size {size}", size)
    exact = model.on(qp.device("default.qubit")).apply(params, x)
    error = float(np.max(np.abs(model.apply(params, x) - exact)))
    limit = 1e-10 if jnp.result_type(float) == jnp.float64 else 1e-5
    assert error <= limit, f"{name} differs from default.qubit by {error:.2e} (> {limit:.0e})."


def values_of(model: QNN, params: Any, x: jax.Array, key: Any, what: str, size: int) -> np.ndarray:
    """The values of a batch, after those of a sample and of a batch of batches were looked at."""
    for inputs in (x[0], x[None], x):
        try:
            values = model.apply(params, inputs, key)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{what}: {error}") from error
        wanted = (*inputs.shape[:-1], size)
        assert values.shape == wanted, f"{what}: shape {values.shape}, expected {wanted}."
    again = np.asarray(model.apply(params, x, key))
    assert np.array_equal(values, again), f"{what}: the same key gives other numbers."
    return again


def inputs(model: QNN, key: jax.Array | None) -> tuple[Any, jax.Array]:
    """Parameters and two rows of features."""
    for_params, for_x = jax.random.split(jax.random.key(0) if key is None else key)
    return model.init(for_params), jax.random.uniform(for_x, (2, model.n_wires), maxval=2.0)
