"""A model as a Qiskit circuit with its angles left open, and as OpenQASM 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qasm3

from ..opened import program_of
from .lower import Lowered, gates, lower, with_measurement


@dataclass(frozen=True, eq=False)
class AngleMap:
    """What the parameters of an exported circuit stand for.

    Called with ``(params, x)`` it gives ``{parameter: angle in radians}`` for
    ``circuit.assign_parameters``, whatever the layers compute between the two.

    Attributes:
        model: the exported model.
        sources: for each parameter the entry that it is, such as ``"params[0][2, 1]"`` or
            ``"x[3]"``, or its multiple, ``"-x[3]"`` or ``"2.0*x[3]"``; ``"computed"`` for any other
            function of params and x.
    """

    model: Any
    sources: dict[Any, str]

    def __call__(self, params: Any, x: Any = None) -> dict[Any, float]:
        """The angle of every parameter."""
        return dict(zip(self.sources, _angles(self.model, params, x)[1], strict=True))


def to_qiskit(model: Any) -> tuple[QuantumCircuit, AngleMap]:
    """The circuit with one parameter for each angle, and what these stand for."""
    found = _lowered(model, model.n_features)
    sources = dict(zip(found.parameters, found.program.sources, strict=True))
    return found.circuit.copy(), AngleMap(model, sources)


def to_qasm3(model: Any, params: Any = None, x: Any = None) -> str:
    """OpenQASM 3 text; angles are ``input float[64]`` unless there are numbers for them."""
    if params is None and x is None:
        return qasm3.dumps(with_measurement(_lowered(model, model.n_features), model.active))
    found, angles = _angles(model, params, x)
    numbers = dict(zip(found.parameters, angles, strict=True))
    return qasm3.dumps(with_measurement(found, model.active).assign_parameters(numbers))


def _lowered(model: Any, n_features: int) -> Lowered:
    program = program_of(model, (n_features,) if n_features else None, gates)
    return lower(program)


def _angles(model: Any, params: Any, x: Any) -> tuple[Lowered, list[float]]:
    """The circuit, and its angles for one sample, in double precision."""
    if np.ndim(x) > 1:
        raise ValueError(
            f"a circuit has the angles of one sample, got x of shape {np.shape(x)}. Pass one, x[0]."
        )
    model.check_params(params)
    x = model.check_features(x)
    found = _lowered(model, 0 if x is None else x.shape[-1])
    [row] = np.asarray(found.program.table(found.program.numbers(params, x)), float)
    return found, row.tolist()
