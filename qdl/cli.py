"""The command line: parse, call, print. The work is in ``qdl.commands``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from . import __version__
from .commands.tables import scaling_row, show, show_figures, show_several, trained_row

app = typer.Typer(
    help="Variational quantum neural networks: define, train, diagnose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SEEDS, SHOTS = 2**32 - 1, 2**31 - 1  # the largest that NumPy's and Aer's generators take

Out = Annotated[Path | None, typer.Option(help="Folder of this run: new or empty.")]


@contextmanager
def plain_errors(busy: str = "") -> Iterator[None]:
    """What the user can mend becomes one line on stderr and exit code 2; meanwhile ``busy`` is shown."""
    from rich.console import Console

    try:
        with Console(stderr=True).status(busy) if busy else nullcontext():
            yield
    except (ValueError, OSError) as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qdl {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Variational quantum neural networks: define, train, diagnose."""
    from .files import keep_compiled

    keep_compiled()


@app.command()
def quickstart(
    out: Out = None,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of everything random.")] = 0,
    steps: Annotated[
        int, typer.Option(min=1, max=10**7, help="Gradient steps of each model.")
    ] = 300,
) -> None:
    """Train two quantum models on handwritten digits 0 and 1, beside two classical ones."""
    from .commands.quickstart import quickstart as run

    with plain_errors():
        result = run(out, seed=seed, steps=steps, say=typer.echo)
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


@app.command()
def train(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA.csv | CONFIG.toml]",
            help="A table (.csv, .parquet), data in Python (file.py:name), or a TOML file with the keys of "
            "the options.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Column of the table to predict; several: a,b.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; else by the target.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Columns of the table to leave out: a,b.")
    ] = None,
    class_weight: Annotated[
        str | None, typer.Option(help="balanced: rare classes count as much as frequent ones.")
    ] = None,
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
    seed: Annotated[int | None, typer.Option(help="Of split, start and batches.")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Trainings at once, each with a split and a start of its own."),
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="Where: classical (any number of wires), aer, fake_torino.")
    ] = None,
    out: Out = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of a run to go on with; only --steps may change.")
    ] = None,
) -> None:
    """Train one model on a table of your own, or on a data set by name; options win over a TOML file."""
    from .commands import train as command
    from .commands.configuration import is_own_data, read_config

    options = {
        "dataset": dataset, "model": model, "features": features, "depth": depth, "steps": steps,
        "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed, "place": place,
        "target": target or None, "task": task, "drop": drop or None, "class_weight": class_weight,
        "seeds": seeds,
    }  # fmt: skip
    with plain_errors():
        options["classes"] = None if classes is None else _whole_numbers(classes)
        if resume is None:
            if config is not None and is_own_data(config):
                if dataset is not None:
                    raise ValueError(f"got both {config} and --dataset {dataset}. Leave one out.")
                options["dataset"], config = config, None
            wanted = read_config(None if config is None else Path(config), options)
            folder, every = command.run_several(wanted, out, typer.echo)
        elif config is not None or out is not None:
            raise ValueError(
                "--resume takes everything from its folder. Leave the data, the TOML file and --out out."
            )
        else:
            folder, every = resume, [command.resume(resume, options)]
    trained = every[0]
    figure = "test accuracy" if "accuracy" in trained.figures else "test R2"
    headers = ("model", "parameters", figure, "compile", "step")
    show(f"{folder.name}, {trained.fit.step} steps", headers, [trained_row(trained)])
    if len(every) > 1:
        show_several(every, f"test part, {len(every)} seeds; the model of the first is kept")
    elif trained.target is not None:
        show_figures(trained.figures, trained.target, "the test part")
    if trained.fit.stopped == "interrupted":
        typer.echo(f"Interrupted. To go on: qdl train --resume {folder}")
    typer.echo(f"Pictures, parameters and every number: {folder}")


Model = Annotated[
    str | None, typer.Option(help="file.py:name of the model, where it holds functions of yours.")
]


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run of qdl train on a table.")],
    table: Annotated[Path, typer.Argument(help="CSV or Parquet with the columns of training.")],
    out: Annotated[Path | None, typer.Option(help="Write the predictions here, as CSV.")] = None,
    model: Model = None,
) -> None:
    """Predict the rows of a table: the class and the probability of each, or the numbers."""
    from .commands.predict import predict as command

    with plain_errors():
        text = command(run, table, out, _aside, model)
    if out is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"{text.count(chr(10)) - 1} predictions: {out}")


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run of qdl train on a table.")],
    table: Annotated[Path, typer.Argument(help="CSV or Parquet with the target too.")],
    plot: Annotated[
        Path | None, typer.Option(help="Draw ROC, calibration, confusion here.")
    ] = None,
    model: Model = None,
) -> None:
    """How good a trained model is on a table whose target is known."""
    from .commands.predict import evaluate as command
    from .commands.runs import check_writable

    with plain_errors():
        check_writable(plot)
        found = command(run, table, _aside, model, plot)
    show_figures(found.figures, found.target, table.name)


