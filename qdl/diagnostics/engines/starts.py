"""Many random starts as rows of numbers: in NumPy where the laws are known, so that nothing is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...initializers import beta, gaussian, small_angle, uniform
from ...layers.base import is_shape
from ...pauli.laws import known
from ...pauli.parameters import parameters
from ..engine import start


@dataclass(frozen=True)
class Layout:
    """How flattened parameters are put back into their tree.

    Attributes:
        structure: the tree.
        shapes: of its leaves.
        kinds: their types.
    """

    structure: Any
    shapes: tuple[tuple[int, ...], ...]
    kinds: tuple[Any, ...]

    def tree(self, row: jax.Array) -> Any:
        """The tree of one row ``(p,)``."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        parts = zip(jnp.split(row, ends), self.shapes, self.kinds, strict=True)
        leaves = [part.reshape(shape).astype(kind) for part, shape, kind in parts]
        return jax.tree.unflatten(self.structure, leaves)


def starts(
    model: Any, x: Any, key: jax.Array, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None, Layout]:
    """Parameters ``(count, p)`` and features drawn at random, or None for features that are given or none."""
    facts = parameters(model)
    if all(map(known, facts.laws)) and facts.reported.all():
        shapes, structure = jax.tree.flatten(model.layers.shape(model.wires), is_leaf=is_shape)
        layout = Layout(structure, tuple(shapes), (np.dtype(jnp.result_type(float)),) * len(shapes))
        features = None
        if x is None and model.n_features:
            features = rng.uniform(0, 2 * np.pi, (count, model.n_features))
        return _columns(facts.laws, count, rng), features, layout
    params, features, _ = jax.vmap(partial(start, model, x))(jax.random.split(key, count))
    leaves, structure = jax.tree.flatten(params)
    layout = Layout(
        structure, tuple(leaf.shape[1:] for leaf in leaves), tuple(leaf.dtype for leaf in leaves)
    )
    flat = np.concatenate([np.asarray(leaf, float).reshape(count, -1) for leaf in leaves], axis=1)
    return flat, None if x is not None or features is None else np.asarray(features), layout


def _columns(laws: Sequence[Any], count: int, rng: np.random.Generator) -> np.ndarray:
    out = np.empty((count, len(laws)))
    for law in dict.fromkeys(laws):
        here = np.array([each == law for each in laws], bool)
        out[:, here] = _draw(law, (count, int(here.sum())), rng)
    return out


def _draw(law: Any, shape: tuple[int, int], rng: np.random.Generator) -> Any:
    match law:
        case uniform():
            return rng.uniform(law.low, law.high, shape)
        case small_angle():
            return rng.uniform(-law.scale, law.scale, shape)
        case gaussian():
            return rng.normal(0.0, law.std, shape)
        case beta():
            return rng.beta(law.a, law.b, shape)
    return np.full(shape, float(law))
