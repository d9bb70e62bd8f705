"""Epoch after epoch: rates, averaged weights, history, checkpoints, a progress line."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import check_number, check_whole
from ..files import Checkpoints, sha256

FLOOR = 1 / 30  # of a rate at the end of a linear decay, relative to its start
DIVERGES = (
    1.8e-2  # learning rates from here on collapse on pixels; the sum over 9 reads at 2e-3 too
)

AfterEpoch = Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: see the arguments of ``IsingClassifier``.

    Reference: the thirtieth and the second half are measured choices: 1.5e-3 falling to 5e-5, and
    the ends of the epochs 7 to 13.
    """

    epochs: int
    learning_rate: float
    bias_learning_rate: float | None
    decay: str | None
    average: bool
    seed: int

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, "epochs=13", least=0)
        check_whole("seed", self.seed, "seed=0", least=0)
        check_number("learning_rate", self.learning_rate, "learning_rate=1e-3")
        if self.bias_learning_rate is not None:
            example = "bias_learning_rate=None, a tenth of learning_rate"
            check_number("bias_learning_rate", self.bias_learning_rate, example)
        if self.decay not in (None, "linear"):
            raise ValueError(f"decay must be None or 'linear', got {self.decay!r}.")
        if self.learning_rate >= DIVERGES:
            warnings.warn(
                f"learning_rate={self.learning_rate:g} is in the region where training collapses "
                "to one class (from about 2e-2 on for 784 pixels; summing instead of averaging m "
                "reads is m times the rate). Use 3e-4 to 3e-3.",
                UserWarning,
                stacklevel=4,
            )

    def rates(self, epoch: int, n: int) -> tuple[np.ndarray, ...]:
        """The rates of weights and biases for each of the n steps of an epoch, float32."""
        bias = (
            self.learning_rate / 10 if self.bias_learning_rate is None else self.bias_learning_rate
        )
        factor = np.ones(n)
        if self.decay == "linear":
            done = (epoch * n + np.arange(n)) / (self.epochs * n)
            factor = 1 - (1 - FLOOR) * done
        return tuple((rate * factor).astype(np.float32) for rate in (self.learning_rate, bias))

    @property
    def first_averaged(self) -> int:
        """The first epoch whose end counts in the average, from 0."""
        return self.epochs // 2 if self.average else self.epochs - 1


def train(
    trainer: Any,
    network: Any,
    X: np.ndarray,
    labels: np.ndarray,
    schedule: Schedule,
    after_epoch: AfterEpoch | None = None,
    history: Mapping[str, np.ndarray] | None = None,
    checkpoint: Path | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, np.ndarray]]:
    """Train, and give the network (averaged, if the schedule says so) and the history.

    The random numbers of an epoch follow from the seed and its number alone, so that a resumed run
    is the run that was broken off.
    """
    errors = [] if history is None else list(history["online_error"])
    seconds = [] if history is None else list(history["seconds"])
    before, total = len(errors), None
    weights = {name: array.copy() for name, array in network.arrays().items()}
    place = None if checkpoint is None else _Place(checkpoint, X, labels, about or {})
    if place is not None and (found := place.newest()) is not None:
        weights, total, errors, seconds = found
    network, answer = network.rebuilt(weights), network.rebuilt(weights)
    with _progress(schedule.epochs, len(errors) - before) as show:
        for epoch in range(len(errors) - before, schedule.epochs):
            start = time.perf_counter()
            rng = np.random.default_rng([schedule.seed, 1, before + epoch])
            rates = schedule.rates(epoch, len(X))
            errors.append(trainer.epoch(network, X, labels, rates, rng))
            check_finite(network, schedule.learning_rate)
            if epoch >= schedule.first_averaged:
                total = _add(total, network)
            seconds.append(time.perf_counter() - start)
            show(errors[-1])
            if place is not None:
                place.save(network, total, errors, seconds)
            if after_epoch is not None and after_epoch(network, _history(errors, seconds)):
                return network, _history(errors, seconds)
    if total is not None:
        count = schedule.epochs - schedule.first_averaged
        answer = network.rebuilt({k: array / np.float32(count) for k, array in total.items()})
    return answer, _history(errors, seconds)


def _history(errors: list[float], seconds: list[float]) -> dict[str, np.ndarray]:
    return {"online_error": np.array(errors, float), "seconds": np.array(seconds, float)}


def _add(total: dict[str, np.ndarray] | None, network: Any) -> dict[str, np.ndarray]:
    if total is None:
        return {name: array.copy() for name, array in network.arrays().items()}
    return {name: total[name] + array for name, array in network.arrays().items()}


def check_finite(network: Any, learning_rate: float) -> None:
    """Refuse to go on with weights that have diverged."""
    if not all(np.isfinite(array).all() for array in network.arrays().values()):
        raise ValueError(
            "the weights are no longer finite. Lower learning_rate "
            f"({learning_rate:g}), or scale the features to [0, 1]."
        )


class _Place:
    """Where the checkpoints of one training are, and what it is about."""

    def __init__(
        self, folder: Path, X: np.ndarray, labels: np.ndarray, about: Mapping[str, Any]
    ) -> None:
        data = sha256(X.tobytes(), labels.tobytes())
        self.files, self.about = Checkpoints(folder), {**about, "data": data}

    def newest(self) -> Any:
        """Weights, total, errors and seconds of the newest checkpoint; None if there is none."""
        saved = self.files.newest()
        if saved is None:
            return None
        theirs = saved.notes["about"]
        other = [k for k in sorted({*theirs, *self.about}) if theirs.get(k) != self.about.get(k)]
        if other:
            raise ValueError(
                f"{self.files.folder} belongs to another training: {other[0]} was "
                f"{theirs.get(other[0])}, now {self.about.get(other[0])}. Go on with the same data "
                "and arguments, or choose another folder."
            )
        parts: dict[str, dict[str, np.ndarray]] = {"network": {}, "total": {}}
        for name, array in saved.arrays.items():
            group, _, field = name.partition("/")
            parts[group][field] = array.copy()
        rows = saved.notes["online_error"], saved.notes["seconds"]
        return parts["network"], parts["total"] or None, *rows

    def save(self, network: Any, total: Any, errors: list[float], seconds: list[float]) -> None:
        """Keep the state after an epoch."""
        arrays = {f"network/{name}": array for name, array in network.arrays().items()}
        arrays |= {f"total/{name}": array for name, array in (total or {}).items()}
        notes = {"about": self.about, "online_error": errors, "seconds": seconds}
        self.files.save(len(errors), arrays, notes)


@contextmanager
def _progress(epochs: int, done: int) -> Iterator[Callable[[float], None]]:
    """A bar over the epochs with the last online error: on a terminal only."""
    if epochs <= 1 or not sys.stderr.isatty():
        yield lambda error: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"), Remaining()
    with Progress("epoch", *columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("epoch", total=epochs, completed=done, note="")

        def show(error: float) -> None:
            bar.update(task, advance=1, note=f"online error {error:.3f}")

        yield show
