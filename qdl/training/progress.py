"""How far a training is, for people: a bar on a terminal, lines where they are asked for, else nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

KINDS = ("auto", "lines", "off")
EVERY = 10.0  # seconds between two lines

# How it is shown is the terminal's affair, not that of a training, which may be one of hundreds.
_shown: ContextVar[str] = ContextVar("shown", default="auto")


@contextmanager
def showing(kind: str) -> Iterator[None]:
    """Show the progress of what is trained inside as a bar on a terminal ("auto"), as lines, or not at all.

    Raises:
        ValueError: another word.

    Example:
        >>> with showing("off"), Progress(100) as bar:
        ...     bar.update(10, 0.5, rate=200.0)
    """
    if kind not in KINDS:
        raise ValueError(f"progress must be one of {', '.join(KINDS)}, got {kind!r}.")
    token = _shown.set(kind)
    try:
        yield
    finally:
        _shown.reset(token)


class Progress:
    """A bar, or lines, with loss and steps per second, as a context manager.

    Example:
        >>> with Progress(100) as bar:  # not a terminal: nothing is drawn
        ...     bar.update(10, 0.5, rate=200.0)
    """

    def __init__(self, steps: int):
        self.steps, self.kind, self.said = steps, _shown.get(), time.monotonic()
        self.bar: Any = None
        if self.kind != "auto" or not getattr(sys.stderr, "isatty", lambda: False)():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = [
            TextColumn("fit"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        ]
        # Gone when done: a grid search or a comparison makes hundreds of short fits.
        console = Console(stderr=True)
        self.bar = Bar(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.bar.add_task("fit", total=steps, note="compiling")

    def update(self, step: int, loss: float, rate: float, val_loss: float | None = None) -> None:
        """Show the state after ``step`` steps; ``rate`` in steps per second."""
        validation = "" if val_loss is None else f"  val {val_loss:.4g}"
        note = f"loss {loss:.4g}{validation}  {rate:.4g} steps/s"
        if self.bar is not None:
            self.bar.update(self.task, completed=step, note=note)
        elif self.kind == "lines" and (self._due() or step == self.steps):
            print(f"step {step}/{self.steps}  {note}", file=sys.stderr, flush=True)

    def _due(self) -> bool:
        """Whether the last line is a while ago; if so, this moment is that of the new one."""
        now = time.monotonic()
        due = now - self.said >= EVERY
        if due:
            self.said = now
        return due

    def __enter__(self) -> Progress:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.stop()
