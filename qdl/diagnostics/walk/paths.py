"""The paths of a Pauli walk: what each counts at its end, and how heavy its words became on the way."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ...pauli.circuit import PauliCircuit
from ...pauli.prefix import split
from . import bits
from .gates import walk
from .plan import Plan, begin, make_plan


def walk_paths(
    circuit: PauliCircuit, terms: Any, samples: int, key: jax.Array
) -> tuple[np.ndarray, np.ndarray]:
    r"""Walk Pauli words back through a circuit.

    The circuit must have been certified for these words (see ``certify``).

    Args:
        circuit: gates.
        terms: ``(coefficient, word)``; each walk starts from one of them, with chance ~ coefficient².
        samples: number of walks, rounded up to whole chunks.
        key: a JAX key.

    Returns:
        Scores ``(samples,)`` in [0, 1], whose mean times the sum of squared coefficients is the mean
        square; and the largest weight on each path, ``(samples,)``. Gates on single wires change no
        weight, so that those which open the circuit can be averaged exactly.
    """
    plan = make_plan(circuit, split(circuit, angles=True), terms, samples)
    seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
    parts = [_chunk(plan, [*seed, c]) for c in range(-(-samples // plan.chunk))]
    scores, weights = zip(*parts, strict=True)
    return np.concatenate(scores), np.concatenate(weights)


def _chunk(plan: Plan, seed: list[int]) -> tuple[np.ndarray, np.ndarray]:
    source = bits.Source(seed, plan.chunk)
    rows, n = begin(plan, source), plan.n

    def ignore(parameter: Any, where: Any, weight: Any) -> Any:
        return None

    def held(wires: Any) -> np.ndarray:
        """How many of some wires each word acts on."""
        marks = [bits.unpacked(rows[w] | rows[n + w]) for w in wires]
        return np.asarray(np.sum(marks, axis=0, dtype=np.int16))

    alive = np.full(source.size, 2**64 - 1, np.uint64)
    weight = held(range(n))
    heaviest = weight
    for gate in plan.gates:
        several = len(gate.wires) > 1
        before = held(gate.wires) if several else weight
        alive &= walk([gate], rows, source, ignore)
        if several:
            weight = weight + held(gate.wires) - before
            heaviest = np.maximum(heaviest, weight)
    score = bits.unpacked(alive).astype(float)
    for wire in range(n):
        score = score * plan.prefix.squares[wire][bits.letters(rows, wire)]
    return score, heaviest
