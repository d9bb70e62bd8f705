"""The loss of a model on rows of data as the cost whose gradient is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..observables import norm
from ..readout import Probabilities
from ..training.check import check_data, n_outputs
from ..training.losses import as_loss

STATES = 2**22  # amplitudes of the rows that run side by side


@dataclass(frozen=True, eq=False)
class DataLoss:
    """A loss that ``fit`` minimises, of the readout values ``(rows, k)``.

    Attributes:
        loss: a function of values and targets.
        y: the targets.
        name: what it is called.
    """

    loss: Callable[[Any, Any], Any]
    y: jax.Array
    name: str

    def __call__(self, values: jax.Array) -> jax.Array:
        return self.loss(values, self.y)

    def scale(self, model: Any) -> float:
        """How large its gradient can be about where it is small: what rounding is relative to."""
        measured = model.measured
        spread = isinstance(measured, Probabilities)
        norms = np.ones(measured.size) if spread else [norm(o) for o in measured.observables]
        middle = jnp.full((len(self.y), measured.size), 1 / measured.size if spread else 0.0)
        return float((np.abs(jax.grad(self)(middle)) * np.asarray(norms)).sum())


def data_loss(model: Any, data: Any, loss: Any) -> tuple[Any, Any]:
    """Features and cost for data ``(X, y)``: one row of them, and then a function of one row's values.

    Raises:
        ValueError: data that ``fit`` would refuse, or a loss that it does not know.
    """
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ValueError(f"data must be a pair (X, y), got {type(data).__name__}.")
    if loss is None:
        raise ValueError(
            "data=(X, y) needs the loss that fit is to minimise: loss='mse', 'cross_entropy' or a function "
            "f(outputs, y) -> scalar."
        )
    function = as_loss(loss, model)
    X, y = data
    X, y = check_data(X, y, model, function, n_outputs(model), part=True)
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    rows = f"{len(X)} row{'s' * (len(X) != 1)}"
    cost = DataLoss(function, y, f"the loss {name} on {rows} of data")
    if len(X) > 1:
        return X, cost
    one = DataLoss(lambda values, y: function(values[None], y), y, cost.name)
    return X[0], one


def outputs(model: Any, params: Any, x: Any, key: Any) -> jax.Array:
    """The readout values; of many rows in blocks, where nothing is sent anywhere."""
    block = max(STATES // 2 ** min(model.n_wires, 22), 1)
    if x is None or x.ndim < 2 or len(x) <= block:
        return model.apply(params, x, key)
    if model.place.cost(model.circuit, 1, False) is not None:
        return model.apply(params, x, key)
    count = -(-len(x) // block)
    filled = jnp.concatenate([x, x[: count * block - len(x)]]).reshape(count, block, -1)
    if key is None:
        found = jax.lax.map(lambda rows: model.apply(params, rows), filled)
    else:
        keys = jax.random.split(key, count)
        found = jax.lax.map(lambda part: model.apply(params, *part), (filled, keys))
    return found.reshape(count * block, -1)[: len(x)]
