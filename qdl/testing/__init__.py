"""Conformance checks for what people add to qdl: one call tells whether it keeps the contract."""

import importlib
from typing import TYPE_CHECKING, Any

# Imported on first use: a check of samplers needs no circuit.
_HOMES = {
    "check_engine": "engines",
    "check_layer": "layers",
    "check_optimizer": "optimizers",
    "check_place": "places",
    "check_readout": "readouts",
    "check_sampler": "samplers",
}

__all__ = [
    "check_engine",
    "check_layer",
    "check_optimizer",
    "check_place",
    "check_readout",
    "check_sampler",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from .engines import check_engine
    from .layers import check_layer
    from .optimizers import check_optimizer
    from .places import check_place
    from .readouts import check_readout
    from .samplers import check_sampler
