"""``fit``: train any model that has ``init`` and ``apply``."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .check import check_data, check_key, check_numbers, n_outputs
from .history import Record, Report
from .interrupt import CtrlC
from .losses import CrossEntropy, as_loss
from .progress import Progress
from .step import CHUNK, Data, Plan, State, evaluate, train

ADAM = optax.adam(1e-2)  # one object, so that fits without an optimizer share a compilation
PAUSE = 0.1  # seconds of steps between two looks at the terminal and at Ctrl-C


@dataclass(frozen=True)
class Fit:
    """What ``fit`` returns.

    Attributes:
        params: the trained parameters.
        history: arrays ``loss``, ``grad_norm``, ``step_time`` (seconds), one entry per step;
            ``val_step``, ``val_loss`` and, for cross entropy, ``val_accuracy``, one per validation;
            and the number ``compile_time`` (seconds).
        stopped: ``"finished"``, ``"patience"``, ``"interrupted"``, ``"nan"`` or ``"callback"``.
        step: the step after which ``params`` were taken.
    """

    params: Any
    history: dict[str, Any]
    stopped: str
    step: int


class _Options(NamedTuple):
    """What ``fit`` was asked for, beside what is compiled."""

    steps: int
    every: int  # steps between two validations or callbacks
    patience: int | None
    callback: Callable[[Report], Any] | None
    labelled: bool  # the validation knows an accuracy


def fit(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: optax.GradientTransformation | None = None,
    steps: int = 500,
    batch_size: int = 32,
    params: Any = None,
    validation: tuple[Any, Any] | None = None,
    key: jax.Array,
    checkpoint: Any = None,
    checkpoint_every: int = 100,
    patience: int | None = None,
    callback: Callable[[Report], Any] | None = None,
) -> Fit:
    r"""Minimise a loss over minibatches: an Optax loop, compiled once.

    Every epoch goes through the rows in a new order drawn from ``key``, and leaves out a last
    batch that is not full. Ctrl-C returns what was learned so far. A loss, gradient or parameter
    that is no longer finite ends training with a warning that names the step, and with the last
    parameters that gave finite numbers.

    Args:
        model: anything with ``init(key)`` and ``apply(params, x)``: a QNN, a Hybrid, your own.
        X: features ``(n_samples, n_features)``; what they mean (radians) is the model's affair.
        y: integer labels ``0 .. k-1`` for cross entropy, else targets.
        loss: ``"mse"``, ``"cross_entropy"``, or ``f(outputs, y) -> scalar``; see
            ``qdl.training.CrossEntropy`` for how outputs become probabilities, and its scale.
        optimizer: any Optax transformation; None for ``optax.adam(1e-2)``.
        steps: how many gradient steps.
        batch_size: rows per step; at most all of them are taken.
        params: where to start; None to draw them with ``model.init``.
        validation: ``(X, y)`` to be evaluated about 20 times and at the end.
        key: a JAX key for the first parameters, the batches, and shots.
        checkpoint: not available yet; anything but None is refused.
        checkpoint_every: steps between two checkpoints.
        patience: stop after this many steps without a lower validation loss; ``params`` are then
            those of the lowest one.
        callback: called at every validation (or when there would be one) with a ``Report`` of
            step, params and history; a true answer stops training.

    Returns:
        A ``Fit`` with ``params``, ``history``, ``stopped``, ``step``.

    Raises:
        ValueError: NaN or Inf by column and row, lengths that differ, too few features, labels out
            of range, and numbers that make no sense, all before anything is compiled.
        TypeError: no key, or data that are not numbers.

    Example:
        >>> import qdl
        >>> model = qdl.Hybrid([qdl.Dense(2, 1)])
        >>> X = jax.random.normal(jax.random.key(0), (64, 2))
        >>> result = fit(model, X, X @ jnp.array([1.0, -2.0]), loss="mse", steps=400,
        ...              optimizer=optax.adam(0.1), key=jax.random.key(1))
        >>> bool(result.history["loss"][-1] < 1e-4), result.stopped
        (True, 'finished')
    """
    check_numbers(steps=steps, batch_size=batch_size, checkpoint_every=checkpoint_every)
    init_key, data_key, val_key = jax.random.split(check_key(key), 3)
    _check_options(checkpoint, patience, validation)
    loss = as_loss(loss, model)
    params = model.init(init_key) if params is None else jax.tree.map(jnp.asarray, params)
    if not jax.tree.leaves(params):
        raise ValueError("the model has no parameters to train. Add a layer with parameters.")
    outputs = n_outputs(model)
    data = Data(*check_data(X, y, model, loss, outputs), data_key)
    held = None
    if validation is not None:
        held = Data(*check_data(*validation, model, loss, outputs, "validation "), val_key)
    plan = Plan(_hashable(model), loss, optimizer or ADAM, min(int(batch_size), len(data.X)))
    opt_state = jax.tree.map(jnp.asarray, plan.optimizer.init(params))
    order = jnp.arange(len(data.X))
    state = State(params, opt_state, jnp.int32(0), order, jnp.bool_(True))
    options = _Options(
        steps=int(steps),
        every=_cadence(steps, patience, held is not None or callback is not None),
        patience=patience,
        callback=callback,
        labelled=held is not None and isinstance(plan.loss, CrossEntropy),
    )
    return _run(plan, state, data, held, options)


def _run(plan: Plan, state: State, data: Data, held: Data | None, options: _Options) -> Fit:
    """Compile, then alternate between compiled steps and what Python does with them."""
    stopped = "finished"
    with CtrlC() as ctrl_c, Progress(options.steps) as bar:
        step_fn, value_fn, seconds = _compile(plan, state, data, held)
        watch = _Watch(options, value_fn, held, seconds)
        try:
            for after, losses, norms, seconds in _chunks(step_fn, state, data, options):
                done, taken = int(after.step), int(after.step) - int(state.step)
                watch.record.add_steps(losses[:taken], norms[:taken], seconds)
                state = after  # from here on an interruption keeps these steps
                if not state.finite:
                    stopped = _warn(done, losses[taken], norms[taken])
                    break
                bar.update(done, losses[taken - 1], taken / seconds, watch.value)
                stopped = watch.look(done, state.params)
                if stopped != "finished":
                    break
                ctrl_c.check()
        except (KeyboardInterrupt, jax.errors.JaxRuntimeError) as error:
            # Pressed while a device works for the program, Ctrl-C comes wrapped by JAX.
            if "KeyboardInterrupt" not in repr(error):
                raise
            stopped = "interrupted"
    return watch.result(state, stopped)


class _Watch:
    """What happens between chunks of steps: validation, callback, patience."""

    def __init__(self, options: _Options, value_fn: Any, held: Data | None, compile_time: float):
        self.options, self.value_fn, self.held = options, value_fn, held
        self.record = Record(compile_time)
        self.value: float | None = None
        self.best, self.best_step, self.best_params = np.inf, 0, None

    def look(self, step: int, params: Any) -> str:
        """Why to stop after this step; ``"finished"`` while there is no reason to."""
        patience, callback = self.options.patience, self.options.callback
        if step % self.options.every and step != self.options.steps:
            return "finished"
        if self.value_fn is not None:
            self._validate(step, params)
        if callback and callback(Report(step, params, self._history(step))):
            return "callback"
        if patience is not None and step - self.best_step >= patience:
            return "patience"
        return "finished"

    def result(self, state: State, stopped: str) -> Fit:
        step = int(state.step)
        if self.options.patience is not None and self.best_step:
            return Fit(self.best_params, self._history(step), stopped, self.best_step)
        return Fit(state.params, self._history(step), stopped, step)

    def _validate(self, step: int, params: Any) -> None:
        self.value, accuracy = (float(v) for v in self.value_fn(params, self.held))
        self.record.add_validation(step, self.value, accuracy)
        if self.value < self.best:
            self.best, self.best_step, self.best_params = self.value, step, params

    def _history(self, step: int) -> dict[str, Any]:
        return self.record.table(step, self.options.labelled)


def _compile(plan: Plan, state: State, data: Data, held: Data | None) -> tuple[Any, Any, float]:
    """The compiled step loop and validation, and the seconds for tracing and compiling."""
    start = time.perf_counter()
    steps = train.lower(plan, state, data, np.int32(0)).compile()
    values = None if held is None else evaluate.lower(plan, state.params, held).compile()
    return steps, values, time.perf_counter() - start


def _chunks(step_fn: Any, state: State, data: Data, options: _Options) -> Iterator[tuple[Any, ...]]:
    """Run steps in chunks of about PAUSE seconds that end where there is something to look at."""
    steps, every = options.steps, options.every
    done, size = int(state.step), 1
    while done < steps and state.finite:
        stop = min(done + size, steps, (done // every + 1) * every)
        start = time.perf_counter()
        state, losses, norms = jax.block_until_ready(step_fn(state, data, np.int32(stop)))
        seconds = time.perf_counter() - start
        yield state, np.asarray(losses), np.asarray(norms), seconds
        done, size = stop, int(np.clip((stop - done) * PAUSE / seconds, 1, CHUNK))


def _warn(step: int, loss: float, norm: float) -> str:
    warnings.warn(
        f"training stopped at step {step + 1}: its loss {loss}, gradient norm {norm} or new "
        f"parameters are not finite. The parameters after step {step} are kept. Lower the "
        "learning rate, clip with optax.clip_by_global_norm, or look for log(0) in the loss.",
        RuntimeWarning,
        stacklevel=4,
    )
    return "nan"


def _cadence(steps: int, patience: int | None, wanted: bool) -> int:
    every = max(1, steps // 20) if wanted else steps
    return every if patience is None else min(every, patience)


def _check_options(checkpoint: Any, patience: int | None, validation: Any) -> None:
    if checkpoint is not None:
        raise ValueError(
            f"fit cannot write checkpoints yet: got checkpoint={checkpoint!r}. Leave it None; "
            "result.params is a plain pytree that safetensors can save."
        )
    if validation is not None and not (
        isinstance(validation, tuple | list) and len(validation) == 2
    ):
        raise ValueError(f"validation must be a pair (X, y), got {type(validation).__name__}.")
    if patience is not None:
        check_numbers(patience=patience)
        if validation is None:
            raise ValueError(
                f"patience={patience} watches the validation loss, but there is no validation. "
                "Pass validation=(X, y)."
            )


class _ByIdentity:
    """A model that cannot be hashed, equal to itself only."""

    def __init__(self, model: Any):
        self.apply = model.apply


def _hashable(model: Any) -> Any:
    try:
        hash(model)
    except TypeError:
        return _ByIdentity(model)
    return model
