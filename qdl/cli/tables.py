"""``qdl predict`` and ``qdl evaluate``: a trained model on other rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..commands.tables import show_figures
from .base import plain_errors

Model = Annotated[
    str | None, typer.Option(help="file.py:name of the model, where it holds functions of yours.")
]


def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run of qdl train on a table.")],
    table: Annotated[Path, typer.Argument(help="CSV or Parquet with the columns of training.")],
    out: Annotated[Path | None, typer.Option(help="Write the predictions here, as CSV.")] = None,
    model: Model = None,
) -> None:
    """Predict the rows of a table: the class and the probability of each, or the numbers."""
    from ..commands.predict import predict as command

    with plain_errors():
        text = command(run, table, out, _aside, model)
    if out is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"{text.count(chr(10)) - 1} predictions: {out}")


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run of qdl train on a table.")],
    table: Annotated[Path, typer.Argument(help="CSV or Parquet with the target too.")],
    plot: Annotated[
        Path | None, typer.Option(help="Draw ROC, calibration, confusion here.")
    ] = None,
    model: Model = None,
) -> None:
    """How good a trained model is on a table whose target is known."""
    from ..commands.predict import evaluate as command
    from ..commands.runs import check_writable

    with plain_errors():
        check_writable(plot)
        found = command(run, table, _aside, model, plot)
    show_figures(found.figures, found.target, table.name)


def _aside(line: str) -> None:
    """What is said beside the result."""
    typer.echo(line, err=True)
