"""What a circuit is like: is it trainable?

To read the gradient variance, follow this order: ``gradients`` is the function, ``engines`` chooses.
``result`` holds what comes back, ``verdict`` judges a sweep, ``intervals`` are the statistics, ``picture``
draws.

``statevector`` and ``light_cone`` (by ``cones``) draw random starts. The other engines read the circuit:
``parameters`` tells how each angle starts, ``operators`` and ``pauli_circuit`` turn layers into gates on
Pauli words, ``observables`` the cost into words; ``laws``, ``transfer`` and ``moment_steps`` average a gate,
``sectors`` proves when single words are enough, ``reach`` which derivatives vanish. ``dense_moment`` is
exact; ``pauli_walk`` samples with ``bits`` and ``walk_gates``, ``prefix`` and ``rao_blackwell`` end the walk
early, ``means`` has first moments. ``shots`` and ``compare`` build on all of them; ``tasks`` spreads the work.
"""

from .compare import Comparison, compare_initializers, depth_sweep
from .gradients import gradient_variance
from .result import Certificate, GradientVariance, Sweep
from .shots import (
    SampledVariance,
    debiased_variance,
    detection_limit,
    sampled_variance,
    shot_floor,
    shots_needed,
    split_variance,
)
from .verdict import Verdict

__all__ = [
    "Certificate",
    "Comparison",
    "GradientVariance",
    "SampledVariance",
    "Sweep",
    "Verdict",
    "compare_initializers",
    "debiased_variance",
    "depth_sweep",
    "detection_limit",
    "gradient_variance",
    "sampled_variance",
    "shot_floor",
    "shots_needed",
    "split_variance",
]
