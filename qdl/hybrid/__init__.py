"""Quantum and classical stages in one model, and stages made of a model."""

from .dense import Dense
from .outputs import after_fit as after_fit
from .outputs import trained as trained
from .patches import Patches
from .stack import Hybrid
from .stack import quantum_stages as quantum_stages
from .stages import applied as applied
from .stages import n_in as n_in
from .stages import n_out as n_out

__all__ = ["Dense", "Hybrid", "Patches"]
