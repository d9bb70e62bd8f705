"""What is known of every parameter before anything runs: its layer, its law, whether it is reported."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..initializers import uniform
from ..layers import Adjoint, AngleEncoding, Layer, Mirrored, RandomRotation, Repeat, Sequential
from ..layers.base import Wires, is_shape, uniform_angles

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


def parameters(model: Any) -> Parameters:
    """The parameters of a QNN in the order of ``jax.flatten_util.ravel_pytree``."""
    tree = _facts(model.layers, model.wires, model.initializer, "")
    leaves = jax.tree.leaves(tree, is_leaf=lambda leaf: isinstance(leaf, np.ndarray))
    facts = [fact for leaf in leaves for fact in leaf.ravel()]
    return Parameters(
        tuple(name for name, _, _ in facts),
        tuple(law for _, law, _ in facts),
        np.array([reported for _, _, reported in facts], bool),
    )


def _facts(layer: Layer, wires: Wires, initializer: Any, path: str) -> Any:
    """(layer's name, law, reported) for each number, in the tree of the layer's parameters."""
    name = f"{path}{type(layer).__name__}"
    if isinstance(layer, Sequential):
        steps = layer.steps(wires)
        return [_facts(child, on, initializer, f"{path}{i} ") for i, child, on in steps]
    if isinstance(layer, Repeat):
        each = [
            _facts(layer.block, wires, initializer, f"{name}[{t}] ") for t in range(layer.times)
        ]
        return jax.tree.map(
            lambda *leaves: np.stack(leaves),
            *each,
            is_leaf=lambda leaf: isinstance(leaf, np.ndarray),
        )
    if isinstance(layer, Adjoint):
        return _facts(layer.block, wires, initializer, f"{name} ")
    if isinstance(layer, Mirrored):
        tied = getattr(initializer, "mirrored_only", False)
        halves = {}
        for half in ("block", "adjoint"):
            base = getattr(initializer, "base", None) if tied else initializer
            halves[half] = _facts(layer.block, wires, base, f"{name}.{half} ")
        return _tie(halves) if tied else halves
    if isinstance(layer, RandomRotation):
        law = _law(layer, initializer)
        angles, axes = (len(wires),), (len(wires), 3)
        return {"angle": _fill(angles, (name, law, True)), "axis": _fill(axes, (name, law, False))}
    fact = (name, _law(layer, initializer), True)
    return jax.tree.map(lambda shape: _fill(shape, fact), layer.shape(wires), is_leaf=is_shape)


def _fill(shape: tuple[int, ...], fact: Any) -> np.ndarray:
    out = np.empty(shape, object)
    out.fill(fact)
    return out


def _tie(halves: Any) -> Any:
    def mark(leaf: np.ndarray) -> np.ndarray:
        out = np.empty(leaf.shape, object)
        for place, (name, _, reported) in np.ndenumerate(leaf):
            out[place] = (name, TIED, reported)
        return out

    return jax.tree.map(mark, halves, is_leaf=lambda leaf: isinstance(leaf, np.ndarray))


def _law(layer: Layer, initializer: Any) -> Any:
    """The initialiser that ``layer.init`` would call, or why it cannot be told."""
    if isinstance(layer, AngleEncoding):
        return float(layer.scale)
    known = (Layer.init, RandomRotation.init)
    if inspect.getattr_static(type(layer), "init", None) not in known:
        return f"{type(layer).__name__} draws its parameters in a way of its own"
    chosen = getattr(layer, "initializer", None) or initializer or uniform_angles
    return uniform() if chosen is uniform_angles else chosen
