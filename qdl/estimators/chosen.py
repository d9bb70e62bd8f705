"""The weight decay of the default classifier: none or a strong one, by rows held out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..hybrid import applied
from ..training import CrossEntropy, fit
from .base import pool
from .default import decaying_adam

DECAYS = (0.0, 0.3)
HELD = 0.2  # of the different rows of each class
LEAST = 50  # different rows, below which too few are held out to tell


def chosen_decay(
    model: Any,
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    *,
    learning_rate: float,
    steps: int,
    batch_size: int,
    seed: int,
    loss: Any = "cross_entropy",
) -> float:
    """Which of ``DECAYS`` has the lowest cross entropy on a fifth of the rows, trained on the others.

    A noisy table asks for a strong one, a curved border for none, and nothing but rows that were not
    trained on tells which it is. Both trainings are one compiled program, of half
    the steps: that is enough to tell.

    Args:
        model: on a place where nothing is drawn.
        X: ``(n, n_features)``, radians.
        y: ``(n,)``, labels 0, 1, ...
        weights: ``(n,)``, what each row counts, positive.
        learning_rate: at the start, see ``decaying_adam``.
        steps: of the training that it is for.
        batch_size: rows a step.
        seed: of what is held out, the starts and the batches.
        loss: what is trained on.

    Returns:
        The decay; 0 below 50 different rows.

    Example:
        >>> import qdl
        >>> X, y = np.linspace(0.0, 1.0, 20)[:, None], np.arange(20) % 2
        >>> model = qdl.estimators.reuploading_head(1)
        >>> chosen_decay(model, X, y, np.ones(20), learning_rate=0.1, steps=5, batch_size=8, seed=0)
        0.0
    """
    held = held_out(X, y, seed)
    if held is None:
        return DECAYS[0]
    entropy = loss if isinstance(loss, CrossEntropy) else CrossEntropy()
    entropy = replace(entropy.of(model), shots=None)
    X_train, y_train, steps = X[~held], y[~held], -(-steps // 2)
    rows = pool(X_train, y_train, weights[~held], steps * batch_size, seed)
    key = jax.random.key(seed)
    losses = []
    for decay in DECAYS:
        result = fit(
            model, X_train[rows], y_train[rows], loss=loss, steps=steps, batch_size=batch_size, key=key,
            optimizer=decaying_adam(learning_rate, steps, decay),
        )  # fmt: skip
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
        logs = np.asarray(
            entropy.log_probs(jnp.asarray(applied(model, result.params, X[held], key)))
        )
        losses.append(-np.average(logs[np.arange(held.sum()), y[held]], weights=weights[held]))
    return DECAYS[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]


def held_out(X: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray | None:
    """A fifth of the different rows of each class, as a mask; None where there are too few.

    Equal rows stay together, so that a row twice is the same as a weight of 2.

    Example:
        >>> held_out(np.arange(60.0)[:, None], np.arange(60) % 2, seed=0).sum()
        np.int64(12)
    """
    rows, group = np.unique(np.column_stack([y, X]), axis=0, return_inverse=True)
    group = group.reshape(-1)
    if len(rows) < LEAST:
        return None
    order = np.random.default_rng(seed).permutation(len(rows))
    held = np.zeros(len(rows), bool)
    for label in np.unique(y):
        of_class = order[rows[order, 0] == label]
        held[of_class[: int(HELD * len(of_class))]] = True
    return held[group]
