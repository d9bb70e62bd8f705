"""``fit``: train any model that has ``init`` and ``apply``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

from .. import threefry
from ..arguments import check_real, check_whole
from ..hybrid import after_fit
from ..layers.base import check_key
from .batches import Streamed, n_rows
from .check import (
    check_class_weight,
    check_data,
    check_metrics,
    check_model,
    check_optimizer,
    n_outputs,
)
from .given import check_streamed, given_data
from .history import Report
from .losses import CrossEntropy, as_loss
from .optimizers.foreign import outermost
from .resume import RunFolder, configuration
from .rows import BatchesOf, OnDisk
from .run import Fit, Options, run
from .step import Data, Plan, State

__all__ = ["Fit", "fit"]

MOST_LOOKED_AT = 1024  # rows on which places look at a trained model


def fit(
    model: Any,
    X: Any = None,
    y: Any = None,
    *,
    loss: Any,
    optimizer: optax.GradientTransformation | None = None,
    steps: int = 500,
    batch_size: int = 32,
    params: Any = None,
    state: Any = None,
    validation: tuple[Any, Any] | None = None,
    sample_weight: Any = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    key: jax.Array,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 100,
    patience: int | None = None,
    callback: Callable[[Report], Any] | None = None,
    skip_nan: int = 0,
) -> Fit:
    r"""Minimise a loss over minibatches: an Optax loop, compiled once.

    Every epoch goes through the rows in a new order drawn from ``key``, and leaves out a last
    batch that is not full. Ctrl-C returns what was learned so far. A loss, gradient or parameter
    that is no longer finite ends training with a warning that names the step, and with the last
    parameters that gave finite numbers; ``skip_nan`` such steps are passed over before.

    With ``checkpoint`` a killed process loses little: the same call goes on from the newest whole
    checkpoint, and on the same machine ends with the same bits as if it had never stopped. A
    finished run returns its result at once, more ``steps`` continue it. Compared with the folder
    are the model, the loss, the batch size, the key, the data and given ``params``; of functions
    the name, and of the optimizer the tree of its state: another learning rate is not noticed.

    Args:
        model: anything with ``init(key)`` and ``apply(params, x)``: a QNN, a Hybrid, your own.
        X: features ``(n_samples, n_features)``; what they mean (radians) is the model's affair. None for a
            model without data, whose every step is a look at all there is. Of a memory map, or anything
            else that is indexed by rows and has ``shape`` and ``dtype`` (HDF5, Zarr), the rows of some steps
            at a time are read. An iterable of batches gives ``(X, y)``, or X alone, each time, with y None:
            they are taken as they come, again from the start when they end; a generator ends the training.
        y: integer labels ``0 .. k-1`` for cross entropy, else targets. Without X one target for the outputs
            ``(k,)``: for ``KL`` and ``MMD`` a distribution ``(k,)``, or samples of its bits ``(m, n)``.
        loss: ``"mse"``, ``"cross_entropy"``, a loss of ``qdl.training``, or ``f(outputs, y) -> scalar``,
            without y ``f(outputs)``; see ``qdl.training.CrossEntropy`` for how outputs become
            probabilities, and its scale.
        optimizer: any Optax transformation, those of ``qdl.training`` too; None for Adam, 0.01. Equal ones
            of Optax or qdl share a compilation, also when they are made anew for each call.
        steps: how many gradient steps.
        batch_size: rows per step; at most all of them are taken. An iterable of batches has its own.
        params: where to start; None to draw them with ``model.init``.
        state: of the optimizer, as ``Fit.state`` of the same optimizer and parameters gives it, to go on
            without forgetting its averages; None for a new one.
        validation: ``(X, y)`` to be evaluated about 20 times and at the end.
        sample_weight: ``(n_samples,)``, not negative: what each row counts in cross entropy or squared
            errors, in proportion; None for 1 each. Batches are drawn as without.
        metrics: functions ``f(outputs, y) -> number`` by name, of NumPy arrays: what the model gives for the
            validation rows, or without them for those of training, and their targets. They are called when
            there is a validation, or would be; the history has the numbers under these names, and the steps
            under ``metric_step``.
        key: a JAX key for the first parameters, the batches, and shots.
        checkpoint: a folder for this run: ``metrics.jsonl`` with a line for each step, the three
            newest checkpoints, each with the best parameters so far, and files for TensorBoard if
            ``tensorboardX`` is installed. ``qdl.load(folder, which="best")`` gives model and parameters.
        checkpoint_every: steps between two checkpoints; one more is written at the end, whatever
            the reason, Ctrl-C and errors included.
        patience: stop after this many steps without a lower validation loss; ``params`` are then
            those of the lowest one.
        callback: called at every validation (or when there would be one) with a ``Report`` of
            step, params and history; a true answer stops training. A run that goes on calls it
            again for the step it goes on from.
        skip_nan: how many steps that are not finite may be passed over in the whole run: they
            change no parameter, and the next batch follows.

    Returns:
        A ``Fit`` with ``params``, ``history``, ``stopped``, ``step``, ``state``.

    Raises:
        ValueError: NaN or Inf by column and row, lengths that differ, too few features, labels out
            of range, one class only, numbers that make no sense, and a folder of another run, all
            before anything is compiled.
        TypeError: no key, or data that are not numbers.
        OSError: the checkpoint cannot be written; the one before it is intact. Another process is training
            in the folder.

    Example:
        >>> import qdl
        >>> model = qdl.Hybrid([qdl.Dense(2, 1)])
        >>> X = jax.random.normal(jax.random.key(0), (64, 2))
        >>> result = fit(model, X, X @ jnp.array([1.0, -2.0]), loss="mse", steps=400,
        ...              optimizer=optax.adam(0.1), key=jax.random.key(1))
        >>> bool(result.history["loss"][-1] < 1e-4), result.stopped
        (True, 'finished')
    """
    check_model(model)
    check_whole("steps", steps, owner="fit")
    check_whole("batch_size", batch_size, owner="fit")
    check_whole("checkpoint_every", checkpoint_every, owner="fit")
    init_key, data_key, val_key = threefry.split(check_key(key, "fit"), 3)
    _check_options(patience, validation, callback, skip_nan)
    chosen = check_optimizer(optax.adam(1e-2) if optimizer is None else optimizer)
    loss = as_loss(loss, model)
    given = params
    params = model.init(init_key) if params is None else jax.tree.map(_start_of, params)
    if not jax.tree.leaves(params):
        raise ValueError("the model has no parameters to train. Add a layer with parameters.")
    outputs = n_outputs(model)
    part = state is not None  # of a training that goes on
    data, source = given_data(X, y, sample_weight, model, loss, outputs, part, data_key)
    if source is not None:
        check_streamed(source, loss, metrics, validation, checkpoint)
    if isinstance(loss, CrossEntropy):
        check_class_weight(loss.weight, data.y, outputs)
        whole = source.y if isinstance(source, OnDisk) else data.y
        loss = loss.balanced(whole)
    measured = dict(metrics or {})
    check_metrics(measured, data)
    held = None
    if validation is not None:
        if data.X is None or data.y is None:
            raise ValueError(
                "validation compares held-out rows, but X or y is None. Leave validation and patience out; "
                "callback= sees the parameters."
            )
        held = Data(*check_data(*validation, model, loss, outputs, "validation "), val_key)
    size = (
        source.size
        if isinstance(source, BatchesOf)
        else min(int(batch_size), n_rows(source or data))
    )
    plan = Plan(hashable(model), loss, chosen, size, int(skip_nan))
    started = start(params, opt_state(plan.optimizer, params, state))
    folder = None
    if checkpoint is not None:
        if not str(checkpoint):
            raise ValueError("checkpoint='' names no folder. Pass a path, or None to keep nothing.")
        matrices: dict[str, Any] = {}
        config = configuration(model, plan, started, data, held, given, state, matrices)
        if isinstance(source, OnDisk):  # of the others the first are compared
            config["data"]["rows"] = len(source)
        folder = RunFolder(Path(checkpoint), config, matrices)
    options = Options(
        steps=int(steps),
        every=cadence(steps, patience, held is not None or callback is not None or measured != {}),
        save_every=int(steps if checkpoint is None else checkpoint_every),
        patience=patience,
        callback=callback,
        labelled=held is not None and isinstance(plan.loss, CrossEntropy),
        metrics=measured,
    )
    streamed = None if source is None else Streamed(source, data, size)
    fitted = run(plan, started, data, held, options, folder, streamed)
    after_fit(model, fitted.params, None if data.X is None else data.X[:MOST_LOOKED_AT], data_key)
    return fitted


def _start_of(leaf: Any) -> Any:
    """A given parameter as one that can move: whole numbers become floats."""
    check_real("params", leaf, advice="Start from init(key).")
    leaf = jnp.asarray(leaf)
    return leaf if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf.astype(float)


def opt_state(optimizer: Any, params: Any, given: Any) -> Any:
    """A new state of the optimizer, or the given one if it is of this optimizer and these parameters."""
    with outermost():
        fresh = optimizer.init(params)
    if given is None:
        return fresh
    shapes, wanted = (jax.tree.map(jnp.shape, tree) for tree in (given, fresh))
    if jax.tree.structure(given) != jax.tree.structure(fresh) or shapes != wanted:
        raise ValueError(
            f"state is not of this optimizer and these parameters: got {shapes}, expected {wanted}. Pass "
            "Fit.state of a fit with the same optimizer and model."
        )
    return given


def start(params: Any, opt_state: Any) -> State:
    """The first state, of the types that it also has when it comes from a file: none is weak."""
    params, opt_state = jax.tree.map(_strong, (params, opt_state))
    zero = jnp.asarray(0, jnp.int32)
    return State(params, opt_state, zero, jnp.asarray(True), zero)


def _strong(leaf: Any) -> jax.Array:
    return jnp.asarray(leaf, jnp.result_type(leaf))


def cadence(steps: int, patience: int | None, wanted: bool) -> int:
    """Steps between two looks: about 20 of them, or the patience if that is less."""
    every = max(1, steps // 20) if wanted else steps
    return every if patience is None else min(every, patience)


def _check_options(patience: int | None, validation: Any, callback: Any, skip_nan: Any) -> None:
    if callback is not None and not callable(callback):
        raise TypeError(
            f"callback must be a function of a qdl.training.Report, got {callback!r}. Leave it out for none."
        )
    check_whole("skip_nan", skip_nan, least=0, owner="fit")
    if validation is not None and not (
        isinstance(validation, tuple | list) and len(validation) == 2
    ):
        raise ValueError(
            f"validation must be a pair (X, y), got {type(validation).__name__}. Example: "
            "validation=(X_test, y_test)."
        )
    if patience is not None:
        check_whole("patience", patience, owner="fit")
        if validation is None:
            raise ValueError(
                f"patience={patience} watches the validation loss, but there is no validation. "
                "Pass validation=(X, y)."
            )


class _ByIdentity:
    """A model that cannot be hashed, equal to itself only."""

    def __init__(self, model: Any):
        self.apply = model.apply


def hashable(model: Any) -> Any:
    """The model, as something that can be hashed."""
    try:
        hash(model)
    except TypeError:
        return _ByIdentity(model)
    return model
