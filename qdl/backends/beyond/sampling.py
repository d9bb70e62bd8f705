"""Outcomes without a state of all wires: what no gate brings together is drawn apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from ...circuit import Circuit
from ...readout import Probs
from ...simulator.read import reduced
from .. import outcomes
from .structure import read_for


@lru_cache(maxsize=16)
def apart(circuit: Circuit) -> tuple[tuple[int, ...], ...]:
    """The active wires in groups whose light cones have no wire in common: they are independent."""
    reading = read_for(circuit)
    groups: list[tuple[list[int], set[int]]] = []
    for wire in circuit.active:
        _, reached = reduced(reading, [wire])
        wires, seen = [wire], set(reached)
        for other in [each for each in groups if each[1] & seen]:
            groups.remove(other)
            wires, seen = [*other[0], *wires], seen | other[1]
        groups.append((wires, seen))
    return tuple(tuple(wires) for wires, _ in groups)


def bits(
    circuit: Circuit, probabilities: Callable[[Circuit], Any], shots: int, key: jax.Array
) -> jax.Array:
    """Outcomes ``(..., shots, n_active)``, each group's from its joint probabilities.

    Args:
        circuit: the circuit.
        probabilities: the values of a circuit whose readout is ``Probs`` of one group.
        shots: how many outcomes.
        key: a JAX key.
    """
    columns: dict[int, jax.Array] = {}
    for number, wires in enumerate(apart(circuit)):
        p = jnp.clip(probabilities(replace(circuit, readout=Probs(wires))), 0)
        p = p / p.sum(-1, keepdims=True)
        found = outcomes.drawn(p, shots, jax.random.fold_in(key, number))
        columns |= {wire: found[..., k] for k, wire in enumerate(wires)}
    return jnp.stack([columns[wire] for wire in circuit.active], axis=-1)
