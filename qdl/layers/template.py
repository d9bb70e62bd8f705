"""Any function, and any template or gate of PennyLane, as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pennylane as qp

from .base import Initializer, Layer, Shape, Wires
from .probe import columns_read


@dataclass(frozen=True, init=False, repr=False)
class Template(Layer):
    """Any function that makes PennyLane operators, or any template or gate class of PennyLane, as a layer.

    Args:
        fn: ``fn(params, x, wires, **options)``: a generator, a function returning operators, or one that
            returns nothing, whose operators are those that PennyLane queues. Or a class of PennyLane: its
            argument ``features`` is x, the others before ``wires`` are the parameters. A gate of one wire is
            put on every wire. Models are equal, and share compiled programs, if their functions are: write
            one that many models use with ``def``, since a ``lambda`` is another function each time it is met.
        shape: the parameters' shape, or a function of the wires that returns it; of a class None for its
            own, ``fn.shape(n_wires=..., **options)``, or for one number for each angle of a gate.
        initializer: of the parameters; None for the model's.
        options: for ``fn``; of a class for its shape and for itself, each what it takes. Plain values.

    Params: of the given shape; of a class that takes several arrays a list of them; ``(n_wires, angles)`` for
    a gate of one wire.

    How many features it reads is tried out: on rows of up to 1024 columns the last one that changes anything,
    or, where rows of any width change with every column, the least number that it takes.

    Raises:
        ValueError: gates that are made and not yielded, where others are yielded or returned; a measurement
            at the end; a gate that does not fit the wires.
        TypeError: options that the class does not take, or that its shape still needs.

    Example:
        >>> Template(qp.StronglyEntanglingLayers, n_layers=2, imprimitive=qp.CZ).shape((0, 1, 2))
        (2, 3, 3)
        >>> Template(qp.IQPEmbedding, n_repeats=2).n_features((0, 1, 2))
        3
        >>> def queued(params, x, wires):
        ...     qp.RX(params[0] * x[..., 4], wires=wires[0])
        >>> Template(queued, shape=(1,)).n_features((0, 1))
        5
    """

    fn: Callable[..., Any]
    param_shape: Any
    initializer: Initializer | None = field(default=None, kw_only=True, repr=False)
    options: Any = field(default=(), kw_only=True, repr=False)  # pairs (name, value), sorted

    def __init__(
        self,
        fn: Callable[..., Any],
        shape: Any = None,
        *,
        initializer: Initializer | None = None,
        param_shape: Any = None,
        **options: Any,
    ):
        # The argument and the method share the name `shape`; the field cannot. `dataclasses.replace`
        # passes the fields: param_shape, and options as pairs.
        pairs = dict(options.pop("options", ())) | options
        object.__setattr__(self, "fn", fn)
        object.__setattr__(self, "param_shape", shape if shape is not None else param_shape)
        object.__setattr__(self, "initializer", initializer)
        object.__setattr__(self, "options", tuple(sorted(pairs.items())))
        self.__post_init__()
        if self._of_class:
            taken = {*_names(self.fn.__init__), *_names(self._own_shape)}
            unknown = [name for name in pairs if name not in taken]
            if unknown:
                raise TypeError(
                    f"{self._name} takes no {', '.join(unknown)}. It takes {', '.join(sorted(taken))}."
                )

    @property
    def _name(self) -> str:
        return f"Template({_named(self.fn)})"

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self.options]
        shape = [] if self.param_shape is None else [f"shape={_named(self.param_shape)}"]
        return f"Template({', '.join([_named(self.fn), *shape, *options])})"

    @property
    def _of_class(self) -> bool:
        return isinstance(self.fn, type) and issubclass(self.fn, qp.operation.Operator)

    @property
    def _own_shape(self) -> Callable[..., Any] | None:
        """The function of a template class that says its shape."""
        shape = getattr(self.fn, "shape", None)
        return shape if callable(shape) else None

    @property
    def _angles(self) -> int | None:
        """How many numbers a gate takes; None for what is no gate."""
        n, dims = getattr(self.fn, "num_params", None), getattr(self.fn, "ndim_params", None)
        plain = isinstance(n, int) and (n == 0 or isinstance(dims, tuple) and not any(dims))
        return n if plain and self._own_shape is None else None

    def _options(self, function: Any) -> dict[str, Any]:
        return {name: value for name, value in self.options if name in _names(function)}

    def shape(self, wires: Wires) -> Shape:
        if self.param_shape is not None or not self._of_class:
            return self.param_shape(wires) if callable(self.param_shape) else self.param_shape
        if self._own_shape is None:
            n = self._angles
            return None if not n else (len(wires), n) if self._on_each(wires) else (n,)
        names = _names(self._own_shape)
        of_wires = {"n_wires": len(wires)} if "n_wires" in names else {}
        given = self._options(self._own_shape) | of_wires
        missing = [n for n, p in names.items() if p.default is p.empty and n not in given]
        if missing:
            raise TypeError(
                f"{self._name} needs {', '.join(missing)} for its shape. Example: "
                f"Template(qp.{self.fn.__name__}, {missing[0]}=2)."  # pyright: ignore
            )
        shape = self._own_shape(**given)
        several = any(isinstance(part, tuple) for part in shape)
        return [tuple(part) for part in shape] if several else tuple(shape)

    def _on_each(self, wires: Wires) -> bool:
        """Whether a gate is put on every wire; refused where it fits no other way."""
        n = getattr(self.fn, "num_wires", None)
        if not isinstance(n, int) or n == len(wires):
            return n == 1
        if n != 1:
            raise ValueError(
                f"{self._name} is a gate of {n} wires, and there are {len(wires)}. Use "
                "Entangler, or a function that yields it where it belongs."
            )
        return True

    def n_features(self, wires: Wires) -> int:
        return columns_read(self, wires)

    def check(self, x: Any, wires: Wires) -> None:
        if x is None and (expected := self.n_features(wires)):
            raise ValueError(
                f"{self._name} reads features, got x=None: expected x of shape ({expected},) or "
                f"(batch, {expected}). Pass x to apply(params, x)."
            )

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        if self._of_class:
            yield from self._of(params, x, wires)
            return
        with qp.queuing.AnnotatedQueue() as queue:
            operators = self.fn(params, x, wires, **dict(self.options))
        made = queue.queue
        if operators is None and made or _is_measurement(operators):
            operators = self._recorded(made)
        elif qp.QueuingManager.recording():  # whoever looks for gates that are lost finds them
            for each in made:
                qp.QueuingManager.append(each)
        if operators is None or isinstance(operators, qp.operation.Operator):
            operators = [operators]
        yield from operators

    def _recorded(self, made: list[Any]) -> list[Any]:
        """What a function has queued and not returned, in time order."""
        ends = [o for o in made if _is_measurement(o)]
        if ends:
            raise ValueError(
                f"{self._name} measures {type(ends[0]).__name__}, but a layer is made of gates. Leave it "
                "out, and give the model a readout: readout=qdl.Expval([...])."
            )
        return made

    def _of(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        """The operators of a class, its arguments in the order in which it names them."""
        options, fn, angles = self._options(self.fn.__init__), self.fn, self._angles
        if angles is not None and self._on_each(wires):
            rows = [()] * len(wires) if params is None else params.reshape(len(wires), angles)
            for row, wire in zip(rows, wires, strict=True):
                yield fn(*row, wires=wire, **options)
            return
        arrays = _arrays(fn, options)
        if x is None and "features" in arrays:
            raise ValueError(
                f"{self._name} needs features, got x=None. Pass x to apply(params, x)."
            )
        if params is None:
            params = []
        elif angles:
            params = params.reshape(angles)
        elif not isinstance(params, list):
            params = [params]
        numbers = iter(params)
        yield fn(*(x if n == "features" else next(numbers) for n in arrays), wires=wires, **options)


def _named(value: Any) -> str:
    """A function or a class by its name, anything else as it is written."""
    return getattr(value, "__name__", repr(value))


def _is_measurement(result: Any) -> bool:
    """Whether it is what a QNode returns: a measurement, or several."""
    several = list(result) if isinstance(result, list | tuple) else [result]
    at_the_end = qp.measurements.MeasurementProcess
    return any(isinstance(o, at_the_end) and not isinstance(o, qp.ops.MidMeasure) for o in several)


def _names(function: Any) -> dict[str, inspect.Parameter]:
    """The arguments of a function by name, without itself and those that take any."""
    found = {} if function is None else inspect.signature(function).parameters
    any_more = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {n: p for n, p in found.items() if n not in ("self", "wires") and p.kind not in any_more}


def _arrays(fn: Any, options: dict[str, Any]) -> list[str]:
    """The arguments of a class that are numbers: those before ``wires`` that must be given."""
    names = []
    for name, argument in inspect.signature(fn.__init__).parameters.items():
        if name == "wires":
            break
        if name != "self" and name not in options and argument.default is argument.empty:
            names += [name] * (argument.kind is not argument.VAR_POSITIONAL)
    return names
