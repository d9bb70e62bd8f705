"""A model as a fake machine runs it, for exact moments: transpiled gates, errors of gates and of readout."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ...initializers import uniform
from ...layers.base import is_shape
from ...pauli.circuit import PauliCircuit
from ...pauli.laws import known
from ...pauli.observables import Observable, observable
from ...pauli.operators import Angle, Element, PauliRotation, channel, fixed_gate
from ...pauli.parameters import parameters
from ...pauli.words import wires_of
from ...refused import Refused
from ..engine import Task

Z = 2  # the letter
WIDEST = 8  # wires of a word that is read with errors


def on_machine(task: Task) -> PauliCircuit:
    """The circuit on the machine's qubits, numbered from 0, and what its readout shows.

    Raises:
        Refused: angles that are shared, computed or of no known law; words other than of Z.
    """
    model = task.model
    if np.ndim(task.x) > 1:
        raise Refused("a loss on several rows of data is no observable of one circuit.")
    found = model.place.physical(model.circuit, model.n_features)
    program = model.place.program(model.circuit, (model.n_features,) if model.n_features else None)
    sources = _sources(task, program)
    used = {q for step in found.steps for q in _qubits(step)} | set(found.qubits.values())
    at = {qubit: wire for wire, qubit in enumerate(sorted(used))}
    elements: list[Element] = []
    for step in found.steps:
        on = tuple(at[q] for q in _qubits(step))
        if hasattr(step, "factors"):
            elements += _turns(step.factors, on[0], sources)
        elif hasattr(step, "kraus"):
            elements.append(channel(on, step.kraus))
        else:
            elements.append(fixed_gate(on, step.matrix))
    _refuse(elements)
    facts = parameters(model)
    names, wires = facts.names, {w: at[q] for w, q in found.qubits.items()}
    flips = {wires[w]: found.readout[q] for w, q in found.qubits.items()}
    measured = _read(observable(model, task.cost), wires, flips)
    return PauliCircuit(len(at), tuple(elements), measured, len(names), names, False)


def _qubits(step: Any) -> tuple[int, ...]:
    return step.qubits if hasattr(step, "qubits") else (step.qubit,)


def _sources(task: Task, program: Any) -> dict[int, Any]:
    """Of each column: the angle, or the number that a given feature makes of it."""
    import jax

    model, facts = task.model, parameters(task.model)
    shapes = jax.tree.leaves(model.layers.shape(model.wires), is_leaf=is_shape)
    starts = np.cumsum([0, *(int(np.prod(shape, dtype=int)) for shape in shapes)])
    number, out = np.cumsum(facts.reported) - 1, {}
    for piece in program.pieces:
        kind = piece.origin[0]
        if kind == "computed":
            raise Refused("an angle is computed by its layer. Use method='sampled'.")
        for column, index, factor in zip(piece.columns, piece.index, piece.factor, strict=True):
            index, factor = int(index), float(factor)
            if kind == "x":
                fixed = None if task.x is None else factor * float(task.x[index])
                out[int(column)] = Angle(-1 - index, factor, uniform()) if fixed is None else fixed
                continue
            entry = starts[piece.origin[1]] + index
            if not known(facts.laws[entry]):
                raise Refused(f"the law of an angle is not known: {facts.laws[entry]!r}.")
            out[int(column)] = Angle(int(number[entry]), factor, facts.laws[entry])
    return out


def _turns(factors: Any, wire: int, sources: dict[int, Any]) -> list[Element]:
    out: list[Element] = []
    for column, factor in factors.items():
        source = sources[column]
        if isinstance(source, float):
            out.append(
                fixed_gate((wire,), np.diag(np.exp(np.array([-0.5j, 0.5j]) * factor * source)))
            )
        else:
            out.append(PauliRotation((wire,), (Z,), replace(source, scale=factor * source.scale)))
    return out


def _refuse(elements: list[Element]) -> None:
    uses = Counter(e.angle.entry for e in elements if e.angle is not None)
    if any(count > 1 for count in uses.values()):
        raise Refused(
            "an angle stands in several gates of the transpiled circuit: tied angles have other second "
            "moments than independent ones. Use method='sampled'."
        )


def _read(words: Observable, wires: dict[int, int], flips: dict[int, np.ndarray]) -> Observable:
    """The words of Z as a readout with errors shows them: z becomes a z + b on each wire."""
    total: dict[tuple[int, int], float] = {}
    offset = words.offset
    for c, word in words.terms:
        if word[0]:
            raise Refused(
                "words of X or Y are turned by more gates before they are read. Measure words of Z."
            )
        on = [wires[w] for w in wires_of(word)]
        if len(on) > WIDEST:
            raise Refused(f"a word on {len(on)} wires that is read with errors has 2**wires parts.")
        slopes = {w: float(np.trace(flips[w]) - 1) for w in on}
        shifts = {w: float(flips[w][0, 1] - flips[w][1, 0]) for w in on}
        for size in range(len(on) + 1):
            for kept in combinations(on, size):
                value = c * np.prod([slopes[w] if w in kept else shifts[w] for w in on])
                if not kept:
                    offset += value
                elif value:
                    at = 0, sum(1 << w for w in kept)
                    total[at] = total.get(at, 0.0) + float(value)
    return Observable(tuple((c, word) for word, c in total.items()), float(offset))
