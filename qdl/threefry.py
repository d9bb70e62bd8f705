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
    return _keys(*_hash(*_words(key), np.arange(count)))


def fold_in(key: jax.Array, number: int) -> jax.Array:
    """``jax.random.fold_in``."""
    if not is_known(key):
        return jax.random.fold_in(key, number)
    return _keys(*_hash(*_words(key), np.array([number])))[0]


def permutations(key: jax.Array, numbers: Sequence[int], n: int) -> np.ndarray:
    """``jax.random.permutation(jax.random.fold_in(key, i), n)`` of each number, row by row."""
    if not is_known(key):
        found = [jax.random.permutation(jax.random.fold_in(key, i), n) for i in numbers]
        return np.stack(found).astype(np.int32)
    one, two = (word[:, None] for word in _hash(*_words(key), np.array(numbers)))
    found = np.broadcast_to(np.arange(n, dtype=np.int32), (len(numbers), n))
    # By random words, sorted so often that no two rows had equal ones each time, as JAX does it.
    for _ in range(math.ceil(3 * np.log(max(1, n)) / np.log(2**32 - 1))):
        ones, twos = _hash(one, two, np.arange(2))
        one, two = ones[:, :1], twos[:, :1]
        words = np.bitwise_xor(*_hash(ones[:, 1:], twos[:, 1:], np.arange(n)))
        keyed = words.astype(np.uint64) << np.uint64(32) | np.arange(n, dtype=np.uint64)
        keyed.sort(axis=1)  # a stable argsort in half the time
        found = np.take_along_axis(found, keyed.astype(np.uint32).astype(np.intp), axis=1)
    return found


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
    # jnp.asarray would compile a program to copy the array, one a shape
    return jax.device_put((f * top if low == 0 else (2 * f - 1) * top).reshape(shape))


def _unit(key: jax.Array, count: int, kind: np.dtype) -> np.ndarray:
    """Uniform on [0, 1): random bits for the mantissa of a number in [1, 2), minus 1."""
    one, two = _hash(*_words(key), np.arange(count))
    width = 8 * kind.itemsize
    unsigned = np.dtype(f"u{kind.itemsize}")
    bits = one ^ two if width == 32 else one.astype(unsigned) << np.uint64(32) | two
    mantissa = bits >> unsigned.type(width - _MANTISSA[width])
    return (mantissa | np.ones((), kind).view(unsigned)).view(kind) - kind.type(1)


def _words(key: jax.Array) -> tuple[Any, Any]:
    """The two words of a key, also where the key is used inside of a trace."""
    with jax.ensure_compile_time_eval():
        first, second = np.asarray(jax.random.key_data(key))
    return first, second


def _keys(ones: np.ndarray, twos: np.ndarray) -> list[jax.Array]:
    """Keys of their two words."""
    with jax.ensure_compile_time_eval():
        pairs = map(jax.device_put, np.stack([ones, twos], axis=1))
        return [jax.random.wrap_key_data(pair, impl="threefry2x32") for pair in pairs]


def _hash(first: Any, second: Any, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The threefry hash of numbers of 64 bits under a key of two words: two words each.

    Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC (2011).
    """
    schedule = (first, second, first ^ second ^ np.uint32(0x1BD11BDA))
    numbers = numbers.astype(np.uint64)
    one = (numbers >> np.uint64(32)).astype(np.uint32) + schedule[0]
    two = numbers.astype(np.uint32) + schedule[1]
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            one = one + two
            two = one ^ (two << np.uint32(r) | two >> np.uint32(32 - r))
        one = one + schedule[(i + 1) % 3]
        two = two + schedule[(i + 2) % 3] + np.uint32(i + 1)
    return one, two
