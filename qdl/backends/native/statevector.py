"""The native simulator as a place: exact, or with shots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from ... import simulator
from ...circuit import Circuit
from ..place import Place


@dataclass(frozen=True)
class Statevector(Place):
    """The native state-vector simulator; exact for ``shots=None``."""

    shots: int | None = None
    mesh: Any = None
    compiles = True

    def __post_init__(self) -> None:
        if self.shots is not None:
            simulator.check_shots(self.shots)
        if self.mesh is not None and not isinstance(self.mesh, jax.sharding.Mesh):
            raise TypeError(
                f"mesh must be a jax.sharding.Mesh, got {type(self.mesh).__name__}. "
                "Example: statevector(mesh=jax.make_mesh((4,), ('state',)))."
            )
        if self.mesh is not None and self.shots is not None:
            raise ValueError(
                f"A state in slices gives exact values, got shots={self.shots} with a mesh. "
                "Leave one of them out."
            )

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values, all layers compiled as one program."""
        if self.shots is not None:
            simulator.check_shots(self.shots, key)
        return _values(self, circuit, params, x, key)

    def measured_slopes(
        self, circuit: Circuit, params: Any, x: Any, ask: Any, shots: Any, key: Any, groups: int
    ) -> simulator.Slopes:
        """As drawn from the exact distributions of all shifted circuits, compiled once for any shots."""
        if self.shots is None:
            return super().measured_slopes(circuit, params, x, ask, shots, key, groups)
        return simulator.measured_slopes(circuit, params, x, ask, shots, key, groups)

    def one_shot_variances(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """Those of the distributions that outcomes are drawn from."""
        return simulator.one_shot_variances(circuit, params, x)


@partial(jax.jit, static_argnums=(0, 1))
def _values(place: Statevector, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
    def run(params: Any, x: Any, key: Any) -> jax.Array:
        return simulator.evaluate(circuit, params, x, place.shots, key)

    if place.mesh is not None:
        return simulator.evaluate_sliced(circuit, params, x, place.mesh)
    return simulator.split_batch(run, params, x, key)


def statevector(shots: int | None = None, mesh: Any = None) -> Statevector:
    """The native simulator.

    Args:
        shots: None for exact values; a number for sampled ones, which need a key in ``apply``.
        mesh: a ``jax.sharding.Mesh`` of 2^k devices, each of which then holds 2^(n-k) of the 2^n
            amplitudes: for states that do not fit on one. Without it a batch is split over devices by
            sharding ``x``.

    With shots, observables that can be read in one basis share their outcomes, and every basis gets all
    the shots. Gradients come from the parameter-shift rule with shots of its own for every shift: they are
    as noisy as on hardware, and right on average. All of it runs under ``jax.jit``, and under ``jax.vmap``
    over parameters and keys; one key for all samples of a map would give them the same random numbers.

    Example:
        >>> statevector(shots=1000)
        Statevector(shots=1000, mesh=None)
    """
    return Statevector(shots, mesh)
