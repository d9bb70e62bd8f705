"""The operators of a leaf layer, and the source of each of their angles.

A layer is asked for its operators twice with NumPy numbers, every parameter entry and every feature replaced
by a distinct random one: once by moderate positive numbers, once by larger negative ones. An angle that is
the same multiple of one entry both times *is* that multiple; one that is the same number both times is a
constant; anything else is computed by the layer. Reading costs microseconds per gate, since no tracer is
involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import pennylane as qp

from ..layers.base import Layer, Wires, collect, is_shape
from ..layers.compose import Adjoint
from ..layers.template import Template
from ..refused import Refused
from .dependence import ANALYTIC, OPAQUE, dependence

HOUSE = __name__.partition(".")[0]
OURS = tuple(
    f"{HOUSE}.{room}." for room in ("layers", "photonic", "reading")
)  # analytic in their numbers
SAME = 1e-12  # relative difference below which an angle is a multiple of an entry

Expand = Callable[[Any], Iterable[Any]]  # an operator as those that the reader knows


@dataclass(frozen=True, slots=True)
class Constant:
    """An angle that no argument enters, radians."""

    value: float


@dataclass(frozen=True, slots=True)
class Entry:
    """``factor`` times an entry of the layer's flattened parameters."""

    index: int
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Feature:
    """``factor`` times a feature."""

    index: int
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Computed:
    """Any other function of parameters and features: the ``index``-th such angle of the layer."""

    index: int
    batched: bool  # it has a value for each sample


@dataclass(frozen=True, slots=True)
class Array:
    """A matrix or a state: ``computed`` from parameters or features, or fixed."""

    computed: bool


Source = Constant | Entry | Feature | Computed | Array


class Gate(NamedTuple):
    """An operator that holds stand-in numbers, and the source of each of its numbers."""

    operator: Any
    sources: tuple[Source, ...]

    @property
    def array(self) -> bool:
        """Whether its matrix or state is computed."""
        return any(isinstance(s, Array) and s.computed for s in self.sources)


def read_gates(
    layer: Layer, wires: Wires, features: tuple[int, ...] | np.ndarray | None, expand: Expand
) -> tuple[Gate, ...]:
    """The gates of a layer that is not made of others.

    Args:
        layer: the layer.
        wires: the wires it acts on.
        features: the shape of x, ``(n_features,)``, or ``(any, n_features)`` for a batch, or None; or x
            itself, which is then a constant.
        expand: an operator as operators that the reader knows, for example its decomposition.

    Raises:
        ValueError: gates that depend on numbers otherwise than by their angles.
    """
    shape = layer.shape(wires)
    drawn = [_draw(layer, wires, shape, features, expand, negative) for negative in (False, True)]
    if [o.name for o in drawn[0].operators] != [o.name for o in drawn[1].operators]:
        raise ValueError(
            f"{type(layer).__name__} yields other gates for other numbers. The gates of a layer may "
            "depend on wires and fields only; let numbers enter through angles."
        )
    lookup, gates = _Lookup(drawn), []
    levels = iter(_levels(layer, wires, shape, features, expand, drawn[0].operators))
    for pair in zip(drawn[0].operators, drawn[1].operators, strict=True):
        numbers = zip(pair[0].data, pair[1].data, dims_of(pair[0]), strict=True)
        sources = [
            lookup.source(np.asarray(a), np.asarray(b), int(d), next(levels)) for a, b, d in numbers
        ]
        gates.append(Gate(pair[0], tuple(sources)))
    return tuple(gates)


def operators_of(layer: Layer, wires: Wires, params: Any, x: Any, expand: Expand) -> list[Any]:
    """The expanded operators of a layer for numbers of NumPy or JAX, traced or not."""
    stand_ins = all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves((params, x)))
    # Stand-ins stay numbers under jit, also in a layer that computes with jax.numpy.
    concrete = jax.ensure_compile_time_eval() if stand_ins else nullcontext()
    with concrete, qp.QueuingManager.stop_recording():
        return [o for op in collect(layer, params, x, wires) for o in expand(op)]


class _Drawn(NamedTuple):
    operators: list[Any]
    params: np.ndarray  # flattened
    x: np.ndarray  # (rows, n_features)


def _draw(
    layer: Layer, wires: Wires, shape: Any, features: Any, expand: Expand, negative: bool
) -> _Drawn:
    rng = np.random.default_rng(2 if negative else 1)

    def numbers(shape: tuple[int, ...]) -> np.ndarray:
        return -(10 ** rng.uniform(0.6, 2.0, shape)) if negative else rng.uniform(0.1, 3.0, shape)

    params = jax.tree.map(numbers, shape, is_leaf=is_shape)
    x = numbers(features) if isinstance(features, tuple) else features
    with np.errstate(
        all="ignore"
    ):  # a root of a negative stand-in, say: computed, whatever it gives
        try:
            operators = operators_of(layer, wires, params, x, expand)
        except ValueError as error:
            if "must be in the interval [0,1]" not in str(error):  # PennyLane's words
                raise
            raise Refused(
                f"{type(layer).__name__} has a channel whose strength is a parameter or a feature and may "
                "leave [0, 1]. Make it a field of the layer, as Noise does."
            ) from None
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)] or [np.zeros(0)])
    return _Drawn(
        operators, flat, np.atleast_2d(x) if isinstance(features, tuple) else np.zeros((1, 0))
    )


