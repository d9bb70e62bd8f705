r"""From below: the Pauli paths that carry most of the gradient.

Going back from the observable, a word becomes another one with the second moment of each gate's angle. In a
circuit whose words do not interfere, $E[(\partial_k C)^2]$ is the sum over all paths that end in words of I
and Z, with the derivative's moments at gate k. All terms are positive, so that any of the paths is a lower
bound: those that stay narrow weigh most and are easily found.
"""

from __future__ import annotations

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

State = tuple[Word, bool]  # a word, and whether the derivative has been taken


class Mass(NamedTuple):
    r"""$\log_2$ of what the paths that were found carry, minus infinity for nothing.

    Attributes:
        gradient: of the expected squared norm of the gradient.
        cost: of the second moment of the cost, where angles turned its word.
    """

    gradient: float
    cost: float


def mass(circuit: PauliCircuit) -> Mass:
    """What paths from one word of the observable carry; the best of a few words.

    A lower bound for circuits that ``walk.certify`` accepts, and for independent uniform angles of the
    variance of the cost too. Gates without an angle at the start may leave any product state.
    """
    small = reduced(circuit)
    opening = split(small, angles=False)
    terms = small.observable.terms
    few = sorted({0, len(terms) // 2, len(terms) - 1}) if terms else []
    found = [_from(opening, *terms[i]) for i in few]
    nothing = -np.inf
    return Mass(*(max((each[i] for each in found), default=nothing) for i in (0, 1)))


def _from(opening: Prefix, coefficient: float, word: Word) -> Mass:
    states: dict[State, float] = {(word, False): 2 * float(np.log2(abs(coefficient)))}
    support, turned = word[0] | word[1], False
    for element in reversed(opening.rest):
        if not any(support >> wire & 1 for wire in element.wires):
            continue
        states = _kept(_back(element, states))
        turned = turned or len(states) > 1
        support = 0
        for (x, z), _ in states:
            support |= x | z
    ends: dict[bool, list[float]] = {False: [], True: []}
    for (word, taken), weight in states.items():
        value = weight + sum(
            float(np.log2(max(opening.squares[w, local_word(word, (w,))], 1e-300)))
            for w in wires_of(word)
        )
        if value > -900:
            ends[taken].append(value)
    gradient, cost = (
        float(np.logaddexp2.reduce(ends[taken])) if ends[taken] else -np.inf
        for taken in (True, False)
    )
    return Mass(gradient, cost if turned else -np.inf)


def _kept(states: dict[State, float]) -> dict[State, float]:
    """The most promising: much weight on few wires, and few letters that must still be turned into Z."""
    if len(states) <= BEAM:
        return states
    out: dict[State, float] = {}
    for taken in (False, True):
        group = [item for item in states.items() if item[0][1] == taken]
        group.sort(key=_promise, reverse=True)
        out.update(group[:BEAM])
    return out


def _promise(item: tuple[State, float]) -> float:
    ((x, z), _), weight = item
    return weight - (x | z).bit_count() - 0.5 * x.bit_count()


def _back(element: Element, states: dict[State, float]) -> dict[State, float]:
    if isinstance(element, Clifford):
        wires, image = element.wires, element.image
        return {
            (place(int(image[local_word(word, wires)]), wires, word), taken): weight
            for (word, taken), weight in states.items()
        }
    out: dict[State, float] = {}
    for (word, taken), weight in states.items():
        for after, derivative, factor in _branches(element, word):
            if derivative and (taken or element.angle is None or element.angle.parameter is None):
                continue
            state, total = (after, taken or derivative), weight + factor
            out[state] = np.logaddexp2(out[state], total) if state in out else total
    return out


def _branches(element: Element, word: Word) -> list[tuple[Word, bool, float]]:
    if isinstance(element, PauliRotation):
        about = from_letters(element.letters, element.wires)
        if not anticommute(about, word):
            return [(word, False, 0.0)]
        turned = (word[0] ^ about[0], word[1] ^ about[1])
        cosine, sine, slope = _moments(element.angle.law, element.angle.scale)
        every = [
            (word, False, cosine), (turned, False, sine),
            (word, True, sine + slope), (turned, True, cosine + slope),
        ]  # fmt: skip
        return [branch for branch in every if branch[2] > -np.inf]
    here = local_word(word, element.wires)
    return [
        (place(local, element.wires, word), derivative, factor)
        for local, derivative, factor in _local(_Form(element), here)
    ]


@cache
def _moments(law: Any, scale: float) -> tuple[float, float, float]:
    """log2 of E cos^2, E sin^2 and the squared scale."""
    double = float(characteristic(law, 2 * scale).real)
    with np.errstate(divide="ignore"):
        cosine, sine = np.log2([(1 + double) / 2, max(1 - double, 0.0) / 2])
    return float(cosine), float(sine), 2 * float(np.log2(abs(scale)))


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
