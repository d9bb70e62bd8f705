"""The dynamical Lie algebra: the directions in which a circuit can move at all."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..pauli.generators import Sentence, generators_of, read_generators
from ..pauli.words import Word, named

MOST = 2**18  # words found before the search stops: 4^9
MOST_WIRES = 6  # for sums of words, which need linear algebra: seconds here, hours beyond
MOST_SUMS = 300  # their dimension before the search stops


@dataclass(frozen=True)
class LieAlgebra:
    r"""The algebra that a circuit's generators span with all their nested commutators.

    Attributes:
        dimension: its dimension, or a bound of it; never above $4^n - 1$.
        bound: ``"equal"``, ``"at most"`` or ``"at least"``: what ``dimension`` is.
        n_wires: number of qubits.
        method: how it was found.
        observable_inside: True where what is measured lies in the algebra, so that expectation values
            can be computed in ``dimension`` numbers; None where that was not looked at.
        notes: what to know before the number is used.
    """

    dimension: int
    bound: str
    n_wires: int
    method: str
    observable_inside: bool | None = None
    notes: tuple[str, ...] = ()


def dynamical_lie_algebra(model_or_generators: Any, *, max_dimension: int = MOST) -> LieAlgebra:
    r"""The dimension of the dynamical Lie algebra of a model, or of given generators.

    Fixed gates are moved to one end: $U = W \prod_k e^{-i \theta_k \tilde G_k}$ with
    $\tilde G_k = W_k^\dagger G_k W_k$, where $W_k$ are the fixed gates before gate $k$; encoding
    gates count as generators too. A parameter of several commuting gates has their sum as generator.
    Generators that are single Pauli words need only bits: their commutators are words again. Sums are
    handed to ``pennylane.lie_closure`` on up to 6 wires; on more they are split into their words,
    which gives an upper bound.

    Args:
        model_or_generators: a QNN without noise, or PennyLane operators.
        max_dimension: stop the search there.

    Raises:
        ValueError: a model with noise or without generators, angles that are no multiple of one
            parameter.

    Example:
        >>> import pennylane as qp
        >>> ising = [qp.Z(i) for i in range(5)] + [qp.X(i) @ qp.X(i + 1) for i in range(4)]
        >>> dynamical_lie_algebra(ising).dimension  # free fermions: n (2n - 1)
        45

    Reference: Larocca, Czarnik, Sharma, Muraleedharan, Coles, Cerezo, Quantum 6, 824 (2022).
    """
    if hasattr(model_or_generators, "layers"):
        n = model_or_generators.n_wires
        found = read_generators(model_or_generators)
        sentences, observable, notes = found.sentences, found.observable, found.notes
    else:
        n, sentences = generators_of(model_or_generators)
        observable, notes = None, ()
    if not sentences:
        raise ValueError(
            "the model has no angles, so no Lie algebra. Add a layer such as Rotation()."
        )
    bound = "at most" if notes else "equal"
    sums = any(len(sentence) > 1 for sentence in sentences)
    if sums and n <= MOST_WIRES:
        dimension, complete = _sum_closure(sentences, n, min(max_dimension, MOST_SUMS))
        bound = bound if complete else "at least"
        return LieAlgebra(dimension, bound, n, "pennylane.lie_closure", None, notes)
    if sums:
        bound, notes = "at most", (*notes, "generators that are sums of Pauli words were split")
    words = word_closure([_key(word, n) for s in sentences for word, _ in s], n, max_dimension)
    inside = None if observable is None else all(_key(w, n) in words for w, _ in observable)
    if len(words) >= min(max_dimension, 4**n):
        bound, inside = "at least", inside or None
    if bound != "equal":
        inside = None
    return LieAlgebra(len(words), bound, n, "commutators of Pauli words", inside, notes)


def word_closure(words: Iterable[int], n: int, most: int = MOST) -> set[int]:
    """All Pauli words that nested commutators of some words give, up to phases.

    Args:
        words: each as bits of X shifted by ``n``, or bits of Z.
        n: number of wires.
        most: stop there.

    Example:
        >>> sorted(word_closure([0b10, 0b01], 1))  # X and Z give Y
        [1, 2, 3]

    Reference: Aguilar, Cichy, Eisert, Bittel, arXiv:2408.00081 (2024).
    """
    found: set[int] = set()
    kept: list[tuple[int, int]] = []  # a generator, and its halves exchanged
    low = (1 << n) - 1
    for word in words:
        if word in found or not word:
            continue
        kept.append((word, (word & low) << n | word >> n))
        # What was there before meets the new generator only; what is new meets all of them.
        fresh = [word] + [w ^ word for w in found if (w & kept[-1][1]).bit_count() & 1]
        found.update(fresh)
        while fresh:
            w = fresh.pop()
            if len(found) >= most:
                return found
            for generator, swapped in kept:
                product = w ^ generator
                if (w & swapped).bit_count() & 1 and product not in found:
                    found.add(product)
                    fresh.append(product)
    return found


def _sum_closure(sentences: list[Sentence], n: int, most: int) -> tuple[int, bool]:
    """The dimension for sums of words, and whether it is complete."""
    import pennylane as qp

    basis: list[Any] = []
    for sentence in sentences:
        terms = {qp.pauli.PauliWord(named(word)): coefficient for word, coefficient in sentence}
        basis.append(qp.pauli.PauliSentence(terms))
    nesting, before = 1, 0
    while True:  # ever deeper commutators, so that the search can be stopped
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # "reached the maximum number of iterations"
            found: Any = qp.lie_closure(basis, pauli=True, max_iterations=nesting)
            size = len(found)
        if size == before or size >= min(most, 4**n - 1):
            return size, size == before or size >= 4**n - 1
        nesting, before = 2 * nesting, size


def _key(word: Word, n: int) -> int:
    return word[0] << n | word[1]
