"""What a call of a place costs, and the refusal of one that costs too much."""

from __future__ import annotations

from dataclasses import dataclass


class BudgetError(RuntimeError):
    """The next job, or a training, would cost more QPU seconds than are left.

    Example:
        >>> issubclass(BudgetError, RuntimeError)
        True
    """


@dataclass(frozen=True)
class Cost:
    """What one call of a place costs: the values of a batch, or its values and their derivative.

    Attributes:
        place: its name.
        jobs: what is sent at once.
        circuits: samples, times shifts and the value itself, times bases.
        executions: circuits times shots.
        depth: of the circuit as it is run.
        two_qubit_gates: of the circuit as it is run.
        gate_fidelity: the chance that no gate fails, from a calibration; None without one.
        readout_fidelity: the chance that no readout fails.
    """

    place: str
    jobs: int
    circuits: int
    executions: int
    depth: int = 0
    two_qubit_gates: int = 0
    gate_fidelity: float | None = None
    readout_fidelity: float | None = None
