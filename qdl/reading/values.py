"""What layers compute from parameters and features, for all turns of their loops at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from .gates import Computed, Expand, Gate, operators_of
from .tree import Leaf, Path


def computed_angles(
    leaf: Leaf, gates: Sequence[Gate], params: Any, x: Any, expand: Expand
) -> dict[bool, list[Any]]:
    """The ``Computed`` angles of a leaf, in the order of their numbers.

    Args:
        leaf: the layer where it stands.
        gates: its gates as they were read.
        params: those of the circuit.
        x: None, ``(n_features,)`` or ``(batch, n_features)``.
        expand: as for ``read_gates``.

    Returns:
        Under False angles ``(runs,)``, under True those of each sample, ``(runs, batch)``.
    """
    wanted = [[isinstance(s, Computed) and s for s in gate.sources] for gate in gates]
    if not any(map(any, wanted)):
        return {False: [], True: []}

    def of_one_run(p: Any) -> dict[bool, list[Any]]:
        values: dict[bool, list[Any]] = {False: [], True: []}
        operators = operators_of(leaf.layer, leaf.wires, p, x, expand)
        for operator, row in zip(operators, wanted, strict=True):
            for value, source in zip(operator.data, row, strict=True):
                if source:
                    values[source.batched].append(jnp.asarray(value, jnp.result_type(float)))
        return values

    return jax.vmap(of_one_run, axis_size=leaf.runs)(leaf.params(params))


def without_gradient(params: Any, leaves: Iterable[Leaf]) -> Any:
    """The parameters with a gradient through all but those that hold drawn choices."""
    fixed: set[Path] = {path for leaf in leaves for path in leaf.fixed}

    def stopped(path: Any, leaf: Any) -> Any:
        keys = tuple(getattr(key, "key", getattr(key, "idx", None)) for key in path)
        return jax.lax.stop_gradient(jnp.asarray(leaf)) if keys in fixed else leaf

    return jax.tree_util.tree_map_with_path(stopped, params) if fixed else params


def entered(numbers: Callable[..., list[Any]], *arguments: Any) -> list[bool]:
    """For each array that a function returns, whether a derivative in its arguments looks at it.

    Example:
        >>> entered(lambda x: [2 * x, jnp.ones(()), jax.lax.stop_gradient(x)], 1.0)
        [True, False, False]
    """
    seen: list[bool] = []

    @jax.custom_jvp
    def probe(numbers: list[Any]) -> Any:
        return jnp.zeros(())

    @partial(probe.defjvp, symbolic_zeros=True)
    def _(primals: Any, tangents: Any) -> Any:
        seen[:] = [not isinstance(t, SymbolicZero) for t in tangents[0]]
        return jnp.zeros(()), jnp.zeros(())

    def run(*arguments: Any) -> Any:
        return probe(list(numbers(*arguments)))

    jax.eval_shape(jax.grad(run, tuple(range(len(arguments)))), *arguments)
    return seen
