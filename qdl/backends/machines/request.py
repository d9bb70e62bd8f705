"""What is sent to a machine, and the hash that makes equal requests one job."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .lower import Lowered


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

    program: Lowered
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
