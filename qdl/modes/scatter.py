"""How far single outcomes of photonic shots lie from their mean."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ..circuit import Circuit, leading
from ..observables import terms
from ..readout import PhotonProbabilities
from . import fock, measure
from .sampling import distribution
from .space import Space


@partial(jax.jit, static_argnums=(0, 1))
def one_shot_variances(space: Space, circuit: Circuit, params: Any, x: Any) -> jax.Array:
    r"""The variance of each readout value, ``(..., k)``: $\sum_j c_j^2 \mathrm{Var}(T_j)$.

    Every term has shots of its own. What the cut-off leaves out is an outcome that counts 0, as in
    ``sampling``.
    """
    state, measured = fock.states(space, circuit, params, x), circuit.measured
    if isinstance(measured, PhotonProbabilities):
        p = measure.probabilities(space, state, measured.wires)
        return (p * (1 - p)).reshape(*leading(x), -1)
    columns = []
    for observable in measured.observables:
        total: Any = 0.0
        for coefficient, term in terms(observable):
            p, outcomes = distribution(space, state, term)
            lost = jnp.maximum(1 - jnp.sum(p, -1), 0)
            mean = p @ outcomes
            apart = jnp.sum(p * (outcomes - mean[:, None]) ** 2, -1) + lost * mean**2
            total = total + coefficient**2 * apart
        columns.append(total)
    return jnp.stack(columns, -1).reshape(*leading(x), -1)
