r"""A circuit as a network of real matrices on Pauli words: a product state, two-wire blocks, observables.

A gate on w wires is $R_{PQ} = \mathrm{Tr}(P\,U Q U^\dagger)/2^w$ on vectors of expectation values
$r_P = \langle P \rangle$; carried back, an observable is multiplied by its transpose. A gate on one wire
becomes part of the block next to it, and gates on one pair of wires are one block, so that a convolution
with its pooling is one matrix. One-wire gates that open the circuit make the product state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import jax.numpy as jnp
import pennylane as qp

from ..circuit import Circuit
from ..layers.mps import MatrixProductState
from ..refused import Refused
from ..simulator.density import lifted
from ..simulator.fuse import as_dense
from ..simulator.plan import is_batched
from ..simulator.read import PLAIN, Reading, parts_of, read, reduced
from ..simulator.split import Affine, Dense, Fence, Phase, Preparation, split
from ..simulator.statevector import Values

CNOT = ((1, 0), (1, 1))  # old bits as parities of new ones


@dataclass(frozen=True)
class Step:
    """Part of a block: ``dense`` is a unitary, or a channel's matrix on wires and their copies.

    Attributes:
        on: positions of its wires in the block.
        dense: the matrix.
        channel: whether it acts on vectorised density matrices.
    """

    on: tuple[int, ...]
    dense: Dense
    channel: bool

    @property
    def form(self) -> tuple[Any, ...]:
        """What its matrix follows from, angles left out."""
        return self.on, self.dense.form, self.dense.batched, self.channel


@dataclass(frozen=True)
class Block:
    """Everything that happens on one wire or one pair of wires before another pair is met."""

    wires: tuple[int, ...]
    steps: tuple[Step, ...]

    @cached_property
    def form(self) -> tuple[Any, ...]:
        """Blocks of one form are built by one call."""
        return len(self.wires), tuple(step.form for step in self.steps)

    @property
    def batched(self) -> bool:
        """Whether it has a matrix for each sample."""
        return any(step.dense.batched for step in self.steps)


@dataclass(frozen=True)
class PauliNetwork:
    """A product state, blocks in time order, and the numbers that their angles point into.

    Attributes:
        wires: the wires of the light cone, sorted.
        prepared: wires that start in given amplitudes ``(2,)`` or ``(batch, 2)``; the others in 0.
        chains: wires that start in a matrix product state, and its tensors ``([batch,] n, bond, 2, bond)``.
        opening: the gates on each wire before it meets another; no entry for a wire without gates.
        blocks: on pairs of wires, in time order.
        values: the numbers, perhaps traced.
        constants: how many of the shared ones, the last, no argument enters.
        batch: samples.
    """

    wires: tuple[int, ...]
    prepared: dict[int, Any]
    opening: tuple[Block, ...]
    blocks: tuple[Block, ...]
    values: Values
    constants: int
    batch: int
    chains: tuple[tuple[tuple[int, ...], Any], ...] = ()
    sources: Any = (
        {},
        (),
    )  # of ``prepared`` and ``chains``: pieces of the reading, or given states
    noisy: bool = (
        False  # its pieces are more than those of the reading, so that ``of`` is not for others
    )

    @property
    def chained(self) -> frozenset[int]:
        """The wires that start in a matrix product state."""
        return frozenset(w for wires, _ in self.chains for w in wires)

    def with_values(self, values: Values) -> PauliNetwork:
        """The same network with other numbers."""
        return replace(self, values=values)

    def of(self, reading: Reading, batch: int) -> PauliNetwork:
        """The same network for another reading of the same circuit: other parameters, other features."""
        flags = tuple(piece.batched for piece in reading.pieces)
        values = Values.of(reading, flags, reading.numbers, batch)
        prepared, chains = self.sources
        return replace(
            self,
            prepared={
                w: values.arrays[s] if isinstance(s, int) else s for w, s in prepared.items()
            },
            chains=tuple((wires, values.arrays[piece]) for wires, piece in chains),
            values=values,
            batch=batch,
        )

    @property
    def reuploads(self) -> bool:
        """Whether features enter blocks, and not the product state alone."""
        return any(block.batched for block in self.blocks)


def read_network(circuit: Circuit, params: Any, x: Any) -> Reading:
    """The gates of a circuit on at most two wires, Pauli rotations on more left whole.

    Raises:
        Refused: a wide gate that has no decomposition.
    """
    x = None if x is None else jnp.atleast_2d(x)  # one sample has the structure of many
    return read(circuit.layers, circuit.wires, params, x, channels=True, expand=_expand)


def _expand(operator: Any) -> list[Any]:
    if type(operator) in PLAIN:
        return [operator]
    if isinstance(operator, MatrixProductState):
        return [operator]
    if isinstance(operator, qp.BasisState):
        return [part for each in operator.decomposition() for part in _expand(each)]
    found = parts_of(operator, widest=2)
    for part in found:
        prepares = isinstance(part, qp.operation.StatePrepBase)
        if len(part.wires) > 2 and part.name != "MultiRZ" and not prepares:
            raise Refused(
                f"{part.name} on wires {part.wires.tolist()} has no decomposition into gates on two "
                "wires, and "
                "is no rotation about a Pauli word. Use a place with a state vector, qdl.backends.cone() or "
                "statevector(), or yield smaller gates."
            )
    return found


def network(
    reading: Reading, wires: Sequence[int], measured: Iterable[int], batch: int
) -> PauliNetwork:
    """The network of what can change some measured wires.

    Args:
        reading: as ``read_network`` gives it.
        wires: all wires of the circuit.
        measured: the wires that are looked at.
        batch: samples.

    Raises:
        Refused: a state that is prepared on several wires.
    """
    n = max(wires) + 1
    reading, reached = reduced(reading, measured)
    noisy = any(isinstance(gate.operator, qp.operation.Channel) for gate in reading.gates)
    if noisy:
        reading = _lifted(reading, n)
    flags = tuple(piece.batched for piece in reading.pieces)
    builder = _Builder(n, flags)
    chains = [g for g in reading.gates if isinstance(g.operator, MatrixProductState)]
    reading = replace(
        reading, gates=[g for g in reading.gates if not isinstance(g.operator, MatrixProductState)]
    )
    for element in split(reading, flags):
        for part in _narrow(element):
            builder.append(part)
    builder.finish()
    opening = tuple(
        _block((wire,), elements, n) for wire, elements in sorted(builder.opening.items())
    )
    blocks = tuple(_block(pair, elements, n) for pair, elements in builder.blocks)
    states = tuple((tuple(g.operator.wires), g.array) for g in chains)
    empty = Values.of(reading, flags, reading.numbers, batch)
    fixed = len(reading.constants)
    found = PauliNetwork(
        reached, {}, opening, blocks, empty, fixed, batch, (), (builder.prepared, states), noisy
    )
    return found.of(reading, batch)


def _lifted(reading: Reading, n: int) -> Reading:
    """The reading with channels on wires and their copies; prepared states stay as they are."""
    states = [g for g in reading.gates if isinstance(g.operator, qp.operation.StatePrepBase)]
    others = [g for g in reading.gates if not isinstance(g.operator, qp.operation.StatePrepBase)]
    found = lifted(replace(reading, gates=others), n)
    return replace(found, gates=[*states, *found.gates])


def _narrow(element: Any) -> list[Any]:
    """An element on at most two wires; a phase of the parity of more between CNOTs."""
    if isinstance(element, Fence) or not element.wires:
        return []
    if isinstance(element, Preparation) and len(element.wires) > 1:
        raise Refused(
            f"a state is prepared on wires {list(element.wires)} that is no product of one-wire states. Use "
            "qdl.backends.cone() where few wires matter to the readout, or AngleEncoding."
        )
    if isinstance(element, Phase) and len(element.wires) > 2:
        ladder = [
            Affine(pair, CNOT, (0, 0))
            for pair in zip(element.wires, element.wires[1:], strict=False)
        ]
        return [*ladder, element._replace(wires=element.wires[-1:]), *ladder[::-1]]
    return [element]


class _Builder:
    """Puts elements into blocks."""

    def __init__(self, n: int, flags: Sequence[bool]):
        self.n, self.flags = n, flags
        self.prepared: dict[int, Any] = {}
        self.opening: dict[int, list[Any]] = {}
        self.blocks: list[tuple[tuple[int, ...], list[Any]]] = []
        self.last: dict[int, int] = {}  # the last block on each wire
        self.between: dict[int, list[Any]] = {}  # one-wire elements behind it, for the next block

    def append(self, element: Any) -> None:
        wires = tuple(dict.fromkeys(int(w) % self.n for w in element.wires))
        here = {self.last.get(w) for w in wires}
        if isinstance(element, Preparation):
            if here != {None} or wires[0] in self.opening:
                raise ValueError(
                    f"A state is prepared on wire {wires[0]} after gates on it. Put it first."
                )
            self.prepared[wires[0]] = element.state
            return
        if len(wires) == 1:
            [at] = here
            if at is None:
                self.opening.setdefault(wires[0], []).append(element)
            else:
                self.between.setdefault(wires[0], []).append(element)
            return
        [at] = here if len(here) == 1 else [None]
        if at is None:
            at = len(self.blocks)
            moved = [e for w in wires if w not in self.last for e in self._same_for_all(w)]
            self.blocks.append((wires, moved))
            self.last |= dict.fromkeys(wires, at)
        for wire in wires:
            self.blocks[at][1].extend(self.between.pop(wire, []))
        self.blocks[at][1].append(element)

    def finish(self) -> None:
        """One-wire elements that no block follows become part of the one before them."""
        for wire, elements in self.between.items():
            self.blocks[self.last[wire]][1].extend(elements)

    def _same_for_all(self, wire: int) -> list[Any]:
        """What opens a wire behind its features, taken away: it is built once for all samples in a block."""
        elements = self.opening.pop(wire, [])
        first = max((i + 1 for i, e in enumerate(elements) if _many(e, self.flags)), default=0)
        if first:
            self.opening[wire] = elements[:first]
        return elements[first:]


def _many(element: Any, flags: Sequence[bool]) -> bool:
    """Whether an element has numbers of its own for each sample."""
    array = getattr(element, "array", None)
    return is_batched(element) if array is None else flags[array]


def _block(wires: tuple[int, ...], elements: list[Any], n: int) -> Block:
    """Elements as few steps: a run of unitary ones is one matrix."""

    def kind(element: Any) -> Any:
        if getattr(element, "array", None) is not None:
            return id(element)
        alone = len(wires) == 1 and is_batched(
            element
        )  # in a product state each part is built for itself
        return max(element.wires) >= n, alone

    steps = []
    for sort, group in groupby(elements, kind):
        run = list(group)
        here = tuple(w for w in wires if any(w == v % n for e in run for v in e.wires))
        on = tuple(wires.index(w) for w in here)
        channel = max(v for e in run for v in e.wires) >= n
        both = (*here, *(w + n for w in here)) if channel else here
        if isinstance(sort, tuple):
            steps.append(Step(on, as_dense(run, both), channel))
        else:
            order = tuple(wires.index(v % n) for v in run[0].wires[: len(here)])
            steps.append(Step(order, run[0], channel))
    return Block(wires, tuple(steps))
