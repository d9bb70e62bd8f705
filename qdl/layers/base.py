"""The contract of a layer: which parameters it needs, which operators it yields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import pennylane as qp

from .. import threefry

Wires = tuple[int, ...]
Initializer = Callable[..., jax.Array]  # (key, shape, dtype) -> array, as in jax.nn.initializers
Shape = Any  # None (no parameters), a tuple of ints, or a dict or list of shapes


class Layer:
    """A frozen description of gates: parameter shapes in, PennyLane operators out.

    A new layer is a frozen dataclass with one required method, ``gates``. Fields hold plain
    values only (numbers, strings, booleans, None, functions, layers and tuples of these): lists
    become tuples, arrays are refused, so that a layer is hashable, comparable and can be saved.

    Example:
        >>> from dataclasses import dataclass
        >>> import pennylane as qp
        >>> @dataclass(frozen=True)
        ... class Phases(Layer):
        ...     def shape(self, wires):
        ...         return (len(wires),)
        ...     def gates(self, params, x, wires):
        ...         for i, wire in enumerate(wires):
        ...             yield qp.RZ(params[i], wires=wire)
        >>> Phases().shape((0, 1, 2))
        (3,)
    """

    first_only = False  # True for a layer that prepares a state: it must open the circuit
    fixed: ClassVar[
        tuple[str, ...]
    ] = ()  # names of parameters that hold drawn choices: no gradient

    def __post_init__(self) -> None:
        """Turn lists into tuples and refuse arrays, so that layers hash and compare by value."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = freeze(getattr(self, field.name), f"{type(self).__name__}.{field.name}")
            object.__setattr__(self, field.name, value)

    def shape(self, wires: Wires) -> Shape:
        """Shape of the parameters: None for none, a tuple, or a dict or list of shapes."""
        return None

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        """Yield PennyLane operators in time order.

        Args:
            params: arrays of the shapes given by ``shape``, NumPy or JAX; angles in radians.
            x: features ``(..., n_features)``, or None; index them as ``x[..., i]``.
            wires: the active wires that this layer acts on.
        """
        raise NotImplementedError(f"{type(self).__name__} must define gates(params, x, wires).")

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        """Draw parameters; ``initializer`` is the model's choice, where the layer has none."""
        chosen = getattr(self, "initializer", None) or initializer or uniform_angles
        return draw(self.shape(wires), key, chosen, type(self).__name__)

    def active(self, wires: Wires) -> Wires:
        """The wires that later layers may use."""
        return wires

    def n_features(self, wires: Wires) -> int:
        """How many features of ``x`` the layer reads: the columns that must be there."""
        return 0

    def check(self, x: Any, wires: Wires) -> None:
        """Refuse features that make no sense here; called before anything runs.

        ``gates`` may look at shapes only: its features can be tracers or stand-ins. Here ``x`` is
        what the user gave, and its values may be read.
        """


def collect(layer: Layer, params: Any, x: Any, wires: Wires) -> list[Any]:
    """The operators that a layer yields, none lost and none outside of its wires."""
    operators, there = yielded(layer, params, x, wires), set(wires)
    for operator in operators:
        beyond = [w for w in getattr(operator, "wires", ()) if w not in there]
        if beyond:
            raise ValueError(
                f"{_name(layer)} yields {operator.name} on wires {beyond}, but the wires active there are "
                f"{list(wires)}. Use the wires that gates(params, x, wires) is given."
            )
    return operators


def _name(layer: Layer) -> str:
    return f"{type(layer).__name__} {getattr(getattr(layer, 'fn', None), '__name__', '')}".strip()


def yielded(layer: Layer, params: Any, x: Any, wires: Wires) -> list[Any]:
    """The operators that a layer yields; refused if it makes others that it does not yield."""
    name = _name(layer)
    with qp.queuing.AnnotatedQueue() as queue:
        given = layer.gates(params, x, wires)
        one = given is None or isinstance(given, qp.operation.Operator)
        operators = [given] if one else list(given)
    if any(operator is None for operator in operators):
        kind = "a mid-circuit operator" if _mid_circuit(queue.queue) else "None"
        raise ValueError(
            f"{name} gave {kind} instead of operators. Yield or return gates: what PennyLane only "
            "queues is not recorded. For pooling by measurement use Pooling()."
        )
    there = set(map(id, operators))
    lost = [o for o in queue.queue if id(o) not in there and not _decomposed(o, operators)]
    if lost:
        raise ValueError(_lost(name, lost))
    return operators


