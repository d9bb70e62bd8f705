"""What the three JAX engines share: one jitted step on arguments that are already arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class JaxJob:
    """A jitted ``step(*args)``, blocking."""

    def __init__(self, step: Callable[..., Any], *args: Any):
        self.step = jax.jit(step)
        self.args = jax.tree.map(jnp.asarray, args)

    def __call__(self) -> Any:
        return jax.block_until_ready(self.step(*self.args))

    def temp_bytes(self) -> int | None:
        """The compiler's figure for what one step needs besides arguments and results."""
        analysis = self.step.lower(*self.args).compile().memory_analysis()
        return None if analysis is None else analysis.temp_size_in_bytes


def training_step(outputs: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Mean squared error and its gradient, for ``outputs(weights, x) -> (batch,)``."""

    def loss(weights: Any, x: Any, y: Any) -> Any:
        return jnp.mean((outputs(weights, x) - y) ** 2)

    return jax.value_and_grad(loss)


def variance_step(output: Callable[..., Any]) -> Callable[..., Any]:
    """No loss, and for each draw the gradient of ``output(weights, *data)`` by its weights."""

    def step(*args: Any) -> Any:
        return None, jax.vmap(jax.grad(output))(*args)

    return step


def floats(*arrays: np.ndarray) -> tuple[Any, ...]:
    """The arrays in JAX's default float."""
    return tuple(jnp.asarray(array, jnp.result_type(float)) for array in arrays)


def dtype() -> str:
    """The precision of a state vector in JAX's default float."""
    return "complex64" if jnp.result_type(float) == jnp.float32 else "complex128"
