"""tensorcircuit-ng on JAX: one sample vmapped over the batch, jitted."""

from __future__ import annotations

from typing import Any

import jax
import tensorcircuit as tc

from ..workloads import Workload, circuit, data
from ._jax import JaxJob, dtype, floats, training_step, variance_step

PACKAGES = ("tensorcircuit-ng", "jax")
DTYPE = dtype()
_NAMES = {"IsingXX": "rxx", "IsingYY": "ryy", "IsingZZ": "rzz"}


def build(workload: Workload) -> JaxJob:
    """One training step of A and C, or all gradients of B's draws, its gate choice fixed."""
    tc.set_backend("jax")
    tc.set_dtype(DTYPE)
    numbers = data(workload)

    def output(weights: Any, x: Any = None) -> Any:
        built = tc.Circuit(workload.n)

        def gate(name: str, wires: tuple[int, ...], *angles: Any) -> None:
            if name == "Rot":
                for part, angle in zip(("rz", "ry", "rz"), angles, strict=True):
                    getattr(built, part)(*wires, theta=angle)
            else:
                given = {"theta": angles[0]} if angles else {}
                getattr(built, _NAMES.get(name, name.lower()))(*wires, **given)

        circuit(workload, gate, weights, x, numbers.axes)
        return built.expectation_ps(z=list(workload.observable)).real

    if workload.kind == "B":
        return JaxJob(variance_step(output), *floats(numbers.weights))
    step = training_step(jax.vmap(output, in_axes=(None, 0)))
    return JaxJob(step, *floats(numbers.weights, numbers.x, numbers.y))
