"""States of circuits on modes in a cut Fock basis: every gate exact, and cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..circuit import Circuit
from . import elements
from .program import Step, Turns, displaced, flat, steps_of
from .space import Space


@dataclass(frozen=True)
class Op:
    """What is done to a state: a matrix or phases on one mode, blocks or phases on two.

    Attributes:
        kind: ``"single"``, ``"phases"``, ``"pair"`` or ``"cross"``: the methods of a space.
        modes: which.
        array: for all runs, ``(runs, ...)`` or ``(runs, batch, ...)``.
        batched: whether it has a batch axis.
    """

    kind: str
    modes: tuple[int, ...]
    array: jax.Array
    batched: bool


def states(space: Space, circuit: Circuit, params: Any, x: Any) -> jax.Array:
    """The final states of a circuit, not normalised, batch last (1 without one).

    Args:
        space: the basis.
        circuit: layers of photonic gates alone.
        params: its parameters.
        x: None, ``(n_features,)`` or ``(batch, n_features)``.
    """
    state, ops = _begun(space, circuit, params, x)
    return _run(space, _fused(ops), state, None)[0]


def watched(space: Space, circuit: Circuit, params: Any, x: Any) -> tuple[jax.Array, jax.Array]:
    """The final states gate by gate, and where the photons are after each gate that can leave the space.

    Returns:
        The states, and ``(gates, levels, batch)`` in time order: the probability that the most photons of a
        mode, or those of all modes where the space counts these, are that many.
    """
    state, ops = _begun(space, circuit, params, x)
    first = space.shells(state)[None]
    state, found = _run(space, ops, state, [])
    return state, jnp.concatenate([first, *found])


def _begun(space: Space, circuit: Circuit, params: Any, x: Any) -> tuple[jax.Array, list[Any]]:
    """The start, and what is done to it."""
    steps = list(steps_of(circuit, params, x))
    batch = 1 if x is None or x.ndim == 1 else len(x)
    state = space.product(_start(space, steps))
    state = jnp.broadcast_to(state, (*state.shape[:-1], batch))
    return state, list(_ops(space, steps, _built(space, steps)))


def tangents(
    space: Space, circuit: Circuit, params: Any, x: Any, entries: Any = None
) -> tuple[jax.Array, jax.Array]:
    """The normalised state ``(..., size)`` and its derivatives by the parameters ``(d, ..., size)``.

    Forward derivatives as the transpose of reverse ones: the moves of ``Total`` have no others.
    """
    flat, unravel = ravel_pytree(params)

    def parts(flat: jax.Array) -> jax.Array:
        state = states(space, circuit, unravel(flat), x)
        state = state / jnp.sqrt(squared_norm(state))
        rows = state.reshape(-1, state.shape[-1]).T
        rows = rows[0] if x is None or x.ndim == 1 else rows
        return jnp.stack([rows.real, rows.imag])

    here, back = jax.vjp(parts, flat)
    _, forward = jax.vjp(lambda ct: back(ct)[0], jnp.zeros_like(here))
    directions = jnp.eye(flat.size, dtype=flat.dtype)
    directions = directions if entries is None else directions[entries]
    slopes = jax.lax.map(lambda direction: forward(direction)[0], directions)
    return jax.lax.complex(here[0], here[1]), jax.lax.complex(slopes[:, 0], slopes[:, 1])


def squared_norm(state: jax.Array) -> jax.Array:
    """The squared norm of each state, ``(batch,)``."""
    axes = tuple(range(state.ndim - 1))
    return jnp.sum(state.real**2 + state.imag**2, axes)


def _start(space: Space, steps: list[Any]) -> list[jax.Array]:
    """The vacuum after the displacements that come first, which need no matrix; those are taken off."""
    kind = jnp.result_type(complex)
    vacuum = jnp.zeros((space.levels, 1), kind).at[0].set(1)
    vectors = [vacuum] * space.modes
    fresh = set(range(space.modes))
    while steps and isinstance(steps[0], Step) and steps[0].kind == "displacement":
        [mode] = steps[0].modes
        if mode not in fresh:
            break
        fresh.remove(mode)
        step = steps.pop(0)
        a, b, phase = displaced(step)
        found = (
            elements.coherent(jax.lax.complex(a, b), space.levels) * jnp.exp(1j * phase)[..., None]
        )
        vectors[mode] = jnp.atleast_2d(found[0]).T
    return vectors


Builder = Callable[..., jax.Array]


def _built(space: Space, steps: Sequence[Any]) -> dict[int, jax.Array]:
    """The matrices of all steps that have one, by the step's identity; those of one kind at once."""
    levels = space.levels
    builders: dict[str, Builder] = {
        "displacement": lambda a, b: elements.displacement(jax.lax.complex(a, b), levels),
        "squeezing": lambda r: elements.squeezing(r, levels),
        "beamsplitter": lambda theta: elements.beamsplitter(theta, levels, space.totals),
        "cubic_phase": lambda gamma: elements.cubic_phase(gamma, levels),
    }
    found: dict[int, jax.Array] = {}
    for kind, build in builders.items():
        same = [step for step in flat(steps) if step.kind == kind]
        if not same:
            continue
        displaces = kind == "displacement"
        numbers = [displaced(s)[:2] if displaces else (s.number(0),) for s in same]
        joined = [
            jnp.concatenate([n.ravel() for n in column]) for column in zip(*numbers, strict=True)
        ]
        matrices, start = build(*joined), 0
        for step, row in zip(same, numbers, strict=True):
            shape = row[0].shape
            size = int(np.prod(shape))
            part = matrices[start : start + size]
            found[id(step)] = part.reshape(*shape, *part.shape[1:])
            start += size
    return found


