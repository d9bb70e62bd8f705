r"""Gaussian circuits in phase space: the mean and the covariance of all quadratures, vacuum variance 1.

Order $x_1, \dots, x_m, p_1, \dots, p_m$. Gates next to each other on different modes are one step, and a mesh
of beamsplitters is a loop over its columns, so that hundreds of modes compile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..circuit import Circuit
from ..observables import terms
from ..readout import Measured, Observables
from ..refused import Refused
from .measure import direction
from .program import Step, Turns, displaced, numbers, steps_of

GATES = ("Displacement", "Squeezing", "Rotation", "Beamsplitter")
READ = ("QuadX", "QuadP", "QuadOperator", "NumberOperator")
LOOPED = 4  # turns from which equal steps in a row are a loop

Moments = tuple[jax.Array, jax.Array]  # mean (2m,), covariance (2m, 2m)


@dataclass(frozen=True)
class Front:
    """Gates of one kind on different modes, at once.

    Attributes:
        kind: of the gates.
        modes: ``(gates,)`` or ``(gates, 2)``, as nested tuples.
        arrays: their numbers, each ``(runs, gates)``.
    """

    kind: str
    modes: tuple[Any, ...]
    arrays: tuple[jax.Array, ...]


def moments(circuit: Circuit, params: Any, x: Any) -> Moments:
    """Mean and covariance after a circuit of Gaussian gates, of one sample."""
    m = circuit.n_wires
    kind = jnp.result_type(float)
    start = jnp.zeros(2 * m, kind), jnp.eye(2 * m, dtype=kind)
    return _run(_prepared(steps_of(circuit, params, x)), start)


def values(found: Moments, measured: Measured) -> jax.Array:
    """The readout values ``(k,)``."""
    refuse(measured)
    assert isinstance(measured, Observables)
    total = [sum(c * _term(found, term) for c, term in terms(o)) for o in measured.observables]
    return jnp.stack(total)


def refuse(measured: Measured) -> None:
    """Refuse what is not read from mean and covariance, by name.

    Raises:
        Refused: with what to use.
    """
    for o in measured.observables if isinstance(measured, Observables) else (measured,):
        for _, term in terms(o) if isinstance(measured, Observables) else ((1.0, o),):
            name = getattr(term, "name", type(term).__name__)
            if name not in READ:
                raise Refused(
                    f"{name} is not read from mean and covariance: gaussian() has quadratures and mean "
                    "photon numbers. Use Quadrature() or PhotonNumber() of qdl.photonic, or fock(cutoff), "
                    "which has photon numbers."
                )


def _term(found: Moments, term: Any) -> jax.Array:
    mean, covariance = found
    m, i = len(mean) // 2, int(term.wires[0])
    if term.name == "NumberOperator":
        square = mean[i] ** 2 + mean[m + i] ** 2
        return (covariance[i, i] + covariance[m + i, m + i] + square) / 4 - 0.5
    c, s = direction(term)
    return c * mean[i] + s * mean[m + i]


def variances(found: Moments, measured: Observables) -> jax.Array:
    """Of single outcomes of quadratures, ``(k,)``; sums of them are outcomes of their own."""
    _, covariance = found
    m = len(covariance) // 2

    def one(term: Any) -> jax.Array:
        if term.name == "NumberOperator":
            raise Refused(
                "gaussian(shots=...) has homodyne detection alone: the distribution of photon numbers is not "
                "read from mean and covariance. Use Quadrature(), fock(cutoff, shots=...), or no shots."
            )
        (c, s), i = direction(term), int(term.wires[0])
        block = covariance[jnp.ix_(jnp.array([i, m + i]), jnp.array([i, m + i]))]
        return c * c * block[0, 0] + 2 * c * s * block[0, 1] + s * s * block[1, 1]

    found_ = [sum(c * c * one(t) for c, t in terms(o)) for o in measured.observables]
    return jnp.stack(found_)


def _prepared(steps: Sequence[Any]) -> list[Any]:
    """Steps as fronts and loops."""
    out: list[Any] = []
    group: list[Step] = []
    for step in [*steps, None]:
        if isinstance(step, Step):
            group.append(step)
            continue
        out += _looped(list(_fronts(group)))
        group = []
        if step is not None:
            out.append(Turns(step.times, step.backwards, tuple(_prepared(step.body))))
    return out


def _fronts(steps: Sequence[Step]) -> Iterator[Front]:
    """Gates in a row on different modes and of one kind, together."""
    row: list[Step] = []
    used: set[int] = set()
    for step in steps:
        same = row and (step.kind, len(step.numbers)) == (row[0].kind, len(row[0].numbers))
        if row and (not same or used & set(step.modes)):
            yield _front(row)
            row, used = [], set()
        row.append(step)
        used |= set(step.modes)
    if row:
        yield _front(row)


def _front(row: Sequence[Step]) -> Front:
    modes: tuple[Any, ...] = tuple(s.modes if len(s.modes) > 1 else min(s.modes) for s in row)
    if row[0].kind == "displacement":
        each = [displaced(s)[:2] for s in row] if len(row[0].numbers) > 2 else None
        if each is None:
            a, phi = numbers(row, 0), numbers(row, 1)
            flat = all(s.numbers[1] == 0.0 for s in row)
            arrays = (a, jnp.zeros_like(a)) if flat else (a * jnp.cos(phi), a * jnp.sin(phi))
        else:
            arrays = tuple(jnp.stack(column, -1) for column in zip(*each, strict=True))
    else:
        arrays = tuple(numbers(row, i) for i in range(len(row[0].numbers)))
    return Front(row[0].kind, modes, arrays)


def _looped(fronts: list[Front]) -> list[Any]:
    """Fronts with every second one alike, as the columns of a mesh, as a loop over pairs of them."""
    out: list[Any] = []
    i = 0
    while i < len(fronts):
        turns = 0
        while _alike(fronts, i, i + 2 * turns) and _alike(fronts, i + 1, i + 2 * turns + 1):
            turns += 1
        if turns < LOOPED:
            out.append(fronts[i])
            i += 1
            continue
        body = []
        for k in (i, i + 1):
            columns = [fronts[k + 2 * t].arrays for t in range(turns)]
            # (runs, gates) each -> (runs * turns, gates): the turns are the innermost loop
            arrays = tuple(
                jnp.stack(c, 1).reshape(-1, c[0].shape[-1]) for c in zip(*columns, strict=True)
            )
            body.append(Front(fronts[k].kind, fronts[k].modes, arrays))
        out.append(Turns(turns, False, tuple(body)))
        i += 2 * turns
    return out


def _alike(fronts: list[Front], i: int, j: int) -> bool:
    if max(i, j) >= len(fronts):
        return False
    a, b = fronts[i], fronts[j]
    return (a.kind, a.modes) == (b.kind, b.modes)


def _run(ops: Sequence[Any], state: Moments) -> Moments:
    """After operations whose arrays are of one run each, ``(1, gates)``."""
    for op in ops:
        if isinstance(op, Front):
            state = _applied(op, [a[0] for a in op.arrays], state)
            continue
        arrays = jax.tree.map(
            lambda a, times=op.times: a.reshape(times, -1, *a.shape[1:]),
            [front.arrays for front in _every(op.body)],
        )

        def turn(state: Moments, arrays: Any, op: Turns = op) -> tuple[Moments, None]:
            return _run(_with(op.body, iter(arrays)), state), None

        state, _ = jax.lax.scan(turn, state, arrays, reverse=op.backwards)
    return state


def _every(ops: Sequence[Any]) -> Iterator[Front]:
    for op in ops:
        if isinstance(op, Front):
            yield op
        else:
            yield from _every(op.body)


def _with(ops: Sequence[Any], arrays: Iterator[Any]) -> list[Any]:
    return [
        Front(op.kind, op.modes, next(arrays))
        if isinstance(op, Front)
        else Turns(op.times, op.backwards, tuple(_with(op.body, arrays)))
        for op in ops
    ]


def _applied(front: Front, arrays: Sequence[jax.Array], state: Moments) -> Moments:
    mean, covariance = state
    m = len(mean) // 2
    modes = np.array(front.modes)
    if front.kind == "displacement":
        re, im = arrays
        return mean.at[modes].add(2 * re).at[m + modes].add(2 * im), covariance
    if front.kind == "beamsplitter":
        index = np.concatenate([modes.T, m + modes.T])  # (4, gates): x_a, x_b, p_a, p_b
        matrix = _beamsplitter(*arrays)
    else:
        index = np.stack([modes, m + modes])
        matrix = _squeezer(*arrays) if front.kind == "squeezing" else _rotation(*arrays)
    mean = mean.at[index].set(jnp.einsum("ijg,jg->ig", matrix, mean[index]))
    rows = jnp.einsum("ijg,jgk->igk", matrix, covariance[index])
    covariance = covariance.at[index].set(rows)
    columns = jnp.einsum("ijg,kjg->kig", matrix, covariance[:, index])
    return mean, covariance.at[:, index].set(columns)


def _rotation(phi: jax.Array) -> jax.Array:
    c, s = jnp.cos(phi), jnp.sin(phi)
    return jnp.stack([jnp.stack([c, -s]), jnp.stack([s, c])])


def _squeezer(r: jax.Array, phi: jax.Array) -> jax.Array:
    c, s = jnp.cosh(r), jnp.sinh(r)
    along, across = s * jnp.cos(phi), s * jnp.sin(phi)
    return jnp.stack([jnp.stack([c - along, -across]), jnp.stack([-across, c + along])])


def _beamsplitter(theta: jax.Array, phi: jax.Array) -> jax.Array:
    r"""$a \to a \cos\theta - b e^{-i\phi} \sin\theta$, $b \to b \cos\theta + a e^{i\phi} \sin\theta$."""
    c, s = jnp.cos(theta), jnp.sin(theta)
    u, v, zero = s * jnp.cos(phi), s * jnp.sin(phi), jnp.zeros_like(theta)
    rows = [[c, -u, zero, -v], [u, c, -v, zero], [zero, v, c, -u], [v, zero, u, c]]
    return jnp.stack([jnp.stack(row) for row in rows])
