"""One line of the accuracy table."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import mean, stdev


@dataclass(frozen=True)
class Row:
    """A study's result: ours over seeds, what was published, and classical models beside both.

    Scores are in the unit of `unit`, one per seed; higher is better unless `lower_is_better`.
    """

    task: str
    model: str
    ours: tuple[float, ...]
    published: str = "none"
    classical: dict[str, tuple[float, ...]] = field(default_factory=dict)
    unit: str = "% test accuracy"
    seconds: float = float("nan")  # one seed, compile included
    lower_is_better: bool = False

    @property
    def best_classical(self) -> tuple[str, tuple[float, ...]]:
        """Name and scores of the classical model with the best mean."""
        if not self.classical:
            return "none", ()
        name = max(self.classical, key=lambda key: self.merit(self.classical[key]))
        return name, self.classical[name]

    def merit(self, scores: tuple[float, ...]) -> float:
        """The mean score, its sign turned where lower is better."""
        return -mean(scores) if self.lower_is_better else mean(scores)

    @property
    def ahead(self) -> str:
        """Who is ahead by more than the spread of the difference, seed by seed."""
        _, scores = self.best_classical
        if not scores or len(scores) != len(self.ours) or len(scores) < 2:
            return ""
        differences = tuple(a - b for a, b in zip(self.ours, scores, strict=True))
        if abs(mean(differences)) <= stdev(differences):
            return "level"
        return "quantum" if self.merit(differences) > 0 else "classical"


def spread(scores: tuple[float, ...]) -> str:
    """Mean and standard deviation over seeds, as ``98.2 ± 0.2``."""
    if not scores:
        return ""
    if len(scores) == 1:
        return f"{scores[0]:.1f} (one run)"
    return f"{mean(scores):.1f} ± {stdev(scores):.1f}"


def shown(row: Row) -> Row:
    """The row, after a line that says it is done."""
    name, scores = row.best_classical
    best = f"; {name} {spread(scores)}" if scores else ""
    print(f"  {row.task}, {row.model}: {spread(row.ours)}{best}", flush=True)
    return row


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table, one block a task."""
    lines = [
        "| task | model | published | ours | best classical | ahead | all classical | seeds "
        "| s a seed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name, scores = row.best_classical
        every = ", ".join(f"{key} {spread(value)}" for key, value in row.classical.items())
        lines.append(
            f"| {row.task} ({row.unit}) | {row.model} | {row.published} | {spread(row.ours)} "
            f"| {name} {spread(scores)} | {row.ahead} | {every} | {len(row.ours)} "
            f"| {row.seconds:.1f} |"
        )
    return "\n".join(lines)


def verdict(rows: list[Row]) -> str:
    """How often who was ahead, in two sentences."""
    compared = [row for row in rows if row.ahead]
    found = [row.ahead for row in compared]
    better = sum(row.merit(row.ours) > row.merit(row.best_classical[1]) for row in compared)
    return (
        f"Of {len(found)} rows with a classical model beside, the classical one is ahead in "
        f"{found.count('classical')}, the quantum one in {found.count('quantum')}; in "
        f"{found.count('level')} the difference is within its spread over the seeds. The quantum "
        f"model has the better mean in {better}."
    )
