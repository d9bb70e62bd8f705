"""A progress line for people: shown on a terminal, silent anywhere else."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """A bar with loss and steps per second, as a context manager.

    Example:
        >>> with Progress(100) as bar:  # not a terminal: nothing is drawn
        ...     bar.update(10, 0.5, rate=200.0)
    """

    def __init__(self, steps: int):
        self.bar: Any = None
        if not getattr(sys.stderr, "isatty", lambda: False)():
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
        if self.bar is None:
            return
        validation = "" if val_loss is None else f"  val {val_loss:.4g}"
        note = f"loss {loss:.4g}{validation}  {rate:.4g} steps/s"
        self.bar.update(self.task, completed=step, note=note)

    def __enter__(self) -> Progress:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.stop()
