"""The quantum rows of a comparison: the model, and what can be made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators import QNNClassifier, QNNRegressor, decaying_adam, reuploading, reuploading_head
from ..estimators.chosen import DECAYS
from ..estimators.default import RATE, STEPS
from ..layers import AmplitudeEncoding, BasisEncoding
from .classical import Contender
from .entanglers import without_entanglers
from .surrogate import SCALES, surrogate


def quantum(
    name: str,
    model: Any,
    steps: int | None = None,
    *,
    regression: bool = False,
    class_weight: Any = None,
    decay: bool = False,
) -> Contender:
    """A QNN as a contender; tuning draws the learning rate and a factor of the features.

    The factor (the bandwidth of the encoding) is left alone where features are bits or amplitudes.

    Args:
        name: what the table calls it.
        model: what ``QNNClassifier`` takes.
        steps: gradient steps; None for 300, and for 600 with ``decay``.
        regression: whether it predicts numbers, as a ``QNNRegressor``.
        class_weight: as ``QNNClassifier`` takes it.
        decay: whether it is trained as the default classifier, whose learning rate falls from 0.1 to 0 and
            whose weights may decay, which is tuned too.

    Example:
        >>> quantum("default", None).settings["learning_rate"]
        (0.02, 0.1)

    Reference: on the factor: Shaydulin, Wild, Physical Review A 106, 042407 (2022).
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    count = (STEPS if decay else 300) if steps is None else steps

    def build(
        seed: int,
        learning_rate: float = RATE if decay else 0.05,
        scale: float = 1.0,
        weight_decay: float = 0.0,
    ) -> Any:
        given: Any = {"steps": count, "seed": seed}
        if decay:
            given["optimizer"] = decaying_adam(learning_rate, count, weight_decay)
        else:
            given["learning_rate"] = learning_rate
        if regression:
            estimator: Any = QNNRegressor(model, **given)
        else:
            estimator = QNNClassifier(model, class_weight=class_weight, **given)
        return make_pipeline(FunctionTransformer(scaled, kw_args={"scale": scale}), estimator)

    settings: dict[str, Any] = {"learning_rate": (0.03, 0.1, 0.2) if decay else (0.02, 0.1)}
    if decay:
        settings["weight_decay"] = DECAYS
    if not _is_in(model, AmplitudeEncoding, BasisEncoding):
        settings["scale"] = SCALES
    return Contender(name, build, settings, kind="quantum")


def variants(
    model: Any, n_features: int, n_outputs: int, steps: int | None, **options: Any
) -> tuple[list[Contender], list[str]]:
    """The model without entanglers and its surrogate; and why one of them is missing."""
    default = reuploading if options.get("regression") else reuploading_head
    whole = default if model is None else model
    if callable(whole):
        whole = whole(n_features, n_outputs)
    found, missing = [], []
    try:
        bare = without_entanglers(whole)
        if bare != whole:
            found.append(quantum("no entanglers", bare, steps, **options))
        else:
            missing.append("The model has no entanglers to take out.")
    except ValueError as error:
        missing.append(f"No row without entanglers: {error}")
    try:
        found.append(surrogate(whole, regression=bool(options.get("regression"))))
    except ValueError as error:
        missing.append(f"No surrogate: {error}")
    return found, missing


def scaled(X: Any, scale: float) -> np.ndarray:
    """Features times a factor."""
    return scale * np.asarray(X)


def _is_in(model: Any, *kinds: type) -> bool:
    """Whether a layer of one of these kinds is in the tree."""
    parts = getattr(model, "stages", None) or getattr(model, "layers", None)
    parts = parts or getattr(model, "block", ())
    parts = parts if isinstance(parts, tuple) else (parts,)
    return isinstance(model, kinds) or any(_is_in(part, *kinds) for part in parts)
