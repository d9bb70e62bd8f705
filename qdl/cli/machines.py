"""``qdl cost`` and ``jobs``: what a machine would cost, and what it did."""

from __future__ import annotations

import json as text
from pathlib import Path
from typing import Annotated

import typer

from ..commands.tables import show
from .base import SHOTS, Out, plain_errors

Price = Annotated[
    float | None,
    typer.Option(min=0, max=1e9, help="Of a QPU second, in your currency: as 1.60."),
]
Json = Annotated[bool, typer.Option("--json", help="Print every number as JSON, and nothing else.")]


def cost(
    model: Annotated[
        str, typer.Option(help="qcnn, ..., file.py:name of a QNN, or a folder of a saved model.")
    ] = "data_reuploading",
    place: Annotated[str, typer.Option(help="aer, fake_torino, ibm_torino, ...")] = "fake_torino",
    features: Annotated[int, typer.Option(min=1, max=1000, help="Features, one a wire.")] = 4,
    classes: Annotated[int, typer.Option(min=2, max=1000, help="Classes of the labels.")] = 2,
    depth: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Repetitions of the model's block.")
    ] = None,
    shots: Annotated[int, typer.Option(max=SHOTS, help="Of each circuit and basis.")] = 1024,
    batch_size: Annotated[int, typer.Option(min=1, max=10**6, help="Rows a step.")] = 16,
    steps: Annotated[int, typer.Option(min=1, max=10**7, help="Gradient steps.")] = 1,
    gradient: Annotated[str, typer.Option(help="parameter_shift, spsa, stochastic.")] = "auto",
    price_per_second: Price = None,
    json: Json = False,
    out: Out = None,
) -> None:
    """What training on a machine would cost: jobs, executions, QPU seconds and hours. Nothing is sent."""
    from ..commands.cost import cost as run

    with plain_errors("transpiling for the machine, counting circuits"):
        folder, found = run(
            model, place, features, classes, depth, shots, batch_size, steps, gradient,
            price_per_second=price_per_second, out=out,
        )  # fmt: skip
    if json:
        typer.echo(text.dumps({**found.to_dict(price_per_second), "folder": str(folder)}, indent=2))
        return
    title = f"{model}, {steps} x {batch_size} rows"
    show(title, ("", found.place), found.rows(price_per_second))
    typer.echo(f"QPU seconds: {found.formula}")
    typer.echo(f"Every number: {folder}")


def jobs(
    ledger: Annotated[
        Path, typer.Argument(help="The folder where jobs are written down: ibm(jobs=...).")
    ] = Path("qdl-jobs"),
    price_per_second: Price = None,
    json: Json = False,
) -> None:
    """The jobs that were sent from here: what each cost, and what is outstanding. Nothing is sent."""
    from ..commands.jobs import HEADERS
    from ..commands.jobs import jobs as run

    with plain_errors():
        found = run(ledger, price_per_second)
    if json:
        typer.echo(text.dumps(found.to_dict(), indent=2))
        return
    show(f"jobs in {ledger}", HEADERS, found.rows())
    for line in found.summary():
        typer.echo(line)
