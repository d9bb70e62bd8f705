"""Which derivatives vanish whatever the angles: letters that can never meet a gate's generator."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from .circuit import PauliCircuit
from .moments import local_step
from .operators import Clifford, Element, PauliRotation
from .words import anticommute, from_letters, index, letters, local_word

START = frozenset({0, 2})  # letters of a wire in state 0: I and Z


def silent(circuit: PauliCircuit) -> np.ndarray:
    """True for parameters proven to have no influence on the cost.

    Going back from the observable, and forth from the state 0, each wire has a set of letters that it can
    carry at most. A gate whose generator commutes with all of them does nothing.
    """
    n, elements = circuit.n_wires, circuit.elements
    measured = [
        frozenset(local_word(word, (w,)) for _, word in circuit.observable.terms) | {0}
        for w in range(n)
    ]
    alive = np.zeros(circuit.size, bool)
    for back, forth in zip(
        _acts(elements, measured, backward=True),
        _acts(elements, [START] * n, backward=False),
        strict=True,
    ):
        if back is not None and back == forth:
            alive[back] = True
    return ~alive


def _acts(elements: Any, sets: list[frozenset[int]], backward: bool) -> list[int | None]:
    """For each element, the parameter that it may pass on, or None."""
    sets, out, known = list(sets), [], {}
    for element in reversed(elements) if backward else elements:
        here = tuple(sets[w] for w in element.wires)
        angle = element.angle
        key = element.form, here, backward
        if key not in known:
            known[key] = _passed(element, here, backward)
        moves, after = known[key]
        for wire, mine in zip(element.wires, after, strict=True):
            sets[wire] = mine
        out.append(angle.parameter if angle is not None and moves else None)
    return out[::-1] if backward else out


def _passed(
    element: Element, here: tuple[frozenset[int], ...], backward: bool
) -> tuple[bool, list[frozenset[int]]]:
    """Whether the gate's angle matters for any word of these letters, and the letters after it."""
    if isinstance(element, PauliRotation):
        return _rotated(element.letters, here)
    words = [index(word) for word in product(*here)]
    if isinstance(element, Clifford):
        image = np.asarray(element.image)
        image = image if backward else np.argsort(image)
        reached, moves = {int(image[w]) for w in words}, True
    else:
        step = local_step(element)
        pairs = step.square[0, 0] if backward else step.square[0, 0].T
        slopes = step.slope_square.get((0, 0), np.zeros_like(pairs))
        slopes = slopes if backward else slopes.T
        reached = {int(q) for w in words for q in np.flatnonzero(pairs[:, w])}
        moves = any(slopes[:, w].any() for w in words)
    words = [letters(word, len(here)) for word in reached]
    return moves, [frozenset(column) | {0} for column in zip(*words, strict=True)]


def _rotated(
    about: tuple[int, ...], here: tuple[frozenset[int], ...]
) -> tuple[bool, list[frozenset[int]]]:
    parities = {False}
    for letter, mine in zip(about, here, strict=True):
        odd = {anticommute(from_letters((m,), (0,)), from_letters((letter,), (0,))) for m in mine}
        parities = {a ^ b for a in parities for b in odd}
    if True not in parities:
        return False, list(here)
    pairs = zip(about, here, strict=True)
    return True, [mine | {m ^ letter for m in mine} for letter, mine in pairs]
