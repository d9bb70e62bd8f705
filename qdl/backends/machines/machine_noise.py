"""The noise of a fake machine on the qubits that a circuit uses."""

from __future__ import annotations

import copy
import warnings
from functools import lru_cache
from typing import Any

from .names import fake_backend


@lru_cache(maxsize=64)
def machine_noise(name: str, qubits: frozenset[int]) -> Any:
    """Aer's noise model of a fake machine, with the errors on some of its qubits alone.

    They are the errors that the machine itself would build, for all of its qubits: readout by the two
    probabilities of its calibration; gates as depolarizing and thermal relaxation. Aer is handed a noise
    model with every run, which takes seconds for 133 qubits, whatever the circuit.

    Args:
        name: of the fake machine.
        qubits: those of the transpiled circuit.

    Example:
        >>> machine_noise("torino", frozenset({3, 4})).noise_qubits
        [3, 4]
    """
    from qiskit_aer.noise import NoiseModel
    from qiskit_aer.noise.device import basic_device_gate_errors, basic_device_readout_errors

    machine = fake_backend(name)
    properties = copy.copy(machine.properties())
    properties.gates = [gate for gate in properties.gates if qubits.issuperset(gate.qubits)]
    noise = NoiseModel(basis_gates=machine.operation_names)
    with warnings.catch_warnings():  # of relaxation times beyond what physics allows, cut by Aer
        warnings.filterwarnings("ignore", module="qiskit_aer.noise.device.models")
        for on, error in basic_device_readout_errors(properties):
            if qubits.issuperset(on):
                noise.add_readout_error(error, on)
        for gate, on, error in basic_device_gate_errors(properties):
            noise.add_quantum_error(error, gate, on)
    return noise


@lru_cache(maxsize=64)
def machine_on(name: str, qubits: frozenset[int]) -> Any:
    """The fake machine, simulated with the noise of these qubits: the same counts for the same seeds."""
    from qiskit_aer import AerSimulator

    machine = type(fake_backend(name))()
    noise = machine_noise(name, qubits)
    machine.sim = AerSimulator(noise_model=noise)
    machine.set_options(noise_model=noise)
    return machine
