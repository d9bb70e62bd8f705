"""Pytrees as named arrays, and back; what does not fit is named leaf by leaf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def to_arrays(tree: Any, prefix: str) -> dict[str, np.ndarray]:
    """Every array of a tree by its path, such as ``params/2/weight``.

    Args:
        tree: of arrays, numbers and typed JAX keys.
        prefix: the first part of every name.
    """
    named = [(_name(path, prefix), leaf) for path, leaf in _leaves(tree)]
    arrays = {name: as_numpy(leaf) for name, leaf in named}
    if len(arrays) < len(named):
        names = [name for name, _ in named]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two leaves would be called {double!r}. Rename a key that contains '/'.")
    return arrays


def from_arrays(template: Any, arrays: Mapping[str, np.ndarray], prefix: str) -> Any:
    """The tree of ``template`` with its leaves from ``arrays``.

    Args:
        template: a tree of arrays, or of what ``jax.eval_shape`` gives.
        arrays: by name; those without ``prefix`` are somebody else's.
        prefix: the first part of every name.

    Raises:
        ValueError: a leaf that is missing, too many, of another shape, or of another kind of
            dtype; floats may be wider or narrower than the template's.
    """
    mine = {n: a for n, a in arrays.items() if n == prefix or n.startswith(f"{prefix}/")}
    named = [(_name(path, prefix), leaf) for path, leaf in _leaves(template)]
    missing = [name for name, _ in named if name not in mine]
    extra = sorted(set(mine) - {name for name, _ in named})
    if missing or extra:
        raise ValueError(
            "the saved tree is not that of this model: "
            + "; ".join(
                f"{what} {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
                for what, names in (("missing", missing), ("too many", extra))
                if names
            )
            + ". Use the model that they were saved with."
        )
    leaves = [_like(name, leaf, mine[name]) for name, leaf in named]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def _leaves(tree: Any) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def _name(path: Any, prefix: str) -> str:
    inner = jax.tree_util.keystr(path, simple=True, separator="/")
    return f"{prefix}/{inner}" if path else prefix


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def as_numpy(leaf: Any) -> np.ndarray:
    """An array, or the words of a typed key."""
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _like(name: str, leaf: Any, array: np.ndarray) -> Any:
    """``array`` in the place of ``leaf``."""
    if _is_key(leaf):
        words = jax.random.key_data(leaf)
        if (array.shape, array.dtype) != (words.shape, words.dtype):
            raise ValueError(
                f"the saved {name} is no key of this kind. Use the model it was saved with."
            )
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    shape, dtype = np.shape(leaf), jnp.result_type(leaf)
    if array.shape != shape:
        raise ValueError(
            f"the saved {name} has shape {array.shape}, expected {shape}. "
            "Use the model that it was saved with."
        )
    kinds = (np.floating, np.complexfloating, np.bool_, np.integer)
    kind = next((k for k in kinds if jnp.issubdtype(array.dtype, k)), None)
    if kind is None or not jnp.issubdtype(dtype, kind):
        raise ValueError(
            f"the saved {name} has dtype {array.dtype}, expected {dtype}. "
            "Use the model that it was saved with."
        )
    return jnp.asarray(array)
