"""The native simulator: layers in, one fused JAX program out. To read it, follow this order.

``read`` turns the reading of a circuit (``qdl.reading``) into gates and numbers, ``split`` turns gates into
phases, bit maps and small matrices, ``plan`` sorts these into stages (``fuse`` makes one matrix of several,
``matrices`` builds them), ``program`` gives wires positions and finds loops, ``start`` makes the first state,
``statevector`` runs the stages forward and backward with the moves of ``kernels`` and ``phases`` (their
sines are in ``trigonometry``), ``measure`` turns the state into numbers, ``execute`` is the whole as a
function of its numbers with its derivative and its batching rule, ``run`` are the entry points.

Around it: ``shots`` samples and ``shift`` differentiates samples, ``measured_slopes`` with shots that
differ, ``density`` doubles the wires for mixed states, ``trajectories`` draws errors, ``devices`` splits a
batch over several devices, ``slices`` a state, ``tangents`` are the derivatives of a state, ``geometry`` the
metric that they make.
"""

from .density import evaluate_mixed
from .devices import split_batch
from .geometry import root_of
from .measured_slopes import Slopes, measured_slopes, one_group, per_group, pulled
from .plan import Passes
from .run import (
    check_shots,
    distributions,
    evaluate,
    evaluate_groups,
    one_shot_variance,
    one_shot_variances,
    state,
)
from .shots import bases, draw, drawn_values, sample_bits
from .slices import evaluate_sliced
from .tangents import tangents
from .trajectories import evaluate_trajectories

__all__ = [
    "Passes",
    "Slopes",
    "bases",
    "check_shots",
    "distributions",
    "draw",
    "drawn_values",
    "evaluate",
    "evaluate_groups",
    "evaluate_mixed",
    "evaluate_sliced",
    "evaluate_trajectories",
    "sample_bits",
    "measured_slopes",
    "one_shot_variance",
    "one_shot_variances",
    "one_group",
    "per_group",
    "pulled",
    "root_of",
    "split_batch",
    "state",
    "tangents",
]
