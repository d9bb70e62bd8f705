"""Optimizers made for circuits, as Optax transformations: ``fit`` takes them as any other."""

from .blocks import layer_masks
from .layerwise import layerwise
from .natural import metric_tensor, natural_gradient
from .qnspsa import qnspsa
from .rotosolve import rotosolve
from .shot_adaptive import ShotAdaptive, shot_adaptive
from .spsa import spsa
from .values import ValuesOnly

__all__ = [
    "ShotAdaptive",
    "ValuesOnly",
    "layer_masks",
    "layerwise",
    "metric_tensor",
    "natural_gradient",
    "qnspsa",
    "rotosolve",
    "shot_adaptive",
    "spsa",
]
