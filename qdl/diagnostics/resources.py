"""What a circuit costs: gates, depth, and the light cone of what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp

from ..layers.base import is_shape
from ..reading import light_cone
from ..readout import Probabilities


@dataclass(frozen=True)
class LightCone:
    """The part of a circuit that one observable can see.

    Attributes:
        observable: its name.
        measured: the wires that it reads.
        wires: the wires that can change its value.
        gates: how many gates can.
    """

    observable: str
    measured: tuple[int, ...]
    wires: tuple[int, ...]
    gates: int


@dataclass(frozen=True)
class Resources:
    """Counts of a circuit, as its layers yield it.

    Attributes:
        n_wires: qubits.
        n_params: trained numbers.
        n_features: features read.
        gates: number of gates by name, the most frequent first.
        by_wires: number of gates on 1, 2, ... wires.
        depth: layers of gates that can run side by side.
        light_cones: one for each observable.
    """

    n_wires: int
    n_params: int
    n_features: int
    gates: dict[str, int]
    by_wires: dict[int, int]
    depth: int
    light_cones: tuple[LightCone, ...]

    @property
    def n_gates(self) -> int:
        """All gates."""
        return sum(self.gates.values())


def resources(model: Any) -> Resources:
    """Count a circuit's gates, its depth and its light cones; nothing is simulated.

    Args:
        model: a QNN; noise channels count as gates.

    Example:
        >>> import qdl
        >>> found = resources(qdl.models.hardware_efficient(4, 2))
        >>> found.gates["CNOT"], found.depth, found.light_cones[0].wires
        (6, 10, (0, 1, 2))

    Reference: light cones: Cerezo, Sone, Volkoff, Cincio, Coles, Nature Communications 12, 1791 (2021).
    """
    shape = model.layers.shape(model.wires)
    rng = np.random.default_rng(0)  # layers may want numbers; no count depends on which
    params = _random_params(shape, rng)
    x = rng.uniform(0.1, 3.0, model.n_features) if model.n_features else None
    operators = model.operators(params, x)
    counted = qp.tape.QuantumScript(operators).specs["resources"]
    measured = model.measured
    parts = getattr(measured, "observables", (measured,))
    cones = [_light_cone(part, operators) for part in parts]
    return Resources(
        model.n_wires,
        model.n_params,
        model.n_features,
        dict(sorted(counted.gate_types.items(), key=lambda item: -item[1])),
        dict(sorted(counted.gate_sizes.items())),
        counted.depth,
        tuple(cones),
    )


def _random_params(shape: Any, rng: np.random.Generator) -> Any:
    """Random NumPy parameters of the given shapes."""
    import jax

    return jax.tree.map(lambda leaf: rng.uniform(0.1, 3.0, leaf), shape, is_leaf=is_shape)


def _light_cone(part: Any, operators: list[Any]) -> LightCone:
    measured = tuple(int(w) for w in part.wires)
    seen, reached = light_cone(operators, measured)
    name = "probabilities" if isinstance(part, Probabilities) else str(part)
    return LightCone(name, measured, tuple(sorted(int(w) for w in reached)), len(seen))
