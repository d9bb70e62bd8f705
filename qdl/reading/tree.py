"""From a tree of layers to leaf layers inside loops: the one way down that every pass takes.

Composites are unfolded into their parts, an adjoint is pushed down to the leaves (in reversed order, loops
running backwards), and what is left of the combinators are loops, at any depth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from ..layers.base import Layer, Wires, is_shape
from ..layers.compose import Adjoint, Composite, Repeat

Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Leaf:
    """A layer that is not made of others, or the adjoint of one, where it stands in a circuit.

    Attributes:
        layer: the layer.
        wires: the wires it acts on.
        path: the keys that lead to its parameters; a ``Repeat`` on the way adds a leading axis to them.
        times: how often each loop around it runs, the outermost first.
        name: the layers on the way down, for messages and reports.
    """

    layer: Layer
    wires: Wires
    path: Path
    times: tuple[int, ...]
    name: str

    @property
    def runs(self) -> int:
        """How often it is run in all."""
        return int(np.prod(self.times, dtype=int))

    @property
    def fixed(self) -> tuple[Path, ...]:
        """The paths of parameters that hold drawn choices, which get no gradient."""
        layer = self.layer.block if isinstance(self.layer, Adjoint) else self.layer
        return tuple((*self.path, name) for name in layer.fixed)

    def params(self, tree: Any) -> Any:
        """Its parameters among those of the circuit, for all runs: leaves ``(runs, ...)``."""
        for key in self.path:
            tree = tree[key]
        outer = len(self.times)
        return jax.tree.map(lambda leaf: leaf.reshape(self.runs, *leaf.shape[outer:]), tree)

    def entries(self, index: Any) -> np.ndarray:
        """The numbers of its parameters in the tree ``index``, flattened for each run: ``(runs, size)``."""
        own = [leaf.reshape(self.runs, -1) for leaf in jax.tree.leaves(self.params(index))]
        return np.concatenate([np.zeros((self.runs, 0), int), *own], axis=1)


@dataclass(frozen=True)
class Loop:
    """Nodes that run ``times`` times; ``backwards`` inside of an adjoint."""

    times: int
    backwards: bool
    body: tuple[Node, ...]


Node = Leaf | Loop


def numbered(shape: Any) -> Any:
    """Arrays of the given shapes that number all entries, as ``ravel_pytree`` lays them out."""
    sizes, tree = jax.tree.flatten(shape, is_leaf=is_shape)
    ends = np.cumsum([0, *map(math.prod, sizes)])
    arrays = [np.arange(s, e).reshape(k) for s, e, k in zip(ends, ends[1:], sizes, strict=False)]
    return jax.tree.unflatten(tree, arrays)


class Visit(NamedTuple):
    """One run of a leaf, in time order."""

    leaf: Leaf
    run: int  # among all its runs, as its parameters are numbered
    first: bool  # it begins a turn of the innermost loop around it


def unfold(layer: Layer, wires: Wires) -> tuple[Node, ...]:
    """The nodes of a layer in time order."""
    return tuple(_nodes(layer, wires, (), (), type(layer).__name__, False))


def _nodes(
    layer: Layer, wires: Wires, path: Path, times: tuple[int, ...], name: str, adjoint: bool
) -> Iterator[Node]:
    if isinstance(layer, Adjoint):
        inner = f"{name} {type(layer.block).__name__}"
        yield from _nodes(layer.block, wires, path, times, inner, not adjoint)
    elif isinstance(layer, Repeat):
        inner = f"{name} {type(layer.block).__name__}"
        body = _nodes(layer.block, wires, path, (*times, layer.times), inner, adjoint)
        yield Loop(layer.times, adjoint, tuple(body))
    elif isinstance(layer, Composite):
        steps = layer.steps(wires)
        for key, part, on in reversed(steps) if adjoint else steps:
            inner = f"{name} {key} {type(part).__name__}"
            yield from _nodes(part, on, (*path, key), times, inner, adjoint)
    else:
        yield Leaf(Adjoint(layer) if adjoint else layer, wires, path, times, name)


def leaves(nodes: Sequence[Node]) -> Iterator[Leaf]:
    """Every leaf once, in the order of its first run."""
    for node in nodes:
        if isinstance(node, Loop):
            yield from leaves(node.body)
        else:
            yield node


def visits(nodes: Sequence[Node], run: int = 0, first: bool = False) -> Iterator[Visit]:
    """Every run of every leaf in time order."""
    for position, node in enumerate(nodes):
        begins = first and position == 0
        if isinstance(node, Leaf):
            yield Visit(node, run, begins)
            continue
        turns = range(node.times)
        for turn in reversed(turns) if node.backwards else turns:
            yield from visits(node.body, run * node.times + turn, True)
