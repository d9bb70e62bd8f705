"""A QNN read as gates on Pauli words: Cliffords, rotations with the law of their angle, channels.

Layers are asked for their operators twice, every parameter replaced by a distinct random number: an angle
that follows one entry both times is that parameter, one that stays is a constant, anything else is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ..layers import Layer, RandomRotation, Repeat, Sequential
from ..layers.base import Wires, collect, is_shape
from .laws import known, turns
from .observables import Observable, observable
from .operators import Angle, Element, elements
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
        ValueError: an angle that is computed from parameters or shared between gates, a start whose law
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
        angle = element.angle
        if angle is not None and angle.entry >= 0:
            law = known_of.laws[angle.entry]
            if not known_of.reported[angle.entry]:
                raise ValueError(
                    f"{known_of.layers[angle.entry]}: a drawn axis is used as an angle."
                )
            angle = Angle(int(number[angle.entry]), angle.scale, law)
            element = replace(element, angle=angle)
        out.append(element)
    layers = tuple(n for n, kept in zip(known_of.layers, known_of.reported, strict=True) if kept)
    _refuse(out, layers)
    angles = [element.angle for element in out if element.angle is not None]
    independent = all(turns(a.law, a.scale) for a in set(angles)) and all(
        element.kind in ("clifford", "rotation") for element in out
    )
    cost_terms = observable(model, cost)
    return PauliCircuit(model.n_wires, tuple(out), cost_terms, len(layers), layers, independent)


def _refuse(read: list[Element], layers: tuple[str, ...]) -> None:
    """No angle twice, every law known."""
    uses = Counter(e.angle.entry for e in read if e.angle is not None)
    for entry, count in uses.items():
        if count > 1:
            name = layers[entry] if entry >= 0 else "an encoding"
            number = f"parameter {entry}" if entry >= 0 else f"feature {-1 - entry}"
            instead = "" if entry >= 0 else ", or give the features as x="
            raise ValueError(
                f"{number} ({name}) is the angle of {count} gates: tied angles have other second moments "
                "than independent ones (cos^2 squared averages to 3/8, not to 1/2). Use "
                f"method='statevector' or 'light_cone'{instead}."
            )
    for element in read:
        law = None if element.angle is None else element.angle.law
        if law is None or known(law):
            continue
        name = layers[element.angle.entry]  # type: ignore[union-attr]
        why = (
            f"{name} {law}"
            if law == TIED
            else law
            if isinstance(law, str)
            else f"{name} has {law!r}"
        )
        raise ValueError(
            f"the law of an angle is not known: {why}. Expected uniform, small_angle, gaussian or beta of "
            "qdl.initializers. Use method='statevector' or 'light_cone'."
        )


def read_elements(layer: Layer, wires: Wires, x: Any, widest: int | None) -> list[Element]:
    """The gates of a layer; entries number the layer's own flattened parameters."""
    if isinstance(layer, Sequential):
        out, start = [], 0
        for _, child, on in layer.steps(wires):
            out += [
                _moved(e, lambda k, s=start: s + k) for e in read_elements(child, on, x, widest)
            ]
            start += _size(child.shape(on))
        return out
    if isinstance(layer, Repeat):
        block = read_elements(layer.block, wires, x, widest)
        return [_moved(e, row.__getitem__) for row in _rows(layer, wires) for e in block]
    if isinstance(layer, RandomRotation):
        return [Element("axes", (w,), angle=Angle(i)) for i, w in enumerate(wires)]
    shape = layer.shape(wires)
    drawn = [_draw(layer, wires, shape, x, seed) for seed in (1, 2)]
    return elements(drawn[0], drawn[1], type(layer).__name__, widest)


def _draw(layer: Layer, wires: Wires, shape: Any, x: Any, seed: int) -> Any:
    """The operators for random numbers, and these: parameters, then features that are not given."""
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda s: rng.uniform(0.1, 3.0, s), shape, is_leaf=is_shape)
    flat = [np.ravel(leaf) for leaf in jax.tree.leaves(params)]
    entries = {k: float(v) for k, v in enumerate(np.concatenate([*flat, np.zeros(0)]))}
    width = layer.n_features(wires)
    if x is None and width:
        x = rng.uniform(0.1, 3.0, width)
        entries |= {-1 - k: float(v) for k, v in enumerate(x)}
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        return collect(layer, params, x, wires), entries


def _moved(element: Element, to: Callable[[int], Any]) -> Element:
    """The element with its entry renumbered; features keep their number."""
    if element.angle is None or element.angle.entry < 0:
        return element
    return replace(element, angle=replace(element.angle, entry=int(to(element.angle.entry))))


def _rows(layer: Repeat, wires: Wires) -> np.ndarray:
    """For each repetition, the entry of ``Repeat`` behind each entry of its block."""
    start, rows = 0, [np.zeros((layer.times, 0), int)]
    for leaf in jax.tree.leaves(layer.shape(wires), is_leaf=is_shape):
        size = int(np.prod(leaf))
        rows.append(np.arange(start, start + size).reshape(layer.times, -1))
        start += size
    return np.concatenate(rows, axis=1)


def _size(shape: Any) -> int:
    return sum(int(np.prod(leaf)) for leaf in jax.tree.leaves(shape, is_leaf=is_shape))
