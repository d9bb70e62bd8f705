"""The state and its derivatives by the parameters, in forward mode: what a metric is made of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ..circuit import Circuit
from .execute import Execution
from .run import state


def tangents(
    circuit: Circuit, params: Any, x: Any, entries: Any = None
) -> tuple[jax.Array, jax.Array]:
    r"""The state $\psi$ ``(..., 2**n)`` and $\partial_i \psi$ ``(d, ..., 2**n)``.

    The d parameters are numbered as ``ravel_pytree`` lays them out; ``entries`` chooses some of them. One
    derivative after another, each at the cost of about two states; the d results are all the memory it takes.
    """
    flat, unravel = ravel_pytree(params)

    def psi(flat: jax.Array) -> jax.Array:
        return state(circuit, unravel(flat), x, run=_plain)

    def push(direction: Any) -> Any:
        return jax.jvp(psi, (flat,), (direction,))[1]

    directions = jnp.eye(flat.size, dtype=flat.dtype)
    return psi(flat), jax.lax.map(push, directions if entries is None else directions[entries])


def _plain(execution: Execution, batch: int) -> jax.Array:
    """The execution without the derivative of its own, which is for reverse mode alone."""
    flags = tuple(piece.batched for piece in execution.reading.pieces)
    return execution.ready(flags, batch).run(*execution.reading.numbers)[0]
