"""From stages to a program: wires get positions, equal stages become one kind, runs become loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .matrices import Form
from .plan import MAX_BLOCK, Plan, Stage

MIN_LOOP = 8  # fewer equal stages than this are cheaper unrolled


class Piece(NamedTuple):
    """One block inside a group: where it starts, how wide it is, its matrices in time order."""

    offset: int
    width: int
    steps: tuple[tuple[Form, tuple[int, ...]], ...]  # (form, bits of the block)


class Group(NamedTuple):
    """Blocks on neighbouring positions, applied as one matrix."""

    first: int
    width: int
    real: bool
    batched: bool
    pieces: tuple[Piece, ...]

    @property
    def fixed(self) -> bool:
        """True where no angle enters."""
        return all(form.matrix is not None for piece in self.pieces for form, _ in piece.steps)


class Phases(NamedTuple):
    """Parities and how angles enter them: phase of mask k = sum_e weights[k, e] angle_e + fixed[k]."""

    masks: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]


class Kind(NamedTuple):
    """What two stages share if they differ in angles only. Position 0 is the most significant bit."""

    rows: tuple[int, ...]  # old position -> mask of new positions (bit n-1-p stands for position p)
    flips: tuple[int, ...]
    fixed: tuple[tuple[int, float], ...]  # constant phases: (mask, phase)
    single: Phases
    batched: Phases
    groups: tuple[Group, ...]


@dataclass
class Occurrences:
    """Where each stage of one kind finds its angles; one row per stage."""

    single: list[list[int]]
    batched: list[list[int]]
    matrices: list[list[Any]]  # per stage: the Dense elements in group order


class Run(NamedTuple):
    """Stages ``(kind, occurrence)`` in a row, the row repeated ``times`` times."""

    body: tuple[tuple[int, int], ...]
    times: int


@dataclass
class Program:
    """A circuit ready to run: kinds of stages, the runs they form, wires by final position."""

    order: list[int]  # the wires by position at the start
    kinds: list[Kind]
    occurrences: list[Occurrences]
    runs: list[Run]
    final: list[int]  # the wires by position at the end


def cuts(n: int, last: bool) -> set[int]:
    """Positions where groups of single wires end, so that matrix products get good shapes.

    A product with s rows and r columns is slow for 1 < r < 64. With the batch last, r is at least the
    batch; with the batch first, r is 1 for the last group and 2^6 or more for the others if six wires
    make up the last one.
    """
    if last or n < 14:
        return _even(n, MAX_BLOCK)
    return _even(n - 6, 5) | {n - 6}


def _even(n: int, most: int) -> set[int]:
    """Where n positions are cut into chunks of about equal size, at most ``most``."""
    chunks = -(-n // most)
    return {round(n * (i + 1) / chunks) for i in range(chunks - 1)}


def assemble(plan: Plan, wires: list[int], loop: bool, ends: set[int]) -> Program:
    """Give wires positions, stage by stage, and find the repetitions."""
    kinds: dict[Kind, int] = {}
    occurrences: list[Occurrences] = []
    sequence: list[tuple[int, int]] = []
    order = list(wires)
    for stage in plan.stages:
        after = _arrange(order, stage)
        kind, single, batched, matrices = _kind(stage, order, after, ends)
        order = after
        number = kinds.setdefault(kind, len(kinds))
        if number == len(occurrences):
            occurrences.append(Occurrences([], [], []))
        at = occurrences[number]
        sequence.append((number, len(at.single)))
        at.single.append(single)
        at.batched.append(batched)
        at.matrices.append(matrices)
    runs = _runs(sequence) if loop else [Run((step,), 1) for step in sequence]
    return Program(list(wires), list(kinds), occurrences, runs, order)


def _arrange(order: list[int], stage: Stage) -> list[int]:
    """An order in which every block's wires are neighbours; the same one where they are already."""
    home = {wire: block.wires for block in stage.blocks for wire in block.wires}
    out: list[int] = []
    for wire in order:
        if wire not in out:
            together = home.get(wire, [wire])
            out += sorted(together, key=order.index)
    return out


def _kind(
    stage: Stage, before: list[int], after: list[int], ends: set[int]
) -> tuple[Kind, list[int], list[int], list[Any]]:
    n = len(after)
    bit = {wire: 1 << (n - 1 - p) for p, wire in enumerate(after)}

    def positions(mask: int) -> int:
        return sum(b for wire, b in bit.items() if mask >> wire & 1)

    rows = tuple(positions(stage.rows[wire]) for wire in before)
    flips = tuple(stage.flips[wire] for wire in before)
    fixed: dict[int, float] = {}
    entries: dict[bool, list[tuple[int, float, int]]] = {False: [], True: []}
    for mask, factor, angle in stage.phases:
        if angle is None:
            fixed[positions(mask)] = fixed.get(positions(mask), 0.0) + factor
        else:
            entries[angle.batched].append((positions(mask), factor, angle.at))
    groups, matrices = _groups(stage, after, ends)
    kind = Kind(
        rows,
        flips,
        tuple(sorted((m, f) for m, f in fixed.items() if f)),
        _phases(entries[False]),
        _phases(entries[True]),
        tuple(groups),
    )
    return kind, [i for *_, i in entries[False]], [i for *_, i in entries[True]], matrices


def _phases(entries: list[tuple[int, float, int]]) -> Phases:
    masks = tuple(dict.fromkeys(mask for mask, _, _ in entries))
    weights = np.zeros((len(masks), len(entries)))
    for e, (mask, factor, _) in enumerate(entries):
        weights[masks.index(mask), e] = factor
    return Phases(masks, tuple(map(tuple, weights.tolist())))


def _groups(stage: Stage, order: list[int], ends: set[int]) -> tuple[list[Group], list[Any]]:
    """Blocks packed into groups of neighbouring positions."""
    groups: list[Group] = []
    matrices: list[Any] = []
    for block in sorted(stage.blocks, key=lambda b: min(order.index(w) for w in b.wires)):
        ordered = sorted(block.wires, key=order.index)
        at = {wire: i for i, wire in enumerate(ordered)}
        first, width = order.index(ordered[0]), len(ordered)
        steps = tuple((d.form, tuple(at[w] for w in d.wires)) for d in block.steps)
        matrices += block.steps
        last = groups[-1] if groups else None
        if (
            last is not None
            and last.first + last.width == first
            and not ends & set(range(last.first + 1, first + width))
            and last.batched == block.batched
        ):
            pieces = (*last.pieces, Piece(last.width, width, steps))
            groups[-1] = Group(
                last.first, last.width + width, last.real and block.real, block.batched, pieces
            )
        else:
            groups.append(Group(first, width, block.real, block.batched, (Piece(0, width, steps),)))
    return groups, matrices


def _runs(sequence: list[tuple[int, int]]) -> list[Run]:
    """Greedy: at each point the period whose repetitions cover most, if they are worth a loop."""
    runs: list[Run] = []
    kinds = [kind for kind, _ in sequence]
    i = 0
    while i < len(sequence):
        best, times = 1, 1
        for period in range(1, min(17, len(sequence) - i)):
            count = 1
            body = kinds[i : i + period]
            while kinds[i + count * period : i + (count + 1) * period] == body:
                count += 1
            if count * period >= MIN_LOOP and count > 2 and count * period > best * times:
                best, times = period, count
        runs.append(Run(tuple(sequence[i : i + best]), times))
        i += best * times
    return runs
