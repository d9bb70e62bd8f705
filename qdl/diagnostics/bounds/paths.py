r"""From below: the Pauli paths that carry most of the gradient.

Going back from the observable, a word becomes another one with the second moment of each gate's angle. In a
circuit whose words do not interfere, $E[(\partial_k C)^2]$ is the sum over all paths that end in words of I
and Z, with the derivative's moments at gate k, and $\mathrm{Var}\,C = E[C^2] - (E\,C)^2$ the sum over those
that at one rotation at least go with $E[\sin^2]$ or $\mathrm{Var}[\cos]$ and not with $(E\cos)^2$. All
terms are positive, so that any of the paths is a lower bound: those that stay narrow weigh most and are
easily found.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...pauli.circuit import PauliCircuit
from ...pauli.cones import reduced
from ...pauli.laws import characteristic
from ...pauli.moments import local_step
from ...pauli.operators import Clifford, Element, PauliRotation
from ...pauli.prefix import Prefix, split
from ...pauli.words import Word, anticommute, from_letters, local_word, place, wires_of

BEAM = 24  # words that are kept after every gate

Branches = Callable[[Any, Word, bool], list[tuple[Word, bool, float]]]
State = tuple[Word, bool]  # a word, and whether the derivative was taken, or an angle's chance was


class Mass(NamedTuple):
    r"""$\log_2$ of what the paths that were found carry, minus infinity for nothing.

    Attributes:
        gradient: of the expected squared norm of the gradient.
        cost: of the variance of the cost.
    """

    gradient: float
    cost: float


def mass(circuit: PauliCircuit) -> Mass:
    """What paths from one word of the observable carry; the best of a few words.

    A lower bound for circuits and words that ``walk.certify`` accepts. Gates without an angle at the start
    may leave any product state.
    """
    small = reduced(circuit)
    opening = split(small, angles=False)
    terms = small.observable.terms
    few = sorted({0, len(terms) // 2, len(terms) - 1}) if terms else []
    return Mass(
        *(
            max((_from(opening, *terms[i], branches) for i in few), default=-np.inf)
            for branches in (_slopes, _chances)
        )
    )


def _from(opening: Prefix, coefficient: float, word: Word, branches: Branches) -> float:
    states: dict[State, float] = {(word, False): 2 * float(np.log2(abs(coefficient)))}
    support = word[0] | word[1]
    for element in reversed(opening.rest):
        if not any(support >> wire & 1 for wire in element.wires):
            continue
        states = _kept(_back(element, states, branches))
        support = 0
        for (x, z), _ in states:
            support |= x | z
    ends = []
    for (word, done), weight in states.items():
        value = weight + sum(
            float(np.log2(max(opening.squares[w, local_word(word, (w,))], 1e-300)))
            for w in wires_of(word)
        )
        if done and value > -900:
            ends.append(value)
    return float(np.logaddexp2.reduce(ends)) if ends else -np.inf


def _kept(states: dict[State, float]) -> dict[State, float]:
    """The most promising: much weight on few wires, and few letters that must still be turned into Z."""
    if len(states) <= BEAM:
        return states
    out: dict[State, float] = {}
    for done in (False, True):
        group = [item for item in states.items() if item[0][1] == done]
        group.sort(key=_promise, reverse=True)
        out.update(group[:BEAM])
    return out


def _promise(item: tuple[State, float]) -> float:
    ((x, z), _), weight = item
    return weight - (x | z).bit_count() - 0.5 * x.bit_count()


def _back(element: Element, states: dict[State, float], branches: Branches) -> dict[State, float]:
    if isinstance(element, Clifford):
        wires, image = element.wires, element.image
        return {
            (place(int(image[local_word(word, wires)]), wires, word), done): weight
            for (word, done), weight in states.items()
        }
    out: dict[State, float] = {}
    for (word, done), weight in states.items():
        for after, then, factor in branches(element, word, done):
            state, total = (after, then), weight + factor
            out[state] = np.logaddexp2(out[state], total) if state in out else total
    return out


def _slopes(element: Any, word: Word, done: bool) -> list[tuple[Word, bool, float]]:
    """Where a word goes, with the derivative taken here, before, or not yet."""
    free = not done and element.angle is not None and element.angle.parameter is not None
    if isinstance(element, PauliRotation):
        turned = _turned(element, word)
        if turned is None:
            return [(word, done, 0.0)]
        cosine, sine, slope, *_ = _moments(element.angle.law, element.angle.scale)
        found = [(word, done, cosine), (turned, done, sine)]
        if free:
            found += [(word, True, sine + slope), (turned, True, cosine + slope)]
        return [branch for branch in found if branch[2] > -np.inf]
    return [
        (place(local, element.wires, word), done or derivative, factor)
        for local, derivative, factor in _local(_Form(element), local_word(word, element.wires))
        if free or not derivative
    ]


def _chances(element: Any, word: Word, done: bool) -> list[tuple[Word, bool, float]]:
    """Where a word goes: with the mean of a rotation, or with what varies about it; other gates as given."""
    if isinstance(element, PauliRotation):
        turned = _turned(element, word)
        if turned is None:
            return [(word, done, 0.0)]
        cosine, sine, _, mean, spread = _moments(element.angle.law, element.angle.scale)
        found = [(word, True, cosine)] if done else [(word, False, mean), (word, True, spread)]
        return [branch for branch in [*found, (turned, True, sine)] if branch[2] > -np.inf]
    return [
        (place(local, element.wires, word), done, factor)
        for local, derivative, factor in _local(_Form(element), local_word(word, element.wires))
        if not derivative
    ]


def _turned(element: PauliRotation, word: Word) -> Word | None:
    """The word times the rotation's, unless they commute."""
    about = from_letters(element.letters, element.wires)
    return (word[0] ^ about[0], word[1] ^ about[1]) if anticommute(about, word) else None


class Second(NamedTuple):
    """The mean squares of a rotation: E cos^2, E sin^2, the squared scale, and (E cos)^2 with Var cos."""

    cosine: float
    sine: float
    slope: float
    cosine_parts: tuple[float, float]


def second(angle: Any) -> Second:
    """The mean squares of a rotation's angle."""
    return _second(angle.law, angle.scale)


@cache
def _second(law: Any, scale: float) -> Second:
    once, twice = characteristic(law, np.array([scale, 2 * scale])).real
    cosine, mean = (1 + twice) / 2, once**2
    spread = cosine - mean
    spread = spread if spread > 1e-14 else 0.0  # of a fixed angle there is rounding
    return Second(
        float(cosine), float(max(1 - twice, 0.0) / 2), scale**2, (float(mean), float(spread))
    )


@cache
def _moments(law: Any, scale: float) -> tuple[float, ...]:
    """The same as log2."""
    cosine, sine, slope, parts = _second(law, scale)
    with np.errstate(divide="ignore"):
        return tuple(map(float, np.log2([cosine, sine, slope, *parts])))


class _Form:
    """An element that is equal to others with the same moments."""

    def __init__(self, element: Any) -> None:
        self.element = element

    def __hash__(self) -> int:
        return hash(self.element.form)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Form) and self.element.form == other.element.form


@cache
def _local(form: _Form, here: int) -> list[tuple[int, bool, float]]:
    step = local_step(form.element)
    square = step.square[0, 0]
    slope = step.slope_square.get((0, 0), np.zeros_like(square))
    return [
        (int(out), derivative, float(np.log2(table[out, here])))
        for table, derivative in ((square, False), (slope, True))
        for out in np.flatnonzero(table[:, here] > 1e-14)
    ]