def _ops(space: Space, steps: Sequence[Any], built: dict[int, jax.Array]) -> Iterator[Any]:
    n = jnp.arange(space.levels).astype(jnp.result_type(float))
    for step in steps:
        if isinstance(step, Turns):
            yield replace(step, body=tuple(_ops(space, step.body, built)))
            continue
        kind, modes = step.kind, step.modes
        first, batched = step.number(0), step.batched

        def op(what: str, array: jax.Array, on: tuple[int, ...] = modes, b: bool = batched) -> Op:
            return Op(what, on, array, b)

        def turned(angle: Any) -> jax.Array:
            return jnp.exp(1j * angle[..., None] * n)

        if kind == "rotation":
            yield op("phases", turned(first))
        elif kind == "kerr":
            yield op("phases", jnp.exp(1j * first[..., None] * n**2))
        elif kind == "cross_kerr":
            yield op("cross", jnp.exp(1j * first[..., None, None] * n * n[:, None]))
        elif kind == "displacement":
            phase = displaced(step)[2] if len(step.numbers) > 2 else jnp.zeros_like(first)
            yield op("single", built[id(step)] * jnp.exp(1j * phase)[..., None, None])
        elif kind == "squeezing":
            matrix = built[id(step)]
            if step.numbers[1] != 0.0:
                half = turned(step.number(1) / 2)
                matrix = half[..., :, None] * matrix * half.conj()[..., None, :]
            yield op("single", matrix)
        elif kind == "cubic_phase":
            yield op("single", built[id(step)])
        else:
            turns = step.numbers[1] != 0.0
            if turns:
                yield op("phases", turned(step.number(1)), modes[:1])
            yield op("pair", built[id(step)])
            if turns:
                yield op("phases", turned(-step.number(1)), modes[:1])


def _fused(ops: Sequence[Any]) -> list[Any]:
    """Neighbouring gates on one mode as one: phases into matrices, and matrices that are multiplied."""
    out: list[Any] = []
    waiting: dict[int, Op] = {}

    def flush(modes: Sequence[int]) -> None:
        for mode in modes:
            if mode in waiting:
                out.append(waiting.pop(mode))

    for op in ops:
        if isinstance(op, Turns):
            flush(sorted(waiting))
            out.append(replace(op, body=tuple(_fused(op.body))))
        elif op.kind in ("pair", "cross"):
            flush(op.modes)
            out.append(op)
        else:
            [mode] = op.modes
            before = waiting.pop(mode, None)
            joined = op if before is None else _product(before, op)
            if joined is None:
                assert before is not None
                out.append(before)
                joined = op
            waiting[mode] = joined
    flush(sorted(waiting))
    return out


def _product(first: Op, then: Op) -> Op | None:
    """Two gates of one mode as one; None where that costs more than it saves."""
    one, two = first.array, then.array
    batched = first.batched or then.batched
    if first.batched != then.batched:
        if (
            "single" in (first.kind, then.kind)
            and not (first if first.kind == "single" else then).batched
        ):
            return None
        if first.kind == then.kind == "single":
            return None
        one, two = (o.array if o.batched else o.array[:, None] for o in (first, then))
    if first.kind == then.kind == "phases":
        return replace(then, array=one * two, batched=batched)
    if then.kind == "phases":
        return replace(first, array=two[..., :, None] * one, batched=batched)
    if first.kind == "phases":
        return replace(then, array=two * one[..., None, :], batched=batched)
    return replace(then, array=two @ one, batched=batched)


def _run(space: Space, ops: Sequence[Any], state: jax.Array, norms: list | None) -> tuple[Any, Any]:
    """The state after operations whose arrays are of one run each, ``(1, ...)``."""
    for op in ops:
        if isinstance(op, Op):
            state = _applied(space, op, op.array[0], state)
            if norms is not None and op.kind in ("single", "pair"):
                norms.append(space.shells(state)[None])
            continue
        arrays = jax.tree.map(
            lambda a, times=op.times: a.reshape(times, -1, *a.shape[1:]),
            [each.array for each in _every(op.body)],
        )

        def turn(state: jax.Array, arrays: list[jax.Array], op: Turns = op) -> tuple[Any, Any]:
            body = _with(op.body, iter(arrays))
            state, found = _run(space, body, state, None if norms is None else [])
            none = jnp.zeros((0, space.levels, state.shape[-1]), state.real.dtype)
            return state, None if norms is None else jnp.concatenate([none, *found])

        state, found = jax.lax.scan(turn, state, arrays, reverse=op.backwards)
        if norms is not None:
            found = found[::-1] if op.backwards else found
            norms.append(found.reshape(-1, *found.shape[-2:]))
    return state, norms


def _applied(space: Space, op: Op, array: jax.Array, state: jax.Array) -> jax.Array:
    where: Any = op.modes[0] if len(op.modes) == 1 else op.modes
    return getattr(space, op.kind)(state, array, where)


def _every(ops: Sequence[Any]) -> Iterator[Op]:
    for op in ops:
        if isinstance(op, Op):
            yield op
        else:
            yield from _every(op.body)


def _with(ops: Sequence[Any], arrays: Iterator[jax.Array]) -> list[Any]:
    """The operations with other arrays."""
    return [
        replace(op, array=next(arrays))
        if isinstance(op, Op)
        else replace(op, body=tuple(_with(op.body, arrays)))
        for op in ops
    ]
