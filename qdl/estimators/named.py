"""Optax optimizers by their names."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp
import optax

from ..arguments import check_number


def named_optimizer(name: str, learning_rate: float) -> Any:
    """The Optax optimizer of that name, its learning rate in its state: other rates are the same program.

    Raises:
        ValueError: there is none that takes a learning rate alone, or the rate is not positive.
    """
    make: Any = getattr(optax, name, None)
    arguments = set(inspect.signature(make).parameters) if callable(make) else set()
    if make is None or "learning_rate" not in arguments:
        raise ValueError(
            f"there is no Optax optimizer {name!r} that takes a learning rate: expected a name such as "
            "'adam', 'sgd', 'rmsprop' or 'adamw'. Or pass the transformation itself, optax.adam(0.05)."
        )
    check_number("learning_rate", learning_rate, "learning_rate=0.05", positive=True)
    fixed = arguments - {"learning_rate"}
    wrap: Any = optax.inject_hyperparams
    made = wrap(make, fixed, hyperparam_dtype=jnp.result_type(float))
    return made(learning_rate=float(learning_rate))
