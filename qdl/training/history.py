"""What happened during training: one row per step, one row per validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

STEP = ("loss", "grad_norm", "step_time")
VALIDATION = ("val_step", "val_loss", "val_accuracy")


class Report(NamedTuple):
    """What a callback is given: the step, the parameters after it, and the history so far."""

    step: int
    params: Any
    history: dict[str, Any]


class Record:
    """Collects rows while training runs; ``table`` gives them as a dict of arrays."""

    def __init__(self, compile_time: float):
        self.compile_time = compile_time
        self.steps: dict[str, list[np.ndarray]] = {name: [] for name in STEP}
        self.validations: list[tuple[int, float, float]] = []

    def add_steps(self, loss: Any, grad_norm: Any, seconds: float) -> None:
        """Rows of one compiled chunk of steps, which took ``seconds`` together."""
        each = np.full(len(loss), seconds / max(len(loss), 1))
        for name, values in zip(STEP, (loss, grad_norm, each), strict=True):
            self.steps[name].append(np.asarray(values))

    def add_validation(self, step: int, loss: float, accuracy: float) -> None:
        """The validation after ``step`` steps."""
        self.validations.append((step, loss, accuracy))

    def table(self, n_steps: int, accuracy: bool) -> dict[str, Any]:
        """The history of the first ``n_steps`` steps."""
        table: dict[str, Any] = {
            name: np.concatenate([*parts, np.empty(0)])[:n_steps]
            for name, parts in self.steps.items()
        }
        columns: Sequence[Any] = list(zip(*self.validations, strict=True)) or ((), (), ())
        table |= {name: np.asarray(c) for name, c in zip(VALIDATION, columns, strict=True)}
        table["val_step"] = table["val_step"].astype(np.int64)
        if not accuracy:
            del table["val_accuracy"]
        return table | {"compile_time": self.compile_time}
