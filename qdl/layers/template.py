"""Any function, or any template of PennyLane, as a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pennylane as qp

from .base import Initializer, Layer, Shape, Wires


@dataclass(frozen=True, init=False)
class Template(Layer):
    """Any function that yields PennyLane operators, or any PennyLane template, as a layer.

    Args:
        fn: ``fn(params, x, wires, **options)``, a generator or a function returning operators; or a
            template class of PennyLane, made as ``fn(params, wires=wires)``. Models are equal, and share
            compiled programs, if their functions are: write one that many models use with ``def``, since
            a ``lambda`` is another function each time it is met.
        shape: the parameters' shape, or a function of the wires that returns it; of a template class
            None for its own ``fn.shape(n_wires=..., **options)``.
        initializer: of the parameters; None for the model's.
        options: for ``fn``, or for the shape of a template class; plain values.

    Params: of the given shape.

    Example:
        >>> import pennylane as qp
        >>> layer = Template(lambda params, x, wires: qp.StronglyEntanglingLayers(params, wires),
        ...                  shape=lambda wires: (2, len(wires), 3))
        >>> layer.shape((0, 1, 2))
        (2, 3, 3)
        >>> Template(qp.StronglyEntanglingLayers, n_layers=2).shape((0, 1, 2))
        (2, 3, 3)
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

    @property
    def _of_class(self) -> bool:
        return isinstance(self.fn, type) and issubclass(self.fn, qp.operation.Operator)

    def shape(self, wires: Wires) -> Shape:
        if self.param_shape is None and self._of_class and hasattr(self.fn, "shape"):
            return self.fn.shape(n_wires=len(wires), **dict(self.options))  # pyright: ignore
        return self.param_shape(wires) if callable(self.param_shape) else self.param_shape

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        if self._of_class:
            operators = self.fn(params, wires=wires)
        else:
            operators = self.fn(params, x, wires, **dict(self.options))
        if operators is None or isinstance(operators, qp.operation.Operator):
            operators = [operators]
        yield from operators
