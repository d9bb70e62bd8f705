"""What a model costs on a machine, before anything is sent."""

from __future__ import annotations

SETUP = 2.0  # QPU seconds of a job before its first circuit
EXECUTION = 0.00035  # QPU seconds of one shot of one circuit: 250 us between two, and the circuit
FORMULA = (
    "2 s a job + 0.35 ms an execution (IBM's documentation, without mitigation, November 2026)"
)


def qpu_seconds(jobs: int, executions: int) -> float:
    """QPU seconds of jobs with that many executions (circuits times shots) in all.

    Example:
        >>> round(qpu_seconds(1, 528 * 1024))
        191

    Reference: IBM Quantum documentation, "Workload usage", read in November 2026.
    """
    return SETUP * jobs + EXECUTION * executions
