"""The same circuit with some of its layers changed: the one way to rewrite a tree of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..layers.base import Layer, Wires
from ..layers.compose import Adjoint, Composite, Mirrored, Repeat, Sequential

Change = Callable[[Layer, Wires], Iterable[Layer] | None]


def rewritten(layer: Layer, wires: Wires, change: Change) -> Sequential:
    """The layers of a tree after a change, in time order.

    Args:
        layer: a layer; composites are entered, a ``Composite`` of one's own becomes its parts where one
            of them changed.
        wires: the wires it acts on.
        change: ``change(layer, wires)`` gives the layers that take a layer's place, or None to look
            inside of it, or to leave it where it is no composite. Asked from the outside in.

    Example:
        >>> from qdl.layers import Entangler, Rotation
        >>> twice = Repeat([Rotation("y"), Entangler("cz")], 2)
        >>> gone = lambda layer, on: () if isinstance(layer, Entangler) else None
        >>> rewritten(twice, (0, 1), gone) == Sequential([Repeat([Rotation("y")], 2)])
        True
    """
    return Sequential(tuple(_rewritten(layer, wires, change)))


def _rewritten(layer: Layer, wires: Wires, change: Change) -> list[Layer]:
    new = change(layer, wires)
    if new is not None:
        return list(new)
    if isinstance(layer, Repeat | Adjoint | Mirrored):
        block = _rewritten(layer.block, wires, change)
        if not block:
            return []
        single = len(block) == 1 and not isinstance(layer.block, Sequential)
        return [replace(layer, block=block[0] if single else Sequential(tuple(block)))]
    if isinstance(layer, Composite):
        steps = layer.steps(wires)
        parts = [each for step in steps for each in _rewritten(step.layer, step.wires, change)]
        same = parts == [step.layer for step in steps]
        return [layer] if same and not isinstance(layer, Sequential) else parts
    return [layer]
