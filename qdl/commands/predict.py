"""``qdl predict`` and ``qdl evaluate``: a model that was trained on a table, on another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import tabular
from . import own, runs
from .importance import figure_of
from .trained import Trained, figures, nobody
from .trained import predict as predicted_by


@dataclass(frozen=True, eq=False)
class Run:
    """A run on a table.

    Attributes:
        folder: of the run.
        model: that was trained.
        params: its parameters.
        saved: how a table becomes features, and what is predicted.
    """

    folder: Path
    model: Any
    params: Any
    saved: tabular.Saved

    def predict(self, frame: Any, where: str, say: Callable[[str], Any]) -> np.ndarray:
        """Probabilities ``(n, classes)``, or numbers ``(n, targets)``, of the rows of a frame."""
        X = self.saved.preparation.transform(frame, where, say)
        return predicted_by(self.model, self.params, X, self.saved.target)


def opened(folder: Path, model: str | None = None) -> Run:
    """A run on a table, read from its folder; nothing in it is executed.

    Args:
        folder: of the run.
        model: ``file.py:name`` of the model, where it holds functions or classes of the user's own.

    Raises:
        FileNotFoundError: no such run.
        ValueError: damaged files, or a table and a model that do not belong together.
    """
    from ..hybrid import n_in, n_out
    from ..saving import load

    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}. qdl runs lists those there are.")
    saved = tabular.load(folder)
    whole = None
    if model is not None:
        whole = own.model(model, saved.preparation.n_features, saved.target.outputs)
    try:
        found, params = load(folder, model=whole)
    except ValueError as error:
        if whole is None and "qdl.load(path, " in str(error):
            raise ValueError(f"{error} On the command line: --model file.py:name.") from None
        raise
    if n_in(found) not in (0, saved.preparation.n_features) or n_out(found) not in (
        None,
        saved.target.outputs,
    ):
        raise ValueError(
            f"{folder} holds a model of {n_in(found)} features and {n_out(found)} outputs, but its table "
            f"makes {saved.preparation.n_features} features and wants {saved.target.outputs} outputs: they "
            "are of two runs. Use a whole copy."
        )
    return Run(folder, found, params, saved)


def predict(
    folder: Path,
    table: Path,
    out: Path | None,
    say: Callable[[str], Any],
    model: str | None = None,
) -> str:
    """Predict the rows of a table.

    Writes a CSV with a row for each row of the table, in the same order: for classes the most probable one
    under the target's name, and ``probability_CLASS`` for each; for numbers a column a target.

    Args:
        folder: of a run on a table.
        table: a CSV or Parquet file with the columns of training, in any order.
        out: the file to write; None for the text alone.
        say: told in a sentence of columns and values that training never saw.
        model: ``file.py:name``, for a run whose model holds functions or classes of the user's own.

    Returns:
        The CSV.
    """
    import pandas as pd

    runs.check_writable(out)
    run, frame = opened(folder, model), tabular.read_table(table)
    target = run.saved.target
    further = [name for name in frame.columns if name not in run.saved.preparation.columns]
    if further:
        say(f"not looked at, as in training: {tabular.listed(further)}")
    found = run.predict(frame, table.name, say)
    if target.classes is None:
        columns = dict(zip(target.names, found.T, strict=True))
    else:
        best = np.array(target.classes, object)[found.argmax(axis=1)]
        columns = {target.names[0]: best}
        columns |= {
            f"probability_{name}": p for name, p in zip(target.classes, found.T, strict=True)
        }
    text = pd.DataFrame(columns).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    if out is not None:
        out.write_text(text, encoding="utf-8")
    return text


def evaluate(
    folder: Path,
    table: Path,
    say: Callable[[str], Any],
    model: str | None = None,
    plot: Path | None = None,
) -> Trained:
    """The figures of a run on a table whose target is known.

    Args:
        folder: of a run on a table.
        table: a CSV or Parquet file with the columns of training and the target.
        say: told of rows without a target, and of values that training never saw.
        model: as for ``predict``.
        plot: a PNG file for ROC, calibration and the importance of the columns.
    """
    run, frame = opened(folder, model), tabular.read_table(table)
    target = run.saved.target
    y = target.values(frame, table.name)
    there = y >= 0 if target.classes is not None else np.isfinite(y).all(axis=1)
    if not there.any():
        raise ValueError(f"{table.name} has no row with a target, {tabular.listed(target.names)}.")
    if not there.all():
        say(f"{int((~there).sum())} row(s) without {' or '.join(target.names)} are left out")
    found = run.predict(frame[there], table.name, say)
    y = y[there] if target.classes is not None else target.scaled(y[there])
    if plot is not None:
        columns = frame.loc[there, list(run.saved.preparation.columns)]
        figure_of(
            lambda rows: run.predict(rows, table.name, nobody), columns, y, found, target, plot
        )
    return Trained(folder.name, run.model, None, found, figures(y, found, target), target)
