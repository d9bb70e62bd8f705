"""What the engines return: the gradient of one model over its random starts."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ...files import jsonable
from ..shots import shots_needed
from .point import Point
from .sampling import Sampling

Subject = int | str | None  # what is followed: see ``GradientVariance.point``


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
    r"""The gradient of one model over its random starts: its squared norm, and each component's variance.

    The squared norm $E\,|\nabla C|^2 = \sum_k (v_k + m_k^2)$, with the variance
    $v_k = \mathrm{Var}[\partial_k C]$ and the mean $m_k$ of each component, is what training has to go by.

    Arrays run over the parameters in the order of ``jax.flatten_util.ravel_pytree(params)``; of a
    ``RandomRotation`` only the angles are in it.

    Attributes:
        n_wires: number of qubits.
        variance: ``(p,)``, the estimate of each $v_k$; on a place that samples its own noise is subtracted,
            so that it may be below zero, and NaN stands where a component was not measured.
        low: ``(p,)``, lower end of its 95% interval.
        high: ``(p,)``, upper end.
        standard_error: ``(p,)``.
        certified_zero: ``(p,)``, True where the component is proven, or to rounding seen, to vanish.
        layers: ``(p,)``, the layer that each parameter belongs to.
        cost_mean: mean of the cost C.
        cost_variance: variance of the cost.
        cost_interval: its 95% interval.
        squared_norm: $E\,|\nabla C|^2$.
        squared_norm_interval: its 95% interval.
        method: the engine.
        certificate: what was proven about the circuit.
        draws: number of draws or samples; 0 where nothing was sampled.
        reason: why ``auto`` chose this engine.
        warnings: what to know before the numbers are used.
        depth: the depth given to ``build``, if one was.
        median_interval: interval of the median of at least 95%; None where it is exact.
        maximum_interval: of the largest, at least 95% too: the choice of the largest is allowed for.
        cost: what C is, in words.
        squared_norm_error: standard error of the squared norm; 0 where it is exact.
        cost_error: standard error of the variance of the cost.
        one_shot: the variance of the cost read from one shot, in the mean over starts, of a derivative's
            shifted angles where that differs; NaN where it is not known.
        sampling: what the place's own noise adds; None where the values have none.

    Reference: Arrasmith et al., Quantum Science and Technology 7, 045015 (2022), for the variance of the
    cost; Larocca et al., Nature Reviews Physics 7, 174 (2025).
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
    squared_norm: float
    squared_norm_interval: tuple[float, float]
    method: str
    certificate: Certificate
    draws: int = 0
    reason: str = ""
    warnings: tuple[str, ...] = ()
    depth: int | None = None
    median_interval: tuple[float, float] | None = None
    maximum_interval: tuple[float, float] | None = None
    cost: str = "the readout's value"
    squared_norm_error: float = 0.0
    cost_error: float = 0.0
    one_shot: float = math.nan
    sampling: Sampling | None = None

    @property
    def median(self) -> float:
        """The median over the parameters that are not certified zero; NaN where none was measured."""
        if not (~self.certified_zero).any():
            return 0.0
        return float(np.median(self._alive)) if self._alive.size else math.nan

    @property
    def maximum(self) -> float:
        """The largest variance; NaN where none was measured."""
        if not (~self.certified_zero).any():
            return 0.0
        return float(self._alive.max()) if self._alive.size else math.nan

    @property
    def naive(self) -> np.ndarray | None:
        """The plain variance of each component's estimate, noise and all; None where values have none."""
        return None if self.sampling is None else self.sampling.naive

    @property
    def floor(self) -> float | None:
        """What the place's noise adds to the naive variance of a component; None where there is none."""
        return None if self.sampling is None else self.sampling.component.floor

    @property
    def limit(self) -> float | None:
        """The smallest variance of a component that is told from none; None where values have no noise."""
        return None if self.sampling is None else self.sampling.component.limit

    @property
    def shots_needed(self) -> float:
        r"""Shots per expectation value that resolve a median gradient at signal-to-noise 1.

        $S = w/(2v)$ with the variance $w$ of one shot and the median variance $v$, for the two expectation
        values of a shift rule. Where nothing was hit or resolved it is the lower bound that the upper end
        of the interval gives; NaN where $w$ is not known.
        """
        alive = int((~self.certified_zero).sum())
        value, bounds = self.median, self.high[self._measured]
        bound = float(np.median(bounds)) if bounds.size else 0.0
        if math.isnan(value):  # one component drawn at each start: the mean over them
            value, bound = (v / alive for v in (self.squared_norm, self.squared_norm_interval[1]))
        limit = self.limit or 0.0
        value = value if value > limit else max(value, bound)
        if not value > 0:
            return math.inf
        return math.nan if math.isnan(self.one_shot) else shots_needed(value, 1.0, self.one_shot)

    @property
    def _measured(self) -> np.ndarray:
        return ~self.certified_zero & ~np.isnan(self.variance)

    @property
    def _alive(self) -> np.ndarray:
        return self.variance[self._measured]

    def by_layer(self) -> dict[str, float]:
        """The median variance of each layer's parameters, certified zeros apart; 0 where all are."""
        names, out = np.array(self.layers), {}
        for name in dict.fromkeys(self.layers):
            here = names == name
            alive = self.variance[here & self._measured]
            unknown = 0.0 if self.certified_zero[here].all() else math.nan
            out[name] = float(np.median(alive)) if alive.size else unknown
        return out

    def chosen(self, parameter: Subject) -> int | None:
        """The index of a component: itself, or of the median or largest that is not certified zero."""
        if parameter in ("median", "largest"):
            alive = np.flatnonzero(self._measured)
            if not alive.size:
                return None
            order = alive[np.argsort(self.variance[alive], kind="stable")]
            return int(order[(len(order) - 1) // 2] if parameter == "median" else order[-1])
        if (
            isinstance(parameter, str)
            or parameter is None
            or not 0 <= parameter < len(self.variance)
        ):
            raise ValueError(
                f"there is no parameter {parameter!r} on {self.n_wires} wires, expected an index below "
                f"{len(self.variance)}, None, 'median' or 'largest'. Follow one that every width has."
            )
        return parameter

    def point(self, subject: Subject, size: int | None = None) -> Point:
        """One number of the row, as the verdict takes it.

        Args:
            subject: None for the squared norm, ``"cost"`` for the variance of the cost, else a component:
                an index, ``"median"`` or ``"largest"``.
            size: where it stands in a sweep; the width if None.
        """
        size, sampled = self.n_wires if size is None else size, self.sampling
        zero = bool(self.certified_zero.all())
        if subject is None:
            value, ends, error = (
                self.squared_norm, self.squared_norm_interval, self.squared_norm_error
            )  # fmt: skip
            noise = sampled and sampled.squared_norm
        elif subject == "cost":
            value, ends, error = self.cost_variance, self.cost_interval, self.cost_error
            noise = sampled and sampled.cost
        else:
            k = self.chosen(subject)
            zero = k is None and zero or k is not None and bool(self.certified_zero[k])
            value, low, high, error = (
                (math.nan if not zero else 0.0) if k is None else float(each[k])
                for each in (self.variance, self.low, self.high, self.standard_error)
            )
            ends = low, high
            if subject == "largest" and self.maximum_interval is not None:
                ends = self.maximum_interval
            noise = sampled and sampled.component
        shots = None if sampled is None else sampled.shots
        limits = (None, None) if noise is None else (noise.floor, noise.limit)
        exact = self.certificate.exact
        return Point(size, value, *ends, error, exact, zero, shots, *limits)

    def table(self) -> str:
        """The row as text: the summary, then a line a layer."""
        least = "at least " if self.point(None).censored else ""
        known = [] if math.isnan(self.shots_needed) else [shots(self.shots_needed)]
        lines = [
            f"gradient on {self.n_wires} wires, {len(self.variance)} parameters, "
            f"{int(self.certified_zero.sum())} of them certified zero",
            f"  expected squared norm {_number(self.squared_norm)}{_between(self.squared_norm_interval)}",
            f"  variance of a component: median {_number(self.median)}{_between(self.median_interval)}, "
            f"largest {_number(self.maximum)}{_between(self.maximum_interval)}",
            f"  cost, {self.cost}: mean {self.cost_mean:.4g}, variance {self.cost_variance:.3e}"
            f"{_between(self.cost_interval)}",
            f"  {self.method}, {drawn(self.draws)}: {self.certificate}",
            *self._noise(),
            *(
                f"  signal-to-noise 1 needs {least}{needed} shots per expectation value"
                for needed in known
            ),
            *(f"  warning: {text}" for text in self.warnings),
            *(f"  {name}: median {_number(value)}" for name, value in self.by_layer().items()),
            "  one model has no verdict: pass build(n) and five widths to see where it goes",
        ]
        return "\n".join(lines)

    __repr__ = table  # what a notebook shows

    def _noise(self) -> list[str]:
        """What the place adds and what it took, in words."""
        found = self.sampling
        if found is None:
            return []
        each = f"{found.shots:,} shots" if found.shots else "its draws"
        billed = f"; on a QPU {found.qpu_seconds:,.0f} s" if found.qpu_seconds else ""
        return [
            f"  {found.place}, two runs of {each}: they add {found.squared_norm.floor:.2e} to the squared "
            f"norm, which was subtracted; what is below {found.squared_norm.limit:.2e} is not told from "
            "none",
            f"  {found.evaluations:,} expectation values in {found.jobs:,} calls, "
            f"{found.seconds:.1f} s{billed}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and strings."""
        out = {f.name: jsonable(getattr(self, f.name)) for f in fields(self)}
        out["certificate"] = asdict(self.certificate)
        out["sampling"] = None if self.sampling is None else jsonable(asdict(self.sampling))
        named = ("median", "maximum", "shots_needed")
        return {**out, **{name: jsonable(getattr(self, name)) for name in named}}

    def to_json(self) -> str:
        """The row as JSON."""
        return json.dumps(self.to_dict())


def check_index(parameter: Any, size: int, n_wires: int) -> None:
    """Refuse a component that a model does not have."""
    if isinstance(parameter, str) or parameter is None or not 0 <= parameter < size:
        raise ValueError(
            f"there is no parameter {parameter!r} on {n_wires} wires, expected an index below {size}, None, "
            "'median' or 'largest'. Follow one that every width has."
        )


def shots(number: float) -> str:
    """A number of shots, whole while it is short."""
    return f"{number:,.0f}" if number < 1e7 else f"{number:.2g}"


def drawn(draws: int) -> str:
    """How many draws, or that there were none."""
    return f"{draws} draws" if draws else "exact"


def _number(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{value:.3e}"


def _between(interval: tuple[float, float] | None) -> str:
    if interval is None or interval[0] == interval[1]:
        return ""
    return f" [{interval[0]:.2e}, {interval[1]:.2e}]"
