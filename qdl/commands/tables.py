"""The tables that commands print."""

from __future__ import annotations

from typing import Any


def show(title: str, headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table, its first column to the left."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # names are no markup: a folder may be called x[lr=1]

    table = Table(title=Text(title), title_justify="left")
    for i, header in enumerate(headers):
        table.add_column(Text(header), justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def trained_row(trained: Any) -> tuple[str, ...]:
    """A trained model's row of the table."""
    from statistics import median

    history = trained.fit.history
    return (
        trained.name,
        str(trained.model.n_params),
        f"{trained.accuracy:.3f}",
        f"{history['compile_time']:.1f} s",
        f"{1000 * median(history['step_time']):.1f} ms",
    )


def scaling_row(row: Any) -> tuple[str, ...]:
    """A method's row of the table of exponents."""
    z = "no fit" if row.z is None else f"{row.z[0]:.2f}"
    if row.z is not None and row.z[1] > 0:
        z += f" +- {row.z[1]:.2f}"
    window = f"{row.window[0]}-{row.window[1]}"
    numbers = (row.last_error, row.test, row.held)
    return row.name, f"{row.learning_rate:g}", z, window, *(f"{v:.3f}" for v in numbers)
