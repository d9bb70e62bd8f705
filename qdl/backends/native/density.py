"""The native simulator for mixed states, as a place: exact noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax

from ... import simulator
from ...circuit import Circuit
from ...readout import Probs
from .. import outcomes
from ..place import Place


@dataclass(frozen=True)
class DensityMatrix(Place):
    """The native simulator for circuits with noise; exact."""

    compiles = True

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values, channels included."""
        return _values(circuit, params, x)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes of the active wires, channels included."""
        return outcomes.drawn(_values(replace(circuit, readout=Probs()), params, x), shots, key)


@partial(jax.jit, static_argnums=0)
def _values(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    def run(params: Any, x: Any, key: Any) -> jax.Array:
        return simulator.evaluate_mixed(circuit, params, x)

    return simulator.split_batch(run, params, x)


def density_matrix() -> DensityMatrix:
    r"""Exact simulation of circuits with ``Noise`` layers and any PennyLane channel.

    $\rho \mapsto \sum_k K_k \rho K_k^\dagger$ with $\rho$ as a state of 2n wires: as large as that of
    twice the wires, so for small n; ``trajectories`` is for more. A channel's strength may be a
    parameter or a feature. Gradients keep the states between stages: memory grows with depth.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Noise, Rotation
        >>> model = qdl.QNN(1, [Rotation("x"), Noise("bit_flip", 0.25)])
        >>> [value] = model.on(density_matrix()).apply([jax.numpy.zeros((1, 1)), None])
        >>> round(float(value), 3)
        0.5

    Reference: Nielsen, Chuang, Quantum Computation and Quantum Information, section 8.2.
    """
    return DensityMatrix()
