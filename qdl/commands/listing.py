"""``qdl runs``: the run folders there are, how they differ, and their curves in one picture."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

from ..files import checked, jsonable, read_lines, replace
from .runs import read_config, read_summary

IGNORED = ("versions", "circuit", "circuits")  # entries of a configuration that are no choices
SEED = re.compile(r"seed|key(\.\d+)?")  # what differs between runs of one group
HEADERS = ("run", "steps", "loss", "lowest validation", "test accuracy")


class Line(TypedDict, total=False):
    """What this command reads of a line of ``metrics.jsonl`` or ``summary.jsonl``: a step, or a whole run."""

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
        summary: what is said of the whole run, such as its test accuracy; empty if nothing is.
        model: which of the models of the folder; None if it has one.
    """

    name: str
    config: dict[str, Any]
    history: dict[str, np.ndarray]
    summary: dict[str, Any]
    model: str | None = None

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
    rows = read_lines(folder / "metrics.jsonl") + read_summary(folder)
    checked(rows, list[Line], folder / "metrics.jsonl", "list of metrics")
    steps = [row for row in rows if "step" in row]
    models = list(dict.fromkeys(row.get("model") for row in steps))
    return [
        Run(
            name=f"{folder} {model}" if len(models) > 1 else str(folder),
            config=_config(folder),
            history=_history([row for row in steps if row.get("model") == model]),
            summary=_summary(rows, model),
            model=model,
        )
        for model in models
    ]


def differences(runs: Iterable[Run]) -> list[tuple[str, ...]]:
    """The entries of the configurations that are not equal: a name, and the value of each run."""
    configs = [_flat(run.config) for run in runs]
    names = dict.fromkeys(name for config in configs for name in config)
    values = [(name, *(config.get(name, "") for config in configs)) for name in names]
    return [row for row in values if len(set(row[1:])) > 1]


def numbers(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """What the table shows of each run, its summary and its configuration, as values of JSON."""
    found = []
    for run in runs:
        loss, values = run.history["loss"], run.history["val_loss"]
        best = np.nanmin(values) if np.isfinite(values).any() else None
        shown = {
            "run": run.name,
            "steps": len(loss),
            "loss": loss[-1] if len(loss) else None,
            "val_loss": best,
        }
        found.append(jsonable({**shown, **{"summary": run.summary, "config": run.config}}))
    return found


def write_json(runs: Iterable[Run], path: Path) -> None:
    """Every number of the table with summary and configuration, a list of one object a run."""
    replace({path: (json.dumps(numbers(runs), indent=1) + "\n").encode()})


def write_csv(runs: Sequence[Run], path: Path) -> None:
    """The same as a table: a row a run, a column for each entry of summary and configuration too."""
    import pandas as pd

    pd.DataFrame([_flat(row, whole=False) for row in numbers(runs)]).to_csv(path, index=False)


def groups(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs that differ in the seed alone, together, by what they are called in a picture."""
    found: dict[Any, list[Run]] = {}
    for run in runs:
        config = {n: v for n, v in _flat(run.config).items() if not SEED.fullmatch(n)}
        model = re.sub(r", seed \d+$", "", run.model or "")
        same = (*sorted(config.items()), model) if config else run.name
        found.setdefault(same, []).append(run)
    return {_called(group): group for group in found.values()}


def _called(group: Sequence[Run]) -> str:
    """The name of a run; of several what their names begin with, and how many they are."""
    if len(group) == 1:
        return group[0].name
    start = os.path.commonprefix([run.name for run in group])
    start = re.sub(r",? seed.?\d*$|[-_/, ]+$", "", start)
    return f"{start or group[0].name}, {len(group)} seeds"


def plot(runs: Sequence[Run], path: Path) -> None:
    """Loss and gradient norm of all runs in one picture: running means, validation dotted.

    Of runs that differ in the seed alone the mean is drawn, and a band from the lowest to the highest.
    """
    from ..training.picture import WINDOW
    from . import plots

    figure, axes = plots.panels(1, 2, (11, 4.6))
    for name, group in groups(runs).items():
        color = _curves(axes[0, 0], [run.history for run in group], "loss", name)
        _curves(axes[0, 1], [run.history for run in group], "grad_norm", name, color)
        held = [run.history for run in group if len(run.history["val_step"])]
        if held:
            count = min(len(history["val_step"]) for history in held)
            values = np.mean([history["val_loss"][:count] for history in held], axis=0)
            steps = held[0]["val_step"][:count]
            axes[0, 0].plot(steps, values, ".:", color=color, linewidth=1, markersize=4)
    axes[0, 0].set(xlabel="step", ylabel="loss; validation dotted")
    axes[0, 1].set(xlabel="step", ylabel="norm of the gradient", yscale="log")
    axes[0, 0].legend(**plots.KEY)
    said = f"Lines: running means over {WINDOW} steps."
    if any(len(group) > 1 for group in groups(runs).values()):
        said += " Of several seeds: their mean, and a band from the lowest to the highest."
    figure.supxlabel(said, fontsize=8.5, color="0.35")
    plots.save(figure, path)


def _curves(axes: Any, histories: Sequence[Any], name: str, label: str, color: Any = None) -> Any:
    """The running mean of one or several curves, to where the shortest ends; what colour it has."""
    from ..training.picture import smooth

    count = min(len(history[name]) for history in histories)
    whole = np.array([history[name][:count] for history in histories])
    step = np.flatnonzero(np.isfinite(whole).all(axis=0))
    if not len(step):
        return color
    curves = np.array([smooth(curve[step]) for curve in whole])
    (line,) = axes.plot(1 + step, curves.mean(axis=0), color=color, linewidth=1.3, label=label)
    if len(curves) > 1:
        ends = curves.min(axis=0), curves.max(axis=0)
        axes.fill_between(1 + step, *ends, color=line.get_color(), alpha=0.2, linewidth=0)
    return line.get_color()


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


def _flat(config: Any, path: str = "", whole: bool = True) -> dict[str, Any]:
    """A configuration as one entry per innermost value, text if ``whole``."""
    if isinstance(config, dict | list) and config:
        pairs = config.items() if isinstance(config, dict) else enumerate(config)
        pairs = [(name, value) for name, value in pairs if name not in IGNORED]
        parts = [_flat(value, f"{path}.{name}", whole) for name, value in pairs]
        return {name: text for part in parts for name, text in part.items()}
    name = re.sub(r"^\.", "", path)
    return {name: json.dumps(config).strip('"') if whole else config}
