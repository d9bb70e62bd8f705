"""A sweep: the gradients of one family of models over sizes, and the verdict on where they go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...files import jsonable
from .point import Point
from .structure import Bounds
from .variance import GradientVariance, Subject, drawn, shots
from .verdict import Verdict, judge

NAMES = {
    None: "expected squared norm of the gradient",
    "cost": "variance of the cost",
    "largest": "variance of the largest component",
    "median": "variance of the median component",
}
SHORT = {None: "|grad C|^2", "cost": "Var C", "largest": "largest", "median": "median"}
BESIDE: tuple[Subject, ...] = (
    None,
    "cost",
    "largest",
)  # what a verdict on one of them is held against


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """Gradients against width, or against depth at one width.

    Attributes:
        rows: one ``GradientVariance`` for each size.
        parameter: what is followed: None for the whole gradient, an index, ``"median"`` or ``"largest"``.
        depth_law: how the depth goes with the width, in words.
        axis: ``"n_wires"`` or ``"depth"``.
        family: computes what the structure of the circuits proves, when a verdict is asked for; None where
            it is not known.
        moments: computes the rows that exact moments of the same circuits give without shots, when a verdict
            on values with shots is asked for; None where they are not known.
    """

    rows: tuple[GradientVariance, ...]
    parameter: Subject = None
    depth_law: str = "as in build"
    axis: str = "n_wires"
    family: Callable[[], Bounds] | None = None
    moments: Callable[[], dict[int, GradientVariance]] | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths or depths, whichever vary."""
        return tuple(getattr(row, self.axis) for row in self.rows)

    @property
    def n_wires(self) -> tuple[int, ...]:
        """The widths."""
        return tuple(row.n_wires for row in self.rows)

    def __getitem__(self, size: int) -> GradientVariance:
        if size not in self.sizes:
            raise KeyError(
                f"no row for {self.axis} = {size}: the sweep has {list(self.sizes)}. Use one of those."
            )
        return self.rows[self.sizes.index(size)]

    def __iter__(self) -> Iterator[GradientVariance]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def subject(self) -> str:
        """What is followed, in words."""
        return NAMES.get(self.parameter, f"variance of component {self.parameter}")

    def points(self, subject: Subject) -> tuple[Point, ...]:
        """One number by size, as ``GradientVariance.point`` gives it."""
        return tuple(
            row.point(subject, size) for row, size in zip(self.rows, self.sizes, strict=True)
        )

    def followed(self) -> dict[str, np.ndarray]:
        """What is followed, by size: ``value, low, high, standard_error``, and the component's ``index``.

        The index is -1 for the whole gradient, and where no component is left.
        """
        points = self.points(self.parameter)
        chosen = [
            None if self.parameter is None else row.chosen(self.parameter) for row in self.rows
        ]
        out = {name: [getattr(p, name) for p in points] for name in ("value", "low", "high")}
        return {
            "index": np.array([-1 if k is None else k for k in chosen]),
            **{name: np.array(values) for name, values in out.items()},
            "standard_error": np.array([p.error for p in points]),
        }

    @cached_property
    def verdict(self) -> Verdict:
        """Exponential, polynomial, constant, or inconclusive; of what is followed and one depth law.

        Where the whole gradient, the variance of the cost and the largest component go in different ways,
        it says so.
        """
        context = self.subject
        if self.axis == "n_wires":
            context += f", depth {self.depth_law}"
        found = self.verdict_of(self.parameter, context)
        others = {
            SHORT[subject]: self.verdict_of(subject).kind
            for subject in BESIDE
            if subject != self.parameter
        }
        apart = [
            f"{name} is {kind}"
            for name, kind in others.items()
            if "inconclusive" not in (kind, found.kind) and kind != found.kind
        ]
        return replace(found, reason="; ".join([found.reason, *apart])) if apart else found

    def verdict_of(self, subject: Subject, context: str = "") -> Verdict:
        """The verdict on one of the numbers of a row: None, ``"cost"``, ``"largest"``, ...

        Args:
            subject: as ``parameter``.
            context: what it says of itself.
        """
        known = [p for p in self.points(subject) if not (np.isnan(p.value) or p.zero)]
        exact = all(p.exact for p in known)
        return judge(
            [p.size for p in known],
            [p.value for p in known],
            [p.error for p in known],
            context=context,
            axis=self.axis,
            exact=exact,
            limits=[p.limit or 0.0 for p in known],
            shots=known[0].shots if known else None,
            bounds=self.bounds,
            subject=subject,
            predicted=None if exact else self._predicted(subject, [p.size for p in known]),
        )

    def _predicted(self, subject: Subject, sizes: list[int]) -> list[float] | None:
        """What exact moments say at each size, NaN where they say nothing."""
        if not self.predicted:
            return None
        rows = self.predicted
        return [rows[n].point(subject).value if n in rows else np.nan for n in sizes]

    @cached_property
    def predicted(self) -> dict[int, GradientVariance]:
        """The rows of exact moments of the same circuits by size; none for values without shots."""
        sampled = any(row.sampling is not None for row in self.rows)
        return self.moments() if sampled and self.moments is not None else {}

    @cached_property
    def bounds(self) -> Bounds | None:
        """What the structure of the circuits proves about any width; None where it is not known."""
        return None if self.family is None else self.family()

    def table(self) -> str:
        """The rows as text."""
        follow, first = self.followed(), "wires" if self.axis == "n_wires" else "depth"
        one = self.parameter is not None
        head = "variance" if one else SHORT[None]
        lines = [
            f"{self.subject}; the gradient is of {self.rows[0].cost}; depth {self.depth_law}",
            f"{first:>5} {'parameter ' if one else ''}{head:>10} {'95% interval':>22} {'largest':>10} "
            f"{'median':>10} {'Var C':>10} {'shots':>9}  engine",
        ]
        for i, (size, row) in enumerate(zip(self.sizes, self.rows, strict=True)):
            interval = f"[{follow['low'][i]:.2e}, {follow['high'][i]:.2e}]"
            which = f"{follow['index'][i]:>9} " if one else ""
            numbers = (row.maximum, row.median, row.cost_variance)
            beside = " ".join("         -" if np.isnan(v) else f"{v:>10.3e}" for v in numbers)
            lines.append(
                f"{size:>5} {which}{follow['value'][i]:>10.3e} {interval:>22} {beside} "
                f"{_short(row.shots_needed):>9}  {row.method}, {drawn(row.draws)}"
            )
        lines += self._resolved()
        lines.append(f"verdict: {self.verdict}")
        warnings = {
            text: size for size, row in zip(self.sizes, self, strict=True) for text in row.warnings
        }
        lines += [f"warning ({first} {size}): {text}" for text, size in warnings.items()]
        return "\n".join(lines)

    __repr__ = table  # what a notebook shows

    def _resolved(self) -> list[str]:
        """What the shots could not resolve, and what the sampling took."""
        sampled = [row.sampling for row in self.rows if row.sampling is not None]
        if not sampled:
            return []
        points = self.points(self.parameter)
        limits = [p.limit for p in points if p.limit is not None]
        out = [
            f"{sampled[0].place}: what is below {min(limits):.1e} to {max(limits):.1e}, by size, is not told "
            "from none; the noise of the values was subtracted"
        ]
        unit = "wires" if self.axis == "n_wires" else "layers"
        for point, row in zip(points, self.rows, strict=True):
            if point.censored and point.shots:
                out.append(
                    f"on {point.size} {unit} below what {point.shots:,} shots resolve: it takes at least "
                    f"{shots(max(row.shots_needed, point.shots + 1))}"
                )
        seconds, billed = (sum(getattr(s, k) for s in sampled) for k in ("seconds", "qpu_seconds"))
        asked = sum(s.evaluations for s in sampled)
        cost = f"; on a QPU {billed:,.0f} s" if billed else ""
        return [*out, f"{asked:,} expectation values, {seconds:.1f} s{cost}"]

    def plot(self, axes: Any = None, label: str | None = None, colour: str | None = None) -> Any:
        """Draw what is followed on a logarithmic scale; what is not resolved as an upper bound.

        What shots leave unresolved is shaded. The legend names the verdict; where it is exponential or
        polynomial its law is drawn dashed, through the middle of the points.

        Args:
            axes: matplotlib axes; None for a new figure.
            label: for the legend.
            colour: of the points.

        Returns:
            The axes.
        """
        from .picture import draw_sweep

        return draw_sweep(self, axes, label, colour)

    def to_json(self) -> str:
        """The sweep as JSON."""
        rows = [row.to_dict() for row in self.rows]
        verdict = {f.name: jsonable(getattr(self.verdict, f.name)) for f in fields(self.verdict)}
        head = {"axis": self.axis, "depth_law": self.depth_law, "parameter": self.parameter}
        return json.dumps({**head, "subject": self.subject, "verdict": verdict, "rows": rows})


def _short(number: float) -> str:
    return "-" if np.isnan(number) else shots(number)
