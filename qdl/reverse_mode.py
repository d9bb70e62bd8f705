"""Derivatives that there are not, refused in terms of what there is instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def reverse_only(tree: Any) -> Any:
    """The same numbers, through which JAX differentiates in reverse mode alone.

    Derivatives that are written by hand (``jax.custom_vjp``) have no forward mode. JAX says so in its own
    words and, under ``jax.jit``, only after the caller has returned; this says what to do, in both cases.

    Raises:
        TypeError: as soon as a derivative in forward mode is computed.

    Example:
        >>> import jax
        >>> jax.grad(lambda x: reverse_only(x) ** 2)(3.0).item()
        6.0
        >>> jax.jvp(lambda x: reverse_only(x) ** 2, (3.0,), (1.0,))
        Traceback (most recent call last):
        ...
        TypeError: circuits have derivatives in reverse mode alone, got forward mode (jax.jvp, ...
    """
    return jax.tree.map(lambda leaf: _same(leaf) if _real(leaf) else leaf, tree)


def first_derivatives(tree: Any) -> Any:
    """The same numbers, through which JAX does not differentiate once more.

    Raises:
        TypeError: when a second derivative is traced.
    """
    return jax.tree.map(lambda leaf: _last(leaf) if _real(leaf) else leaf, tree)


def once_differentiable(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function of one tree of numbers, with its first derivative in reverse mode alone."""

    @jax.custom_vjp
    def values(numbers: Any) -> Any:
        return function(numbers)

    values.defvjp(
        lambda numbers: jax.vjp(function, first_derivatives(numbers)),
        lambda pull, ct: pull(ct),
    )
    return lambda numbers: values(reverse_only(numbers))


def _real(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)


@jax.custom_jvp
def _same(number: Any) -> Any:
    return number


@partial(_same.defjvp, symbolic_zeros=True)
def _(primals: Any, tangents: Any) -> Any:
    # What does not depend on the variable must stay recognisable: machines shift no such angle.
    (number,), (tangent,) = primals, tangents
    return number, tangent if isinstance(tangent, SymbolicZero) else _tangent.bind(number, tangent)


def _refuse(*args: Any, **options: Any) -> NoReturn:
    raise TypeError(
        "circuits have derivatives in reverse mode alone, got forward mode (jax.jvp, jax.jacfwd, "
        "jax.linearize or jax.hessian). For one derivative use jax.grad or jax.jacrev, for the Hessian "
        "jax.jacrev(jax.grad(f)), which native places have and machines do not."
    )


@jax.custom_jvp
def _last(number: Any) -> Any:
    return number


@partial(_last.defjvp, symbolic_zeros=True)
def _(primals: Any, tangents: Any) -> Any:
    if isinstance(tangents[0], SymbolicZero):
        return primals[0], tangents[0]
    raise TypeError(
        "this place has first derivatives alone, got a second one (jax.jacrev(jax.grad(f)), jax.hessian or "
        "jax.grad of a function that differentiates). For second derivatives use a native place: "
        "model.on(qdl.backends.statevector()), or density_matrix() where there is noise."
    )


# Reverse mode transposes tangents and never computes them.
_tangent = Primitive("reverse_mode_alone")
_tangent.def_impl(_refuse)
_tangent.def_abstract_eval(lambda number, tangent: tangent)
ad.primitive_transposes[_tangent] = lambda cotangent, number, tangent: [None, cotangent]


def _pushed(primals: Any, tangents: Any) -> Any:
    number, tangent = primals
    again = tangents[1]
    zero = isinstance(again, ad.Zero)
    return _tangent.bind(number, tangent), again if zero else _tangent.bind(number, again)


def _mapped(args: Any, axes: Any) -> Any:
    if axes[0] is None:  # many directions at one point: jax.jacfwd
        _refuse()
    return _tangent.bind(*args), axes[1]


ad.primitive_jvps[_tangent] = _pushed
batching.primitive_batchers[_tangent] = _mapped
mlir.register_lowering(_tangent, _refuse)
