"""PennyLane's lightning.qubit: C++ adjoint, all samples in one batched device call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qp
from pennylane.devices import ExecutionConfig

from ..workloads import Workload, circuit, data

PACKAGES = ("pennylane", "pennylane-lightning")
DTYPE = "complex64"


class Job:
    """One step: a tape per sample (or draw), then values and gradients of all in one call."""

    def __init__(self, workload: Workload):
        self.workload, self.data = workload, data(workload)
        self.device = qp.device("lightning.qubit", wires=workload.n, c_dtype=np.complex64)
        self.config = ExecutionConfig(gradient_method="adjoint", use_device_gradient=True)
        self.measured = qp.expval(qp.prod(*(qp.Z(wire) for wire in workload.observable)))
        # Built once from the weights' indices: the n encoding angles are not trained.
        slots = np.arange(np.prod(workload.shape)).reshape(workload.shape)
        tape = self._tape(slots, np.zeros(workload.n))
        self.slots = np.array(tape.get_parameters(trainable_only=False)[workload.n :], int)

    def __call__(self) -> tuple[float | None, np.ndarray]:
        weights, batch = self.data.weights, self.workload.batch
        if self.workload.kind == "B":
            _, gradients = self._evaluate([self._tape(draw, None) for draw in weights])
            return None, gradients.reshape(weights.shape)
        values, gradients = self._evaluate([self._tape(weights, x) for x in self.data.x])
        error = values - self.data.y
        return float(np.mean(error**2)), (2 / batch * error @ gradients).reshape(weights.shape)

    def _evaluate(self, tapes: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Values ``(batch,)`` and gradients ``(batch, weights)``; shared weights are summed."""
        values, derivatives = self.device.execute_and_compute_derivatives(tapes, self.config)
        gradients = np.zeros((len(tapes), np.prod(self.workload.shape)))
        np.add.at(gradients, (slice(None), self.slots), np.array(derivatives))
        return np.array(values), gradients

    def _tape(self, weights: Any, x: Any) -> Any:
        operators: list[Any] = []

        def gate(name: str, wires: tuple[int, ...], *angles: Any) -> None:
            if name == "Rot":  # what the adjoint method would make of it, without its overhead
                for part, angle in zip(("RZ", "RY", "RZ"), angles, strict=True):
                    operators.append(getattr(qp, part)(angle, wires=wires))
            else:
                operators.append(getattr(qp, name)(*angles, wires=wires))

        circuit(self.workload, gate, weights, x, self.data.axes)
        tape = qp.tape.QuantumScript(operators, [self.measured])
        tape.trainable_params = range(self.workload.n, len(tape.trainable_params))
        return tape


def build(workload: Workload) -> Job:
    """One training step of A and C, or all gradients of B's draws."""
    return Job(workload)
