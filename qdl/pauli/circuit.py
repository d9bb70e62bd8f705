"""A QNN as gates on Pauli words: Cliffords, rotations with the law of their angle, channels.

Which gates there are, and which parameter each angle is, comes from ``qdl.reading``: a layer is read once,
however often it is repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import reading
from ..initializers import uniform
from ..layers import Adjoint, Layer, RandomRotation
from ..layers.base import Wires
from ..refused import Refused
from .laws import known, turns
from .observables import Observable, linear, observable
from .operators import Angle, AxisRotation, Clifford, Element, PauliRotation, elements
from .parameters import TIED, parameters


@dataclass(frozen=True)
class PauliCircuit:
    """Gates in time order on ``n_wires`` wires in state 0, and what is measured.

    Attributes:
        n_wires: number of qubits.
        elements: the gates.
        observable: the cost in Pauli words.
        size: how many parameters are reported.
        layers: the layer of each of them.
        independent: every angle uniform over a turn, used once, of a rotation about a Pauli word.
    """

    n_wires: int
    elements: tuple[Element, ...]
    observable: Observable
    size: int
    layers: tuple[str, ...]
    independent: bool


def pauli_circuit(
    model: Any, x: Any = None, cost: Callable[..., Any] | None = None, widest: int | None = None
) -> PauliCircuit:
    """Read a model; refused where its second moments are not those of independent angles.

    Args:
        model: a QNN.
        x: features, or None for uniform ones where the model reads some.
        cost: a function of the readout values, or None for the first of them.
        widest: decompose Pauli rotations on more wires than this.

    Raises:
        Refused: an angle that is computed from parameters or shared between gates, a start whose law
            is not known, a gate that prepares a state, a cost that is not a sum of observables; with
            what to use instead.
    """
    read = read_elements(
        model.layers, model.wires, None if x is None else np.asarray(x, float), widest
    )
    known_of = parameters(model)
    number = np.cumsum(known_of.reported) - 1  # from all numbers to the reported ones
    out = []
    for element in read:
        if element.angle is not None and element.angle.parameter is not None:
            entry, scale = element.angle.entry, element.angle.scale
            if not known_of.reported[entry]:
                raise Refused(f"{known_of.layers[entry]}: a drawn axis is used as an angle.")
            element = replace(element, angle=Angle(int(number[entry]), scale, known_of.laws[entry]))
        out.append(element)
    layers = known_of.names
    _refuse(out, layers)
    angles = [element.angle for element in out if element.angle is not None]
    independent = all(turns(a.law, a.scale) for a in set(angles)) and all(
        isinstance(element, Clifford | PauliRotation) for element in out
    )
    cost_terms = observable(model, cost)
    return PauliCircuit(model.n_wires, tuple(out), cost_terms, len(layers), layers, independent)


def structure(model: Any, x: Any = None, cost: Callable[..., Any] | None = None) -> PauliCircuit:
    """The gates of a model as if every angle were a uniform one, whatever it shares: what can matter at all.

    Its moments mean nothing; ``qdl.pauli.reach`` asks it which parameters have no influence. Of a cost that
    is no weighted sum, every word of the readout is in it.

    Raises:
        Refused: a gate that prepares a state, or an observable of too many words.
    """
    read = read_elements(
        model.layers, model.wires, None if x is None else np.asarray(x, float), None
    )
    facts = parameters(model)
    number, out = np.cumsum(facts.reported) - 1, []
    for element in read:
        if element.angle is not None and element.angle.parameter is not None:
            entry, scale = element.angle.entry, element.angle.scale
            element = replace(element, angle=Angle(int(number[entry]), scale, uniform()))
        out.append(element)
    words = observable(model, cost if linear(model, cost) else _every)
    return PauliCircuit(model.n_wires, tuple(out), words, len(facts.names), facts.names, False)


def _every(values: Any) -> Any:
    """All readout values with weights that let none cancel another."""
    return values @ np.sqrt(np.arange(len(values)) + 2.0)


def _refuse(read: list[Element], layers: tuple[str, ...]) -> None:
    """No angle twice, every law known."""
    uses = Counter(e.angle.entry for e in read if e.angle is not None)
    for entry, count in uses.items():
        if count > 1:
            name = layers[entry] if entry >= 0 else "an encoding"
            number = f"parameter {entry}" if entry >= 0 else f"feature {-1 - entry}"
            instead = "" if entry >= 0 else ", or give the features as x="
            raise Refused(
                f"{number} ({name}) is the angle of {count} gates: tied angles have other second moments "
                "than independent ones (cos^2 squared averages to 3/8, not to 1/2). Use "
                f"method='statevector' or 'light_cone'{instead}."
            )
    for element in read:
        if element.angle is None or known(element.angle.law):
            continue
        law, name = element.angle.law, layers[element.angle.entry]
        why = f"{name} has {law!r}"
        if isinstance(law, str):
            why = f"{name} {law}" if law == TIED else law
        raise Refused(
            f"the law of an angle is not known: {why}. Expected uniform, small_angle, gaussian or beta of "
            "qdl.initializers. Use method='statevector' or 'light_cone'."
        )


def read_elements(layer: Layer, wires: Wires, x: Any, widest: int | None) -> list[Element]:
    """The gates of a layer; entries number the layer's own flattened parameters."""
    nodes = reading.unfold(layer, wires)
    index = reading.numbered(layer.shape(wires))
    once: dict[Any, list[Element]] = {}  # equal layers on equal wires are read once
    rows: dict[int, np.ndarray] = {}  # by identity: a leaf stands at one place of the tree
    for leaf in reading.leaves(nodes):
        at = leaf.layer, leaf.wires
        if at not in once:
            once[at] = _leaf(*at, x, widest)
        rows[id(leaf)] = leaf.entries(index)
    return [
        _moved(element, rows[id(leaf)][run])
        for leaf, run, _ in reading.visits(nodes)
        for element in once[leaf.layer, leaf.wires]
    ]


def _leaf(layer: Layer, wires: Wires, x: Any, widest: int | None) -> list[Element]:
    """A layer that is not made of others; of a random rotation the axis stays open."""
    inner, sign = (layer.block, -1.0) if isinstance(layer, Adjoint) else (layer, 1.0)
    if isinstance(inner, RandomRotation):
        return [AxisRotation((wire,), Angle(i, sign)) for i, wire in enumerate(wires)]
    return elements(layer, wires, x, widest, type(inner).__name__)


def _moved(element: Element, entries: np.ndarray) -> Element:
    """The element with its parameter renumbered; features keep their number."""
    if element.angle is None or element.angle.parameter is None:
        return element
    entry = int(entries[element.angle.entry])
    return replace(element, angle=replace(element.angle, entry=entry))
