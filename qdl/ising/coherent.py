r"""Amplitude amplification of the wrong classes: what a coherent annealer would save, exactly.

An anneal ends in $|\psi\rangle = A_y |\psi_y\rangle + A_w |\psi_w\rangle$: a part that names the
right class, and a wrong one, whose states training pushes up. Late in training $|A_w|$ is small, and
a wrong state is measured once in $1 / |A_w|^2$ anneals; amplification gets there in $O(1 / |A_w|)$
uses of the anneal and its inverse. Dense matrices, so for small networks only.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from ..arguments import check_number, check_whole
from .base import generator
from .energy import Ising
from .network import winners
from .samplers import all_states

LIMIT = 12  # spins: a dense matrix of 4096 x 4096 complex numbers, 256 MiB
GROWTH = 6 / 5  # of the schedule for an unknown amplitude


class Amplification(NamedTuple):
    """One amplified anneal, from its exact state vector.

    Attributes:
        amplitude: |A_w| of the plain anneal.
        rounds: k, how often the state was reflected.
        probability: of measuring a wrong state after that.
        calls: uses of U and its inverse per wrong sample, (2 k + 1) / probability.
        plain_calls: anneals per wrong sample without amplification, 1 / |A_w|^2.
        fidelity: of the amplified state's wrong part with that of the plain anneal.
    """

    amplitude: float
    rounds: int
    probability: float
    calls: float
    plain_calls: float
    fidelity: float


def annealing_unitary(problem: Ising, time: float, steps: int = 100) -> np.ndarray:
    r"""The evolution U from 0 to ``time`` under $-(1 - s) \sum_i X_i + s E$, as a matrix.

    First-order Trotter steps at the middle of each; s grows linearly from 0 to 1. It acts on
    $|+\rangle^{\otimes n}$, the ground state at s = 0. Row and column k are state k of
    ``all_states``: spin 0 is the most significant bit, and a bit of 0 is a spin of +1.

    Args:
        problem: one problem of at most 12 spins.
        time: of the anneal, in units of one over energy.
        steps: of Trotter.

    Example:
        >>> U = annealing_unitary(Ising([1.0, 0.0], [[0.0, 1.0], [0.0, 0.0]]), time=2.0)
        >>> bool(np.allclose(U @ U.conj().T, np.eye(4)))
        True

    Reference: Zhang, Kamenev, Communications Physics 8, 478 (2025), Eq. 9; Kadowaki, Nishimori,
    Physical Review E 58, 5355 (1998).
    """
    n = problem.n
    if problem.h.ndim != 1 or not 1 <= n <= LIMIT:
        raise ValueError(
            f"annealing_unitary needs one problem of 1 to {LIMIT} spins, got fields of shape "
            f"{problem.h.shape}. Use fewer spins: its matrix has 4^n entries."
        )
    check_number("time", time, "time=20.0", positive=True)
    check_whole("steps", steps, "steps=100")
    energies, dt = problem.energies(all_states(n)).astype(float), time / steps
    left, right = n // 2, n - n // 2
    unitary = np.eye(2**n, dtype=complex)
    for s in (np.arange(steps) + 0.5) / steps:
        unitary = np.exp(-1j * dt * s * energies)[:, None] * unitary
        # exp(i a X) on every spin is a Kronecker product: half of the spins at a time.
        unitary = _mixer(dt * (1 - s), left) @ unitary.reshape(2**left, -1)
        unitary = _mixer(dt * (1 - s), right) @ unitary.reshape(2**left, 2**right, -1)
        unitary = unitary.reshape(2**n, -1)
    return unitary


def wrong_states(n_hidden: int, n_classes: int, redundancy: int, label: int) -> np.ndarray:
    """Which states of a network name another class than ``label``, or none: a mask ``(2^n,)``.

    Example:
        >>> wrong_states(0, 2, 1, label=0).tolist()  # (+,+) ties, (+,-) is class 0
        [True, False, True, True]
    """
    n = n_hidden + n_classes * redundancy
    if n > LIMIT:
        raise ValueError(
            f"wrong_states lists all states of at most {LIMIT} spins, got {n}. Use fewer."
        )
    if not 0 <= label < n_classes:
        raise ValueError(
            f"label must be one of the classes 0 to {n_classes - 1}, got {label}. Pass the index "
            "of the class."
        )
    states = all_states(n)
    return winners(states[:, n_hidden:], n_classes) != label


def best_rounds(amplitude: float) -> int:
    r"""$k = \lfloor \pi / (4 \arcsin |A|) \rfloor$: after so many rounds the wrong part is largest."""
    return int(np.pi / (4 * np.arcsin(amplitude)))


def amplify(unitary: np.ndarray, wrong: np.ndarray, rounds: int | None = None) -> Amplification:
    r"""Rotate the state of an anneal towards its wrong part.

    Each round is $Q = U (2 |+\rangle\langle +| - 1) U^\dagger S$ with $S$ turning the sign of the
    wrong states: the probability of a wrong state becomes
    $\sin^2((2 k + 1) \arcsin |A_w|)$.

    Args:
        unitary: ``annealing_unitary``.
        wrong: mask of the wrong states, ``(2^n,)``.
        rounds: k; None for ``best_rounds``.

    Raises:
        ValueError: no state, or all of the state, is wrong.

    Example:
        >>> U = annealing_unitary(Ising([2.0, 0.0], [[0.0, 1.0], [0.0, 0.0]]), time=8.0)
        >>> result = amplify(U, np.array([True, True, False, False]))
        >>> result.calls < result.plain_calls
        True

    Reference: Zhang, Kamenev, Communications Physics 8, 478 (2025), Eqs. 10-14; Brassard, Hoyer,
    Mosca, Tapp, Contemporary Mathematics 305, 53 (2002).
    """
    if rounds is not None:
        check_whole("rounds", rounds, "rounds=None for the best", least=0)
    wrong = np.asarray(wrong)
    if wrong.dtype != bool or wrong.shape != unitary.shape[:1]:
        raise ValueError(
            f"wrong must be a mask of booleans of shape {unitary.shape[:1]}, got {wrong.dtype} of "
            f"{wrong.shape}. wrong_states makes one."
        )
    plus = np.full(len(unitary), len(unitary) ** -0.5)
    plain = unitary @ plus
    amplitude = float(np.linalg.norm(plain[wrong]))
    if not 1e-12 < amplitude < 1 - 1e-12:
        raise ValueError(
            f"the anneal has a wrong part of amplitude {amplitude:.3g}, expected one between 0 and "
            "1. Choose another label, or a shorter time."
        )
    rounds = best_rounds(amplitude) if rounds is None else rounds
    state = plain
    for _ in range(rounds):
        state = np.where(wrong, -state, state)
        back = unitary.conj().T @ state
        state = unitary @ (2 * plus * (plus @ back) - back)
    probability = float(np.sum(np.abs(state[wrong]) ** 2))
    overlap = np.vdot(plain[wrong], state[wrong]) / (amplitude * np.sqrt(probability))
    return Amplification(
        amplitude=amplitude,
        rounds=rounds,
        probability=probability,
        calls=(2 * rounds + 1) / probability,
        plain_calls=amplitude**-2,
        fidelity=float(np.abs(overlap) ** 2),
    )


def calls_when_unknown(amplitude: float, repeats: int = 800, key: int = 0) -> float:
    r"""Mean uses of U and its inverse per wrong sample when |A_w| is not known.

    A random number of rounds below a bound that grows by 6/5 after each miss, up to where it makes
    no difference; drawn from the exact probabilities.

    Args:
        amplitude: |A_w|.
        repeats: runs to average.
        key: as for samplers.

    Example:
        >>> bool(calls_when_unknown(0.01) < 0.1 / 0.01**2)
        True

    Reference: Boyer, Brassard, Hoyer, Tapp, Fortschritte der Physik 46, 493 (1998).
    """
    if not 0 < amplitude <= 1:
        raise ValueError(
            f"amplitude must be in (0, 1], got {amplitude}. An amplitude of 0 is never found."
        )
    check_whole("repeats", repeats, "repeats=800")
    rng, angle, total = generator(key), np.arcsin(amplitude), 0
    for _ in range(repeats):
        bound = 1.0
        while True:
            rounds = int(rng.integers(np.ceil(bound)))
            total += 2 * rounds + 1
            if rng.random() < np.sin((2 * rounds + 1) * angle) ** 2:
                break
            bound = min(GROWTH * bound, 1 / amplitude)
    return total / repeats


def _mixer(angle: float, n: int) -> np.ndarray:
    """exp(i angle X) on each of n spins."""
    one = np.array([[np.cos(angle), 1j * np.sin(angle)], [1j * np.sin(angle), np.cos(angle)]])
    return reduce(np.kron, [one] * n, np.eye(1))
