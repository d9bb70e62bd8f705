"""Rotosolve: one parameter after another to its own optimum, found from a few values."""

from __future__ import annotations

from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.flatten_util import ravel_pytree

from ...arguments import check_whole
from .values import ValueFn, ValuesOnly, each, needs

GRID = 32  # points for each frequency among which the lowest is found before Newton's method
NEWTON = 4  # its steps; from the grid on it doubles the digits with each


def rotosolve(frequencies: int = 1) -> ValuesOnly:
    r"""Coordinate minimisation with the exact shape of the loss; a step sweeps over all parameters.

    Where a loss is linear in expectation values, it is a sinusoid in the angle of a Pauli rotation
    (``RX``, ``RZ``, ``IsingXX``, ...): three values tell where it is lowest. In general, along one
    parameter

    $$f(\theta + \delta) = a_0 + \sum_{m=1}^{R} a_m \cos m\delta + b_m \sin m\delta,$$

    which $2R + 1$ values determine. R doubles for a squared error (``loss="mse"``), and is k where k
    Pauli rotations share the parameter. For other losses (cross entropy), other gates (controlled
    rotations) or a parameter that scales a feature it is a fit, and a sweep need not lower the loss.

    Each sweep solves the loss of its own batch: in ``fit`` take ``batch_size=len(X)``, or the steps
    jump from one batch's optimum to the next one's. It takes $d (2R + 1)$ values for d parameters.

    Args:
        frequencies: R.

    Raises:
        ValueError: frequencies below 1; no ``value_fn`` at the update.

    Example:
        >>> import qdl
        >>> f = lambda params: jnp.cos(params[0] - 0.3) * jnp.cos(params[1]) + 1
        >>> params = jnp.array([1.0, 0.5])
        >>> optimizer = qdl.training.rotosolve()
        >>> updates, _ = optimizer.update(params, optimizer.init(params), params, value_fn=f)
        >>> round(float(f(optax.apply_updates(params, updates))), 6)
        0.0

    Reference: Ostaszewski, Grant, Benedetti, Quantum 5, 391 (2021), for R = 1; any R: Wierichs,
    Izaac, Wang, Lin, Quantum 6, 677 (2022).
    """
    check_whole("frequencies", frequencies, owner="rotosolve")

    def update(
        updates: Any, state: Any, params: Any = None, *, value_fn: Any = None, **extra: Any
    ) -> tuple[Any, Any]:
        start, unravel = ravel_pytree(params)
        loss = needs("rotosolve", value_fn, params)
        end = sweep(lambda flat: loss(unravel(flat)), start, frequencies)
        return unravel(end - start), state

    return ValuesOnly(optax.init_empty_state, update)


def sweep(value_fn: ValueFn, start: jax.Array, frequencies: int) -> jax.Array:
    """The flat parameters after each was moved once to its lowest value."""
    count = 2 * frequencies + 1
    shifts = jnp.asarray(2 * np.pi * np.arange(count) / count, start.dtype)

    def one(i: Any, flat: jax.Array) -> jax.Array:
        values = each(value_fn, flat + shifts[:, None] * (jnp.arange(flat.size) == i))
        return flat.at[i].add(lowest(values))

    if isinstance(start, jax.core.Tracer):
        return lax.fori_loop(0, start.size, one, start)
    return reduce(lambda flat, i: one(i, flat), range(start.size), start)


@jax.jit
def lowest(values: jax.Array) -> jax.Array:
    r"""Where in $[-\pi, \pi]$ the trigonometric polynomial through equidistant values is lowest.

    ``values`` are those at $2 \pi j / (2R + 1)$; 0 where nothing is lower than the first.
    """
    count = len(values)
    orders = jnp.arange(1, count // 2 + 1)
    waves = 2 * jnp.fft.rfft(values)[1:] / count  # a_m - i b_m

    def slope(power: int, at: Any) -> jax.Array:
        """The derivative of this order (0: the value, a_0 apart)."""
        return jnp.real(((1j * orders) ** power * waves * jnp.exp(1j * orders * at)).sum())

    grid = jnp.linspace(-jnp.pi, jnp.pi, GRID * (count // 2) + 1, dtype=values.dtype)
    at = grid[jnp.argmin(jax.vmap(lambda point: slope(0, point))(grid))]
    for _ in range(NEWTON):
        bend = slope(2, at)
        at = at - jnp.where(bend > 0, slope(1, at) / jnp.where(bend > 0, bend, 1), 0)
    # A parameter that does nothing here stays: rounding alone must not move it.
    least = 8 * jnp.finfo(values.dtype).eps * jnp.abs(values).max()
    return jnp.where(slope(0, 0.0) - slope(0, at) > least, at, 0)
