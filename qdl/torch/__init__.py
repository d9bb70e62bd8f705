"""Models of qdl as layers of PyTorch: ``pip install "qdl[torch]"``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .layer import Layer

__all__ = ["Layer"]


def __getattr__(name: str) -> Any:
    if name != "Layer":
        raise AttributeError(f"module 'qdl.torch' has no attribute {name!r}; it has Layer")
    if find_spec("torch") is None:
        raise ImportError(
            'qdl.torch.Layer needs PyTorch, which is not installed. Run pip install "qdl[torch]".'
        )
    from .layer import Layer

    globals()["Layer"] = Layer
    return Layer


def __dir__() -> list[str]:
    return sorted(__all__)
