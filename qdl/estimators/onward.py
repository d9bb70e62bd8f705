"""One more pass over some rows, by an optimizer that remembers: what ``partial_fit`` does."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import jax
import optax
from jax import lax


@partial(jax.jit, static_argnums=(0, 1, 2))
def one_pass(
    model: Any, loss: Any, optimizer: Any, params: Any, state: Any, batches: Any, key: jax.Array
) -> tuple[Any, Any, jax.Array]:
    """A gradient step a batch; parameters and optimizer state after it, and the losses.

    Args:
        model: what is trained.
        loss: ``f(outputs, y) -> scalar``.
        optimizer: an Optax transformation.
        params: of the model.
        state: of the optimizer. ``fit`` starts with a new one, ``partial_fit`` must not: an Adam
            without averages would leave a minimum with a full step in every direction.
        batches: ``X (count, batch, features)`` and ``y (count, batch)``.
        key: of shots.
    """
    update = optax.with_extra_args_support(optimizer).update

    def step(carry: Any, batch: Any) -> Any:
        (params, state), (x, y, key) = carry, batch

        def objective(params: Any) -> jax.Array:
            return loss(outputs(model, params, x, key), y)

        value, gradient = jax.value_and_grad(objective)(params)
        updates, state = update(
            gradient, state, params, value=value, grad=gradient, value_fn=objective
        )
        return (optax.apply_updates(params, updates), state), value

    keys = jax.random.split(key, len(batches[0]))
    (params, state), losses = lax.scan(step, (params, state), (*batches, keys))
    return params, state, losses


def outputs(model: Any, params: Any, x: Any, key: jax.Array) -> jax.Array:
    """The model's outputs; the key goes to models that take one (shots)."""
    if "key" in inspect.signature(model.apply).parameters:
        return model.apply(params, x, key=key)
    return model.apply(params, x)
