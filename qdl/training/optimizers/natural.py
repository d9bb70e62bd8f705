"""The quantum natural gradient, and the metric of a circuit's states."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from ... import simulator
from ...model import QNN
from .blocks import check_qnn, layer_index
from .spsa import Gain
from .values import check_positive

APPROXIMATIONS = ("full", "block")


def metric_tensor(model: QNN, params: Any, x: Any = None, approximation: str = "full") -> jax.Array:
    r"""The Fubini-Study metric of a model's states, ``(d, d)``; for a batch, its mean over the rows.

    $$g_{ij} = \mathrm{Re} \left[ \langle \partial_i \psi | \partial_j \psi \rangle
    - \langle \partial_i \psi | \psi \rangle \langle \psi | \partial_j \psi \rangle \right] ,$$

    a quarter of the quantum Fisher information. Exact, by the native simulator in forward mode,
    wherever else its pure states are made: about two states a parameter, and memory for d states a row.

    Args:
        model: the QNN; its layers must be unitary.
        params: its parameters; row i of the metric is entry i of ``ravel_pytree(params)[0]``.
        x: features ``(n_features,)`` or ``(batch, n_features)``, or None.
        approximation: ``"full"``, or ``"block"`` with zeros between parameters of different layers
            (as ``layer_masks`` counts them).

    Raises:
        ValueError: an unknown approximation.
        TypeError: a model that is no QNN.
        Refused: a place with errors, whose states are mixed.

    Example:
        >>> import qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(1, [Rotation("yz")])
        >>> qdl.training.metric_tensor(model, [jnp.array([[jnp.pi / 2, 0.3]])]).round(3).tolist()
        [[0.25, 0.0], [0.0, 0.25]]

    Reference: Stokes, Izaac, Killoran, Carleo, Quantum 4, 269 (2020).
    """
    check_qnn("metric_tensor", model)
    _check_approximation(approximation)
    model.place.check_geometry("metric_tensor")
    model.check_params(params)
    return _metric(model, approximation, params, x)


@partial(jax.jit, static_argnums=(0, 1))
def _metric(model: QNN, approximation: str, params: Any, x: Any) -> jax.Array:
    root = simulator.root_of(*model.place.tangents(model.circuit, params, x))
    metric = root.T @ root
    if approximation == "full":
        return metric
    layer = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(layer_index(model))])
    return jnp.where(layer[:, None] == layer, metric, 0)


def natural_gradient(
    model: QNN, learning_rate: Gain, *, approximation: str = "full", damping: float = 1e-3
) -> optax.GradientTransformationExtraArgs:
    r"""Quantum natural gradient descent: $\theta \leftarrow \theta - a (g + \lambda)^{-1} \nabla f$.

    The metric $g$ is that of ``metric_tensor`` at the features of the batch, which ``fit`` passes to
    every optimizer as ``x=``. In your own loop: ``optimizer.update(gradient, state, params, x=x)``.
    It is computed by the native simulator wherever the gradient comes from: on a place with errors it is
    the metric of the circuit without them, which decides how far a step goes and nothing that is reported.

    Args:
        model: the QNN whose parameters are trained.
        learning_rate: $a$, a number or an Optax schedule.
        approximation: ``"full"`` or ``"block"`` (layer by layer); they cost the same here.
        damping: $\lambda$, for metrics that are singular, as those of most circuits are.

    Raises:
        ValueError: numbers that are not positive; an unknown approximation.
        TypeError: a model that is no QNN.

    Example:
        >>> import qdl
        >>> from qdl.layers import Rotation
        >>> model = qdl.QNN(1, [Rotation("y")])
        >>> optimizer = qdl.training.natural_gradient(model, 0.25, damping=1e-9)
        >>> params = [jnp.array([[0.5]])]
        >>> slope = jax.grad(lambda params: model.apply(params)[0])(params)
        >>> updates, _ = optimizer.update(slope, optimizer.init(params), params)
        >>> round(float(updates[0][0, 0]), 4)  # sin(0.5), as g = 1/4
        0.4794

    Reference: Stokes, Izaac, Killoran, Carleo, Quantum 4, 269 (2020).
    """
    check_qnn("natural_gradient", model)
    _check_approximation(approximation)
    check_positive("natural_gradient", learning_rate=learning_rate, damping=damping)

    def update(
        updates: Any, state: Any, params: Any = None, *, x: Any = None, **extra: Any
    ) -> tuple[Any, Any]:
        if params is None:
            raise ValueError(
                "natural_gradient needs the parameters at which the metric is taken, got None. "
                "Call optimizer.update(gradient, state, params, x=x)."
            )
        metric = _metric(model, approximation, params, x)
        slope, unravel = ravel_pytree(updates)
        damped = metric + damping * jnp.eye(slope.size, dtype=metric.dtype)
        step = jax.scipy.linalg.solve(damped, slope, assume_a="pos")
        return unravel(step), state

    preconditioner = optax.GradientTransformationExtraArgs(optax.init_empty_state, update)
    return optax.chain(preconditioner, optax.scale_by_learning_rate(learning_rate))


def _check_approximation(approximation: str) -> None:
    if approximation not in APPROXIMATIONS:
        raise ValueError(
            f"approximation must be one of {list(APPROXIMATIONS)}, got {approximation!r}. "
            "'block' leaves out what couples different layers."
        )