def _decomposed(operator: Any, operators: list[Any]) -> bool:
    """Whether an operator is there as its parts, one after another."""
    if not isinstance(operator, qp.operation.Operator) or not operator.has_decomposition:
        return False
    with qp.QueuingManager.stop_recording():
        parts = [(part.name, part.wires) for part in operator.decomposition()]
    there = [(o.name, o.wires) for o in operators if isinstance(o, qp.operation.Operator)]
    starts = range(len(there) - len(parts) + 1) if parts else ()
    return any(there[i : i + len(parts)] == parts for i in starts)


def _lost(name: str, operators: list[Any]) -> str:
    """Why operators that PennyLane queued beside those yielded are refused."""
    if middle := _mid_circuit(operators):
        return (
            f"{name} uses the mid-circuit operator {type(middle[0]).__name__} without yielding it, so "
            "it would be lost. Use Pooling(), the controlled rotation that gives the same "
            "expectation values."
        )
    found = [f"{getattr(o, 'name', type(o).__name__)} on wires {list(o.wires)}" for o in operators]
    return (
        f"{name} makes {', '.join(found)} without yielding it, so it would be lost. Yield every gate: what "
        "PennyLane only queues is not recorded. Operators that a layer needs for a computation alone, as of "
        "their matrix, are made inside of `with qp.QueuingManager.stop_recording():`."
    )


def _mid_circuit(operators: Iterable[Any]) -> list[Any]:
    return [
        o for o in operators if type(o).__name__ in ("MidMeasure", "MidMeasureMP", "Conditional")
    ]


def freeze(value: Any, name: str) -> Any:
    """``value`` with its lists turned into tuples; arrays are refused by name."""
    if isinstance(value, list | tuple):
        return tuple(freeze(item, name) for item in value)
    if hasattr(value, "__array__") and getattr(value, "ndim", 1) == 0:
        return value.item()  # one number of NumPy or JAX
    if hasattr(value, "__array__"):
        raise TypeError(
            f"{name} must be plain Python values, got {type(value).__name__} of shape "
            f"{getattr(value, 'shape', ())}. Arrays belong in params: give the layer a shape, "
            "or pass .tolist()."
        )
    return value


def uniform_angles(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """Uniform over [0, 2 pi): the start of every angle unless something else is asked for."""
    return threefry.uniform(key, shape, dtype, 0.0, 2 * jnp.pi)


def check_key(key: Any, owner: str) -> jax.Array:
    """A typed JAX key; old-style uint32 pairs are taken too."""
    if not hasattr(key, "dtype"):
        raise TypeError(
            f"{owner} needs a JAX key, got {key!r}. Pass key=jax.random.key(0): all that is random "
            "comes from it."
        )
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key
    return jax.random.wrap_key_data(key)


def is_shape(shape: Shape) -> bool:
    """True for the shape of one array: a tuple of ints."""
    return isinstance(shape, tuple)


def draw(shape: Shape, key: jax.Array, initializer: Initializer, owner: str) -> Any:
    """One array per shape in the tree, each from its own key."""
    leaves, tree = jax.tree.flatten(shape, is_leaf=is_shape)
    if leaves and not callable(initializer):
        raise TypeError(
            f"{owner} needs an initializer (key, shape, dtype) -> array, got {initializer!r}. Example: "
            "initializer=qdl.initializers.gaussian(0.1)."
        )
    if leaves and getattr(initializer, "mirrored_only", False):
        raise ValueError(
            f"identity_blocks() starts the two halves of Mirrored(...) equal, but {owner} has "
            "parameters outside of one. Give that layer its own initializer=, or wrap it in Mirrored."
        )
    keys = threefry.split(key, max(len(leaves), 1))
    dtype = jnp.result_type(float)
    arrays = [initializer(k, s, dtype) for k, s in zip(keys, leaves, strict=False)]
    return jax.tree.unflatten(tree, arrays)
