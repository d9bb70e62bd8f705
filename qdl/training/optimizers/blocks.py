"""Which layer of a circuit each parameter belongs to."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...arguments import check_whole
from ...layers import Layer, Repeat, Sequential
from ...layers.base import Wires, is_shape
from ...model import QNN


def layer_masks(model: QNN, size: int = 1) -> list[Any]:
    """One tree of booleans for every ``size`` layers in time order: True for their parameters.

    A layer is an entry of the model's list that has parameters, a composite as a whole; ``Repeat``
    counts as the layers of its block, each time anew.

    Args:
        model: the QNN.
        size: how many layers a mask covers; the last one may cover fewer.

    Example:
        >>> import qdl
        >>> from qdl.layers import Entangler, Repeat, Rotation
        >>> model = qdl.QNN(2, [Repeat([Rotation("y"), Entangler("cz")], 3)])
        >>> [mask[0][0][:, 0, 0].tolist() for mask in qdl.training.layer_masks(model)]
        [[True, False, False], [False, True, False], [False, False, True]]
    """
    check_qnn("layer_masks", model)
    check_whole("size", size, owner="layer_masks")
    index = layer_index(model)
    count = 1 + max((int(leaf.max()) for leaf in jax.tree.leaves(index)), default=-1)
    parts = -(-count // size)
    return [
        jax.tree.map(lambda leaf, k=k: jnp.asarray(leaf // size == k), index) for k in range(parts)
    ]


def layer_index(model: QNN) -> Any:
    """The parameters' tree with the number of the layer in place of each entry."""
    return _walk(model.layers, model.wires, 0)[0]


def _walk(layer: Layer, wires: Wires, first: int) -> tuple[Any, int]:
    """The numbers of a layer's parameters from ``first`` on, and the number after the last."""
    if isinstance(layer, Sequential):
        tree = []
        for _, part, on in layer.steps(wires):
            found, first = _walk(part, on, first)
            tree.append(found)
        return tree, first
    if isinstance(layer, Repeat):
        block, count = _walk(layer.block, wires, 0)
        starts = first + count * np.arange(layer.times)
        numbers = jax.tree.map(lambda leaf: np.add.outer(starts, leaf), block)
        return numbers, first + count * layer.times
    shape = layer.shape(wires)
    numbers = jax.tree.map(lambda s: np.full(s, first), shape, is_leaf=is_shape)
    return numbers, first + bool(jax.tree.leaves(numbers))


def check_qnn(name: str, model: Any) -> None:
    """Refuse what is not one circuit: there would be no state, or several."""
    if not isinstance(model, QNN):
        raise TypeError(
            f"{name} needs the layers and states of a QNN, got {type(model).__name__}. For the "
            "quantum stage of a Hybrid train its parameters apart with optax.partition."
        )
