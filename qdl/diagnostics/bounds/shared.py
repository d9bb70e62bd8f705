r"""From below: few angles, whoever shares them.

As a function of one angle that gates share, the cost is a trigonometric polynomial whose degree D is the sum
of theirs. On a whole period its mean square is at least $1/(2D + 1)$ of the largest value, on a part of one
at least a constant over $D^2$; with p angles these factors multiply. So $O(\log n)$ angles of degrees that
are powers of n bound the variance from below by $n^{-O(\log n)}$, which no exponential is, and a bounded
number of them by a power of n. The large value is looked for where all gates are Cliffords.

Reference: Nikolskii, Trudy Matematicheskogo Instituta Steklova 38, 244 (1951); Videnskii's inequality for
parts of a period: Borwein, Erdelyi, Polynomials and Polynomial Inequalities (1995), section 5.1, exercise 19.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ...initializers import uniform
from ...pauli import transfer
from ...pauli.circuit import PauliCircuit
from ...pauli.cones import reduced
from ...pauli.operators import AngleGate, Clifford, Element, PauliRotation
from ...pauli.prefix import split
from ...pauli.words import Word, anticommute, from_letters, local_word, phase, place, wires_of

MOST = 10**6  # angles times gates: a few seconds
NEAR = -3.0  # log2 of a value that is large enough
QUARTERS = np.pi / 2 * np.arange(4)


class Shared(NamedTuple):
    r"""What few angles prove.

    Attributes:
        angles: how many there are in the light cone.
        degree: the largest of them.
        value: $\log_2$ of the square of a deviation that is reached, in the mean over features.
        cost: $\log_2$ of the bound of the variance of the cost.
        gradient: of the expected squared norm.
    """

    angles: int
    degree: float
    value: float
    cost: float
    gradient: float


def count(circuit: PauliCircuit) -> int:
    """How many angles the readout sees."""
    entries = {_parameter(element) for element in reduced(circuit).elements}
    return len(entries - {None})


def few_angles(circuit: PauliCircuit) -> Shared | None:
    """The bound; None for other laws than uniform ones, other gates, or where no large value is found."""
    small = reduced(circuit)
    fixed = 0  # gates that only features turn
    while fixed < len(small.elements) and _parameter(small.elements[fixed]) is None:
        fixed += 1
    opening, rest = small.elements[:fixed], small.elements[fixed:]
    features = [e.angle.entry for e in opening if e.angle is not None]
    plain = all(isinstance(e, Clifford) for e in opening)
    if not plain and (any(len(e.wires) > 1 for e in opening) or len(set(features)) < len(features)):
        return None
    gates: dict[int, list[Any]] = {}
    for element in rest:
        if isinstance(element, Clifford):
            continue
        entry = _parameter(element)
        if entry is None or not isinstance(element, PauliRotation | AngleGate):
            return None
        gates.setdefault(entry, []).append(element)
    if not gates or len(gates) * len(rest) > MOST:
        return None
    parts = [part for part in map(_factor, gates.values()) if part is not None]
    if len(parts) < len(gates):
        return None
    squares = split(replace(small, elements=opening), angles=True).squares if not plain else None
    value = _deviation(small, rest if squares is not None else small.elements, gates, squares)
    if value == -np.inf:
        return None
    cost = value - sum(math.log2(factor) for factor, _, _ in parts)
    longest = max(length for _, _, length in parts)
    # Var C is at most (length / pi)^2 times the mean square of the slopes.
    gradient = cost - 2 * max(math.log2(longest / math.pi), 0.0)
    return Shared(len(gates), max(degree for _, degree, _ in parts), value, cost, gradient)


def _parameter(element: Element) -> int | None:
    return None if element.angle is None else element.angle.parameter


def _factor(gates: Sequence[Any]) -> tuple[float, float, float] | None:
    """Largest square over mean square in one angle; its degree; the length of its interval."""
    law = gates[0].angle.law
    if not isinstance(law, uniform) or not law.high > law.low:
        return None
    steps, degree = [], 0.0
    for gate in gates:
        scale = abs(gate.angle.scale)
        if isinstance(gate, PauliRotation):
            steps.append(scale)
            degree += scale
        else:
            steps.append(scale / 2)
            degree += scale * _highest(gate.samples)
    unit = _common(steps)
    if unit is None or not degree:
        return None
    return _peak(degree / unit, unit * (law.high - law.low)), degree / unit, law.high - law.low


def _peak(degree: float, length: float) -> float:
    """At most so many times its mean over an interval is the square of a trigonometric polynomial.

    Example:
        >>> _peak(2, 2 * np.pi)
        5.0
    """
    periods = math.floor(length / (2 * np.pi) + 1e-9)
    if periods:
        return (2 * degree + 1) * length / (2 * np.pi * periods)
    half, m = length / 2, 2 * degree
    m = max(m, 0.5 * math.sqrt(3 * math.tan(half / 2) ** 2 + 1))
    steep = 2 * m**2 / math.tan(half / 2)  # of the square, over its largest value
    return 4 * half / min(half, 1 / steep)


def _highest(samples: np.ndarray) -> float:
    """The highest frequency in the entries of a transfer matrix."""
    spectrum = abs(np.fft.fft(samples, axis=0)).reshape(len(samples), -1).max(1)
    return float(abs(transfer.FREQUENCIES[spectrum > 1e-9]).max())


def _common(steps: Iterable[float]) -> float | None:
    """What all are multiples of."""
    least = min(steps)
    ratios = [step / least for step in steps]
    return least if all(abs(r - round(r)) < 1e-9 for r in ratios) else None


def _deviation(
    circuit: PauliCircuit, elements: Sequence[Element], gates: dict[int, list[Any]], squares: Any
) -> float:
    """log2 of the largest square of half a difference that is found between two points.

    One angle after another goes to the quarter turn that is best; the other point differs in one angle.
    """
    options = {entry: _quarters(each) for entry, each in gates.items()}
    if not all(options.values()):
        return -np.inf
    point = {entry: each[0] for entry, each in options.items()}
    best = _at(circuit, elements, point, squares)
    for entry, value in _moves(options):
        if best.size >= NEAR:
            break
        found = _at(circuit, elements, {**point, entry: value}, squares)
        if found.size > best.size:
            best, point = found, {**point, entry: value}
    largest = -np.inf
    for entry, value in _moves(options):
        other = _at(circuit, elements, {**point, entry: value}, squares)
        if other.word == best.word:
            # The mean square of half the difference, against that of the value itself.
            change = abs(best.value - other.value) / 2 / max(abs(best.value), 1e-300)
            largest = max(largest, best.size + 2 * _log2(change))
        if largest >= best.size - 1e-9:
            break
    return largest


def _moves(options: dict[int, list[float]]) -> Iterator[tuple[int, float]]:
    return ((entry, value) for entry, values in options.items() for value in values)


def _quarters(gates: Sequence[Any]) -> list[float]:
    """The angles of the law where all gates are Cliffords."""
    law, scale = gates[0].angle.law, abs(gates[0].angle.scale)
    inside = [q / scale for q in QUARTERS if law.low - 1e-9 <= q / scale <= law.high + 1e-9]
    return [q for q in inside if all(_clifford(g, q) is not None for g in gates)]


def _clifford(gate: Any, value: float) -> Any:
    """Quarter turns of a rotation, or the signed permutation of another gate; None for neither."""
    quarters = gate.angle.scale * value / (np.pi / 2)
    if abs(quarters - round(quarters)) > 1e-9:
        return None
    if isinstance(gate, PauliRotation):
        return round(quarters) % 4
    return transfer.signed_permutation(gate.samples[2 * round(quarters) % transfer.SAMPLES])


class _Found(NamedTuple):
    """The cost at a point: log2 of its mean square, the word that features turn, and its factor."""

    size: float
    word: Word | None
    value: float


def _at(
    circuit: PauliCircuit, elements: Sequence[Element], point: dict[int, float], squares: Any
) -> _Found:
    found = {word: c for c, word in circuit.observable.terms}
    turns: dict[Any, Any] = {}
    for element in reversed(elements):
        move: Any = element
        if element.angle is not None:
            key = element.form, element.angle.entry
            if key not in turns:
                turns[key] = _clifford(element, point[element.angle.entry])
            move = turns[key]
        fresh: dict[Word, float] = {}
        for word, c in found.items():
            after, sign = _moved(element, move, word)
            fresh[after] = fresh.get(after, 0.0) + sign * c
        found = fresh
    if squares is None:
        value = sum(c for (x, _), c in found.items() if not x)
        return _Found(2 * _log2(abs(value)), None, value)
    if len(found) > 1:  # words of one random product state may interfere
        return _Found(-np.inf, None, 0.0)
    [(word, c)] = found.items()
    size = sum(_log2(float(squares[w, local_word(word, (w,))])) for w in wires_of(word))
    return _Found(2 * _log2(abs(c)) + size, word, c)


def _moved(element: Any, move: Any, word: Word) -> tuple[Word, int]:
    if isinstance(element, PauliRotation):
        about = from_letters(element.letters, element.wires)
        if not move or not anticommute(about, word):
            return word, 1
        if move == 2:
            return word, -1
        # exp(i t P/2) Q exp(-i t P/2) = cos t Q + sin t i P Q
        power = 1 + phase(about, word)
        turned = about[0] ^ word[0], about[1] ^ word[1]
        return turned, (1 if power % 4 == 0 else -1) * (1 if move == 1 else -1)
    image, sign = (move.image, move.sign) if isinstance(move, Clifford) else move
    local = local_word(word, element.wires)
    return place(int(image[local]), element.wires, word), int(sign[local])


def _log2(value: float) -> float:
    return math.log2(value) if value > 1e-300 else -np.inf
