r"""Quantum phases of the cluster-Ising chain, recognised by a QCNN: Cong, Choi, Lukin (2019).

The ground states of $H = -J \sum Z_i X_{i+1} Z_{i+2} - h_1 \sum X_i - h_2 \sum X_i X_{i+1}$ on an
open chain, J = 1, come from exact diagonalisation. A circuit gets such a state as its input. It is
trained on 40 points of the solvable line h2 = 0, where the topological phase ends at h1 = J, and
asked about the whole plane.

The truth is the exact string order <Z_1 X_2 X_4 ... X_{N-1} Z_N> of the same chain, above or below a
cut. On few sites the transition is smooth, so every method, string order included, gets its cut at
the one point that is known: its own value at h1 = J, h2 = 0.

What was chosen (the layers, steps, learning rate, and the penalties of the classical models) was
chosen by the agreement on 256 random points of the plane, which are not among those of the score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from math import prod
from typing import Any

import jax
import numpy as np
import optax
import pennylane as qp
from scipy import sparse
from scipy.sparse.linalg import eigsh
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import qdl
from qdl.initializers import small_angle
from qdl.layers import (
    AmplitudeEncoding,
    Convolution,
    Entangler,
    Pooling,
    Rotation,
    Template,
)

from .row import Row

SEEDS = 5
CRITICAL = ((1.0, 0.0),)  # where the solvable line leaves the topological phase, (h1, h2) in J
COPIES = 100
PARITY = 1e-6  # picks the symmetric one of ground states that are equal up to 1e-6 J


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
    """The three sums of the Hamiltonian, and the two symmetries: X on every other site."""
    symmetries = [word(n, dict.fromkeys(range(first, n, 2), "X")) for first in (0, 1)]
    return chain(n, "ZXZ"), chain(n, "X"), chain(n, "XX"), sum(symmetries)


def ground_states(n: int, points: Any) -> np.ndarray:
    """One ground state a point (h1, h2), real, ``(points, 2**n)``."""
    cluster, field, ising, symmetries = terms(n)
    return np.array(
        [
            eigsh(
                -cluster - h1 * field - h2 * ising - PARITY * symmetries,
                k=1,
                which="SA",
                v0=np.ones(2**n),
            )[1][:, 0]
            for h1, h2 in points
        ]
    )


def expectation(states: np.ndarray, operator: Any) -> np.ndarray:
    """<psi|O|psi> for each row."""
    return np.einsum("bi,ib->b", states, operator @ states.T)


def string_order(states: np.ndarray) -> np.ndarray:
    """<Z_1 X_2 X_4 ... X_{N-1} Z_N> for an odd number N of sites; without the last for an even one."""
    n = states.shape[1].bit_length() - 1
    last = n - 1 if n % 2 else n - 2
    letters = {0: "Z", last: "Z", **dict.fromkeys(range(1, last, 2), "X")}
    return expectation(states, word(n, letters))


def train_points() -> np.ndarray:
    """Forty points of the solvable line, 0 < h1 < 2, as in the paper."""
    return np.array([(h1, 0.0) for h1 in (np.arange(40) + 0.5) / 20])


def validation_points() -> np.ndarray:
    """256 random points of the plane: what choices are made on."""
    return np.random.default_rng(0).uniform((0.0, -1.6), (1.6, 1.6), (256, 2))


def test_points(columns: int = 24) -> np.ndarray:
    """A regular grid over the plane, 0 < h1 < 1.6, -1.6 < h2 < 1.6; h1 changes fastest."""
    h1 = (np.arange(columns) + 0.5) / columns * 1.6
    h2 = (np.arange(2 * columns) + 0.5) / columns * 1.6 - 1.6
    return np.stack(np.meshgrid(h1, h2), axis=-1).reshape(-1, 2)


class Plane:
    pass
