"""What is sent to a machine, and the hash that makes equal requests one job."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from ...readout import Measured, Observables, Probabilities
from .lower import Lowered, sparse_pauli


@dataclass(frozen=True)
class Program:
    """A circuit and what is measured at its end; equal ones have equal bytes."""

    lowered: Lowered = field(compare=False)
    measured: Measured = field(compare=False)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        what: Any = [[o.paulis.to_labels(), _numbers(o.coeffs.real)] for o in self.observables]
        what = what or [self.lowered.wires.index(wire) for wire in self.measured_wires]
        text = json.dumps([circuit_as_lists(self.lowered.circuit), self.lowered.names, what])
        object.__setattr__(self, "text", text)

    def without_angles(self) -> Program:
        """What can be kept: angles may be tracers, which must not outlive their trace."""
        return replace(self, lowered=replace(self.lowered, angles=()))

    @property
    def samples(self) -> bool:
        """True for probabilities, which need the sampler."""
        return isinstance(self.measured, Probabilities)

    @cached_property
    def observables(self) -> list[Any]:
        """Qiskit's observables, on the qubits of the circuit; none for probabilities."""
        if not isinstance(self.measured, Observables):
            return []
        return [sparse_pauli(o, self.lowered.wires) for o in self.measured.observables]

    @property
    def measured_wires(self) -> tuple[Any, ...]:
        """The wires whose probabilities are asked for, in order."""
        return self.measured.wires if self.samples else ()

    @property
    def size(self) -> int:
        """The number k of values."""
        return self.measured.size

    @property
    def bases(self) -> int:
        """How many bases are measured: observables that agree qubit by qubit share one."""
        if self.samples:
            return 1
        words = sum(self.observables[1:], self.observables[0]).simplify()
        return len(words.group_commuting(qubit_wise=True))


def circuit_as_lists(circuit: QuantumCircuit) -> list[Any]:
    """A circuit as JSON can hold it: names, angles or parameter names, qubits, bits, blocks."""
    found = []
    for step in circuit.data:
        operation = step.operation
        numbers = [_parameter(p) for p in operation.params if not isinstance(p, QuantumCircuit)]
        blocks = [circuit_as_lists(block) for block in getattr(operation, "blocks", ())]
        condition = repr(getattr(operation, "condition", None)) if blocks else ""
        places = [circuit.find_bit(bit).index for bit in (*step.qubits, *step.clbits)]
        found.append([operation.name, numbers, places, blocks, condition])
    return found


def _parameter(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_numbers(value.real), _numbers(value.imag)]
    return float(value).hex() if isinstance(value, int | float) else str(value)


def _numbers(array: Any) -> list[str]:
    return [float(value).hex() for value in np.ravel(array)]


@dataclass(frozen=True, eq=False)
class Request:
    """One job: a program, its parameter values, and everything that its result depends on.

    Equal if all of that is equal.

    Attributes:
        program: the circuit and its measurements.
        values: ``(rows, n_parameters)``, float64.
        shots: of each row and basis; None for exact values.
        settings: the backend and its options, as text.
        key: the bytes of the key, so that a new key is a new job.
    """

    program: Program
    values: np.ndarray
    shots: int | None
    settings: str
    key: bytes

    @cached_property
    def tag(self) -> str:
        """The SHA-256 of all of it, by which a job is found again."""
        digest = hashlib.sha256()
        shape = str(self.values.shape)
        for part in (self.program.text, self.settings, str(self.shots), shape):
            digest.update(f"{len(part)}:{part}".encode())
        digest.update(np.ascontiguousarray(self.values + 0.0, dtype="<f8").tobytes())  # no -0.0
        digest.update(self.key)
        return f"qdl-{digest.hexdigest()}"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Request) and other.tag == self.tag

    def __hash__(self) -> int:
        return hash(self.tag)

    @property
    def seed(self) -> int:
        """For a local simulation: as random as the key, and the same for the same request."""
        return int(self.tag[-8:], 16) % 2**31

    @property
    def executions(self) -> int:
        """How often a circuit is run: rows, times bases, times shots."""
        return len(self.values) * self.program.bases * (self.shots or 0)
