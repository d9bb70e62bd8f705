"""The gates of the Pauli walk: what each does to the words of all samples, going back in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...pauli.laws import characteristic
from ...pauli.moments import local_step
from ...pauli.operators import AxisRotation, Channel, Clifford, Element, PauliRotation
from ...refused import Refused
from . import bits

TINY = 1e-13


Updates = tuple[tuple[int, tuple[int, ...]], ...]  # rows, and the rows that they become the sum of
Score = Callable[[int, np.ndarray, float], None]  # (parameter, ones where it counts, how much)


@dataclass(frozen=True)
class Linear:
    """A Clifford: some rows of bits become sums of others."""

    wires: tuple[int, ...]
    updates: Updates

    def apply(self, rows: bits.Rows, source: bits.Source, score: Score) -> None:
        exchange(rows, self.updates)


@dataclass(frozen=True)
class Scored:
    """The score of a rotation: what a word that stayed counts, and one that was multiplied by P."""

    entry: int | None
    kept: float
    changed: float

    def count(self, against: np.ndarray, multiplied: np.ndarray, score: Score) -> None:
        """Score the words that do not commute with P."""
        if self.entry is None:
            return
        if self.kept == self.changed:
            score(self.entry, against, self.kept)
        else:
            score(self.entry, against & ~multiplied, self.kept)
            score(self.entry, multiplied, self.changed)


@dataclass(frozen=True)
class Turn:
    """A rotation about P.

    Attributes:
        wires: where.
        first: rows whose sum says where the word anticommutes with P.
        flips: rows that a product with P flips.
        p: probability of that product, E sin^2.
        scored: what it counts.
    """

    wires: tuple[int, ...]
    first: tuple[int, ...]
    flips: tuple[int, ...]
    p: float
    scored: Scored

    def apply(self, rows: bits.Rows, source: bits.Source, score: Score) -> None:
        against = _sum(rows, self.first)
        multiplied = against & source.biased(self.p)
        for row in self.flips:
            rows[row] = rows[row] ^ multiplied
        self.scored.count(against, multiplied, score)


@dataclass(frozen=True)
class AxisTurn:
    """A rotation about X, Y or Z, each for a third of the samples; ``p`` is E sin^2."""

    wires: tuple[int, ...]
    p: float
    scored: Scored

    def apply(self, rows: bits.Rows, source: bits.Source, score: Score) -> None:
        (wire,) = self.wires
        z_row = len(rows) // 2 + wire
        x, z = rows[wire], rows[z_row]
        about_x = source.biased(1 / 3)
        about_y = ~about_x & source.fair()
        about_z = ~(about_x | about_y)
        against = (about_x & z) | (about_y & (x ^ z)) | (about_z & x)
        multiplied = against & source.biased(self.p)
        rows[wire] = x ^ (multiplied & ~about_z)
        rows[z_row] = z ^ (multiplied & ~about_x)
        self.scored.count(against, multiplied, score)


@dataclass(frozen=True)
class Damping:
    """A channel that multiplies words by numbers: what survives with their squares as probability.

    Attributes:
        wires: where.
        survives: the probability of each letter.
    """

    wires: tuple[int, ...]
    survives: tuple[float, ...]

    def apply(self, rows: bits.Rows, source: bits.Source, score: Score) -> np.ndarray:
        """Ones where the walk ends."""
        ended = np.zeros_like(rows[0])
        for letter in (1, 2, 3):
            lost = source.biased(1 - self.survives[letter])
            ended |= lost & bits.matching(rows, self.wires, letter)
        return ended


@dataclass(frozen=True, eq=False)
class Branch:
    """Any other gate: every local word goes to one of its images at random.

    Attributes:
        wires: where.
        images: for each local word its images and their probabilities.
        entry: the parameter, or None.
        weights: its score for each (image, word).
    """

    wires: tuple[int, ...]
    images: Sequence[list[tuple[int, float]]]
    entry: int | None
    weights: np.ndarray

    def apply(self, rows: bits.Rows, source: bits.Source, score: Score) -> None:
        moves = []
        for word, images in enumerate(self.images):
            if images == [(word, images[0][1])] and not np.any(self.weights[:, word]):
                continue
            left, rest = bits.matching(rows, self.wires, word), 1.0
            for image, p in images:
                taken = left & source.biased(min(p / rest, 1.0)) if p < rest - TINY else left
                left, rest = left & ~taken, rest - p
                moves.append((image, taken))
                if self.entry is not None and self.weights[image, word]:
                    score(self.entry, taken, float(self.weights[image, word]))
        for image, taken in moves:
            bits.assign(rows, self.wires, taken, image)


Gate = Linear | Turn | AxisTurn | Damping | Branch


def gate(element: Element, n: int, cache: dict[Any, Any]) -> Gate:
    """An element of a circuit on ``n`` wires as a gate of the walk."""
    wires = element.wires
    if isinstance(element, Clifford):
        return Linear(wires, linear_updates(element, n))
    if isinstance(element, PauliRotation):
        square = characteristic(element.angle.law, 2 * element.angle.scale).real
        p, scored = _scored(element, float(1 - square) / 2)
        return Turn(wires, *rotation_rows(element, n), p, scored)
    if element.form not in cache:
        cache[element.form] = local_step(element)
    step = cache[element.form]
    diagonal = step.square[0, 0]
    if isinstance(element, AxisRotation):  # X goes to Y or Z for one axis in three each
        return AxisTurn(wires, *_scored(element, float(3 * diagonal[3, 1])))
    if isinstance(element, Channel):
        if (diagonal != np.diag(np.diag(diagonal))).any():
            raise Refused(
                f"the channel on wires {list(wires)} is no mixture of Pauli words, so that a word does not "
                "stay one. Use method='dense_moment' or 'statevector' on qdl.backends.density_matrix()."
            )
        return Damping(wires, tuple(np.diag(diagonal).tolist()))
    slope = step.slope_square.get((0, 0), np.zeros_like(diagonal))
    images = []
    for word in range(len(diagonal)):
        some = np.flatnonzero(diagonal[:, word] > TINY)
        images.append([(int(i), float(diagonal[i, word])) for i in some])
    ratio = np.divide(slope, diagonal, out=np.zeros_like(slope), where=diagonal > TINY)
    return Branch(wires, images, None if element.angle is None else element.angle.parameter, ratio)


def linear_updates(element: Clifford, n: int) -> Updates:
    """Which rows become the sum of which, for the images of single letters."""
    w = len(element.wires)
    rows = [at + wire for wire in element.wires for at in (n, 0)]  # bit 2k+1 is Z, bit 2k is X
    out = []
    for position, row in enumerate(rows):
        bit = 2 * w - 1 - position
        parts = [rows[2 * w - 1 - b] for b in range(2 * w) if int(element.image[1 << b]) >> bit & 1]
        if parts != [row]:
            out.append((row, tuple(parts)))
    return tuple(out)


def exchange(rows: bits.Rows, updates: Updates) -> None:
    """Set rows to sums of what rows were."""
    fresh = [_sum(rows, parts) for _, parts in updates]
    for (row, _), values in zip(updates, fresh, strict=True):
        rows[row] = values


def _scored(element: PauliRotation | AxisRotation, p: float) -> tuple[float, Scored]:
    """How often the word is multiplied by P, E sin^2, and what that counts."""
    p = round(p, 13)  # a fair coin exactly, where the average says so up to rounding
    scale2, kept = element.angle.scale**2, 1 - p
    weights = (
        scale2 * p / kept if kept > TINY else 0.0,
        scale2 * kept / p if p > TINY else 0.0,
    )
    return p, Scored(element.angle.parameter, *weights)


def rotation_rows(element: PauliRotation, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows whose sum tells whether a word anticommutes with P, and rows that a product with P flips."""
    first, flips = [], []
    for wire, letter in zip(element.wires, element.letters, strict=True):
        if letter & 1:
            first.append(n + wire)
            flips.append(wire)
        if letter & 2:
            first.append(wire)
            flips.append(n + wire)
    return tuple(first), tuple(flips)


def walk(gates: list[Gate], rows: bits.Rows, source: bits.Source, score: Score) -> np.ndarray:
    """All gates in the order given; returns ones where noise has not ended the walk."""
    alive = np.full(source.size, 2**64 - 1, np.uint64)
    for each in gates:
        ended = each.apply(rows, source, score)
        if ended is not None:
            alive &= ~ended
    return alive


def _sum(rows: bits.Rows, parts: tuple[int, ...]) -> np.ndarray:
    out = rows[parts[0]]
    for row in parts[1:]:
        out = out ^ rows[row]
    return out
