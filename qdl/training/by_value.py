"""Functions compared by what they do: their code and the values that they hold."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Hashable
from typing import Any

import jax
import numpy as np

from .trees import as_numpy

# Packages whose functions depend on their code, arguments and cells alone. A function from elsewhere may
# look at a name of its module, or of a notebook, that has another value by now.
PURE = ("optax", "jax", "qdl")


class _Itself:
    """Something that is equal to itself only."""

    def __init__(self, thing: Any):
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def by_value(thing: Any, above: tuple[int, ...] = ()) -> Hashable:
    """A key that is equal for things that do the same: two ``optax.adam(0.05)``, made in different calls.

    Functions of Optax, JAX and qdl are their code, defaults and cells; numbers, strings, arrays, hashable
    dataclasses and containers of these are their values. Everything else is equal to itself only.

    Args:
        thing: a function, a transformation, or what they hold.
        above: what it is inside of, for functions that hold themselves.

    Example:
        >>> import optax
        >>> one, two, other = (by_value(optax.adam(rate).update) for rate in (0.1, 0.1, 0.2))
        >>> one == two, one == other
        (True, False)
    """
    if id(thing) in above:
        return ("above", above.index(id(thing)))
    inner = functools.partial(by_value, above=(*above, id(thing)))
    kind = type(thing)
    if thing is None or kind in (bool, int, str, bytes) or isinstance(thing, np.dtype):
        return (kind, thing)
    if kind in (float, complex):
        return (kind, repr(thing))  # 0.0 is not -0.0, and NaN is NaN
    if isinstance(thing, tuple | list):
        return (kind, *map(inner, thing))
    if kind is dict:
        return (kind, *((inner(key), inner(value)) for key, value in thing.items()))
    if isinstance(thing, functools.partial):
        return (kind, inner(thing.func), inner(thing.args), inner(thing.keywords))
    if isinstance(thing, types.MethodType):
        return (kind, inner(thing.__func__), inner(thing.__self__))
    if isinstance(thing, types.FunctionType) and _is_pure(thing):
        cells = [_content(cell) for cell in thing.__closure__ or ()]
        held = (thing.__defaults__, thing.__kwdefaults__, cells)
        return (thing.__globals__["__name__"], thing.__code__, inner(held))
    if isinstance(thing, np.ndarray | np.generic | jax.Array) and not _is_far(thing):
        array = as_numpy(thing)
        return (kind, str(thing.dtype), array.shape, array.tobytes())
    if dataclasses.is_dataclass(kind) and _is_hashable(thing):
        return (kind, thing)
    return _Itself(thing)


def _is_pure(function: types.FunctionType) -> bool:
    return function.__globals__.get("__name__", "").partition(".")[0] in PURE


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return cell


def _is_far(array: Any) -> bool:
    """An array without values here: a tracer, one of another process, one of Python objects."""
    traced = isinstance(array, jax.core.Tracer)
    return traced or not getattr(array, "is_fully_addressable", True) or array.dtype == object


def _is_hashable(thing: Any) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True
