"""``qdl ising``: the other model family."""

from __future__ import annotations

from typing import Annotated

import typer

from ..commands.tables import scaling_row, show
from .base import SEEDS, Out, Quiet, plain_errors, speaker


def ising(
    out: Out = None,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="The first seed.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="How many seeds, each under a minute.")
    ] = 1,
    epochs: Annotated[
        int, typer.Option(min=2, max=10**5, help="Passes over the 1,000 images.")
    ] = 13,
    figures: Annotated[bool, typer.Option(help="Draw the paper's figures 2 to 5.")] = True,
    quiet: Quiet = False,
) -> None:
    """Train a network of Ising spins by an annealer on MNIST, beside back-propagation."""
    from ..commands.ising import run

    with plain_errors():
        found = run(out, seed=seed, seeds=seeds, epochs=epochs, figures=figures, say=speaker(quiet))
    if quiet:
        typer.echo(found.folder)
        return
    show(
        f"IsingClassifier with its defaults, {epochs} epochs, {seeds} seed(s)",
        ("accuracy", "mean", "lowest", "highest"),
        [
            (name, *(f"{v:.3f}" for v in (values.mean(), values.min(), values.max())))
            for name, values in found.accuracy.items()
        ],
    )
    show(
        "Training error e(epoch) ~ epoch^-z",
        ("method", "rate", "z", "epochs", "last error", "test", "held"),
        [scaling_row(row) for row in found.rows],
    )
    for note in found.notes:
        typer.echo(note)
    typer.echo(f"Pictures, weights and every number: {found.folder}")
