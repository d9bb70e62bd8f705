"""Spaces of few dimensions that hold the whole problem, where there are any: then variances fall by powers.

That is not proven for every depth; it says that a power that was measured has a reason.

Reference: Ragone et al., Nature Communications 15, 7172 (2024), and Fontana et al., 15, 7171 (2024), for Lie
algebras; Schatzki, Larocca, Nguyen, Sauvage, Cerezo, npj Quantum Information 10, 12 (2024), for permutations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, groupby

from ...pauli.observables import Observable
from ...pauli.operators import Element, PauliRotation
from ...pauli.words import Word, anticommute, from_letters

MOST = 40_000  # words of an orbit


def permutation_invariant(elements: Iterable[Element], observable: Observable, n: int) -> bool:
    """Whether rotations that share an angle, and what is measured, stay the same when wires are exchanged.

    The state then stays among the n + 1 symmetric ones.
    """
    groups: list[dict[Word, float]] = []
    for _, same in groupby(elements, key=lambda e: e.angle and (e.angle.entry, e.angle.scale)):
        words = _turned(same)
        if words is None or any(anticommute(a, b) for a, b in combinations(set(words), 2)):
            return False
        groups.append(dict(Counter(words)))
    groups.append({word: round(c, 9) for c, word in observable.terms})
    return n > 1 and all(
        {_exchanged(word, w): count for word, count in group.items()} == group
        for group in groups
        for w in range(n - 1)
    )


def _turned(elements: Iterable[Element]) -> list[Word] | None:
    """The words that elements rotate about; None where one is no rotation."""
    found = []
    for element in elements:
        if not isinstance(element, PauliRotation):
            return None
        found.append(from_letters(element.letters, element.wires))
    return found


def _exchanged(word: Word, wire: int) -> Word:
    return _swap(word[0], wire), _swap(word[1], wire)


def _swap(bits: int, wire: int) -> int:
    differ = (bits >> wire ^ bits >> wire + 1) & 1
    return bits ^ (differ << wire | differ << wire + 1)


def orbit(elements: Iterable[Element], observable: Observable, most: int = MOST) -> int | None:
    """How many words rotations alone can make of the observable's; None beyond ``most``, or with other gates.

    Example:
        >>> from qdl.pauli.operators import Angle
        >>> turns = [PauliRotation((0,), (1,), Angle(0)), PauliRotation((0,), (2,), Angle(1))]
        >>> orbit(turns, Observable(((1.0, (0, 1)),), 0.0))  # X, Y and Z
        3
    """
    words = _turned(elements)
    if words is None:
        return None
    about = set(words)
    found = {word for _, word in observable.terms}
    fresh = list(found)
    while fresh:
        word = fresh.pop()
        for generator in about:
            if anticommute(word, generator):
                turned = word[0] ^ generator[0], word[1] ^ generator[1]
                if turned not in found:
                    if len(found) >= most:
                        return None
                    found.add(turned)
                    fresh.append(turned)
    return len(found)
