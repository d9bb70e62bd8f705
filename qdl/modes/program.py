"""A circuit on modes as steps: gates whose numbers point into tables, and loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import reading
from ..circuit import Circuit
from ..reading import Computed, Constant, Entry, Feature, Leaf, Loop
from ..reading.values import computed_angles
from .gates import KINDS, expand


class Ref(NamedTuple):
    """A number of a gate: a column of a table ``(runs, n)``, or ``(runs, batch, n)``."""

    table: jax.Array
    column: int


@dataclass(frozen=True)
class Step:
    """A gate, for all turns of the loops around it.

    Attributes:
        kind: displacement, squeezing, rotation, beamsplitter, kerr, cross_kerr or cubic_phase.
        modes: one or two.
        numbers: those of PennyLane's operator; displacements in a row are one, with the numbers of all.
        runs: how often it is run in all.
    """

    kind: str
    modes: tuple[int, ...]
    numbers: tuple[float | Ref, ...]
    runs: int

    @property
    def batched(self) -> bool:
        """Whether it differs from sample to sample."""
        return any(isinstance(n, Ref) and n.table.ndim == 3 for n in self.numbers)

    def number(self, i: int) -> jax.Array:
        """A number for all runs, ``(runs,)``, or ``(runs, batch)`` where samples have gates of their own."""
        return numbers([self], i)[..., 0]


@dataclass(frozen=True)
class Turns:
    """Steps that run ``times`` times, the last turn first where ``backwards``."""

    times: int
    backwards: bool
    body: tuple[Any, ...]  # Step | Turns, or what a simulator makes of them


def numbers(steps: Sequence[Step], i: int) -> jax.Array:
    """The i-th number of some steps in the same loops: ``(runs, steps)``, or ``(runs, batch, steps)``."""
    found = [step.numbers[i] for step in steps]
    lead = next(
        (n.table.shape[:-1] for s in steps for n in s.numbers if _many(n)), (steps[0].runs,)
    )
    tables = {id(n.table): n.table for n in found if isinstance(n, Ref)}
    if len(tables) == 1 and all(isinstance(n, Ref) for n in found):
        [table] = tables.values()
        picked = table[..., np.array([n.column for n in found])]
        if picked.ndim < len(lead) + 1:
            picked = picked[:, None]
        return jnp.broadcast_to(picked, (*lead, len(steps)))
    columns = []
    for n in found:
        column = (
            n.table[..., n.column] if isinstance(n, Ref) else jnp.asarray(n, jnp.result_type(float))
        )
        if column.ndim == 1 and len(lead) == 2:
            column = column[:, None]
        columns.append(jnp.broadcast_to(column, lead))
    return jnp.stack(columns, -1)


def _many(n: Any) -> bool:
    return isinstance(n, Ref) and n.table.ndim == 3


def steps_of(circuit: Circuit, params: Any, x: Any) -> tuple[Any, ...]:
    """The steps of a circuit in time order; x is None, ``(n_features,)`` or ``(batch, n_features)``."""
    nodes = reading.unfold(circuit.layers, circuit.wires)
    kind = jnp.result_type(
        float
    )  # of states: float64 numbers outside of that setting are rounded once
    params, x = jax.tree.map(lambda leaf: jnp.asarray(leaf, kind), (params, x))
    return tuple(_steps(nodes, params, x))


def _steps(nodes: Sequence[Any], params: Any, x: Any) -> Iterator[Any]:
    for node in nodes:
        if isinstance(node, Loop):
            yield Turns(node.times, node.backwards, tuple(_steps(node.body, params, x)))
        else:
            yield from _merged(_of_leaf(node, params, x))


def _of_leaf(leaf: Leaf, params: Any, x: Any) -> Iterator[Step]:
    """The gates of a leaf, their numbers in two tables for all of its runs."""
    gates = _read(leaf, shape_of(x))
    own = jax.tree.leaves(leaf.params(params))
    entries = jnp.concatenate(
        [p.reshape(leaf.runs, -1) for p in own] or [jnp.zeros((leaf.runs, 0))], 1
    )
    computed = computed_angles(leaf, gates, params, x, expand)
    sources = [s for gate in gates for s in gate.sources]
    places: dict[Any, tuple[bool, int]] = {}
    pieces: dict[bool, list[Any]] = {False: [], True: []}
    for kind in (Entry, Feature):
        table: Any = entries if kind is Entry else x
        wanted = list(dict.fromkeys(s for s in sources if isinstance(s, kind)))
        if not wanted:
            continue
        index = np.array([s.index for s in wanted])
        factor = jnp.asarray([s.factor for s in wanted], table.dtype)
        picked = table[..., index] * factor
        batched = kind is Feature and table.ndim == 2
        if kind is Feature:
            picked = jnp.broadcast_to(picked[None], (leaf.runs, *picked.shape))
        start = sum(p.shape[-1] for p in pieces[batched])
        places.update({s: (batched, start + i) for i, s in enumerate(wanted)})
        pieces[batched].append(picked)
    for batched, columns in computed.items():
        start = sum(p.shape[-1] for p in pieces[batched])
        if columns:
            pieces[batched].append(jnp.stack(columns, -1))
        places.update({Computed(i, batched): (batched, start + i) for i in range(len(columns))})
    tables = {b: jnp.concatenate(found, -1) for b, found in pieces.items() if found}

    def number(source: Any) -> float | Ref:
        if isinstance(source, Constant):
            return source.value
        batched, column = places[source]
        return Ref(tables[batched], column)

    for gate in gates:
        modes = tuple(int(w) for w in gate.operator.wires)
        yield Step(KINDS[gate.operator.name], modes, tuple(map(number, gate.sources)), leaf.runs)


def shape_of(x: Any) -> tuple[int, ...] | None:
    """A shape of features that stands for all of the same kind: none, a sample, or a batch."""
    return None if x is None else (x.shape[-1],) if x.ndim == 1 else (3, x.shape[-1])


@lru_cache(maxsize=256)
def _gates(layer: Any, wires: Any, shape: Any) -> tuple[reading.Gate, ...]:
    return reading.read_gates(layer, wires, shape, expand)


def _read(leaf: Leaf, shape: Any) -> tuple[reading.Gate, ...]:
    return _gates(leaf.layer, leaf.wires, shape)


def _merged(steps: Iterable[Step]) -> Iterator[Step]:
    """Displacements of a mode in a row as one."""
    waiting: dict[int, Step] = {}
    for step in steps:
        for mode in step.modes:
            before = waiting.pop(mode, None)
            if before is None:
                continue
            if step.kind == "displacement":
                step = Step(step.kind, step.modes, before.numbers + step.numbers, step.runs)
            else:
                yield before
        if step.kind == "displacement":
            waiting[step.modes[0]] = step
        else:
            yield step
    yield from waiting.values()


def displaced(step: Step) -> tuple[jax.Array, jax.Array, jax.Array]:
    r"""Real and imaginary part and phase of a displacement made of several.

    $D(\beta) D(\alpha) = e^{i\,\mathrm{Im}(\beta \alpha^*)} D(\alpha + \beta)$.
    """
    re = im = phase = jnp.zeros_like(step.number(0))
    for i in range(0, len(step.numbers), 2):
        a, phi = step.number(i), step.numbers[i + 1]
        if isinstance(phi, float):
            more, other = (a * c for c in _axis(phi))
        else:
            angle = step.number(i + 1)
            more, other = a * jnp.cos(angle), a * jnp.sin(angle)
        phase = phase + (other * re - more * im)
        re, im = re + more, im + other
    return re, im, phase


def _axis(phi: float) -> tuple[float, float]:
    """Cosine and sine, exact along the axes."""
    quarter = phi / (np.pi / 2)
    if quarter in (0.0, 1.0, 2.0, 3.0, -1.0):
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]
    return float(np.cos(phi)), float(np.sin(phi))


def flat(steps: Sequence[Any]) -> Iterator[Step]:
    """Every step once."""
    for step in steps:
        if isinstance(step, Turns):
            yield from flat(step.body)
        else:
            yield step


@lru_cache(maxsize=64)
def kinds_of(circuit: Circuit, shape: Any) -> frozenset[str]:
    """PennyLane's names of the gates of a circuit, for features of ``shape_of``.

    Raises:
        Refused: a gate that is none of modes.
    """
    return frozenset(gate.operator.name for _, gate in _gates_of(circuit, shape))


@lru_cache(maxsize=64)
def counted(circuit: Circuit, shape: Any, batch: int) -> dict[str, int]:
    """How many gates of each kind there are, one that differs from sample to sample as many as samples.

    Displacements of the vacuum are left out: they need no matrix.
    """
    found: dict[str, int] = {}
    # Modes displaced by a leaf of their own before all else, and that leaf; None after another gate.
    moved: dict[int, Leaf] | None = {}
    for leaf, gate in _gates_of(circuit, shape):
        own = any(isinstance(s, Feature) or getattr(s, "batched", False) for s in gate.sources)
        kind, mode = KINDS[gate.operator.name], int(gate.operator.wires[0])
        if kind != "displacement" or leaf.runs > 1:
            moved = None
        if moved is not None and moved.setdefault(mode, leaf) is leaf:
            continue
        found[kind] = found.get(kind, 0) + leaf.runs * (batch if own else 1)
    return found


def _gates_of(circuit: Circuit, shape: Any) -> Iterator[tuple[Leaf, reading.Gate]]:
    for leaf in reading.leaves(reading.unfold(circuit.layers, circuit.wires)):
        for gate in _read(leaf, shape):
            yield leaf, gate
