"""``qdl runs``: the run folders there are, how they differ, and their curves in one picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ..files import checked, read_lines
from .runs import read_config

IGNORED = ("versions", "circuit", "circuits")  # entries of a configuration that are no choices
HEADERS = ("run", "steps", "loss", "validation", "test accuracy")


class Line(TypedDict, total=False):
    """What this command reads of a line of ``metrics.jsonl``: of a step, or the last one."""

    step: int
    model: str | None
    loss: float | None
    grad_norm: float | None
    val_loss: float | None
    test_accuracy: float


@dataclass(frozen=True)
class Run:
    """One model of one run folder.

    Attributes:
        name: the folder, and the model if the folder has several.
        config: what was asked for; empty if the folder does not say.
        history: arrays ``loss``, ``grad_norm``, ``val_step``, ``val_loss``, as ``fit`` gives them.
        summary: the last line about this model, such as its test accuracy; empty if there is none.
    """

    name: str
    config: dict[str, Any]
    history: dict[str, np.ndarray]
    summary: dict[str, Any]

    def row(self) -> tuple[str, ...]:
        """The run's row of the table."""
        loss, values = self.history["loss"], self.history["val_loss"]
        return (
            self.name,
            str(len(loss)),
            f"{loss[-1]:.4g}" if len(loss) else "",
            f"{np.nanmin(values):.4g}" if np.isfinite(values).any() else "",
            f"{self.summary['test_accuracy']:.3f}" if "test_accuracy" in self.summary else "",
        )


def find(folders: Sequence[Path]) -> list[Path]:
    """The run folders among these and right inside them; ``runs`` when none are given.

    Raises:
        FileNotFoundError: there is no run.
    """
    given = folders or [Path("runs")]
    for folder in given:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"no folder {folder}. Name run folders, or a folder that holds some."
            )
    every = [each for folder in given for each in (folder, *sorted(folder.iterdir()))]
    found = [each for each in every if (each / "metrics.jsonl").is_file()]
    if not found:
        raise FileNotFoundError(
            f"no run in {', '.join(map(str, given))}: none of its folders has a metrics.jsonl. "
            "qdl train makes one, and so does fit(checkpoint=FOLDER)."
        )
    return list(dict.fromkeys(found))


def read(folder: Path) -> list[Run]:
    """The models of a run folder; also of one that is still being written."""
    rows = read_lines(folder / "metrics.jsonl")
    checked(rows, list[Line], folder / "metrics.jsonl", "list of metrics")
    steps = [row for row in rows if "step" in row]
    models = list(dict.fromkeys(row.get("model") for row in steps))
    return [
        Run(
            name=f"{folder} {model}" if len(models) > 1 else str(folder),
            config=_config(folder),
            history=_history([row for row in steps if row.get("model") == model]),
            summary=_summary(rows, model),
        )
        for model in models
    ]


def differences(runs: Iterable[Run]) -> list[tuple[str, ...]]:
    """The entries of the configurations that are not equal: a name, and the value of each run."""
    configs = [_flat(run.config) for run in runs]
    names = dict.fromkeys(name for config in configs for name in config)
    values = [(name, *(config.get(name, "") for config in configs)) for name in names]
    return [row for row in values if len(set(row[1:])) > 1]


def plot(runs: Sequence[Run], path: Path) -> None:
    """Loss and gradient norm of all runs in one picture: running means, validation dotted."""
    from . import plots

    figure, axes = plots.panels(1, 2, (11, 4.2))
    for run in runs:
        for each, name in zip(axes.flat, ("loss", "grad_norm"), strict=True):
            step = 1 + np.flatnonzero(np.isfinite(run.history[name]))
            mean = plots.smooth(run.history[name][step - 1])
            each.plot(step, mean, linewidth=1.3, label=run.name)
        first = axes[0, 0].lines[-1]
        steps, values = run.history["val_step"], run.history["val_loss"]
        axes[0, 0].plot(steps, values, ".:", color=first.get_color(), linewidth=1, markersize=4)
    axes[0, 0].set(xlabel="step", ylabel="loss; validation dotted")
    axes[0, 1].set(xlabel="step", ylabel="norm of the gradient", yscale="log")
    axes[0, 0].legend(**plots.KEY)
    plots.save(figure, path)


def _history(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Rows as the arrays that ``fit`` gives; None becomes NaN."""
    validated = [row for row in rows if "val_loss" in row]
    return {
        **{
            name: np.array([row.get(name) for row in rows], float) for name in ("loss", "grad_norm")
        },
        "val_step": np.array([row["step"] for row in validated], int),
        "val_loss": np.array([row["val_loss"] for row in validated], float),
    }


def _summary(rows: Sequence[Mapping[str, Any]], model: str | None) -> dict[str, Any]:
    last = [row for row in rows if "step" not in row and model in (None, row.get("model"))]
    return dict(last[-1]) if last else {}


def _config(folder: Path) -> dict[str, Any]:
    """``config.json`` if there is one, else what the newest checkpoint says."""
    from ..files import Checkpoints

    config = read_config(folder)
    saved = None if config else Checkpoints(folder / "checkpoints").newest()
    found = config if saved is None else saved.notes.get("configuration")
    return found if isinstance(found, dict) else {}


def _flat(config: Any, path: str = "") -> dict[str, str]:
    """A configuration as one text per innermost entry."""
    if isinstance(config, dict | list) and config:
        pairs = config.items() if isinstance(config, dict) else enumerate(config)
        parts = [_flat(value, f"{path}.{name}") for name, value in pairs if name not in IGNORED]
        return {name: text for part in parts for name, text in part.items()}
    return {re.sub(r"^\.", "", path): json.dumps(config).strip('"')}
