r"""Ising problems in dimod's sign: $E(s) = h \cdot s + \sum_{i<j} J_{ij} s_i s_j$, minimised.

Spins are -1 or +1. A matrix J is upper triangular; ``Bipartite`` keeps the block of a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import dimod


@dataclass(frozen=True, eq=False)
class Bipartite:
    r"""Couplings between two groups of spins: $\sum_{ia} B_{ia} s_i s_{p+a}$.

    Args:
        block: ``(p, q)``; the first p spins are one group, the other q the second.

    Example:
        >>> J = Bipartite([[1.0, 2.0, 3.0]])
        >>> J.n, J.dense()[0].tolist()
        (4, [0.0, 1.0, 2.0, 3.0])
    """

    block: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "block", _floats(self.block))
        if self.block.ndim != 2:
            raise ValueError(
                f"Bipartite needs a block of shape (p, q), got {self.block.shape}. "
                "Entry (i, a) couples spin i to spin p + a."
            )

    @property
    def n(self) -> int:
        """How many spins."""
        return sum(self.block.shape)

    def dense(self) -> np.ndarray:
        """The same couplings as an upper triangular ``(n, n)`` matrix."""
        p = len(self.block)
        J = np.zeros((self.n, self.n), self.block.dtype)
        J[:p, p:] = self.block
        return J


Couplings = np.ndarray | Bipartite


@dataclass(frozen=True, eq=False)
class Ising:
    r"""One problem, or many that share their couplings: $E(s) = h \cdot s + s^T J s + c$.

    Args:
        h: fields ``(..., n)``.
        J: couplings, ``(n, n)`` upper triangular or ``Bipartite``.
        offset: the constant c; samplers leave it out of their energies.

    Raises:
        ValueError: shapes that differ, entries on or below the diagonal, NaN or Inf.

    Example:
        >>> problem = Ising([0.5, 0.0], [[0.0, -1.0], [0.0, 0.0]])
        >>> problem.energies([[-1, -1], [1, -1]]).tolist()
        [-1.5, 1.5]
        >>> Q, offset = problem.to_qubo()
        >>> Ising.from_qubo(Q, offset).h.tolist()
        [0.5, 0.0]
    """

    h: np.ndarray
    J: Couplings
    offset: float = 0.0

    def __post_init__(self) -> None:
        h, J = check_problem(self.h, self.J)
        object.__setattr__(self, "h", h)
        object.__setattr__(self, "J", J)
        if not np.isfinite(self.offset):
            raise ValueError(f"offset must be finite, got {self.offset}. Leave it out for 0.")

    @property
    def n(self) -> int:
        """How many spins."""
        return self.h.shape[-1]

    def energies(self, spins: Any) -> np.ndarray:
        """Spins ``(..., n)``, or ``(..., reads, n)`` for fields ``(..., n)``, to their energies."""
        spins = np.asarray(spins)
        if spins.shape[-1:] != (self.n,):
            raise ValueError(
                f"spins must have {self.n} entries on the last axis, got shape {spins.shape}. "
                f"Pass (..., {self.n})."
            )
        if not (np.abs(spins) == 1).all():
            bad = spins[np.abs(spins) != 1].flat[0]
            raise ValueError(
                f"spins must be -1 or +1, got {bad}. Bits b become spins by 2 * b - 1."
            )
        return energies(self.h, self.J, spins) + self.offset

    def to_qubo(self) -> tuple[np.ndarray, float]:
        r"""$(Q, c)$ with $E = b^T Q b + c$ for bits $b = (1 + s) / 2$; Q is upper triangular.

        Reference: $s = 2b - 1$, the convention of ``dimod.ising_to_qubo``.
        """
        h, J = self._single(), as_dense(self.J)
        Q = 4 * J
        np.fill_diagonal(Q, 2 * (h - J.sum(axis=0) - J.sum(axis=1)))
        return Q, float(self.offset + J.sum() - h.sum())

    @classmethod
    def from_qubo(cls, Q: Any, offset: float = 0.0) -> Ising:
        """The problem whose energies are ``b @ Q @ b + offset``.

        Args:
            Q: any square matrix ``(n, n)``, or a dict ``{(i, j): q}`` with i and j from 0 to n - 1.
            offset: the constant.
        """
        Q = _floats(_matrix(Q) if isinstance(Q, Mapping) else Q)
        if Q.ndim != 2 or Q.shape[0] != Q.shape[1]:
            raise ValueError(f"Q must be a square matrix (n, n), got {Q.shape}.")
        J = (np.triu(Q, 1) + np.tril(Q, -1).T) / 4
        h = np.diag(Q) / 2 + J.sum(axis=0) + J.sum(axis=1)
        return cls(h, J, float(offset + np.trace(Q) / 2 + J.sum()))

    def to_bqm(self) -> dimod.BinaryQuadraticModel:
        """As a dimod model with the variables 0, ..., n-1; it has ``sample``-able energies."""
        import dimod

        J = as_dense(self.J)
        rows, columns = np.nonzero(J)
        quadratic = (rows, columns, J[rows, columns])
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self._single().astype(float), quadratic, self.offset, dimod.SPIN
        )

    @classmethod
    def from_bqm(cls, bqm: dimod.BinaryQuadraticModel) -> Ising:
        """A dimod model's fields and couplings, in the order of ``bqm.variables``."""
        linear, (rows, columns, values), offset, *_ = bqm.spin.to_numpy_vectors(
            variable_order=bqm.variables
        )
        J = np.zeros((len(linear), len(linear)))
        np.add.at(J, (np.minimum(rows, columns), np.maximum(rows, columns)), values)
        return cls(np.array(linear, float), J, float(offset))

    def _single(self) -> np.ndarray:
        if self.h.ndim != 1:
            raise ValueError(
                f"a QUBO or dimod model is one problem, but h has shape {self.h.shape}. "
                "Convert Ising(h[i], J) for each i."
            )
        return self.h


