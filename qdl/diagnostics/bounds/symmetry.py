"""States that stay among few, since all wires are alike: then variances fall by powers.

That is not proven for every depth; it says that a power that was measured has a reason.

Reference: Schatzki, Larocca, Nguyen, Sauvage, Cerezo, npj Quantum Information 10, 12 (2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, groupby

from ...pauli.observables import Observable
from ...pauli.operators import Element, PauliRotation
from ...pauli.words import Word, anticommute, from_letters


def permutation_invariant(elements: Iterable[Element], observable: Observable, n: int) -> bool:
    """Whether rotations that share an angle, and what is measured, stay the same when wires are exchanged.

    The state then stays among the n + 1 symmetric ones.
    """
    groups: list[dict[Word, float]] = []
    for _, same in groupby(elements, key=lambda e: e.angle and (e.angle.entry, e.angle.scale)):
        words = turned_words(same)
        if words is None or any(anticommute(a, b) for a, b in combinations(set(words), 2)):
            return False
        groups.append(dict(Counter(words)))
    groups.append({word: round(c, 9) for c, word in observable.terms})
    return n > 1 and all(
        {_exchanged(word, w): count for word, count in group.items()} == group
        for group in groups
        for w in range(n - 1)
    )


def turned_words(elements: Iterable[Element]) -> list[Word] | None:
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
