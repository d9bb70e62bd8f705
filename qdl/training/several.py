"""One training for each of several keys, all at once: compiled once, side by side in one program."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import threefry
from ..arguments import check_whole
from ..backends import places_of
from ..layers.base import check_key
from .batches import Batches, n_rows
from .check import check_class_weight, check_data, check_model, check_optimizer, n_outputs
from .history import Record
from .loop import cadence, fit, hashable, opt_state, start
from .losses import CrossEntropy, as_loss
from .run import Fit
from .step import CHUNK, Data, Plan, evaluate, train


def fit_several(
    model: Any,
    data: Sequence[tuple[Any, Any]],
    *,
    loss: Any,
    optimizer: Any,
    steps: int = 500,
    batch_size: int = 32,
    validation: Sequence[tuple[Any, Any]],
    keys: Sequence[jax.Array],
) -> list[Fit]:
    """What ``fit`` gives for each key, with one compilation for all of them.

    On places that JAX compiles as a whole, all trainings are one program (``jax.vmap``), with the same
    batches and the same numbers to rounding as ``fit``. On others, such as machines, they follow one another.

    Args:
        model: as for ``fit``.
        data: ``(X, y)`` for each key, all of the same shapes.
        loss: as for ``fit``.
        optimizer: an Optax transformation; or a list, one for each key, which differ by numbers in their
            states alone, as those of ``optax.inject_hyperparams`` do.
        steps: of each training.
        batch_size: rows a step.
        validation: ``(X, y)`` for each key, all of the same shapes.
        keys: one a training.

    Raises:
        ValueError: shapes that differ, and what ``fit`` refuses.
    """
    check_model(model)
    check_whole("steps", steps, owner="fit_several")
    options: Any = {"loss": loss, "steps": steps, "batch_size": batch_size}
    every = optimizer if isinstance(optimizer, list) else [optimizer] * len(keys)
    if not all(place.exact and place.compiles for place in places_of(model)):
        parts = zip(data, validation, every, keys, strict=True)
        return [
            fit(model, *d, validation=v, optimizer=o, key=key, **options) for d, v, o, key in parts
        ]
    runs = [
        _Run(model, given, held, key, loss, check_optimizer(chosen), batch_size)
        for given, held, chosen, key in zip(data, validation, every, keys, strict=True)
    ]
    shapes = {str(jax.tree.map(jnp.shape, (run.batches.data, run.held))) for run in runs}
    if len(shapes) > 1 or len({run.batches.n for run in runs}) > 1:
        raise ValueError(
            f"data of different seeds must have the same shapes, got {sorted(shapes)}."
        )
    return _side_by_side(runs, int(steps))


class _Run:
    """One of the trainings: what ``fit`` makes of its arguments."""

    def __init__(
        self, model: Any, given: Any, held: Any, key: Any, loss: Any, optimizer: Any, size: int
    ):
        init_key, data_key, val_key = threefry.split(check_key(key, "fit_several"), 3)
        loss, outputs = as_loss(loss, model), n_outputs(model)
        X, y = given
        data = Data(*check_data(X, y, model, loss, outputs), data_key)
        if isinstance(loss, CrossEntropy):
            check_class_weight(loss.weight, data.y, outputs)
            loss = loss.balanced(data.y)
        X, y = held
        self.held = Data(*check_data(X, y, model, loss, outputs, "validation "), val_key)
        self.plan = Plan(hashable(model), loss, optimizer, min(size, n_rows(data)))
        self.batches = Batches(data, self.plan.batch_size)
        params = model.init(init_key)
        self.state = start(params, opt_state(optimizer, params, None))
        self.record = Record()


def _side_by_side(runs: list[_Run], steps: int) -> list[Fit]:
    # Weights of classes may differ from split to split; the program is that of one loss.
    plan = runs[0].plan
    begun = time.perf_counter()
    states, data, held = (
        _stacked(part)
        for part in (
            [r.state for r in runs],
            [r.batches.data for r in runs],
            [r.held for r in runs],
        )
    )
    whole = runs[0].batches.whole
    axes = (0, 0, None if whole else 0, None)
    step_fn: Any = jax.jit(jax.vmap(partial(train, plan), in_axes=axes))
    value_fn: Any = jax.jit(jax.vmap(partial(evaluate, plan)))
    step_fn = step_fn.lower(states, data, _rows(runs, 0, 0), np.int32(0)).compile()
    value_fn = value_fn.lower(states.params, held).compile()
    compiled = (time.perf_counter() - begun) / len(runs)
    every, done = cadence(steps, None, True), 0
    while done < steps:
        stop = min((done // every + 1) * every, done + CHUNK, steps)
        begun = time.perf_counter()
        states, numbers = jax.block_until_ready(
            step_fn(states, data, _rows(runs, done, stop), np.int32(stop))
        )
        seconds = (time.perf_counter() - begun) / len(runs)
        reached = np.asarray(states.step)
        for i, run in enumerate(runs):
            taken = int(reached[i]) - min(done, int(reached[i]))
            run.record.add_steps({n: np.asarray(v)[i][:taken] for n, v in numbers.items()}, seconds)
        done = stop
        if done % every == 0 or done == steps:
            values, accuracies, _ = value_fn(states.params, held)
            for i, run in enumerate(runs):
                run.record.add_validation(done, float(values[i]), float(accuracies[i]))
    fits = []
    for i, run in enumerate(runs):
        run.record.compile_time = compiled
        state = jax.tree.map(lambda leaf, i=i: leaf[i], states)
        table = run.record.table(int(state.step), isinstance(plan.loss, CrossEntropy))
        stopped = "finished" if state.finite else "nan"
        fits.append(Fit(state.params, table, stopped, int(state.step), state.opt_state))
    return fits


def _rows(runs: list[_Run], first: int, stop: int) -> Any:
    if runs[0].batches.whole:
        return None
    return np.stack([np.asarray(run.batches.rows(first, stop)) for run in runs])


def _stacked(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
