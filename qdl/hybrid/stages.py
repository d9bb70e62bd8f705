"""What a stage of a hybrid model is: its widths, its values, and what is none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda x: x,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}


def applied(model: Any, params: Any, x: Any, key: Any) -> jax.Array:
    """The outputs of anything with ``apply``; the key goes to what takes one (shots)."""
    if key is not None and "key" in inspect.signature(model.apply).parameters:
        return model.apply(params, x, key=key)
    return model.apply(params, x)


def n_in(stage: Any) -> int:
    """How many features a stage reads; 0 if it does not say."""
    return getattr(stage, "n_features", 0) or 0


def n_out(stage: Any) -> int | None:
    """How many values a stage gives; None if it does not say."""
    if hasattr(stage, "circuit") and hasattr(stage, "place"):
        return stage.size
    return getattr(stage, "n_outputs", None)


def check_stage(stage: Any) -> None:
    """Refuse what is neither the name of an activation nor anything with init and apply."""
    if isinstance(stage, str):
        if stage not in ACTIVATIONS:
            raise ValueError(
                f"unknown activation {stage!r}. Use one of {sorted(ACTIVATIONS)}, or an object "
                "with init(key) and apply(params, x)."
            )
    elif not (hasattr(stage, "init") and hasattr(stage, "apply")) or inspect.isclass(stage):
        raise TypeError(
            f"Hybrid takes stages with init and apply, or the name of an activation "
            f"({', '.join(sorted(ACTIVATIONS))}); got {stage!r}."
        )
