"""Ising problems, samplers of their low-energy states, and a classifier trained by them."""

from .backprop import Backprop, backpropagation
from .base import Reads, Sampler
from .block import BlockSampler
from .boltzmann import BoltzmannMachine
from .classifier import IsingClassifier
from .coherent import (
    Amplification,
    amplify,
    annealing_unitary,
    calls_when_unknown,
    wrong_states,
)
from .deep import DeepIsingClassifier, DeepNetwork
from .energy import Bipartite, Ising, field_scale
from .gibbs import GibbsSampler
from .landscape import Landscape, landscape
from .network import Network
from .pictures import plot_images, plot_log_likelihood
from .qpu import QPUSampler
from .samplers import DimodSampler, ExactSampler
from .scaling import Scaling, scaling_exponent
from .temperature import effective_temperature

__all__ = [
    "Amplification",
    "Backprop",
    "Bipartite",
    "BoltzmannMachine",
    "BlockSampler",
    "DeepIsingClassifier",
    "DeepNetwork",
    "DimodSampler",
    "ExactSampler",
    "GibbsSampler",
    "Ising",
    "IsingClassifier",
    "Landscape",
    "Network",
    "QPUSampler",
    "Reads",
    "Sampler",
    "Scaling",
    "amplify",
    "annealing_unitary",
    "backpropagation",
    "calls_when_unknown",
    "effective_temperature",
    "field_scale",
    "landscape",
    "plot_images",
    "plot_log_likelihood",
    "scaling_exponent",
    "wrong_states",
]
