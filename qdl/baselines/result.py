"""What a comparison found: a row a contender, a table, a verdict, a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One contender's scores.

    Attributes:
        name: what it is.
        kind: ``"quantum"`` or ``"classical"``.
        scores: test accuracy for each seed.
        n_params: fitted numbers, the median over seeds; None if unknown.
        trials: settings that were tried for each seed, its defaults being the first.
        settings: what tuning chose for each seed; empty for the defaults.
        seconds: of tuning and training, the mean over seeds.
    """

    name: str
    kind: str
    scores: tuple[float, ...]
    n_params: int | None
    trials: int
    settings: tuple[dict[str, Any], ...]
    seconds: float

    @property
    def mean(self) -> float:
        """The mean score."""
        return float(np.mean(self.scores))

    @property
    def spread(self) -> float:
        """The standard deviation of the scores over the seeds."""
        return _spread(self.scores)


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` returns; the first row is the model in question.

    Attributes:
        rows: a ``Row`` a contender.
        left_out: why a row that would belong here is missing, a sentence each.
        seeds: the seeds, one a score.
        trials: settings tried for each contender and seed.
        folds: of the training part, on which settings were chosen.
        new_splits: whether each seed had a split of its own.
    """

    rows: tuple[Row, ...]
    left_out: tuple[str, ...]
    seeds: tuple[int, ...]
    trials: int
    folds: int
    new_splits: bool

    def table(self) -> str:
        """The rows as text, and the verdict."""
        splits = "a new split each" if self.new_splits else "one split"
        lines = [
            f"test accuracy over {len(self.seeds)} seeds ({splits}); {self.trials} tuning trials "
            f"each, on {self.folds} folds of the training part",
            f"{'model':<24} {'parameters':>10}  {'accuracy':<14}  {'against the first':<17} {'time':>7}",
        ]
        first = self.rows[0]
        for row in self.rows:
            difference, spread = against(row, first)
            versus = "" if row is first else f"{difference:+.3f} +- {spread:.3f}"
            count = "-" if row.n_params is None else str(row.n_params)
            note = "" if row.trials == self.trials else f"  ({row.trials} trials)"
            lines.append(
                f"{row.name:<24} {count:>10}  {row.mean:.3f} +- {row.spread:.3f}  {versus:<17} "
                f"{row.seconds:>5.1f} s{note}"
            )
        return "\n".join([*lines, "+- is one standard deviation over the seeds.", self.verdict])

    @property
    def verdict(self) -> str:
        """Who wins, and whether by more than the spread; then what the entanglers are worth."""
        first, *others = self.rows
        if not others:
            return f"{first.name} had nobody to be compared with."
        best = max(others, key=lambda row: row.mean)
        winner, loser = (first, best) if first.mean > best.mean else (best, first)
        sentences = [self._sentence(winner, loser)]
        bare = [row for row in others if row.name == "no entanglers" and row is not best]
        sentences += [self._sentence(*sorted((first, row), key=lambda r: -r.mean)) for row in bare]
        return " ".join([*sentences, *self.left_out])

    def _sentence(self, winner: Row, loser: Row) -> str:
        difference, spread = against(winner, loser)
        if difference == 0:
            return f"{winner.name} and {loser.name} are level at {winner.mean:.3f}."
        start = (
            f"{winner.name} ({winner.kind}) is ahead of {loser.name} ({loser.kind}), "
            f"{winner.mean:.3f} to {loser.mean:.3f}: "
        )
        if len(self.seeds) == 1:
            return start + "one seed, so nothing is known of the spread."
        if difference > spread:
            return start + f"by {difference:.3f}, more than the spread of {spread:.3f}."
        return start + f"by {difference:.3f}, within the spread of {spread:.3f}, so no difference."

    def plot(self, axes: Any = None) -> Any:
        """Scores of each seed and their means, a line a contender; returns the axes."""
        if axes is None:
            from matplotlib.figure import Figure

            size = (7, 1 + 0.4 * len(self.rows))
            axes = Figure(figsize=size, layout="constrained").subplots()
        for height, row in enumerate(self.rows):
            colour = "#3b6fb6" if row.kind == "quantum" else "#d1663a"
            axes.plot(row.scores, [height] * len(row.scores), "o", color=colour, alpha=0.35)
            axes.plot([row.mean], [height], "|", color=colour, markersize=18, markeredgewidth=2.5)
        axes.set_yticks(range(len(self.rows)), [row.name for row in self.rows])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlabel="test accuracy: a dot a seed, a bar the mean (blue: quantum)")
        return axes

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def against(row: Row, other: Row) -> tuple[float, float]:
    """The mean difference of two rows, seed by seed, and its standard deviation."""
    differences = np.subtract(row.scores, other.scores)
    return float(differences.mean()), _spread(differences)


def _spread(values: Any) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
