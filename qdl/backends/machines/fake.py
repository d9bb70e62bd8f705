"""Fake IBM machines, through the primitives of Qiskit Runtime."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...circuit import Circuit
from .chip import gates_of
from .machine_noise import machine_noise, machine_on
from .names import bare, fake_backend
from .physical import Physical, physical
from .primitives import primitive, submit, values
from .qiskit_place import Compiled, QiskitPlace
from .request import Request


@dataclass(frozen=True)
class Fake(QiskitPlace):
    """A fake IBM machine; see ``fake``."""

    noisy: ClassVar[bool] = True  # type: ignore[misc]
    name: str = "manila"

    def __post_init__(self) -> None:
        super().__post_init__()
        fake_backend(self.name)  # refuses an unknown name here
        if self.shots is None:
            raise ValueError(
                f"fake({self.name!r}) needs shots, as a machine does: got None. Example: "
                f"fake({self.name!r}, shots=4000). For exact values with this noise use "
                f"aer(noise={self.name!r}, method='density_matrix')."
            )

    @cached_property
    def backend(self) -> Any:
        """Qiskit's fake backend."""
        return fake_backend(self.name)

    def physical(self, circuit: Circuit, features: int) -> Physical:
        """The circuit as the machine runs it, with its errors.

        Raises:
            ValueError: it does not fit.
            Refused: a transpiled gate that is not read.
        """
        lowered = self.lowered(self.program(circuit, (features,) if features else None))
        compiled = self.compiled(lowered)
        return physical(
            self.name, compiled, lowered, machine_noise(self.name, self._used(compiled))
        )

    @staticmethod
    def _used(compiled: Compiled) -> frozenset[int]:
        used = frozenset(q for _, qubits in gates_of(compiled.circuit) for q in qubits)
        return used | frozenset(compiled.qubits)

    def send(self, requests: list[Request]) -> list[np.ndarray]:
        """The values ``(rows, k)`` of each request, by a primitive in its local testing mode."""
        return [self._send(request) for request in requests]

    def _send(self, request: Request) -> np.ndarray:
        compiled = self.compiled(request.program)
        kind = "sampler" if request.program.samples else "estimator"
        machine = machine_on(self.name, self._used(compiled))
        runner = primitive(kind, machine, {"simulator": {"seed_simulator": request.seed}})
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deprecated.*", category=DeprecationWarning)
            return values(submit(runner, request, compiled).result(), request, compiled)


def fake(
    name: str = "manila",
    shots: int | None = 4000,
    gradient: str = "auto",
    random_shifts: int = 4,
    max_batch: int | None = None,
) -> Fake:
    """A fake IBM machine: the gates, coupling and noise of a real one, run on this machine.

    Circuits take the road of the real service, transpiled for the machine and through the primitives
    of Qiskit Runtime, whose local testing mode ignores error mitigation. ``apply`` needs a key.

    Args:
        name: as "torino" or "fake_manila".
        shots: of each circuit and basis.
        gradient: "auto" (which is "parameter_shift"), "parameter_shift", "spsa", "stochastic".
        random_shifts: pairs of shifts that "stochastic" draws for each sample.
        max_batch: the most circuits in one job; None for no limit.

    Raises:
        ValueError: unknown machine, with the names that are near; no shots, or fewer than one.

    Example:
        >>> fake("torino", shots=1000).backend.num_qubits
        133
    """
    return Fake(shots, gradient, random_shifts, max_batch, name=bare(name))
