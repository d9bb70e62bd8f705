"""QN-SPSA (2-SPSA with the quantum metric): the natural gradient, estimated from six values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from ...arguments import check_whole
from ...layers import Adjoint, Sequential
from ...layers.base import check_key
from ...model import QNN
from ...readout import Probs
from .blocks import check_qnn
from .spsa import Gain, estimate, gain, signs
from .values import ValuesOnly, check_positive, each, needs


class QNSPSAState(NamedTuple):
    """Steps done, the raw key of the steps to come, and the averaged metric ``(d, d)``."""

    count: jax.Array  # pyright: ignore[reportIncompatibleMethodOverride]  # Optax's name
    key: jax.Array
    metric: jax.Array


def qnspsa(
    model: QNN,
    learning_rate: Gain,
    perturbation: Gain = 0.1,
    *,
    key: jax.Array,
    resamples: int = 1,
    regularization: float = 0.01,
) -> ValuesOnly:
    r"""Quantum-natural SPSA: SPSA's gradient in the metric of the states, both estimated.

    With $F(\theta, \theta') = |\langle \psi(\theta) | \psi(\theta') \rangle|^2$ and two directions of
    random signs, the metric is sampled by a second difference,

    $$\hat g = -\frac{\delta F}{2 c^2} \cdot \frac{\Delta_1 \Delta_2^T + \Delta_2 \Delta_1^T}{4},
    \quad \delta F = F(c \Delta_1 + c \Delta_2) - F(c \Delta_1) - F(-c \Delta_1 + c \Delta_2)
    + F(-c \Delta_1)$$

    (arguments are offsets of $\theta'$ from $\theta$), averaged over the steps, the identity first,
    and made positive: $\theta \leftarrow \theta - a \, (|\bar g| + \beta)^{-1} \nabla f$. A step takes
    ``2 * resamples`` losses and ``4 * resamples`` fidelities. In ``fit`` a fidelity is the mean over
    the batch; on a place other than the exact simulator it is the probability of all zeros after
    $U^\dagger(\theta) U(\theta')$, a circuit of twice the depth (so the layers must have an adjoint).

    Args:
        model: the QNN whose states give the metric, on the place where its fidelities are wanted.
        learning_rate: $a$, a number or an Optax schedule.
        perturbation: $c$, radians, a number or a schedule.
        key: a JAX key. It lives in the state, so that a resumed run goes on as it would have.
        resamples: how many estimates of both are averaged in a step.
        regularization: $\beta$; larger is closer to plain SPSA.

    Raises:
        ValueError: gains that are not positive; no ``value_fn`` at the update.
        TypeError: a model that is no QNN; no key.

    Example:
        >>> import qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(1, [Rotation("y")])
        >>> params = [jnp.array([[0.5]])]
        >>> optimizer = qdl.training.qnspsa(model, 0.2, key=jax.random.key(0))
        >>> state = optimizer.init(params)
        >>> for _ in range(40):  # the smallest <Z> is at pi
        ...     f = lambda params: model.apply(params)[0]
        ...     updates, state = optimizer.update(params, state, params, value_fn=f)
        ...     params = optax.apply_updates(params, updates)
        >>> bool(abs(params[0][0, 0] - jnp.pi) < 1e-3)
        True

    Reference: Gacon, Zoufal, Carleo, Woerner, Quantum 5, 567 (2021).
    """
    check_qnn("qnspsa", model)
    check_positive(
        "qnspsa",
        learning_rate=learning_rate,
        perturbation=perturbation,
        regularization=regularization,
    )
    check_whole("resamples", resamples, owner="qnspsa")
    key = check_key(key, "qnspsa")
    kind = jax.random.key_impl(key)

    def init(params: Any) -> QNSPSAState:
        flat, _ = ravel_pytree(params)
        return QNSPSAState(
            jnp.int32(0), jax.random.key_data(key), jnp.eye(flat.size, dtype=flat.dtype)
        )

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        value_fn: Any = None,
        x: Any = None,
        **extra: Any,
    ) -> tuple[Any, QNSPSAState]:
        value_fn = needs("qnspsa", value_fn, params)
        keys = jax.random.split(jax.random.wrap_key_data(state.key, impl=kind), 3)
        for_slopes, for_metric = (jax.random.split(k, resamples) for k in keys[:2])
        size = gain(perturbation, state.count)
        slope, unravel = ravel_pytree(estimate(value_fn, params, size, for_slopes))
        sampled = each(lambda k: sampled_metric(model, params, x, size, k), for_metric)
        metric = state.metric + (sampled.mean(axis=0) - state.metric) / (state.count + 2)
        step = jnp.linalg.solve(_positive(metric) + regularization * jnp.eye(slope.size), slope)
        return unravel(step), QNSPSAState(state.count + 1, jax.random.key_data(keys[2]), metric)

    estimator = optax.GradientTransformationExtraArgs(init, update)
    return ValuesOnly(*optax.chain(estimator, optax.scale_by_learning_rate(learning_rate)))


def sampled_metric(model: QNN, params: Any, x: Any, size: Any, key: jax.Array) -> jax.Array:
    """One random matrix ``(d, d)`` whose mean is the metric tensor, up to ``O(size**2)``."""
    one, two, for_shots = jax.random.split(key, 3)
    first, second = signs(one, params), signs(two, params)

    def fidelity_at(weights: jax.Array) -> jax.Array:
        a, b = size * weights
        other = jax.tree.map(lambda p, d, e: p + a * d + b * e, params, first, second)
        return fidelity(model, params, other, x, for_shots)

    corners = jnp.array([[1, 1], [1, 0], [-1, 1], [-1, 0]])
    difference = each(fidelity_at, corners) @ jnp.array([1, -1, -1, 1])
    first, second = ravel_pytree(first)[0], ravel_pytree(second)[0]
    both = jnp.outer(first, second)
    return -difference / (2 * size**2) * (both + both.T) / 4


def fidelity(model: QNN, params: Any, other: Any, x: Any, key: jax.Array) -> jax.Array:
    """The squared overlap of the model's states at two parameters, averaged over the rows of x."""
    if model.place.exact_for(model.circuit):
        overlap = jnp.sum(model.state(params, x).conj() * model.state(other, x), axis=-1)
        return jnp.mean(jnp.abs(overlap) ** 2)
    there_and_back = Sequential((model.layers, Adjoint(model.layers)))
    circuit = replace(model, layers=there_and_back, readout=Probs(model.wires))
    return jnp.mean(circuit.apply([other, params], x, key)[..., 0])


def _positive(matrix: jax.Array) -> jax.Array:
    """The symmetric matrix with the absolute values of its eigenvalues."""
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * jnp.abs(values)) @ vectors.T
