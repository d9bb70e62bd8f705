"""The native simulator: layers in, one fused JAX program out.

``read`` finds the gates and where their angles come from, ``split`` turns gates into phases, bit maps
and small matrices, ``plan`` sorts these into stages, ``program`` gives wires positions and finds loops,
``statevector`` runs it with the moves of ``kernels``, ``measure`` turns the state into numbers.
Around it: ``density`` doubles the wires for mixed states, ``trajectories`` draws errors, ``devices`` splits
a batch over several devices.
"""

from .density import evaluate_mixed
from .devices import split_batch
from .plan import Passes
from .run import check_shots, evaluate, state
from .shots import sample_bits
from .trajectories import evaluate_trajectories

__all__ = [
    "Passes",
    "check_shots",
    "evaluate",
    "evaluate_mixed",
    "evaluate_trajectories",
    "sample_bits",
    "split_batch",
    "state",
]
