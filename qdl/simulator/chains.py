"""Matrix product states in a reading: kept as tensors, and cut to what gates and readout see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pennylane as qp

from ..layers.mps import MatrixProductState, cut, window
from .read import Gate, Reading, parts_of, reduced


def parts_and_chains(operator: Any) -> list[Any]:
    """An operator's parts, matrix product states left as they are."""
    return [operator] if isinstance(operator, MatrixProductState) else parts_of(operator)


class Seen(NamedTuple):
    """A matrix product state, the sites that gates or the readout look at, the wires it is cut to."""

    gate: Gate
    first: int
    last: int
    wires: tuple[int, ...]


def seen_through(
    reading: Reading, measured: Iterable[int]
) -> tuple[Reading, list[Seen], tuple[int, ...]]:
    """The gates that can change some wires, what is seen of matrix product states, and all wires of both."""
    chains = [g for g in reading.gates if isinstance(g.operator, MatrixProductState)]
    others = [g for g in reading.gates if not isinstance(g.operator, MatrixProductState)]
    found, reached = reduced(replace(reading, gates=others), measured)
    seen = []
    for gate in chains:
        sites = tuple(gate.operator.wires)
        here = [i for i, wire in enumerate(sites) if wire in reached]
        if here:
            bond = gate.operator.data[0].shape[-1]
            start, end = window(len(sites), bond, here[0], here[-1])
            seen.append(Seen(gate, here[0], here[-1], sites[start : end + 1]))
    return found, seen, tuple(sorted({*reached, *(w for each in seen for w in each.wires)}))


def narrowed(reading: Reading, measured: Iterable[int]) -> Reading:
    """As ``reduced``; of matrix product states only what is seen of them, by its amplitudes."""
    found, seen, _ = seen_through(reading, measured)
    if not seen:
        return found
    found = replace(found, numbers=[*found.numbers], pieces=[*found.pieces])
    states = []
    for gate, first, last, wires in seen:
        assert gate.array is not None  # its tensors are features
        state = cut(found.numbers[gate.array], first, last)
        stand_in = qp.BasisState(np.zeros(len(wires), int), wires)
        piece = found.add(state, reading.pieces[gate.array].batched, arrays=True)
        states.append(Gate(stand_in, (), piece))
    found.gates = [*states, *found.gates]
    return found
