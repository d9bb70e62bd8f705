"""One line of the accuracy table."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import mean, stdev


@dataclass(frozen=True)
class Row:
    """A study's result: ours over seeds, what was published, and classical models beside both.

    Scores are in the unit of `unit`, one per seed; higher is better unless the task says otherwise.
    """

    task: str
    model: str
    ours: tuple[float, ...]
    published: str = "none"
    classical: dict[str, tuple[float, ...]] = field(default_factory=dict)
    unit: str = "% test accuracy"
    seconds: float = float("nan")  # one seed, compile included

    @property
    def best_classical(self) -> tuple[str, tuple[float, ...]]:
        """Name and scores of the classical model with the best mean."""
        if not self.classical:
            return "none", ()
        name = max(self.classical, key=lambda key: mean(self.classical[key]))
        return name, self.classical[name]


def spread(scores: tuple[float, ...]) -> str:
    """Mean and standard deviation over seeds, as ``98.2 ± 0.2``."""
    if not scores:
        return ""
    if len(scores) == 1:
        return f"{scores[0]:.1f} (one run)"
    return f"{mean(scores):.1f} ± {stdev(scores):.1f}"


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table, one block a task."""
    lines = [
        "| task | model | published | ours | best classical | all classical | seeds | s a seed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name, scores = row.best_classical
        every = ", ".join(f"{key} {spread(value)}" for key, value in row.classical.items())
        lines.append(
            f"| {row.task} ({row.unit}) | {row.model} | {row.published} | {spread(row.ours)} "
            f"| {name} {spread(scores)} | {every} | {len(row.ours)} | {row.seconds:.1f} |"
        )
    return "\n".join(lines)
