"""What happened during training: one row per step, one row per validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

STEP = ("loss", "grad_norm", "step_time")
TRUNCATED = ("penalty", "dropped")  # a row a step, where a place has one
SPENT = "shots"  # a row a step, where an optimizer says how many there are
OF_STEPS = (*STEP, *TRUNCATED, SPENT)
VALIDATION = ("val_step", "val_loss", "val_accuracy")
METRIC_STEP = "metric_step"  # the user's metrics stand in the history under names of their own


class Report(NamedTuple):
    """What a callback is given: the step, the parameters after it, and the history so far."""

    step: int
    params: Any
    history: dict[str, Any]


class Record:
    """Collects rows while training runs; ``table`` gives them as a dict of arrays.

    Args:
        table: the rows of the steps before, of a run that goes on.
    """

    def __init__(self, table: Mapping[str, Any] | None = None):
        self.compile_time = 0.0
        self.steps: dict[str, list[np.ndarray]] = {
            name: [] if table is None else [table[name]]
            for name in OF_STEPS
            if name in STEP or (table is not None and name in table)
        }
        self.validations: list[tuple[int, float, float]] = []
        self.metrics: list[dict[str, float]] = []  # of the user's own, and ``metric_step``
        if table is not None:
            names = [name for name in table if name not in (*OF_STEPS, *VALIDATION)]
            columns = (table[name].tolist() for name in names)
            self.metrics = [
                dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
            ]
            columns = (table[name].tolist() for name in VALIDATION)
            self.validations = list(zip(*columns, strict=True))

    def add_steps(self, numbers: Mapping[str, Any], seconds: float) -> None:
        """The numbers of one compiled chunk of steps by name; it took ``seconds`` in all."""
        count = len(numbers["loss"])
        each = np.full(count, seconds / max(count, 1))
        for name, values in {**numbers, "step_time": each}.items():
            self.steps.setdefault(name, []).append(np.asarray(values))

    def add_validation(self, step: int, loss: float, accuracy: float) -> None:
        """The validation after ``step`` steps."""
        self.validations.append((step, loss, accuracy))

    def add_metrics(self, step: int, found: Mapping[str, float]) -> None:
        """The user's metrics after ``step`` steps."""
        self.metrics.append({METRIC_STEP: step, **found})

    def is_validated(self, step: int) -> bool:
        """Whether the validation after this step is there."""
        steps = [row[0] for row in self.validations[-1:]]
        return step in (*steps, *(row[METRIC_STEP] for row in self.metrics[-1:]))

    def table(self, n_steps: int, accuracy: bool) -> dict[str, Any]:
        """The history of the first ``n_steps`` steps."""
        for name, parts in self.steps.items():
            self.steps[name] = [np.concatenate([np.empty(0), *parts])]
        table: dict[str, Any] = {name: parts[0][:n_steps] for name, parts in self.steps.items()}
        columns: Sequence[Any] = list(zip(*self.validations, strict=True)) or ((), (), ())
        table |= {name: np.asarray(c) for name, c in zip(VALIDATION, columns, strict=True)}
        table["val_step"] = table["val_step"].astype(np.int64)
        for name in self.metrics[0] if self.metrics else ():
            kind = int if name == METRIC_STEP else float
            table[name] = np.array([row[name] for row in self.metrics], kind)
        if not accuracy:
            del table["val_accuracy"]
        return table | {"compile_time": self.compile_time}


def rows(history: Mapping[str, Any], start: int = 0) -> Iterator[dict[str, Any]]:
    """A history as a row a step, counted from 1, with validations where they are.

    Args:
        history: as ``fit`` returns it.
        start: leave out that many steps.
    """
    names = [name for name in VALIDATION[1:] if name in history]
    validations = {
        int(step): {name: _number(history[name][i]) for name in names}
        for i, step in enumerate(history["val_step"])
    }
    own = [n for n in history if METRIC_STEP in history and _is_own(n)]
    for i, step in enumerate(history.get(METRIC_STEP, ())):
        found = {name: _number(history[name][i]) for name in own}
        validations[int(step)] = validations.get(int(step), {}) | found
    for i in range(start, len(history["loss"])):
        names_here = [name for name in OF_STEPS if name in history]
        values = {name: _number(history[name][i]) for name in names_here}
        yield {"step": i + 1, **values, **validations.get(i + 1, {})}


def columns(history: Mapping[str, Any]) -> list[str]:
    """The names of the numbers that ``rows`` gives beside the step."""
    known = [name for name in (*STEP, *TRUNCATED, *VALIDATION[1:]) if name in history]
    return known + [name for name in history if METRIC_STEP in history and _is_own(name)]


def _is_own(name: str) -> bool:
    return name not in (
        *OF_STEPS,
        *VALIDATION,
        METRIC_STEP,
        "compile_time",
        "loss_noise",
        "total_shots",
    )


def _number(value: Any) -> float | None:
    """A JSON number; None for NaN and infinities, which JSON does not have."""
    return float(value) if np.isfinite(value) else None
