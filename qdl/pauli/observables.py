"""The cost as a sum of Pauli words, where it is one: a weighted sum of the readout's observables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp

from ..simulator.measure import terms as split_sum
from .words import NAMES, Word, from_letters

LARGEST = {"Projector": 12}  # wires of what is written out in words; of a matrix, 6
MOST_WORDS = 2 ** LARGEST["Projector"]  # of a product


@dataclass(frozen=True)
class Observable:
    """``offset + sum of coefficient * word``; the words differ and none is the identity."""

    terms: tuple[tuple[float, Word], ...]
    offset: float

    @property
    def support(self) -> int:
        """The wires that it reads, as bits."""
        out = 0
        for _, (x, z) in self.terms:
            out |= x | z
        return out


def observable(model: Any, cost: Callable[..., Any] | None) -> Observable:
    """The cost of a model as words; refused where it is not a weighted sum of expectation values."""
    measurements = model.readout.measurements(model.active)
    if measurements[0].obs is None:
        wires = list(measurements[0].wires)
        bits = (np.arange(2 ** len(wires))[:, None] >> np.arange(len(wires))[::-1]) & 1
        observables = [qp.Projector(row, wires=wires) for row in bits]
    else:
        observables = [m.obs for m in measurements]
    weights, offset = _weights(cost, len(observables))
    total: dict[Word, float] = {}
    for weight, each in zip(weights, observables, strict=True):
        if weight:
            for coefficient, part in split_sum(each):
                for word, value in _words(part):
                    total[word] = (
                        total.get(word, 0.0) + weight * float(np.real(coefficient)) * value
                    )
    offset += total.pop((0, 0), 0.0)
    kept = sorted((word, value) for word, value in total.items() if abs(value) > 1e-15)
    return Observable(tuple((value, word) for word, value in kept), offset)


def _weights(cost: Any, size: int) -> tuple[np.ndarray, float]:
    """Of each readout value, and the constant; the first value alone without a cost."""
    if cost is None:
        return np.eye(1, size)[0], 0.0
    import jax

    points = np.random.default_rng(0).uniform(-1, 1, (3, size))
    points = [np.zeros(size), *points, 0.1 * points[0]]
    slopes = [np.asarray(jax.grad(lambda v: jax.numpy.squeeze(cost(v)))(p), float) for p in points]
    if not all(np.allclose(slope, slopes[0], rtol=1e-6, atol=1e-7) for slope in slopes):
        raise ValueError(
            "the cost is not a weighted sum of the readout values, and the second moments of a "
            "nonlinear cost are not those of its observables. Use method='statevector'."
        )
    # Weights are exact in the caller's precision; the constant is what is left at zero.
    return slopes[0], float(np.squeeze(np.asarray(cost(jax.numpy.zeros(size)))))


def _words(part: Any) -> list[tuple[Word, float]]:
    if isinstance(part, qp.pauli.PauliWord):
        return [(from_letters(map(NAMES.index, part.values()), map(int, part)), 1.0)]
    wires = [int(w) for w in part.wires]
    if isinstance(part, qp.ops.Prod) and sum(len(o.wires) for o in part.operands) == len(wires):
        return _product(part)
    most = LARGEST.get(part.name, 6)
    if len(wires) > most:
        raise ValueError(
            f"{part.name} on {len(wires)} wires is a sum of too many Pauli words: at most {most} wires are "
            "written out. Use method='statevector', or an observable made of Pauli words."
        )
    given: Any = part.data[0] if part.data else None
    if isinstance(part, qp.Projector) and np.shape(given) == (len(wires),):
        return _projector(np.real(given).astype(int), wires)
    found = qp.pauli_decompose(
        qp.matrix(part, wire_order=part.wires), pauli=True, wire_order=part.wires
    )
    return [(word, float(np.real(c))) for key, c in found.items() for word, _ in _words(key)]


def _product(part: Any) -> list[tuple[Word, float]]:
    """Of factors on wires of their own: every word of one with every word of the next."""
    out: list[tuple[Word, float]] = [((0, 0), 1.0)]
    for factor in part.operands:
        words = [
            (w, float(np.real(c)) * v) for c, term in split_sum(factor) for w, v in _words(term)
        ]
        if len(out) * len(words) > MOST_WORDS:
            raise ValueError(
                f"{part.name} on {len(part.wires)} wires is a sum of too many Pauli words: at most "
                f"{MOST_WORDS} are written out. Use method='statevector', or an observable made of Pauli "
                "words."
            )
        out = [((x | a, z | b), v * u) for (x, z), v in out for (a, b), u in words]
    return out


def _projector(bits: np.ndarray, wires: list[int]) -> list[tuple[Word, float]]:
    """Product of (1 + (-1)^b Z)/2."""
    out: list[tuple[Word, float]] = [((0, 0), 1.0)]
    for bit, wire in zip(bits, wires, strict=True):
        sign = -0.5 if bit else 0.5
        out = [
            item
            for (x, z), value in out
            for item in (((x, z), 0.5 * value), ((x, z | 1 << wire), sign * value))
        ]
    return out
