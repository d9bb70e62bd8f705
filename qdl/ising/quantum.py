r"""Boltzmann machines in a transverse field: $\rho = e^{-H} / Z$, $H = E(Z) + \Gamma \sum_i X_i$.

Exactly for few spins; else as a classical problem of m coupled copies, which any sampler takes.
The sign of $\Gamma$ does not matter to what is seen of Z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .energy import Couplings, as_dense, energies
from .machine import Machine, Moments
from .samplers import all_states

LARGEST = 10  # spins of an exact machine: matrices of 1024 x 1024
SLICES = 8


@dataclass(frozen=True, eq=False)
class Exact:
    """A machine in a transverse field, diagonalised.

    Attributes:
        machine: the classical part.
        energies: eigenvalues of H, ``(2^n,)``.
        vectors: its eigenvectors, as columns.
    """

    machine: Machine
    energies: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, machine: Machine, gamma: float) -> Exact:
        """Diagonalise."""
        return cls(machine, *np.linalg.eigh(hamiltonian(machine, gamma)))

    @property
    def log_partition(self) -> float:
        """Log Tr exp(-H)."""
        low = self.energies[0]
        return float(np.log(np.exp(low - self.energies).sum()) - low)

    @property
    def states(self) -> np.ndarray:
        """The probability of each state of all spins, in the order of ``all_states``."""
        weights = np.exp(self.energies[0] - self.energies)
        return np.square(self.vectors) @ (weights / weights.sum())

    @property
    def visible(self) -> np.ndarray:
        """The probability of each state of the visible spins."""
        return self.states.reshape(2**self.machine.visible, -1).sum(axis=1)

    def gradient(self, target: np.ndarray) -> Moments:
        r"""Of $\sum_v t_v \log p(v)$ by h and by the couplings, for a distribution t of v.

        By H it is $U (K \circ U^T D U) U^T + \rho$, where D has $t_v / (p_v Z)$ on its diagonal and
        $K_{ij} = (e^{-w_i} - e^{-w_j}) / (w_i - w_j)$, on the diagonal $-e^{-w_i}$.

        Reference: the derivative of a matrix function, Daleckii, Krein (1965).
        """
        w, U = self.energies - self.energies[0], self.vectors
        weights = np.exp(-w)
        p, Z = self.visible, weights.sum()
        seen = np.divide(target, p * Z, out=np.zeros_like(p), where=target > 0)
        D = np.repeat(seen, 2**self.machine.hidden)
        inner = _slopes(w) * (U.T @ (D[:, None] * U))
        return expected(self.machine, np.sum((U @ inner) * U, axis=1) + self.states)


def _slopes(w: np.ndarray) -> np.ndarray:
    """The matrix K; where two values are close, as -exp(-(a + b) / 2) sinh(x) / x, x = (a - b) / 2."""
    weights, half = np.exp(-w), (w[:, None] - w) / 2
    x = np.where(half == 0, 1e-30, np.clip(half, -1, 1))
    close = -np.exp(-(w[:, None] + w) / 2) * np.sinh(x) / x
    return np.divide(weights[:, None] - weights, 2 * half, out=close, where=np.abs(half) > 1)


def expected(machine: Machine, diagonal: np.ndarray) -> Moments:
    """Sums over all states of spins and of their products, weighted."""
    states = all_states(len(machine.h)).astype(float)
    products = states.T @ (diagonal[:, None] * states)
    v = machine.visible
    shaped = products[:v, v:] if machine.mask is None else products * machine.mask
    return Moments(diagonal @ states, shaped)


def hamiltonian(machine: Machine, gamma: float) -> np.ndarray:
    """H as a matrix ``(2^n, 2^n)``, in the order of ``all_states``."""
    n = len(machine.h)
    H = np.diag(energies(machine.h.astype(float), machine.J, all_states(n)))
    states = np.arange(2**n)
    for i in range(n):
        H[states, states ^ (1 << i)] += gamma
    return H


def trotter(
    h: np.ndarray, J: Couplings, gamma: float, slices: int = SLICES
) -> tuple[np.ndarray, np.ndarray]:
    r"""The classical problem of m copies whose copies are, up to 1/m^2, states of the quantum one.

    Fields h/m and couplings J/m in each copy; between the same spin of neighbouring ones, in a ring,
    the ferromagnetic coupling $-K = -\frac{1}{2} \log \coth(|\Gamma| / m)$.

    Args:
        h: fields ``(..., n)``.
        J: couplings.
        gamma: not 0.
        slices: m.

    Returns:
        Fields ``(..., m * n)``, copy after copy, and couplings ``(m * n, m * n)``.

    Example:
        >>> h, J = trotter(np.ones(2), np.zeros((2, 2)), gamma=1.0, slices=4)
        >>> h.tolist(), int((J != 0).sum())
        ([0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25], 8)

    Reference: Suzuki, Progress of Theoretical Physics 56, 1454 (1976).
    """
    n = h.shape[-1]
    fields = np.concatenate([h / slices] * slices, axis=-1)
    couplings = np.kron(np.eye(slices), as_dense(J) / slices)
    K = -0.5 * np.log(np.tanh(abs(gamma) / slices))
    for k in range(slices):
        one, other = sorted((k, (k + 1) % slices))
        spins = np.arange(n)
        couplings[one * n + spins, other * n + spins] -= K
    return fields, couplings.astype(fields.dtype)


def field_means(fields: np.ndarray, gamma: float) -> np.ndarray:
    r"""The mean of Z of independent spins: $-(f / D) \tanh D$ with $D = \sqrt{f^2 + \Gamma^2}$."""
    D = np.sqrt(fields**2 + gamma**2)
    return -fields / D * np.tanh(D)
