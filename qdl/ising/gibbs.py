"""Block Gibbs sampling: states of Boltzmann's law at one temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import check_number, check_whole
from .base import Sampler
from .block import BlockSampler
from .energy import Couplings


@dataclass(frozen=True)
class GibbsSampler(Sampler):
    r"""Draws from $p(s) \propto e^{-E(s)/T}$ by block heat-bath updates, T in the units of h and J.

    ``BlockSampler`` at one temperature, without a descent at its end. Every sweep leaves the
    distribution as it is; from random states it takes some to get there, more where the couplings
    are strong. Reads that start from the last ones (``initial``) go on as chains.

    Args:
        sweeps: updates of every spin, from random states and from ``initial`` alike.
        temperature: T > 0.

    Example:
        >>> h, J = np.array([0.5, 0.0]), np.array([[0.0, -1.0], [0.0, 0.0]])
        >>> spins, _ = GibbsSampler(20).sample(h, J, num_reads=100_000, key=0)
        >>> mean = (-np.exp(0.5) + np.exp(-0.5)) / (np.exp(0.5) + np.exp(-0.5))  # of the first spin
        >>> bool(abs(spins[:, 0].mean() - mean) < 0.01)
        True

    Reference: Geman, Geman, IEEE PAMI 6, 721 (1984).
    """

    sweeps: int = 10
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_whole("sweeps", self.sweeps, "sweeps=10")
        check_number("temperature", self.temperature, "temperature=1.0", positive=True)

    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        T = self.temperature
        steady = BlockSampler(
            self.sweeps, T, T, self.sweeps, T, quench=False, absolute=True
        )  # positions: sweeps, hot, cold, reverse_sweeps, reverse_hot
        return steady.draw(h, J, num_reads, rng, initial)
