"""What a comparison found: a row a contender, a table, a verdict, a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .classical import CONSTANTS

FEW = 5  # seeds: fewer tell nothing of a difference
LEVEL = 0.05  # of the test


@dataclass(frozen=True)
class Row:
    """One contender's scores.

    Attributes:
        name: what it is.
        kind: ``"quantum"`` or ``"classical"``.
        scores: on the test part, for each seed.
        n_params: fitted numbers, the median over seeds; None if unknown.
        trials: settings that were tried for each seed, its defaults being the first.
        settings: what tuning chose for each seed; empty for the defaults.
        seconds: of tuning and training, the mean over seeds.
        balanced: the balanced accuracy for each seed; empty where numbers are predicted.
        right: for each seed which test rows were right; empty where the score is no share of rows.
    """

    name: str
    kind: str
    scores: tuple[float, ...]
    n_params: int | None
    trials: int
    settings: tuple[dict[str, Any], ...]
    seconds: float
    balanced: tuple[float, ...] = ()
    right: tuple[np.ndarray, ...] = field(default=(), repr=False, compare=False)

    @property
    def mean(self) -> float:
        """The mean score."""
        return float(np.mean(self.scores))

    @property
    def spread(self) -> float:
        """The standard deviation of the scores over the seeds."""
        return _spread(self.scores)


class Paired(NamedTuple):
    """A row against another: the mean difference, its standard error, and p of a two-sided test."""

    difference: float
    error: float
    p: float


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
        scoring: what the scores are.
        ratio: rows of the test part over those of training.
        tested: how many different rows were in a test part.
        how: how the splits were made, a few words.
    """

    rows: tuple[Row, ...]
    left_out: tuple[str, ...]
    seeds: tuple[int, ...]
    trials: int
    folds: int
    new_splits: bool
    scoring: str = "accuracy"
    ratio: float = 1 / 3
    tested: int = 0
    how: str = ""

    def table(self) -> str:
        """The rows as text, and the verdict."""
        splits = self.how or ("a new split each" if self.new_splits else "one split")
        balanced = any(row.balanced for row in self.rows) and self.scoring != "balanced_accuracy"
        lines = [
            f"test {self.scoring.replace('_', ' ')} over {len(self.seeds)} seeds ({splits}); {self.trials} "
            f"tuning trials each, on {self.folds} folds of the training part",
            f"{'model':<24} {'parameters':>10}  {self.scoring:<14.14}  "
            + ("balanced  " if balanced else "")
            + f"{'against the first':<17} {'time':>7}",
        ]
        first = self.rows[0]
        for row in self.rows:
            difference, spread = against(row, first)
            versus = "" if row is first else f"{difference:+.3f} +- {spread:.3f}"
            count = "-" if row.n_params is None else str(row.n_params)
            note = "" if row.trials == self.trials else f"  ({row.trials} trials)"
            also = f"{np.mean(row.balanced):<8.3f}  " if balanced and row.balanced else ""
            lines.append(
                f"{row.name:<24} {count:>10}  {row.mean:.3f} +- {row.spread:.3f}  {also}{versus:<17} "
                f"{row.seconds:>5.1f} s{note}"
            )
        return "\n".join([*lines, "+- is one standard deviation over the seeds.", self.verdict])

    def paired(self, row: Row, other: Row) -> Paired:
        r"""A paired test of two rows, from the seeds and from the rows of the test part.

        The differences $d_j$ of $J$ seeds have the variance $s^2$. With a new split each, training parts
        overlap, and the mean has the variance $(1/J + n_\text{test}/n_\text{train}) s^2$; it is never
        taken to be less than what the test rows say, $v / n$ with $v$ the variance of the difference of
        a row (in $-1, 0, 1$) and $n$ how many different rows were tested. With one split for all seeds
        these are two sources, and their variances add: $s^2/J + v/n$. Then Student's t with $J - 1$
        degrees of freedom.

        Args:
            row: of this comparison.
            other: it is compared with.

        Reference: Nadeau, Bengio, Machine Learning 52, 239 (2003), equation 9.
        """
        from scipy.stats import t

        differences = np.subtract(row.scores, other.scores)
        mean, count = float(differences.mean()), len(differences)
        if count < 2:
            return Paired(mean, float("nan"), float("nan"))
        factor = 1 / count + (self.ratio if self.new_splits else 0.0)
        seeds, rows = factor * float(differences.var(ddof=1)), self._of_rows(row, other)
        error = float(np.sqrt(max(seeds, rows) if self.new_splits else seeds + rows))
        p = (
            1.0
            if mean == 0
            else 0.0
            if error == 0
            else float(2 * t.sf(abs(mean) / error, count - 1))
        )
        return Paired(mean, error, p)

    def _of_rows(self, row: Row, other: Row) -> float:
        """The variance of the mean difference that comes from how few rows were tested."""
        if not row.right or not other.right or not self.tested:
            return 0.0
        pairs = zip(row.right, other.right, strict=True)
        each = [np.asarray(a, float) - np.asarray(b, float) for a, b in pairs]
        if self.new_splits:
            return float(np.mean([d.var() for d in each])) / self.tested
        return float(np.mean(each, axis=0).var()) / self.tested

    @property
    def verdict(self) -> str:
        """Who wins, and whether a paired test can tell; then what the entanglers are worth."""
        first, *others = self.rows
        rivals = [row for row in others if row.name not in CONSTANTS]
        if not rivals:
            return f"{first.name} had nobody to be compared with."
        best = max(rivals, key=lambda row: row.mean)
        winner, loser = (first, best) if first.mean > best.mean else (best, first)
        sentences = [self._sentence(winner, loser, len(rivals))]
        bare = [row for row in rivals if row.name == "no entanglers" and row is not best]
        for row in bare:
            ahead, behind = sorted((first, row), key=lambda r: -r.mean)
            sentences.append(self._sentence(ahead, behind))
        constant = [row for row in others if row.name in CONSTANTS]
        if constant and first.mean <= constant[0].mean:
            sentences.append(
                f"{first.name} is no better than always the same answer ({constant[0].name}, "
                f"{constant[0].mean:.3f})."
            )
        return " ".join([*sentences, *self.left_out])

    def _sentence(self, winner: Row, loser: Row, chosen_of: int = 1) -> str:
        difference, error, p = self.paired(winner, loser)
        if difference == 0:
            return f"{winner.name} and {loser.name} are level at {winner.mean:.3f}."
        start = (
            f"{winner.name} ({winner.kind}) is ahead of {loser.name} ({loser.kind}), "
            f"{winner.mean:.3f} to {loser.mean:.3f}: by {difference:.3f}"
        )
        count = len(self.seeds)
        if count < FEW:
            word = "one seed is" if count == 1 else f"{count} seeds are"
            return f"{start}; {word} too few to tell, take {FEW} or more."
        p, choice = min(1.0, p * chosen_of), f" of {chosen_of} rivals" if chosen_of > 1 else ""
        told = f"{start} +- {error:.3f} (standard error), {_shown(p)} in a paired test{choice}"
        return (
            f"{told}: a difference." if p < LEVEL else f"{told}: no difference that could be told."
        )

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
            if row.name in CONSTANTS:
                axes.axvline(row.mean, color="black", linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(self.rows)), [row.name for row in self.rows])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        what = self.scoring.replace("_", " ")
        axes.set(xlabel=f"test {what}: a dot a seed, a bar the mean (blue: quantum)")
        return axes

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON; not which rows were right."""
        found = asdict(self)
        for row in found["rows"]:
            del row["right"]
        return {**found, "verdict": self.verdict}


def against(row: Row, other: Row) -> tuple[float, float]:
    """The mean difference of two rows, seed by seed, and its standard deviation."""
    differences = np.subtract(row.scores, other.scores)
    return float(differences.mean()), _spread(differences)


def _shown(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _spread(values: Any) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
