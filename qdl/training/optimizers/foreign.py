"""Optax transformations that are called in other ways than most: SAM and lookahead."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import optax


def updated(
    optimizer: optax.GradientTransformation, gradient: Any, state: Any, params: Any, more: Any
) -> tuple[Any, Any]:
    """``optimizer.update`` with those of the arguments ``more`` that it takes.

    Optax's SAM takes ``grad_fn`` and refuses all others, though it says that it takes any.
    """
    full = optax.with_extra_args_support(optimizer)
    taken = inspect.signature(full.update).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        more = {name: value for name, value in more.items() if name != "grad_fn"}
    else:
        more = {name: value for name, value in more.items() if name in taken}
    with outermost():
        return full.update(gradient, state, params, **more)


@contextmanager
def outermost() -> Iterator[None]:
    """Optax's words where SAM or lookahead stand inside another transformation, as what to do."""
    try:
        yield
    except (TypeError, AttributeError) as error:
        text = str(error)
        for name, sign in (("optax.contrib.sam", "sam.<locals>"), ("optax.lookahead", "'fast'")):
            if sign in text:
                raise TypeError(
                    f"{name} must be the outermost transformation, got it inside another one, which calls it "
                    f"as any other. Put the others into it: {name}(optax.chain(..., optax.sgd(0.1)), ...)."
                ) from error
        raise


class _Lookahead(NamedTuple):
    inner: Any  # the state of optax.lookahead
    slow: Any


def alone(optimizer: Any) -> Any:
    """``optax.lookahead`` as a transformation of plain parameters, the fast ones; others as they are.

    Optax's own wants pairs of fast and slow parameters. The slow ones are kept in the state here; both are
    the same after every ``sync_period`` steps.

    Example:
        >>> import jax.numpy as jnp
        >>> optimizer = alone(optax.lookahead(optax.sgd(0.1), sync_period=2, slow_step_size=0.5))
        >>> params = jnp.array([1.0])
        >>> state = optimizer.init(params)
        >>> for _ in range(2):  # 1 - 0.1 - 0.1, and half of the way back
        ...     updates, state = optimizer.update(jnp.ones(1), state, params)
        ...     params = optax.apply_updates(params, updates)
        >>> round(float(params[0]), 6)
        0.9

    Reference: Zhang, Lucas, Hinton, Ba, "Lookahead optimizer: k steps forward, 1 step back", NeurIPS (2019).
    """
    update = getattr(optimizer, "update", None)
    theirs = getattr(update, "__module__", "").startswith("optax")
    named = getattr(update, "__qualname__", "").startswith("lookahead.")
    return _with_slow_parameters(optimizer) if theirs and named else optimizer


def _with_slow_parameters(optimizer: Any) -> optax.GradientTransformation:
    def init(params: Any) -> Any:
        return _Lookahead(optimizer.init(optax.LookaheadParams.init_synced(params)), params)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        both = optax.LookaheadParams(params, state.slow)
        moves, inner = optimizer.update(updates, state.inner, both)
        return moves.fast, _Lookahead(inner, optax.apply_updates(state.slow, moves.slow))

    return optax.GradientTransformation(init, update)
