"""Photonic neural networks: layers on modes of light, what is measured, how parameters start, pictures."""

from .layers import (
    CrossKerr,
    CubicPhase,
    Displacement,
    DisplacementEncoding,
    Interferometer,
    Kerr,
    Squeezing,
)
from .pictures import plot_photon_numbers, plot_wavefunction, plot_wigner
from .readouts import FockProbs, PhotonNumber, Quadrature
from .starts import Start, haar, normal

__all__ = [
    "CrossKerr",
    "CubicPhase",
    "Displacement",
    "DisplacementEncoding",
    "FockProbs",
    "Interferometer",
    "Kerr",
    "PhotonNumber",
    "Quadrature",
    "Squeezing",
    "Start",
    "haar",
    "normal",
    "plot_photon_numbers",
    "plot_wavefunction",
    "plot_wigner",
]
