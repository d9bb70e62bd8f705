"""The engine for any circuit and any initialisation: gradients at random starts, all parameters at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ...pauli.parameters import parameters
from ..result import intervals
from ..result.variance import Certificate, GradientVariance
from ..tasks import gather

SAMPLES = 500
BLOCK = 128  # draws side by side, fewer on many wires
AMPLITUDES = 2**20  # of all draws of a block together
Cost = Callable[[jax.Array], jax.Array] | None


@dataclass(frozen=True)
class Draws:
    """Costs ``(M,)`` and their gradients ``(M, p)`` at M random starts."""

    costs: np.ndarray
    gradients: np.ndarray


def draw(
    models: Any, cost: Cost, x: Any, samples: int, key: jax.Array, executor: Any = None
) -> Draws:
    """Gradients at random starts.

    Args:
        models: pairs ``(coefficient, model)`` with the same parameters; the cost is their sum. One
            model alone is a pair with 1.
        cost: a function of the readout values, or None for the first of them.
        x: features, or None: where the model reads some, uniform in [0, 2 pi) with each draw.
        samples: number of draws.
        key: block b of the draws comes from ``fold_in(key, b)``.
        executor: see ``gradient_variance``.
    """
    widest = max(model.n_wires for _, model in models)
    block = int(np.clip(AMPLITUDES // 2**widest, 1, min(BLOCK, samples)))
    data = np.asarray(jax.random.key_data(key)), str(jax.random.key_impl(key))
    jobs = [
        (models, cost, x, block, *data, b, bool(jax.config.jax_enable_x64))
        for b in range(-(-samples // block))
    ]
    parts = gather(_block, jobs, executor)
    costs = np.concatenate([costs for costs, _ in parts])[:samples]
    gradients = np.concatenate([gradients for _, gradients in parts])[:samples]
    return Draws(costs, gradients)


def _block(
    models: Any, cost: Cost, x: Any, block: int, data: Any, impl: str, number: int, x64: bool
) -> tuple[np.ndarray, np.ndarray]:
    """One block of draws; a plain function of plain values, so that any process can run it."""
    with jax.enable_x64(x64):  # the caller's precision, also in a process of its own
        key = jax.random.fold_in(jax.random.wrap_key_data(data, impl=impl), number)
        x = None if x is None else jnp.asarray(x, float)
        costs, gradients = _gradients(models, cost, x, jax.random.split(key, block))
        return np.asarray(costs, float), np.asarray(gradients, float)


@partial(jax.jit, static_argnums=(0, 1))
def _gradients(models: Any, cost: Cost, x: Any, keys: jax.Array) -> Any:
    first = models[0][1]

    def value(params: Any, x: Any, key: jax.Array) -> jax.Array:
        total = 0.0
        for coefficient, model in models:
            out = model.apply(params, x, key)
            total = total + coefficient * (out[..., 0] if cost is None else cost(out))
        return jnp.squeeze(jnp.asarray(total))

    def one(key: jax.Array) -> Any:
        for_params, for_x, for_shots = jax.random.split(key, 3)
        here = x
        if x is None and first.n_features:
            here = jax.random.uniform(for_x, (first.n_features,), maxval=2 * jnp.pi)
        out, gradient = jax.value_and_grad(value)(first.init(for_params), here, for_shots)
        return out, ravel_pytree(gradient)[0]

    return jax.vmap(one)(keys)


def measure(
    model: Any, cost: Cost, x: Any, samples: int | None, key: jax.Array, executor: Any = None
) -> GradientVariance:
    """The ``statevector`` engine."""
    draws = draw(((1.0, model),), cost, x, samples or SAMPLES, key, executor)
    statement = "gradients at random starts of the model itself"
    if x is None and model.n_features:
        statement += "; features uniform in [0, 2 pi) with each draw"
    return summarise(model, draws, "statevector", statement)


def summarise(model: Any, draws: Draws, method: str, statement: str) -> GradientVariance:
    """A result from draws: log-delta intervals, with a warning where they are too narrow."""
    known = parameters(model)
    gradients, m = draws.gradients[:, known.reported], len(draws.costs)
    variance = gradients.var(axis=0, ddof=1)
    kappa = intervals.kurtosis(gradients)
    low, high = intervals.log_delta(variance, kappa, m)
    # Rounding leaves about eps in a gradient that vanishes, and its square in the variance.
    eps = np.finfo(np.float64 if jax.config.jax_enable_x64 else np.float32).eps
    zero = variance < (30 * eps) ** 2
    cost_variance = float(draws.costs.var(ddof=1))
    cost_kappa = intervals.kurtosis(draws.costs)
    cost_low, cost_high = intervals.log_delta(cost_variance, cost_kappa, m)
    middle, largest = intervals.bootstrap_median_max(gradients[:, ~zero])
    return GradientVariance(
        model.n_wires, variance, low, high,
        standard_error=variance * np.sqrt(np.maximum(kappa - 1, 0) / m),
        certified_zero=zero,
        layers=tuple(n for n, kept in zip(known.layers, known.reported, strict=True) if kept),
        cost_mean=float(draws.costs.mean()),
        cost_variance=cost_variance,
        cost_interval=(float(cost_low), float(cost_high)),
        method=method,
        certificate=Certificate(statement),
        draws=m,
        warnings=_warnings(kappa[~zero], m),
        median_interval=middle,
        maximum_interval=largest,
    )  # fmt: skip


def _warnings(kappa: np.ndarray, draws: int) -> tuple[str, ...]:
    heavy = kappa[kappa / draws > intervals.HEAVY]
    if not heavy.size:
        return ()
    wanted = f"{heavy.max() / intervals.HEAVY:.1g}"
    return (
        f"heavy tails: {heavy.size} of {kappa.size} components have a kurtosis up to {heavy.max():.0f} with "
        f"{draws} draws, so their intervals are too narrow; take samples={float(wanted):.0f} or more, or "
        "method='pauli_walk' or 'dense_moment' where it is valid",
    )
