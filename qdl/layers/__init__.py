"""What a circuit is: layers, each a frozen description that yields PennyLane operators."""

from .base import Layer
from .compose import Adjoint, Composite, Mirrored, Repeat, Sequential
from .encoding import AmplitudeEncoding, AngleEncoding, BasisEncoding, IQPEncoding
from .entangling import Entangler
from .evolution import QAOA, Evolution, Hadamards
from .mps import MPSEncoding
from .noise import Noise
from .of_qiskit import from_qasm, from_qiskit
from .openqasm import OpenQASM
from .qcnn import Convolution, Pooling
from .rotation import RandomRotation, Rotation
from .template import Template

__all__ = [
    "QAOA",
    "Adjoint",
    "AmplitudeEncoding",
    "AngleEncoding",
    "BasisEncoding",
    "Composite",
    "Convolution",
    "Entangler",
    "Evolution",
    "Hadamards",
    "IQPEncoding",
    "Layer",
    "MPSEncoding",
    "Mirrored",
    "Noise",
    "OpenQASM",
    "Pooling",
    "RandomRotation",
    "Repeat",
    "Rotation",
    "Sequential",
    "Template",
    "from_qasm",
    "from_qiskit",
]
