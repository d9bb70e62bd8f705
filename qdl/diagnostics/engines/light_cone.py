"""The engine for local observables on many wires: random starts of the light cone alone.

Gates outside of the past of what is measured cancel. Each word of the cost is run on the wires of its own
cone, with the parameters of the whole model, so that any initialisation and shared angles are as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ...layers import Layer
from ...layers.base import Initializer, Shape, Wires, is_shape
from ...model import QNN
from ...pauli.observables import observable
from ...pauli.words import Word, named, wires_of
from ...reading import light_cone
from ...readout import Expval, Probs
from ...refused import Refused
from ..engine import Engine, Task, noiseless, refusal
from ..result.variance import GradientVariance
from . import statevector

WIDEST = 20  # wires of a cone
Terms = Sequence[tuple[float, Word]]


@dataclass(frozen=True)
class Cone(Layer):
    """Some of the gates of a layer, on fewer wires.

    Args:
        block: the layer.
        on: its wires.
        seen: positions of the gates that are kept.
        kept: the wires that they need; each becomes its position here.

    Params: the layer's.

    Example:
        >>> from qdl.layers import Rotation
        >>> len(list(Cone(Rotation("y"), (0, 1, 2), (2,), (2,)).gates(np.zeros((3, 1)), None, (0,))))
        1
    """

    block: Layer
    on: Wires
    seen: tuple[int, ...]
    kept: Wires

    def shape(self, wires: Wires) -> Shape:
        return self.block.shape(self.on)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        operators = list(self.block.gates(params, x, self.on))
        place = {wire: wires[i] for i, wire in enumerate(self.kept)}
        for i in self.seen:
            yield qp.map_wires(operators[i], place)

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        return self.block.init(key, self.on, initializer)

    def n_features(self, wires: Wires) -> int:
        return self.block.n_features(self.on)

    def check(self, x: Any, wires: Wires) -> None:
        self.block.check(x, self.on)


@dataclass(frozen=True)
class LightCone(Engine):
    """Gradients at random starts of the light cones alone; refused on fewer than ``narrowest`` wires."""

    narrowest: int = 1

    @property
    def name(self) -> str:
        return "light_cone"

    def valid(self, task: Task) -> str | None:
        few = "so few wires need no light cone." if task.model.n_wires < self.narrowest else None
        if np.ndim(task.x) > 1:
            few = "a loss on several rows of data. Use method='statevector'."
        return noiseless(task) or few or refusal(lambda: cones(task.model, task.cost))

    def measure(self, task: Task) -> GradientVariance:
        models, cost = cones(task.model, task.cost)
        statement = (
            f"gradients at random starts of the light cones, {len(models)} of at most "
            f"{max(each.n_wires for each in models)} of {task.model.n_wires} wires: the same as of the whole "
            "circuit"
        )
        return self.summarise(task, *statevector.draw(models, cost, task), statement)


@lru_cache(maxsize=4)  # asked whether it is valid, and then to measure
def cones(model: Any, cost: Any) -> tuple[tuple[QNN, ...], Any]:
    """Small models whose costs add up to the model's, and the function of their readout.

    Raises:
        Refused: a cone of more than 20 wires, with its size.
    """
    gates = _gates(model)
    try:
        groups = _groups(gates, observable(model, cost).terms)
    except Refused:  # a nonlinear cost, or an observable that is no short sum of words
        return (_part(model, gates, None),), cost
    if not groups:
        raise Refused(
            "the cost is a constant, so that no gate matters to it. Measure an observable."
        )
    return tuple(_part(model, gates, terms) for terms in groups), None


@dataclass(frozen=True)
class _Placed:
    """Where a gate acts; what ``light_cone`` asks of it."""

    wires: tuple[int, ...]


def _gates(model: Any) -> tuple[_Placed, ...]:
    """The wires of all gates, from stand-in numbers."""
    shape = model.layers.shape(model.wires)
    params = jax.tree.map(lambda s: np.full(s, 0.3), shape, is_leaf=is_shape)
    x = np.full(model.n_features, 0.3) if model.n_features else None
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        found = list(model.layers.gates(params, x, model.wires))
    return tuple(_Placed(tuple(int(w) for w in operator.wires)) for operator in found)


def _groups(gates: Sequence[_Placed], terms: Terms) -> list[Terms]:
    """Terms by the cone that holds them; a cone inside another is not kept."""
    found: dict[frozenset[int], list[Any]] = {}
    for term in terms:
        _, cone = light_cone(gates, wires_of(term[1]))
        found.setdefault(frozenset(cone), []).append(term)
    kept: dict[frozenset[int], list[Any]] = {}
    for cone in sorted(found, key=len, reverse=True):
        home = next((other for other in kept if cone <= other), cone)
        kept.setdefault(home, []).extend(found[cone])
    return list(kept.values())


def _part(model: Any, gates: Sequence[_Placed], terms: Terms | None) -> QNN:
    """The model on one cone: with some terms, or with its own readout."""
    words = model.measured.wires if terms is None else [w for _, t in terms for w in wires_of(t)]
    seen, cone = light_cone(gates, words)
    if len(cone) > WIDEST:
        raise Refused(
            f"the light cone has {len(cone)} of {model.n_wires} wires, more than the {WIDEST} that a state "
            "vector is used for. Take fewer layers, or method='pauli_walk' where it is valid."
        )
    kept = tuple(sorted(cone)) or (0,)
    place = {wire: i for i, wire in enumerate(kept)}
    if terms is not None:
        parts = [_word(word, place) for _, word in terms]
        readout: Any = Expval(qp.dot([float(c) for c, _ in terms], parts))
    elif isinstance(model.readout, Probs):
        readout = Probs([place[w] for w in model.readout.on(model.active)])
    else:
        readout = Expval([qp.map_wires(o, place) for o in model.measured.observables])
    layer = Cone(model.layers, model.wires, tuple(seen), kept)
    small = QNN(len(kept), [layer], readout=readout, initializer=model.initializer)
    return replace(small, place=model.place)


def _word(word: Word, place: dict[int, int]) -> Any:
    letters = [getattr(qp, letter)(place[w]) for w, letter in named(word).items()]
    return qp.prod(*letters) if len(letters) > 1 else letters[0]
