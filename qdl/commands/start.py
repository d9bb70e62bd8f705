"""What ``qdl train`` says before it trains: is this start like others?"""

from __future__ import annotations

from typing import Any

ROWS = 64  # of the training data
STARTS = 20
FAR = 2.0  # standard deviations over starts from which one is not typical


def start_line(model: Any, data: Any, seed: int) -> str:
    """The gradient of the loss at the start of ``train`` against that at other random starts."""
    import jax
    import jax.numpy as jnp

    from ..diagnostics import gradient_variance
    from ..training.losses import as_loss

    X, y, key = data.X_train[:ROWS], data.y_train[:ROWS], jax.random.key(seed)
    row = gradient_variance(
        model, data=(X, y), loss="cross_entropy", samples=STARTS, method="statevector",
        key=jax.random.fold_in(key, 1),
    )  # fmt: skip
    loss, rows, labels = as_loss("cross_entropy", model), jnp.asarray(X), jnp.asarray(y)
    params = model.init(jax.random.split(key, 3)[0])  # as fit draws them
    slopes = jax.jit(jax.grad(lambda p: loss(model.apply(p, rows), labels)))(params)
    here = float(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slopes)))
    spread = row.squared_norm_error * row.draws**0.5
    near = abs(here - row.squared_norm) <= FAR * spread
    word = "typical" if near else "not typical; another --seed has another one"
    return (
        f"squared gradient norm at the start {here:.3g}; over {row.draws} random starts "
        f"{row.squared_norm:.3g} with a spread of {spread:.2g}: this start is {word}"
    )
