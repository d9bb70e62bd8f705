"""The native simulator: layers in, one fused JAX program out.

``read`` finds the gates and where their angles come from, ``split`` turns gates into phases, bit maps
and small matrices, ``plan`` sorts these into stages, ``program`` gives wires positions and finds loops,
``statevector`` runs it with the moves of ``kernels``, ``measure`` turns the state into numbers.
"""

from .density import evaluate_mixed
from .plan import Passes
from .run import check_shots, evaluate, state
from .shots import sample_bits

__all__ = ["Passes", "check_shots", "evaluate", "evaluate_mixed", "sample_bits", "state"]
