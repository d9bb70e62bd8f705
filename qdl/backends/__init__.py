"""Where a model runs: the native simulator, or any PennyLane device."""

from .native import Statevector, statevector
from .place import Place, as_place

__all__ = ["Place", "Statevector", "as_place", "statevector"]
