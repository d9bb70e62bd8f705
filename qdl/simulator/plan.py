"""Planning: elements in, a short list of stages out.

The state alternates between two kinds of move. A *stage* is one of each:

1. amplitudes are moved by an affine map of the bits and multiplied by phases (free of matrices),
2. small matrices act on disjoint groups of neighbouring wires (one matrix product per group).

Every element goes into the earliest stage that its wires allow. A run of gates on one or two wires that
would need two or more stages by itself (a convolution block, say) is fused into one matrix instead.
Nothing here touches numbers: a plan says where angles are found, and is made once per compilation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .fuse import as_dense
from .split import Affine, Angle, Dense, Element, Fence, Phase, turned

MAX_STEPS = 12  # matrices multiplied into one block; more only lengthen the compilation
MAX_BLOCK = 4  # wires in one matrix: 2^4 x 2^4 is where a core's matrix products are fastest


@dataclass
class Block:
    """Matrices on some wires, multiplied into one: ``steps`` in time order."""

    wires: list[int]
    steps: list[Dense]
    batched: bool
    heavy: bool  # more than rotations of single wires: worth growing

    @property
    def real(self) -> bool:
        return all(step.form.real for step in self.steps)


@dataclass
class Stage:
    """One bit map with phases, then blocks on disjoint wires."""

    rows: dict[int, int]  # wire -> mask of new bits whose parity is its old bit
    flips: dict[int, int]
    phases: list[tuple[int, float, Angle | None]] = field(
        default_factory=list
    )  # mask, factor, angle
    blocks: list[Block] = field(default_factory=list)

    def move(self, affine: Affine) -> None:
        """Compose with a bit map that comes after."""
        for wire, mask in self.rows.items():
            self.rows[wire], sign = _pull(mask, affine)
            self.flips[wire] ^= sign
        pulled = [(*_pull(mask, affine), factor, angle) for mask, factor, angle in self.phases]
        self.phases = [(mask, -f if sign else f, angle) for mask, sign, f, angle in pulled]


def _pull(mask: int, affine: Affine) -> tuple[int, int]:
    """A parity of old bits as a parity of new ones, and whether it flips."""
    out, sign = mask, 0
    for wire in affine.wires:
        out &= ~(1 << wire)
    for wire, row, flip in zip(affine.wires, affine.rows, affine.flips, strict=True):
        if mask >> wire & 1:
            sign ^= flip
            for other, bit in zip(affine.wires, row, strict=True):
                out ^= bit << other
    return out, sign


class Unit(NamedTuple):
    """Elements on one or two wires, in time order, that may become one matrix."""

    wires: tuple[int, ...]
    elements: list[Element]
    stages: int  # how many stages they would need if placed one by one

    @property
    def heavy(self) -> bool:
        return self.stages > 1 or any(
            isinstance(e, Dense) and len(e.wires) > 1 for e in self.elements
        )


class Passes(NamedTuple):
    """Which passes are on; all off is the plain operator list."""

    light_cone: bool = True
    product_start: bool = True
    fuse: bool = True
    stage: bool = True
    absorb: bool = True
    loop: bool = True


ALL = Passes()


@dataclass
class Plan:
    """Elements that start each wire, then the stages."""

    prefix: dict[int, list[Element]]
    stages: list[Stage]


def plan(elements: list[Element], wires: Iterable[int], passes: Passes, prepared: bool) -> Plan:
    """Place all elements."""
    wires = tuple(wires)
    if not passes.fuse:
        units = [_unit([e]) for e in elements if not isinstance(e, Fence)]
    else:
        units = units_of(elements)
    prefix: dict[int, list[Element]] = {wire: [] for wire in wires}
    if passes.product_start and not prepared:
        units = _take_prefix(units, prefix)
    placer = _Placer(wires, passes)
    for unit in units:
        if any(map(stands_alone, unit.elements)):
            for element in (t for e in unit.elements for t in turned(e)):
                placer.place(_unit([element]))
        else:
            placer.place(unit)
    return Plan(prefix, placer.stages)


def angles_of(element: Element) -> tuple[Angle, ...]:
    """The angles that enter an element."""
    if isinstance(element, Phase):
        return () if element.angle is None else (element.angle,)
    return element.angles if isinstance(element, Dense) else ()


def stands_alone(element: Element) -> bool:
    """True for what is not fused: a batch of angles, or a matrix that was computed elsewhere."""
    return is_batched(element) or (isinstance(element, Dense) and element.array is not None)


def is_batched(element: Element) -> bool:
    """True where every sample has its own angle."""
    if isinstance(element, Phase):
        return element.angle is not None and element.angle.batched
    return isinstance(element, Dense) and element.batched


def _unit(elements: list[Element]) -> Unit:
    wires = tuple(sorted({w for e in elements for w in e.wires}))
    levels: dict[int, int] = dict.fromkeys(wires, 0)
    last: dict[int, Element] = {}
    for e in elements:
        level = max((levels[w] for w in e.wires), default=0)
        if isinstance(e, Dense):
            same = all(isinstance(last.get(w), Dense) and last[w].wires == e.wires for w in e.wires)
            level = level if level % 2 and same else level + 1 + level % 2
        else:
            level += level % 2
        for w in e.wires:
            levels[w], last[w] = level, e
    return Unit(wires, elements, (max(levels.values(), default=0) + 1) // 2)


def units_of(elements: list[Element]) -> list[Unit]:
    """Collect neighbours on the same one or two wires."""
    open_units: dict[int, list[Element]] = {}
    out: list[Unit] = []

    def close(unit: list[Element]) -> None:
        out.append(_unit(unit))
        for wire in out[-1].wires:
            open_units.pop(wire, None)

    def touching(wires: tuple[int, ...]) -> list[list[Element]]:
        units = [open_units[w] for w in wires if w in open_units]
        return [u for i, u in enumerate(units) if all(u is not v for v in units[:i])]

    for element in elements:
        if isinstance(element, Fence):
            while open_units:
                close(next(iter(open_units.values())))
            continue
        units = touching(element.wires)
        used = {angle for unit in units for e in unit for angle in angles_of(e)}
        if used & set(angles_of(element)):  # the next copy of a block with shared parameters
            for unit in units:
                close(unit)
            units = []
        if stands_alone(element) or len(element.wires) > 2 or not element.wires:
            for unit in units:
                close(unit)
            out.append(_unit([element]))
            continue
        if len(set(element.wires).union(*(_unit(u).wires for u in units))) > 2:
            for unit in units:
                if not set(_unit(unit).wires) <= set(element.wires):
                    close(unit)
            units = touching(element.wires)
        merged = [e for unit in units for e in unit] + [element]
        for wire in {w for e in merged for w in e.wires}:
            open_units[wire] = merged
    while open_units:
        close(next(iter(open_units.values())))
    return out


def _take_prefix(units: list[Unit], prefix: dict[int, list[Element]]) -> list[Unit]:
    """Move what acts on single, still untouched wires to ``prefix``; the rest stays."""
    fresh, rest = set(prefix), []
    for unit in units:
        if unit.heavy and len(unit.wires) > 1:
            rest.append(unit)
            fresh -= set(unit.wires)
            continue
        left = []
        for element in unit.elements:
            known = not (isinstance(element, Dense) and element.array is not None)
            if known and len(element.wires) == 1 and element.wires[0] in fresh:
                prefix[element.wires[0]].append(element)
            else:
                fresh -= set(element.wires)
                left.append(element)
        if left:
            rest.append(_unit(left))
    return rest


class _Placer:
    """Puts units into stages: position 2s is the map and phases of stage s, 2s + 1 its blocks."""

    def __init__(self, wires: tuple[int, ...], passes: Passes):
        self.wires, self.passes = wires, passes
        self.stages: list[Stage] = []
        self.last: dict[int, int] = dict.fromkeys(wires, -1)

    def place(self, unit: Unit) -> None:
        alone = any(map(stands_alone, unit.elements))
        if self.passes.fuse and not alone and self._join(unit):
            return
        if unit.stages > 1 and not alone:
            self._add(Block(list(unit.wires), [as_dense(unit.elements, unit.wires)], False, True))
            return
        for element in unit.elements:
            if isinstance(element, Dense):
                self._place_dense(element)
            elif not isinstance(element, Fence):
                self._place_monomial(element)

    def _position(self, wires: Iterable[int]) -> int:
        if not self.passes.stage:  # one element a stage, in the order given
            return 2 * len(self.stages) - 1
        return max((self.last[w] for w in wires), default=-1)

    def _stage(self, index: int) -> Stage:
        while len(self.stages) <= index:
            self.stages.append(Stage({w: 1 << w for w in self.wires}, dict.fromkeys(self.wires, 0)))
        return self.stages[index]

    def _blocks(self, wires: Iterable[int], position: int) -> list[Block]:
        wires = set(wires)
        return [b for b in self._stage(position // 2).blocks if wires & set(b.wires)]

    def _join(self, unit: Unit) -> bool:
        """Multiply a unit into the heavy blocks that its wires end in, where the union is small."""
        position = self._position(unit.wires)
        if position < 0 or position % 2 == 0:
            return False
        blocks = self._blocks(unit.wires, position)
        union = set(unit.wires).union(*(b.wires for b in blocks))
        grows = [b for b in blocks if b.heavy and (unit.heavy or not b.real)]
        steps = [step for b in blocks for step in b.steps]
        if not grows or len(union) > MAX_BLOCK or any(b.batched for b in blocks):
            return False
        if len(steps) >= MAX_STEPS:
            return False
        stage = self._stage(position // 2)
        stage.blocks = [b for b in stage.blocks if all(b is not c for c in blocks)]
        stage.blocks.append(
            Block(sorted(union), [*steps, as_dense(unit.elements, unit.wires)], False, True)
        )
        self.last |= dict.fromkeys(unit.wires, position)
        return True

    def _place_dense(self, dense: Dense) -> None:
        position = self._position(dense.wires)
        if position % 2 == 1 and position > 0:
            for block in self._blocks(dense.wires, position):
                if set(block.wires) == set(dense.wires) and block.batched == dense.batched:
                    block.steps.append(dense)
                    return
        self._add(Block(sorted(dense.wires), [dense], dense.batched, len(dense.wires) > 1))

    def _add(self, block: Block) -> None:
        position = self._position(block.wires)
        position += 1 if position % 2 == 0 else 2
        self._stage(position // 2).blocks.append(block)
        self.last |= dict.fromkeys(block.wires, position)

    def _place_monomial(self, element: Phase | Affine) -> None:
        position = self._position(element.wires)
        position += position % 2
        stage = self._stage(position // 2)
        if isinstance(element, Affine):
            stage.move(element)
        else:
            mask = sum(1 << w for w in element.wires)
            stage.phases.append((mask, element.coefficient, element.angle))
        self.last |= dict.fromkeys(element.wires, position)
