"""The conformance check of optimizers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..layers import AngleEncoding, Entangler, Rotation
from ..model import QNN
from ..readout import ExpZ
from ..training import fit

STEPS = 40


def check_optimizer(optimizer: Any, key: jax.Array | None = None, lower: float = 0.9) -> None:
    """Check that an optimizer trains a circuit in ``fit``, as an Optax transformation should.

    It has ``init`` and ``update``; its state is a tree of arrays of fixed shapes and types, so that a
    training can be compiled, stopped and resumed: 20 steps and 20 more from ``Fit.state`` end where 40
    end, on a full batch. The loss of a small regression falls, and the same key gives the same numbers.

    Args:
        optimizer: the Optax transformation.
        key: for parameters and data; ``jax.random.key(0)`` if None.
        lower: what part of the first loss the last one may be at most.

    Raises:
        AssertionError: the contract is broken; the text says where and by how much.

    Example:
        >>> import optax
        >>> check_optimizer(optax.adam(0.1))
    """
    for name in ("init", "update"):
        assert callable(getattr(optimizer, name, None)), (
            f"{optimizer!r} has no {name}: build an optax.GradientTransformationExtraArgs(init, update)."
        )
    key = jax.random.key(0) if key is None else key
    layers = [AngleEncoding("x"), Rotation("zyx"), Entangler("cnot"), Rotation("xz")]
    model = QNN(2, layers, readout=ExpZ(0))
    for_x, for_start, for_truth = jax.random.split(key, 3)
    X = np.asarray(jax.random.uniform(for_x, (16, 2), maxval=3.0))
    y = np.asarray(model.apply(model.init(for_truth), X))
    start = model.init(for_start)

    def train(steps: int, params: Any, state: Any) -> Any:
        options = {"loss": "mse", "optimizer": optimizer, "batch_size": len(X), "key": key}
        return fit(model, X, y, steps=steps, params=params, state=state, **options)

    first = optimizer.init(start)
    _same_kind(first, jax.tree.map(jnp.asarray, train(1, start, first).state))
    whole, half = train(STEPS, start, None), train(STEPS // 2, start, None)
    losses = whole.history["loss"]
    assert np.isfinite(losses).all(), f"losses are {losses}: a step was not finite."
    assert losses[-1] <= lower * losses[0], (
        f"the loss went from {losses[0]:.3g} to {losses[-1]:.3g} in {STEPS} steps, expected at most "
        f"{lower} of the first. Is the sign of the update right?"
    )
    again = train(STEPS, start, None).history["loss"]
    assert np.array_equal(losses, again), (
        "the same key gave other losses: keep randomness in the state."
    )
    rest = train(STEPS - STEPS // 2, half.params, half.state)
    error = float(optax.tree.norm(optax.tree.sub(rest.params, whole.params)))
    assert error < 1e-4, (
        f"20 steps and 20 more from Fit.state end {error:.2e} away from 40 steps: what the optimizer "
        "remembers must all be in its state."
    )


def _same_kind(before: Any, after: Any) -> None:
    kinds = [
        jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.result_type(leaf)), tree)
        for tree in (before, after)
    ]
    same = jax.tree.structure(before) == jax.tree.structure(after) and kinds[0] == kinds[1]
    assert same, f"update turns a state {kinds[0]} into {kinds[1]}: shapes and types must stay."
