"""Where a model runs: the native simulator, or any PennyLane device."""

from .density import DensityMatrix, density_matrix
from .native import Statevector, statevector
from .place import Place, as_place

__all__ = ["DensityMatrix", "Place", "Statevector", "as_place", "density_matrix", "statevector"]
