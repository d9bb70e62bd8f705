"""SPSA: a gradient estimated from two values, whatever the number of parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...arguments import check_whole
from ...layers.base import check_key
from .values import ValueFn, ValuesOnly, check_positive, each, needs

Gain = float | optax.Schedule


class SPSAState(NamedTuple):
    """Steps done, and the raw key of the steps to come."""

    count: jax.Array  # pyright: ignore[reportIncompatibleMethodOverride]  # Optax's name
    key: jax.Array


def spsa(
    learning_rate: Gain, perturbation: Gain = 0.1, *, key: jax.Array, resamples: int = 1
) -> ValuesOnly:
    r"""Simultaneous perturbation stochastic approximation, as an Optax optimizer.

    All parameters are moved at once by random signs $\Delta \in \{-1, 1\}^d$, and

    $$\hat g = \frac{f(\theta + c \Delta) - f(\theta - c \Delta)}{2 c} \, \Delta, \qquad
    \theta \leftarrow \theta - a \, \hat g .$$

    Over $\Delta$ the mean of $\hat g$ is the gradient, up to $O(c^2)$; for a quadratic $f$ it is the
    gradient. A step takes ``2 * resamples`` values, and ``fit`` one more for its history.

    Args:
        learning_rate: $a$, a number or an Optax schedule. Spall's gains, which fall so that the
            noise averages out, are ``lambda k: a / (k + 1 + A) ** 0.602``.
        perturbation: $c$ in the units of the parameters (radians), a number or a schedule; Spall's
            is ``lambda k: c / (k + 1) ** 0.101``. With shots: about the noise of one value.
        key: a JAX key. It lives in the state, so that a resumed run goes on as it would have.
        resamples: how many estimates are averaged.

    Raises:
        ValueError: gains that are not positive; no ``value_fn`` at the update.
        TypeError: no key.

    Example:
        >>> import qdl
        >>> f = lambda params: (params["a"] - 1) ** 2 + params["b"] ** 2
        >>> params = {"a": jnp.float32(0), "b": jnp.float32(2)}
        >>> optimizer = qdl.training.spsa(0.1, key=jax.random.key(0))
        >>> state = optimizer.init(params)
        >>> for _ in range(100):
        ...     updates, state = optimizer.update(params, state, params, value_fn=f)
        ...     params = optax.apply_updates(params, updates)
        >>> bool(f(params) < 1e-6)
        True

    Reference: Spall, IEEE Transactions on Automatic Control 37, 332 (1992); the gains:
    Spall, IEEE Transactions on Aerospace and Electronic Systems 34, 817 (1998).
    """
    check_positive("spsa", learning_rate=learning_rate, perturbation=perturbation)
    check_whole("resamples", resamples, owner="spsa")
    key = check_key(key, "spsa")
    kind = jax.random.key_impl(key)

    def init(params: Any) -> SPSAState:
        return SPSAState(jnp.int32(0), jax.random.key_data(key))

    def update(
        updates: Any, state: Any, params: Any = None, *, value_fn: Any = None, **extra: Any
    ) -> tuple[Any, SPSAState]:
        value_fn = needs("spsa", value_fn, params)
        now, later = jax.random.split(jax.random.wrap_key_data(state.key, impl=kind))
        size = gain(perturbation, state.count)
        found = estimate(value_fn, params, size, jax.random.split(now, resamples))
        return found, SPSAState(state.count + 1, jax.random.key_data(later))

    estimator = optax.GradientTransformationExtraArgs(init, update)
    return ValuesOnly(*optax.chain(estimator, optax.scale_by_learning_rate(learning_rate)))


def estimate(value_fn: ValueFn, params: Any, size: Any, keys: jax.Array) -> Any:
    """SPSA's estimate of the gradient, averaged over one direction for each key."""

    def one(key: jax.Array) -> Any:
        direction = signs(key, params)
        ends = jax.tree.map(lambda p, d: jnp.stack([p + size * d, p - size * d]), params, direction)
        plus, minus = each(value_fn, ends)
        return optax.tree.scale((plus - minus) / (2 * size), direction)

    return jax.tree.map(lambda leaf: leaf.mean(axis=0), each(one, keys))


def signs(key: jax.Array, params: Any) -> Any:
    """A random -1 or 1 for every parameter."""
    return optax.tree.random_like(key, params, jax.random.rademacher)


def gain(value: Gain, count: jax.Array) -> Any:
    """A number, or what the schedule says at this step."""
    return value(count) if callable(value) else value
