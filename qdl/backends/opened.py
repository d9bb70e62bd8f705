"""The angles of a circuit opened: its one reading, with a column for every use of an angle."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from ..layers.base import Layer, Shape, Wires, is_shape
from ..layers.mps import MatrixProductState
from ..reading import Constant, Entry, Feature, Gate, Leaf, leaves, read_gates, unfold, visits
from ..reading.gates import Array
from ..readout import Measured
from ..simulator.read import parts_of as small_gates
from .amplitudes import preparation
from .program import OpenGate, Piece, Program

PREPARATIONS = (
    "StatePrep", "AmplitudeEmbedding", "MottonenStatePreparation", "MatrixProductState"
)  # fmt: skip
NOTHING = ("Identity", "Snapshot", "GlobalPhase")


def expand(operator: Any) -> list[Any]:
    """An operator as small gates with angles; prepared states as rotations, so that they are angles too."""
    if operator.name in NOTHING:
        return []
    if isinstance(operator, MatrixProductState):
        operator = operator.dense()
    if operator.name in PREPARATIONS:
        return list(preparation(operator.data[0], list(operator.wires)))
    return small_gates(operator)


def program_of(
    circuit: Any, features: tuple[int, ...] | None, expand: Callable[[Any], Any] = expand
) -> Program:
    """The program of a circuit, read once.

    Args:
        circuit: a ``Circuit``.
        features: None, ``(n_features,)`` for one sample, or ``(any, n_features)`` for a batch.
        expand: an operator as those that the place knows.

    Raises:
        ValueError: matrices that are computed from parameters or features.
    """
    if features is not None and len(features) > 1:
        features = (3, features[-1])  # as many stand-ins
    return _read(circuit.layers, circuit.wires, circuit.measured, features, expand)


@lru_cache(maxsize=128)
def _read(
    layer: Layer, wires: Wires, measured: Measured, features: Any, expand: Callable[[Any], Any]
) -> Program:
    prepared: dict[
        int, tuple[Any, Any]
    ] = {}  # gates that prepare a state, and the operator asked for

    def marked(operator: Any) -> list[Any]:
        found = list(expand(operator))
        if operator.name in PREPARATIONS:
            prepared.update((id(each), (each, operator)) for each in found)
        return found

    shape, nodes = layer.shape(wires), unfold(layer, wires)
    names, numbered = _entries(shape)
    known: dict[Any, tuple[Gate, ...]] = {}  # equal layers on equal wires are read once
    parts: list[tuple[Leaf, tuple[Gate, ...]]] = []
    entries = []
    for leaf in leaves(nodes):
        at = leaf.layer, leaf.wires
        if at not in known:
            known[at] = read_gates(*at, features, marked)
        parts.append((leaf, known[at]))
        found = [i.reshape(leaf.runs, -1) for i in jax.tree.leaves(leaf.params(numbered))]
        entries.append(np.concatenate([np.zeros((leaf.runs, 0), int), *found], axis=1))
    number = {id(leaf): i for i, (leaf, _) in enumerate(parts)}
    gates: list[OpenGate] = []
    sources: list[str] = []
    uses: dict[tuple[Any, ...], list[tuple[int, int, float]]] = {}
    touched: dict[
        Any, Any
    ] = {}  # by wire, what came first: a prepared state in which run, or gates
    for leaf, run, _ in visits(nodes):
        part = number[id(leaf)]
        for operator, found in parts[part][1]:
            columns: list[int | None] = []
            for source in found:
                if isinstance(source, Array) and source.computed:
                    raise ValueError(computed_matrix(operator))
                if isinstance(source, Constant | Array):
                    columns.append(None)
                    continue
                factor, column = 1.0, len(sources)
                if isinstance(source, Entry):
                    array, index, name = names[entries[part][run, source.index]]
                    origin, factor = ("params", array), source.factor
                elif isinstance(source, Feature):
                    origin, index, factor = ("x",), source.index, source.factor
                    name = f"x[{index}]"
                else:
                    origin, index = ("computed", part, source.batched, source.index), run
                    name = "computed"
                columns.append(column)
                uses.setdefault(origin, []).append((column, index, factor))
                sources.append(_times(factor, name))
            gates.append(OpenGate(operator, tuple(columns), id(operator) in prepared))
            state = prepared.get(id(operator), (None, None))[1]
            before = {
                w for w in operator.wires if touched.setdefault(w, (state, run)) != (state, run)
            }
            if state is not None and before:
                raise ValueError(
                    f"A state is prepared on wires {list(state.wires)} after gates on {sorted(before)}. "
                    "Expected wires that are still in 0: put AmplitudeEncoding first."
                )
    pieces = tuple(
        Piece(origin, *map(np.array, zip(*u, strict=True))) for origin, u in uses.items()
    )
    batched = features is not None and len(features) > 1 and any(p.batched for p in pieces)
    return Program(
        tuple(gates), tuple(wires), measured, tuple(sources), batched, pieces, shape, features,
        tuple(parts), expand,
    )  # fmt: skip


def _entries(shape: Shape) -> tuple[list[tuple[int, int, str]], Any]:
    """Of every entry of the parameters its array, its place there and its name; and their numbers."""
    names: list[tuple[int, int, str]] = []
    paths, tree = jax.tree_util.tree_flatten_with_path(shape, is_leaf=is_shape)
    numbered = []
    for array, (path, size) in enumerate(paths):
        count = int(np.prod(size, dtype=int))
        numbered.append(np.arange(len(names), len(names) + count).reshape(size))
        base = "params" + jax.tree_util.keystr(path)
        for entry, at in enumerate(np.ndindex(size)):
            names.append((array, entry, base + (str(list(at)) if at else "")))
    return names, jax.tree.unflatten(tree, numbered)


def _times(factor: float, name: str) -> str:
    return {1.0: name, -1.0: f"-{name}"}.get(factor, f"{float(factor)}*{name}")


def computed_matrix(operator: Any) -> str:
    """Why rows of angles cannot hold an operator whose matrix is computed."""
    return (
        f"{operator.name} has a matrix that is computed from parameters or features, which one "
        "circuit for a whole batch cannot hold. Use gates with angles, or the exact simulator, "
        "qdl.backends.statevector()."
    )
