"""An estimator on disk: its arguments, and what ``fit`` left in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NotRequired

import jax
import numpy as np
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ..describe import build, describe, differences, opaque
from ..estimators import QNNClassifier, QNNRegressor
from ..files import checked
from ..training.loop import opt_state
from ..training.trees import from_arrays, to_arrays
from .model import MODEL, build_whole, class_named, params_of

KINDS = {"QNNClassifier": QNNClassifier, "QNNRegressor": QNNRegressor}
LABELS = "biufU"  # kinds of NumPy arrays that labels may be; objects must be strings


class Labels(TypedDict):
    """The classes: their dtype, as NumPy writes it, and they."""

    dtype: str
    values: list[bool | int | float | str]


class Notes(TypedDict):
    """What the file says of an estimator beside its model and arrays."""

    kind: Literal["QNNClassifier", "QNNRegressor"]
    arguments: dict[str, Any]
    labels: Labels | None
    names: list[str] | None  # of the features
    n_features: int
    n_steps: int
    history: dict[str, float]  # the numbers in it; columns are arrays
    weight_decay: NotRequired[float]  # of the default model


def contents(estimator: Any, params: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and notes of a fitted estimator."""
    kind = type(estimator).__name__
    if type(estimator) is not KINDS.get(kind):
        raise TypeError(
            f"qdl.save takes QNNClassifier and QNNRegressor, got {kind}. Save the step of a pipeline that "
            "is one, or the whole by joblib.dump, which must be trusted to be loaded."
        )
    if params is not None or not hasattr(estimator, "params_"):
        what = "has its parameters" if hasattr(estimator, "params_") else "is not fitted"
        raise ValueError(f"{kind} {what}: fit it, then qdl.save(path, estimator).")
    inner: dict[str, np.ndarray] = {}
    classes, history = getattr(estimator, "classes_", None), estimator.history_
    names = getattr(estimator, "feature_names_in_", None)
    notes: dict[str, Any] = {  # Notes
        "kind": kind,
        "arguments": _arguments(estimator, inner),
        "labels": None if classes is None else _labels(classes),
        "names": None if names is None else [str(name) for name in names],
        "n_features": int(estimator.n_features_in_),
        "n_steps": int(estimator.n_steps_),
        "history": {name: float(value) for name, value in history.items() if np.ndim(value) == 0},
    }
    if hasattr(estimator, "weight_decay_"):
        notes["weight_decay"] = float(estimator.weight_decay_)
    found = {"model": describe(estimator.model_, inner), "estimator": notes}
    arrays = to_arrays(estimator.params_, "params") | to_arrays(estimator.opt_state_, "state")
    arrays |= {f"history/{n}": np.asarray(a) for n, a in history.items() if np.ndim(a)}
    if hasattr(estimator, "target_range_"):
        arrays["range"] = np.asarray(estimator.target_range_)
    return inner | arrays, found


def restored(
    arrays: Mapping[str, np.ndarray],
    notes: Mapping[str, Any],
    layers: Iterable[type],
    given: Any,
    folder: Path,
) -> Any:
    """The estimator that a file means; ``given`` the same one before ``fit``, where it holds functions."""
    where, layers = folder / MODEL, tuple(layers)
    said: Notes = checked(notes["estimator"], Notes, where, "model")
    kind = KINDS[said["kind"]]
    if given is None:
        arguments = _built(said["arguments"], arrays, layers, where)
    else:
        arguments = _compared(said, given, folder)
    found = kind(**arguments)
    found.n_features_in_ = said["n_features"]
    if said["names"] is not None:
        found.feature_names_in_ = np.array(said["names"], object)
    if said["labels"] is not None:
        found.classes_ = np.array(said["labels"]["values"], _dtype(said["labels"], where))
    if "weight_decay" in said:
        found.weight_decay_ = said["weight_decay"]
    if "range" in arrays:
        low, high = arrays["range"]
        found.target_range_ = (low, high) if np.ndim(low) else (float(low), float(high))
    description = notes.get("model")
    if list(opaque(description)):  # made by the functions of the estimator that was passed
        found.model_ = found._build(_n_outputs(found))  # pyright: ignore[reportPrivateUsage]
    else:
        found.model_ = build_whole(description, arrays, layers, where)
    params = params_of(found.model_, arrays, "params", where)
    optimizer = found._optimizer()  # pyright: ignore[reportPrivateUsage]
    state = from_arrays(opt_state(optimizer, params, None), arrays, "state")
    found.params_, found.opt_state_ = jax.tree.map(np.asarray, (params, state))
    columns = {n[8:]: a for n, a in arrays.items() if n.startswith("history/")}
    found.history_, found.n_steps_ = columns | said["history"], said["n_steps"]
    return found


