r"""Standard errors from the values of a place alone: of Pauli words, and of products that are read with them.

For a value $\sum_j c_j P_j$ of S shots, over the pairs of words that share outcomes,
$\sigma^2 = \sum_{ij} c_i c_j (\langle P_i P_j \rangle - \langle P_i \rangle \langle P_j \rangle) / (S - 1)$;
other pairs have shots of their own. S outcomes that are all the same are no proof that the next one is, too:
the scatter of a word is that of one more hit and one more miss (Laplace's rule of succession).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..circuit import Circuit
from ..observables import words
from ..readout import Expval, Probabilities

MOST = 64  # words of a value whose pairs are looked at; for more, errors may add up
ROUNDS = 4  # of asking for products, which may change what is read together

Values = Callable[[Circuit], Any]
Together = Callable[[Circuit], Sequence[frozenset[Any]] | None]


def with_errors(
    circuit: Circuit, shots: int, values: Values, together: Together
) -> tuple[Any, Any]:
    """Values ``(..., k)`` and their standard errors, from one call of a place.

    Args:
        circuit: the circuit.
        shots: outcomes behind every value, two at least.
        values: the place's values of a circuit with another readout.
        together: the words of a circuit's readout that share outcomes, as sets; None where a place does
            not say: then words that one basis reads are taken to err together in the worst way.
    """
    measured = circuit.measured
    if isinstance(measured, Probabilities):
        p = values(circuit)
        inside = (shots * jnp.clip(p, 0, 1) + 1) / (shots + 2)
        return p, jnp.sqrt(inside * (1 - inside) / (shots - 1))
    sums = [{w: c for w, c in words(o).items() if len(w)} for o in measured.observables]
    fixed = [sum(c for w, c in words(o).items() if not len(w)) for o in measured.observables]
    asked = list(dict.fromkeys(w for terms in sums for w in terms))
    if not asked:
        found = values(circuit)
        return found, jnp.zeros_like(found)
    pairs, sets = _pairs(circuit, sums, asked, together)
    extra = [_product(*pair)[0] for pair in pairs]
    asked = list(dict.fromkeys([*asked, *(w for w in extra if len(w))]))
    found = values(_reading(circuit, asked))
    mean: dict[Any, Any] = {word: found[..., i] for i, word in enumerate(asked)}
    columns, errors = [], []
    for terms, constant in zip(sums, fixed, strict=True):
        columns.append(sum((c * mean[w] for w, c in terms.items()), 0.0 * found[..., 0]) + constant)
        errors.append(_variance(terms, mean, pairs, sets, found[..., 0], shots / (shots + 2)))
    return jnp.stack(columns, -1), jnp.sqrt(jnp.maximum(jnp.stack(errors, -1), 0) / (shots - 1))


def _variance(terms: Any, mean: Any, pairs: Any, sets: Any, like: Any, shrink: float) -> Any:
    own = {word: jnp.maximum(1 - (shrink * mean[word]) ** 2, 0) for word in terms}
    total = sum((c**2 * own[w] for w, c in terms.items()), 0.0 * like)
    if sets is None or len(terms) > MOST:
        for a, b in combinations(terms, 2):
            if _one_basis(a, b):
                total = total + 2 * abs(terms[a] * terms[b]) * jnp.sqrt(own[a] * own[b])
        return total
    for a, b in pairs:
        if a in terms and b in terms:
            word, sign = _product(a, b)
            covariance = sign * (mean[word] if len(word) else 1.0) - mean[a] * mean[b]
            total = total + 2 * terms[a] * terms[b] * covariance
    return total


def _pairs(circuit: Circuit, sums: Any, asked: Any, together: Together) -> tuple[Any, Any]:
    """The pairs of words of one value that share outcomes when they and their products are read."""
    short = [terms for terms in sums if len(terms) <= MOST]
    pairs: list[Any] = []
    for _ in range(ROUNDS):
        products = [w for w, _ in (_product(*pair) for pair in pairs) if len(w)]
        sets = together(_reading(circuit, list(dict.fromkeys([*asked, *products]))))
        if sets is None:
            return [], None
        shared = [
            pair
            for pair in dict.fromkeys(p for terms in short for p in combinations(terms, 2))
            if any(pair[0] in each and pair[1] in each for each in sets)
        ]
        if set(shared) <= set(pairs):
            return shared, sets
        pairs = list(dict.fromkeys([*pairs, *shared]))
    return [], None


def _reading(circuit: Circuit, asked: Sequence[Any]) -> Circuit:
    return replace(circuit, readout=Expval([word.operation() for word in asked]))


def _product(a: Any, b: Any) -> tuple[Any, float]:
    word, factor = a._matmul(b)  # of words that agree on the wires that they share: real
    return word, float(np.real(factor))


def _one_basis(a: Any, b: Any) -> bool:
    return all(a[wire] == b[wire] for wire in set(a) & set(b))
