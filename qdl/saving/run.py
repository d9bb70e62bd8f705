"""What a training's folder holds of the model that was trained."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..describe import describe
from ..files import fingerprint
from ..training.resume import checkpointed
from .model import build_whole, compare, params_of

PARTS = {"last": "state/params", "best": "best"}  # where the arrays of a checkpoint have them


def load_run(folder: Path, which: str, layers: Iterable[type], model: Any) -> tuple[Any, Any]:
    """The model and the parameters of the newest checkpoint of a training.

    Args:
        folder: given to ``fit(checkpoint=)``.
        which: ``"last"`` or ``"best"``.
        layers: of the user's own.
        model: the model itself, where it holds functions.
    """
    where, arrays, notes = checkpointed(folder)
    description, matrices = (notes["configuration"].get(name) for name in ("model", "matrices"))
    if which == "best" and notes["best"] is None:
        raise ValueError(
            f"{folder} has no validation, so no step is known to be the best. Use which='last', or train "
            "with validation=(X, y)."
        )
    if model is None:
        model = build_whole(description, arrays, layers, where)
    else:
        inner: dict[str, np.ndarray] = {}
        describe(model, inner)
        same = (fingerprint(*inner.values()) if inner else None) == matrices
        compare(description, inner if same else {}, model, folder)
    return model, params_of(model, arrays, PARTS[which], where)
