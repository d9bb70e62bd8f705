"""JAX's random numbers in NumPy, where the key is known: bit for bit the same, and nothing to compile.

Every shape that ``jax.random`` draws is a program of its own. For the few hundred angles that a circuit
starts with, compiling takes a second, and the drawing itself less than a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LARGEST = 2**16  # numbers: XLA is quicker for more of them
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_MANTISSA = {32: 23, 64: 52}


def is_known(key: Any) -> bool:
    """Whether NumPy can draw from this key: a threefry key that is no tracer and lies in this process."""
    return (
        isinstance(key, jax.Array)
        and not isinstance(key, jax.core.Tracer)
        and key.ndim == 0
        and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        and str(jax.random.key_impl(key)) == "threefry2x32"
        and bool(jax.config.jax_threefry_partitionable)  # type: ignore[attr-defined]
        and key.is_fully_addressable
    )


def split(key: jax.Array, count: int) -> Sequence[jax.Array]:
    """``jax.random.split(key, count)`` as a sequence of keys."""
    if not is_known(key):
        return list(jax.random.split(key, count))
    pairs = np.stack(_bits(key, count), axis=1)
    with jax.ensure_compile_time_eval():  # inside of a trace too: the key is known there
        return [jax.random.wrap_key_data(pair, impl="threefry2x32") for pair in pairs]


def uniform(
    key: jax.Array, shape: tuple[int, ...], dtype: Any, low: float, high: float
) -> jax.Array:
    """``jax.random.uniform``; from NumPy where one rounding makes the range of a number in [0, 1).

    XLA contracts ``f * (high - low) + low`` into one operation with one rounding. A single product has the
    same bits for ``low = 0``, and for ``low = -high``, where ``2 f - 1`` is exact.
    """
    kind = np.dtype(jnp.result_type(float) if dtype is float else dtype)
    usual = kind == np.float32 or kind == jnp.result_type(float)
    small = math.prod(shape) <= LARGEST
    if not (small and usual and low in (0, -high) and is_known(key)):
        return jax.random.uniform(key, shape, dtype, low, high)
    f, top = _unit(key, math.prod(shape), kind), kind.type(high)
    return jnp.asarray((f * top if low == 0 else (2 * f - 1) * top).reshape(shape))


def _unit(key: jax.Array, count: int, kind: np.dtype) -> np.ndarray:
    """Uniform on [0, 1): random bits for the mantissa of a number in [1, 2), minus 1."""
    one, two = _bits(key, count)
    width = 8 * kind.itemsize
    unsigned = np.dtype(f"u{kind.itemsize}")
    bits = one ^ two if width == 32 else one.astype(unsigned) << np.uint64(32) | two
    mantissa = bits >> unsigned.type(width - _MANTISSA[width])
    return (mantissa | np.ones((), kind).view(unsigned)).view(kind) - kind.type(1)


def _bits(key: jax.Array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The threefry hash of 0, 1, ..., ``count - 1``: two words of 32 bits each.

    Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC (2011).
    """
    with jax.ensure_compile_time_eval():
        first, second = np.asarray(jax.random.key_data(key))
    schedule = (first, second, first ^ second ^ np.uint32(0x1BD11BDA))
    numbers = np.arange(count, dtype=np.uint64)
    one = (numbers >> np.uint64(32)).astype(np.uint32) + schedule[0]
    two = numbers.astype(np.uint32) + schedule[1]
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            one = one + two
            two = one ^ (two << np.uint32(r) | two >> np.uint32(32 - r))
        one = one + schedule[(i + 1) % 3]
        two = two + schedule[(i + 2) % 3] + np.uint32(i + 1)
    return one, two
