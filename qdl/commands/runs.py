"""The folder that a run leaves behind: config.json, metrics.jsonl, parameters, pictures."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..files import read_json, read_lines, replace, write_json

SUMMARY = "summary.jsonl"


@contextmanager
def fresh(name: str, out: Path | None = None) -> Iterator[Path]:
    """The folder of a new run, which a run that fails before its first result leaves behind as it was."""
    there, above = out is not None and out.exists(), Path("runs").exists()
    folder = new_folder(name, out)
    try:
        yield folder
    except Exception:
        metrics, steps = (
            folder / "metrics.jsonl",
            list(folder.glob("checkpoints/step-*[1-9]*.json")),
        )
        if not steps and not (metrics.is_file() and metrics.stat().st_size):
            shutil.rmtree(folder, ignore_errors=True)
            if there:
                folder.mkdir(exist_ok=True)
            if out is None and not above:
                with suppress(OSError):  # another run has begun in it
                    folder.parent.rmdir()
        raise


def check_writable(*paths: Path | None) -> None:
    """Refuse files that could not be written, before the work whose results they are for.

    Raises:
        FileNotFoundError: the folder is not there.
        IsADirectoryError: a folder is in its place.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise FileNotFoundError(
                f"no folder {path.absolute().parent} for {path.name}. Make it first, or name another."
            )
        if path is not None and path.is_dir():
            raise IsADirectoryError(f"{path} is a folder, expected the name of a file to write.")


def name_of(command: str, target: str) -> str:
    """What the folder of a run about a model is called."""
    return f"{command}-{Path(target.replace(':', '-')).name}"


def new_folder(name: str, out: Path | None = None) -> Path:
    """Create the folder of a new run, never one that already holds something.

    Args:
        name: without ``out``, the folder is ``runs/NAME``, or the first free ``runs/NAME-2``, ...
        out: the folder that the user asked for.

    Raises:
        FileExistsError: if ``out`` already holds something.
    """
    if out is None:
        base = Path("runs")
        names = (name if i == 1 else f"{name}-{i}" for i in range(1, sys.maxsize))
        out = next(base / each for each in names if not _occupied(base / each))
    else:
        check_free(out)
    out.mkdir(parents=True, exist_ok=True)
    return out


def check_free(out: Path | None) -> None:
    """Refuse the folder of a new run that already holds something."""
    if out is not None and _occupied(out):
        raise FileExistsError(
            f"{out} already holds files, expected a new or empty folder. Choose another --out, "
            f"or move {out} away first: a run is never overwritten."
        )


def _occupied(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """``config.json``: what was asked for, and the versions that ran it."""
    from importlib.metadata import version

    versions = {name: version(name) for name in ("jax", "numpy", "optax", "pennylane", "qdl")}
    versions["python"] = sys.version.split()[0]
    write_json(folder / "config.json", {**config, "versions": versions})


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json`` of a run; empty if there is none."""
    path = folder / "config.json"
    return read_json(path, "run") if path.is_file() else {}


def write_metrics(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """``metrics.jsonl``: one JSON object a line, added to those already there."""
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def write_summary(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """``summary.jsonl``: what is said of a whole run, an object a line; ``metrics.jsonl`` has its steps."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    replace({folder / SUMMARY: text.encode()})


def read_summary(folder: Path) -> list[dict[str, Any]]:
    """The lines of ``summary.jsonl``; none if it is not there."""
    path = folder / SUMMARY
    return read_lines(path) if path.is_file() else []


def history_rows(history: Mapping[str, Any], **also: Any) -> Iterator[dict[str, Any]]:
    """``fit``'s history as a row a step, counted from 1, with validations where they are."""
    from ..training.history import rows

    return ({**also, **row} for row in rows(history))


def write_params(folder: Path, params: Mapping[str, Any]) -> None:
    """``params.safetensors``: every array of named trees by its path, such as ``qcnn/2/block``."""
    from safetensors.numpy import save

    from ..training.trees import to_arrays

    parts = [to_arrays(tree, name) for name, tree in params.items()]
    arrays = {name: array for part in parts for name, array in part.items()}
    replace({folder / "params.safetensors": save(arrays)})
