"""What a circuit is like: is it trainable?

To read the gradient variance, follow this order: ``gradients`` is the function, ``engine`` the contract of
what measures, ``engines/`` are ours, the ``walk/`` of Pauli words among them, and ``result/`` is what comes
back. Engines that draw no random starts read the circuit as ``qdl.pauli`` does; ``until`` has the others draw
until an interval is narrow enough. ``data`` makes a loss on rows the cost, ``one_shot`` and ``shots`` are
about the noise of shots, ``compare`` builds on all of them; ``tasks`` spreads work.

Beside it: ``expressivity`` and ``entanglement`` of the states, ``fisher`` information, ``algebra`` of the
generators, ``truncation`` by weight along the paths of the walk, ``resources``; ``kernel_values`` of
kernels, and ``iqp``, means of circuits that a classical computer can sample; ``fourier``, the functions of
the features that a model can be, and ``landscape``, the loss around some parameters. ``report`` puts the
first of them on one page.
"""

from .algebra import LieAlgebra, dynamical_lie_algebra
from .compare import Comparison, compare_initializers, depth_sweep
from .energy import EnergySweep
from .engine import Engine, Task
from .entanglement import EntanglingCapability, entangling_capability, meyer_wallach
from .expressivity import Expressibility, FramePotential, expressibility, frame_potential
from .expressivity_sweep import ExpressivitySweep, expressivity_sweep
from .fisher import (
    FisherSpectrum,
    classical_fisher,
    effective_dimension,
    effective_dimension_of,
    fisher_spectrum,
    quantum_fisher,
)
from .fourier import FourierSpectrum, fourier_spectrum
from .gradients import gradient_variance
from .iqp import iqp_expectations
from .kernel_values import KernelConcentration, KernelValues, kernel_concentration
from .landscape import LossLandscape, loss_landscape
from .report import TrainabilityReport, trainability_report
from .resources import LightCone, Resources, resources
from .result.point import Point
from .result.sampling import Resolution, Sampling
from .result.sweep import Sweep
from .result.variance import Certificate, GradientVariance
from .result.verdict import Verdict
from .shots import (
    debiased_variance,
    detection_limit,
    shot_floor,
    shots_needed,
    split_variance,
)
from .truncation import WeightTruncation, weight_truncation

__all__ = [
    "Certificate",
    "Comparison",
    "EnergySweep",
    "Engine",
    "EntanglingCapability",
    "Expressibility",
    "ExpressivitySweep",
    "FisherSpectrum",
    "FourierSpectrum",
    "FramePotential",
    "GradientVariance",
    "KernelConcentration",
    "KernelValues",
    "LieAlgebra",
    "LightCone",
    "LossLandscape",
    "Point",
    "Resolution",
    "Resources",
    "Sampling",
    "Sweep",
    "Task",
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
    "expressivity_sweep",
    "fisher_spectrum",
    "fourier_spectrum",
    "frame_potential",
    "gradient_variance",
    "iqp_expectations",
    "kernel_concentration",
    "loss_landscape",
    "meyer_wallach",
    "quantum_fisher",
    "resources",
    "shot_floor",
    "shots_needed",
    "split_variance",
    "trainability_report",
    "weight_truncation",
]
