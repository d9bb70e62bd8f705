"""What a model costs on a machine, before anything is sent."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...circuit import Circuit
from ...readout import Measured, Observables, Probabilities
from ..place import GatePlace, places_of
from . import chip
from .derivative import METHODS, differentiable
from .qiskit_place import Compiled, QiskitPlace
from .request import Program

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
class Estimate:
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
        fidelity: the chance that no gate and no readout fails, from the calibration.
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
    fidelity: float
    spsa_qpu_seconds: float
    formula: str = FORMULA

    def rows(self) -> list[tuple[str, str]]:
        """Names and values, as text."""
        return [
            ("jobs", f"{self.jobs:,}"),
            ("circuits", f"{self.circuits:,}"),
            ("executions", f"{self.executions:,}"),
            ("QPU seconds", f"{self.qpu_seconds:,.1f}"),
            ("QPU seconds with SPSA", f"{self.spsa_qpu_seconds:,.1f}"),
            ("depth", f"{self.depth:,}"),
            ("two-qubit gates", f"{self.two_qubit_gates:,}"),
            ("estimated circuit fidelity", f"{self.fidelity:.3f}"),
        ]

    def __str__(self) -> str:
        lines = [f"{self.place}, {self.steps} step{'s' * (self.steps != 1)}"]
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

    The model is lowered, transpiled and differentiated as in training; only the sending is left out.
    Simulated and fake machines are priced as if they were QPUs.

    Args:
        model: a QNN, or a Hybrid with QNNs among its stages.
        place: of ``aer``, ``fake`` or ``ibm``; None for the place that the model is on.
        batch_size: samples a step.
        steps: gradient steps; 0 for evaluating alone.
        gradient: one of the place's methods; None for the place's own.
        validations: how often a validation is evaluated, without a gradient.
        validation_size: samples of it.

    Raises:
        TypeError: a place that sends no jobs.
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
    if gradient is not None and gradient not in METHODS:
        raise ValueError(f"gradient must be one of {', '.join(METHODS)}, got {gradient!r}.")
    places = [place] if place is not None else places_of(model)
    if not places or not all(isinstance(each, QiskitPlace) for each in places):
        raise TypeError(
            f"estimate prices places that send jobs, got {places or model!r}. Pass one of "
            "qdl.backends.aer(), fake('torino') or ibm('torino')."
        )
    step = _count(model, place, batch_size, gradient)
    spsa = _count(model, place, batch_size, "spsa")
    block = min(4 * batch_size, validation_size) or 1  # as fit evaluates
    blocks = validations * math.ceil(validation_size / block)
    look = _count(model, place, block, None) if blocks else _Count()
    jobs = steps * step.jobs + blocks * look.value_jobs
    executions = steps * step.executions + blocks * look.value_executions
    saved = steps * (
        qpu_seconds(step.jobs, step.executions) - qpu_seconds(spsa.jobs, spsa.executions)
    )
    seconds = qpu_seconds(jobs, executions)
    compiled = [c for c, _ in step.compiled]
    return Estimate(
        place=", ".join(each.backend.name for each in places),
        steps=steps,
        jobs=jobs,
        circuits=steps * step.circuits + blocks * look.value_circuits,
        executions=executions,
        qpu_seconds=seconds,
        depth=max(c.circuit.depth() for c in compiled),
        two_qubit_gates=max(c.circuit.num_nonlocal_gates() for c in compiled),
        fidelity=min(fidelity(c, machine) for c, machine in step.compiled),
        spsa_qpu_seconds=seconds - saved,
    )


@dataclass
class _Count:
    """What one call would send: with its gradient, and for the values alone."""

    jobs: int = 0
    circuits: int = 0
    executions: int = 0
    value_jobs: int = 0
    value_circuits: int = 0
    value_executions: int = 0
    compiled: list[tuple[Compiled, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Dry(GatePlace):
    """A place that counts instead of sending."""

    place: Any
    gradient: str | None
    count: _Count = field(compare=False)

    def prepared(self, circuit: Circuit) -> Circuit:
        return self.place.prepared(circuit)

    def evaluate(self, operators: list[Any], observables: Any, key: Any) -> jax.Array:
        return self._evaluate(operators, Observables(tuple(observables)), key)

    def probabilities(self, operators: list[Any], wires: Any, key: Any) -> jax.Array:
        return self._evaluate(operators, Probabilities(tuple(wires)), key)

    def _evaluate(self, operators: list[Any], measured: Measured, key: Any) -> jax.Array:
        program = self.place.program(operators, measured)
        self.count.compiled.append((self.place.compiled(program), self.place.backend))

        def run(values: np.ndarray, _: Any) -> np.ndarray:
            self._add(program, len(values))
            return np.zeros((len(values), program.size))

        method = self.gradient or self.place.gradient
        shifts = self.place.random_shifts
        return differentiable(run, program.size, program.lowered, method, shifts, key)

    def _add(self, program: Program, rows: int) -> None:
        count, circuits = self.count, rows * program.bases
        count.jobs += math.ceil(rows / (self.place.rows(program) or rows))
        count.circuits += circuits
        count.executions += circuits * (self.place.shots or 0)


def _count(model: Any, place: Any, batch_size: int, gradient: str | None) -> _Count:
    """Run one step, forward and backward, without sending it."""
    count, key = _Count(), jax.random.key(0)
    dry = _moved(model, place, gradient, count)
    x = jnp.ones((batch_size, model.n_features)) if model.n_features else None
    params = dry.init(key)
    dry.apply(params, x, key=key)
    count.value_jobs, count.value_circuits = count.jobs, count.circuits
    count.value_executions = count.executions
    count.jobs = count.circuits = count.executions = 0
    jax.grad(lambda p: dry.apply(p, x, key=key).sum())(params)
    return count


def _moved(model: Any, place: Any, gradient: str | None, count: _Count) -> Any:
    """The model with its quantum stages on places that count."""
    if hasattr(model, "stages"):
        stages = tuple(_moved(stage, place, gradient, count) for stage in model.stages)
        return dataclasses.replace(model, stages=stages)
    if hasattr(model, "place"):
        return model.on(_Dry(place or model.place, gradient, count))
    return model


def fidelity(compiled: Compiled, backend: Any) -> float:
    """The chance that no gate and no readout fails, were errors independent.

    The product of one minus each error in the machine's calibration; 1 for a machine without one.
    """
    return chip.fidelity(compiled.circuit, backend.target, compiled.qubits) or 1.0
