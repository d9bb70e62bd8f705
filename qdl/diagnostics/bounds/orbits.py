"""Few Pauli words that hold the whole problem, where there are few: then variances fall by powers.

That is not proven for every depth; it says that a power that was measured has a reason. Where angles are
independent, the variance itself is computed on these words, at larger widths than were measured.

Reference: Ragone et al., Nature Communications 15, 7172 (2024), and Fontana et al., 15, 7171 (2024), for Lie
algebras; Diaz et al., arXiv:2310.11505, for other observables of free fermions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np

from ...pauli.circuit import PauliCircuit, pauli_circuit, read_elements
from ...pauli.observables import Observable, observable
from ...pauli.operators import Element, PauliRotation
from ...pauli.words import Word, anticommute, from_letters
from ...refused import Refused
from ..result.structure import Bound
from ..walk.certify import certify
from .growth import growth
from .paths import Mass, second
from .symmetry import turned_words
from .widths import models

MOST = 40_000  # words
WIDEST = 64  # wires on which they are counted
WORK = 5 * 10**7  # words times gates: a second or two
TERMS = 200  # of an observable whose interference is looked for


@dataclass(frozen=True)
class Orbits:
    """What few words say: a reason, and where angles are independent the law itself."""

    reason: Bound | None = None
    lower: Bound | None = None
    lower_cost: Bound | None = None


def few_words(build: Any, n: int, cost: Any, x: Any) -> Orbits:
    """Few words that the gates make of the observable, from small widths on: large ones have too many."""
    sizes: dict[int, int] = {}
    masses: list[Mass | None] = []
    for model, _, data in models(build, n, WIDEST, x):
        fixed = None if data is None else np.asarray(data, float)
        try:
            elements = read_elements(model.layers, model.wires, fixed, None)
            words = orbit(elements, observable(model, cost))
        except Refused:
            return Orbits()
        if words is None:
            break
        sizes[model.n_wires] = len(words)
        masses.append(_whole(model, data, cost, words) if all(masses) else None)
    if growth([-float(np.log2(size)) for size in sizes.values()]) != "polynomial":
        return Orbits()
    (first, few), *_, (last, many) = sizes.items()
    text = f"the gates make {few} words of the observable at {first} wires and {many} at {last}: a power of n"
    reason = Bound("polynomial", text, tuple(sizes))
    return Orbits(reason, *(_by_masses(masses, i, tuple(sizes), text) for i in (0, 1)))


def _whole(model: Any, x: Any, cost: Any, words: list[Any]) -> Mass | None:
    """The second moments on these words."""
    try:
        circuit = pauli_circuit(model, x, cost)
        if len(words) * len(circuit.elements) > WORK or len(circuit.observable.terms) > TERMS:
            return None
        terms = tuple(certify(circuit))
    except Refused:
        return None
    return whole(replace(circuit, observable=replace(circuit.observable, terms=terms)), words)


def _by_masses(
    masses: list[Mass | None], i: int, widths: tuple[int, ...], text: str
) -> Bound | None:
    values = [mass[i] for mass in takewhile(bool, masses) if mass is not None]
    if not np.isfinite(values).all():
        return None
    widths = widths[: len(values)]
    law = growth(values)
    if law not in ("constant", "polynomial"):
        return None
    text += f", on which it is 2^{values[0]:.3g} and 2^{values[-1]:.3g}"
    return Bound(law, text, widths, tuple(values))


def orbit(
    elements: Iterable[Element], observable: Observable, most: int = MOST
) -> list[Word] | None:
    """The words that rotations alone can make of the observable's; None beyond ``most``, or with other gates.

    Example:
        >>> from qdl.pauli.operators import Angle
        >>> turns = [PauliRotation((0,), (1,), Angle(0)), PauliRotation((0,), (2,), Angle(1))]
        >>> len(orbit(turns, Observable(((1.0, (0, 1)),), 0.0)))  # X, Y and Z
        3
    """
    words = turned_words(elements)
    if words is None:
        return None
    about = set(words)
    out = list(dict.fromkeys(word for _, word in observable.terms))
    found = set(out)
    for word in out:  # which grows
        for generator in about:
            if anticommute(word, generator):
                turned = word[0] ^ generator[0], word[1] ^ generator[1]
                if turned not in found:
                    if len(out) >= most:
                        return None
                    found.add(turned)
                    out.append(turned)
    return out


def whole(circuit: PauliCircuit, words: list[Word]) -> Mass:
    r"""What all paths carry, on the few words that there are: the second moments themselves.

    For circuits of rotations whose terms ``walk.certify`` accepts. A rotation about P exchanges a part of
    what Q and PQ carry.
    """
    at = {word: i for i, word in enumerate(words)}
    partners: dict[Word, tuple[np.ndarray, np.ndarray]] = {}
    mean = np.zeros(len(words))
    for c, word in circuit.observable.terms:
        mean[at[word]] += c**2
    slope, chance = np.zeros(len(words)), np.zeros(len(words))
    before = mean.copy()  # no derivative yet
    for element in reversed(circuit.elements):
        assert isinstance(element, PauliRotation)
        about = from_letters(element.letters, element.wires)
        if about not in partners:
            pairs = [
                (i, at[word[0] ^ about[0], word[1] ^ about[1]])
                for i, word in enumerate(words)
                if anticommute(word, about)
            ]
            here, there = (
                (np.array(each, int) for each in zip(*pairs, strict=True)) if pairs else _NONE
            )
            partners[about] = here, there
        here, there = partners[about]
        cos, sin, scale, (centre, spread) = second(element.angle)
        q, p = before[here], before[there]
        slope[here] = cos * slope[here] + sin * slope[there]
        if element.angle.parameter is not None:
            slope[here] += scale * (sin * q + cos * p)
        before[here] = cos * q + sin * p
        q, p = mean[here], mean[there]
        chance[here] = cos * chance[here] + sin * chance[there] + spread * q + sin * p
        mean[here] = centre * q
    ends = np.array([not x for x, _ in words])
    with np.errstate(divide="ignore"):
        return Mass(*map(float, np.log2([slope[ends].sum(), chance[ends].sum()])))


_NONE = np.zeros(0, int), np.zeros(0, int)
