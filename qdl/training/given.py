"""The data that ``fit`` is given: in memory, on disk, or batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..refused import Refused
from .batches import n_rows
from .check import check_data, check_weight
from .losses import CrossEntropy
from .rows import LOOKED_AT, BatchesOf, OnDisk, is_batches, is_on_disk
from .step import Data


def given_data(
    X: Any, y: Any, weight: Any, model: Any, loss: Any, outputs: int | None, part: bool, key: Any
) -> tuple[Data, OnDisk | BatchesOf | None]:
    """The data in memory; or the first rows of those that are not, and where the others come from."""

    def check(X: Any, y: Any) -> tuple[Any, Any]:
        X, y = check_data(X, y, model, loss, outputs, part=True)
        return None if X is None else np.asarray(X), None if y is None else np.asarray(y)

    if is_batches(X, y):
        if weight is not None:
            raise Refused(
                "sample_weight has a number for each row, but batches come one by one. Weigh classes with "
                "CrossEntropy(weight=), or give X and y whole."
            )
        batches = BatchesOf(X, check)
        X, y = batches.first
        return Data(X, y, key), batches
    if is_on_disk(X):
        if y is not None and len(X) != np.shape(y)[0]:
            raise ValueError(
                f"X has {len(X)} rows, but y has shape {np.shape(y)}. Pass one target per row."
            )
        targets = None if y is None else np.asarray(y)
        if (
            isinstance(loss, CrossEntropy) and targets is not None
        ):  # all of them, as they fit into memory
            check_data(np.zeros((len(X), 1)), targets, None, loss, outputs, part=part)
        weights = check_weight(weight, len(X), loss)
        weights = None if weights is None else np.asarray(weights)
        rows = OnDisk(X, targets, weights, check)
        first = rows.at(np.arange(min(len(X), LOOKED_AT)))
        return Data(first[0], first[1], key, first[2]), rows
    data = Data(*check_data(X, y, model, loss, outputs, part=part), key)
    return data._replace(weight=check_weight(weight, n_rows(data), loss)), None


def check_streamed(
    source: OnDisk | BatchesOf, loss: Any, metrics: Any, validation: Any, checkpoint: Any
) -> None:
    """Refuse what would need all rows in memory, or the same ones again."""
    if metrics and validation is None:
        raise Refused(
            "metrics without validation= are taken on all rows of training, which are not in memory. Pass "
            "validation=(X, y)."
        )
    if isinstance(source, BatchesOf):
        if checkpoint is not None:
            raise Refused(
                "a checkpoint= goes on with the same rows, which an iterable of batches may not give again. "
                "Pass X as an array or a memory map, or no checkpoint."
            )
        if isinstance(loss, CrossEntropy) and loss.weight == "balanced":
            raise Refused(
                "CrossEntropy(weight='balanced') counts all labels, but batches come one by one. Pass a "
                "number a class."
            )
