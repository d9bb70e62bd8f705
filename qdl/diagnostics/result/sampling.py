"""What a place that samples adds to the numbers: its own noise, what it can resolve, what it cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Resolution:
    """What the outcomes add to one number, and the smallest that is told from none.

    Attributes:
        floor: what they add where nobody subtracts it.
        limit: 1.96 standard errors of the debiased number where the truth is zero.
    """

    floor: float
    limit: float


@dataclass(frozen=True, eq=False)
class Sampling:
    """How gradients were sampled.

    Attributes:
        place: its name.
        shots: outcomes behind each expectation value, in each of the two runs; None where the place's draws
            are of another kind.
        naive: ``(p,)``, the plain variance of the estimates of one run: gradient and noise together; NaN
            where a component was not measured.
        component: of one component, in the mean over those that were measured.
        squared_norm: of the squared norm.
        cost: of the cost.
        drawn: True where each start measured one component drawn at random.
        evaluations: expectation values that were asked for.
        jobs: calls of the place.
        seconds: that they took, compilation included.
        qpu_seconds: what they take on a machine, by the formula of ``qdl.backends.estimate``, simulated and
            fake ones as if they were one; 0 where nothing is sent.
    """

    place: str
    shots: int | None
    naive: np.ndarray
    component: Resolution
    squared_norm: Resolution
    cost: Resolution
    drawn: bool
    evaluations: int
    jobs: int
    seconds: float
    qpu_seconds: float
