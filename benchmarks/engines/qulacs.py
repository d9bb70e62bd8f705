"""qulacs: one parametric circuit, its C++ backpropagation called sample by sample (complex128)."""

from __future__ import annotations

from typing import Any

import numpy as np
from qulacs import Observable, ParametricQuantumCircuit, QuantumState

from ..workloads import Workload, circuit, data

PACKAGES = ("qulacs",)
DTYPE = "complex128"


class Job:
    """One step: per sample (or draw) set the angles, run, backpropagate."""

    def __init__(self, workload: Workload):
        self.workload, self.data = workload, data(workload)
        self.state = QuantumState(workload.n)
        self.observable = Observable(workload.n)
        self.observable.add_operator(1.0, " ".join(f"Z {wire}" for wire in workload.observable))
        self.circuit, self.slots = _circuit(workload, self.data.axes)

    def __call__(self) -> tuple[float | None, np.ndarray]:
        weights, shape = self.data.weights, self.data.weights.shape
        if self.workload.kind == "B":
            return None, np.array([self._sample(draw)[1] for draw in weights]).reshape(shape)
        samples = [self._sample(np.append(weights, x), value=True) for x in self.data.x]
        values, gradients = (np.array(part) for part in zip(*samples, strict=True))
        error = values - self.data.y
        return float(np.mean(error**2)), (2 * np.mean(error[:, None] * gradients, 0)).reshape(shape)

    def _sample(self, angles: np.ndarray, value: bool = False) -> tuple[float | None, np.ndarray]:
        # qulacs rotates by exp(+i angle P / 2): the opposite sign of everybody else.
        for position, angle in enumerate(-angles.ravel()[self.slots]):
            self.circuit.set_parameter(position, angle)
        expectation = None
        if value:
            self.state.set_zero_state()
            self.circuit.update_quantum_state(self.state)
            expectation = self.observable.get_expectation_value(self.state)
        n_weights = np.prod(self.workload.shape)
        gradient = np.zeros(max(n_weights, self.slots.max() + 1))
        gradient[self.slots] = -np.array(self.circuit.backprop(self.observable))
        return expectation, gradient[:n_weights]


def _circuit(workload: Workload, axes: np.ndarray) -> tuple[Any, np.ndarray]:
    """The circuit, and which of (weights, then x) each of its parameters is."""
    built, slots = ParametricQuantumCircuit(workload.n), []

    def rotate(axis: str, wire: int, angle: Any) -> None:
        if isinstance(angle, float):  # fixed
            getattr(built, f"add_R{axis}_gate")(wire, -angle)
        else:
            getattr(built, f"add_parametric_R{axis}_gate")(wire, 0.0)
            slots.append(angle)

    def gate(name: str, wires: tuple[int, ...], *angles: Any) -> None:
        if name in ("CNOT", "CZ"):
            getattr(built, f"add_{name}_gate")(*wires)
        elif name == "Rot":
            for axis, angle in zip("ZYZ", angles, strict=True):
                rotate(axis, wires[0], angle)
        elif name in ("RX", "RY", "RZ"):
            rotate(name[1], wires[0], angles[0])
        else:
            raise NotImplementedError(f"qulacs has no parametric {name}")

    n_weights = int(np.prod(workload.shape))
    x = np.arange(n_weights, n_weights + workload.n)
    circuit(workload, gate, np.arange(n_weights).reshape(workload.shape), x, axes)
    return built, np.array(slots)


def build(workload: Workload) -> Job:
    """One training step of A, or all gradients of B's draws."""
    return Job(workload)
