"""A Qiskit circuit and what is measured as text: equal texts are equal requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp


def text_of(circuit: QuantumCircuit, names: Sequence[str], what: Sequence[Any]) -> str:
    """All of it as JSON; ``what`` holds observables, or the qubits whose probabilities are asked for."""
    asked = [
        [o.paulis.to_labels(), _numbers(np.asarray(o.coeffs).real)]
        if isinstance(o, SparsePauliOp)
        else o
        for o in what
    ]
    return json.dumps([circuit_as_lists(circuit), names, asked])


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
