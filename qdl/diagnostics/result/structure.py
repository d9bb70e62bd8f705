"""What the structure of a family of circuits proves about its gradient; ``diagnostics.bounds`` finds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    r"""A bound of the expected squared norm of the gradient at growing widths.

    Attributes:
        law: ``"constant"``, ``"polynomial"``, ``"n^-log n"`` or ``"exponential"``: how the bound itself goes.
        argument: why it holds, in words.
        widths: where it was computed.
        log2: its logarithm there; None where the constant of the argument is not computed.
    """

    law: str
    argument: str
    widths: tuple[int, ...]
    log2: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Bounds:
    """What the structure of a family proves.

    Attributes:
        lower: the gradient is at least this.
        lower_cost: the variance of the cost is at least this.
        cone: so is every component that does not vanish: the readout sees a bounded part of the circuit.
        upper: no component is more than this, nor the variance of the cost.
        reason: why a power, or no decay, that is measured is to be expected; no proof. None for no reason.
        widths: that were looked at.
        angles: how many angles the readout sees at each of them.
    """

    lower: Bound | None = None
    lower_cost: Bound | None = None
    cone: Bound | None = None
    upper: Bound | None = None
    reason: Bound | None = None
    widths: tuple[int, ...] = ()
    angles: tuple[int, ...] = ()
