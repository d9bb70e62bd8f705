"""``qdl train``, ``compare``, ``quickstart`` and ``runs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..commands.tables import show, show_figures, show_several, trained_row
from .base import INTERRUPTED, SEEDS, Out, Quiet, Shown, plain_errors, speaker, whole_numbers

if TYPE_CHECKING:
    from ..commands.trained import Trained

Target = Annotated[
    list[str] | None, typer.Option(help="Column of the table to predict; several: a,b.")
]
Task = Annotated[str | None, typer.Option(help="classification or regression; else by the target.")]
Drop = Annotated[list[str] | None, typer.Option(help="Columns of the table to leave out: a,b.")]
ClassWeight = Annotated[
    str | None, typer.Option(help="balanced: rare classes count as much as frequent ones.")
]


def quickstart(
    out: Out = None,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of everything random.")] = 0,
    steps: Annotated[
        int, typer.Option(min=1, max=10**7, help="Gradient steps of each model.")
    ] = 300,
    quiet: Quiet = False,
    progress: Shown = "auto",
) -> None:
    """Train two quantum models on handwritten digits 0 and 1, beside two classical ones."""
    from ..commands.quickstart import quickstart as run

    with plain_errors(progress="off" if quiet else progress):
        result = run(out, seed=seed, steps=steps, say=speaker(quiet))
    if quiet:
        typer.echo(result.folder)
        return
    n_train, n_test = len(result.data.y_train), len(result.data.y_test)
    show(
        f"digits 0 and 1: {n_train} images to train, {n_test} to test",
        ("model", "parameters", "test accuracy", "compile", "step"),
        [
            *(trained_row(each) for each in result.quantum),
            *((b.name, str(b.n_params), f"{b.accuracy:.3f}", "", "") for b in result.classical),
        ],
    )
    typer.echo(result.verdict())
    widths = next(iter(result.sweeps.values())).n_wires
    show(
        "expected squared norm of the gradient over random starts",
        ("wires", *map(str, widths)),
        [(name, *(f"{row.squared_norm:.1e}" for row in s)) for name, s in result.sweeps.items()],
    )
    typer.echo(f"Pictures, parameters and every number: {result.folder}")


def train(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA.csv | CONFIG.toml]",
            help="A table (.csv, .parquet), data in Python (file.py:name), or a TOML file with the keys of "
            "the options.",
        ),
    ] = None,
    target: Target = None,
    task: Task = None,
    drop: Drop = None,
    class_weight: ClassWeight = None,
    dataset: Annotated[str | None, typer.Option(help="digits, mnist, iris, wine, ...")] = None,
    model: Annotated[
        str | None, typer.Option(help="reuploading, qcnn, ..., or file.py:name.")
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Labels to keep, as 3,8.")] = None,
    features: Annotated[
        int | None, typer.Option(help="Features: of a table, principal components.")
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Repetitions of the model's block.")] = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam.")] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(help="Of the default model; else 0 or 0.3 by rows held out for it."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of split, start and batches.")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Trainings at once, each with a split and a start of its own."),
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="Where: classical (any number of wires), aer, fake_torino.")
    ] = None,
    shots: Annotated[int | None, typer.Option(help="On a machine, of each circuit; 1000.")] = None,
    gradient: Annotated[
        str | None, typer.Option(help="On a machine: parameter_shift, spsa, stochastic.")
    ] = None,
    max_qpu_seconds: Annotated[
        float | None, typer.Option(help="Budget: refused before anything is sent if it needs more.")
    ] = None,
    out: Out = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Folder of a run to go on with; --steps and the budget may change."),
    ] = None,
    quiet: Quiet = False,
    progress: Shown = "auto",
) -> None:
    """Train one model on a table of your own, or on a data set by name; options win over a TOML file."""
    from ..commands import train as command
    from ..commands.configuration import is_own_data, read_config

    options = {
        "dataset": dataset, "model": model, "features": features, "depth": depth, "steps": steps,
        "batch_size": batch_size, "learning_rate": learning_rate, "weight_decay": weight_decay,
        "seed": seed, "place": place,
        "target": target or None, "task": task, "drop": drop or None, "class_weight": class_weight,
        "seeds": seeds, "shots": shots, "gradient": gradient, "max_qpu_seconds": max_qpu_seconds,
    }  # fmt: skip
    say = speaker(quiet)
    with plain_errors(progress="off" if quiet else progress):
        options["classes"] = None if classes is None else whole_numbers(classes)
        if resume is None:
            if config is not None and is_own_data(config):
                if dataset is not None:
                    raise ValueError(f"got both {config} and --dataset {dataset}. Leave one out.")
                options["dataset"], config = config, None
            wanted = read_config(None if config is None else Path(config), options)
            folder, every = command.run_several(wanted, out, say)
        elif config is not None or out is not None:
            raise ValueError(
                "--resume takes everything from its folder. Leave the data, the TOML file and --out out."
            )
        else:
            folder, every = resume, [command.resume(resume, options, say)]
    if quiet:
        typer.echo(folder)
    else:
        _show_trained(folder, every)
    if every[0].fit.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _show_trained(folder: Path, every: list[Trained]) -> None:
    """The table of a training, its figures, and where everything is."""
    trained = every[0]
    figure = "test accuracy" if "accuracy" in trained.figures else "test R2"
    headers = ("model", "parameters", figure, "compile", "step")
    show(f"{folder.name}, {trained.fit.step} steps", headers, [trained_row(trained)])
    if len(every) > 1:
        show_several(every, f"test part, {len(every)} seeds; the model of the first is kept")
    elif trained.target is not None:
        show_figures(trained.figures, trained.target, "the test part")
    if trained.qpu_seconds is not None:
        typer.echo(f"{trained.fit.step} steps: about {trained.qpu_seconds:,.1f} s of a QPU in all")
    if trained.fit.stopped in ("interrupted", "budget"):
        typer.echo(f"Stopped: {trained.fit.stopped}. To go on: qdl train --resume {folder}")
    typer.echo(f"Pictures, parameters and every number: {folder}")


def runs(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Run folders, or folders of them; default: runs.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw their curves into this file: .pdf, .svg or .png.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write every number here.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a table of them here.")] = None,
) -> None:
    """List run folders, what differs between their configurations, and plot their curves.

    Runs that differ in the seed alone are drawn as their mean, with a band from the lowest to the highest.
    """
    from ..commands import listing
    from ..commands.runs import check_writable

    with plain_errors():
        check_writable(plot, json, csv)
        found = [run for folder in listing.find(folders or []) for run in listing.read(folder)]
        for write, path in (
            (listing.plot, plot),
            (listing.write_json, json),
            (listing.write_csv, csv),
        ):
            if path is not None:
                write(found, path)
    show("runs", listing.HEADERS, [run.row() for run in found])
    if len(found) > 1 and (rows := listing.differences(found)):
        show("what differs", ("", *(run.name for run in found)), rows)
    if plot is not None:
        typer.echo(f"Curves: {plot}")


def compare(
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA.csv]", help="A table, or data in Python (file.py:name)."),
    ] = None,
    target: Target = None,
    task: Task = None,
    drop: Drop = None,
    class_weight: ClassWeight = None,
    scoring: Annotated[
        str | None, typer.Option(help="Of scikit-learn: balanced_accuracy, f1, roc_auc, r2, ...")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="digits, mnist, iris, wine, ...")] = None,
    model: Annotated[
        str, typer.Option(help="reuploading, qcnn, ..., or file.py:name.")
    ] = "reuploading",
    classes: Annotated[str | None, typer.Option(help="Labels to keep, as 3,8.")] = None,
    features: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Features of a row.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Repetitions of the model's block.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=10**7, help="Gradient steps; 300, 600 of reuploading.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Splits, each with a start of its own.")
    ] = 5,
    trials: Annotated[
        int, typer.Option(min=1, max=1000, help="Settings that each model may try.")
    ] = 4,
    seed: Annotated[
        int, typer.Option(min=0, max=SEEDS, help="From which the splits are drawn.")
    ] = 0,
    out: Out = None,
    quiet: Quiet = False,
    progress: Shown = "auto",
) -> None:
    """Compare a quantum model with classical ones and with itself without entanglers."""
    from ..commands.compare import compare as run
    from ..commands.configuration import is_own_data, read_config

    with plain_errors(progress="off" if quiet else progress):
        if data is not None and (dataset is not None or not is_own_data(data)):
            raise ValueError(
                f"expected a table (.csv, .parquet) or file.py:name, and no --dataset beside it; got "
                f"{data!r}. Data sets of qdl are named with --dataset."
            )
        chosen = None if classes is None else whole_numbers(classes)
        usual = 600 if model == "reuploading" else 300
        options = {
            "dataset": data or dataset or "breast_cancer", "model": model, "classes": chosen,
            "features": features, "depth": depth, "steps": steps or usual, "seed": seed, "task": task,
            "target": target or None, "drop": drop or None, "class_weight": class_weight,
        }  # fmt: skip
        folder, result = run(
            read_config(None, options),
            seeds=seeds,
            trials=trials,
            scoring=scoring,
            out=out,
            say=speaker(quiet),
        )
    if quiet:
        typer.echo(folder)
        return
    typer.echo(result.table())
    typer.echo(f"Picture and every number: {folder}")
