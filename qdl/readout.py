"""What is measured: the classical numbers that leave the circuit, always shaped ``(..., k)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .refused import Refused

__all__ = [
    "ExpZ",
    "Expval",
    "Observables",
    "PhotonProbabilities",
    "Probabilities",
    "Probs",
    "Readout",
    "measured",
]


class Readout:
    """What is measured at the end of a circuit, on the wires that are still active.

    A readout is a list of Hermitian observables, or the probabilities of some wires; a model with
    anything else is refused when it is built. One method is required, ``measurements``.

    Example:
        >>> from dataclasses import dataclass
        >>> import pennylane as qp
        >>> @dataclass(frozen=True)
        ... class Neighbours(Readout):
        ...     def measurements(self, wires):
        ...         return [qp.expval(qp.Z(a) @ qp.Z(b)) for a, b in zip(wires, wires[1:])]
        >>> Neighbours().size((0, 1, 2))
        2
    """

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        """``qp.expval`` of Hermitian observables, or one ``qp.probs``, given the active wires."""
        raise NotImplementedError(
            f"{type(self).__name__} must define measurements(wires): qp.expval(...) of observables, or "
            "[qp.probs(wires=...)]."
        )

    def size(self, wires: tuple[int, ...]) -> int:
        """The number k of values."""
        return measured(self, wires).size


@dataclass(frozen=True)
class Observables:
    """Expectation values of Hermitian observables, in order.

    Example:
        >>> import pennylane as qp
        >>> Observables((qp.Z(2), qp.X(0))).wires
        (0, 2)
    """

    observables: tuple[Any, ...]

    @property
    def wires(self) -> tuple[int, ...]:
        """The wires that are looked at, sorted."""
        return tuple(sorted({int(w) for observable in self.observables for w in observable.wires}))

    @property
    def size(self) -> int:
        """The number of values."""
        return len(self.observables)


@dataclass(frozen=True)
class Probabilities:
    """Probabilities of the basis states of ``wires``, the first the most significant bit.

    Example:
        >>> Probabilities((2, 0)).size
        4
    """

    wires: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of values."""
        return 2 ** len(self.wires)


@dataclass(frozen=True)
class PhotonProbabilities:
    """Probabilities of the photon numbers of ``wires``; how many there are, the cut-off of a place says.

    Example:
        >>> PhotonProbabilities((1, 0)).wires
        (1, 0)
    """

    wires: tuple[int, ...]

    @property
    def size(self) -> int:
        """Refused: a place with a cut-off knows it, ``place.size(circuit)``."""
        raise self._nowhere()

    @property
    def observables(self) -> tuple[Any, ...]:
        """Refused: no place of qubits has photon numbers."""
        raise self._nowhere()

    @staticmethod
    def _nowhere() -> Refused:
        return Refused(
            "FockProbs gives probabilities of photon numbers, as many as the cut-off of a place with modes. "
            "Use model.on(qdl.backends.fock(cutoff))."
        )


Measured = Observables | Probabilities | PhotonProbabilities


def measured(readout: Readout, wires: tuple[int, ...]) -> Measured:
    """What a readout asks of a circuit whose active wires are ``wires``.

    Raises:
        TypeError: a measurement that is neither an expectation value nor a probability.
        ValueError: kinds that are mixed, several probabilities, none at all, an observable that is not
            Hermitian, or a wire that is not active.

    Example:
        >>> measured(Probs(), (0, 2))
        Probabilities(wires=(0, 2))
    """
    import pennylane as qp

    from .observables import as_hamiltonian, hermitian

    owner = type(readout).__name__
    with qp.QueuingManager.stop_recording():
        found = readout.measurements(wires)
    found = list(found) if isinstance(found, list | tuple) else [found]
    kinds = qp.measurements
    for each in found:
        plain = isinstance(each, kinds.ExpectationMP | kinds.ProbabilityMP)
        if not plain or each.mv is not None or each.obs is None and each.eigvals() is not None:
            raise TypeError(
                f"{owner} measures {each!r}; expected qp.expval of Hermitian observables, or one qp.probs. "
                "Compute variances and other functions from those: Var Z = 1 - <Z>^2."
            )
    probabilities = [each for each in found if isinstance(each, kinds.ProbabilityMP)]
    if (
        not found
        or (probabilities and len(found) > 1)
        or any(p.obs is not None for p in probabilities)
    ):
        raise ValueError(
            f"{owner} measures {found}; expected expectation values alone, or the probabilities of one list "
            "of wires. Use qp.probs(wires=[...]) over all of them and add up, or two models."
        )
    beyond = [wire for each in found for wire in each.wires if wire not in wires]
    if beyond:
        raise ValueError(
            f"{owner} reads wires {beyond}, but the wires active at the end of the circuit are "
            f"{list(wires)}. Read some of those."
        )
    if probabilities and getattr(readout, "photons", False):
        return PhotonProbabilities(tuple(probabilities[0].wires))
    if probabilities:
        return Probabilities(tuple(probabilities[0].wires) or tuple(wires))
    return Observables(tuple(as_hamiltonian(hermitian(each.obs, owner)) for each in found))


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
        object.__setattr__(self, "wires", as_wires(self.wires, "ExpZ"))

    def on(self, wires: tuple[int, ...]) -> tuple[int, ...]:
        chosen: Any = self.wires
        return wires if chosen is None else tuple(chosen)

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        return [qp.expval(qp.Z(wire)) for wire in self.on(wires)]

    def size(self, wires: tuple[int, ...]) -> int:
        return len(self.on(wires))


@dataclass(frozen=True)
class Expval(Readout):
    r"""Expectation values $\langle O_i \rangle$ of PennyLane observables; shape ``(..., k)``.

    Any Hermitian observable: Pauli words, sums and products of them, projectors, Hermitian matrices.

    Args:
        observables: one PennyLane operator or a sequence of them, on the circuit's wires.

    Raises:
        TypeError: no observable, or a coefficient that JAX traces.
        ValueError: not Hermitian.

    Example:
        >>> import pennylane as qp
        >>> Expval(qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(2)).size((0, 1, 2))
        1
    """

    observables: Any

    def __post_init__(self) -> None:
        from .observables import hermitian

        given = self.observables
        given = tuple(given) if isinstance(given, list | tuple) else (given,)
        if not given:
            raise TypeError(
                "Expval needs PennyLane observables, got none. "
                "Example: Expval([qp.Z(0), qp.X(0) @ qp.X(1)])."
            )
        object.__setattr__(self, "observables", tuple(hermitian(o, "Expval") for o in given))

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

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
        object.__setattr__(self, "wires", as_wires(self.wires, "Probs"))

    def on(self, wires: tuple[int, ...]) -> tuple[int, ...]:
        chosen: Any = self.wires
        return wires if chosen is None else tuple(chosen)

    def measurements(self, wires: tuple[int, ...]) -> list[Any]:
        import pennylane as qp

        return [qp.probs(wires=self.on(wires))]

    def size(self, wires: tuple[int, ...]) -> int:
        return 2 ** len(self.on(wires))


def as_wires(wires: Any, owner: str) -> tuple[int, ...] | None:
    """Positions on the circuit as a tuple of integers, refused where they are none.

    Example:
        >>> as_wires([0, 2], "ExpZ")
        (0, 2)
    """
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
