"""``metrics.jsonl``, and the same numbers for TensorBoard where its writer is installed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files import cannot_write, replace
from .history import rows

METRICS = "metrics.jsonl"


class Log:
    """Writes one line a step; begins by rewriting those of the steps already done.

    A killed process leaves lines of steps that are taken again, and half a line: hence the rewriting.
    TensorBoard files are written when ``tensorboardX`` can be imported, under ``tensorboard/``.

    Args:
        folder: of the run.
        history: of the steps done so far.
    """

    def __init__(self, folder: Path, history: Mapping[str, Any]):
        self.path, self.done = folder / METRICS, len(history["loss"])
        replace({self.path: _text(rows(history))})
        self.file = self.path.open("ab")
        self.board = _board(folder / "tensorboard", self.done)

    def add(self, history: Mapping[str, Any]) -> None:
        """Write the steps of a history that are not there yet."""
        new = list(rows(history, self.done))
        try:
            self.file.write(_text(new))
            self.file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.done += len(new)
        if self.board is not None:
            for row in new:
                for name in row.keys() - {"step"}:
                    if row[name] is not None:
                        self.board.add_scalar(name, row[name], row["step"])

    def close(self, history: Mapping[str, Any]) -> None:
        """Close the files; Ctrl-C inside ``add`` may have left lines twice, hence written anew."""
        with contextlib.suppress(OSError):  # what could not be flushed is in the new file
            self.file.close()
        replace({self.path: _text(rows(history))})
        if self.board is not None:
            self.board.close()


def _text(new: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in new).encode()


def _board(folder: Path, done: int) -> Any:
    """A TensorBoard writer, None without the package; steps after ``done`` are hidden by it."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=done + 1, filename_suffix=f".{done}")
