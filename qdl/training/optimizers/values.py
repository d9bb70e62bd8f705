"""Optimizers that need values of the loss and no gradient, and how ``fit`` tells them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

ValueFn = Callable[[Any], jax.Array]  # params -> the loss of this step's batch


class ValuesOnly(optax.GradientTransformationExtraArgs):
    """An Optax transformation that asks ``value_fn`` and never looks at a gradient.

    ``fit`` computes no gradient for it, not even its derivation: the model need not have one. Its
    ``update`` is given zeros in place of the gradient, and the column ``grad_norm`` is NaN.

    ``optax.chain`` returns a plain transformation. Wrap the chain to say that it needs no gradient
    either, here for Adam on SPSA's estimate (which comes with its sign turned, as an update):

    Example:
        >>> import qdl
        >>> estimate = qdl.training.spsa(1.0, key=jax.random.key(0))
        >>> chain = optax.chain(estimate, optax.scale_by_adam(), optax.scale(0.01))
        >>> optimizer = qdl.training.ValuesOnly(*chain)
    """


def each(fn: Callable[[Any], Any], rows: Any) -> Any:
    """``fn`` of each row: compiled once inside ``jax.jit``, else simply called again and again."""
    leaves = jax.tree.leaves(rows)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return lax.map(fn, rows)
    found = [fn(jax.tree.map(lambda leaf, i=i: leaf[i], rows)) for i in range(len(leaves[0]))]
    return jax.tree.map(lambda *results: jnp.stack(results), *found)


def needs(name: str, value_fn: ValueFn | None, params: Any) -> ValueFn:
    """The value function; a clear error where a training loop passes none."""
    if value_fn is None or params is None:
        raise ValueError(
            f"{name} needs the parameters and the loss as a function of them, got params="
            f"{'None' if params is None else '...'}, value_fn={value_fn!r}. Call "
            "optimizer.update(gradient, state, params, value_fn=loss_of_params); qdl.fit does."
        )
    return value_fn


def check_positive(name: str, **numbers: Any) -> None:
    """Refuse numbers that are not positive; a schedule is taken as it is."""
    for what, value in numbers.items():
        if not callable(value) and not value > 0:
            raise ValueError(
                f"{name} needs {what} > 0, got {value!r}. Pass a positive number or an Optax schedule."
            )
