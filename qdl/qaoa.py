"""QAOA as a sampler of Ising problems: above both families, circuits and spins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .arguments import check_number, check_whole
from .backends import as_place
from .ising.base import Sampler
from .ising.energy import Couplings, as_dense, energies, field_scale
from .ising.samplers import all_states
from .layers import QAOA, Evolution
from .layers.evolution import ramp
from .model import QNN
from .readout import Probs
from .refused import Refused

WIDEST = 16  # spins whose distribution is computed: 2^16 states


@dataclass(frozen=True)
class QAOASampler(Sampler):
    r"""Samples the state that QAOA makes of an Ising problem: a contract of samplers kept by a circuit.

    The angles of each problem start with an annealing ramp, in units of ``field_scale(h, J)``, and may be
    optimised: ``steps`` of Adam on the exact mean energy. What comes out looks like a Boltzmann
    distribution from afar only, of a temperature that nobody sets: see the guide before it is a Boltzmann
    machine's negative phase. On problems that can be simulated at all ``BlockSampler`` finds lower energies
    in less time; this is for comparison, and for machines.

    Args:
        depth: how often cost and mixer alternate.
        steps: of the optimiser, for each problem; 0 keeps the ramp.
        learning_rate: of Adam, radians.
        absolute: count the cost's angles in units of h and J themselves, so that larger weights mean a colder
            distribution; else all multiples of a problem give one distribution.
        place: where the circuit is sampled; None for the exact distribution of up to 16 spins.

    Raises:
        Refused: more than 16 spins without a place that draws shots, or to be optimised; states to start
            from.

    Example:
        >>> import numpy as np
        >>> spins, energies = QAOASampler(2).sample([0.5, 0.0], [[0.0, -1.0], [0.0, 0.0]], num_reads=3, key=0)
        >>> spins.shape, float(energies[0])
        ((3, 2), -1.5)

    Reference: Farhi, Goldstone, Gutmann, arXiv:1411.4028 (2014); as a trainer: Verdon, Broughton, Biamonte,
    arXiv:1712.05304 (2017).
    """

    depth: int
    steps: int = 0
    learning_rate: float = 0.05
    absolute: bool = False
    place: Any = None

    def __post_init__(self) -> None:
        check_whole("depth", self.depth, owner="QAOASampler")
        check_whole("steps", self.steps, "steps=100", least=0, owner="QAOASampler")
        check_number("learning_rate", self.learning_rate, "learning_rate=0.05", positive=True)
        if self.place is not None:
            object.__setattr__(self, "place", as_place(self.place))

    def draw(
        self,
        h: np.ndarray,
        J: Couplings,
        num_reads: int,
        rng: np.random.Generator,
        initial: np.ndarray | None,
    ) -> np.ndarray:
        n = h.shape[1]
        self._check(n, initial)
        dense = as_dense(J)
        pairs = np.argwhere(dense)
        model = _model(n, tuple(map(tuple, pairs.tolist())), self.depth)
        couplings = dense[pairs[:, 0], pairs[:, 1]]
        unit = np.ones(len(h)) if self.absolute else np.maximum(field_scale(h, J), 1e-30)
        spins = np.empty((len(h), num_reads, n), np.int8)
        for reads, fields, u in zip(spins, h, unit, strict=True):
            cost = np.concatenate([fields, couplings]) / u
            angles = self._angles(model, cost, fields, J, float(u))
            if self.place is None:
                p = np.asarray(_probabilities(model, angles, cost), float)
                reads[:] = all_states(n)[rng.choice(2**n, num_reads, p=p / p.sum())]
            else:
                key = jax.random.key(int(rng.integers(2**31)))
                there = model.on(self.place)
                reads[:] = 1 - 2 * np.asarray(
                    there.sample(_params(angles, cost), None, num_reads, key)
                )
        return spins

    def _check(self, n: int, initial: Any) -> None:
        draws = self.place is not None and self.place.draws is not None
        if n > WIDEST and not draws:
            raise Refused(
                f"QAOASampler computes the distribution of at most {WIDEST} spins, got {n}. Pass a place "
                "that draws shots, as place=qdl.backends.statevector(shots=1000) or a machine; or use "
                "qdl.ising.BlockSampler."
            )
        if n > WIDEST and self.steps:
            raise Refused(
                f"QAOASampler optimises the exact mean energy of at most {WIDEST} spins, got {n}. Pass "
                "steps=0: the ramp needs no optimiser."
            )
        if initial is not None:
            raise Refused(
                "QAOASampler has no states to start from: its circuit prepares all of them. Leave out "
                "initial, or use qdl.ising.BlockSampler."
            )

    def _angles(
        self, model: QNN, cost: np.ndarray, h: np.ndarray, J: Couplings, unit: float
    ) -> Any:
        """Gamma and beta, ``(2, depth)``, radians."""
        start = jnp.asarray(np.stack(ramp(self.depth)))
        if not self.steps:
            return start
        energy = energies(h.astype(float), J, all_states(model.n_wires)) / unit
        return _optimised(model, self.steps, self.learning_rate, start, cost, jnp.asarray(energy))


@lru_cache(maxsize=64)
def _model(n: int, pairs: tuple[tuple[int, int], ...], depth: int) -> QNN:
    """The circuit of all problems with these couplings: their sizes are angles, and compile nothing."""
    terms = [(1.0, "Z", (i,)) for i in range(n)] + [(1.0, "ZZ", pair) for pair in pairs]
    return QNN(n, [QAOA(Evolution(terms, shared=False), depth=depth)], readout=Probs())


def _params(angles: Any, cost: Any) -> Any:
    gamma, beta = angles
    return [{"start": None, "turns": [gamma[:, None] * jnp.asarray(cost), beta[:, None]]}]


@partial(jax.jit, static_argnums=0)
def _probabilities(model: QNN, angles: Any, cost: Any) -> jax.Array:
    return model.apply(_params(angles, cost))


@partial(jax.jit, static_argnums=(0, 1))
def _optimised(model: QNN, steps: int, rate: Any, start: Any, cost: Any, energy: Any) -> jax.Array:
    """Angles after some steps of Adam on the mean energy."""
    adam = optax.adam(rate)
    slope = jax.grad(lambda angles: model.apply(_params(angles, cost)) @ energy)

    def step(carry: Any, _: Any) -> Any:
        angles, state = carry
        updates, state = adam.update(slope(angles), state)
        return (optax.apply_updates(angles, updates), state), None

    (angles, _), _ = jax.lax.scan(step, (start, adam.init(start)), None, length=steps)
    return angles
