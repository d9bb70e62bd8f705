"""The state in slices: each of 2^k devices holds every amplitude of one value of the first k positions.

A matrix acts inside the slices. Where one of its wires is spread over the devices, k wires that are not
needed soon change places with the k spread ones, in one all-to-all. Phases need no exchange at all. The
derivative undoes the circuit, as in ``statevector``: no device ever holds more than a few slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from ..circuit import Circuit, leading
from ..layers.base import Wires
from ..observables import words
from ..readout import Measured, Probabilities
from ..reverse_mode import reverse_only
from .fuse import as_dense
from .matrices import constant_form
from .memory import check_memory
from .plan import stands_alone, units_of
from .read import read
from .shots import LETTERS
from .split import Affine, Dense, Fence, Phase, Preparation, split
from .statevector import Values

Table = tuple[str, Any, bool]  # what elements share whose numbers are stacked


class Exchange(NamedTuple):
    """The wires at these positions of a slice change places with those spread over the devices."""

    at: tuple[int, ...]


class Step(NamedTuple):
    """A matrix or a phase, the positions of its wires, and where its numbers are."""

    element: Dense | Phase
    at: tuple[int, ...]
    table: int = 0
    row: int = 0


class Slices(NamedTuple):
    """How a state is cut: ``k`` positions over the devices of ``axes``, the rest in each slice."""

    n: int
    k: int
    axes: tuple[str, ...]
    batch: int

    def exchange(self, psi: jax.Array, at: tuple[int, ...], back: bool = False) -> jax.Array:
        """Swap positions of the slice with the spread ones; ``back`` undoes it."""
        inside, front = self.n - self.k, tuple(range(1, 1 + self.k))
        places = tuple(1 + p - self.k for p in at)
        cube = (self.batch, *(2,) * inside)
        if not back:
            psi = jnp.moveaxis(psi.reshape(cube), places, front)
        psi = psi.reshape(self.batch, 2**self.k, -1)
        psi = jax.lax.all_to_all(psi, self.axes, 1, 1, tiled=True)
        if back:
            psi = jnp.moveaxis(psi.reshape(cube), front, places)
        return psi.reshape(self.batch, -1)

    def signs(self, at: Iterable[int]) -> jax.Array:
        """(-1)^(parity of the bits at these positions) of the amplitudes in this slice."""
        mask = sum(1 << (self.n - 1 - p) for p in at)
        inside = self.n - self.k
        device = jax.lax.axis_index(self.axes) & (mask >> inside)
        local = jnp.arange(2**inside, dtype=jnp.int32) & (mask & (2**inside - 1))
        parity = jax.lax.population_count(local) + jax.lax.population_count(device)
        return (1 - 2 * (parity & 1)).astype(jnp.result_type(float))

    def multiply(self, psi: jax.Array, matrix: jax.Array, at: tuple[int, ...]) -> jax.Array:
        """A matrix ``(s, s)`` or ``(batch, s, s)`` on positions inside the slice."""
        places = tuple(1 + p - self.k for p in at)
        front = tuple(range(1, 1 + len(at)))
        moved = jnp.moveaxis(psi.reshape(self.batch, *(2,) * (self.n - self.k)), places, front)
        out = matrix.astype(psi.dtype) @ moved.reshape(self.batch, 2 ** len(at), -1)
        return jnp.moveaxis(out.reshape(moved.shape), front, places).reshape(psi.shape)

    def apply(
        self, step: Step | Exchange, psi: jax.Array, own: Any, back: bool = False
    ) -> jax.Array:
        """A step, or with ``back`` its inverse; ``own`` are its numbers."""
        if isinstance(step, Exchange):
            return self.exchange(psi, step.at, back)
        if isinstance(step.element, Phase):
            phi = jnp.reshape(own, (-1, 1)) * step.element.coefficient * (-1 if back else 1)
            return psi * jax.lax.complex(
                *jnp.broadcast_arrays(jnp.cos(phi), jnp.sin(phi) * self.signs(step.at))
            )
        return self.multiply(psi, jnp.swapaxes(own, -1, -2).conj() if back else own, step.at)


def evaluate_sliced(circuit: Circuit, params: Any, x: Any, mesh: Any) -> jax.Array:
    """The readout values of a circuit whose state is spread over the devices of a mesh."""
    lead = leading(x)
    cut = Slices(
        circuit.n_wires, mesh.size.bit_length() - 1, tuple(mesh.axis_names), math.prod(lead)
    )
    check_slices(cut, mesh.size)
    check_memory(cut.n - cut.k, cut.batch, jnp.result_type(float))
    reading = read(circuit.layers, circuit.wires, params, x)
    flags = tuple(piece.batched for piece in reading.pieces)
    steps, order = schedule(_elements(split(reading, flags)), list(circuit.wires), cut.k)
    tables = _tables(steps)
    steps = [s if isinstance(s, Exchange) else _located(s, tables) for s in steps]
    stacks = _stacks(tables, Values.of(reading, flags, reading.numbers, cut.batch))
    finish = _finish(circuit.measured, order, cut)
    return _run(cut, steps, finish, mesh)(reverse_only(stacks)).reshape(*lead, -1)


def check_slices(cut: Slices, devices: int) -> None:
    """Refuse devices that are no power of two, and registers too small to be cut."""
    if devices != 2**cut.k:
        raise ValueError(
            f"A state is cut into 2^k slices, got a mesh of {devices} devices. "
            f"Use {2**cut.k} of them: jax.make_mesh(({2**cut.k},), ('state',))."
        )
    if cut.n < 2 * cut.k + 4:
        raise ValueError(
            f"{cut.n} wires are too few for {devices} slices: expected at least {2 * cut.k + 4}. "
            "Leave mesh out, or shard the batch of x over the devices."
        )


def _elements(found: list[Any]) -> list[Dense | Phase]:
    """Phases and matrices, neighbours on one or two wires fused."""
    if any(isinstance(element, Preparation) for element in found):
        raise ValueError(
            "A state in slices starts in |0...0>, got a state preparation. "
            "Leave mesh out, or encode the data with gates (AngleEncoding, IQPEncoding)."
        )
    out: list[Dense | Phase] = []
    for unit in units_of(found):
        alone = any(map(stands_alone, unit.elements)) or len(unit.wires) > 2
        if (
            len(unit.elements) > 1
            and not alone
            and not all(isinstance(e, Phase) for e in unit.elements)
        ):
            out.append(as_dense(unit.elements, unit.wires))
            continue
        for element in unit.elements:
            if not isinstance(element, Fence):
                out.append(
                    as_dense([element], element.wires) if isinstance(element, Affine) else element
                )
    return out


def schedule(
    elements: list[Dense | Phase], order: list[int], k: int
) -> tuple[list[Step | Exchange], list[int]]:
    """Steps with the exchanges that they need, and the wires by position at the end."""
    steps: list[Step | Exchange] = []
    for i, element in enumerate(elements):
        if isinstance(element, Dense) and set(element.wires) & set(order[:k]):
            wait = {
                w: j
                for j, e in reversed(list(enumerate(elements[i:])))
                if isinstance(e, Dense)
                for w in e.wires
            }
            order, exchange = _exchanged(order, k, element.wires, wait)
            steps.append(exchange)
        at = tuple(order.index(w) for w in element.wires)
        steps.append(Step(element, at))
    return steps, order


def _exchanged(
    order: list[int], k: int, needed: Iterable[int], wait: dict[int, int]
) -> tuple[list[int], Exchange]:
    """The k wires of the slice that are needed last go to the devices."""
    idle = sorted((w for w in order[k:] if w not in needed), key=lambda w: -wait.get(w, 10**9))[:k]
    rest = [w for w in order[k:] if w not in idle]
    return [*idle, *order[:k], *rest], Exchange(tuple(order.index(w) for w in idle))


def _table(element: Dense | Phase) -> Table:
    if isinstance(element, Phase):
        return "phase", None, element.angle is not None and element.angle.batched
    return ("matrix" if element.array is None else "array"), element.form, element.batched


def _tables(steps: list[Step | Exchange]) -> dict[Table, list[Any]]:
    """The different elements of every table."""
    rows: dict[Table, dict[Any, None]] = {}
    for step in steps:
        if isinstance(step, Step):
            rows.setdefault(_table(step.element), {})[step.element] = None
    return {table: list(found) for table, found in rows.items()}


def _located(step: Step, tables: dict[Table, list[Any]]) -> Step:
    table = _table(step.element)
    return step._replace(table=list(tables).index(table), row=tables[table].index(step.element))


def _stacks(tables: dict[Table, list[Any]], values: Values) -> list[jax.Array]:
    """The numbers of every table, a row for each element."""
    stacks = []
    for (kind, form, batched), elements in tables.items():
        if kind == "phase":
            one = jnp.ones((), values.shared.dtype)
            varying = [e for e in elements if e.angle is not None]
            rows = [(e.angle,) for e in varying]
            angles = values.angles(rows, batched)[..., 0] if rows else one[None]
            stack = jnp.stack(
                [one if e.angle is None else angles[varying.index(e)] for e in elements]
            )
        elif kind == "array":
            stack = jnp.stack([values.arrays[e.array] for e in elements])
        elif form.matrix is not None:
            stack = jnp.stack([form.build(values.shared)] * len(elements))
        else:
            stack = form.build(values.angles([e.angles for e in elements], batched))
        stacks.append(stack)
    return stacks


def _run(cut: Slices, steps: list[Any], finish: Callable[[jax.Array], jax.Array], mesh: Any) -> Any:
    """The circuit as a function of its stacked numbers, with its derivative."""

    def own(stacks: Any, step: Any) -> Any:
        return None if isinstance(step, Exchange) else stacks[step.table][step.row]

    def forward(stacks: Any) -> tuple[jax.Array, jax.Array]:
        dtype = jnp.result_type(complex)
        first = (jax.lax.axis_index(cut.axes) == 0).astype(dtype)
        psi = jnp.zeros((cut.batch, 2 ** (cut.n - cut.k)), dtype).at[:, 0].set(first)
        for step in steps:
            psi = cut.apply(step, psi, own(stacks, step))
        return jax.lax.psum(finish(psi), cut.axes), psi

    def backward(stacks: Any, psi: jax.Array, ct: jax.Array) -> Any:
        (ct_psi,) = jax.vjp(finish, psi)[1](ct)
        grads = [jnp.zeros_like(stack) for stack in stacks]
        for step in reversed(steps):
            mine = own(stacks, step)
            psi = cut.apply(step, psi, mine, back=True)
            if isinstance(step, Step):
                (grad,) = jax.vjp(lambda m, s=step, p=psi: cut.apply(s, p, m), mine)[1](ct_psi)
                grads[step.table] = grads[step.table].at[step.row].add(grad)
            ct_psi = cut.apply(step, ct_psi.conj(), mine, back=True).conj()
        return jax.lax.psum(grads, cut.axes)

    whole, cut_state = PartitionSpec(), PartitionSpec(None, cut.axes)
    on = partial(jax.shard_map, mesh=mesh, check_vma=False)
    spread: Any = on(forward, in_specs=(whole,), out_specs=(whole, cut_state))
    gathered: Any = on(backward, in_specs=(whole, cut_state, whole), out_specs=whole)
    run = jax.custom_vjp(lambda stacks: spread(stacks)[0])

    def run_forward(stacks: Any) -> Any:
        out, psi = spread(stacks)
        return out, (stacks, psi)

    run.defvjp(run_forward, lambda kept, ct: (gathered(*kept, ct),))
    return run


def _finish(measured: Measured, order: list[int], cut: Slices) -> Callable[[jax.Array], jax.Array]:
    """This slice's share of the readout values ``(batch, k)``."""
    if isinstance(measured, Probabilities):
        return _probabilities(measured.wires, order, cut)
    sums = [words(observable) for observable in measured.observables]

    def value(psi: jax.Array, word: Any) -> jax.Array:
        turns = [Dense((w,), constant_form(LETTERS[p]), ()) for w, p in word.items() if p != "Z"]
        steps, after = schedule(list(turns), order, cut.k)
        for step in steps:
            turn = (
                None
                if isinstance(step, Exchange)
                else jnp.asarray(LETTERS[word[step.element.wires[0]]])
            )
            psi = cut.apply(step, psi, turn)
        return (jnp.abs(psi) ** 2) @ cut.signs(after.index(w) for w in word)

    return lambda psi: jnp.stack(
        [sum(c * value(psi, word) for word, c in found.items()) for found in sums], -1
    )


def _probabilities(wires: Wires, order: list[int], cut: Slices) -> Callable[[jax.Array], jax.Array]:
    if len(wires) > cut.n - 2 * cut.k:
        raise ValueError(
            f"Probs on {len(wires)} wires needs them in one slice, which has room for {cut.n - 2 * cut.k}. "
            "Name fewer wires: Probs((0, 1, 2))."
        )
    exchange = None
    if set(wires) & set(order[: cut.k]):
        order, exchange = _exchanged(order, cut.k, wires, {})
    places = tuple(1 + order.index(w) - cut.k for w in wires)

    def finish(psi: jax.Array) -> jax.Array:
        psi = psi if exchange is None else cut.exchange(psi, exchange.at)
        p = (jnp.abs(psi) ** 2).reshape(cut.batch, *(2,) * (cut.n - cut.k))
        p = jnp.moveaxis(p, places, range(1, 1 + len(wires)))
        return p.reshape(cut.batch, 2 ** len(wires), -1).sum(-1)

    return finish
