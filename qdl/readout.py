"""What is measured: the classical numbers that leave the circuit, always shaped ``(..., k)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class Readout:
    """What is measured at the end of a circuit, on the wires that are still active.

    Example:
        >>> isinstance(ExpZ([0, 1]), Readout)
        True
    """

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        """The PennyLane measurements, given the active wires."""
        raise NotImplementedError

    def size(self, wires: tuple[int, ...]) -> int:
        """The number k of values."""
        raise NotImplementedError


@dataclass(frozen=True)
class ExpZ(Readout):
    r"""Expectation values $\langle Z_i \rangle$, one per wire; shape ``(..., len(wires))``.

    Args:
        wires: positions on the circuit; None for every wire still active at the end.

    Example:
        >>> ExpZ([0, 1]).size((0, 1, 2))
        2
    """

    wires: Sequence[int] | int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "wires", _as_wires(self.wires, "ExpZ"))

    def on(self, wires: tuple[int, ...]) -> tuple[int, ...]:
        return wires if self.wires is None else _known(self.wires, wires, "ExpZ")

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        return [qp.expval(qp.Z(wire)) for wire in self.on(wires)]

    def size(self, wires: tuple[int, ...]) -> int:
        return len(self.on(wires))


@dataclass(frozen=True)
class Expval(Readout):
    r"""Expectation values $\langle O_i \rangle$ of PennyLane observables; shape ``(..., k)``.

    Any observable: Pauli words, sums and products of them, projectors, Hermitian matrices.

    Args:
        observables: one PennyLane operator or a sequence of them, on the circuit's wires.

    Example:
        >>> import pennylane as qp
        >>> Expval(qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(2)).size((0, 1, 2))
        1
    """

    observables: Any

    def __post_init__(self) -> None:
        given = self.observables
        given = tuple(given) if isinstance(given, list | tuple) else (given,)
        if not given or not all(hasattr(o, "wires") and hasattr(o, "matrix") for o in given):
            raise TypeError(
                f"Expval needs PennyLane observables, got {self.observables!r}. "
                "Example: Expval([qp.Z(0), qp.X(0) @ qp.X(1)])."
            )
        object.__setattr__(self, "observables", given)

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        for observable in self.observables:
            _known(tuple(observable.wires), wires, "Expval")
        return [qp.expval(observable) for observable in self.observables]

    def size(self, wires: tuple[int, ...]) -> int:
        return len(self.observables)


@dataclass(frozen=True)
class Probs(Readout):
    r"""Probabilities of the basis states of ``wires``; shape ``(..., 2**len(wires))``.

    The first wire is the most significant bit of the index.

    Args:
        wires: positions on the circuit; None for every wire still active at the end.

    Example:
        >>> Probs().size((0, 4))
        4
    """

    wires: Sequence[int] | int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "wires", _as_wires(self.wires, "Probs"))

    def on(self, wires: tuple[int, ...]) -> tuple[int, ...]:
        return wires if self.wires is None else _known(self.wires, wires, "Probs")

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        return [qp.probs(wires=self.on(wires))]

    def size(self, wires: tuple[int, ...]) -> int:
        return 2 ** len(self.on(wires))


def _as_wires(wires: Any, owner: str) -> tuple[int, ...] | None:
    if wires is None:
        return None
    wires = wires.tolist() if hasattr(wires, "tolist") else wires
    wires = (wires,) if isinstance(wires, int | float) else tuple(wires)
    wires = tuple(w.item() if hasattr(w, "item") else w for w in wires)  # NumPy's numbers
    whole = all(isinstance(w, int) and not isinstance(w, bool) for w in wires)
    if not wires or len(set(wires)) != len(wires) or not whole:
        raise ValueError(
            f"{owner} needs distinct integer wires, got {wires}. Example: {owner}([0, 1])."
        )
    return wires


def _known(wires: Any, active: tuple[int, ...], owner: str) -> tuple[int, ...]:
    missing = [wire for wire in wires if wire not in active]
    if missing:
        raise ValueError(
            f"{owner} reads wires {missing}, but the wires active at the end of the circuit are "
            f"{list(active)}. Read some of those"
            + ("." if owner == "Expval" else f", or {owner}() for all of them.")
        )
    return tuple(wires)