def _levels(
    layer: Layer, wires: Wires, shape: Any, features: Any, expand: Expand, drawn: list[Any]
) -> list[int]:
    """How each number of the drawn operators depends on parameters and features.

    The layers of qdl are analytic. Any other is traced by JAX, which sees what numbers do not show.
    """
    count = sum(len(operator.data) for operator in drawn)
    inner = layer.block if isinstance(layer, Adjoint) else layer
    if type(inner).__module__.startswith(OURS) and not isinstance(inner, Template):
        return [ANALYTIC] * count
    struct = partial(jax.ShapeDtypeStruct, dtype=float)
    params = jax.tree.map(struct, shape, is_leaf=is_shape)
    x = struct(features) if isinstance(features, tuple) else features

    def numbers(expand: Expand) -> Callable[..., list[Any]]:
        return lambda params, x: [
            jax.numpy.asarray(number)
            for operator in operators_of(layer, wires, params, x, expand)
            for number in operator.data
        ]

    try:
        found = dependence(numbers(lambda operator: [operator]), params, x)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise ValueError(
            f"{type(inner).__name__} cannot be traced by JAX: it looks at the values of parameters or "
            "features, or computes angles with NumPy or math. Compute them with operators or jax.numpy, and "
            f"let gates depend on wires and fields only. JAX says: {str(error).splitlines()[0]}"
        ) from error
    if OPAQUE not in found:
        return [ANALYTIC] * count
    found = dependence(numbers(expand), params, x)
    return found if len(found) == count else [OPAQUE] * count


class _Lookup:
    """Finds sources, by the values that an angle has in two draws."""

    def __init__(self, drawn: Sequence[_Drawn]):
        self.params = [d.params for d in drawn]
        self.x = [d.x for d in drawn]
        first, second = (d.params.tolist() for d in drawn)
        self.entries = {pair: i for i, pair in enumerate(zip(first, second, strict=True))}
        self.counts = {False: 0, True: 0}  # computed angles so far, batched or not

    def source(self, a: np.ndarray, b: np.ndarray, dim: int, level: int) -> Source:
        if dim > 0 or np.iscomplexobj(a):
            return Array(level == OPAQUE or not (a.shape == b.shape and np.array_equal(a, b)))
        batched = a.ndim > 0
        if level != OPAQUE:
            if not batched and float(a) == float(b):
                return Constant(float(a))
            if not batched:
                if (entry := self.entries.get((float(a), float(b)))) is not None:
                    return Entry(entry)
                if found := _multiple(float(a), float(b), *self.params):
                    return Entry(*found)
            if batched == (len(self.x[0]) > 1) and self.x[0].shape[1]:
                found = _multiple(float(a.flat[0]), float(b.flat[0]), self.x[0][0], self.x[1][0])
                if found and self._every_row(a, b, *found):
                    return Feature(*found)
        self.counts[batched] += 1
        return Computed(self.counts[batched] - 1, batched)

    def _every_row(self, a: np.ndarray, b: np.ndarray, index: int, factor: float) -> bool:
        pairs = ((a, self.x[0][:, index]), (b, self.x[1][:, index]))
        return all(np.allclose(factor * x, angle, rtol=SAME, atol=0) for angle, x in pairs)


def _multiple(a: float, b: float, first: np.ndarray, second: np.ndarray) -> Any:
    """``(index, factor)`` of the one entry that an angle is the same multiple of in both draws."""
    if a == 0.0 or b == 0.0:
        return None
    with np.errstate(all="ignore"):
        ratio = a / first
        found = np.flatnonzero(np.isclose(ratio, b / second, rtol=SAME, atol=0))
    if found.size != 1:
        return None
    [index] = found
    return int(index), _factor(a, b, float(first[index]), float(second[index]))


def _factor(a: float, b: float, first: float, second: float) -> float:
    """The factor without the rounding of the division, where one gives both angles to the last bit."""
    near = a / first
    for factor in (near, round(near, 12), np.nextafter(near, np.inf), np.nextafter(near, -np.inf)):
        if factor * first == a and factor * second == b:
            return float(factor)
    return near


def dims_of(operator: Any) -> list[int]:
    """How many axes each parameter has without a batch: 0 for an angle."""
    if isinstance(operator, qp.operation.Channel):  # which takes a batch of strengths for a vector
        return [2 if getattr(value, "ndim", 0) > 1 else 0 for value in operator.data]
    if isinstance(
        operator, qp.operation.CV
    ):  # whose angles alone are numbers, and may have a batch
        return [0] * len(operator.data)
    try:
        return list(operator.ndim_params) if operator.data else []
    except AttributeError:  # products and sums of operators do not say
        batch = operator.batch_size
        return [
            np.ndim(v) - (batch is not None and np.shape(v)[:1] == (batch,)) for v in operator.data
        ]


def with_all_data(operator: Any) -> Any:
    """The operator, or its matrix if its ``data`` leave numbers out: qp.evolve hides its generator's."""
    if len(jax.tree.leaves(operator)) == len(operator.data):
        return operator
    return qp.QubitUnitary(qp.matrix(operator), wires=operator.wires)
