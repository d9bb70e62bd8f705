"""Ising problems, samplers of their low-energy states, and a classifier trained by them."""

from .base import Reads, Sampler
from .block import BlockSampler
from .energy import Bipartite, Ising, field_scale
from .samplers import DimodSampler, ExactSampler

__all__ = [
    "Bipartite",
    "BlockSampler",
    "DimodSampler",
    "ExactSampler",
    "Ising",
    "Reads",
    "Sampler",
    "field_scale",
]
