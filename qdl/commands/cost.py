"""``qdl cost``: what training a model on a machine would cost, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..files import write_json
from . import own, runs
from .models import DEPTHS, WITHOUT_FEATURES, build_model, check_model, is_own
from .places import place_named
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
    *,
    price_per_second: float | None = None,
    out: Path | None = None,
) -> tuple[Path, Any]:
    """The estimate for a model, in a run folder: ``config.json`` and ``cost.json``.

    Args:
        model: one of the list of all commands, ``file.py:name`` of a QNN, or a folder
            that ``qdl.save`` wrote; features, classes and depth are for the first kind.
        place: as ``place_named`` takes it.
        features: one a wire.
        classes: of the labels.
        depth: how often the model's block is repeated; None for 4, or for a QCNN, which has none.
        shots: of each circuit and basis.
        batch_size: samples a step.
        steps: gradient steps.
        gradient: one of the place's methods.
        price_per_second: of a QPU second, in any currency.
        out: the run folder; None for ``runs/cost-MODEL``, or the next free name.

    Returns:
        The folder and the ``Estimate``.

    Raises:
        ValueError: an unknown model or place, and numbers that make no sense.
    """
    from ..backends import estimate

    check_model(model, depth, reads=False)
    where = place_named(place, shots)
    if is_own(model):
        built = find(model)
        built = (
            built
            if hasattr(built, "init")
            else own.model(model, features, 1 if classes == 2 else classes)
        )
    elif model in WITHOUT_FEATURES:
        built = find(model)(features, depth or DEPTHS[model])
    else:
        built = build_model(model, features, classes, depth)
    found = estimate(built, where, batch_size=batch_size, steps=steps, gradient=gradient)
    asked = {
        "model": model, "place": place, "features": features, "classes": classes, "depth": depth,
        "shots": shots, "batch_size": batch_size, "steps": steps, "gradient": gradient,
        "price_per_second": price_per_second,
    }  # fmt: skip
    folder = runs.new_folder(runs.name_of("cost", model), out)
    runs.write_config(folder, {"command": "cost", **asked, "circuit": str(built)})
    write_json(folder / "cost.json", found.to_dict(price_per_second))
    return folder, found
