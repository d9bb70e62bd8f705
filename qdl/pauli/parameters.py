"""What is known of every parameter before anything runs: its layer, its law, whether it is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..initializers import uniform
from ..layers import (
    Adjoint,
    AngleEncoding,
    Layer,
    Mirrored,
    RandomRotation,
    Repeat,
    Sequential,
)
from ..layers.base import Wires, is_shape, uniform_angles
from ..layers.compose import Composite, Step

# Starts whose law is known; a layer that overrides ``init`` has another one.
STARTS = {
    each.init
    for each in (Layer, Composite, Repeat, Adjoint, Mirrored, RandomRotation, AngleEncoding)
}
TIED = "starts equal to its mirror image"  # in place of a law: two entries that are one number


@dataclass(frozen=True)
class Parameters:
    """One entry for each number in the flattened parameters.

    Attributes:
        layers: the layer it belongs to.
        laws: how it is drawn: an initialiser, a number for a fixed start, or a string saying why its
            law is not known.
        reported: False for numbers that are not angles of the model: a drawn axis.
    """

    layers: tuple[str, ...]
    laws: tuple[Any, ...]
    reported: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The layer of each parameter that is reported."""
        return tuple(n for n, kept in zip(self.layers, self.reported, strict=True) if kept)


def parameters(model: Any) -> Parameters:
    """The parameters of a QNN in the order of ``jax.flatten_util.ravel_pytree``."""
    tree = _facts(model.layers, model.wires, model.initializer, "")
    leaves = jax.tree.leaves(tree, is_leaf=_is_array)
    facts = [fact for leaf in leaves for fact in leaf.ravel()]
    return Parameters(
        tuple(name for name, _, _ in facts),
        tuple(law for _, law, _ in facts),
        np.array([reported for _, _, reported in facts], bool),
    )


def _facts(layer: Layer, wires: Wires, initializer: Any, path: str) -> Any:
    """(layer's name, law, reported) for each number, in the tree of the layer's parameters."""
    tied = isinstance(layer, Mirrored) and getattr(initializer, "mirrored_only", False)
    facts = _inside(layer, wires, initializer.base if tied else initializer, path)
    if type(layer).init not in STARTS:
        return _with_law(facts, f"{type(layer).__name__} draws its parameters in a way of its own")
    return _with_law(facts, TIED) if tied else facts


def _inside(layer: Layer, wires: Wires, initializer: Any, path: str) -> Any:
    name = f"{path}{type(layer).__name__}"
    if isinstance(layer, Composite):
        head = path if isinstance(layer, Sequential) else f"{name}."

        def part(step: Step) -> Any:
            inner = layer.block if isinstance(layer, Mirrored) else step.layer
            return _facts(inner, step.wires, initializer, f"{head}{step.key} ")

        return layer.tree(wires, part)
    if isinstance(layer, Repeat):
        turns = range(layer.times)
        each = [_facts(layer.block, wires, initializer, f"{name}[{t}] ") for t in turns]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *each, is_leaf=_is_array)
    if isinstance(layer, Adjoint):
        return _facts(layer.block, wires, initializer, f"{name} ")
    law = _law(layer, initializer)

    def facts_of(place: Any, shape: tuple[int, ...]) -> np.ndarray:
        drawn = bool(place) and getattr(place[0], "key", None) in layer.fixed
        out = np.empty(shape, object)
        out.fill((name, law, not drawn))
        return out

    return jax.tree_util.tree_map_with_path(facts_of, layer.shape(wires), is_leaf=is_shape)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray)


def _with_law(facts: Any, law: str) -> Any:
    def changed(leaf: np.ndarray) -> np.ndarray:
        out = np.empty(leaf.shape, object)
        for place, (name, _, reported) in np.ndenumerate(leaf):
            out[place] = (name, law, reported)
        return out

    return jax.tree.map(changed, facts, is_leaf=_is_array)


def _law(layer: Layer, initializer: Any) -> Any:
    """The initialiser that ``layer.init`` calls, or the number that it starts with."""
    if isinstance(layer, AngleEncoding):
        return float(layer.scale)
    chosen = getattr(layer, "initializer", None) or initializer or uniform_angles
    return uniform() if chosen is uniform_angles else chosen
