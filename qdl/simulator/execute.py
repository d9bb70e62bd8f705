"""One circuit as a function of its numbers, with its derivative and its batching rule.

The derivative undoes the circuit from its final state (see ``statevector``). Under ``jax.vmap`` the circuit
is planned anew with the mapped numbers as a batch, so that a sweep over parameters runs as fast as one
over data. A second derivative falls back to JAX's own differentiation of the plain program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from ..reading import light_cone
from ..reverse_mode import reverse_only
from . import kernels, start, statevector
from .devices import split_map
from .plan import ALL, Passes, plan
from .program import Program, assemble, cuts
from .read import Reading
from .split import Fence, Preparation, split
from .statevector import Layout, Values

Flags = tuple[bool, ...]
States = tuple[jax.Array, list[list[jax.Array]]]  # the final one, and those kept for the derivative
Finish = Callable[[jax.Array, "Ready"], jax.Array]  # (final state, where things are) -> (batch, k)


@dataclass(frozen=True)
class Head:
    """What becomes of the final state."""

    wires: tuple[int, ...]  # those it looks at
    diagonal: bool  # it needs probabilities only: the last bit map and phases need not be done
    finish: Finish


@dataclass(frozen=True)
class Execution:
    """Gates read from layers, what becomes of their state, and which passes are on."""

    reading: Reading
    wires: tuple[int, ...]
    head: Head
    passes: Passes = ALL
    lift: Any = None  # (elements, wires) -> those of a density matrix, which cannot be undone

    def ready(self, flags: Flags, batch: int) -> Ready:
        """The plan for these flags (which pieces of numbers are batched)."""
        elements: list[Any] = split(self.reading, flags)
        start = _preparations(elements)
        elements = [e for e in elements if not isinstance(e, Preparation)]
        used = self.wires
        if self.passes.light_cone and set(self.head.wires) != set(self.wires):
            seeds = set(self.head.wires).union(*(part.wires for part in start))
            seen, reached = light_cone(elements, seeds)
            kept = {*seen, *(i for i, e in enumerate(elements) if isinstance(e, Fence))}
            elements = [elements[i] for i in sorted(kept)]
            used = tuple(sorted(reached))
        if self.lift is not None:
            elements, used = self.lift(elements, used)
        planned = plan(elements, used, self.passes, bool(start))
        tail = None
        if (
            self.passes.absorb
            and self.head.diagonal
            and planned.stages
            and not planned.stages[-1].blocks
        ):
            tail = planned.stages.pop()
        layout = Layout.of(len(used), batch)
        ends = cuts(layout.n, layout.last)
        program = assemble(planned, list(used), self.passes.loop, ends)
        return Ready(self, flags, planned, start, program, layout, tail)


@dataclass(frozen=True)
class Ready:
    """A planned circuit: numbers in, values out."""

    execution: Execution
    flags: Flags
    planned: Any
    start: tuple[Preparation, ...]  # of disjoint wires; () for |0...0>
    program: Program
    layout: Layout
    tail: Any  # the last stage, if it only moves and turns amplitudes and need not be done

    def begin(self, *numbers: jax.Array, matmul: Any = jnp.matmul) -> tuple[jax.Array, list[Any]]:
        """The first state and the numbers of the stages."""
        values = Values.of(self.execution.reading, self.flags, numbers, self.layout.batch)
        order = self.program.order
        if self.start:
            state = start.prepared_state(self.start, order, values, self.layout)
        else:
            state = start.product_state(self.planned, order, values, self.layout, matmul)
        return state, statevector.numbers_of(self.program, values)

    def run(self, *numbers: jax.Array) -> tuple[jax.Array, States]:
        """The readout values, the final state and those that are kept for the derivative."""
        state, stages = self.begin(*numbers)
        final, kept = statevector.forward(self.program, state, stages, self.layout)
        return self.execution.head.finish(final, self), (final, kept)

    def pull(self, states: States, ct: jax.Array, *numbers: jax.Array) -> Any:
        """The cotangents of the numbers, from what ``run`` returned and the values' cotangent."""
        final, kept = states
        begin = partial(self.begin, matmul=start.pulled_matmul)
        (_, stages), pull_begin = jax.vjp(begin, *numbers)
        _, pull_finish = jax.vjp(lambda state: self.execution.head.finish(state, self), final)
        (ct_state,) = pull_finish(ct)
        carried = statevector.backward(self.program, final, kept, stages, ct_state, self.layout)
        return pull_begin(carried)

    @property
    def tail_index(self) -> Any:
        """The bit map left undone: final basis state -> index into the state; None for none."""
        if self.tail is None:
            return None
        final = self.program.final
        bit = {w: 1 << (len(final) - 1 - p) for p, w in enumerate(final)}
        rows = tuple(sum(b for w, b in bit.items() if self.tail.rows[v] >> w & 1) for v in final)
        return kernels.source_index(rows, tuple(self.tail.flips[v] for v in final))


def _preparations(elements: Sequence[Any]) -> tuple[Preparation, ...]:
    """The states that wires are prepared in, before anything else happens to these wires."""
    touched: set[int] = set()
    found = []
    for element in elements:
        if isinstance(element, Preparation):
            before = touched & set(element.wires)
            if before:
                raise ValueError(
                    f"A state is prepared on wires {list(element.wires)} after gates on {sorted(before)}. "
                    "Expected wires that are still in 0: put AmplitudeEncoding first, or one on each of "
                    "several groups of wires."
                )
            found.append(element)
        touched |= set(getattr(element, "wires", ()))
    return tuple(found)


