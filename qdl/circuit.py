"""A circuit: layers on wires and what is read out at their end; no parameters, and no place yet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .arguments import check_no_torch, check_real
from .layers.base import Layer, Shape, Wires, is_shape
from .layers.compose import Sequential, as_layer
from .readout import ExpZ, Measured, PhotonProbabilities, Readout, measured


@dataclass(frozen=True)
class Circuit:
    r"""Layers on wires, and a readout: what a place evaluates, $\langle O \rangle_{U(\theta, x)|0\rangle}$.

    Immutable, hashable and compared by value: equal circuits share one compilation. A ``QNN`` is a
    circuit with a start and a place.

    Args:
        n_wires: number of qubits; wire 0 is the most significant bit wherever states are numbered.
        layers: a layer or a list of layers, in time order.
        readout: what is measured; ``ExpZ()`` if None.

    Raises:
        ValueError: wires, layers or observables that do not fit each other.
        TypeError: something that is no layer or no readout.

    Example:
        >>> from qdl.layers import AngleEncoding, Entangler, Rotation
        >>> circuit = Circuit(2, [AngleEncoding(), Rotation("zyz"), Entangler("cz")])
        >>> circuit.shape, circuit.n_features, circuit.size
        ([None, (2, 3), None], 2, 2)

    Reference: Schuld, Bergholm, Gogolin, Izaac, Killoran, Physical Review A 99, 032331 (2019).
    """

    n_wires: int
    layers: Any  # given as a layer or a list of layers, kept as a Sequential
    readout: Any = None  # given as a Readout or None, kept as a Readout

    def __post_init__(self) -> None:
        n_wires, owner = self.n_wires, type(self).__name__
        whole = isinstance(n_wires, int | np.integer) and not isinstance(n_wires, bool)
        if not whole or n_wires < 1:
            raise ValueError(
                f"{owner} needs a whole number of wires >= 1, got {n_wires!r}. Example: {owner}(4, layers)."
            )
        layers = as_layer(self.layers)
        if not isinstance(layers, Sequential):
            layers = Sequential((layers,))
        readout = ExpZ() if self.readout is None else self.readout
        if not isinstance(readout, Readout):
            raise TypeError(
                f"readout must be ExpZ, Expval, Probs or a qdl.Readout of your own, got {readout!r}. "
                "Wrap PennyLane observables as Expval([...])."
            )
        object.__setattr__(self, "n_wires", int(n_wires))
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "readout", readout)
        _ = self.shape  # every layer refuses wires that make no sense for it here
        if isinstance(self.measured, PhotonProbabilities):
            return  # a place knows how many
        size = readout.size(self.active)
        if size != self.measured.size:
            raise ValueError(
                f"{type(readout).__name__}.size gives {size} for the wires {self.active}, but it measures "
                f"{self.measured.size} values. Leave size out: it follows from measurements."
            )

    def __deepcopy__(self, memo: Any) -> Circuit:
        """Itself: nothing in it can change."""
        return self

    @property
    def wires(self) -> Wires:
        """All wires, ``(0, ..., n_wires - 1)``."""
        return tuple(range(self.n_wires))

    @property
    def active(self) -> Wires:
        """The wires still active at the end of the circuit."""
        return self.layers.active(self.wires)

    @property
    def shape(self) -> Shape:
        """The shapes of the parameters, a tree."""
        return self.layers.shape(self.wires)

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold."""
        return count(self.shape)

    @property
    def n_features(self) -> int:
        """How many features the encodings read; 0 for a circuit without data."""
        return self.layers.n_features(self.wires)

    @cached_property
    def measured(self) -> Measured:
        """What is measured: ``Observables`` or ``Probabilities``."""
        return measured(self.readout, self.active)

    @property
    def size(self) -> int:
        """The number k of readout values."""
        return self.measured.size

    def operators(self, params: Any, x: Any = None) -> list[Any]:
        """The circuit as a flat list of PennyLane operators."""
        with qp.QueuingManager.stop_recording():
            return list(self.layers.gates(params, x, self.wires))

    def check_params(self, params: Any) -> None:
        """Refuse parameters of another circuit, naming the first leaf that differs."""
        check_tree(params, self.shape)

    def check_features(self, x: Any, row: bool = False) -> Any:
        """Features as a float array, refused where the layers can make nothing of them.

        With ``row`` x is one sample for certain, however many of its columns are read.
        """
        x = check_features(x)
        self.layers.check(x, self.wires)
        if (
            not row
            and x is not None
            and not isinstance(x, jax.core.Tracer)  # a row of a map over a wider table
            and x.ndim == 1
            and x.shape[0] > 1
            and _reads_one(self.layers, self.wires, x.shape[0])
        ):
            raise ValueError(
                f"x has shape {x.shape}: one sample of {x.shape[0]} columns, of which the circuit reads the "
                f"first alone. For {x.shape[0]} samples of one feature pass x[:, None], for one sample x[:1]."
            )
        return x


