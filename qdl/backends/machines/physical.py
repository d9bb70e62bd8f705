"""A circuit as a fake machine runs it: transpiled gates on its qubits, with the errors of its calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...refused import Refused
from .noise import flips


@dataclass(frozen=True, eq=False)
class Turn:
    """RZ by a sum of multiples of columns, and a constant that is a gate of its own."""

    qubit: int
    factors: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Fixed:
    """A unitary on qubits, the first most significant."""

    qubits: tuple[int, ...]
    matrix: np.ndarray


@dataclass(frozen=True, eq=False)
class Error:
    """A channel on qubits, the first most significant, by its Kraus matrices ``(K, d, d)``."""

    qubits: tuple[int, ...]
    kraus: np.ndarray


Step = Turn | Fixed | Error


@dataclass(frozen=True, eq=False)
class Physical:
    """What happens to the qubits of a machine.

    Attributes:
        machine: its name.
        steps: in time order.
        qubits: the machine's qubit for each wire at the end.
        readout: of those qubits, the matrix P(read | true).
    """

    machine: str
    steps: tuple[Step, ...]
    qubits: Mapping[int, int]
    readout: Mapping[int, np.ndarray]


def physical(name: str, compiled: Any, lowered: Any, noise: Any) -> Physical:
    """The steps of a transpiled circuit, with the errors of a noise model behind its gates.

    Raises:
        Refused: a gate with an angle that is no RZ, or one whose angle is no sum of multiples.
    """
    columns = {name: i for i, name in enumerate(lowered.names)}
    errors = {
        (gate, qubits): np.array(_kraus(error))
        for gate, by_qubits in noise._local_quantum_errors.items()
        for qubits, error in by_qubits.items()
    }
    steps: list[Step] = []
    for instruction in compiled.circuit.data:
        gate = instruction.operation
        qubits = tuple(compiled.circuit.find_bit(q).index for q in instruction.qubits)
        if gate.name in ("barrier", "measure"):
            continue
        steps += _gate(gate, qubits, columns)
        if (gate.name, qubits) in errors:
            steps.append(Error(qubits[::-1], errors[gate.name, qubits]))
    at = dict(zip(lowered.wires, compiled.qubits, strict=True))
    read = flips(noise)
    readout = {qubit: read.get(qubit, np.eye(2)) for qubit in at.values()}
    return Physical(name, tuple(steps), at, readout)


def _gate(gate: Any, qubits: tuple[int, ...], columns: dict[str, int]) -> Iterator[Step]:
    angles = [p for p in gate.params if getattr(p, "parameters", ())]
    if not angles:
        yield Fixed(
            qubits[::-1], np.asarray(gate.to_matrix())
        )  # Qiskit's first qubit is the last bit
        return
    if gate.name != "rz":
        raise Refused(
            f"{gate.name} of the transpiled circuit has an angle, expected one of rz alone. Use "
            "method='sampled'."
        )
    [angle] = angles
    base = {p: 0.0 for p in angle.parameters}
    constant = float(angle.bind(base))
    factors = {p: float(angle.bind({**base, p: 1.0})) - constant for p in base}
    point = {p: 0.7 + i for i, p in enumerate(base)}
    linear = constant + sum(f * point[p] for p, f in factors.items())
    if abs(float(angle.bind(point)) - linear) > 1e-9:
        raise Refused(
            f"the angle {angle} of the transpiled circuit is no sum of multiples. Use method='sampled'."
        )
    if constant:
        phases = np.exp(np.array([-0.5j, 0.5j]) * constant)
        yield Fixed(qubits, np.diag(phases))
    yield Turn(qubits[0], {columns[p.name]: round(f, 12) for p, f in factors.items()})


def _kraus(error: Any) -> list[np.ndarray]:
    from qiskit.quantum_info import Kraus, SuperOp

    return [np.asarray(k) for k in Kraus(SuperOp(error)).data]
