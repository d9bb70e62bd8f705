"""The run that ``fit`` starts: compiled chunks of steps, and what Python does between them."""

from __future__ import annotations

import contextlib
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from ..backends import places_of
from .batches import Batches, Streamed
from .fitted import Fit
from .history import SPENT, Record, Report
from .interrupt import Signals
from .progress import Progress
from .resume import Best, Progressed, RunFolder
from .step import CHUNK, Data, Plan, State, evaluate, train

ENDINGS = {"KeyboardInterrupt": "interrupted", "BudgetError": "budget"}
PAUSE = 0.1  # seconds of steps between two looks at the terminal and at Ctrl-C


class Options(NamedTuple):
    """What ``fit`` was asked for, beside what is compiled."""

    steps: int
    every: int  # steps between two validations or callbacks
    save_every: int  # steps between two checkpoints
    patience: int | None
    callback: Callable[[Report], Any] | None
    labelled: bool  # the validation knows an accuracy
    metrics: Mapping[str, Callable[..., Any]] = {}  # of the user's own


def run(
    plan: Plan,
    start: State,
    data: Data,
    held: Data | None,
    options: Options,
    folder: RunFolder | None,
    source: Streamed | None = None,
) -> Fit:
    """Go on from where the folder stands, or from the start, until there is a reason to stop."""
    begun = Progressed(start, Record(), None)
    if folder is not None:
        begun = folder.restore(start, options.steps)
    looked = data if held is None and options.metrics else held
    watch = _Watch(plan, held, looked, options, folder, begun)
    _announce(plan, held, options, options.steps - watch.step)
    compiled = jax.disable_jit(False)  # steps are compiled by hand, which nothing switches off
    with compiled, Signals() as signals, Progress(options.steps) as bar:
        stopped = watch.look() if watch.step else None
        if stopped is None and watch.step < options.steps:
            batches = source or Batches(data, plan.batch_size)
            step_fn = watch.compile(batches)
            watch.begin()
            stopped = _until_stopped(step_fn, batches, watch, signals, bar)
    return watch.result(stopped or "finished")


def _until_stopped(
    step_fn: Any, batches: Batches | Streamed, watch: _Watch, signals: Signals, bar: Progress
) -> str | None:
    """Train, and leave a checkpoint however it ends."""
    try:
        stopped = _train(step_fn, batches, watch, signals, bar)
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        terminated = signals.came == signal.SIGTERM
        stopped = None if terminated else _ending(error)
        if stopped is None:
            with contextlib.suppress(OSError):  # the first error is the one to see
                watch.close()
            if terminated:  # in a callback of JAX it has come wrapped in an error of its own
                signals.check()
            raise
    watch.close()
    return stopped


def _ending(error: BaseException) -> str | None:
    """Why training ends here, if that is no failure.

    While a device works for the program, an error comes wrapped by JAX: its text tells what it was.
    """
    if not isinstance(error, KeyboardInterrupt | RuntimeError):
        return None
    return next((why for name, why in ENDINGS.items() if name in repr(error)), None)


