"""What a cut-off of photon numbers costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...certified import Certified


@dataclass(frozen=True)
class FockCertified(Certified):
    """What a cut-off costs, for these parameters and features.

    Attributes:
        leak: 1 minus the squared norm at the end, the largest of all samples.
        state_error: a rigorous bound on the norm of the difference to the state without a cut-off,
            the largest of all samples: the sum over the gates of the root of the norm that each loses.
        difference: of the values to those at twice the cut-off, absolute, ``(..., k)``; None where that
            does not fit.
        cutoff: an estimate of the smallest cut-off that would do, from the photon numbers at twice the
            cut-off; None if it is larger than that.
    """

    leak: float = 0.0
    state_error: float = 0.0
    difference: Any = None
    cutoff: int | None = None
