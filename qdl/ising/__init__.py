"""Ising problems, samplers of their low-energy states, and a classifier trained by them."""

from .backprop import Backprop, backpropagation
from .base import Reads, Sampler
from .block import BlockSampler
from .classifier import IsingClassifier
from .energy import Bipartite, Ising, field_scale
from .landscape import Landscape, landscape
from .network import Network
from .samplers import DimodSampler, ExactSampler
from .scaling import Scaling, scaling_exponent

__all__ = [
    "Backprop",
    "Bipartite",
    "BlockSampler",
    "DimodSampler",
    "ExactSampler",
    "Ising",
    "IsingClassifier",
    "Landscape",
    "Network",
    "Reads",
    "Sampler",
    "Scaling",
    "backpropagation",
    "field_scale",
    "landscape",
    "scaling_exponent",
]
