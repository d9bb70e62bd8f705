"""Operators of PennyLane as a layer: what a place does with circuits it can then do with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..layers.base import Layer, Wires
from .gates import dims_of


@dataclass(frozen=True)
class Number:
    """Where a number of an operator is found: a parameter, some features, or written down here."""

    origin: str  # "param", "feature" or "constant"
    shape: tuple[int, ...] = ()
    pair: bool = False  # complex, as (real, imaginary) along a last axis
    constant: Any = None  # a number of Python, or (bytes, dtype) of an array

    @property
    def size(self) -> int:
        """How many real numbers it takes."""
        return int(np.prod(self.shape, dtype=int)) * (1 + self.pair)


@dataclass(frozen=True, eq=False)
class Outcome:
    """A measurement that a gate waits for; equal to itself alone."""

    value: Any


@dataclass(frozen=True)
class Operators(Layer):
    """Operators of PennyLane as a layer whose parameters and features are their numbers.

    Two circuits that differ in numbers only are equal, so that they share one compilation.
    """

    trees: tuple[tuple[Any, Outcome | None], ...]  # JAX's description of each, without its numbers
    numbers: tuple[Number, ...]

    def __post_init__(self) -> None:
        """Nothing: ``layer_of`` makes it of plain values."""

    def shape(self, wires: Wires) -> Any:
        return [n.shape + (2,) * n.pair for n in self.numbers if n.origin == "param"]

    def n_features(self, wires: Wires) -> int:
        return sum(n.size for n in self.numbers if n.origin == "feature")

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        leaves = self._leaves(iter(params), x)
        for tree, outcome in self.trees:
            operator = jax.tree.unflatten(tree, [next(leaves) for _ in range(tree.num_leaves)])
            yield operator if outcome is None else qp.ops.Conditional(outcome.value, operator)

    def _leaves(self, params: Iterator[Any], x: Any) -> Iterator[Any]:
        first = 0
        for n in self.numbers:
            if n.origin == "constant":
                yield n.constant if not n.shape else _array(*n.constant).reshape(n.shape)
                continue
            if n.origin == "param":
                leaf = next(params)
            else:
                leaf = x[..., first : first + n.size]
                leaf = leaf.reshape(*leaf.shape[:-1], *n.shape, *(2,) * n.pair)
                first += n.size
            yield leaf[..., 0] + 1j * leaf[..., 1] if n.pair else leaf


def layer_of(operators: Sequence[Any], constants: bool = True) -> tuple[Operators, list[Any], Any]:
    """Operators as a layer, its parameters and its features.

    Args:
        operators: in time order; numbers of NumPy or JAX, traced or not. Those with a batch axis become
            features.
        constants: numbers of Python, and matrices of NumPy, are constants of the layer; False makes
            parameters of them too.

    Example:
        >>> layer, params, x = layer_of([qp.RX(np.array([0.1, 0.2]), 0), qp.RZ(np.array(0.3), 1)])
        >>> layer.shape((0, 1)), x.shape
        ([()], (2, 1))
    """
    trees, numbers, params, columns = [], [], [], []
    for operator in operators:
        conditional = isinstance(operator, qp.ops.Conditional)
        outcome = Outcome(operator.meas_val) if conditional else None
        operator = operator.base if conditional else operator
        leaves, tree = jax.tree.flatten(operator)
        trees.append((tree, outcome))
        prepares = isinstance(operator, qp.operation.StatePrepBase)
        for leaf, batched in zip(leaves, _batched(operator, leaves), strict=True):
            concrete = isinstance(leaf, np.ndarray) and leaf.ndim > 0 and not prepares
            # strengths of channels are numbers that nobody may exchange for stand-ins
            strength = isinstance(operator, qp.operation.Channel) and jnp.ndim(leaf) == 0
            strength = strength and not isinstance(leaf, jax.core.Tracer)
            if constants and (strength or type(leaf) in (int, float)):
                numbers.append(
                    Number("constant", constant=leaf if type(leaf) is int else float(leaf))
                )
            elif constants and concrete and not batched:
                numbers.append(
                    Number("constant", leaf.shape, constant=(leaf.tobytes(), leaf.dtype.str))
                )
            else:
                real, pair = _real(leaf)
                shape = jnp.shape(leaf)[1:] if batched else jnp.shape(leaf)
                numbers.append(Number("feature" if batched else "param", shape, pair))
                if batched:
                    columns.append(real.reshape(len(real), -1))
                else:
                    params.append(real)
    x = jnp.concatenate(columns, axis=1) if columns else None
    return Operators(tuple(trees), tuple(numbers)), params, x


def _array(data: bytes, dtype: str) -> np.ndarray:
    return np.frombuffer(data, dtype)


def _batched(operator: Any, leaves: list[Any]) -> list[bool]:
    """For each number of an operator, whether it has a batch axis in front."""
    if not leaves or operator.batch_size is None:
        return [False] * len(leaves)
    dims = dims_of(operator)
    return [np.ndim(d) > dim for d, dim in zip(operator.data, dims, strict=True)]


def _real(leaf: Any) -> tuple[Any, bool]:
    """A number as real ones, and whether it was complex."""
    if jnp.iscomplexobj(leaf):
        leaf = jnp.asarray(leaf)
        return jnp.stack([leaf.real, leaf.imag], axis=-1), True
    return jnp.asarray(leaf, jnp.result_type(float)), False
