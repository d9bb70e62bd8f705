"""When single Pauli words are enough: proof that pairs of different words do not add to second moments.

A pair (Q, Q') goes on as Q and R = QQ'. Rotations that commute with R leave it as it is; a uniform one that
does not kills it. Pairs start with two terms of the observable, or where a gate that is no Clifford splits a
word. What matters is that no such R comes back to the identity, or reaches the start with a value there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from ...pauli.circuit import PauliCircuit
from ...pauli.laws import characteristic
from ...pauli.moments import Local, local_step
from ...pauli.operators import AngleGate, Clifford, Element, PauliRotation
from ...pauli.words import Word, anticommute, from_letters, local_word, phase, place
from ...refused import Refused

MOST = 100_000  # products that are followed


def certify(circuit: PauliCircuit, product_wires: int = 0) -> list[tuple[float, Word]]:
    """The observable as words whose second moments add up, with their coefficients.

    Args:
        circuit: what to prove it of.
        product_wires: bits of wires whose start is a product state other than 0.

    Returns:
        Terms that are one word up to a sign that no angle changes are merged; the others have no cross
        terms.

    Raises:
        Refused: where the proof fails, saying at which gate, and what to use instead.
    """
    terms = circuit.observable.terms
    products = {}
    for i, (_, a) in enumerate(terms):
        for j, (_, b) in enumerate(terms[:i]):
            products.setdefault((a[0] ^ b[0], a[1] ^ b[1]), []).append((j, i))
        if len(products) > MOST:
            raise Refused(
                f"an observable of {len(terms)} words has more than {MOST} products to follow. Use "
                "method='light_cone' or 'statevector', or fewer terms."
            )
    fate = _follow(circuit, set(products), product_wires)
    heads = {i: (i, 1) for i in range(len(terms))}  # term -> (the first one like it, their sign)
    links = sorted((j, i, sign) for word, sign in fate.items() for j, i in products[word])
    for j, i, sign in links:
        power = phase(terms[j][1], terms[i][1])
        if power % 2 == 0 and heads[i][0] == i:  # words that do not commute never both have a value
            head, first = heads[j]
            heads[i] = head, first * sign * (1 if power == 0 else -1)
    merged: dict[int, float] = {}
    for i, (head, sign) in heads.items():
        merged[head] = merged.get(head, 0.0) + sign * terms[i][0]
    return [(value, terms[head][1]) for head, value in merged.items() if value]


def _follow(circuit: PauliCircuit, pure: set[Word], product_wires: int) -> dict[Word, int]:
    """Products of terms that reach the start as they are and have a value there, with their sign."""
    now: dict[Word, list[tuple[Word, int]]] = {word: [(word, 1)] for word in pure}
    mixed: set[Word] = set()
    known: dict[Any, tuple[Local, frozenset[int]]] = {}
    for element in reversed(circuit.elements):
        if isinstance(element, Clifford):
            if now or mixed:
                now, mixed = _conjugate(element, now, mixed)
            continue
        if isinstance(element, PauliRotation):
            _check_law(element, circuit)
            now, mixed = _rotate(element, now, mixed)
            continue
        key = element.form
        if key not in known:
            _check_law(element, circuit)
            step = local_step(element)
            known[key] = step, _splits(step)
        step, split = known[key]
        if not now and not mixed and not split:
            continue
        fresh: set[Word] = {place(out, element.wires, (0, 0)) for out in split}
        for word in list(now):
            if local := local_word(word, element.wires):
                del now[word]
                fresh |= _images(step, local, element.wires, word)
        for word in mixed:
            local = local_word(word, element.wires)
            fresh |= (
                {word} if not local and not split else _images(step, local, element.wires, word)
            )
        mixed = fresh
        if (0, 0) in mixed or len(mixed) > MOST:
            raise Refused(_failure(element, "meets itself again"))
    nonzero = [w for w in mixed if not w[0] & ~product_wires]
    nonzero += [w for w in now if not w[0] & ~product_wires and (w[0] | w[1]) & product_wires]
    if nonzero:
        raise Refused(_failure(None, "reaches the start of the circuit"))
    return {
        origin: sign for word, origins in now.items() if not word[0] for origin, sign in origins
    }


def _failure(element: Element | None, what: str) -> str:
    where = "" if element is None else f" at the {element.label} on wires {list(element.wires)}"
    return (
        f"a pair of different Pauli words {what}{where}, so that single words do not give the second "
        "moments: a fixed gate that is no Clifford, or terms of the observable that interfere. Use "
        "method='dense_moment' (few wires), 'light_cone' or 'statevector'."
    )


def _check_law(element: Element, circuit: PauliCircuit) -> None:
    """Sine and its product with the cosine must average to nothing."""
    angle = element.angle
    if angle is None or isinstance(element, AngleGate):
        return
    sine, double = _sines(angle.law, angle.scale)
    if sine or double or isinstance(angle.law, float):
        name = circuit.layers[angle.entry] if angle.entry >= 0 else "an encoding"
        raise Refused(
            f"{name} starts with {angle.law!r}: E[sin] = {sine:.3g} and E[sin 2 angle] = {double:.3g}, but "
            "the Pauli walk needs a law with a density that is symmetric about 0, or a whole turn. Use "
            "method='dense_moment' (few wires), 'light_cone' or 'statevector'."
        )


@cache
def _sines(law: Any, scale: float) -> tuple[float, float]:
    sine, double = characteristic(law, [scale, 2 * scale]).imag
    return float(sine), float(double)


def _splits(step: Local) -> frozenset[int]:
    """Products that a single word turns into, in the gate or in its derivative."""
    pairs = [*step.square, *step.slope_square]
    return frozenset(out for out, given in pairs if given == 0 and out)


def _rotate(element: PauliRotation, now: Any, mixed: set[Word]) -> tuple[Any, set[Word]]:
    """A rotation keeps products that commute with it, and their sign; others it damps by E cos, or kills."""
    about = from_letters(element.letters, element.wires)
    against = {word for word in (*now, *mixed) if anticommute(about, word)}
    if not against:
        return now, mixed
    damped = against if damping(element) else set()
    kept = {word: origins for word, origins in now.items() if word not in against}
    return kept, (mixed - against) | damped


def damping(element: PauliRotation) -> float:
    """E cos of a rotation's angle."""
    return float(_cosine(*element.angle.form))


@cache
def _cosine(law: Any, scale: float) -> float:
    return float(characteristic(law, scale).real)


def _images(step: Local, local: int, wires: tuple[int, ...], word: Word) -> set[Word]:
    return {place(out, wires, word) for out, given in step.square if given == local}


def _conjugate(element: Clifford, now: Any, mixed: Iterable[Word]) -> tuple[Any, set[Word]]:
    out: dict[Word, list[tuple[Word, int]]] = {}
    for word, origins in now.items():
        local = local_word(word, element.wires)
        image = place(int(element.image[local]), element.wires, word)
        sign = int(element.sign[local])
        out[image] = [(origin, s * sign) for origin, s in origins]
    wires = element.wires
    return out, {place(int(element.image[local_word(w, wires)]), wires, w) for w in mixed}
