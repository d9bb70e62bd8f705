"""Losses of sampled values, and their gradients: their means over keys against sums over all counts."""

from __future__ import annotations

import dense
import jax
import numpy as np
from scipy.stats import binom

import qdl
from fuzz.compare import differs, direction_of, numbers, rounding
from fuzz.where import Where
from qdl.backends import aer, statevector

KEYS = {"statevector": 64, "aer": 16}
STEP = 1e-5


def loss(drawn, key):
    """Mean squared error, or cross entropy where outcomes are +1 and -1, from 30 or 500 shots."""
    if drawn.noisy or drawn.x is None or not drawn.model.n_params:
        return None
    if "Hermitian" in repr(drawn.model.readout):
        return None  # measured in its own basis; the reference knows a bound of its deviation alone
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    shots, name = int(rng.choice([30, 500])), str(rng.choice(["statevector", "statevector", "aer"]))
    params, x = numbers(drawn)
    x = x.reshape(-1, x.shape[-1])[:4]
    values, deviation, width = dense.shots_of(drawn.model, drawn.params, x)
    frequencies = isinstance(drawn.model.readout, qdl.Probs)
    signs = values.shape[-1] == 1 and np.allclose(deviation**2 + values**2, 1, atol=1e-9)
    if frequencies or (signs and np.max(width) <= 2):
        which = "cross_entropy"
        y = rng.integers(0, max(values.shape[-1], 2), len(x))
    else:
        which, y = "mse", rng.uniform(-1, 1, values.shape)
    model = drawn.model.on((statevector if name == "statevector" else aer)(shots=shots))
    of = (
        qdl.training.CrossEntropy().of(model)
        if which == "cross_entropy"
        else qdl.training.MeanSquaredError()
    )
    by_params, _, _ = direction_of(np.random.default_rng(3), drawn)

    def both(key):
        wanted, grads = jax.value_and_grad(
            lambda p: of(model.apply(p, x, key), jax.numpy.asarray(y))
        )(params)
        pairs = zip(jax.tree.leaves(by_params), jax.tree.leaves(grads), strict=True)
        return wanted, sum((np.asarray(d, g.dtype) * g).sum() for d, g in pairs)

    keys = jax.random.split(key, KEYS[name])
    if name == "statevector":
        found, along = (np.asarray(a, float) for a in jax.jit(jax.vmap(both))(keys))
    else:
        found, along = np.array([both(k) for k in keys], float).T
    steps = [
        jax.tree.map(lambda p, d, s=s: p + s * d, drawn.params, by_params) for s in (STEP, -STEP)
    ]
    up, down = (dense.shots_of(drawn.model, p, x)[0] for p in steps)
    mean, force = expected(which, values, deviation, y, shots, frequencies)
    slope = (force * (up - down)).sum() / (2 * STEP)
    room = rounding(drawn, values, width) * (1 + np.abs(force).sum())
    where = Where(model.place, keys=KEYS[name])
    size = 1 + sum(np.abs(leaf).sum() for leaf in jax.tree.leaves(by_params))
    return differs(f"{which} of {shots} shots on {name}", found, mean, room, where) or differs(
        f"gradient of {which} of {shots} shots on {name}",
        along,
        slope,
        4 * room * size + 1e-6,
        where,
    )


def expected(which, values, deviation, y, shots, frequencies):
    """Mean of the loss over all outcomes, and of its derivative by each value, of a slope found apart."""
    if which == "mse":
        off = values - y
        return np.mean(off**2 + deviation**2 / shots), 2 * off / off.size
    hits = np.arange(shots + 1)
    p = values if frequencies else np.concatenate([1 - values, 1 + values], -1) / 2
    p = np.clip(np.take_along_axis(p, y[:, None], -1)[:, 0], 0, 1)
    chances = binom.pmf(hits, shots, p[:, None])
    total = -(chances * (1 + 1 / shots) * np.log((hits + 1) / (shots + 1))).sum(-1)
    # by the docstring of the loss: (N + 1)/(k + 1) on average
    steep = -(chances * (shots + 1) / (hits + 1)).sum(-1) / len(y)
    force = np.zeros_like(values)
    if frequencies:
        np.put_along_axis(force, y[:, None], steep[:, None], -1)
    else:
        force[:, 0] = steep * np.where(y == 1, 0.5, -0.5)
    return total.mean(), force
