"""What a circuit looks like to the places above the state vector, without numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
import pennylane as qp
import psutil

from ...circuit import Circuit
from ...layers.base import is_shape
from ...observables import terms
from ...pauli.network import PauliNetwork, network, read_network
from ...readout import Measured, Observables, Probabilities
from ...shown import Shown
from ...simulator.chains import parts_and_chains, seen_through
from ...simulator.read import Reading, read

RATE = 1e10  # floating-point operations a second, of one core


@dataclass(frozen=True)
class Explanation(Shown):
    """How a place would run a model, and what one value of one sample costs there.

    Attributes:
        engine: what runs it: "cone", "tree", "contraction" or "propagation".
        wires: the widest light cone of anything that is measured.
        flops: floating-point operations, counted from the structure.
        bytes: the largest arrays that are held.
        seconds: expected from the operations, at 1e10 a second; the first call compiles beside that.
        why: the reason for this engine.
    """

    engine: str
    wires: int
    flops: float
    bytes: float
    seconds: float
    why: str = ""

    def __str__(self) -> str:
        exact = "truncated" if self.engine == "propagation" else "exact"
        return (
            f"{self.engine} ({exact}): the readout sees {self.wires} wires; {self.flops:.2g} floating-point "
            f"operations and {_bytes(self.bytes)} for one value of one sample, about {self.seconds:.2g} s. "
            f"{self.why}"
        ).strip()


def explanation(engine: str, wires: int, flops: float, size: float, why: str) -> Explanation:
    """An explanation with the seconds that the operations take."""
    return Explanation(engine, wires, float(flops), float(size), float(flops) / RATE, why)


@dataclass(frozen=True)
class Group:
    """What is evaluated at once: observables whose light cones lie in one."""

    measured: Measured
    columns: tuple[int, ...]  # among the terms
    wires: tuple[int, ...]
    gates: int


@dataclass(frozen=True)
class Cones:
    """The terms of a readout by light cone: values are ``offset + weights @ terms``."""

    groups: tuple[Group, ...]
    weights: np.ndarray | None  # (k, terms); None for probabilities
    offset: np.ndarray
    noisy: bool

    @property
    def widest(self) -> int:
        """Wires of the largest cone."""
        return max((len(group.wires) for group in self.groups), default=0)

    def flops(self) -> float:
        """Operations of state vectors on all cones; of density matrices where there is noise."""
        power = 2 if self.noisy else 1
        return float(sum(14.0 * g.gates * 2.0 ** (power * len(g.wires)) for g in self.groups))

    def size(self, itemsize: int = 8) -> float:
        """Bytes of one state on the widest cone, its image and a cotangent."""
        return 3.0 * 2 * itemsize * 2.0 ** ((2 if self.noisy else 1) * self.widest)


def alone(model: Any) -> Circuit:
    """The circuit of a model, so that equal ones are looked at once; a circuit as it is."""
    found = getattr(model, "circuit", model)
    if not isinstance(found, Circuit):
        raise TypeError(
            f"explain takes a QNN or a Circuit, got {model!r}. Pass a quantum stage of a Hybrid."
        )
    return found


def stand_ins(circuit: Circuit) -> tuple[Any, Any]:
    """Numbers in the place of parameters and features."""
    params = jax.tree.map(lambda s: np.full(s, 0.3), circuit.shape, is_leaf=is_shape)
    width = circuit.n_features or _width(circuit, params)
    return params, np.full(width, 0.3) if width else None


def _width(circuit: Circuit, params: Any) -> int:
    """How many features a circuit reads whose layers do not say: a Template may read any number."""
    for width in (0, circuit.n_wires, *(2**k for k in range(13))):
        try:
            with jax.ensure_compile_time_eval():
                circuit.operators(params, np.full(width, 0.3) if width else None)
        except (IndexError, TypeError, ValueError):
            continue
        return width
    return 0


def free_bytes() -> float:
    """Memory that is free on this machine."""
    return float(psutil.virtual_memory().available)


@lru_cache(maxsize=16)
def _reading(circuit: Circuit) -> Reading:
    """The gates on at most two wires, with stand-ins."""
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        return read_network(circuit, *stand_ins(circuit))


@lru_cache(maxsize=256)
def blueprint(circuit: Circuit, measured: tuple[int, ...]) -> PauliNetwork:
    """The network of what can change some wires, with stand-ins: one for counting and for all values."""
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        return network(_reading(circuit), circuit.wires, measured, 1)


def network_of(
    circuit: Circuit, measured: tuple[int, ...], reading: Reading, batch: int
) -> PauliNetwork:
    """The network with the numbers of a reading."""
    known = blueprint(circuit, measured)
    if known.noisy or _places(reading) != _places(_reading(circuit)):  # columns that nothing reads
        return network(reading, circuit.wires, measured, batch)
    return known.of(reading, batch)


def _places(reading: Reading) -> Any:
    """Where angles are found."""
    pieces = [(p.batched, p.arrays or p.size) for p in reading.pieces]
    return pieces, list(reading.constants)


def read_for(circuit: Circuit) -> Reading:
    """A circuit as these places read it, its numbers replaced by stand-ins."""
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        return read(
            circuit.layers,
            circuit.wires,
            *stand_ins(circuit),
            channels=True,
            expand=parts_and_chains,
        )


@lru_cache(maxsize=16)
def cones(circuit: Circuit) -> Cones:
    """The light cones of what a circuit measures; a cone inside of another is not kept."""
    reading = read_for(circuit)
    measured = circuit.measured
    noisy = any(isinstance(gate.operator, qp.operation.Channel) for gate in reading.gates)
    if isinstance(measured, Probabilities):
        seen, _, reached = seen_through(reading, measured.wires)
        group = Group(measured, (), reached, len(seen.gates))
        return Cones((group,), None, np.zeros(0), noisy)
    columns: dict[Any, tuple[int, Any]] = {}  # each term once
    entries, offset = [], np.zeros(measured.size)
    for k, observable in enumerate(measured.observables):
        for coefficient, term in terms(observable):
            if len(term.wires):
                key = term if isinstance(term, qp.pauli.PauliWord) else id(term)
                column, _ = columns.setdefault(key, (len(columns), term))
                entries.append((k, column, coefficient))
            else:  # the identity
                offset[k] += coefficient
    weights = np.zeros((measured.size, len(columns)))
    for k, column, coefficient in entries:
        weights[k, column] += coefficient
    return Cones(_groups(reading, [term for _, term in columns.values()]), weights, offset, noisy)


def _groups(reading: Reading, every: Sequence[Any]) -> tuple[Group, ...]:
    """Terms by the cone that holds them."""
    found: dict[tuple[int, ...], list[int]] = {}
    for column, term in enumerate(every):
        _, _, reached = seen_through(reading, term.wires)
        found.setdefault(reached, []).append(column)
    kept: dict[tuple[int, ...], list[int]] = {}
    for cone in sorted(found, key=len, reverse=True):
        home = next((other for other in kept if set(cone) <= set(other)), cone)
        kept.setdefault(home, []).extend(found[cone])
    out = []
    for cone, columns in kept.items():
        observables = tuple(_operator(every[column]) for column in columns)
        readout = Observables(observables)
        seen, _, _ = seen_through(reading, readout.wires)
        out.append(Group(readout, tuple(columns), cone, len(seen.gates)))
    return tuple(out)


def _operator(term: Any) -> Any:
    return term.operation() if isinstance(term, qp.pauli.PauliWord) else term


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} PiB"