def execute(execution: Execution, batch: int) -> jax.Array:
    """The readout values ``(batch, k)`` of a circuit, differentiable in its numbers."""
    flags = tuple(piece.batched for piece in execution.reading.pieces)
    if batch > 1 and not any(flags):  # equal samples; plans that are mapped take them for one
        return jnp.broadcast_to(one := execute(execution, 1), (batch, *one.shape[1:]))
    ready = execution.ready(flags, batch)
    if execution.lift is not None:
        return ready.run(*execution.reading.numbers)[0]
    run, pull = _run(ready), _pull(ready)

    @jax.custom_vjp
    def values(*numbers: jax.Array) -> jax.Array:
        return run(*numbers)[0]

    def values_forward(*numbers: jax.Array) -> Any:
        out, states = run(*numbers)
        return out, (numbers, states)

    values.defvjp(values_forward, lambda residuals, ct: pull(residuals[1], ct, *residuals[0]))
    return values(*reverse_only(execution.reading.numbers))


def _run(ready: Ready) -> Any:
    """``ready.run`` that plans anew when it is mapped."""
    run = custom_vmap(ready.run)

    @run.def_vmap
    @split_map
    def rule(size: int, mapped: list[bool], *numbers: jax.Array) -> Any:
        if any(ready.flags):
            found = jax.vmap(ready.run, _axes(mapped))(*numbers)
            return found, jax.tree.map(lambda _: True, found)
        again = ready.execution.ready(tuple(mapped), size)
        out, (final, _) = again.run(*_pieces_in(ready, mapped, numbers))
        final = _state_out(final, again.layout)
        # The new plan undoes its stages; these are of the old plan's shapes and never read.
        kept = jax.tree.map(
            lambda _: jnp.zeros_like(final), statevector.kept_places(ready.program, ready.layout)
        )
        found = out[:, None], (final, kept)
        return found, jax.tree.map(lambda _: True, found)

    @jax.custom_vjp
    def differentiable(*numbers: jax.Array) -> Any:
        return run(*numbers)

    differentiable.defvjp(
        lambda *numbers: (run(*numbers), numbers),
        lambda numbers, ct: jax.vjp(ready.run, *numbers)[1](ct),
    )
    return lambda *numbers: differentiable(*reverse_only(numbers))


def _pull(ready: Ready) -> Any:
    """``ready.pull`` that plans anew when it is mapped, and that can be differentiated."""
    pull = custom_vmap(ready.pull)

    @pull.def_vmap
    @split_map
    def rule(size: int, mapped: list[Any], states: Any, ct: Any, *numbers: jax.Array) -> Any:
        every = (True,) * len(numbers)
        if any(ready.flags):
            return jax.vmap(ready.pull, _axes(mapped))(states, ct, *numbers), every
        # Every sample has its own cotangent, hence its own gradient: all numbers become batched.
        given = [states[0], ct, *numbers]
        has = [mapped[0][0], *mapped[1:]]
        used = [piece.size > 0 for piece in ready.execution.reading.pieces]
        known = all(m for m, u in zip(has[2:], used, strict=True) if u) and has[0]
        spread = [
            a if m else jnp.broadcast_to(a, (size, *jnp.shape(a)))
            for a, m in zip(given, has, strict=True)
        ]
        again = ready.execution.ready(every, size)
        pieces = _pieces_in(ready, every, spread[2:])
        final = _state_in(spread[0], again.layout) if known else again.run(*pieces)[1][0]
        out = again.pull((final, []), spread[1][:, 0], *pieces)
        return tuple(_pieces_in(ready, every, out)), every

    @jax.custom_vjp
    def differentiable(states: States, ct: jax.Array, *numbers: jax.Array) -> Any:
        return tuple(pull(states, ct, *numbers))

    def again(residuals: Any, ct: Any) -> Any:
        states, first, numbers = residuals

        def plain(c: Any, *n: Any) -> Any:
            return jax.vjp(lambda *m: ready.run(*m)[0], *n)[1](c)

        nothing = jax.tree.map(jnp.zeros_like, states)
        return (nothing, *jax.vjp(plain, first, *numbers)[1](ct))

    differentiable.defvjp(lambda s, c, *n: (differentiable(s, c, *n), (s, c, n)), again)
    return lambda *given: differentiable(*reverse_only(given))


def _axes(mapped: Any) -> tuple[Any, ...]:
    return tuple(jax.tree.map(lambda m: 0 if m else None, mapped))


def _pieces_in(ready: Ready, mapped: Any, numbers: Any) -> list[jax.Array]:
    """Angles carry their batch last, matrices first: turn one into the other."""
    pieces = ready.execution.reading.pieces
    return [
        jnp.swapaxes(a, 0, 1) if m and not piece.arrays else a
        for a, m, piece in zip(numbers, mapped, pieces, strict=True)
    ]


def _state_out(state: jax.Array, layout: Layout) -> jax.Array:
    """A state with its samples in front, as JAX maps want it: ``(batch, 2, 1, 2**n)``."""
    return jnp.moveaxis(state, 2 if layout.last else 1, 0)[:, :, None, :]


def _state_in(state: jax.Array, layout: Layout) -> jax.Array:
    """The reverse of ``_state_out``."""
    return jnp.moveaxis(state[:, :, 0, :], 0, 2 if layout.last else 1)
