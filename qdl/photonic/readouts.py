"""What is measured on modes: quadratures, photon numbers, and their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any

from ..readout import Readout, as_wires


@dataclass(frozen=True)
class _OfModes(Readout):
    """A readout with one value per mode, or of several together."""

    unbounded = True  # its values are no means of +1 and -1: cross entropy takes them for logits

    wires: Sequence[int] | int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "wires", as_wires(self.wires, type(self).__name__))

    def on(self, wires: tuple[int, ...]) -> tuple[int, ...]:
        """The modes that are read."""
        chosen: Any = self.wires
        return wires if chosen is None else tuple(chosen)


@dataclass(frozen=True)
class Quadrature(_OfModes):
    r"""$\langle x \cos\phi + p \sin\phi \rangle$ of each mode; shape ``(..., len(wires))``.

    $x = a + a^\dagger$, $p = -i(a - a^\dagger)$ (hbar = 2): a coherent state has
    $\langle x \rangle = 2\,\mathrm{Re}\,\alpha$, and the vacuum variance 1.

    Args:
        wires: modes; None for all.
        phi: the direction, radians: 0 for x, pi/2 for p.

    Example:
        >>> Quadrature([0, 1]).size((0, 1, 2))
        2

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), section II.A.
    """

    phi: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        known = isinstance(self.phi, Real) and not isinstance(self.phi, bool)
        if not (known and isfinite(self.phi)):
            raise ValueError(
                f"Quadrature needs a finite number as phi, got {self.phi!r}. It is an angle in radians; "
                "example: phi=1.57."
            )
        object.__setattr__(self, "phi", float(self.phi))  # NumPy's numbers

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        if self.phi == 0.0:
            return [qp.expval(qp.QuadX(wire)) for wire in self.on(wires)]
        return [qp.expval(qp.QuadOperator(float(self.phi), wire)) for wire in self.on(wires)]


@dataclass(frozen=True)
class PhotonNumber(_OfModes):
    r"""$\langle n \rangle = \langle a^\dagger a \rangle$ of each mode; shape ``(..., len(wires))``.

    Args:
        wires: modes; None for all.

    Example:
        >>> PhotonNumber().size((0, 1, 2))
        3

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), section II.A.
    """

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        return [qp.expval(qp.NumberOperator(wire)) for wire in self.on(wires)]


@dataclass(frozen=True)
class FockProbs(_OfModes):
    r"""Probabilities of photon numbers; shape ``(..., cutoff**len(wires))``, the first mode the slowest.

    $P(n_1, \dots, n_k) = \langle n_1 \dots n_k | \rho | n_1 \dots n_k \rangle$ for fewer than ``cutoff``
    photons in each mode; they add up to less than 1 by what the cut-off leaves out. The number of
    values is that of the place, ``fock(cutoff)``.

    Args:
        wires: modes; None for all.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.cvqnn(1, 2, cutoff=7, readout=FockProbs())
        >>> model.apply(model.init(jax.random.key(0)), jax.numpy.zeros((3, 1))).shape
        (3, 7)

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), section II.A.
    """

    photons = True
    unbounded = False

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        return [qp.probs(wires=self.on(wires))]
