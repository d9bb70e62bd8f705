"""Which engine measures a model: the one asked for, or the best one that is valid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from ...pauli.circuit import pauli_circuit
from ..result.variance import GradientVariance
from ..walk import engine as pauli_walk
from . import dense_moment, light_cone, statevector

METHODS = ("auto", "statevector", "dense_moment", "pauli_walk", "pauli_walk_rb", "light_cone")
QUICK = 5e10  # multiplications that auto spends on exact moments: some ten seconds
WIDE = 20  # wires of a state vector that auto tries
FEW = 10  # hits below which auto looks for a sharper walk
DEEP = 40  # wires up to which that is worth while


@dataclass(frozen=True)
class Task:
    """One model and how it is to be measured."""

    model: Any
    cost: Any
    x: Any
    samples: int | None
    key: jax.Array
    executor: Any


def run(task: Task, method: str) -> GradientVariance:
    """Measure with the engine named ``method``."""
    if method == "auto":
        return _auto(task)
    draws = task.cost, task.x, task.samples, task.key, task.executor
    if method == "statevector":
        return statevector.measure(task.model, *draws)
    _check_place(task.model)
    if method == "light_cone":
        return light_cone.measure(task.model, *draws)
    if method == "dense_moment":
        return dense_moment.measure(_circuit(task, widest=2))
    rb = method == "pauli_walk_rb"
    return pauli_walk.measure(_circuit(task), task.samples, task.key, task.executor, rb)


def _circuit(task: Task, widest: int | None = None) -> Any:
    if task.x is not None and np.ndim(task.x) != 1:
        raise ValueError(
            f"second moments are those of one sample, got x of shape {np.shape(task.x)}. Pass one row, or "
            "use method='statevector' with a cost that averages over the batch."
        )
    return pauli_circuit(task.model, task.x, task.cost, widest)


def _check_place(model: Any) -> None:
    place = model.place
    if place.shots is not None or place.noisy:
        raise ValueError(
            f"the model runs on {place!r}, whose shots or noise only method='statevector' can see. Use that, "
            "or the model without .on(...)."
        )


def _auto(task: Task) -> GradientVariance:
    """Exact moments, else the walk, else the light cone, else random starts."""
    reasons: dict[str, str] = {}
    for attempt in (_moments, _walk, _cone, _starts):
        try:
            row = attempt(task)
        except ValueError as error:
            reasons[attempt.__name__.strip("_")] = str(error)
            continue
        why = [f"not {name}: {_first_sentence(text)}" for name, text in reasons.items()]
        return replace(row, reason="; ".join(why) or "exact, and quick enough")
    tried = " ".join(f"[{name}] {text}" for name, text in reasons.items())
    raise ValueError(
        f"no engine is valid for this model on {task.model.n_wires} wires. Expected one of: few wires, "
        f"independent angles, a small light cone. What each said: {tried}"
    )


def _first_sentence(text: str) -> str:
    return text.split(". ")[0].rstrip(".")


def _moments(task: Task) -> GradientVariance:
    _check_place(task.model)
    return dense_moment.measure(_circuit(task, widest=2), most_work=QUICK)


def _walk(task: Task) -> GradientVariance:
    _check_place(task.model)
    circuit = _circuit(task)
    row = pauli_walk.measure(circuit, task.samples, task.key, task.executor)
    hits = row.draws * row.cost_variance / sum(c**2 for c, _ in circuit.observable.terms)
    if hits >= FEW or circuit.n_wires > DEEP:
        return row
    again = jax.random.fold_in(task.key, 1)  # independent of the samples that made us look
    return pauli_walk.measure(circuit, task.samples, again, task.executor, blackwell=True)


def _cone(task: Task) -> GradientVariance:
    _check_place(task.model)
    if task.model.n_wires <= WIDE // 2:
        raise ValueError("so few wires need no light cone.")
    return light_cone.measure(task.model, task.cost, task.x, task.samples, task.key, task.executor)


def _starts(task: Task) -> GradientVariance:
    if task.model.n_wires > WIDE:
        raise ValueError(
            f"a state vector of {task.model.n_wires} wires for every draw takes long: at most {WIDE} unless "
            "method='statevector' is asked for."
        )
    return run(task, "statevector")
