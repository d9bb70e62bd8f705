"""One small file per engine, each with ``PACKAGES``, ``DTYPE`` and ``build(workload) -> Job``.

A job is called for one blocking step and returns ``(loss or None, gradients)``; where a compiler
reserves memory, ``job.temp_bytes()`` says how much.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

NAMES = ("qdl", "pennylane", "lightning", "qulacs", "tensorcircuit")
TITLES = {
    "qdl": "qdl",
    "pennylane": "PennyLane default.qubit, jit+vmap",
    "lightning": "lightning.qubit, adjoint",
    "qulacs": "qulacs, backprop",
    "tensorcircuit": "tensorcircuit-ng, jit+vmap",
}
_MODULES = {"lightning": "pennylane_lightning"}


def installed(name: str) -> bool:
    """True if the engine's package can be imported here."""
    return importlib.util.find_spec(_MODULES.get(name, name)) is not None


def load(name: str) -> ModuleType:
    """The engine of that name."""
    return importlib.import_module(f"{__name__}.{name}")
