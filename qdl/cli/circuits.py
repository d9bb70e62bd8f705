"""``qdl variance`` and ``report``: what a circuit is like, before it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .base import SEEDS, SHOTS, Out, Quiet, plain_errors, speaker


def variance(
    target: Annotated[
        str, typer.Argument(help="qcnn, ..., file.py:name of a QNN or build(n), or a saved model.")
    ] = "mcclean",
    widths: Annotated[str | None, typer.Option(help="Wires, as 2-10 or 4,8,16.")] = None,
    depth: Annotated[str | None, typer.Option(help="A number, or as 2n.")] = None,
    method: Annotated[str, typer.Option(help="auto, statevector, dense_moment, ...")] = "auto",
    samples: Annotated[
        int | None, typer.Option(min=2, max=10**7, help="Starts or walks a width.")
    ] = None,
    interval: Annotated[
        float | None, typer.Option(help="Draw until it is known within this, as 0.2.")
    ] = None,
    parameter: Annotated[str | None, typer.Option(help="Index, median or largest alone.")] = None,
    place: Annotated[str | None, typer.Option(help="Machine: aer, fake_manila, ...")] = None,
    shots: Annotated[int, typer.Option(max=SHOTS, help="Of each circuit and basis there.")] = 1000,
    dataset: Annotated[str | None, typer.Option(help="Of the loss on this: iris, ...")] = None,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of everything random.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Write the picture here too.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write every number here too.")] = None,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Measure the gradient over random starts: will it train?"""
    from ..commands.runs import check_free, check_writable
    from ..commands.variance import measure, save

    with plain_errors("" if quiet else "random starts of each width"):
        check_writable(plot, json)
        check_free(out)
        asked = {
            "target": target, "widths": widths, "depth": depth, "method": method, "samples": samples,
            "interval": interval, "parameter": parameter, "place": place, "shots": shots,
            "dataset": dataset, "seed": seed,
        }  # fmt: skip
        result = measure(**asked, say=speaker(quiet))
        folder = save(result, asked, out=out, plot=plot, json=json)
    if quiet:
        typer.echo(folder)
        return
    typer.echo(result.table())
    typer.echo(f"Every number: {folder}")


def report(
    target: Annotated[
        str, typer.Argument(help="qcnn, ..., file.py:name, or a folder of a saved model.")
    ] = "hardware_efficient",
    wires: Annotated[
        int, typer.Option(min=1, max=1024, help="Width, for a family or a function.")
    ] = 6,
    depth: Annotated[str | None, typer.Option(help="A number, or as 2n.")] = None,
    widths: Annotated[str | None, typer.Option(help="Also sweep over these, as 2-10.")] = None,
    samples: Annotated[int | None, typer.Option(min=2, max=10**7, help="Starts or walks.")] = None,
    place: Annotated[str | None, typer.Option(help="Also on this machine: fake_torino.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of everything random.")] = 0,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Write the trainability page of one model: Markdown, HTML, JSON and pictures."""
    from ..commands.report import make

    with plain_errors("" if quiet else "ten questions, a minute or two"):
        folder, page = make(
            target, wires, depth, widths=widths, samples=samples, place=place, seed=seed, out=out
        )
    if quiet:
        typer.echo(folder)
        return
    typer.echo(page.to_markdown())
    typer.echo(f"report.html, report.md, report.json and pictures: {folder}")
