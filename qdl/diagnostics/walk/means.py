"""First moments at any width: the mean of the cost, and of its derivatives where angles are not uniform."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...pauli.circuit import PauliCircuit
from ...pauli.moments import local_step, mean_matrix
from ...pauli.operators import Channel, Clifford, PauliRotation
from ...pauli.words import Word, anticommute, from_letters, local_word, place
from ...refused import Refused
from . import bits
from .certify import damping
from .gates import exchange, linear_updates, rotation_rows

MOST = 100_000  # words at a time


def mean(circuit: PauliCircuit, start: np.ndarray) -> float:
    """The mean of the cost, without its offset.

    Words go back in time; uniform angles kill most of them.

    Args:
        circuit: gates, and the words to average.
        start: ``(n, 4)``, the value of each letter on each wire at the beginning.
    """
    now = {word: value for value, word in circuit.observable.terms}
    known: dict[Any, np.ndarray] = {}
    for element in reversed(circuit.elements):
        if not now:
            return 0.0
        if isinstance(element, PauliRotation):  # E sin vanishes, or certify would have refused
            cosine = damping(element)
            about = from_letters(element.letters, element.wires)
            kept = {w: v * (cosine if anticommute(about, w) else 1.0) for w, v in now.items()}
            now = {word: value for word, value in kept.items() if value}
            continue
        key = element.form
        if key not in known:
            known[key] = mean_matrix(element)
        matrix, fresh = known[key], {}
        for word, value in now.items():
            local = local_word(word, element.wires)
            for image in np.flatnonzero(matrix[:, local]):
                to = place(int(image), element.wires, word)
                fresh[to] = fresh.get(to, 0.0) + value * float(matrix[image, local])
        least = 1e-16 * max(map(abs, fresh.values()), default=0.0)
        now = {word: value for word, value in fresh.items() if abs(value) > least}
        if len(now) > MOST:
            raise Refused(
                f"the mean of the cost has more than {MOST} words to follow. Use method='light_cone' or "
                "'statevector'."
            )
    total = 0.0
    for word, value in now.items():
        for wire in range(circuit.n_wires):
            value *= start[wire, local_word(word, (wire,))]
        total += value
    return total


def mean_slopes(
    circuit: PauliCircuit, coefficient: float, word: Word, start: np.ndarray
) -> np.ndarray:
    r"""The absolute mean of each derivative of one word, for angles with E sin = 0.

    On average a word goes on as it is, times E cos where it anticommutes, except at the gate of the
    derivative, where it is multiplied by P. All derivatives are walked side by side, one sample each.

    Args:
        circuit: Cliffords, rotations and noise.
        coefficient: of the word.
        word: what is measured.
        start: the value of each letter on each wire at the beginning, as for ``mean``.
    """
    n, size = circuit.n_wires, circuit.size
    samples = -(-max(size, 1) // bits.WORD) * bits.WORD
    full = np.uint64(2**64 - 1)
    rows = [np.full(samples // 64, full * (word[0] >> w & 1)) for w in range(n)]
    rows += [np.full(samples // 64, full * (word[1] >> w & 1)) for w in range(n)]
    logs, dead = np.zeros(samples), np.ones(samples, bool)
    for element in reversed(circuit.elements):
        if isinstance(element, Clifford):
            exchange(rows, linear_updates(element, n))
        elif isinstance(element, Channel):
            diagonal = np.diag(local_step(element).mean)
            for letter in (1, 2, 3):
                _multiply(
                    logs,
                    bits.unpacked(bits.matching(rows, element.wires, letter)),
                    diagonal[letter],
                )
        else:
            _rotate(rows, element, n, logs, dead)
    value = np.exp(logs[:size]) * abs(coefficient) * ~dead[:size]
    for wire in range(n):
        value = value * abs(start[wire][bits.letters(rows, wire)[:size]])
    return value


def _rotate(rows: bits.Rows, element: Any, n: int, logs: np.ndarray, dead: np.ndarray) -> None:
    first, flips = rotation_rows(element, n)
    against = bits.unpacked(np.bitwise_xor.reduce([rows[p] for p in first]))
    angle = element.angle
    cosine = damping(element)
    k = angle.entry
    differentiated = False
    if k >= 0:
        differentiated = bool(against[k])
        dead[k] = not differentiated
        against[k] = 0
    _multiply(logs, against, cosine)
    if differentiated:
        logs[k] += np.log(max(abs(cosine * angle.scale), 1e-300))
        mask = np.uint64(1 << (k % 64))
        for row in flips:
            rows[row] = rows[row].copy()
            rows[row][k // 64] ^= mask


def _multiply(logs: np.ndarray, where: np.ndarray, factor: float) -> None:
    if factor != 1:
        logs += where * np.log(max(abs(factor), 1e-300))
