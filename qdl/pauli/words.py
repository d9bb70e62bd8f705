"""Pauli words as bits.

A letter is a number x + 2z: I = 0, X = 1, Z = 2, Y = 3, so that a product of words, up to its phase, is an
exclusive or. A word on all wires is a pair of bit masks, X and Z by wire. A local word on a few wires is
their letters in base 4, the first wire most significant; an index is the local word on all wires.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Word = tuple[int, int]  # bits of X and of Z by wire: Y has both
NAMES = "IXZY"  # of the letters 0 to 3


def from_letters(letters: Iterable[int], wires: Iterable[int]) -> Word:
    """The word with these letters on these wires."""
    x = z = 0
    for letter, wire in zip(letters, wires, strict=True):
        x |= (letter & 1) << wire
        z |= (letter >> 1) << wire
    return x, z


def from_names(letters: Mapping[int, str]) -> Word:
    """The word with these letters by wire, as PennyLane's ``PauliWord`` names them."""
    return from_letters(map(NAMES.index, letters.values()), letters)


def wires_of(word: Word) -> tuple[int, ...]:
    """The wires that a word acts on."""
    support = word[0] | word[1]
    return tuple(w for w in range(support.bit_length()) if support >> w & 1)


def named(word: Word) -> dict[int, str]:
    """The names of the letters by wire, without identities."""
    return {w: NAMES[local_word(word, (w,))] for w in wires_of(word)}


def letter(word: Word, wire: int) -> int:
    """The letter of a word on a wire."""
    return (word[0] >> wire & 1) + 2 * (word[1] >> wire & 1)


def local_word(word: Word, wires: Iterable[int]) -> int:
    """The local word on some wires."""
    out = 0
    for wire in wires:
        out = out * 4 + letter(word, wire)
    return out


def place(local: int, wires: tuple[int, ...], word: Word) -> Word:
    """The word with another local word on some wires."""
    x, z = word
    for letter, wire in zip(letters(local, len(wires)), wires, strict=True):
        x = x & ~(1 << wire) | (letter & 1) << wire
        z = z & ~(1 << wire) | (letter >> 1) << wire
    return x, z


def index(letters: Iterable[int]) -> int:
    """The local word of some letters."""
    out = 0
    for letter in letters:
        out = out * 4 + letter
    return out


def letters(local: int, w: int) -> tuple[int, ...]:
    """The letters of a local word on ``w`` wires."""
    return tuple(local >> 2 * k & 3 for k in reversed(range(w)))


def digits(index: Any, wires: Iterable[int], n: int) -> Any:
    """The local word of an index on ``n`` wires, or of an array of them."""
    out = 0
    for wire in wires:
        out = out * 4 + (index >> 2 * (n - 1 - wire) & 3)
    return out


def with_digits(index: Any, wires: tuple[int, ...], n: int, local: Any) -> Any:
    """The index, or an array of them, with another local word on some wires."""
    for k, wire in enumerate(wires):
        shift = 2 * (n - 1 - wire)
        index = index & ~(3 << shift) | ((local >> 2 * (len(wires) - 1 - k) & 3) << shift)
    return index


def x_bits(n: int) -> int:
    """The bits of X in an index: the state 0 sees the words that have none of them."""
    return int("01" * n, 2)


def anticommute(a: Word, b: Word) -> bool:
    """Whether two words anticommute; they commute otherwise."""
    return bool(((a[0] & b[1]).bit_count() + (a[1] & b[0]).bit_count()) & 1)


def phase(a: Word, b: Word) -> int:
    """The power of i in ab, against the word of the product."""
    ys = (a[0] & a[1]).bit_count() + (b[0] & b[1]).bit_count()
    product = (a[0] ^ b[0]) & (a[1] ^ b[1])
    return (ys - product.bit_count() + 2 * (a[1] & b[0]).bit_count()) % 4
