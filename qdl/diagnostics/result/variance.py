"""What the engines return: the gradient variance of one model, and a sweep of them over sizes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from ...files import jsonable
from .verdict import Verdict, judge


@dataclass(frozen=True)
class Certificate:
    """Why the numbers of an engine can be believed, and how far.

    Attributes:
        statement: what was checked about this circuit, in one sentence.
        exact: True where nothing is sampled.
        independent: True where every angle is an independent uniform one over a whole turn, used
            once, of a Pauli rotation: then max(v) <= Var C <= sum(v).
    """

    statement: str
    exact: bool = False
    independent: bool = False

    def __str__(self) -> str:
        return self.statement


@dataclass(frozen=True, eq=False, repr=False)
class GradientVariance:
    r"""The variance of every gradient component of one model, $v_k = \mathrm{Var}[\partial_k C]$.

    Arrays run over the parameters in the order of ``jax.flatten_util.ravel_pytree(params)``; of a
    ``RandomRotation`` only the angles are in it.

    Attributes:
        n_wires: number of qubits.
        variance: ``(p,)``, the estimate of each $v_k$.
        low: ``(p,)``, lower end of its 95% interval.
        high: ``(p,)``, upper end.
        standard_error: ``(p,)``.
        certified_zero: ``(p,)``, True where the component is proven, or to rounding seen, to vanish.
        layers: ``(p,)``, the layer that each parameter belongs to.
        cost_mean: mean of the cost C.
        cost_variance: variance of the cost.
        cost_interval: its 95% interval.
        median_interval: 95% interval of the median, from whole draws drawn again (row bootstrap);
            None for an engine that keeps no draws.
        maximum_interval: of the largest, in the same way: the choice of the largest is repeated.
        cost: what C is, in words.
        method: the engine.
        certificate: what was proven about the circuit.
        draws: number of draws or samples; 0 where nothing was sampled.
        reason: why ``auto`` chose this engine.
        warnings: what to know before the numbers are used.
        depth: the depth given to ``build``, if one was.
    """

    n_wires: int
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    standard_error: np.ndarray
    certified_zero: np.ndarray
    layers: tuple[str, ...]
    cost_mean: float
    cost_variance: float
    cost_interval: tuple[float, float]
    method: str
    certificate: Certificate
    draws: int = 0
    reason: str = ""
    warnings: tuple[str, ...] = ()
    depth: int | None = None
    median_interval: tuple[float, float] | None = None
    maximum_interval: tuple[float, float] | None = None
    cost: str = "the readout's value"

    @property
    def median(self) -> float:
        """The median over the parameters that are not certified zero."""
        return float(np.median(self._alive)) if self._alive.size else 0.0

    @property
    def maximum(self) -> float:
        """The largest variance."""
        return float(self.variance.max(initial=0.0))

    @property
    def shots_needed(self) -> float:
        r"""Shots per expectation value that resolve a median gradient at signal-to-noise 1.

        $S \ge 1/(2v)$ for an observable with values in [-1, 1]; two expectation values a parameter.
        Where nothing was hit it is the lower bound that the upper end of the interval gives.
        """
        bounds = self.high[~self.certified_zero]
        value = self.median or (float(np.median(bounds)) if bounds.size else 0.0)
        return math.ceil(1 / (2 * value)) if value > 0 else math.inf

    @property
    def _alive(self) -> np.ndarray:
        return self.variance[~self.certified_zero]

    def by_layer(self) -> dict[str, float]:
        """The median variance of each layer's parameters, certified zeros apart; 0 where all are."""
        names, out = np.array(self.layers), {}
        for name in dict.fromkeys(self.layers):
            alive = self.variance[(names == name) & ~self.certified_zero]
            out[name] = float(np.median(alive)) if alive.size else 0.0
        return out

    def chosen(self, parameter: int | str | None = None) -> int | None:
        """The index that a fit follows: given, of the median, or the first not certified zero."""
        alive = np.flatnonzero(~self.certified_zero)
        if parameter == "median":
            if not alive.size:
                return None
            return int(
                alive[np.argsort(self.variance[alive], kind="stable")[(len(alive) - 1) // 2]]
            )
        if parameter is None:
            return int(alive[0]) if alive.size else None
        if isinstance(parameter, str) or not 0 <= parameter < len(self.variance):
            raise ValueError(
                f"there is no parameter {parameter!r} on {self.n_wires} wires, expected an index below "
                f"{len(self.variance)}, None or 'median'. Follow one that every width has."
            )
        return parameter

    def table(self) -> str:
        """The row as text: the summary, then a line a layer."""
        low, high = self.cost_interval
        lines = [
            f"gradient variance on {self.n_wires} wires, {len(self.variance)} parameters",
            f"  median {self.median:.3e}{_between(self.median_interval)}, "
            f"largest {self.maximum:.3e}{_between(self.maximum_interval)}, "
            f"{int(self.certified_zero.sum())} certified zero",
            f"  cost, {self.cost}: mean {self.cost_mean:.4g}, variance {self.cost_variance:.3e} "
            f"[{low:.2e}, {high:.2e}]",
            f"  {self.method}, {_drawn(self.draws)}: {self.certificate}",
            f"  signal-to-noise 1 needs {shots(self.shots_needed)} shots per expectation value",
            *(f"  warning: {text}" for text in self.warnings),
            *(f"  {name}: median {value:.3e}" for name, value in self.by_layer().items()),
            "  one model has no verdict: pass build(n) and five widths to see where it goes",
        ]
        return "\n".join(lines)

    __repr__ = table  # what a notebook shows

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and strings."""
        out = {f.name: jsonable(getattr(self, f.name)) for f in fields(self)}
        out["certificate"] = asdict(self.certificate)
        return {**out, "median": self.median, "shots_needed": jsonable(self.shots_needed)}

    def to_json(self) -> str:
        """The row as JSON."""
        return json.dumps(self.to_dict())


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """Gradient variances against width, or against depth at one width.

    Attributes:
        rows: one ``GradientVariance`` for each size.
        parameter: which component is followed: None, an index, or ``"median"``.
        depth_law: how the depth goes with the width, in words.
        axis: ``"n_wires"`` or ``"depth"``.
    """

    rows: tuple[GradientVariance, ...]
    parameter: int | str | None = None
    depth_law: str = "as in build"
    axis: str = "n_wires"

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

    def followed(self) -> dict[str, np.ndarray]:
        """The component that is followed: ``index, variance, low, high, standard_error`` by size."""
        chosen = [row.chosen(self.parameter) for row in self.rows]
        names = ("variance", "low", "high", "standard_error")
        pairs = list(zip(self.rows, chosen, strict=True))
        out = {
            name: np.array([0.0 if k is None else getattr(row, name)[k] for row, k in pairs])
            for name in names
        }
        return {"index": np.array([-1 if k is None else k for k in chosen]), **out}

    @cached_property
    def verdict(self) -> Verdict:
        """Exponential, polynomial, constant, or inconclusive; for one parameter and one depth law."""
        follow = self.followed()
        what = {None: "first parameter not certified zero", "median": "median parameter"}
        name = what.get(self.parameter, f"parameter {self.parameter}")  # type: ignore[arg-type]
        context = f"{name}, depth {self.depth_law}" if self.axis == "n_wires" else name
        return judge(
            self.sizes,
            follow["variance"],
            follow["standard_error"],
            context=context,
            axis=self.axis,
        )

    def table(self) -> str:
        """The rows as text."""
        follow, first = self.followed(), "wires" if self.axis == "n_wires" else "depth"
        lines = [
            f"variance of one gradient component of {self.rows[0].cost}; depth {self.depth_law}",
            f"{first:>5} {'parameter':>9} {'variance':>10} {'95% interval':>21} {'median':>10} "
            f"{'Var C':>10} {'shots':>9}  engine",
        ]
        for i, (size, row) in enumerate(zip(self.sizes, self.rows, strict=True)):
            interval = f"[{follow['low'][i]:.2e}, {follow['high'][i]:.2e}]"
            lines.append(
                f"{size:>5} {follow['index'][i]:>9} {follow['variance'][i]:>10.3e} {interval:>21} "
                f"{row.median:>10.3e} {row.cost_variance:>10.3e} {shots(row.shots_needed):>9}  "
                f"{row.method}, {_drawn(row.draws)}"
            )
        lines.append(f"verdict: {self.verdict}")
        warnings = {
            text: size for size, row in zip(self.sizes, self, strict=True) for text in row.warnings
        }
        lines += [f"warning ({first} {size}): {text}" for text, size in warnings.items()]
        return "\n".join(lines)

    __repr__ = table  # what a notebook shows

    def plot(self, axes: Any = None, label: str | None = None, colour: str | None = None) -> Any:
        """Draw the followed component on a logarithmic scale; what is not resolved as an upper bound.

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
        return json.dumps({**head, "verdict": verdict, "rows": rows})


def shots(number: float) -> str:
    """A number of shots, whole while it is short."""
    return f"{number:,.0f}" if number < 1e7 else f"{number:.2g}"


def _between(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:.2e}, {interval[1]:.2e}]"


def _drawn(draws: int) -> str:
    return f"{draws} draws" if draws else "exact"
