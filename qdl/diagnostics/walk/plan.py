"""What a walk needs: gates, the words that start it with their chances, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...pauli.circuit import PauliCircuit
from ...pauli.prefix import Prefix
from ...pauli.words import Word
from . import bits
from .gates import Gate, gate

CHUNK = 2**16  # samples walked side by side
FLAGS = 2**33  # bits kept for one chunk, one a sample and parameter: 1 GiB at most


@dataclass(frozen=True, eq=False)
class Plan:
    """A walk that any process can run.

    Attributes:
        n: wires.
        gates: in the order of the walk, last gate of the circuit first.
        words: the words that start it.
        chances: with which probability each.
        prefix: what the walk ends in.
        chunk: samples side by side.
    """

    n: int
    gates: list[Gate]
    words: list[Word]
    chances: np.ndarray
    prefix: Prefix
    chunk: int


def make_plan(circuit: PauliCircuit, prefix: Prefix, terms: Any, samples: int) -> Plan:
    """The walk of some words, each with a chance ~ its coefficient squared."""
    cache: dict[Any, Any] = {}
    gates = [gate(element, circuit.n_wires, cache) for element in reversed(prefix.rest)]
    room = FLAGS // max(2 * circuit.size, 1)
    chunk = int(np.clip(2 ** int(np.log2(max(room, 1))), 1024, CHUNK))
    chunk = min(chunk, -(-samples // bits.WORD) * bits.WORD)  # whole machine words
    squares = np.array([c**2 for c, _ in terms])
    chances = squares / squares.sum() if squares.any() else np.ones(1)
    return Plan(circuit.n_wires, gates, [word for _, word in terms], chances, prefix, chunk)


def begin(plan: Plan, source: bits.Source) -> bits.Rows:
    """The words of all samples: as many of each as its chance gives."""
    shares = source.generator.multinomial(plan.chunk, plan.chances)
    rows = []
    for kind in (0, 1):
        for wire in range(plan.n):
            letters = np.array([word[kind] >> wire & 1 for word in plan.words], bool)
            rows.append(bits.packed(np.repeat(letters, shares)))
    return rows
