"""What every place must do, as one call."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..agreement import check
from ..backends import as_place
from ..model import QNN
from .readouts import LAYERS, READOUTS, inputs, values_of

REPEATS = 8  # calls of a place that draws


def check_place(
    place: Any, noisy: bool | None = None, key: jax.Array | None = None, gradient: bool = True
) -> None:
    """Check that a place keeps the contract, on a circuit of three wires with four readouts.

    It declares its ``shots``, None or a whole number. Values have the shapes ``(k,)``, ``(batch, k)`` and
    ``(..., batch, k)``, whatever is read out: words, sums of words, projectors, probabilities of some wires
    in any order; they equal those of the exact simulator within 5 standard errors, as ``qdl.check`` tells.
    With shots the same key gives the same numbers. The derivative is finite under ``jax.jit``, and for
    exact places that of the exact simulator (1e-6 in float64, 1e-3 in float32).

    Args:
        place: a place, or any PennyLane device.
        noisy: it has noise, so values are only asked to be finite and in the observables' range; None
            asks the place.
        key: for parameters, features and shots; ``jax.random.key(0)`` if None.
        gradient: check the derivative too, which on a machine is many circuits; leave out one that is
            random.

    Raises:
        AssertionError: the contract is broken; the text says with which place and readout, and how.

    Example:
        >>> import qdl
        >>> check_place(qdl.backends.statevector(shots=100))
    """
    place = as_place(place)
    name, shots = type(place).__name__, place.shots
    assert shots is None or (isinstance(shots, int) and shots > 0), (
        f"{name}.shots must be None or a whole number, got {shots!r}."
    )
    noisy = bool(place.noisy if noisy is None else noisy)
    for_shots = jax.random.key(7) if key is None else key
    for readout in READOUTS:
        what = f"{name} with {readout}"
        model = QNN(3, LAYERS, readout=readout)
        params, x = inputs(model, key)
        values = values_of(model.on(place), params, x, for_shots, what, readout.size(model.active))
        assert np.isfinite(values).all() and np.abs(values).max() < 1.2, f"{what}: got {values}."
        if noisy:
            continue
        repeats = 1 if place.draws is None else REPEATS
        agreement = check(model, place, params, x, for_shots, repeats)
        assert agreement.ok, f"{what}: {agreement}"
    if gradient:
        _gradient(place, f"{name} with {READOUTS[1]}", noisy, key, for_shots)


def _gradient(place: Any, what: str, noisy: bool | None, key: Any, for_shots: jax.Array) -> None:
    model = QNN(3, LAYERS, readout=READOUTS[1])
    params, x = inputs(model, key)

    def slope(model: QNN) -> np.ndarray:
        slopes = jax.jit(jax.grad(lambda p: model.apply(p, x, for_shots).sum()))(params)
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(slopes)])

    try:
        got = slope(model.on(place))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{what}: no derivative under jax.jit: {error}") from error
    assert np.isfinite(got).all(), f"{what}: the derivative is {got}."
    if place.shots is None and not noisy:
        error = float(np.max(np.abs(got - slope(model))))
        limit = 1e-6 if jnp.result_type(float) == jnp.float64 else 1e-3
        assert error <= limit, f"{what}: the derivative differs by {error:.2e} (> {limit:.0e})."
