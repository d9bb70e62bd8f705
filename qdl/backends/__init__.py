"""Where a model runs: the native simulator, any PennyLane device, Qiskit Aer, IBM machines."""

import importlib
from typing import TYPE_CHECKING, Any

from .density import DensityMatrix, density_matrix
from .mitigated import Both, Mitigated, mitigated
from .native import Statevector, statevector
from .place import Place, as_place, places_of
from .trajectories import Trajectories, trajectories

__all__ = [
    "Aer",
    "Both",
    "BudgetError",
    "DensityMatrix",
    "Fake",
    "HashedNoise",
    "IBM",
    "Mitigated",
    "Place",
    "Statevector",
    "Trajectories",
    "aer",
    "as_place",
    "density_matrix",
    "estimate",
    "fake",
    "ibm",
    "mitigated",
    "places_of",
    "statevector",
    "trajectories",
    "transpile_report",
]

# Imported on first use: Qiskit takes a second.
_QISKIT = {
    "Aer": "aer_place",
    "BudgetError": "jobs",
    "Fake": "fake_place",
    "HashedNoise": "aer_place",
    "IBM": "ibm_place",
    "aer": "aer_place",
    "estimate": "price",
    "fake": "fake_place",
    "ibm": "ibm_place",
    "transpile_report": "transpiled",
}


def __getattr__(name: str) -> Any:
    if name not in _QISKIT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_QISKIT[name]}", __name__)
    globals()[name] = value = getattr(module, name)
    return value


if TYPE_CHECKING:
    from .aer_place import Aer, HashedNoise, aer
    from .fake_place import Fake, fake
    from .ibm_place import IBM, ibm
    from .jobs import BudgetError
    from .price import estimate
    from .transpiled import transpile_report
