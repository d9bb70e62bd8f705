"""Where a model runs: the native simulator, any PennyLane device, Qiskit Aer, IBM machines."""

import importlib
from typing import TYPE_CHECKING, Any

from .density import DensityMatrix, density_matrix
from .native import Statevector, statevector
from .place import Place, as_place
from .trajectories import Trajectories, trajectories

__all__ = [
    "BudgetError",
    "DensityMatrix",
    "Place",
    "Statevector",
    "Trajectories",
    "aer",
    "as_place",
    "density_matrix",
    "fake",
    "ibm",
    "statevector",
    "trajectories",
]

# Imported on first use: Qiskit takes a second.
_QISKIT = {"aer": "aer_place", "fake": "fake_place", "ibm": "ibm_place", "BudgetError": "jobs"}


def __getattr__(name: str) -> Any:
    if name not in _QISKIT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_QISKIT[name]}", __name__)
    globals()[name] = value = getattr(module, name)
    return value


if TYPE_CHECKING:
    from .aer_place import aer
    from .fake_place import fake
    from .ibm_place import ibm
    from .jobs import BudgetError
