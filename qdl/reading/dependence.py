"""How the numbers of a layer depend on its arguments, from JAX's trace of it.

Two draws tell a multiple from any other analytic function with certainty, since two that agree at a random
point are equal. They do not for functions in pieces (``where``, ``clip``, ``relu``), for rules of
differentiation of the layer's own, and for a stopped gradient: such numbers are computed, whatever they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

FREE, ANALYTIC, OPAQUE = range(3)
# Analytic in each argument, or moving numbers about.
KNOWN = frozenset(
    """add add_any sub mul div neg integer_pow pow square sqrt rsqrt cbrt exp exp2 expm1 log log1p sin cos tan
    asin acos atan atan2 sinh cosh tanh asinh acosh atanh logistic erf real imag conj complex
    convert_element_type copy copy_p reshape squeeze expand_dims broadcast_in_dim transpose concatenate slice
    dynamic_slice gather rev pad split stack reduce_sum cumsum cumprod reduce_prod dot_general""".split()
)
CALLS = ("jit", "pjit", "closed_call", "core_call", "custom_lin")


def dependence(function: Callable[..., list[Any]], *arguments: Any) -> list[int]:
    """For each array that a function returns: FREE of its arguments, ANALYTIC in them, or OPAQUE.

    Example:
        >>> import jax.numpy as jnp
        >>> dependence(lambda x: [jnp.ones(()), 2 * x, jnp.abs(x)], jax.ShapeDtypeStruct((), float))
        [0, 1, 2]
    """
    closed = jax.make_jaxpr(function)(*arguments)
    return _levels(closed.jaxpr, [ANALYTIC] * len(closed.jaxpr.invars))


def _levels(jaxpr: Any, inputs: list[int]) -> list[int]:
    level: dict[Any, int] = dict(zip(jaxpr.invars, inputs, strict=True))

    def of(variable: Any) -> int:  # literals and constants are free
        return FREE if hasattr(variable, "val") else level.get(variable, FREE)

    for equation in jaxpr.eqns:
        name, given = equation.primitive.name, [of(v) for v in equation.invars]
        highest = max(given, default=FREE)
        if highest == FREE:
            found = [FREE] * len(equation.outvars)
        elif name in CALLS:
            found = _levels(equation.params["jaxpr"].jaxpr, given)
        elif name in KNOWN or (name == "select_n" and given[0] == FREE):
            moved = name in ("gather", "dynamic_slice") and max(given[1:], default=FREE) > FREE
            found = [OPAQUE if moved else highest] * len(equation.outvars)
        else:
            found = [OPAQUE] * len(equation.outvars)
        level.update(zip(equation.outvars, found, strict=True))
    return [of(variable) for variable in jaxpr.outvars]
