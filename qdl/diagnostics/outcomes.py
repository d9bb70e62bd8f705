"""Which outcomes of a measurement along Z count as one: the bits, what a model puts out, or a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pennylane.pauli import PauliWord

from ..observables import terms
from ..readout import Probabilities
from ..refused import Refused

ENOUGH = 9  # decimals of the values of observables that tell outcomes apart

Of = str | Callable[[np.ndarray], Any]


def read_wires(model: Any) -> tuple[int, ...]:
    """The wires that the readout looks at, all along Z, in ascending order.

    Raises:
        Refused: a readout along other axes.
    """
    measured = model.measured
    for observable in getattr(measured, "observables", ()):
        if any(
            not isinstance(t, PauliWord) or set(t.values()) - {"Z"} for _, t in terms(observable)
        ):
            raise Refused(
                f"the classical Fisher information is of bits measured along Z, got {observable}. Turn the "
                "wires at the end of the circuit and read Z, or use quantum_fisher."
            )
    return tuple(sorted(measured.wires))


def outcome_of(model: Any, of: Of) -> np.ndarray | None:
    """The number of the outcome that each string of bits of the read wires counts as; None for its own.

    Args:
        model: whose readout is along Z.
        of: as for ``classical_fisher``.

    Raises:
        ValueError: another word, or a function that gives no label for each string.

    Example:
        >>> import qdl
        >>> model = qdl.QNN(2, qdl.layers.Rotation("x"))
        >>> outcome_of(model, lambda bits: bits.sum(axis=1) % 2)
        array([0, 1, 1, 0])
    """
    if of == "bits":
        return None
    read = read_wires(model)
    bits = (np.arange(2 ** len(read))[:, None] >> np.arange(len(read))[::-1]) & 1
    if callable(of):
        labels = np.asarray(of(bits.copy()))
        if labels.shape[:1] != (len(bits),):
            raise ValueError(
                f"of(bits) gave shape {labels.shape} for bits of shape {bits.shape}: expected a label for "
                "each row, as lambda bits: bits.sum(axis=1) % 2 gives."
            )
    elif of == "output":
        if isinstance(model.measured, Probabilities):
            return None  # it puts out the bits themselves
        signs = {wire: 1 - 2 * bits[:, i] for i, wire in enumerate(read)}
        labels = np.stack([_values(o, signs, len(bits)) for o in model.measured.observables], -1)
    else:
        raise ValueError(
            f"of must be 'bits', 'output' or a function of the bits (outcomes, wires), got {of!r}."
        )
    return np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)


def _values(observable: Any, signs: dict[int, np.ndarray], size: int) -> np.ndarray:
    """What an observable of words along Z is for each string of bits."""
    found = np.zeros(size)
    for factor, word in terms(observable):
        found += float(np.real(factor)) * np.prod([signs[w] for w in word], axis=0)
    return np.round(found, ENOUGH)


def summed(values: np.ndarray, outcome: np.ndarray | None) -> np.ndarray:
    """Rows ``(strings, ...)`` added up by outcome."""
    if outcome is None:
        return values
    found = np.zeros((outcome.max() + 1, *values.shape[1:]))
    np.add.at(found, outcome, values)
    return found