def _n_outputs(estimator: Any) -> int:
    if isinstance(estimator, QNNClassifier):
        return 1 if len(estimator.classes_) == 2 else len(estimator.classes_)
    return np.size(estimator.target_range_[0])


def _arguments(estimator: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    found = {}
    for name, value in estimator.get_params(deep=False).items():
        if isinstance(value, dict):  # weights of labels
            found[name] = {"by label": [[describe(k, {}), float(w)] for k, w in value.items()]}
        else:
            found[name] = describe(value, arrays)
    return found


def _built(
    arguments: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    layers: tuple[type, ...],
    where: Path,
) -> dict[str, Any]:
    unknown = [found for name, each in arguments.items() for found in opaque(each, name)]
    if unknown:
        raise ValueError(
            f"{where} holds {unknown[0][0]} = {unknown[0][1]}, of which a file can only say the name. Pass "
            "the estimator as it was before fit: qdl.load(path, model=estimator)."
        )
    made = {}
    for name, value in arguments.items():
        if name == "model" and value is not None:
            made[name] = build_whole(value, arrays, layers, where)
        elif isinstance(value, dict) and list(value) == ["by label"]:
            made[name] = _by_label(value["by label"], where)
        else:
            made[name] = build(value, arrays, class_named, {})
    return made


def _by_label(pairs: Any, where: Path) -> dict[Any, float]:
    checked(pairs, list[list[bool | int | float | str]], where, "model")
    if not all(len(pair) == 2 and isinstance(pair[1], float) for pair in pairs):
        raise ValueError(f"{where} is damaged: weights of labels {pairs!r}. Use a whole copy.")
    return {label: weight for label, weight in pairs}


def _compared(said: Notes, given: Any, folder: Path) -> dict[str, Any]:
    """The arguments of the estimator that was passed, if they are those of the file."""
    if type(given).__name__ != said["kind"]:
        raise ValueError(
            f"{folder} holds a {said['kind']}, but model= is {type(given).__name__}. Pass the estimator as "
            "it was before fit."
        )
    found = list(differences(said["arguments"], _arguments(given, {}), said["kind"]))
    if found:
        lines = "".join(f"\n  {at}: {a!r} there, {b!r} here" for at, a, b in found[:5])
        raise ValueError(f"{folder} holds an estimator with other arguments than model=:{lines}")
    return given.get_params(deep=False)


def _labels(classes: np.ndarray) -> Labels:
    strings = classes.dtype.kind == "O" and all(isinstance(label, str) for label in classes)
    if classes.dtype.kind not in LABELS and not strings:
        raise TypeError(f"labels of dtype {classes.dtype} cannot be saved. Use numbers or strings.")
    return {"dtype": classes.dtype.str, "values": classes.tolist()}


def _dtype(labels: Labels, where: Path) -> np.dtype:
    try:
        found = np.dtype(labels["dtype"])
    except TypeError:
        found = np.dtype("V")
    if found.kind not in (*LABELS, "O"):
        raise ValueError(
            f"{where} is damaged: labels of dtype {labels['dtype']!r}. Use a whole copy."
        )
    return found
