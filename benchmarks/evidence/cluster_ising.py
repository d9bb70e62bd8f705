r"""Ground states of the cluster-Ising chain, by exact diagonalisation.

$H = -J \sum Z_i X_{i+1} Z_{i+2} - h_1 \sum X_i - h_2 \sum X_i X_{i+1}$ on an open chain; energies in
units of J = 1. Its phases are topological (small fields), paramagnetic, and antiferromagnetic along
X for h2 far below 0; arXiv:1810.03787, equation 1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import eigsh

PARITY = 1e-6  # picks one of ground states that are equal up to 1e-6 J, the symmetric one if it is


def word(n: int, letters: dict[int, str]) -> Any:
    """A Pauli word, ``letters`` on its sites and the identity elsewhere, as a sparse matrix."""
    matrices = {"I": np.eye(2), "X": np.array([[0.0, 1.0], [1.0, 0.0]]), "Z": np.diag([1.0, -1.0])}
    result = sparse.identity(1, format="csr")
    for site in range(n):
        result = sparse.kron(result, matrices[letters.get(site, "I")], format="csr")
    return result


def chain(n: int, letters: str) -> Any:
    """The sum of a word over all its places on an open chain: ``chain(n, "ZXZ")``."""
    return sum(
        word(n, {start + k: letter for k, letter in enumerate(letters)})
        for start in range(n - len(letters) + 1)
    )


@lru_cache
def terms(n: int) -> tuple[Any, ...]:
    """The three sums of the Hamiltonian, and the two symmetries, X on every other site, 2 : 1.

    Unequal, since a chain of even length, mirrored, has them exchanged.
    """
    even, odd = (word(n, dict.fromkeys(range(first, n, 2), "X")) for first in (0, 1))
    return chain(n, "ZXZ"), chain(n, "X"), chain(n, "XX"), even + odd / 2


def ground_states(n: int, points: Any) -> np.ndarray:
    """One ground state a point (h1, h2), real, ``(points, 2**n)``."""
    cluster, field, ising, symmetries = terms(n)
    # Not symmetric: from a start in one symmetry's sector eigsh stays there, lowest or not.
    anywhere = np.random.default_rng(0).normal(size=2**n)

    def lowest(h1: float, h2: float) -> np.ndarray:
        matrix = -cluster - h1 * field - h2 * ising - PARITY * symmetries
        return eigsh(matrix, k=1, which="SA", v0=anywhere)[1][:, 0]

    return np.array([lowest(h1, h2) for h1, h2 in points])


def expectation(states: np.ndarray, operator: Any) -> np.ndarray:
    """<psi|O|psi> for each row."""
    return np.einsum("bi,ib->b", states, operator @ states.T)


def string_order(states: np.ndarray) -> np.ndarray:
    """<Z_1 X_2 X_4 ... X_{N-1} Z_N> for an odd number N of sites; without the last for an even one."""
    n = states.shape[1].bit_length() - 1
    last = n - 1 if n % 2 else n - 2
    letters = {0: "Z", last: "Z", **dict.fromkeys(range(1, last, 2), "X")}
    return expectation(states, word(n, letters))
