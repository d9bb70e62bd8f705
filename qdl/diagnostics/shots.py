r"""Gradients from shots: the floor under which a plateau hides, and estimates that do not see it.

With S shots a term, the parameter-shift estimate $\hat g = (\hat f_+ - \hat f_-)/2$ of a $\pm 1$ observable
has a variance of its own of up to $1/(2S)$: the plain variance over starts never falls below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..backends import statevector
from ..pauli.parameters import parameters


def shot_floor(shots: int) -> float:
    r"""The largest variance that shots add to a parameter-shift gradient: $1/(2S)$.

    Args:
        shots: per expectation value, of an observable with values in [-1, 1].

    Example:
        >>> shot_floor(1000)
        0.0005
    """
    return 1 / (2 * shots)


def shots_needed(variance: float, snr: float = 1.0) -> float:
    r"""Shots per expectation value for a typical gradient at a signal-to-noise ratio: $r^2/(2v)$.

    Twice as many for a parameter, which takes two expectation values.

    Args:
        variance: of the gradient component over starts.
        snr: ratio of its standard deviation to the shots' one.

    Example:
        >>> shots_needed(1e-6, snr=3)
        4500000
    """
    return math.ceil(snr**2 / (2 * variance)) if variance > 0 else math.inf


def detection_limit(shots: int, draws: int) -> float:
    r"""The smallest variance told from none at 95%: $1.96 \sqrt{2/M} / (2S)$.

    Example:
        >>> f"{detection_limit(1000, 200):.1e}"
        '9.8e-05'
    """
    return 1.96 * math.sqrt(2 / draws) * shot_floor(shots)


def debiased_variance(plus: Any, minus: Any, shots: int) -> np.ndarray:
    r"""Unbiased variance of a gradient from sampled shift values of a $\pm 1$ observable.

    $s^2(\hat g) - \overline{[(1 - \hat f_+^2) + (1 - \hat f_-^2)]/(4(S - 1))}$ over the draws. It can be
    negative where the signal is below the noise: never clip before averaging.

    Args:
        plus: ``(draws, ...)``, the mean of S outcomes at $\theta + \pi/2$.
        minus: the same at $\theta - \pi/2$.
        shots: S, at least 2.

    Example:
        >>> round(float(debiased_variance(np.array([0.5, -0.5]), np.array([-0.5, 0.5]), 100)), 4)
        0.4962
    """
    plus, minus = np.asarray(plus, float), np.asarray(minus, float)
    noise = ((1 - plus**2) + (1 - minus**2)) / (4 * (shots - 1))
    return ((plus - minus) / 2).var(axis=0, ddof=1) - noise.mean(axis=0)


def split_variance(first: Any, second: Any) -> np.ndarray:
    """Unbiased variance of a gradient from two estimates with shots of their own: their covariance.

    For any observable. Like ``debiased_variance`` it can be negative.

    Args:
        first: ``(draws, ...)``, gradients from one half of the shots.
        second: from the other half, at the same starts.

    Example:
        >>> float(split_variance(np.array([0.5, -0.5]), np.array([0.5, -0.5])))
        0.5
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    return ((first - first.mean(0)) * (second - second.mean(0))).sum(0) / (len(first) - 1)


@dataclass(frozen=True)
class SampledVariance:
    """The variance of one gradient component, measured with shots.

    Attributes:
        naive: the plain variance of the estimates: gradient and shots together.
        debiased: that of the gradient alone; unbiased, so it can be negative.
        floor: what shots add at most.
        limit: the smallest variance that so many draws and shots tell from none.
        shots: per expectation value.
        draws: number of starts.
    """

    naive: float
    debiased: float
    floor: float
    limit: float
    shots: int
    draws: int


def sampled_variance(
    model: Any, parameter: int, *, shots: int, draws: int = 200, x: Any = None, key: jax.Array
) -> SampledVariance:
    r"""Measure one component as hardware would: two sampled expectation values at every random start.

    The shots are split into halves with outcomes of their own; the plain variance is that of the mean of
    both, the debiased one their covariance.

    Args:
        model: a QNN on a place without errors; its first readout value is the cost.
        parameter: index into the reported parameters, the angle of one rotation about a Pauli word.
        shots: per expectation value, even.
        draws: random starts.
        x: one sample of features, or None.
        key: a JAX key.

    Raises:
        ValueError: odd shots, or a parameter that the two-term shift rule does not differentiate.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(1, Rotation("x"))
        >>> found = sampled_variance(model, 0, shots=10, draws=2000, key=jax.random.key(0))
        >>> bool(found.naive > 0.51 > found.debiased > 0.49)  # 1/2, and up to 1/20 from shots
        True
    """
    if shots < 2 or shots % 2:
        raise ValueError(f"shots are split into halves: got {shots}, expected an even number >= 2.")
    model.place.check_pure("the sampled variance")
    position = int(np.flatnonzero(parameters(model).reported)[parameter])
    exact, half = model.on(statevector()), model.on(statevector(shots=shots // 2))
    x = None if x is None else jnp.asarray(x, float)
    _check_shift(exact, x, position, key)
    both = np.asarray(_twice(half, position, x, jax.random.split(key, draws)), float)
    naive = float(both.mean(axis=1).var(ddof=1))
    debiased = float(split_variance(both[:, 0], both[:, 1]))
    limit = detection_limit(shots, draws)
    return SampledVariance(naive, debiased, shot_floor(shots), limit, shots, draws)


@partial(jax.jit, static_argnums=(0, 1))  # of the module: asked again, nothing is compiled again
def _twice(model: Any, position: int, x: Any, keys: jax.Array) -> jax.Array:
    """Two estimates of one gradient at each of some random starts, ``(draws, 2)``."""

    def one(key: jax.Array) -> jax.Array:
        start, *outcomes = jax.random.split(key, 3)
        params = model.init(start)
        return jnp.stack([_shifted(model, position, params, x, key) for key in outcomes])

    return jax.vmap(one)(keys)


def _shifted(model: Any, position: int, params: Any, x: Any, key: Any) -> jax.Array:
    """The two-term shift rule, with outcomes of its own for each term."""
    flat, unravel = ravel_pytree(params)
    plus, minus = (
        model.apply(unravel(flat.at[position].add(shift)), x, k)[0]
        for shift, k in zip((jnp.pi / 2, -jnp.pi / 2), jax.random.split(key), strict=True)
    )
    return (plus - minus) / 2


def _check_shift(model: Any, x: Any, position: int, key: jax.Array) -> None:
    params = model.init(key)
    gradient = ravel_pytree(jax.grad(lambda p: model.apply(p, x)[0])(params))[0][position]
    rule = _shifted(model, position, params, x, key)
    if abs(float(gradient) - float(rule)) > 1e-4:
        raise ValueError(
            f"parameter {position} is not the angle of one Pauli rotation: its derivative at a random start "
            f"is {float(gradient):.6f}, the shift rule gives {float(rule):.6f}. Choose another parameter."
        )
