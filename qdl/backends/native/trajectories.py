"""Quantum trajectories as a place: noise on more wires than a density matrix allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ... import simulator
from ...circuit import Circuit
from ...readout import Probs
from .. import outcomes
from ..place import Place


@dataclass(frozen=True)
class Trajectories(Place):
    """The native state-vector simulator with errors drawn at random."""

    samples: int
    compiles = True

    def __post_init__(self) -> None:
        given = self.samples
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise ValueError(
                f"trajectories() needs a whole number of samples >= 1, got {given!r}. The standard error "
                "falls as 1 / sqrt(samples); example: trajectories(samples=100)."
            )

    @property
    def draws(self) -> int:
        """The trajectories."""
        return self.samples

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values, averaged over trajectories."""
        if key is None:
            raise ValueError(
                f"{self.samples} trajectories need a key: apply(params, x, key=jax.random.key(0))."
            )
        return _values(self, circuit, params, x, key)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes of the active wires, each of a trajectory of its own."""
        circuit, one = replace(circuit, readout=Probs()), Trajectories(1)

        def outcome(key: Any) -> jax.Array:
            way, draw = jax.random.split(key)
            return outcomes.drawn(_values(one, circuit, params, x, way), 1, draw)[..., 0, :]

        return jnp.moveaxis(jax.vmap(outcome)(jax.random.split(key, shots)), 0, -2)

    def sampled(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any]:
        """Means over trajectories, each with a key of its own, and what their scatter makes of them."""
        if self.samples < 2:
            return super().sampled(circuit, params, x, key)
        one = Trajectories(1)

        def way(key: Any) -> jax.Array:
            return one.apply(circuit, params, x, key)

        found = jax.lax.map(way, jax.random.split(key, self.samples))
        return found.mean(0), found.std(0, ddof=1) / math.sqrt(self.samples)


@partial(jax.jit, static_argnums=(0, 1))
def _values(place: Trajectories, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
    def run(params: Any, x: Any, key: Any) -> jax.Array:
        return simulator.evaluate_trajectories(circuit, params, x, place.samples, key)

    return simulator.split_batch(run, params, x, key)


def trajectories(samples: int) -> Trajectories:
    r"""Circuits with noise, as an average over ``samples`` circuits with random errors.

    Depolarizing, bit-flip, phase-flip and phase-damping noise, ``PauliError``, and whatever else is a
    mixture of Pauli words runs as unitary circuits. Other channels, amplitude damping among them, apply a
    Kraus matrix drawn at random: right on average, but the scatter grows with their number, and the
    gradient keeps the states in between. Values and gradients are unbiased, with a standard error
    that falls as $1/\sqrt{\text{samples}}$; ``apply`` needs a key.

    Args:
        samples: trajectories for each input.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Noise, Rotation
        >>> model = qdl.QNN(1, [Rotation("x"), Noise("bit_flip", 0.25)]).on(trajectories(samples=4))
        >>> model.apply([jax.numpy.zeros((1, 1)), None], key=jax.random.key(0)).shape
        (1,)

    Reference: Molmer, Castin, Dalibard, J. Opt. Soc. Am. B 10, 524 (1993).
    """
    return Trajectories(samples)
