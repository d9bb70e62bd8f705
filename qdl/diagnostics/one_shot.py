r"""The noise of one shot: how many shots a gradient needs is a question about the observable too.

Read in its bases, a cost is a sum of numbers, one for each basis and outcome; one shot of each has the
variance $w = \sum_b (\langle O_b^2 \rangle - \langle O_b \rangle^2)$. A derivative by two shifted angles,
$(f_+ - f_-)/2$, has $w / (2S)$ of it from S shots, at the shifted angles and in the mean over starts.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from .. import simulator
from ..pauli.circuit import PauliCircuit
from ..pauli.cones import reduced
from ..pauli.laws import turns
from ..pauli.observables import Observable
from ..pauli.prefix import split
from ..refused import Refused
from .engine import Task, cost_of, start
from .result.variance import GradientVariance
from .walk import means

WORDS = 512  # of an observable whose square is written out
WIDEST = 14  # wires of the states that are looked at otherwise
STARTS = 256


def one_shot(task: Task, row: GradientVariance) -> float:
    """The variance of the cost from one shot of each basis, in the mean over starts with one angle shifted.

    Exact where every angle is uniform over a turn, so that a shift changes nothing; of one Pauli word with
    other starts the largest it can be, the square of its coefficient; else from 256 starts, on at most 14
    wires.

    Returns:
        It, or NaN where it is not known.
    """
    if not (~row.certified_zero).any():
        return math.nan
    if row.sampling is not None:  # measured: a derivative's noise is w / 2S
        return 2 * (row.sampling.shots or math.nan) * row.sampling.component.floor
    if np.ndim(task.x) > 1:
        return math.nan  # every row has noise of its own
    try:
        circuit = task.circuit
    except Refused:
        circuit = None
    try:
        if circuit is not None and len(circuit.observable.terms) == 1:
            square = circuit.observable.terms[0][0] ** 2
            return square - _second(row, circuit) * _uniform(circuit)
        if circuit is not None and _uniform(circuit) and _one_basis(circuit.observable):
            return _mean_square(circuit) - _second(row, circuit)
        if task.model.n_wires <= WIDEST:
            return _sampled(task, row)
    except Refused:
        pass
    return math.nan


def _uniform(circuit: PauliCircuit) -> bool:
    angles = {element.angle for element in circuit.elements if element.angle is not None}
    return all(turns(angle.law, angle.scale) for angle in angles)


def _second(row: GradientVariance, circuit: PauliCircuit) -> float:
    """The mean square of the cost, without its constant."""
    return row.cost_variance + (row.cost_mean - circuit.observable.offset) ** 2


def _one_basis(observable: Observable) -> bool:
    """Whether all words have the same letter on each wire, or none; and they are few."""
    x, z = (0, 0)
    for _, (a, b) in observable.terms:
        x, z = x | a, z | b
    support = [(a | b, a, b) for _, (a, b) in observable.terms]
    same = all(a == x & on and b == z & on for on, a, b in support)
    return same and len(observable.terms) <= WORDS


def _mean_square(circuit: PauliCircuit) -> float:
    r"""$E \\langle O^2 \\rangle$ of words that are read in one basis: their products have no phases."""
    total: dict[Any, float] = {}
    for first, (x, z) in circuit.observable.terms:
        for second, (a, b) in circuit.observable.terms:
            word = x ^ a, z ^ b
            total[word] = total.get(word, 0.0) + first * second
    offset = total.pop((0, 0), 0.0)
    terms = tuple((value, word) for word, value in total.items())
    square = reduced(replace(circuit, observable=Observable(terms, 0.0)))
    fixed = split(square, angles=False)
    return offset + means.mean(replace(square, elements=fixed.rest), fixed.means)


def _sampled(task: Task, row: GradientVariance) -> float:
    positions = np.flatnonzero(task.parameters.reported)[~row.certified_zero]
    x = None if task.x is None else jnp.asarray(task.x, float)
    keys = jax.random.split(jax.random.fold_in(task.key, 2), STARTS)
    circuit = task.model.circuit
    return float(_of_starts(task.model, circuit, task.cost, x, jnp.asarray(positions), keys).mean())


@partial(jax.jit, static_argnums=(0, 1, 2))
def _of_starts(
    model: Any, circuit: Any, cost: Any, x: Any, positions: jax.Array, keys: jax.Array
) -> jax.Array:
    def one(key: jax.Array) -> jax.Array:
        params, features, last = start(model, x, key)
        flat, unravel = ravel_pytree(params)
        at = jax.random.choice(last, positions)
        params = unravel(flat.at[at].add(jnp.pi / 2))
        return simulator.one_shot_variance(
            circuit, params, features, lambda values: cost_of(values, cost)
        )

    return jax.vmap(one)(keys)
