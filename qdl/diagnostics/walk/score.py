r"""Scores between 0 and 1 at the end of a walk: the mean square of what arrives, wire by wire.

Where the circuit opens with rotations on single wires, their average is known exactly, so that the walk can
stop before them (Rao-Blackwell): a word of weight w then counts $\prod_q t_q$ instead of a rare 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...pauli.prefix import Prefix
from . import bits

ROWS = 256  # flags turned into numbers at a time


@dataclass(frozen=True, eq=False)
class Counts:
    """What one chunk saw: sums of scores and of their squares, in all and for each (parameter, weight)."""

    total: np.ndarray  # (2,)
    slots: list[tuple[int, float]]
    sums: np.ndarray  # (slots, 2)


def weigh(
    prefix: Prefix, rows: bits.Rows, alive: np.ndarray, slots: list[tuple[int, float]],
    flags: list[np.ndarray],
) -> Counts:  # fmt: skip
    """Sums of scores and of their squares: in all, for every flag, and for the prefix's parameters."""
    n = len(rows) // 2
    letters = [bits.letters(rows, wire) for wire in range(n)]
    score = bits.unpacked(alive).astype(float)
    before = []  # products over the wires up to each
    for wire in range(n):
        before.append(score)
        score = score * prefix.squares[wire][letters[wire]]
    scores = np.stack([score, score**2], axis=-1)
    sums = [_sums(flags[i : i + ROWS], scores) for i in range(0, len(flags), ROWS)]
    own, own_sums = _prefix_sums(prefix, letters, before)
    table = np.concatenate([*sums, own_sums.reshape(-1, 2)])
    return Counts(scores.sum(axis=0), [*slots, *own], table)


def _sums(flags: list[np.ndarray], scores: np.ndarray) -> np.ndarray:
    return bits.unpacked(np.stack(flags)).astype(float) @ scores


def _prefix_sums(
    prefix: Prefix, letters: list[np.ndarray], before: list[np.ndarray]
) -> tuple[list[tuple[int, float]], np.ndarray]:
    """The same for parameters of the prefix: their wire's factor is that of the derivative."""
    after, slots, sums = np.ones_like(before[0]), [], []
    by_wire: dict[int, list[tuple[int, np.ndarray]]] = {}
    for parameter, (wire, table) in prefix.slopes.items():
        by_wire.setdefault(wire, []).append((parameter, table))
    for wire in reversed(range(len(letters))):
        others = before[wire] * after
        for parameter, table in by_wire.get(wire, []):
            score = others * table[letters[wire]]
            slots.append((parameter, 1.0))
            sums.append([score.sum(), (score**2).sum()])
        after = after * prefix.squares[wire][letters[wire]]
    return slots, np.array(sums)