def _announce(plan: Plan, held: Data | None, options: Options, steps: int) -> None:
    """Where a machine is paid for, say what the steps will cost before the first one."""
    for place in places_of(plan.model):
        looks = 0 if held is None else -(-steps // options.every)
        rows = 0 if held is None else len(held.X)
        sizes = {"validations": looks, "validation_size": rows}
        place.announce(plan.model, batch_size=plan.batch_size, steps=steps, **sizes)


def _train(
    step_fn: Any, batches: Batches | Streamed, watch: _Watch, signals: Signals, bar: Progress
) -> str | None:
    """Alternate between compiled steps and looks at them; why it stopped, None at the end."""
    for after, numbers, seconds in _chunks(step_fn, watch.state, batches, watch.options):
        taken = int(after.step) - watch.step
        losses, norms = numbers["loss"], numbers["grad_norm"]
        watch.add(after, {name: row[:taken] for name, row in numbers.items()}, seconds)
        if not after.finite:
            return _warn(watch.step, losses[taken], norms[taken])
        bar.update(watch.step, losses[taken - 1], taken / seconds, watch.value)
        stopped = watch.look()
        watch.save()
        if stopped is not None:
            return stopped
        signals.check()
    return None if watch.step >= watch.options.steps else "data"


class _Watch:
    """How far the run is, and what happens between chunks: validation, callback, patience, files.

    Ctrl-C may come between any two lines here: what a checkpoint holds is cut to the steps that
    ``state`` counts, so that it is always that of one moment.
    """

    def __init__(
        self,
        plan: Plan,
        held: Data | None,
        looked: Data | None,
        options: Options,
        folder: RunFolder | None,
        begun: Progressed,
    ):
        self.plan, self.held, self.options, self.folder = plan, held, options, folder
        self.looked = looked  # the rows of validations, or of metrics alone
        self.state, self.record, self.best = begun
        self.value_fn: Any = partial(evaluate, plan)
        self.value: float | None = None

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.state.step)

    def compile(self, batches: Batches | Streamed) -> Any:
        """The compiled steps; what compiling took goes into the history."""
        start = time.perf_counter()
        data, rows, _ = batches.chunk(0, 0)
        step_fn = train.lower(self.plan, self.state, data, rows, np.int32(0)).compile()
        if self.looked is not None:
            self.value_fn = evaluate.lower(self.plan, self.state.params, self.looked).compile()
        self.record.compile_time = time.perf_counter() - start
        return step_fn

    def add(self, after: State, numbers: dict[str, Any], seconds: float) -> None:
        """Steps that were taken; from here on an interruption keeps them."""
        skipped = int(after.skipped) - int(self.state.skipped)
        self.record.add_steps(numbers, seconds)
        self.state = after
        if skipped:
            warnings.warn(
                f"{skipped} of the steps up to {self.step} had a loss, gradient or new parameters "
                f"that are not finite and changed nothing; skip_nan={self.plan.skips} allows "
                f"{self.plan.skips - int(after.skipped)} more.",
                RuntimeWarning,
                stacklevel=6,
            )

    def look(self) -> str | None:
        """Why to stop after this step; None while there is no reason to."""
        step, options = self.step, self.options
        if step % options.every and step != options.steps:
            return None
        if self.looked is not None and not self.record.is_validated(step):
            self._validate(step)
        if options.callback and options.callback(Report(step, self.state.params, self._history())):
            return "callback"
        since = step - (self.best.step if self.best else 0)
        return "patience" if options.patience is not None and since >= options.patience else None

    def result(self, stopped: str) -> Fit:
        optimizer = self.state.opt_state
        if self.options.patience is not None and self.best is not None:
            return Fit(self.best.params, self._history(), stopped, self.best.step, optimizer)
        return Fit(self.state.params, self._history(), stopped, self.step, optimizer)

    def begin(self) -> None:
        """Open the folder for what is to come."""
        if self.folder is not None:
            self.folder.begin(self._progressed())

    def save(self) -> None:
        """Metrics of the new steps, and a checkpoint when one is due."""
        if self.folder is not None:
            self.folder.add(self._progressed())
            if self.step % self.options.save_every == 0:
                self.folder.save(self._progressed())

    def close(self) -> None:
        """The last metrics and the last checkpoint."""
        if self.folder is not None:
            self.folder.close(self._progressed())

    def _validate(self, step: int) -> None:
        value, accuracy, outputs = self.value_fn(self.state.params, self.looked)
        if self.options.metrics and self.looked is not None:
            rows = np.asarray(outputs), np.asarray(self.looked.y)
            found = {name: float(f(*rows)) for name, f in self.options.metrics.items()}
            self.record.add_metrics(step, found)
        if self.held is None:
            return
        self.value, accuracy = float(value), float(accuracy)
        if self.best is None or self.value < self.best.value:
            self.best = Best(self.value, step, self.state.params)
        self.record.add_validation(step, self.value, accuracy)

    def _progressed(self) -> Progressed:
        return Progressed(self.state, self.record, self.best)

    def _history(self) -> dict[str, Any]:
        table = self.record.table(self.step, self.options.labelled)
        if any(place.draws for place in places_of(self.plan.model)) and self.step >= 3:
            table["loss_noise"] = noise_of(table["loss"])
        if SPENT in table:
            table["total_shots"] = int(table[SPENT].sum())
        return table


def _chunks(
    step_fn: Any, state: State, batches: Batches | Streamed, options: Options
) -> Iterator[tuple[Any, ...]]:
    """Run steps in chunks of about PAUSE seconds that end where there is something to do."""
    done, size = int(state.step), 1
    while done < options.steps and state.finite:
        looks = ((done // every + 1) * every for every in (options.every, options.save_every))
        stop = min(done + min(size, batches.span), options.steps, *looks)
        start = time.perf_counter()
        data, rows, stop = batches.chunk(done, stop)
        if stop == done:
            return
        state, numbers = jax.block_until_ready(step_fn(state, data, rows, np.int32(stop)))
        seconds = time.perf_counter() - start
        yield state, {name: np.asarray(row) for name, row in numbers.items()}, seconds
        done, size = stop, int(np.clip((stop - done) * PAUSE / seconds, 1, CHUNK))


def noise_of(losses: np.ndarray) -> float:
    """The scatter of a loss around its trend, from second differences: those of a straight line vanish.

    Example:
        >>> noise_of(np.array([4.0, 3.0, 2.0, 1.0]))
        0.0
    """
    return float(np.sqrt(np.mean(np.diff(losses, n=2) ** 2) / 6))


def _warn(step: int, loss: float, norm: float) -> str:
    warnings.warn(
        f"training stopped at step {step + 1}: its loss {loss}, gradient norm {norm} or new "
        f"parameters are not finite. The parameters after step {step} are kept. Lower the "
        "learning rate, clip with optax.clip_by_global_norm, or look for log(0) in the loss.",
        RuntimeWarning,
        stacklevel=6,
    )
    return "nan"
