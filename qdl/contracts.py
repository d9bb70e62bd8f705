"""Conformance checks of readouts and places; ``qdl.testing`` has them all."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .agreement import check
from .backends import as_place
from .layers import AngleEncoding, Entangler, Rotation
from .model import QNN
from .readout import Expval, ExpZ, Probs, Readout

LAYERS = (AngleEncoding("x"), Rotation("zyx"), Entangler("cnot"), Rotation("xz"))
READOUTS = (
    ExpZ(),
    Expval([qp.X(0) @ qp.Z(2), 0.5 * qp.Y(1) - 0.3 * qp.Z(0) @ qp.Z(1)]),
    Probs([2, 0]),
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
    model = QNN(n_wires, LAYERS, readout=readout)
    params, x = _inputs(model, key)
    size = readout.size(model.active)
    _shapes(model, params, x, None, f"{name}, of size {size}", size)
    exact = model.on(qp.device("default.qubit")).apply(params, x)
    error = float(np.max(np.abs(model.apply(params, x) - exact)))
    limit = 1e-10 if jnp.result_type(float) == jnp.float64 else 1e-5
    assert error <= limit, f"{name} differs from default.qubit by {error:.2e} (> {limit:.0e})."


def check_place(
    place: Any, noisy: bool = False, key: jax.Array | None = None, gradient: bool = True
) -> None:
    """Check that a place keeps the contract, on a circuit of three wires with three readouts.

    It declares its ``shots``, None or a whole number. Values have the shapes ``(k,)``, ``(batch, k)`` and
    ``(..., batch, k)``; they equal those of the exact simulator within 5 standard errors, as ``qdl.check``
    tells. With shots the same key gives the same numbers. The derivative is finite, and for exact places
    that of the exact simulator (1e-6 in float64, 1e-3 in float32).

    Args:
        place: a place, or any PennyLane device.
        noisy: it has noise, so values are only asked to be finite and in the observables' range.
        key: for parameters, features and shots; ``jax.random.key(0)`` if None.
        gradient: check the derivative too, which on a machine is many circuits.

    Raises:
        AssertionError: the contract is broken; the text says where and by how much.

    Example:
        >>> import qdl
        >>> check_place(qdl.backends.statevector(shots=100))
    """
    place = as_place(place)
    name, shots = type(place).__name__, place.shots
    assert shots is None or (isinstance(shots, int) and shots > 0), (
        f"{name}.shots must be None or a whole number, got {shots!r}."
    )
    for readout in READOUTS:
        what = f"{name} with {type(readout).__name__}"
        model = QNN(3, LAYERS, readout=readout)
        params, x = _inputs(model, key)
        for_shots = jax.random.key(7) if key is None else key
        values = _shapes(model.on(place), params, x, for_shots, what, readout.size(model.active))
        assert np.isfinite(values).all() and np.abs(values).max() < 1.2, f"{what}: got {values}."
        if noisy:
            continue
        agreement = check(model, place, params, x, for_shots)
        assert agreement.ok, f"{what}: {agreement}"
    if gradient:
        _gradient(place, name, noisy, key)


def _shapes(model: QNN, params: Any, x: jax.Array, key: Any, what: str, size: int) -> np.ndarray:
    """The values of a batch, after those of a sample and of a batch of batches were looked at."""
    for inputs in (x[0], x[None], x):
        values = model.apply(params, inputs, key)
        wanted = (*inputs.shape[:-1], size)
        assert values.shape == wanted, f"{what}: shape {values.shape}, expected {wanted}."
    again = np.asarray(model.apply(params, x, key))
    assert np.array_equal(values, again), f"{what}: the same key gives other numbers."
    return again


def _gradient(place: Any, name: str, noisy: bool, key: jax.Array | None) -> None:
    model = QNN(3, LAYERS, readout=READOUTS[1])
    params, x = _inputs(model, key)
    for_shots = jax.random.key(7) if key is None else key

    def slope(model: QNN) -> np.ndarray:
        slopes = jax.grad(lambda p: model.apply(p, x, for_shots).sum())(params)
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(slopes)])

    got = slope(model.on(place))
    assert np.isfinite(got).all(), f"{name}: the derivative is {got}."
    if place.shots is None and not noisy:
        error = float(np.max(np.abs(got - slope(model))))
        limit = 1e-6 if jnp.result_type(float) == jnp.float64 else 1e-3
        assert error <= limit, f"{name}: the derivative differs by {error:.2e} (> {limit:.0e})."


def _inputs(model: QNN, key: jax.Array | None) -> tuple[Any, jax.Array]:
    for_params, for_x = jax.random.split(jax.random.key(0) if key is None else key)
    return model.init(for_params), jax.random.uniform(for_x, (2, model.n_wires), maxval=2.0)
