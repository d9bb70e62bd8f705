"""What a Boltzmann machine asks a sampler, and the rows of its answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Sampler, check_answer
from .energy import Bipartite, Couplings
from .gibbs import GibbsSampler
from .machine import Machine
from .quantum import SLICES
from .samplers import all_states


def scaled(machine: Machine, scale: float) -> tuple[np.ndarray, Couplings]:
    """The problem that a sampler is given."""
    if scale == 1.0:
        return machine.h, machine.J
    J = scale * machine.weights
    return scale * machine.h, Bipartite(J) if machine.mask is None else J


def programmed(sampler: Any, h: np.ndarray, J: Couplings) -> tuple[np.ndarray, Couplings]:
    """What of a problem reaches a sampler's machine, if the sampler says so."""
    return sampler.programmed(h, J) if hasattr(sampler, "programmed") else (h, J)


def unsorted(
    sampler: Any,
    h: np.ndarray,
    J: Couplings,
    num_reads: int,
    rng: np.random.Generator,
    initial: np.ndarray | None = None,
) -> np.ndarray:
    """Spins ``(problems, reads, n)``, in the order of drawing where a sampler has ``draw``."""
    shape = (len(h), num_reads, h.shape[1])
    if initial is not None:
        initial = initial[None]
    if isinstance(sampler, GibbsSampler):
        return sampler.draw(h, J, num_reads, rng, initial)
    if isinstance(sampler, Sampler) and type(sampler).sample is Sampler.sample:
        return check_answer(sampler.draw(h, J, num_reads, rng, initial), shape, sampler)
    words = {} if initial is None else {"initial": initial}
    return check_answer(
        sampler.sample(h, J, num_reads=num_reads, key=rng, **words)[0], shape, sampler
    )


def visible_states(
    machine: Machine, p: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows of visible spins drawn from a distribution over their states."""
    return all_states(machine.visible)[rng.choice(len(p), count, p=p / p.sum())]


def first_slices(spins: np.ndarray) -> np.ndarray:
    """One copy of each read of a ``trotter`` problem."""
    return spins[..., : spins.shape[-1] // SLICES]


def as_many(chains: Any, num_reads: int, n: int, rng: np.random.Generator) -> Any:
    """Chains of n spins, so many; those of another problem are left behind."""
    if chains is None or chains.shape[1] != n:
        return None
    return chains if len(chains) == num_reads else chains[rng.integers(len(chains), size=num_reads)]


def equal(one: tuple[np.ndarray, Couplings], two: tuple[np.ndarray, Couplings]) -> bool:
    """Whether two problems are the same."""
    arrays = [(h, J.block if isinstance(J, Bipartite) else J) for h, J in (one, two)]
    return all(np.array_equal(a, b) for a, b in zip(*arrays, strict=True))
