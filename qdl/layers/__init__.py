"""What a circuit is made of. Every layer is a frozen dataclass that yields PennyLane operators."""

from .base import Layer
from .compose import Adjoint, Mirrored, Repeat, Sequential, Template

__all__ = ["Adjoint", "Layer", "Mirrored", "Repeat", "Sequential", "Template"]
