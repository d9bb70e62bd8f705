"""``qdl cost``: what training a model on a machine would cost, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .configuration import DEPTHS
from .places import place_named
from .train import build_model
from .variance import find


def cost(
    model: str,
    place: str,
    features: int,
    classes: int,
    depth: int | None,
    shots: int,
    batch_size: int,
    steps: int,
    gradient: str,
) -> Any:
    """The estimate for a model.

    Args:
        model: a function of ``qdl.models`` that reads features, ``file.py:name`` of a QNN, or a folder
            that ``qdl.save`` wrote; features, classes and depth are for the first kind.
        place: as ``place_named`` takes it.
        features: one a wire.
        classes: of the labels.
        depth: how often the model's block is repeated; None for 4, or for a QCNN, which has none.
        shots: of each circuit and basis.
        batch_size: samples a step.
        steps: gradient steps.
        gradient: one of the place's methods.

    Raises:
        ValueError: an unknown model or place, and numbers that make no sense.
    """
    from ..backends import estimate

    whole = ":" in model or Path(model).is_dir()
    if not whole and model not in DEPTHS:
        raise ValueError(
            f"model must be one of {', '.join(DEPTHS)}, file.py:name of a QNN, or a folder of a saved "
            f"model; got {model!r}."
        )
    if not whole and depth is not None and DEPTHS[model] is None:
        raise ValueError(f"{model} has no depth, got depth = {depth}. Leave it out.")
    where = place_named(place, shots)
    built = find(model) if whole else build_model(model, features, classes, depth)
    if not hasattr(built, "init"):
        raise ValueError(
            f"{model} is no QNN, got {type(built).__name__}. Name a model in that file."
        )
    return estimate(built, where, batch_size=batch_size, steps=steps, gradient=gradient)
