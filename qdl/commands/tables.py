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
        score(trained.figures),
        f"{history['compile_time']:.1f} s",
        f"{1000 * median(history['step_time']):.1f} ms",
    )


FIGURES = {
    "accuracy": "accuracy",
    "majority": "accuracy of always the most frequent class",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "auc": "area under the ROC curve",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "r2": "R2",
}


def show_figures(figures: dict[str, Any], target: Any, where: str) -> None:
    """The figures of predictions, and of classes the confusion matrix."""
    rows = [
        (text, "-" if figures[name] is None else f"{figures[name]:.3f}")
        for name, text in FIGURES.items()
        if name in figures
    ]
    for kind in ("mean_absolute_error", "root_mean_square_error"):
        for name, value in figures.get(kind, {}).items():
            rows.append((f"{kind.replace('_', ' ')} of {name}", f"{value:.4g}"))
    if target.classes is None:
        show(where, ("figure", ", ".join(target.names)), rows)
        return
    if len(target.classes) == 2:
        rows = [(f"F1 of {target.classes[1]}" if text == "F1" else text, v) for text, v in rows]
    show(where, ("figure", target.names[0]), rows)
    counts = zip(target.classes, figures["confusion"], strict=True)
    show(
        f"{where}: true down, predicted across",
        ("", *target.classes),
        [(name, *map(str, row)) for name, row in counts],
    )


def score(figures: dict[str, Any]) -> str:
    """The one figure of a table of models: accuracy, or R2."""
    value = figures.get("accuracy", figures.get("r2"))
    return "-" if value is None else f"{value:.3f}"


def show_several(trained: list[Any], where: str) -> None:
    """Mean, spread and range of the figures over seeds."""
    from statistics import mean, stdev

    rows = []
    for name, text in FIGURES.items():
        values = [each.figures.get(name) for each in trained]
        known = [value for value in values if value is not None]
        if len(known) > 1:
            numbers = (mean(known), stdev(known), min(known), max(known))
            rows.append((text, *(f"{number:.3f}" for number in numbers)))
    show(where, ("figure", "mean", "spread", "lowest", "highest"), rows)


def scaling_row(row: Any) -> tuple[str, ...]:
    """A method's row of the table of exponents."""
    z = "no fit" if row.z is None else f"{row.z[0]:.2f}"
    if row.z is not None and row.z[1] > 0:
        z += f" +- {row.z[1]:.2f}"
    window = f"{row.window[0]}-{row.window[1]}"
    numbers = (row.last_error, row.test, row.held)
    return row.name, f"{row.learning_rate:g}", z, window, *(f"{v:.3f}" for v in numbers)
