"""Training: ``fit``, what it returns, the losses it knows by name, and optimizers for circuits."""

from .distributions import KL, MMD
from .history import Report
from .loop import Fit, fit
from .losses import CrossEntropy, MeanSquaredError
from .optimizers import (
    ShotAdaptive,
    ValuesOnly,
    layer_masks,
    layerwise,
    metric_tensor,
    natural_gradient,
    qnspsa,
    rotosolve,
    shot_adaptive,
    spsa,
)

__all__ = [
    "KL",
    "MMD",
    "CrossEntropy",
    "Fit",
    "MeanSquaredError",
    "Report",
    "ShotAdaptive",
    "ValuesOnly",
    "fit",
    "layer_masks",
    "layerwise",
    "metric_tensor",
    "natural_gradient",
    "qnspsa",
    "rotosolve",
    "shot_adaptive",
    "spsa",
]
