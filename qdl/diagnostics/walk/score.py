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
    """What one chunk saw: sums of scores and of their squares.

    Attributes:
        total: ``(2,)``, of what arrives.
        norm: ``(3,)``, of what arrives times the weights of the parameters that it passed, and how many of
            these were not zero.
        slots: (parameter, weight) of each row of ``sums``.
        sums: ``(slots, 2)``.
    """

    total: np.ndarray
    norm: np.ndarray
    slots: list[tuple[int, float]]
    sums: np.ndarray


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
    weights, sums, passed = np.array([w for _, w in slots]), [], np.zeros(len(score))
    for i in range(0, len(flags), ROWS):
        seen = bits.unpacked(np.stack(flags[i : i + ROWS])).astype(float)
        sums.append(seen @ scores)
        passed += weights[i : i + ROWS] @ seen
    own, own_sums, norm = _prefix_sums(prefix, letters, before)
    table = np.concatenate([*sums, own_sums.reshape(-1, 2)])
    return Counts(scores.sum(axis=0), three(norm + passed * score), [*slots, *own], table)


def three(score: np.ndarray) -> np.ndarray:
    """The sum, the sum of squares, and how many are not zero."""
    return np.array([score.sum(), (score**2).sum(), np.count_nonzero(score)])


def _prefix_sums(
    prefix: Prefix, letters: list[np.ndarray], before: list[np.ndarray]
) -> tuple[list[tuple[int, float]], np.ndarray, np.ndarray]:
    """The same for parameters of the prefix: their wire's factor is that of the derivative."""
    after, slots, sums, norm = np.ones_like(before[0]), [], [], np.zeros_like(before[0])
    by_wire: dict[int, list[tuple[int, np.ndarray]]] = {}
    for parameter, (wire, table) in prefix.slopes.items():
        by_wire.setdefault(wire, []).append((parameter, table))
    for wire in reversed(range(len(letters))):
        others = before[wire] * after
        for parameter, table in by_wire.get(wire, []):
            score = others * table[letters[wire]]
            slots.append((parameter, 1.0))
            sums.append([score.sum(), (score**2).sum()])
            norm += score
        after = after * prefix.squares[wire][letters[wire]]
    return slots, np.array(sums), norm
