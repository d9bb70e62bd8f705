"""Samplers that check and compare: exact enumeration, and any sampler of dimod's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dimod
import numpy as np

from ..arguments import check_number
from .base import Sampler, check_answer
from .energy import Couplings, Ising, energies

LIMIT = 20  # spins: 2^20 states


@dataclass(frozen=True)
class ExactSampler(Sampler):
    r"""Draws from the exact distribution $p(s) \propto e^{-E(s)/T}$ by listing all $2^n$ states.

    Args:
        temperature: T, in the units of h and J; 0 draws among the states of lowest energy.

    Raises:
        ValueError: more than 20 spins.

    Example:
        >>> import numpy as np
        >>> ExactSampler().sample([1.0, 0.0], [[0.0, -1.0], [0.0, 0.0]], num_reads=2, key=0).spins
        array([[-1, -1],
               [-1, -1]], dtype=int8)

    Reference: Boltzmann's distribution.
    """

    temperature: float = 0.0

    def __post_init__(self) -> None:
        check_number("temperature", self.temperature, "temperature=0")

    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        n = h.shape[1]
        if n > LIMIT:
            raise ValueError(
                f"ExactSampler lists all states of at most {LIMIT} spins, got {n}. "
                "Use BlockSampler for larger problems."
            )
        if initial is not None:
            raise ValueError(
                "ExactSampler has no states to start from: it draws from all of them. "
                "Leave out initial, or use BlockSampler."
            )
        states = all_states(n)
        spins = np.empty((len(h), num_reads, n), np.int8)
        for problem, fields in zip(spins, h.astype(float), strict=True):
            energy = energies(fields, J, states)
            problem[:] = states[rng.choice(len(states), num_reads, p=self._weights(energy))]
        return spins

    def _weights(self, energy: np.ndarray) -> np.ndarray:
        above = energy - energy.min()
        if self.temperature == 0:
            weights = (above <= 1e-9 * max(1.0, np.abs(energy).max())).astype(float)
        else:
            weights = np.exp(-above / self.temperature)
        return weights / weights.sum()


def all_states(n: int) -> np.ndarray:
    """All states ``(2^n, n)``: state k has -1 where k has a binary 1, spin 0 most significant.

    Example:
        >>> all_states(2).tolist()
        [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    """
    bits = (np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1
    return (1 - 2 * bits).astype(np.int8)


class DimodSampler(Sampler):
    """Any sampler of dimod's, one model a problem: simulated annealing, path integral, descent.

    Building the model costs more than our own annealers need to sample it: this is for comparison
    and for other people's machines, not for speed.

    Args:
        sampler: a ``dimod.Sampler``.
        options: more words for its ``sample``, such as ``num_sweeps=100``.

    Raises:
        ValueError: ``initial`` for a sampler that takes no ``initial_states``; a sampler that
            returns fewer reads than asked for.

    Example:
        >>> import dimod
        >>> h, J = [1.0, -0.5], [[0.0, 2.0], [0.0, 0.0]]
        >>> DimodSampler(dimod.ExactSolver()).sample(h, J, num_reads=1, key=0).energies.tolist()
        [-3.5]

    Reference: dimod and dwave-samplers, docs.dwavequantum.com.
    """

    def __init__(self, sampler: dimod.Sampler, **options: Any):
        if not isinstance(sampler, dimod.Sampler):
            raise TypeError(
                f"DimodSampler needs a dimod.Sampler, got {sampler!r}. "
                "Example: DimodSampler(dwave.samplers.SimulatedAnnealingSampler())."
            )
        self.sampler = sampler
        self.options = options

    def __repr__(self) -> str:
        words = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"DimodSampler({type(self.sampler).__name__}(){words})"

    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        known = self.sampler.parameters
        if initial is not None and "initial_states" not in known:
            raise ValueError(
                f"{type(self.sampler).__name__} takes no initial_states, so it cannot start from "
                "given states. Leave out initial (reads='forward'), or use BlockSampler."
            )
        spins = []
        for i, fields in enumerate(h):
            words = dict(self.options)
            if "num_reads" in known:
                words["num_reads"] = num_reads
            if "seed" in known:
                words["seed"] = int(rng.integers(2**31))
            if initial is not None:
                words["initial_states"] = initial[i]
            answer = self.sampler.sample(Ising(fields, J).to_bqm(), **words)
            spins.append(check_answer(rows(answer, num_reads), (num_reads, h.shape[1]), self))
        return np.stack(spins)


def rows(answer: dimod.SampleSet, num_reads: int) -> np.ndarray:
    """The reads of a sample set with the variables 0, ..., n-1, the lowest energies if too many."""
    answer = answer.change_vartype("SPIN", inplace=False)
    columns = [answer.variables.index(v) for v in range(len(answer.variables))]
    spins = answer.record.sample[:, columns]
    order = np.argsort(answer.record.energy, kind="stable")
    order = np.repeat(order, answer.record.num_occurrences[order])
    return spins[order[:num_reads]]
