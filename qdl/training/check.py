"""What ``fit`` refuses, with the reason, before anything is compiled."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..arguments import check_real
from ..layers import Adjoint, AngleEncoding, IQPEncoding
from ..reading import leaves, unfold
from ..refused import Refused
from .distributions import KL, MMD
from .history import OF_STEPS, VALIDATION
from .losses import CrossEntropy, MeanSquaredError, check_shapes
from .optimizers.foreign import alone

MOST_TURNS = 2  # of an angle: standardised features stay below


def check_data(
    X: Any,
    y: Any,
    model: Any,
    loss: Any,
    outputs: int | None,
    name: str = "",
    part: bool = False,
) -> tuple[Any, Any]:
    """``X`` and ``y`` as arrays of the dtypes that the loss needs.

    Args:
        X: features ``(n, ...)``; None for a model without data.
        y: targets ``(n, ...)``, or the one target of a model without data; None for a loss of outputs alone.
        model: its layers look at X; of other models ``n_features`` is compared, if they have it.
        loss: the loss as a function.
        outputs: number of values per row that the model gives; None if unknown.
        name: put before X and y in messages.
        part: these rows are some of many, so one class is enough.
    """
    floats = jnp.result_type(float)
    if X is None:
        return None, _target(y, model, loss, outputs, floats)
    given, X = (X, y), np.asarray(X)
    if X.ndim < 2 or X.size == 0:
        raise ValueError(
            f"{name}X must have shape (n_samples, n_features) with n_samples >= 1, got {X.shape}. "
            "For a single feature pass X[:, None], for a model without data X=None."
        )
    check_real(f"{name}X", given[0], floats)
    _check_features(X, model, name)
    if y is None:
        _check_needs(loss, y)
        return jnp.asarray(X, floats), None
    y = np.asarray(y)
    if y.ndim == 0 or len(X) != len(y):
        raise ValueError(
            f"{name}X has {len(X)} rows, but {name}y has shape {y.shape}. Pass one target per row."
        )
    if isinstance(loss, KL | MMD) and outputs is not None:
        y = loss.target(y, outputs, len(X))
    if isinstance(loss, CrossEntropy):
        y = _labels(y, outputs, f"{name}y")
        if not (name or part) and (y == y[0]).all():
            raise ValueError(
                f"y has one class only: label {y[0]} in all {len(y)} rows, so there is nothing to "
                "tell apart. Pass rows of at least two classes; shuffle before you split."
            )
    else:
        check_real(f"{name}y", given[1], floats)
    if isinstance(loss, MeanSquaredError) and outputs is not None:
        check_shapes((len(y), outputs), y.shape)
    keep_integers = not isinstance(loss, MeanSquaredError) and np.issubdtype(y.dtype, np.integer)
    return jnp.asarray(X, floats), jnp.asarray(y, None if keep_integers else floats)


def check_weight(weight: Any, n: int, loss: Any) -> Any:
    """Weights of ``n`` rows as floats of mean 1; None for None.

    Raises:
        Refused: a loss of the user's own, of which nobody knows what a row adds to it.
        ValueError: no number a row, negative or not finite ones, or zeros only.
    """
    if weight is None:
        return None
    if not isinstance(loss, CrossEntropy | MeanSquaredError):
        raise Refused(
            f"sample_weight weighs rows of cross entropy and squared errors, but loss={loss!r} says not what "
            "a row adds to it. Take one of those, or let your loss weigh rows by what y says of them."
        )
    check_real("sample_weight", weight, advice="Give every row a number >= 0.")
    weight = np.asarray(weight, float)
    if weight.shape != (n,) or (weight < 0).any() or not weight.any():
        raise ValueError(
            f"sample_weight must be a number >= 0 for each of the {n} rows, one of them positive; got shape "
            f"{weight.shape}" + (f", smallest {weight.min():.4g}." if weight.size else ".")
        )
    return jnp.asarray(weight / weight.mean(), jnp.result_type(float))


def check_class_weight(weight: Any, y: Any, outputs: int | None) -> None:
    """Refuse weights of classes that are not one for each class that the model tells apart."""
    if weight is None or weight == "balanced":
        return
    n = int(np.max(y)) + 1 if outputs is None else max(outputs, 2)
    if len(weight) < n or (outputs is not None and len(weight) > n):
        raise ValueError(
            f"CrossEntropy(weight=) has {len(weight)} numbers, but there are {n} classes. Give one a class, "
            "or 'balanced'."
        )


def check_metrics(metrics: Any, data: Any) -> None:
    """Refuse metrics that are no functions, take a name of the history, or have no rows to be taken on."""
    taken = {*OF_STEPS, *VALIDATION, "compile_time", "loss_noise", "total_shots", "metric_step"}
    for name, function in metrics.items():
        if not isinstance(name, str) or name in taken or not callable(function):
            raise ValueError(
                f"metrics must be functions f(outputs, y) -> number by names of their own, got {name!r}: "
                f"{function!r}. Names that the history has already: {', '.join(sorted(taken))}."
            )
    if metrics and (data.X is None or data.y is None):
        raise ValueError(
            "metrics compare outputs with y row by row, but X or y is None. Leave metrics out; callback= "
            "sees the parameters."
        )


def _target(y: Any, model: Any, loss: Any, outputs: int | None, floats: Any) -> Any:
    """What the outputs of a model without data are compared with; None for nothing."""
    wanted = getattr(model, "n_features", 0) or 0
    if wanted:
        raise ValueError(
            f"the model takes {wanted} features, but X is None. Pass X of shape (n_samples, {wanted}), or "
            "leave the encoding out of the model."
        )
    _check_needs(loss, y)
    if y is None:
        return None
    if isinstance(loss, CrossEntropy):
        raise ValueError(
            "cross entropy compares rows with labels, but X is None. For a model without data take "
            "loss=qdl.training.KL() with y a distribution."
        )
    if isinstance(loss, KL | MMD) and outputs is not None:
        return jnp.asarray(loss.target(y, outputs, None), floats)
    check_real("y", y, floats)
    y = np.asarray(y)
    if isinstance(loss, MeanSquaredError) and outputs is not None:
        check_shapes((outputs,), y.shape)
    return jnp.asarray(y, None if np.issubdtype(y.dtype, np.integer) else floats)


def _check_needs(loss: Any, y: Any) -> None:
    """Refuse a loss that compares with y where there is none."""
    if y is None and isinstance(loss, CrossEntropy | MeanSquaredError | KL | MMD):
        raise ValueError(
            f"{type(loss).__name__} compares outputs with y, but y is None. Pass y, or a loss of the outputs "
            "alone: loss=lambda outputs: outputs.sum()."
        )


def _check_features(X: np.ndarray, model: Any, name: str) -> None:
    """Let the first stage say whether it can read ``X``."""
    first = model.stages[0] if hasattr(model, "stages") else model
    if hasattr(first, "layers") and hasattr(first, "wires"):
        try:
            first.layers.check(X, first.wires)
        except ValueError as error:
            raise ValueError(f"{name}X: {error}" if name else str(error)) from None
        for leaf in leaves(unfold(first.layers, first.wires)):
            layer = leaf.layer.block if isinstance(leaf.layer, Adjoint) else leaf.layer
            if isinstance(layer, AngleEncoding | IQPEncoding):
                _warn_of_turns(X, layer, name)
        return
    wanted = getattr(model, "n_features", 0) or 0
    if wanted and X.shape[-1] != wanted:
        raise ValueError(
            f"the model takes {wanted} features, but {name}X has {X.shape[-1]} columns. Choose "
            f"{wanted} of them, project X, or make the first stage qdl.Dense({X.shape[-1]}, ...)."
        )


def _warn_of_turns(X: np.ndarray, layer: Any, name: str) -> None:
    """Features that nobody has scaled: angles that go round and round."""
    columns = list(getattr(layer, "features", None) or range(X.shape[-1]))
    rows = X.reshape(-1, X.shape[-1])[:, columns].astype(float)
    turns = abs(getattr(layer, "scale", 1.0)) * np.ptp(rows, axis=0) / (2 * np.pi)
    worst = int(turns.argmax())
    if turns[worst] > MOST_TURNS:
        warnings.warn(
            f"{name}X goes from {rows[:, worst].min():.4g} to {rows[:, worst].max():.4g} in column "
            f"{columns[worst]}: as an angle these are {turns[worst]:.0f} turns, and values a turn apart "
            f"look the same to {type(layer).__name__}. Scale the columns to [0, pi] first, for example "
            "with sklearn.preprocessing.MinMaxScaler((0, numpy.pi)).",
            UserWarning,
            stacklevel=6,
        )


def _labels(y: np.ndarray, outputs: int | None, name: str) -> np.ndarray:
    if y.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must be integer labels, got dtype {y.dtype}. Number the classes: "
            "classes, y = numpy.unique(y, return_inverse=True)."
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(
            f"{name} must have shape (n,) with one label per row, got {y.shape}. "
            "For one-hot rows pass y.argmax(axis=1)."
        )
    check_real(name, y)
    if (y != np.floor(y)).any():
        row = int(np.argmax(y != np.floor(y)))
        raise ValueError(
            f"{name} must be integer labels for cross entropy, got {y[row]} in row {row}. "
            "For real targets use loss='mse'."
        )
    n_classes = np.inf if outputs is None else max(outputs, 2)
    outside = (y < 0) | (y >= n_classes)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"{name} has label {int(y[row])} in row {row}, but a model with {outputs} output(s) "
            f"tells the labels 0 .. {n_classes - 1} apart. Number the classes from 0, or read one "
            "value a class, for example readout=qdl.ExpZ([0, 1, 2])."
        )
    return y.astype(np.int32)


def check_model(model: Any) -> None:
    """Refuse what cannot be trained: a class, a function, something else altogether."""
    if inspect.isclass(model) or not (hasattr(model, "init") and hasattr(model, "apply")):
        raise TypeError(
            f"fit needs a model with init(key) and apply(params, x), got {model!r}. Example: "
            "qdl.models.data_reuploading(4, 3)."
        )


def check_optimizer(optimizer: Any) -> Any:
    """What Optax calls a gradient transformation, or a subclass of it."""
    if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        raise TypeError(
            f"optimizer must be an Optax transformation, got {optimizer!r}. Pass optax.adam(0.01), or None "
            "for just that."
        )
    return alone(optimizer)


def n_outputs(model: Any) -> int | None:
    """How many values per row the model gives; None if only tracing it would tell."""
    if hasattr(model, "n_outputs"):
        return model.n_outputs
    if hasattr(model, "circuit") and hasattr(model, "place"):
        return model.size
    return None
