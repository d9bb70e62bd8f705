"""The order in which a network is contracted: searched once for each structure, and kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...files import replace
from ...pauli.contraction import Edges, Sizes

SECONDS = 20.0  # of search; a longer one finds better paths for wide networks


@dataclass(frozen=True)
class Contraction:
    """A path and what it costs.

    Attributes:
        path: pairs of tensors, as opt_einsum counts them.
        flops: multiplications and additions of one value.
        largest: entries of the largest tensor.
        written: entries of all tensors on the way, which a gradient keeps.
    """

    path: tuple[tuple[int, ...], ...]
    flops: float
    largest: float
    written: float


@lru_cache(maxsize=64)
def contraction(edges: Edges, wider: Sizes = (), seconds: float = SECONDS) -> Contraction:
    """The best path that a search finds; from the user's cache where it was searched before.

    Raises:
        ImportError: cotengra is not installed.
    """
    try:
        import cotengra
    except ImportError as error:
        raise ImportError(
            "tensor_network() contracts networks that are no tree with cotengra, which is not installed. "
            "Install it with: pip install 'qdl[tensor]'. Trees, as of Convolution(pattern='pairs'), "
            "need none."
        ) from error
    sizes = {edge: 4 for each in edges for edge in each} | dict(wider)
    file = _file(edges, wider, seconds)
    path = _kept(file)
    if path is None:
        options: dict[str, Any] = {"parallel": False, "optlib": "random", "progbar": False}
        found = cotengra.HyperOptimizer(
            methods=["random-greedy"],
            minimize="flops",
            max_time=seconds,
            max_repeats=16,
            **options,
        ).search(edges, (), sizes)
        path = tuple(tuple(int(i) for i in pair) for pair in found.get_path())
        _keep(file, path)
    tree = cotengra.ContractionTree.from_path(edges, (), sizes, path=path)
    flops, largest = 2.0 * tree.contraction_cost(), float(tree.max_size())
    return Contraction(path, float(flops), largest, float(tree.total_write()))


def _file(edges: Edges, wider: Sizes, seconds: float) -> Path:
    from platformdirs import user_cache_path

    key = hashlib.sha256(json.dumps([edges, wider, seconds]).encode()).hexdigest()[:32]
    return user_cache_path("qdl", appauthor=False) / "paths" / f"{key}.json"


def _kept(file: Path) -> Any:
    """A path that is there and a path at all; anything else is searched anew."""
    try:
        found = json.loads(file.read_text())
        return tuple(tuple(int(i) for i in pair) for pair in found)
    except (OSError, ValueError, TypeError):
        return None


def _keep(file: Path, path: Any) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace({file: json.dumps(path).encode()})
    except OSError:  # no room or rights: it is searched anew next time
        pass
