"""PennyLane's default.qubit: backpropagation, one sample vmapped over the batch, jitted."""

from __future__ import annotations

from typing import Any

import jax
import pennylane as qp

from ..workloads import Workload, circuit, data
from ._jax import JaxJob, dtype, floats, training_step, variance_step

PACKAGES = ("pennylane", "jax")
DTYPE = dtype()


def build(workload: Workload) -> JaxJob:
    """One training step of A and C, or all gradients of B's draws, its gate choice fixed."""
    numbers = data(workload)
    device = qp.device("default.qubit", wires=workload.n)

    @qp.qnode(device, interface="jax", diff_method="backprop")
    def output(weights: Any, x: Any = None) -> Any:
        circuit(workload, gate, weights, x, numbers.axes)
        return qp.expval(qp.prod(*(qp.Z(wire) for wire in workload.observable)))

    if workload.kind == "B":
        return JaxJob(variance_step(output), *floats(numbers.weights))
    step = training_step(jax.vmap(output, in_axes=(None, 0)))
    return JaxJob(step, *floats(numbers.weights, numbers.x, numbers.y))


def gate(name: str, wires: tuple[int, ...], *angles: Any) -> None:
    """Queue one gate."""
    getattr(qp, name)(*angles, wires=wires)
