"""Observables as sums: of Pauli words where they can be written so, of words and other terms otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qp
from jax.core import Tracer
from pennylane.pauli import PauliWord

from .refused import Refused

MOST_WORDS = 2**12  # of one term written out in words
WIDEST = {"Projector": 12}  # wires of a term written out in words; of a matrix, 6
CHECKED = 10  # wires up to which a matrix decides whether an observable is Hermitian
SAME = 1e-10


def hermitian(observable: Any, owner: str) -> Any:
    """An observable with plain numbers as coefficients, refused if it is not Hermitian.

    Args:
        observable: a PennyLane operator; coefficients may be numbers of NumPy or JAX.
        owner: who asks, for messages.

    Raises:
        TypeError: no observable, or coefficients that are traced.
        ValueError: not Hermitian.

    Example:
        >>> hermitian(np.float32(0.5) * qp.Z(0), "Expval").scalar
        0.5
    """
    if not (hasattr(observable, "wires") and hasattr(observable, "matrix")):
        raise TypeError(
            f"{owner} needs PennyLane observables, got {observable!r}. "
            "Example: Expval([qp.Z(0), qp.X(0) @ qp.X(1)])."
        )
    leaves, tree = qp.pytrees.flatten(observable)
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        raise TypeError(
            f"{owner} got {type(observable).__name__} with a coefficient that is traced by JAX; expected "
            "numbers that are known when the model is built. Measure each term, and weigh the values "
            "after apply."
        )
    if any(hasattr(leaf, "__array__") and not isinstance(leaf, np.ndarray) for leaf in leaves):
        observable = qp.pytrees.unflatten([_plain(leaf) for leaf in leaves], tree)
    if not _is_hermitian(observable):
        raise ValueError(
            f"{owner} needs Hermitian observables, got {observable}, which is not equal to its adjoint: "
            "its expectation values are not real. Use real coefficients and products of operators that "
            "commute; for the real part take (A + A^dagger) / 2."
        )
    return observable


def _plain(leaf: Any) -> Any:
    if not hasattr(leaf, "__array__"):
        return leaf
    array = np.asarray(leaf)
    return array if array.ndim else array.item()


def _is_hermitian(o: Any) -> bool:
    if o.pauli_rep is not None:
        sizes = [abs(c) for c in o.pauli_rep.values()]
        return all(abs(np.imag(c)) <= SAME * max(sizes) for c in o.pauli_rep.values())
    if isinstance(o, qp.Projector | qp.operation.CVObservable):
        return True
    if isinstance(o, qp.ops.SProd) and np.imag(o.scalar) == 0 and _is_hermitian(o.base):
        return True
    if isinstance(o, qp.ops.Sum) and all(map(_is_hermitian, o.operands)):
        return True
    if isinstance(o, qp.ops.Prod):
        apart = sum(len(each.wires) for each in o.operands) == len(o.wires)
        if apart and all(map(_is_hermitian, o.operands)):
            return True
    if len(o.wires) > CHECKED or not (o.has_matrix or o.has_sparse_matrix):
        return False
    matrix = np.asarray(qp.matrix(o, wire_order=o.wires))
    return bool(np.allclose(matrix, matrix.conj().T, rtol=0, atol=SAME * np.abs(matrix).max()))


def terms(observable: Any) -> list[tuple[float, Any]]:
    """A sum of observables as (coefficient, Pauli word or any other observable).

    Example:
        >>> terms(qp.Z(0) - 0.5 * qp.Projector([1], 1))
        [(1.0, Z(0)), (-0.5, Projector(array([1]), wires=[1]))]
    """
    if observable.pauli_rep is not None:
        return [(float(np.real(c)), word) for word, c in observable.pauli_rep.items()]
    if isinstance(observable, qp.ops.SProd) and np.imag(observable.scalar) == 0:
        scalar = float(np.real(observable.scalar))
        return [(c * scalar, term) for c, term in terms(observable.base)]
    if isinstance(observable, qp.ops.Sum):
        return [term for operand in observable.operands for term in terms(operand)]
    return [(1.0, observable)]


def as_hamiltonian(observable: Any) -> Any:
    """A sum of observables as ``qp.Hamiltonian``, everything else as it is.

    PennyLane 0.45 keeps the eigenvectors of a plain sum by a hash that forgets the order of its terms, and
    with it the order of its wires: of two sums that are equal the second is measured wrong.

    Example:
        >>> as_hamiltonian(qp.Z(0) - 0.5 * qp.Z(1)).coeffs
        [1.0, -0.5]
    """
    parts = terms(observable)
    if len(parts) < 2:
        return observable
    first = observable.wires[:1]
    return qp.Hamiltonian(
        [c for c, _ in parts],
        [
            (term.operation() if len(term) else qp.Identity(first))
            if isinstance(term, PauliWord)
            else term
            for _, term in parts
        ],
    )


def norm(observable: Any) -> float:
    """An upper bound on the absolute eigenvalues of an observable; the largest one for a single term.

    Infinite for quadratures and photon numbers.

    Example:
        >>> norm(qp.Z(0) - 0.5 * qp.Projector([1], 1))
        1.5
    """
    return float(sum(abs(c) * _norm(term) for c, term in terms(observable)))


def _norm(term: Any) -> float:
    if isinstance(term, PauliWord | qp.Projector):
        return 1.0
    if isinstance(term, qp.operation.CVObservable):
        return 1.0 if term.name == "FockStateProjector" else float("inf")
    wires = len(term.wires)
    if isinstance(term, qp.ops.Prod) and sum(len(o.wires) for o in term.operands) == wires:
        return float(np.prod([norm(factor) for factor in term.operands]))
    matrix = np.asarray(qp.matrix(term, wire_order=term.wires))
    return float(np.abs(np.linalg.eigvalsh(matrix)).max())


def refuse_modes(term: Any) -> None:
    """Refuse an observable of modes where there are qubits.

    Example:
        >>> refuse_modes(qp.Z(0))
    """
    if isinstance(term, qp.operation.CVObservable):
        raise Refused(
            f"{term.name} is an observable of modes of light, and there are qubits here. Use "
            "model.on(qdl.backends.fock(cutoff)), and photonic layers alone."
        )


def words(observable: Any) -> dict[PauliWord, float]:
    """An observable as a sum of Pauli words, the identity among them.

    Raises:
        Refused: it would take too many words, with the numbers.

    Example:
        >>> words(qp.Projector([1], 0))
        {I: 0.5, Z(0): -0.5}
    """
    total: dict[PauliWord, float] = {}
    for coefficient, term in terms(observable):
        for word, value in _words(term).items():
            total[word] = total.get(word, 0.0) + coefficient * value
    return total


def _words(term: Any) -> dict[PauliWord, float]:
    if isinstance(term, PauliWord):
        return {term: 1.0}
    refuse_modes(term)
    wires = list(term.wires)
    if isinstance(term, qp.ops.Prod) and sum(len(o.wires) for o in term.operands) == len(wires):
        return _product([words(factor) for factor in term.operands], term)
    most = WIDEST.get(term.name, 6)
    if len(wires) > most:
        raise Refused(
            f"{term.name} on {len(wires)} wires is a sum of too many Pauli words: at most {most} wires are "
            "written out. Use method='statevector', or an observable made of Pauli words."
        )
    bits = basis_state(term)
    if bits is not None:
        halves = [
            {PauliWord({}): 0.5, PauliWord({wire: "Z"}): -0.5 if bit else 0.5}
            for wire, bit in bits.items()
        ]
        return _product(halves, term)
    matrix = np.asarray(qp.matrix(term, wire_order=term.wires))
    found = qp.pauli_decompose(matrix, wire_order=term.wires, pauli=True)
    return {word: float(np.real(c)) for word, c in found.items()}


def _product(factors: list[dict[PauliWord, float]], term: Any) -> dict[PauliWord, float]:
    """Of factors on wires of their own: every word of one with every word of the next."""
    out = {PauliWord({}): 1.0}
    for factor in factors:
        if len(out) * len(factor) > MOST_WORDS:
            raise Refused(
                f"{term.name} on {len(term.wires)} wires is a sum of too many Pauli words: at most "
                f"{MOST_WORDS} are written out. Use method='statevector', or an observable made of Pauli "
                "words."
            )
        out = {
            PauliWord({**a, **b}): value * weight
            for a, value in out.items()
            for b, weight in factor.items()
        }
    return out


def basis_state(term: Any) -> dict[Any, int] | None:
    """The bit of each wire, for a projector on a basis state; None for anything else."""
    if not isinstance(term, qp.Projector):
        return None
    found = np.array(term.data[0], dtype=complex)
    if found.shape != (len(term.wires),) or not set(found.tolist()) <= {0, 1}:
        return None  # a vector of amplitudes
    return dict(zip(term.wires, found.real.astype(int).tolist(), strict=True))
