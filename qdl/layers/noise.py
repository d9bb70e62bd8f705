"""Noise as a layer: one channel after each active wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pennylane as qp

from .base import Layer, Wires

CHANNELS = {
    "depolarizing": qp.DepolarizingChannel,
    "amplitude_damping": qp.AmplitudeDamping,
    "phase_damping": qp.PhaseDamping,
    "bit_flip": qp.BitFlip,
}


@dataclass(frozen=True)
class Noise(Layer):
    r"""The same one-qubit channel on every active wire.

    ``"depolarizing"`` with strength $p$ is $\rho \mapsto (1-p)\rho + \frac{p}{3}(X\rho X + Y\rho Y
    + Z\rho Z)$; ``"bit_flip"`` is $(1-p)\rho + pX\rho X$; ``"amplitude_damping"`` and
    ``"phase_damping"`` lose an excitation or a phase with that probability.

    Args:
        channel: one of the four names.
        strength: a probability in [0, 1].

    Params: none.

    Raises:
        ValueError: unknown channel, or a strength outside of [0, 1].

    Example:
        >>> list(Noise("bit_flip", 0.1).gates(None, None, (0, 1)))
        [BitFlip(0.1, wires=[0]), BitFlip(0.1, wires=[1])]

    Reference: Nielsen, Chuang, Quantum Computation and Quantum Information, section 8.3.
    """

    channel: str
    strength: float

    def __post_init__(self) -> None:
        super().__post_init__()
        channel = self.channel.lower() if isinstance(self.channel, str) else self.channel
        if channel not in CHANNELS:
            raise ValueError(
                f"Noise got channel {self.channel!r}: expected one of {', '.join(CHANNELS)}. "
                "Wrap any other channel in Template(fn)."
            )
        object.__setattr__(self, "channel", channel)
        if not isinstance(self.strength, int | float) or not 0 <= self.strength <= 1:
            raise ValueError(
                f"Noise needs a strength in [0, 1], got {self.strength!r}. It is a probability of "
                "error per wire; example: Noise('depolarizing', 0.01)."
            )

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for wire in wires:
            yield CHANNELS[self.channel](self.strength, wires=wire)
