"""What every layer must do, as one call."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from pennylane.tape import QuantumScript

from ..layers import Layer, Template
from ..layers.base import Wires, is_shape, yielded
from ..model import QNN

STEP = 1e-4  # of the central differences: their error is about STEP**2, far below the tolerance


def check_layer(
    layer: Layer,
    n_wires: int = 3,
    key: jax.Array | None = None,
    fixed: tuple[str, ...] = ("axis",),
) -> None:
    """Check that a layer keeps the contract, natively and on PennyLane's ``default.qubit``.

    Description: hashable, comparable, picklable, ``dataclasses.replace``. Parameters: ``init``
    gives the shapes of ``shape``. Operators: PennyLane's, on active wires only, from NumPy arrays
    as from JAX arrays. Numbers: the state, the readout and a batch equal ``default.qubit``; the
    gradient equals central differences of it. Tolerances follow the JAX setting: 1e-10 in float64,
    1e-5 in float32 (gradients 1e-6 and 1e-3). The numbers of a layer with channels are not
    checked: it has no state vector.

    Args:
        layer: the layer.
        n_wires: how many wires to try it on.
        key: a JAX key for parameters and features; ``jax.random.key(0)`` if None.
        fixed: names of parameter entries that hold drawn choices and get no gradient.

    Raises:
        AssertionError: the contract is broken; the text says where and by how much.

    Example:
        >>> from qdl.layers import Rotation
        >>> check_layer(Rotation("xy"), n_wires=2)
    """
    for_params, for_x, for_direction = jax.random.split(
        jax.random.key(0) if key is None else key, 3
    )
    wires = tuple(range(n_wires))
    _check_description(layer)
    _check_wires(layer, wires, for_params)
    params = layer.init(for_params, wires)
    _check_shapes(layer, params, wires)
    x = _features(layer, wires, for_x)
    operators = _operators(layer, _numpy(params), None if x is None else x[0], wires)
    if any(isinstance(operator, qp.operation.Channel) for operator in operators):
        return
    _check_traced(layer, params, x, wires)
    _check_state(layer, params, x, wires)
    _check_readout(layer, params, x, wires, for_direction, fixed)


def _check_description(layer: Layer) -> None:
    name = type(layer).__name__
    assert isinstance(layer, Layer), f"{name} is not a qdl.layers.Layer: subclass it."
    assert dataclasses.is_dataclass(layer), (
        f"{name} is not a dataclass: add @dataclass(frozen=True)."
    )
    try:
        hash(layer)
    except TypeError as error:
        raise AssertionError(
            f"{name} is not hashable ({error}): use @dataclass(frozen=True) and plain field values."
        ) from error
    same = dataclasses.replace(layer)
    assert same == layer and hash(same) == hash(layer), f"dataclasses.replace changed {layer!r}."
    try:
        copy = pickle.loads(pickle.dumps(layer))
    except Exception as error:
        raise AssertionError(
            f"{name} cannot be pickled ({error}): define its functions at module level."
        ) from error
    assert copy == layer, f"{layer!r} is not equal to its own pickled copy."


def _check_wires(layer: Layer, wires: Wires, key: jax.Array) -> None:
    """On scattered wires: a layer that takes positions for wires is found out."""
    name = type(layer).__name__
    wires = tuple(2 * wire + 1 for wire in wires)
    x = _features(layer, wires, key)
    params = _numpy(layer.init(key, wires))
    operators = _operators(layer, params, None if x is None else x[0], wires)
    for operator in operators:
        assert isinstance(operator, qp.operation.Operator), (
            f"{name}.gates must yield PennyLane operators, got {operator!r}."
        )
        beyond = [wire for wire in operator.wires if wire not in wires]
        assert not beyond, f"{name} acts on wires {beyond} with {operator.name}; active: {wires}."
    left = layer.active(wires)
    assert isinstance(left, tuple) and set(left) <= set(wires), (
        f"{name}.active must return a tuple of some of the wires {wires}, got {left!r}."
    )


def _check_shapes(layer: Layer, params: Any, wires: Wires) -> None:
    name = type(layer).__name__
    wanted, tree = jax.tree.flatten(layer.shape(wires), is_leaf=is_shape)
    leaves, got = jax.tree.flatten(params)
    assert got == tree, f"{name}.init gives the tree {got}, but shape says {tree}."
    for leaf, shape in zip(leaves, wanted, strict=True):
        assert np.shape(leaf) == shape, f"{name}.init gives {np.shape(leaf)}, shape says {shape}."
        expected = jnp.result_type(float)
        assert leaf.dtype == expected, f"{name}.init gives {leaf.dtype}, expected {expected}."


def _check_traced(layer: Layer, params: Any, x: Any, wires: Wires) -> None:
    """Traced arrays give the numbers that NumPy arrays give."""
    x = None if x is None else x[0]

    def data(params: Any, x: Any) -> list[Any]:
        return [number for o in _operators(layer, params, x, wires) for number in o.data]

    traced = jax.jit(data)(params, None if x is None else jnp.asarray(x, jnp.result_type(float)))
    for got, expected in zip(traced, data(_numpy(params), x), strict=True):
        what = f"{layer!r}: a number of an operator from JAX arrays"
        _close(got, expected, 1e-10 if _double() else 1e-5, what, "the same from NumPy arrays")


def _check_state(layer: Layer, params: Any, x: Any, wires: Wires) -> None:
    """The native state of one sample."""
    x = None if x is None else x[0]
    state = _model(layer, len(wires)).state(_of_model(layer, params), x)
    expected = _reference(layer, _numpy(params), x, wires, [qp.state()])
    tolerance = 1e-10 if _double() else 1e-5
    _close(state, expected, tolerance, f"{layer!r}: the native state", "default.qubit")


def _check_readout(
    layer: Layer, params: Any, x: Any, wires: Wires, key: jax.Array, fixed: tuple[str, ...]
) -> None:
    """The readout of a batch; its gradient along a random direction, where any error shows."""
    model = _model(layer, len(wires))
    measurements = model.readout.measurements(model.active)
    weights = np.arange(1.0, len(measurements) + 1)

    def reference(params: Any, x: Any) -> np.ndarray:
        rows = [None] if x is None else x
        values = [_reference(layer, params, row, wires, measurements) for row in rows]
        return values[0] if x is None else np.stack(values)

    def native(params: Any, x: Any) -> tuple[jax.Array, jax.Array]:
        values = model.apply(_of_model(layer, params), x)
        return (values @ jnp.asarray(weights, values.dtype)).sum(), values

    of_float = params, None if x is None else jnp.asarray(x, jnp.result_type(float))
    slopes, values = jax.jit(jax.grad(native, argnums=(0, 1), has_aux=True))(*of_float)
    what = f"{layer!r}: the native readout"
    _close(
        values, reference(_numpy(params), x), 1e-10 if _double() else 1e-5, what, "default.qubit"
    )
    if x is not None:
        single = jax.eval_shape(lambda x: model.apply(_of_model(layer, params), x), x[0])
        assert single.shape == values.shape[1:], f"{what} of one sample has shape {single.shape}."

    leaves, tree = jax.tree.flatten((_numpy(params), x))
    directions = _directions(layer, (params, x), jax.tree.leaves(slopes), key, fixed)

    def moved(step: float) -> float:
        at = [leaf + step * way for leaf, way in zip(leaves, directions, strict=True)]
        return float((reference(*jax.tree.unflatten(tree, at)) @ weights).sum())

    expected = (moved(STEP) - moved(-STEP)) / (2 * STEP)
    pairs = zip(jax.tree.leaves(slopes), directions, strict=True)
    got = sum(float(np.sum(np.asarray(slope) * way)) for slope, way in pairs)
    scale = 1 + float(np.sqrt(sum(np.sum(way**2) for way in directions)))
    tolerance = (1e-6 if _double() else 1e-3) * scale
    _close(got, expected, tolerance, f"{layer!r}: the native gradient", "central differences")


def _directions(
    layer: Layer, tree: Any, slopes: list, key: jax.Array, fixed: tuple[str, ...]
) -> list[np.ndarray]:
    """A random direction per leaf; zero for drawn choices, which must have no gradient."""
    rng = np.random.default_rng(np.asarray(jax.random.bits(key, (2,))))
    directions = []
    for (path, leaf), slope in zip(jax.tree_util.tree_leaves_with_path(tree), slopes, strict=True):
        direction = rng.normal(size=np.shape(leaf))
        if any(getattr(entry, "key", None) in fixed for entry in path):
            name = jax.tree_util.keystr(path)
            assert not np.any(slope), f"{layer!r}: {name} holds choices, but has a gradient."
            direction = np.zeros(np.shape(leaf))
        directions.append(direction)
    return directions


def _features(layer: Layer, wires: Wires, key: jax.Array) -> np.ndarray | None:
    """Three rows of features that the layer accepts: numbers, or else bits."""
    columns = layer.n_features(wires)
    if columns == 0:
        return None
    x = np.asarray(jax.random.uniform(key, (3, columns), minval=0.1, maxval=1.0), float)
    try:
        layer.check(x, wires)
    except ValueError:
        x = (x > 0.5).astype(float)
    return x


def _model(layer: Layer, n_wires: int) -> QNN:
    return QNN(n_wires, [layer] if layer.first_only else [Template(_scramble), layer])


def _of_model(layer: Layer, params: Any) -> list[Any]:
    return [params] if layer.first_only else [None, params]


def _scramble(params: Any, x: Any, wires: Wires) -> Iterator[Any]:
    """A generic start: on |0..0> many gates do nothing."""
    for i, wire in enumerate(wires):
        yield qp.RY(0.4 + 0.3 * i, wires=wire)
        yield qp.RX(0.9 - 0.2 * i, wires=wire)
    for pair in zip(wires, wires[1:], strict=False):
        yield qp.CNOT(wires=pair)


def _operators(layer: Layer, params: Any, x: Any, wires: Wires) -> list[Any]:
    with qp.QueuingManager.stop_recording():
        try:
            return yielded(layer, params, x, wires)
        except ValueError as error:
            raise AssertionError(str(error)) from error


def _reference(layer: Layer, params: Any, x: Any, wires: Wires, measurements: list) -> np.ndarray:
    """The measurements on default.qubit, in float64 whatever JAX is set to."""
    operators = [] if layer.first_only else _operators(Template(_scramble), None, None, wires)
    operators += _operators(layer, params, x, wires)
    tape = QuantumScript(operators, measurements)
    device = qp.device("default.qubit", wires=len(wires))
    (result,) = qp.execute([tape], device, diff_method=None)
    return np.atleast_1d(result)


def _double() -> bool:
    return jnp.result_type(float) == jnp.float64


def _numpy(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf, float), tree)


def _close(got: Any, expected: Any, tolerance: float, what: str, source: str) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, {source}: {expected.shape}."
    error = float(np.max(np.abs(got - expected), initial=0.0))
    assert error <= tolerance, f"{what} differs from {source} by {error:.2e} (> {tolerance:.0e})."
