"""Where a model runs: the native simulator, or any PennyLane device."""

from .density import DensityMatrix, density_matrix
from .native import Statevector, statevector
from .place import Place, as_place
from .trajectories import Trajectories, trajectories

__all__ = [
    "DensityMatrix",
    "Place",
    "Statevector",
    "Trajectories",
    "as_place",
    "density_matrix",
    "statevector",
    "trajectories",
]