@lru_cache(maxsize=64)
def _reads_one(layers: Layer, wires: Wires, width: int) -> bool:
    """Whether of a sample of that many columns the first is read, and no other."""
    if layers.n_features(wires) > 1:
        return False
    rng = np.random.default_rng(0)
    params = jax.tree.map(rng.random, layers.shape(wires), is_leaf=is_shape)
    x = rng.random(width)

    def gates(x: Any) -> list[Any]:
        with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
            return list(layers.gates(params, x, wires))

    try:
        all_columns, alone, other = gates(x), gates(x[:1]), gates(x + 1)
    except Exception:  # a layer of the user's may do anything with a column that is not there
        return False
    return _same(all_columns, alone) and not _same(all_columns, other)


def _same(first: list[Any], second: list[Any]) -> bool:
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(
        a.name == b.name and all(map(np.array_equal, a.data, b.data)) for a, b in pairs
    )


def count(shape: Shape) -> int:
    """How many numbers arrays of these shapes hold."""
    return sum(math.prod(leaf) for leaf in jax.tree.leaves(shape, is_leaf=is_shape))


def leading(x: Any) -> tuple[int, ...]:
    """The axes before the features: () or (batch,)."""
    return () if x is None else x.shape[:-1]


def over_batch(function: Callable[[Any], Any], x: Any) -> Any:
    """``function(x)`` for features of any leading axes; it sees at most one."""
    if x is None or x.ndim <= 2:
        return function(x)
    values = function(x.reshape(-1, x.shape[-1]))
    return values.reshape(*x.shape[:-1], *values.shape[1:])


def check_features(x: Any) -> Any:
    """Features as a float array; NaN and Inf refused by row and column while values are concrete."""
    if x is None:
        return x
    if isinstance(x, jax.core.Tracer):
        check_real("x", x)
        return x.astype(jnp.result_type(float))
    check_no_torch("x", x)
    array = np.asarray(x)
    if array.ndim == 0:
        raise ValueError(
            "x must have shape (n_features,) or (batch, n_features), got one number. "
            "For a single feature pass x[None] or x[:, None]."
        )
    if array.size == 0:
        raise ValueError(
            f"x has shape {array.shape}, so there is nothing to evaluate. Expected at least one "
            "sample and one feature."
        )
    given = np.ma.asarray(x) if isinstance(x, np.ma.MaskedArray) else array
    check_real("x", given if given.ndim > 1 else given[None], jnp.result_type(float))
    return jnp.asarray(x, dtype=jnp.result_type(float))


DIVERGED = "Start from init(key); where a training gave them, lower its learning rate."


def check_tree(params: Any, shape: Any) -> None:
    """Refuse parameters of another model, naming the first leaf that differs."""
    wanted, tree = jax.tree.flatten(shape, is_leaf=is_shape)
    got, got_tree = jax.tree.flatten(params)
    if got_tree != tree:
        alone = jax.tree_util.treedef_is_leaf(got_tree)
        given = f"one {type(params).__name__}" if alone else f"the tree {got_tree}"
        raise ValueError(
            f"params are not of this model: got {given}, expected the tree {tree}. "
            "Use init(key) of this model, or result.params of a fit; the order is apply(params, x)."
        )
    paths = jax.tree_util.tree_flatten_with_path(params)[0]
    for (path, leaf), expected in zip(paths, wanted, strict=True):
        check_no_torch(f"params{jax.tree_util.keystr(path)}", leaf)
        if np.shape(leaf) != expected:
            raise ValueError(
                f"params{jax.tree_util.keystr(path)} has shape {np.shape(leaf)}, expected "
                f"{expected}. Use params from this model's init(key)."
            )
        check_real(f"params{jax.tree_util.keystr(path)}", leaf, advice=DIVERGED)
