"""The models that the command line knows by name, for every command the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from . import own, photonic

DEPTHS = {
    "cvqnn": 4,
    "data_reuploading": 4,
    "hardware_efficient": 4,
    "qcnn": None,
    "strongly_entangling": 4,
    "reuploading": None,
    "mcclean": 4,
}  # how often each model's block is repeated unless the user says otherwise; None: it has no depth
WIDTH_FREE = (
    "reuploading",
)  # any number of features on a few wires; the others have a wire a feature
WITHOUT_FEATURES = ("mcclean",)


def check_model(name: str, depth: int | str | None = None, reads: bool = True) -> None:
    """Refuse what names no model: neither one of the list, nor ``file.py:name``, nor a folder of a saved one.

    Args:
        name: of the model.
        depth: what was asked for.
        reads: whether it must read features.
    """
    if is_own(name):
        if depth is not None:
            raise ValueError(
                f"{name} says its own depth, got depth = {depth}. Leave depth out, and change the file."
            )
        return
    if name not in DEPTHS:
        raise ValueError(
            f"model must be one of {', '.join(DEPTHS)}, file.py:name of a QNN or of a function that returns "
            f"one, or a folder of a saved model; got {name!r}."
        )
    if reads and name in WITHOUT_FEATURES:
        raise ValueError(
            f"{name} reads no features, so there is nothing to train on data: it is for qdl variance. Choose "
            "another model, for example data_reuploading."
        )
    if depth is not None and DEPTHS[name] is None:
        why = (
            "it pools until no wires are left over"
            if name == "qcnn"
            else "it follows from the features"
        )
        raise ValueError(
            f"{name} has no depth, got depth = {depth}: {why}. Leave depth out, or choose data_reuploading."
        )


def is_own(name: str) -> bool:
    """Whether a name is that of a user's own model: in a Python file, or saved in a folder."""
    return ":" in name or Path(name).is_dir()


def build_model(name: str, n_features: int, n_classes: int, depth: int | None = None) -> Any:
    """A model with one output a class, a single one for two classes."""
    outputs = 1 if n_classes == 2 else n_classes
    if name in DEPTHS and name not in WIDTH_FREE and outputs > n_features:
        raise ValueError(
            f"{n_classes} classes are read from {n_classes} wires, but {n_features} features make "
            f"{n_features} wires. Use features = {n_classes} or more, or fewer classes."
        )
    if name == "reuploading":
        from ..estimators import reuploading_head

        check_model(name, depth)
        return reuploading_head(n_features, outputs)
    return with_outputs(name, n_features, outputs, depth)


def with_outputs(name: str, n_features: int, outputs: int, depth: int | None = None) -> Any:
    """A model of so many features and outputs: of the list, of a user's file, or saved.

    Raises:
        ValueError: more outputs than wires, or a model of the user's own that has other sizes.
    """
    from .. import models
    from ..readout import ExpZ

    check_model(name, depth)
    if is_own(name):
        return own.model(name, n_features, outputs)
    if name == "reuploading":
        from ..estimators import reuploading

        return reuploading(n_features, outputs)
    if outputs > n_features:
        raise ValueError(
            f"{outputs} values are read from {outputs} wires, but {n_features} features make {n_features} "
            f"wires. Use features = {outputs} or more, or model = reuploading."
        )
    if name == "qcnn":
        left = n_features
        while left > 1 and (left + 1) // 2 >= outputs:
            left = (left + 1) // 2
        model = models.qcnn(n_features, stop_at=left)
    elif name == "cvqnn":
        return photonic.classifier(n_features, outputs, 4 if depth is None else depth)
    else:
        model = getattr(models, name)(n_features, DEPTHS[name] if depth is None else depth)
    return replace(model, readout=ExpZ(model.active[:outputs]))
