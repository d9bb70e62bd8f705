r"""From above: what no angles can make large.

Three facts, each for every width: noise on every wire between layers shrinks the cost, whatever the angles;
a word on many wires ends as a word on many wires, each of which is a coin where its first gates turn it at
random; and a projector on m wires is a sum of $2^m$ words of size $2^{-m}$.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pennylane as qp

from ...observables import terms
from ...pauli.circuit import PauliCircuit
from ...pauli.laws import known, turns
from ...pauli.operators import Channel, Clifford, Element, PauliRotation
from ...pauli.prefix import split
from ...pauli.words import letters
from ...readout import Probabilities

Z = 2  # the letter, beside I = 0


def noise(elements: Iterable[Element], n: int) -> float:
    r"""$\log_2$ of the bound $n \prod_l \lambda_l^2$ over layers of Pauli noise on every wire; 0 for none.

    $\lambda_l$ is the largest factor that a letter keeps in layer l.

    Reference: Wang, Fontana, Cerezo, Sharma, Sone, Cincio, Coles, Nature Communications 12, 6961 (2021),
    theorem 1.
    """
    total, covered, worst = 0.0, set(), 0.0
    for element in [*elements, None]:
        if isinstance(element, Channel) and len(element.wires) == 1:
            diagonal = np.diag(element.matrix)
            if np.allclose(element.matrix, np.diag(diagonal), atol=1e-12):
                covered.update(element.wires)
                worst = max(worst, float(abs(diagonal[1:]).max()))
                continue
        if len(covered) == n and 0 < worst < 1:
            total += 2 * float(np.log2(worst))
        covered, worst = set(), 0.0
    return total + float(np.log2(n)) if total else 0.0


def first_gates(circuit: PauliCircuit) -> float:
    r"""$\log_2$ of a bound of $E[C^2]$ for observables on many wires; 0 where there is none.

    A word on w wires at the end comes from one on at least w / f wires at the start, where f is the widest
    set of wires that one wire at the start can reach. There a letter of wire q ends as Z, or I, with at most
    probability $s_q$ after the gates of that wire alone.

    Reference: Cerezo, Sone, Volkoff, Cincio, Coles, Nature Communications 12, 1791 (2021), theorem 1.
    """
    opening = split(circuit, angles=True)
    survive = sorted(opening.squares[:, 1:].max(axis=1), reverse=True)
    reach = _reach(opening.rest, circuit.n_wires)
    total = 0.0
    for c, (x, z) in circuit.observable.terms:
        least = -(-(x | z).bit_count() // reach)
        total += c**2 * float(np.prod(survive[:least]))  # on the wires that lose least
    return float(np.log2(total)) if total > 0 else 0.0


def _reach(elements: Iterable[Element], n: int) -> int:
    """The widest set of wires that one wire at the start can reach; diagonal gates in a row commute."""
    found = [1 << wire for wire in range(n)]  # the wires of the start behind each wire
    before, inside = found, False
    for element in elements:
        if len(element.wires) < 2:
            inside = inside and _diagonal(element)
            continue
        diagonal = _diagonal(element)
        before = before if diagonal and inside else list(found)
        inside = diagonal
        seen = before if diagonal else found
        behind = [seen[wire] for wire in element.wires]
        for wire in element.wires:
            for each in behind:
                found[wire] |= each
    return max(sum(each >> wire & 1 for each in found) for wire in range(n))


def _diagonal(element: Element) -> bool:
    """Whether words of I and Z stay as they are."""
    if isinstance(element, PauliRotation):
        return all(letter in (0, Z) for letter in element.letters)
    return isinstance(element, Clifford) and all(
        image == word for word, image in enumerate(element.image) if _plain(word, element)
    )


def _plain(word: int, element: Element) -> bool:
    return all(letter in (0, Z) for letter in letters(word, len(element.wires)))


def projector(model: Any, elements: Iterable[Element], cost: Any) -> float:
    r"""$\log_2$ of the bound $2^{-m}$ for a projector on m wires that end in random turns; else 0.

    $|b\rangle\langle b| = 2^{-m} \sum_S \pm Z_S$. Gates that permute basis states leave it a projector. If
    next, going back, comes a uniform rotation about X or Y on each of its wires, whose angle is used nowhere
    else, then no two of the words interfere, and $E[C^2] \le 4^{-m} 2^m$.

    Reference: Cerezo, Sone, Volkoff, Cincio, Coles, Nature Communications 12, 1791 (2021).
    """
    wires, weight = _projected(model, cost)
    elements = list(elements)
    uses = Counter(e.angle.entry for e in elements if e.angle is not None)
    missing = set(wires)
    for element in reversed(elements):
        if missing.isdisjoint(element.wires):
            continue
        one = len(element.wires) == 1 and not _diagonal(element)
        if isinstance(element, PauliRotation) and one:
            angle = element.angle
            if uses[angle.entry] > 1 or not known(angle.law) or not turns(angle.law, angle.scale):
                break
            missing -= set(element.wires)
        elif not _permutes(element) or not set(element.wires) <= missing:
            break
    return 0.0 if missing or not wires else float(2 * np.log2(weight) - len(wires))


def _permutes(element: Element) -> bool:
    """Whether words of I and Z stay such words."""
    return _diagonal(element) or (
        isinstance(element, Clifford)
        and all(
            _plain(int(image), element)
            for word, image in enumerate(element.image)
            if _plain(word, element)
        )
    )


def _projected(model: Any, cost: Any) -> tuple[list[int], float]:
    """The wires of the projector that is measured, and its factor."""
    if cost is not None:
        return [], 1.0
    measured = model.measured
    if isinstance(measured, Probabilities):
        return [int(w) for w in measured.wires], 1.0
    parts = [(c, term) for c, term in terms(measured.observables[0]) if len(term.wires)]
    parts = [(c, term) for c, term in parts if not isinstance(term, qp.Identity)]
    if len(parts) != 1 or not isinstance(parts[0][1], qp.Projector):
        return [], 1.0
    weight, term = parts[0]
    return [int(w) for w in term.wires], abs(weight)
