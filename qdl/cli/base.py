"""The command line's application, and what its commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from .. import __version__

app = typer.Typer(
    help="Variational quantum neural networks: define, train, diagnose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130  # the exit status after Ctrl-C, as of a process that the signal has ended
SEEDS, SHOTS = 2**32 - 1, 2**31 - 1  # the largest that NumPy's and Aer's generators take

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the folder of the run, and nothing else.")
]
Shown = Annotated[
    Literal["auto", "lines", "off"],
    typer.Option(
        "--progress",
        help="A bar on a terminal, lines (one in ten seconds, for logs), or off.",
    ),
]
Out = Annotated[Path | None, typer.Option(help="Folder of this run: new or empty.")]


@contextmanager
def plain_errors(busy: str = "", progress: str | None = None) -> Iterator[None]:
    """What the user can mend becomes one line on stderr and exit code 2; meanwhile ``busy`` is shown.

    Trainings inside show their ``progress`` as this word says; None: there are none.
    """
    from rich.console import Console

    try:
        with _showing(progress), Console(stderr=True).status(busy) if busy else nullcontext():
            yield
    except (ValueError, OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _over_budget(error):
            raise
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from None


def speaker(quiet: bool) -> Callable[[str], None]:
    """What tells the user something beside the result."""
    return (lambda line: None) if quiet else typer.echo


def _showing(progress: str | None) -> AbstractContextManager[None]:
    if progress is None:  # without importing what trains
        return nullcontext()
    from ..training.progress import showing

    return showing(progress)


def _over_budget(error: RuntimeError) -> bool:
    from ..backends import BudgetError

    return isinstance(error, BudgetError)


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
    from ..files import keep_compiled

    keep_compiled()


def whole_numbers(text: str) -> list[int]:
    """Labels with commas between."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--classes must be whole numbers with commas between, got {text!r}. Example: --classes 3,8"
        ) from None
