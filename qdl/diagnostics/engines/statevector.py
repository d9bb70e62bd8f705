"""The engine for any circuit and any initialisation: gradients at random starts, all parameters at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ..engine import Engine, Task, noiseless, start, value_at
from ..result.variance import GradientVariance
from ..tasks import gather
from ..until import relative, until

SAMPLES = 500
BLOCK = 128  # draws side by side, fewer on many wires
AMPLITUDES = 2**20  # of all draws of a block together
Cost = Callable[[jax.Array], jax.Array] | None


@dataclass(frozen=True)
class Statevector(Engine):
    """Gradients at random starts of the model itself; refused on more than ``widest`` wires."""

    widest: int | None = None

    @property
    def name(self) -> str:
        return "statevector"

    def valid(self, task: Task) -> str | None:
        if task.model.place.draws is not None:
            return noiseless(task)
        if self.widest is None or task.model.n_wires <= self.widest:
            return None
        return (
            f"a state vector of {task.model.n_wires} wires for every draw takes long: at most {self.widest} "
            "unless method='statevector' is asked for."
        )

    def measure(self, task: Task) -> GradientVariance:
        statement = "gradients at random starts of the model itself"
        if task.x is None and task.model.n_features:
            statement += "; features uniform in [0, 2 pi) with each draw"
        row = self.summarise(task, *draw((task.model,), task.cost, task), statement)
        where = type(task.model.place).__name__
        return row if where == "Statevector" else replace(row, method=f"starts on {where}")


def draw(models: tuple[Any, ...], cost: Cost, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Costs ``(M,)`` and their gradients ``(M, p)`` at random starts.

    Args:
        models: with the same parameters; the cost is the sum of theirs.
        cost: a function of the readout values, or None for the first of them.
        task: block b of its draws comes from ``fold_in(key, b)``.
    """
    if task.interval is None:
        return _draw(models, cost, task, task.most(SAMPLES))

    def part(count: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        own = replace(task, key=jax.random.fold_in(task.key, number))
        return _draw(models, cost, own, count)

    def half(parts: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return relative(*_followed(task, np.concatenate([slopes for _, slopes in parts])))

    parts = until(part, half, task.interval, task.most(SAMPLES))
    costs, slopes = zip(*parts, strict=True)
    return np.concatenate(costs), np.concatenate(slopes)


def _followed(task: Task, slopes: np.ndarray) -> tuple[float, float]:
    """The squared norm and its error; of one component, where one was asked for, its variance."""
    m, known = len(slopes), slopes[:, task.parameters.reported]
    if isinstance(task.components, str):
        squares = (known**2).sum(axis=1)
    else:
        squares = (known[:, task.components] - known[:, task.components].mean()) ** 2
    return float(squares.mean()), float(squares.std(ddof=1) / m**0.5)


def _draw(
    models: tuple[Any, ...], cost: Cost, task: Task, samples: int
) -> tuple[np.ndarray, np.ndarray]:
    widest = max(model.n_wires for model in models)
    rows = np.shape(task.x)[0] if np.ndim(task.x) > 1 else 1
    block = int(np.clip(AMPLITUDES // (2**widest * rows), 1, min(BLOCK, samples)))
    data = np.asarray(jax.random.key_data(task.key)), str(jax.random.key_impl(task.key))
    jobs = [
        (models, cost, task.x, block, *data, b, bool(jax.config.jax_enable_x64))
        for b in range(-(-samples // block))
    ]
    costs, gradients = zip(*gather(_block, jobs, task.executor), strict=True)
    return np.concatenate(costs)[:samples], np.concatenate(gradients)[:samples]


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
    def value(params: Any, x: Any, key: jax.Array) -> jax.Array:
        parts = [value_at(model, cost, params, x, key) for model in models]
        return jnp.asarray(sum(parts[1:], parts[0]))

    def one(key: jax.Array) -> Any:
        out, gradient = jax.value_and_grad(value)(*start(models[0], x, key))
        return out, ravel_pytree(gradient)[0]

    return jax.vmap(one)(keys)