def _aside(line: str) -> None:
    """What is said beside the result."""
    typer.echo(line, err=True)


@app.command()
def runs(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Run folders, or folders of them; default: runs.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw their curves into this PNG file.")] = None,
) -> None:
    """List run folders, what differs between their configurations, and plot their curves."""
    from .commands import listing
    from .commands.runs import check_writable

    with plain_errors():
        check_writable(plot)
        found = [run for folder in listing.find(folders or []) for run in listing.read(folder)]
        if plot is not None:
            listing.plot(found, plot)
    show("runs", listing.HEADERS, [run.row() for run in found])
    if len(found) > 1 and (rows := listing.differences(found)):
        show("what differs", ("", *(run.name for run in found)), rows)
    if plot is not None:
        typer.echo(f"Curves: {plot}")


@app.command()
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
) -> None:
    """What training on a machine would cost: jobs, executions, QPU seconds. Nothing is sent."""
    from .commands.cost import cost as run

    with plain_errors("transpiling for the machine, counting circuits"):
        found = run(model, place, features, classes, depth, shots, batch_size, steps, gradient)
    title = f"{model}, {steps} x {batch_size} rows"
    show(title, ("", found.place), found.rows())
    typer.echo(f"QPU seconds: {found.formula}")


@app.command()
def compare(
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA.csv]", help="A table, or data in Python (file.py:name)."),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Column of the table to predict; several: a,b.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; else by the target.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Columns of the table to leave out: a,b.")
    ] = None,
    class_weight: Annotated[
        str | None, typer.Option(help="balanced: rare classes count as much as frequent ones.")
    ] = None,
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
    steps: Annotated[int, typer.Option(min=1, max=10**7, help="Gradient steps.")] = 300,
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
) -> None:
    """Compare a quantum model with classical ones and with itself without entanglers."""
    from .commands.compare import compare as run
    from .commands.configuration import is_own_data, read_config

    with plain_errors():
        if data is not None and (dataset is not None or not is_own_data(data)):
            raise ValueError(
                f"expected a table (.csv, .parquet) or file.py:name, and no --dataset beside it; got "
                f"{data!r}. Data sets of qdl are named with --dataset."
            )
        chosen = None if classes is None else _whole_numbers(classes)
        options = {
            "dataset": data or dataset or "breast_cancer", "model": model, "classes": chosen,
            "features": features, "depth": depth, "steps": steps, "seed": seed, "task": task,
            "target": target or None, "drop": drop or None, "class_weight": class_weight,
        }  # fmt: skip
        folder, result = run(
            read_config(None, options),
            seeds=seeds,
            trials=trials,
            scoring=scoring,
            out=out,
            say=typer.echo,
        )
    typer.echo(result.table())
    typer.echo(f"Picture and every number: {folder}")


@app.command()
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
    plot: Annotated[Path | None, typer.Option(help="Write the picture here.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write every number here.")] = None,
) -> None:
    """Measure the gradient over random starts: will it train?"""
    from .commands.runs import check_writable
    from .commands.variance import measure, save

    with plain_errors("random starts of each width"):
        check_writable(plot, json)
        result = measure(
            target, widths, depth, method=method, samples=samples, interval=interval,
            parameter=parameter, place=place, shots=shots, dataset=dataset, seed=seed, say=typer.echo,
        )  # fmt: skip
        typer.echo(result.table())
        save(result, plot, json)


@app.command()
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
) -> None:
    """Write the trainability page of one model: Markdown, HTML, JSON and pictures."""
    from .commands.report import make

    with plain_errors("ten questions, a minute or two"):
        folder, page = make(
            target, wires, depth, widths=widths, samples=samples, place=place, seed=seed, out=out
        )
    typer.echo(page.to_markdown())
    typer.echo(f"report.html, report.md, report.json and pictures: {folder}")


@app.command()
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
) -> None:
    """Train a network of Ising spins by an annealer on MNIST, beside back-propagation."""
    from .commands.ising import run

    with plain_errors():
        found = run(out, seed=seed, seeds=seeds, epochs=epochs, figures=figures, say=typer.echo)
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


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--classes must be whole numbers with commas between, got {text!r}. Example: --classes 3,8"
        ) from None
