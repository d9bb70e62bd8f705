"""Which Pauli words are followed back through a network, and where each is kept: a pass without angles.

Words that differ on a block's two wires alone make a group: 16 numbers, which the block multiplies by its
matrix. A word whose coefficient is zero whatever the angles never appears. A word that is too heavy, or too
small on average, is dropped where it would first appear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..refused import Refused
from .network import Block
from .words import Word, from_letters, wires_of

MOST = 2**20  # words at once
LOCAL = [(i, j) for i in range(4) for j in range(4)]
WEIGHTS = np.array([(i > 0) + (j > 0) for i, j in LOCAL])


@dataclass(frozen=True)
class Limits:
    """What is kept.

    Attributes:
        weight: the most wires of a word; None for any.
        epsilon: the smallest root mean square of a coefficient over uniform angles.
        most: how many words at most are kept at once, the largest on average; None for any number.
    """

    weight: int | None = None
    epsilon: float = 0.0
    most: int | None = None


@dataclass(frozen=True)
class WordSets:
    """Slots of words along a network, for blocks in reversed time order.

    Attributes:
        slots: how many numbers are kept at once; behind them one that is zero and one that is not read.
        start: the slot of each word of the readout; -1 for one that is dropped at once.
        block: for each group its block.
        inputs: ``(groups, 16)`` slots that are read.
        outputs: ``(groups, 16)`` slots that are written.
        dropped: ``(groups, 16)``, whether the word that would be written is dropped.
        words: the words that are left at the product state, and their slots.
        lost: the mean square of what was dropped over independent uniform angles, by the readout's words.
        moment: the mean square of all words at each drop or at the end.
        most: the largest number of words at once.
    """

    slots: int
    start: tuple[int, ...]
    block: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    dropped: np.ndarray
    words: tuple[tuple[Word, int], ...]
    lost: float
    moment: float
    most: int


def word_sets(
    blocks: Sequence[Block],
    patterns: Sequence[np.ndarray],
    squares: Sequence[np.ndarray],
    words: Sequence[Word],
    weights: np.ndarray,
    limits: Limits,
) -> WordSets:
    """Follow the words of a readout back.

    Args:
        blocks: of the network, in time order.
        patterns: for each block ``(16, 16)``, which entries of R are not zero whatever the angles.
        squares: for each block ``(16, 16)``, the mean of R * R over its angles.
        words: those of the readout.
        weights: ``(words,)``, their squared weights.
        limits: what is kept.
    """
    slot: dict[Word, int] = {}
    moment: dict[Word, float] = {}
    free: list[int] = []
    top, lost, most = 0, 0.0, 0
    on: dict[int, set[Word]] = {w: set() for block in blocks for w in block.wires}
    heaviest = limits.weight if limits.weight is not None else 10**9
    start = []
    for word, weight in zip(words, weights, strict=True):
        if len(wires_of(word)) > heaviest:
            start.append(-1)
            lost += weight
            continue
        slot[word], moment[word] = top, float(weight)
        start.append(top)
        top += 1
        for w in wires_of(word):
            on.setdefault(w, set()).add(word)
    rows: list[tuple[int, list[int], list[int], list[bool]]] = []
    for number in reversed(range(len(blocks))):
        pair, pattern, square = blocks[number].wires, patterns[number], squares[number]
        groups: dict[Word, list[Word]] = {}
        letters = [from_letters(each, pair) for each in LOCAL]  # of the local words
        local = {word: p for p, word in enumerate(letters)}
        both = sum(1 << w for w in pair)
        for word in on[pair[0]] | on[pair[1]]:
            groups.setdefault((word[0] & ~both, word[1] & ~both), []).append(word)
        spare: list[int] = []
        for rest, members in groups.items():
            if rest in slot:
                members.append(rest)
            reads = [-1] * 16
            before = np.zeros(16)
            here = []
            for word in members:
                p = local[word[0] & both, word[1] & both]
                reads[p], before[p] = slot.pop(word), moment.pop(word)
                here.append(p)
            possible = pattern[here].any(0)
            after = before @ square
            weight = (rest[0] | rest[1]).bit_count()
            light = weight + WEIGHTS <= heaviest
            keep = possible & light & ((after >= limits.epsilon**2) | (np.arange(16) == 0))
            if limits.epsilon == 0:
                keep = possible & light
            gone = possible & ~keep
            lost += float(after[gone].sum())
            others = wires_of(rest)
            for word in members:
                for w in (*others, *pair):
                    on[w].discard(word)
            own = [reads[p] for p in here]
            writes = [-1] * 16
            for q in np.flatnonzero(keep).tolist():
                if own:
                    at = own.pop()
                elif free:
                    at = free.pop()
                else:
                    at, top = top, top + 1
                x, z = letters[q]
                word = rest[0] | x, rest[1] | z
                slot[word], moment[word], writes[q] = at, float(after[q]), at
                for w in others:
                    on[w].add(word)
                for w, letter in zip(pair, LOCAL[q], strict=True):
                    if letter:
                        on[w].add(word)
            spare += own  # not before the block is done: another group may still read them
            rows.append((number, reads, writes, gone.tolist()))
        free += spare
        if len(slot) > MOST and limits.most is None:
            raise Refused(
                f"{len(slot)} Pauli words are to be followed, and more to come: more than {MOST}. "
                "Use a smaller "
                "weight, an epsilon or max_words; or an exact place, qdl.backends.cone() or tensor_network()."
            )
        if limits.most is not None and len(slot) > limits.most:
            for word in sorted(moment, key=moment.__getitem__)[: len(slot) - limits.most]:
                lost += moment.pop(word)
                at = slot.pop(word)
                free.append(at)
                for w in wires_of(word):
                    on[w].discard(word)
                if not _drop(rows, at):  # a word of the readout that no block has met yet
                    start[start.index(at)] = -1
        most = max(most, len(slot))
    table = [
        np.array(column, int).reshape(-1, 16)
        for column in zip(*(r[1:3] for r in rows), strict=True)
    ]
    reads, writes = table if table else (np.zeros((0, 16), int), np.zeros((0, 16), int))
    return WordSets(
        slots=top,
        start=tuple(start),
        block=np.array([r[0] for r in rows], int),
        inputs=np.where(reads < 0, top, reads),
        outputs=np.where(writes < 0, top + 1, writes),
        dropped=np.array([r[3] for r in rows], bool).reshape(-1, 16),
        words=tuple(sorted(slot.items())),
        lost=lost,
        moment=float(sum(moment.values())) + lost,
        most=max(most, len(words)),
    )


def _drop(rows: list[tuple[int, list[int], list[int], list[bool]]], at: int) -> bool:
    """Drop a word where it was written last; False where no block wrote it."""
    for _, _, writes, gone in reversed(rows):
        if at in writes:
            q = writes.index(at)
            writes[q], gone[q] = -1, True
            return True
    return False
