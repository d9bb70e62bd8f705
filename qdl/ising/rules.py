r"""How an image changes the network: nudge correlations up, those of free low-energy states down.

The nudged state has its outputs held at the code of the right class (Eq. 4). The free states come
from a sampler. Every weight moves by its rate times (nudged - free) correlation (Eq. 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_whole
from .base import Reads, check_answer, ordered
from .energy import Ising
from .network import Network, winners

RULES = ("quantum_propagation", "equilibrium_propagation")
READS = ("forward", "cyclic", "mixed")


@dataclass(frozen=True)
class Rule:
    """Which free states an update uses, and where the sampler starts to look for them.

    ``equilibrium_propagation`` uses the read of lowest energy, ``quantum_propagation`` the mean
    over all (Eq. 6). ``forward`` reads start anywhere; ``cyclic`` ones from the nudged states of
    the wrong classes in random order (Eq. 7); ``mixed`` ones so too, but for a tenth of them, at
    least one, that are forward. With one forward read the two rules are the same.

    Args:
        name: one of ``RULES``.
        num_reads: reads per image.
        reads: one of ``READS``.

    Example:
        >>> Rule("quantum_propagation", 20, "mixed").n_forward
        2

    Reference: equilibrium propagation on an annealer: Laydevant, Markovic, Grollier, Nature
    Communications 15, 3671 (2024); quantum propagation: Zhang, Kamenev, Communications Physics 8,
    478 (2025).
    """

    name: str = "quantum_propagation"
    num_reads: int = 10
    reads: str = "forward"

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise ValueError(f"rule must be one of {list(RULES)}, got {self.name!r}.")
        if self.reads not in READS:
            raise ValueError(f"reads must be one of {list(READS)}, got {self.reads!r}.")
        check_whole("num_reads", self.num_reads, "num_reads=10")
        if self.name == "equilibrium_propagation" and self.reads != "forward":
            raise ValueError(
                f"equilibrium propagation has free reads only, got reads={self.reads!r}. Use "
                "reads='forward', or rule='quantum_propagation'."
            )

    @property
    def n_forward(self) -> int:
        """How many of the reads start anywhere."""
        if self.reads == "mixed":
            return max(1, self.num_reads // 10)
        return self.num_reads if self.reads == "forward" else 0


@dataclass(frozen=True)
class Trainer:
    """One image after the other: draw free reads, compare with the nudged state, move the weights.

    Args:
        rule: which reads.
        sampler: draws them.
        codes: ``class_codes``.
    """

    rule: Rule
    sampler: Any
    codes: np.ndarray

    def epoch(
        self,
        network: Network,
        X: np.ndarray,
        labels: np.ndarray,
        rates: tuple[np.ndarray, ...],
        rng: np.random.Generator,
    ) -> float:
        """Train on every row of X once, in random order and in place.

        Args:
            network: changed in place.
            X: ``(n, features)``.
            labels: ``(n,)``, 0 .. classes - 1.
            rates: of weights and of biases, each ``(n,)``: one for every step.
            rng: of the order and the sampler.

        Returns:
            The online error: the fraction of images whose read of lowest energy, drawn before the
            update, names a wrong class or none.
        """
        wrong = 0
        for row, rate, bias_rate in zip(rng.permutation(len(X)), *rates, strict=True):
            x, label = X[row], int(labels[row])
            pull = network.pull(x)
            spins = self.free(network, pull, label, rng).spins
            outputs = spins[0, len(pull) :]
            wrong += winners(outputs, len(self.codes)) != label
            self._update(network, x, pull, label, spins, rate, bias_rate)
        return wrong / len(X)

    def free(
        self, network: Network, pull: np.ndarray, label: int, rng: np.random.Generator
    ) -> Reads:
        """The reads of an image, the lowest energy first."""
        problem, n_forward = network.problem(pull), self.rule.n_forward
        n_cyclic = self.rule.num_reads - n_forward
        parts = []
        if n_forward:
            parts.append(self._draw(problem, n_forward, rng))
        if n_cyclic:
            seeds = self.seeds(network, pull, label, n_cyclic, rng)
            parts.append(self._draw(problem, n_cyclic, rng, initial=seeds))
        spins, energies = (np.concatenate(both) for both in zip(*parts, strict=True))
        return ordered(spins, energies)

    def _draw(self, problem: Ising, num_reads: int, rng: np.random.Generator, **words: Any) -> Any:
        """Reads of the sampler, which may be anybody's: its spins are looked at."""
        spins, energies = self.sampler.sample(
            problem.h, problem.J, num_reads=num_reads, key=rng, **words
        )
        return check_answer(spins, (num_reads, problem.n), self.sampler), energies

    def seeds(
        self, network: Network, pull: np.ndarray, label: int, count: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Nudged states of wrong classes, each class as often as the others give or take one."""
        wrong = rng.permutation(np.delete(np.arange(len(self.codes)), label))
        codes = self.codes[np.resize(wrong, count)]
        return np.concatenate([network.clamped(pull, codes), codes], axis=-1).astype(np.int8)

    def _update(
        self,
        network: Network,
        x: np.ndarray,
        pull: np.ndarray,
        label: int,
        spins: np.ndarray,
        rate: np.float32,
        bias_rate: np.float32,
    ) -> None:
        """Eqs. 5 and 6, in place."""
        used = spins if self.rule.name == "quantum_propagation" else spins[:1]
        used = used.astype(np.float32)
        hidden, outputs = used[:, : len(pull)], used[:, len(pull) :]
        code = self.codes[label]
        nudged = network.clamped(pull, code)
        # A mean, not a sum over the reads: m reads would be m times the learning rate.
        change = nudged - hidden.mean(axis=0)
        network.W[...] += np.multiply.outer(change, rate * x)
        network.J[...] += rate * (np.outer(nudged, code) - hidden.T @ outputs / len(used))
        network.bias_hidden[...] += bias_rate * change
        network.bias_output[...] += bias_rate * (code - outputs.mean(axis=0))
