"""Pauli words of many samples as bits: 64 samples in one 64-bit number, two rows of bits a wire."""

from __future__ import annotations

import numpy as np

from ...pauli import words

WORD = 64
Rows = list[np.ndarray]  # X bits of the wires, then Z bits: n + n arrays of 64-bit numbers


class Source:
    """Random bits, from NumPy's SFC64 and a seed."""

    def __init__(self, seed: list[int], samples: int):
        self.bits = np.random.SFC64(seed)
        self.generator = np.random.Generator(self.bits)
        self.samples, self.size = samples, samples // WORD

    def fair(self) -> np.ndarray:
        """Each bit 1 with probability 1/2."""
        return self.bits.random_raw(self.size)

    def biased(self, p: float) -> np.ndarray:
        """Each bit 1 with probability p."""
        if p == 0.5:
            return self.fair()
        if p <= 0 or p >= 1:
            return np.full(self.size, 0 if p <= 0 else 2**64 - 1, np.uint64)
        return packed(self.generator.random(self.samples) < p)


def packed(flags: np.ndarray) -> np.ndarray:
    """Booleans ``(..., samples)`` as ``(..., samples / 64)`` numbers."""
    return np.packbits(flags, axis=-1, bitorder="little").view(np.uint64)


def unpacked(rows: np.ndarray) -> np.ndarray:
    """Bits ``(..., samples)`` in {0, 1}, unsigned bytes, of ``(..., samples / 64)`` numbers."""
    return np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=-1, bitorder="little")


def letters(rows: Rows, wire: int) -> np.ndarray:
    """The letter of each sample on a wire, ``(samples,)``; numbered as in ``pauli.words``."""
    return unpacked(rows[wire]) + 2 * unpacked(rows[len(rows) // 2 + wire])


def count(rows: np.ndarray) -> np.ndarray:
    """The number of ones along the last axis."""
    return np.bitwise_count(rows).sum(axis=-1, dtype=np.int64)


def totals(rows: np.ndarray) -> np.ndarray:
    """The number of ones of each sample over the rows ``(k, samples / 64)``: ``(samples,)``.

    Full adders on whole numbers: three rows of one weight become one of it and one of twice that.
    """
    out, weight = np.zeros(rows.shape[1] * WORD, np.int64), 1
    while len(rows):
        carries = []
        while len(rows) > 1:
            third = max(len(rows) // 3, 1)
            a, b, c = rows[:third], rows[third : 2 * third], rows[2 * third : 3 * third]
            c = c if len(c) else np.zeros_like(a)
            either = a ^ b
            carries.append(a & b | either & c)
            rows = np.concatenate([either ^ c, rows[3 * third :]])
        out += weight * unpacked(rows[0]).astype(np.int64)  # which holds bytes
        rows, weight = np.concatenate(carries) if carries else rows[:0], 2 * weight
    return out


def matching(rows: Rows, wires: tuple[int, ...], local: int) -> np.ndarray:
    """Ones where the letters on ``wires`` are the local word; numbered as in ``pauli.words``."""
    n, out = len(rows) // 2, np.full_like(rows[0], 2**64 - 1)
    for letter, wire in zip(words.letters(local, len(wires)), wires, strict=True):
        for row, bit in ((rows[wire], letter & 1), (rows[n + wire], letter >> 1)):
            out &= row if bit else ~row
    return out


def assign(rows: Rows, wires: tuple[int, ...], where: np.ndarray, local: int) -> None:
    """Write the local word onto ``wires`` where the ones are."""
    n = len(rows) // 2
    for letter, wire in zip(words.letters(local, len(wires)), wires, strict=True):
        for at, bit in ((wire, letter & 1), (n + wire, letter >> 1)):
            rows[at] = rows[at] | where if bit else rows[at] & ~where
