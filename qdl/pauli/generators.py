r"""The generators of a circuit's gates, in one frame: fixed gates in between are moved away.

A gate $e^{-i\theta G}$ that comes after fixed gates $W$ acts as $W e^{-i\theta W^\dagger G W}$.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..observables import words
from ..refused import Refused
from . import transfer
from .circuit import read_elements
from .observables import observable
from .operators import AngleGate, AxisRotation, Channel, Clifford, Element, FixedGate, PauliRotation
from .words import Word, anticommute, from_letters, from_names, local_word, place

Sentence = tuple[tuple[Word, float], ...]  # a sum of words
SMALL = 1e-12  # coefficients below this are rounding


@dataclass(frozen=True)
class Generators:
    """Generators as sums of Pauli words, and the cost's words, all in one frame.

    Attributes:
        sentences: the distinct generators.
        observable: the cost in the same frame; None where it is no sum of words.
        notes: what the reader should know.
    """

    sentences: list[Sentence]
    observable: Sentence | None
    notes: tuple[str, ...]


def generators_of(operators: Iterable[Any]) -> tuple[int, list[Sentence]]:
    """Number of wires and generators from PennyLane operators, whose wires are numbered as they come."""
    operators = list(operators)
    number = {
        wire: i for i, wire in enumerate(dict.fromkeys(w for o in operators for w in o.wires))
    }
    out = []
    for operator in operators:
        terms = words(operator).items()
        out.append(
            _sentence({from_names({number[w]: p for w, p in term.items()}): c for term, c in terms})
        )
    return len(number), [sentence for sentence in out if sentence]


def read_generators(model: Any) -> Generators:
    """The generators of a QNN; those of its encoding gates too."""
    try:
        elements = read_elements(model.layers, model.wires, None, None)
    except Refused as error:
        raise Refused(f"the generators of the model cannot be read. {error}") from error
    uses = Counter(e.angle.entry for e in elements if e.angle is not None)
    tied = {entry for entry, count in uses.items() if count > 1}
    measured = _measured(model)
    moved: dict[
        Any, Sentence
    ] = {}  # in reverse order of time; equal words once unless order matters
    first = next((i for i, e in enumerate(elements) if e.angle is not None), len(elements))
    for at in reversed(range(first, len(elements))):
        element = elements[at]
        if isinstance(element, Channel):
            raise Refused(
                "a circuit with noise has no Lie algebra of unitaries. Ask about the model without Noise."
            )
        if element.angle is None:
            moved = {key: _conjugate(element, s) for key, s in moved.items()}
            moved = moved if tied else {s: s for s in map(_unsigned, moved.values())}
            measured = None if measured is None else _conjugate(element, measured)
            continue
        for i, sentence in enumerate(_local(element)):
            entry, scale = element.angle.entry, element.angle.scale
            scaled = tuple((word, scale * c) for word, c in sentence)
            moved[(at, i, entry) if tied else _unsigned(sentence)] = scaled
    if not tied:
        return Generators(list({_unsigned(s): None for s in moved.values()}), measured, ())
    return _merged([(key[2], s) for key, s in moved.items()], tied, measured)


def _measured(model: Any) -> Sentence | None:
    try:
        return tuple((word, c) for c, word in observable(model, None).terms)
    except Refused:  # too many words to write out
        return None


def _merged(
    moved: list[tuple[int, Sentence]], tied: set[int], measured: Sentence | None
) -> Generators:
    """Gates of one parameter become one generator where they can be brought together."""
    sums, loose = {}, 0
    out = {_unsigned(s): None for entry, s in moved if entry not in tied}
    for entry in sorted(tied):
        at = [i for i, (e, _) in enumerate(moved) if e == entry]
        if _together(moved, at):
            total: dict[Word, float] = {}
            for i in at:
                for word, c in moved[i][1]:
                    total[word] = total.get(word, 0.0) + c
            sums[_sentence(total)] = None
        else:
            loose += 1
            out |= {_unsigned(moved[i][1]): None for i in at}
    note = (
        f"{loose} parameters enter gates that do not commute; each gate was given a generator of its own, "
        "so the dimension is an upper bound"
    )
    sentences = [s for s in {**out, **{_unsigned(s): None for s in sums}} if s]
    return Generators(sentences, measured, (note,) if loose else ())


def _together(moved: list[tuple[int, Sentence]], at: list[int]) -> bool:
    """True where each gate of a parameter can be moved next to the following one."""
    return all(
        _commute(moved[here][1], moved[i][1])
        for here, there in zip(at, at[1:], strict=False)
        for i in range(here + 1, there + 1)
    )


def _commute(a: Sentence, b: Sentence) -> bool:
    """True where every word of one commutes with every word of the other: enough, not necessary."""
    return not any(anticommute(u, v) for u, _ in a for v, _ in b)


def _local(element: Element) -> Iterator[Sentence]:
    """The generators of a gate with an angle."""
    if isinstance(element, PauliRotation):
        yield ((from_letters(element.letters, element.wires), 0.5),)
    elif isinstance(element, AxisRotation):  # which axis is drawn: all three may be
        for letter in (1, 2, 3):
            yield ((from_letters((letter,), element.wires), 0.5),)
    elif isinstance(element, AngleGate):
        terms = _generator(element.samples.tobytes(), len(element.wires))
        yield _sentence({place(i, element.wires, (0, 0)): c for i, c in terms})


@lru_cache
def _generator(samples: bytes, wires: int) -> tuple[tuple[int, float], ...]:
    r"""G of $e^{-i\theta G}$ from its action on words: $\partial H_{QP} = \mathrm{Tr}(Q\,i[G, P])/2^w$."""
    size = 4**wires
    h = np.frombuffer(samples).reshape(transfer.SAMPLES, size, size)
    slope = np.fft.ifft(1j * transfer.FREQUENCIES[:, None, None] * np.fft.fft(h, axis=0), axis=0)[0]
    p, scale = transfer.words(wires), 2**wires
    products = np.einsum("rij,pjk->rpik", p, p)
    brackets = 1j * (products - np.swapaxes(products, 0, 1))
    table = np.einsum("qij,rpji->qpr", p, brackets).real / scale
    g = np.linalg.lstsq(table[..., 1:].reshape(size**2, -1), slope.real.ravel())[0]
    return tuple((i + 1, float(c)) for i, c in enumerate(g) if abs(c) > 1e-9)


def _conjugate(element: Clifford | FixedGate, sentence: Sentence) -> Sentence:
    r"""What a sum of words was before a fixed gate: $W^\dagger G W$."""
    support = sum(1 << w for w in element.wires)
    if not any((x | z) & support for (x, z), _ in sentence):
        return sentence
    out: dict[Word, float] = {}
    for word, c in sentence:
        p = local_word(word, element.wires)
        if isinstance(element, Clifford):
            images = [(int(element.image[p]), int(element.sign[p]))]
        else:
            column = element.matrix[:, p]
            images = [(int(q), float(column[q])) for q in np.flatnonzero(abs(column) > SMALL)]
        for q, factor in images:
            image = place(q, element.wires, word)
            out[image] = out.get(image, 0.0) + c * factor
    return _sentence(out)


def _sentence(words: dict[Word, float]) -> Sentence:
    return tuple(sorted((w, c) for w, c in words.items() if abs(c) > SMALL and w != (0, 0)))


def _unsigned(sentence: Sentence) -> Sentence:
    """A sum with its first coefficient 1: multiples are one generator; rounded, so that equals meet."""
    return tuple((word, round(c / sentence[0][1], 9)) for word, c in sentence)
