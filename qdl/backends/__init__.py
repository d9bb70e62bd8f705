"""Where a model runs: the native simulator, any PennyLane device, Qiskit Aer, IBM machines."""

import importlib
from typing import TYPE_CHECKING, Any

from .beyond.classical import Classical, classical
from .beyond.cone import Cone, cone
from .beyond.contraction import TensorNetwork, tensor_network
from .beyond.propagation import PauliPropagation, pauli_propagation
from .beyond.structure import Explanation
from .cost import BudgetError, Cost
from .device import as_place
from .mitigated import Both, Mitigated, mitigated
from .native.density import DensityMatrix, density_matrix
from .native.fock import Fock, fock
from .native.gaussian import Gaussian, gaussian
from .native.statevector import Statevector, statevector
from .native.trajectories import Trajectories, trajectories
from .place import GatePlace, Place, places_of
from .program import Program
from .rows import RowPlace

__all__ = [
    "Aer",
    "Both",
    "BudgetError",
    "Classical",
    "Cone",
    "Cost",
    "DensityMatrix",
    "Explanation",
    "Fake",
    "Fock",
    "GatePlace",
    "Gaussian",
    "HashedNoise",
    "IBM",
    "Mitigated",
    "PauliPropagation",
    "Place",
    "Program",
    "RowPlace",
    "Statevector",
    "TensorNetwork",
    "Trajectories",
    "aer",
    "as_place",
    "classical",
    "cone",
    "density_matrix",
    "estimate",
    "fake",
    "fock",
    "gaussian",
    "ibm",
    "mitigated",
    "pauli_propagation",
    "places_of",
    "statevector",
    "tensor_network",
    "trajectories",
    "transpile_report",
]

# Files of machines/, imported on first use: Qiskit takes a second.
_QISKIT = {
    "Aer": "aer",
    "Fake": "fake",
    "HashedNoise": "noise",
    "IBM": "ibm",
    "aer": "aer",
    "estimate": "price",
    "fake": "fake",
    "ibm": "ibm",
    "transpile_report": "transpiled",
}


def __getattr__(name: str) -> Any:
    if name not in _QISKIT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".machines.{_QISKIT[name]}", __name__)
    globals()[name] = value = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from .machines.aer import Aer, aer
    from .machines.fake import Fake, fake
    from .machines.ibm import IBM, ibm
    from .machines.noise import HashedNoise
    from .machines.price import estimate
    from .machines.transpiled import transpile_report
