"""The checkpoints of a run: a folder of pairs of files, of which the newest few stay."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .store import read, write


class Saved(NamedTuple):
    """One checkpoint: the step it was taken after, its arrays, and its notes (JSON values)."""

    step: int
    arrays: dict[str, np.ndarray]
    notes: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run: ``step-00000100.json`` and ``.safetensors`` in a folder.

    The JSON file, renamed into place last, makes a checkpoint exist. A process that dies at any
    moment, also inside a write, leaves the checkpoints before it untouched.

    Args:
        folder: of these files only; made when needed.
        keep: how many of the newest stay.

    Example:
        >>> import tempfile
        >>> place = Checkpoints(Path(tempfile.mkdtemp()), keep=2)
        >>> for step in (10, 20, 30):
        ...     place.save(step, {"weights": np.full(2, step / 10)}, {"loss": 0.5})
        >>> place.newest().step, place.newest().arrays["weights"].tolist(), place.steps()
        (30, [3.0, 3.0], [30, 20])
    """

    folder: Path
    keep: int = 3

    def save(self, step: int, arrays: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """Write a checkpoint, then remove those that are too many or of a future given up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.path(step), arrays, {"step": step, **notes}, "checkpoint")
        kept = [s for s in self.steps() if s <= step][: self.keep]
        stems = {self.path(s).stem for s in kept}
        for path in self.folder.glob("step-*"):
            if path.name.partition(".")[0] not in stems or path.suffix == ".tmp":
                path.unlink(missing_ok=True)

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, the newest first; damaged ones included."""
        names = [re.fullmatch(r"step-(\d+)\.json", p.name) for p in self.folder.glob("step-*")]
        return sorted((int(name[1]) for name in names if name), reverse=True)

    def newest(self) -> Saved | None:
        """The newest checkpoint that is whole, with a warning for each that is not; None if empty.

        Raises:
            ValueError: there are checkpoints, but none can be read.
        """
        steps = self.steps()
        for step in steps:
            try:
                arrays, notes = read(self.path(step), "checkpoint")
                return Saved(step, arrays, notes)
            except (ValueError, OSError) as error:
                warnings.warn(f"{error} Trying the one before it.", RuntimeWarning, stacklevel=3)
        if steps:
            raise ValueError(
                f"none of the {len(steps)} checkpoints in {self.folder} can be read. Restore them "
                "from a copy, or delete the folder to start anew."
            )
        return None

    def path(self, step: int) -> Path:
        """The JSON file of a step."""
        return self.folder / f"step-{step:08d}.json"
