"""qdl: variational quantum neural networks, trained and diagnosed with JAX.

Names are imported on first use, so that ``import qdl`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Circuit": "circuit",
    "QNN": "model",
    "Layer": "layers",
    "Place": "backends",
    "Readout": "readout",
    "ExpZ": "readout",
    "Expval": "readout",
    "Probs": "readout",
    "Refused": "refused",
    "Sampled": "sampled",
    "Hybrid": "hybrid",
    "Dense": "hybrid",
    "fit": "training",
    "kernel": "kernels",
    "kernel_alignment": "kernels",
    "certify": "certified",
    "check": "agreement",
    "Sampler": "ising",
    "save": "saving",
    "load": "saving",
    "QNNClassifier": "estimators",
    "QNNRegressor": "estimators",
}
_ROOMS = (
    "backends", "baselines", "datasets", "diagnostics", "estimators", "hybrid", "initializers", "ising",
    "layers", "models", "photonic", "readout", "simulator", "testing", "torch", "training",
)  # fmt: skip

__all__ = ["__version__", *_HOMES, *_ROOMS]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module = importlib.import_module(f".{_HOMES[name]}", __name__)
        value = getattr(module, name)
    elif name in _ROOMS:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'qdl' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from . import (
        backends,
        baselines,
        datasets,
        diagnostics,
        estimators,
        initializers,
        ising,
        layers,
        models,
        photonic,
        simulator,
        testing,
        torch,
        training,
    )
    from .agreement import check
    from .backends import Place
    from .certified import certify
    from .circuit import Circuit
    from .estimators import QNNClassifier, QNNRegressor
    from .hybrid import Dense, Hybrid
    from .ising import Sampler
    from .kernels import kernel, kernel_alignment
    from .layers import Layer
    from .model import QNN
    from .readout import Expval, ExpZ, Probs, Readout
    from .refused import Refused
    from .sampled import Sampled
    from .saving import load, save
    from .training import fit