def _matrix(Q: Mapping[Any, Any]) -> np.ndarray:
    """A dict of pairs of whole numbers as a matrix."""
    for key in Q:
        pair = isinstance(key, tuple) and len(key) == 2
        if not pair or not all(isinstance(i, int | np.integer) and i >= 0 for i in key):
            raise ValueError(
                f"Q as a dict needs pairs (i, j) of whole numbers >= 0 as keys, got {key!r}. For other "
                "labels use Ising.from_bqm(dimod.BinaryQuadraticModel.from_qubo(Q))."
            )
    n = 1 + max((max(key) for key in Q), default=-1)
    found = np.zeros((n, n))
    for (i, j), value in Q.items():
        found[i, j] += value
    return found


def energies(h: np.ndarray, J: Couplings, spins: np.ndarray) -> np.ndarray:
    """Energies of checked arrays: h ``(..., n)``, spins ``(..., reads, n)`` -> ``(..., reads)``.

    With a single h, ``(n,)``, the spins may have any leading axes.
    """
    spins = spins.astype(h.dtype, copy=False)
    if isinstance(J, Bipartite):
        p = len(J.block)
        quadratic = np.sum((spins[..., :p] @ J.block) * spins[..., p:], axis=-1)
    else:
        quadratic = np.sum((spins @ J) * spins, axis=-1)
    return quadratic + (spins @ h if h.ndim == 1 else (spins @ h[..., None])[..., 0])


def field_scale(h: np.ndarray, J: Couplings) -> np.ndarray:
    r"""$\sqrt{\mathrm{mean}_i (h_i^2 + \sum_j J_{ij}^2)}$: a spin's rms field among random others.

    Fields ``(..., n)`` give scales ``(...)``. Temperatures are counted in this unit, so that they
    need no change when the weights of a network grow.

    Example:
        >>> float(field_scale(np.array([3.0, 0.0]), np.array([[0.0, 4.0], [0.0, 0.0]])))
        4.527692569068709
    """
    couplings = J.block if isinstance(J, Bipartite) else J
    n = h.shape[-1]
    return np.sqrt(np.mean(h**2, axis=-1) + 2 * np.sum(couplings**2) / n) if n else np.zeros(())


def as_dense(J: Couplings) -> np.ndarray:
    """The couplings as an upper triangular matrix."""
    return J.dense() if isinstance(J, Bipartite) else J


def check_problem(h: Any, J: Any) -> tuple[np.ndarray, Couplings]:
    """``h`` and ``J`` as floating arrays; refused when they are no Ising problem."""
    h = _floats(h)
    if not isinstance(J, Bipartite):
        J = _floats(J)
        if J.ndim != 2 or J.shape[0] != J.shape[1]:
            raise ValueError(f"J must be Bipartite or a square matrix (n, n), got {J.shape}.")
        if np.tril(J).any():
            i, j = (int(k) for k in np.argwhere(np.tril(J))[0])
            raise ValueError(
                f"J must be upper triangular, but J[{i}, {j}] = {J[i, j]}. A symmetric matrix that "
                "counts each pair once becomes np.triu(J, 1); fields belong into h."
            )
    n, couplings = (J.n, J.block) if isinstance(J, Bipartite) else (len(J), J)
    if h.ndim == 0 or h.shape[-1] != n:
        raise ValueError(f"h must have shape (..., {n}) for {n} coupled spins, got {h.shape}.")
    if not (np.isfinite(h).all() and np.isfinite(couplings).all()):
        name = "J" if np.isfinite(h).all() else "h"
        raise ValueError(
            f"{name} must be finite, got NaN or Inf in it. Lower the learning rate if these are "
            "weights of a network."
        )
    return h, J


def _floats(array: Any) -> np.ndarray:
    """As float32 if it is, else as float64."""
    array = np.asarray(array)
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)
