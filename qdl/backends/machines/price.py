"""What a model costs on a machine, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...circuit import Circuit
from ...refused import Refused
from ...shown import Shown
from ..derivative import check_method
from ..device import as_place
from ..place import Cost, Place, places_of
from .chip import Fidelity

SETUP = 2.0  # QPU seconds of a job before its first circuit
EXECUTION = 0.00035  # QPU seconds of one shot of one circuit: 250 us between two, and the circuit
FORMULA = "2 s a job + 0.35 ms an execution (IBM's documentation, no mitigation, November 2026)"


def qpu_seconds(jobs: int, executions: int) -> float:
    """QPU seconds of jobs with that many executions (circuits times shots) in all.

    Example:
        >>> round(qpu_seconds(1, 528 * 1024))
        191

    Reference: IBM Quantum documentation, "Workload usage", read in November 2026.
    """
    return SETUP * jobs + EXECUTION * executions


@dataclass(frozen=True)
class Estimate(Shown):
    """What training, or one step of it, costs.

    Attributes:
        place: where.
        steps: gradient steps.
        jobs: in all.
        circuits: in all: samples, times shifts and the value itself, times bases.
        executions: circuits times shots.
        qpu_seconds: by ``formula``; 0 where no QPU is used, as if it were one in ``on_qpu``.
        depth: of the transpiled circuit.
        two_qubit_gates: of the transpiled circuit.
        gate_fidelity: the chance that no gate fails, from the calibration; 1 without one.
        readout_fidelity: the chance that no readout fails.
        spsa_qpu_seconds: the same training with ``gradient="spsa"``.
        formula: how QPU seconds are counted, and the date of it.
    """

    place: str
    steps: int
    jobs: int
    circuits: int
    executions: int
    qpu_seconds: float
    depth: int
    two_qubit_gates: int
    gate_fidelity: float
    readout_fidelity: float
    spsa_qpu_seconds: float
    formula: str = FORMULA

    @property
    def fidelity(self) -> float:
        """The chance that neither a gate nor a readout fails."""
        return self.gate_fidelity * self.readout_fidelity

    @property
    def qpu_hours(self) -> float:
        """QPU seconds in hours."""
        return self.qpu_seconds / 3600

    def rows(self, price_per_second: float | None = None) -> list[tuple[str, str]]:
        """Names and values, as text; with what a QPU second costs also the price, in the same currency."""
        price = (
            []
            if price_per_second is None
            else [
                ("price", f"{price_per_second * self.qpu_seconds:,.2f}"),
                ("price with SPSA", f"{price_per_second * self.spsa_qpu_seconds:,.2f}"),
            ]
        )
        return [
            ("jobs", f"{self.jobs:,}"),
            ("circuits", f"{self.circuits:,}"),
            ("executions", f"{self.executions:,}"),
            ("QPU seconds", f"{self.qpu_seconds:,.1f}"),
            ("QPU seconds with SPSA", f"{self.spsa_qpu_seconds:,.1f}"),
            ("QPU hours", f"{self.qpu_hours:,.3f}"),
            *price,
            ("depth", f"{self.depth:,}"),
            ("two-qubit gates", f"{self.two_qubit_gates:,}"),
            ("estimated circuit fidelity", f"{self.fidelity:.3f}"),
            ("  of gates", f"{self.gate_fidelity:.3f}"),
            ("  of readouts", f"{self.readout_fidelity:.3f}"),
        ]

    def to_dict(self, price_per_second: float | None = None) -> dict[str, Any]:
        """Every number by its name, for JSON; with what a QPU second costs also the price."""
        found = asdict(self) | {"fidelity": self.fidelity, "qpu_hours": self.qpu_hours}
        price = {} if price_per_second is None else {"price": price_per_second * self.qpu_seconds}
        return found | price

    def __str__(self) -> str:
        lines = [f"{self.place}, {self.steps} step{'s' * (self.steps != 1)}"]
        if not self.jobs:
            return f"{lines[0]}: no jobs, nothing is sent and nothing is billed"
        lines += [f"  {name:28}{value:>14}" for name, value in self.rows()]
        return "\n".join([*lines, f"  QPU seconds: {self.formula}"])


def estimate(
    model: Any,
    place: Any = None,
    batch_size: int = 32,
    steps: int = 1,
    gradient: str | None = None,
    validations: int = 0,
    validation_size: int = 0,
) -> Estimate:
    """What training a model on a place costs, in jobs and QPU seconds, before anything is sent.

    Counted from the circuit, transpiled as in training; nothing is run. Simulated and fake machines are
    priced as if they were QPUs; a place that sends nothing costs nothing.

    Args:
        model: a QNN, or a Hybrid with QNNs among its stages.
        place: None for the place that the model is on.
        batch_size: samples a step.
        steps: gradient steps; 0 for evaluating alone.
        gradient: one of the place's methods; None for the place's own.
        validations: how often a validation is evaluated, without a gradient.
        validation_size: samples of it.

    Raises:
        TypeError: no model, or no place.
        ValueError: numbers that make no sense, an unknown gradient, a circuit that does not fit.

    Example:
        >>> import qdl
        >>> model = qdl.QNN(2, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("y")])
        >>> found = estimate(model, qdl.backends.fake("manila", shots=1000), batch_size=16)
        >>> found.jobs, found.circuits, found.qpu_seconds  # each sample: a value, and 2 shifts of 2 angles
        (1, 80, 30.0)
    """
    sizes = {"batch_size": batch_size, "steps": steps, "validations": validations}
    for name, value in sizes.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | np.integer)
            or value < (name == "batch_size")
        ):
            raise ValueError(f"estimate needs {name} to be a whole number, got {value!r}.")
    if gradient is not None:
        check_method(gradient)
    stages = list(_stages(model, None if place is None else as_place(place)))
    if not stages:
        raise TypeError(
            f"estimate prices a model that runs on a place of qdl.backends, got {model!r}. Pass a QNN, or a "
            "Hybrid with one among its stages."
        )

    def costs(size: int, gradient: bool | str) -> list[Cost]:
        found = [where.cost(c, size, gradient, through) for where, c, through in stages]
        return [cost for cost in found if cost is not None]

    step, spsa = costs(batch_size, gradient or True), costs(batch_size, "spsa")
    block = min(4 * batch_size, validation_size) or 1  # as fit evaluates
    blocks = validations * math.ceil(validation_size / block)
    look = costs(block, False) if blocks else []
    jobs = _total(steps, step, "jobs") + _total(blocks, look, "jobs")
    executions = _total(steps, step, "executions") + _total(blocks, look, "executions")
    saved = _seconds(steps, step) - _seconds(steps, spsa)
    seconds = qpu_seconds(jobs, executions)
    known = [
        Fidelity(cost.gate_fidelity, cost.readout_fidelity)
        for cost in step
        if cost.gate_fidelity is not None and cost.readout_fidelity is not None
    ]
    worst = min(known, key=lambda each: each.whole, default=Fidelity(1.0, 1.0))
    names = [cost.place for cost in step] or [type(where).__name__ for where, _, _ in stages]
    return Estimate(
        place=", ".join(dict.fromkeys(names)),
        steps=steps,
        jobs=jobs,
        circuits=_total(steps, step, "circuits") + _total(blocks, look, "circuits"),
        executions=executions,
        qpu_seconds=seconds,
        depth=max((cost.depth for cost in step), default=0),
        two_qubit_gates=max((cost.two_qubit_gates for cost in step), default=0),
        gate_fidelity=worst.gates,
        readout_fidelity=worst.readout,
        spsa_qpu_seconds=seconds - saved,
    )


def _stages(model: Any, place: Place | None) -> Iterator[tuple[Place, Circuit, bool]]:
    """The circuits of a model, where each runs, and whether it stands behind parameters."""
    behind = False
    for stage in getattr(model, "stages", (model,)):
        if hasattr(stage, "cut") and places_of(stage):
            raise Refused(
                f"what {type(stage).__name__} costs on a machine depends on the size of the images, which "
                "is not known here. Price the model in it, with a row for each patch."
            )
        for where in places_of(stage):
            yield place or where, stage.circuit, behind
        behind = behind or getattr(stage, "n_params", 1) > 0


def _total(times: int, costs: list[Cost], what: str) -> int:
    return times * sum(getattr(cost, what) for cost in costs)


def _seconds(times: int, costs: list[Cost]) -> float:
    return qpu_seconds(_total(times, costs, "jobs"), _total(times, costs, "executions"))
