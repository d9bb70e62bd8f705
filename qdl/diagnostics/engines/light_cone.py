"""The engine for local observables on many wires: random starts of the light cone alone.

Gates outside of the past of what is measured cancel. Each word of the cost is run on the wires of its own
cone, with the parameters of the whole model, so that any initialisation and shared angles are as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import pennylane as qp

from ...layers import Layer
from ...layers.base import Initializer, Shape, Wires, is_shape
from ...model import QNN
from ...pauli.cones import cone
from ...pauli.observables import observable
from ...pauli.words import Word, named
from ...readout import Expval, Probs
from ..result.variance import GradientVariance
from . import statevector

WIDEST = 20  # wires of a cone


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


def measure(
    model: Any, cost: Any, x: Any, samples: int | None, key: jax.Array, executor: Any = None
) -> GradientVariance:
    """The ``light_cone`` engine."""
    models, cost = cones(model, cost)
    widest = max(each.n_wires for _, each in models)
    samples = samples or statevector.SAMPLES
    draws = statevector.draw(models, cost, x, samples, key, executor)
    statement = (
        f"gradients at random starts of the light cones, {len(models)} of at most {widest} of "
        f"{model.n_wires} wires: the same as of the whole circuit"
    )
    return statevector.summarise(model, draws, "light_cone", statement)


def cones(model: Any, cost: Any) -> tuple[tuple[tuple[float, Any], ...], Any]:
    """Small models whose costs add up to the model's, and the function of their readout.

    Raises:
        ValueError: a cone of more than 20 wires, with its size.
    """
    operators = _operators(model)
    try:
        groups = _groups(operators, observable(model, cost).terms)
    except ValueError:  # a nonlinear cost, or an observable that is no short sum of words
        bits = _bits(model.measured.wires)
        _check(cone(operators, bits)[1], model.n_wires)
        return ((1.0, _part(model, operators, bits, None)),), cost
    for support in groups:
        _check(support, model.n_wires)
    parts = [_part(model, operators, support, terms) for support, terms in groups.items()]
    return tuple((1.0, part) for part in parts), None


@dataclass(frozen=True)
class _Placed:
    """Where a gate acts; what ``cone`` asks of it."""

    wires: tuple[int, ...]


def _operators(model: Any) -> tuple[Any, ...]:
    """The wires of all gates, from stand-in numbers."""
    shape = model.layers.shape(model.wires)
    params = jax.tree.map(lambda s: np.full(s, 0.3), shape, is_leaf=is_shape)
    x = np.full(model.n_features, 0.3) if model.n_features else None
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        found = list(model.layers.gates(params, x, model.wires))
    return tuple(_Placed(tuple(int(w) for w in operator.wires)) for operator in found)


def _groups(operators: Any, terms: Any) -> dict[int, list[Any]]:
    """Terms by the cone that holds them; a cone inside another is not kept."""
    found: dict[int, list[Any]] = {}
    for term in terms:
        word = term[1]
        found.setdefault(cone(operators, word[0] | word[1])[1], []).append(term)
    kept: dict[int, list[Any]] = {}
    for support in sorted(found, key=int.bit_count, reverse=True):
        home = next((other for other in kept if support & ~other == 0), support)
        kept.setdefault(home, []).extend(found[support])
    return kept


def _bits(wires: Iterable[int]) -> int:
    return sum(1 << w for w in set(wires))


def _check(support: int, n: int) -> None:
    if support.bit_count() > WIDEST:
        raise ValueError(
            f"the light cone has {support.bit_count()} of {n} wires, more than the {WIDEST} that a state "
            "vector is used for. Take fewer layers, or method='pauli_walk' where it is valid."
        )


def _part(model: Any, operators: Any, support: int, terms: list[Any] | None) -> QNN:
    """The model on one cone: with some terms, or with its own readout."""
    if terms is None:
        seen, support = cone(operators, support)
    else:
        bits = 0
        for _, (x, z) in terms:
            bits |= x | z
        seen, _ = cone(operators, bits)
    kept = tuple(w for w in model.wires if support >> w & 1) or (0,)
    place = {wire: i for i, wire in enumerate(kept)}
    if terms is not None:
        words = [_word(word, place) for _, word in terms]
        readout: Any = Expval(qp.dot([float(c) for c, _ in terms], words))
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
