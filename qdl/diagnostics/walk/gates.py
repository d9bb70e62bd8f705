"""One gate of the Pauli walk: what it does to the words of all samples, going back in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...pauli.laws import characteristic
from ...pauli.moments import Local, local_step
from ...pauli.operators import Element
from . import bits

TINY = 1e-13


@dataclass(frozen=True, eq=False)
class Gate:
    """What a gate needs to be walked; plain values, so that it can travel to another process.

    Attributes:
        kind: ``linear``, ``rotation``, ``axes``, ``branch`` or ``noise``.
        n: wires of the circuit.
        wires: of the gate.
        updates: linear: rows of bits, and the rows that they become the sum of.
        first: rotation: rows whose sum says where the word anticommutes with P.
        flips: rotation: rows that a product with P flips.
        p: probability of that product, E sin^2.
        table: branch: for each local word its images and their probabilities; noise: the probability that
            a letter survives, its damping squared.
        entry: the parameter, or None.
        weights: its score: what a kept and what a multiplied word counts (rotation, axes), or for each
            (image, word) (branch).
    """

    kind: str
    n: int
    wires: tuple[int, ...]
    updates: Any = ()
    first: tuple[int, ...] = ()
    flips: tuple[int, ...] = ()
    p: float = 0.5
    table: Any = None
    entry: int | None = None
    weights: Any = None


def gate(element: Element, n: int, cache: dict[Any, Any]) -> Gate:
    """An element of a circuit as a gate of the walk."""
    wires = element.wires
    if element.kind == "clifford":
        return Gate("linear", n, wires, updates=linear_updates(element, n))
    entry = None if element.angle is None or element.angle.entry < 0 else element.angle.entry
    if element.kind == "rotation":
        assert element.angle is not None
        square = characteristic(element.angle.law, 2 * element.angle.scale).real
        return _turn(element, n, float(1 - square) / 2, entry)
    if element.form not in cache:
        cache[element.form] = local_step(element)
    step = cache[element.form]
    diagonal = step.square[0, 0]
    slope = step.slope_square.get((0, 0), np.zeros_like(diagonal))
    if element.kind == "noise":
        if (diagonal != np.diag(np.diag(diagonal))).any():
            raise ValueError(
                f"the channel on wires {list(wires)} is no mixture of Pauli words, so that a word does not "
                "stay one. Use method='dense_moment' or 'statevector' on qdl.backends.density_matrix()."
            )
        return Gate("noise", n, wires, table=tuple(np.diag(diagonal).tolist()))
    if element.kind == "axes":
        return _turn(element, n, _axes_p(step), entry)
    table = []
    for word in range(len(diagonal)):
        images = np.flatnonzero(diagonal[:, word] > TINY)
        table.append([(int(i), float(diagonal[i, word])) for i in images])
    ratio = np.divide(slope, diagonal, out=np.zeros_like(slope), where=diagonal > TINY)
    return Gate("branch", n, wires, table=table, entry=entry, weights=ratio)


def linear_updates(element: Element, n: int) -> Any:
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


def _turn(element: Element, n: int, p: float, entry: int | None) -> Gate:
    """A rotation: what counts is how often the word is multiplied by P, E sin^2."""
    p = round(p, 13)  # a fair coin exactly, where the average says so up to rounding
    assert element.angle is not None
    scale2, kept = element.angle.scale**2, 1 - p
    weights = (
        scale2 * p / kept if kept > TINY else 0.0,
        scale2 * kept / p if p > TINY else 0.0,
    )
    first, flips = rotation_rows(element, n)
    return Gate(element.kind, n, element.wires, (), first, flips, p, None, entry, weights)


def _axes_p(step: Local) -> float:
    """E sin^2 of the angle: X goes to Y or Z for one axis in three each."""
    return float(3 * step.square[0, 0][3, 1])


def rotation_rows(element: Element, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows whose sum tells whether a word anticommutes with P, and rows that a product with P flips."""
    first, flips = [], []
    for wire, letter in zip(element.wires, element.letters, strict=False):
        if letter & 1:
            first.append(n + wire)
            flips.append(wire)
        if letter & 2:
            first.append(wire)
            flips.append(n + wire)
    return tuple(first), tuple(flips)


Score = Callable[[int, np.ndarray, float], None]  # (parameter, ones where it counts, how much)


def walk(gates: list[Gate], rows: bits.Rows, source: bits.Source, score: Score) -> np.ndarray:
    """All gates in the order given; returns ones where noise has not ended the walk."""
    alive = np.full(source.size, 2**64 - 1, np.uint64)
    for each in gates:
        if each.kind == "linear":
            fresh = [_sum(rows, parts) for _, parts in each.updates]
            for (row, _), values in zip(each.updates, fresh, strict=True):
                rows[row] = values
        elif each.kind == "rotation":
            against = _sum(rows, each.first)
            multiplied = against & source.biased(each.p)
            for row in each.flips:
                rows[row] = rows[row] ^ multiplied
            _count(each, against, multiplied, score)
        elif each.kind == "axes":
            _walk_axes(each, rows, source, score)
        elif each.kind == "noise":
            for letter in (1, 2, 3):
                lost = source.biased(1 - each.table[letter])
                alive &= ~(lost & bits.matching(rows, each.wires, letter))
        else:
            _walk_branch(each, rows, source, score)
    return alive


def _sum(rows: bits.Rows, parts: tuple[int, ...]) -> np.ndarray:
    out = rows[parts[0]]
    for row in parts[1:]:
        out = out ^ rows[row]
    return out


def _count(each: Gate, against: np.ndarray, multiplied: np.ndarray, score: Score) -> None:
    if each.entry is None:
        return
    kept, changed = each.weights
    if kept == changed:
        score(each.entry, against, kept)
    else:
        score(each.entry, against & ~multiplied, kept)
        score(each.entry, multiplied, changed)


def _walk_axes(each: Gate, rows: bits.Rows, source: bits.Source, score: Score) -> None:
    """A rotation about X, Y or Z, each for a third of the samples."""
    (wire,) = each.wires
    x, z = rows[wire], rows[each.n + wire]
    about_x = source.biased(1 / 3)
    about_y = ~about_x & source.fair()
    about_z = ~(about_x | about_y)
    against = (about_x & z) | (about_y & (x ^ z)) | (about_z & x)
    multiplied = against & source.biased(each.p)
    rows[wire] = x ^ (multiplied & ~about_z)
    rows[each.n + wire] = z ^ (multiplied & ~about_x)
    _count(each, against, multiplied, score)


def _walk_branch(each: Gate, rows: bits.Rows, source: bits.Source, score: Score) -> None:
    """Any other gate: every local word goes to one of its images at random."""
    moves = []
    for word, images in enumerate(each.table):
        if images == [(word, images[0][1])] and not np.any(each.weights[:, word]):
            continue
        left, rest = bits.matching(rows, each.wires, word), 1.0
        for image, p in images:
            taken = left & source.biased(min(p / rest, 1.0)) if p < rest - TINY else left
            left, rest = left & ~taken, rest - p
            moves.append((image, taken))
            if each.entry is not None and each.weights[image, word]:
                score(each.entry, taken, float(each.weights[image, word]))
    for image, taken in moves:
        bits.assign(rows, each.wires, taken, image)
