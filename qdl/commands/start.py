"""What ``qdl train`` says before it trains: is this start like others?"""

from __future__ import annotations

from typing import Any

import numpy as np

ROWS = 64  # of the training data
STARTS = 20
FAR = 2.0  # standard deviations of ln over starts from which one is not typical


def start_line(model: Any, data: Any, seed: int) -> str:
    """The gradient of the loss at the start of ``train`` against that at other random starts."""
    import jax
    import jax.numpy as jnp

    from ..diagnostics.data import data_loss
    from ..diagnostics.engine import Task, value_at
    from ..diagnostics.engines.statevector import draw

    X, y, key = data.X_train[:ROWS], data.y_train[:ROWS], jax.random.key(seed)
    x, cost = data_loss(model, (X, y), "cross_entropy")
    task = Task(model, jax.random.fold_in(key, 1), cost, x, STARTS)
    norms = (draw((model,), cost, task)[1][:, task.parameters.reported] ** 2).sum(axis=1)
    params = model.init(jax.random.split(key, 3)[0])  # as fit draws them
    slopes = jax.jit(jax.grad(lambda p: value_at(model, cost, p, jnp.asarray(x, float), None)))(
        params
    )
    here = float(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slopes)))
    word = "typical" if typical(here, norms) else "not typical; another --seed has another one"
    return (
        f"squared gradient norm at the start {here:.3g}; over {STARTS} random starts {norms.mean():.3g}, "
        f"{norms.min():.2g} to {norms.max():.2g}: this start is {word}"
    )


def typical(norm: float, others: np.ndarray) -> bool:
    """Whether a squared norm is as large as others are: on plateaus they spread over powers of ten."""
    logs, least = np.log(np.maximum(others, 1e-300)), np.log(max(norm, 1e-300))
    return bool(abs(least - logs.mean()) <= FAR * logs.std(ddof=1))
