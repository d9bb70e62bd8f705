"""A model as a Qiskit circuit with its angles left open, and as OpenQASM 3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pennylane as qp
from qiskit import QuantumCircuit, qasm3

from ...layers.base import is_shape
from .lower import Lowered, lower, with_measurement


@dataclass(frozen=True, eq=False)
class AngleMap:
    """What the parameters of an exported circuit stand for.

    Called with ``(params, x)`` it gives ``{parameter: angle in radians}`` for
    ``circuit.assign_parameters``, whatever the layers compute between the two.

    Attributes:
        model: the exported model.
        sources: for each parameter the entry that it is, such as ``"params[0][2, 1]"`` or
            ``"x[3]"``, with a minus sign where it is its negative; ``"computed"`` for any other
            function of params and x.
    """

    model: Any
    sources: dict[Any, str]

    def __call__(self, params: Any, x: Any = None) -> dict[Any, float]:
        """The angle of every parameter."""
        angles = _lowered(self.model, params, x).angles
        return {p: float(angle) for p, angle in zip(self.sources, angles, strict=True)}


def to_qiskit(model: Any) -> tuple[QuantumCircuit, AngleMap]:
    """The circuit with one parameter for each angle, and what these stand for."""
    drawn = [_stand_ins(model, seed) for seed in (1, 2)]
    first, second = (_unchecked(model, *numbers) for numbers in drawn)
    names = [{float(v): name for name, v in _entries(*numbers)} for numbers in drawn]
    pairs = zip(first.angles, second.angles, strict=True)
    sources = [_source(float(a), float(b), names) for a, b in pairs]
    return first.circuit, AngleMap(model, dict(zip(first.parameters, sources, strict=True)))


def to_qasm3(model: Any, params: Any = None, x: Any = None) -> str:
    """OpenQASM 3 text; angles are ``input float[64]`` unless there are numbers for them."""
    if params is None and x is None:
        return qasm3.dumps(with_measurement(_unchecked(model, *_stand_ins(model, 1)), model.active))
    found = _lowered(model, params, x)
    values = zip(found.parameters, found.angles, strict=True)
    numbers = {parameter: float(angle) for parameter, angle in values}
    return qasm3.dumps(with_measurement(found, model.active).assign_parameters(numbers))


def _lowered(model: Any, params: Any, x: Any) -> Lowered:
    if np.ndim(x) > 1:
        raise ValueError(
            f"a circuit has the angles of one sample, got x of shape {np.shape(x)}. Pass one, x[0]."
        )
    x = None if x is None else np.asarray(x, float)
    return lower(model.operators(jax.tree.map(np.asarray, params), x), wires=model.wires)


def _unchecked(model: Any, params: Any, x: Any) -> Lowered:
    """The same for stand-ins, which no layer has to accept as features."""
    with qp.QueuingManager.stop_recording():
        operators = list(model.layers.gates(params, x, model.wires))
    return lower(operators, wires=model.wires)


def _stand_ins(model: Any, seed: int) -> tuple[Any, Any]:
    """Distinct random numbers for every entry of params and x."""
    rng = np.random.default_rng(seed)
    shape = model.layers.shape(model.wires)
    params = jax.tree.map(lambda leaf: rng.uniform(0.1, 3.0, leaf), shape, is_leaf=is_shape)
    return params, rng.uniform(0.1, 3.0, model.n_features) if model.n_features else None


def _entries(params: Any, x: Any) -> Iterator[tuple[str, float]]:
    """Every entry of params and x with its name."""
    for path, leaf in jax.tree_util.tree_flatten_with_path((params, x))[0]:
        name = ("params" if path[0].idx == 0 else "x") + jax.tree_util.keystr(path[1:])
        for index, value in np.ndenumerate(leaf):
            yield name + (str(list(index)) if index else ""), value


def _source(a: float, b: float, names: list[dict[float, str]]) -> str:
    """The entry that an angle equals for both draws."""
    for sign, text in ((1, ""), (-1, "-")):
        name = names[0].get(sign * a)
        if name is not None and name == names[1].get(sign * b):
            return text + name
    return "computed"
