"""What a circuit is like: is it trainable?

To read the gradient variance, follow this order: ``gradients`` is the function, ``engines`` chooses.
``result`` holds what comes back, ``verdict`` judges a sweep, ``intervals`` are the statistics, ``picture``
draws.

``statevector`` and ``light_cone`` (by ``cones``) draw random starts. The other engines read the circuit:
``parameters`` tells how each angle starts, ``operators`` and ``pauli_circuit`` turn layers into gates on
Pauli words, ``observables`` the cost into words; ``laws``, ``transfer`` and ``moment_steps`` average a gate,
``sectors`` proves when single words are enough, ``reach`` which derivatives vanish. ``dense_moment`` is
exact; ``pauli_walk`` samples with ``bits`` and ``walk_gates``, ``prefix`` and ``rao_blackwell`` end the walk
early, ``means`` has first moments. ``shots`` and ``compare`` build on all of them; ``tasks`` spreads work.

Beside it: ``expressivity`` and ``entanglement`` of the states (exact by ``state_moments``), ``fisher``
information, ``algebra`` of the ``generators``, ``truncation`` by weight along the ``paths`` of the walk,
``resources``. ``report`` puts all of it on one page.
"""

from .algebra import LieAlgebra, dynamical_lie_algebra
from .compare import Comparison, compare_initializers, depth_sweep
from .entanglement import EntanglingCapability, entangling_capability, meyer_wallach
from .expressivity import Expressibility, FramePotential, expressibility, frame_potential
from .fisher import (
    FisherSpectrum,
    classical_fisher,
    effective_dimension,
    effective_dimension_of,
    fisher_spectrum,
    quantum_fisher,
)
from .gradients import gradient_variance
from .report import TrainabilityReport, trainability_report
from .resources import LightCone, Resources, resources
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
from .truncation import WeightTruncation, weight_truncation
from .verdict import Verdict

__all__ = [
    "Certificate",
    "Comparison",
    "EntanglingCapability",
    "Expressibility",
    "FisherSpectrum",
    "FramePotential",
    "GradientVariance",
    "LieAlgebra",
    "LightCone",
    "Resources",
    "SampledVariance",
    "Sweep",
    "TrainabilityReport",
    "Verdict",
    "WeightTruncation",
    "classical_fisher",
    "compare_initializers",
    "debiased_variance",
    "depth_sweep",
    "detection_limit",
    "dynamical_lie_algebra",
    "effective_dimension",
    "effective_dimension_of",
    "entangling_capability",
    "expressibility",
    "fisher_spectrum",
    "frame_potential",
    "gradient_variance",
    "meyer_wallach",
    "quantum_fisher",
    "resources",
    "sampled_variance",
    "shot_floor",
    "shots_needed",
    "split_variance",
    "trainability_report",
    "weight_truncation",
]
