"""The cost as a sum of Pauli words, where it is one: a weighted sum of the readout's observables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pennylane as qp

from ..observables import norm, words
from ..readout import Measured, Probabilities
from ..refused import Refused
from .words import Word, from_names, wires_of

MOST_BITS = 6  # wires whose probabilities are written out as words


@dataclass(frozen=True)
class Observable:
    """``offset + sum of coefficient * word``; the words differ and none is the identity."""

    terms: tuple[tuple[float, Word], ...]
    offset: float

    @property
    def wires(self) -> set[int]:
        """The wires that it reads."""
        return {wire for _, word in self.terms for wire in wires_of(word)}


@dataclass(frozen=True)
class Words:
    """Readout values as weighted sums of Pauli words: ``offset + weights @ <words>``."""

    words: tuple[Word, ...]
    weights: np.ndarray  # (k, words)
    offset: np.ndarray  # (k,)


def readout_words(measured: Measured) -> Words:
    """All readout values as words.

    Raises:
        Refused: probabilities of many wires, or another observable of too many words.
    """
    rows = []
    for each in _observables(measured):
        rows.append({from_names(word): float(c) for word, c in words(each).items()})
    found = dict.fromkeys(word for row in rows for word in row if word != (0, 0))
    weights = np.array([[row.get(word, 0.0) for word in found] for row in rows])
    offset = np.array([row.get((0, 0), 0.0) for row in rows])
    return Words(tuple(found), weights.reshape(len(rows), len(found)), offset)


def _observables(measured: Measured) -> Sequence[Any]:
    """Probabilities as projectors."""
    if not isinstance(measured, Probabilities):
        return measured.observables
    if len(measured.wires) > MOST_BITS:
        raise Refused(
            f"the probabilities of {len(measured.wires)} wires are {4 ** len(measured.wires):.3g} "
            "Pauli words; "
            f"at most {MOST_BITS} wires are written out. Read single wires with ExpZ(), or Probs of fewer."
        )
    outcomes = product((0, 1), repeat=len(measured.wires))
    return [qp.Projector(bits, wires=measured.wires) for bits in outcomes]


def observable(model: Any, cost: Callable[..., Any] | None) -> Observable:
    """The cost of a model as words; refused where it is not a weighted sum of expectation values."""
    measured = model.measured
    if isinstance(measured, Probabilities):
        outcomes = product((0, 1), repeat=len(measured.wires))
        observables = [qp.Projector(bits, wires=measured.wires) for bits in outcomes]
    else:
        observables = measured.observables
    weights, offset = _weights(cost, len(observables))
    total: dict[Word, float] = {}
    for weight, each in zip(weights, observables, strict=True):
        if weight:
            for word, value in words(each).items():
                bits = from_names(word)
                total[bits] = total.get(bits, 0.0) + weight * value
    offset += total.pop((0, 0), 0.0)
    least = 1e-15 * max(map(abs, total.values()), default=0.0)
    kept = sorted((word, value) for word, value in total.items() if abs(value) > least)
    return Observable(tuple((value, word) for word, value in kept), offset)


def linear(model: Any, cost: Callable[..., Any] | None) -> bool:
    """Whether a cost is a weighted sum of the readout values, and a constant."""
    try:
        _weights(cost, model.measured.size)
    except Refused:
        return False
    return True


def _weights(cost: Any, size: int) -> tuple[np.ndarray, float]:
    """Of each readout value, and the constant; the first value alone without a cost."""
    if cost is None:
        return np.eye(1, size)[0], 0.0
    import jax

    slopes = _slopes(cost, np.ones(size))
    least = 1e-7 * np.abs(slopes).max()
    if not all(np.allclose(slope, slopes[0], rtol=1e-6, atol=least) for slope in slopes):
        raise Refused(
            "the cost is not a weighted sum of the readout values, and the second moments of a "
            "nonlinear cost are not those of its observables. Use method='statevector'."
        )
    # Weights are exact in the caller's precision; the constant is what is left at zero.
    return slopes[0], float(np.squeeze(np.asarray(cost(jax.numpy.zeros(size)))))


def _slopes(cost: Any, norms: np.ndarray) -> np.ndarray:
    """The cost's derivatives in the readout values, at some values that these can have."""
    import jax

    points = norms * np.random.default_rng(0).uniform(-1, 1, (3, len(norms)))
    points = [np.zeros(len(norms)), *points, 0.1 * points[0]]
    slope = jax.grad(lambda values: jax.numpy.squeeze(cost(values)))
    return np.stack([np.asarray(slope(point), float) for point in points])


def scale(model: Any, cost: Callable[..., Any] | None) -> float:
    """How large a cost and its derivatives can be: the norm of what is measured, as the cost weighs it.

    Args:
        model: a QNN.
        cost: a function of the readout values, or None for the first of them.
    """
    measured = model.measured
    if isinstance(measured, Probabilities):
        norms = np.ones(measured.size)
    else:
        norms = np.array([norm(each) for each in measured.observables])
    if cost is None:
        return float(norms[0])
    return float((np.abs(_slopes(cost, norms)) @ norms).max())
