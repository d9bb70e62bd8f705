r"""Mixed states: $\rho$ of n wires as a state of 2n wires, run by the same passes.

$\mathrm{vec}(\rho)$ has row wires 0..n-1 and column wires n..2n-1. A gate $U$ on wires w is followed by
$U^*$ on w + n; a channel becomes one matrix $\sum_k K_k \otimes K_k^*$ on both. Channels cannot be undone,
so the derivative here is JAX's own, and keeps the stages' states.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..circuit import Circuit, leading
from ..layers.base import Wires
from ..readout import Measured, Probabilities
from . import measure
from .execute import Execution, Head, Ready, execute
from .memory import check_memory
from .plan import ALL, Passes
from .read import CONSTANTS, Gate, Reading, read
from .split import Affine, Element, Fence, Form, Phase


def evaluate_mixed(circuit: Circuit, params: Any, x: Any, passes: Passes = ALL) -> jax.Array:
    """The readout values ``(k,)`` or ``(batch, k)`` of a circuit with channels, exactly."""
    n, lead, measured = circuit.n_wires, leading(x), circuit.measured
    instead = "a smaller batch, or go on(qdl.backends.trajectories(samples=100))"
    check_memory(n, math.prod(lead), jnp.result_type(float), "density matrix", 2, instead)
    reading = read(circuit.layers, circuit.wires, params, x, channels=True)
    found = mixed_values(reading, circuit.wires, measured, math.prod(lead), passes)
    return found.reshape(*lead, -1)


def mixed_values(
    reading: Reading, wires: Wires, measured: Measured, batch: int, passes: Passes = ALL
) -> jax.Array:
    """The values ``(batch, k)`` of gates and channels, on the wires of the light cone."""
    n = max(wires) + 1

    def finish(state: jax.Array, ready: Ready) -> jax.Array:
        return values(measured, *density_matrix(state, ready, n))

    rows = measured.wires
    head = Head((*rows, *(w + n for w in rows)), False, finish)
    execution = Execution(lifted(reading, n), wires, head, passes, partial(doubled, n=n))
    return execute(execution, batch)


def lifted(reading: Reading, n: int) -> Reading:
    """The reading with channels, computed matrices and prepared states on row and column wires."""
    out = Reading(
        [], [*reading.numbers], [*reading.pieces], {**reading.constants}, [*reading.fences]
    )
    for gate in reading.gates:
        operator = gate.operator
        if isinstance(operator, qp.operation.StatePrepBase):
            gate = _lifted_state(gate, out, n)
        elif isinstance(operator, qp.operation.Channel) or gate.array is not None:
            gate = _lifted_matrix(gate, out, n)
        out.gates.append(gate)
    return out


def _both(operator: Any, n: int) -> list[int]:
    return [*operator.wires, *(w + n for w in operator.wires)]


def _lifted_state(gate: Gate, reading: Reading, n: int) -> Gate:
    """A pure state psi as psi (x) psi*."""
    many = gate.array is not None and reading.pieces[gate.array].batched
    psi = gate.operator.state_vector() if gate.array is None else reading.numbers[gate.array]
    psi = jnp.reshape(psi, (-1, 2 ** len(gate.operator.wires)))
    both = (psi[:, :, None] * psi[:, None, :].conj()).reshape(len(psi), -1)
    stand_in = qp.BasisState(np.zeros(2 * len(gate.operator.wires), int), _both(gate.operator, n))
    return Gate(stand_in, (), reading.add(both if many else both[0], many, arrays=True))


def _lifted_matrix(gate: Gate, reading: Reading, n: int) -> Gate:
    """A channel as one matrix: a constant one where its strengths are constants."""
    operator, wires = gate.operator, _both(gate.operator, n)
    stand_in = partial(qp.QubitUnitary, wires=wires)  # PennyLane's word for any matrix
    if gate.array is not None:
        many, kraus = reading.pieces[gate.array].batched, reading.numbers[gate.array]
        kraus = kraus if isinstance(operator, qp.operation.Channel) else kraus[None]
    elif all(slot.piece == CONSTANTS for slot in gate.angles):
        many, kraus = False, np.array(operator.kraus_matrices())
        size = np.abs(superoperator(kraus))
        if not np.allclose(
            size, size.round(), atol=1e-9
        ):  # else it may be split, and its parts doubled
            return Gate(stand_in(superoperator(kraus)), ())
    else:
        many, kraus = _kraus(gate, reading)
    piece = reading.add(superoperator(kraus), many, arrays=True)
    return Gate(stand_in(np.eye(2 ** len(wires))), (), piece)


def _kraus(gate: Gate, reading: Reading) -> tuple[bool, jax.Array]:
    """Whether they are batched, and the Kraus matrices ``(k, [batch,] d, d)`` at traced strengths."""
    constants = {index: value for value, index in reading.constants.items()}
    strengths, axes = [], []
    for slot in gate.angles:
        fixed = slot.piece == CONSTANTS
        strengths.append(
            jnp.asarray(constants[slot.at]) if fixed else reading.numbers[slot.piece][slot.at]
        )
        axes.append(0 if strengths[-1].ndim else None)

    def matrices(*values: jax.Array) -> jax.Array:
        with qp.QueuingManager.stop_recording():
            channel = qp.ops.functions.bind_new_parameters(gate.operator, list(values))
        return jnp.stack(
            [jnp.asarray(k, jnp.result_type(complex)) for k in channel.kraus_matrices()]
        )

    many = any(axis == 0 for axis in axes)
    return many, (jax.vmap(matrices, axes, 1) if many else matrices)(*strengths)


def superoperator(kraus: Any) -> Any:
    r"""$\sum_k K_k \otimes K_k^*$ ``(..., d^2, d^2)`` of Kraus matrices ``(k, ..., d, d)``."""
    xp = np if isinstance(kraus, np.ndarray) else jnp
    out = xp.einsum("k...ij,k...ab->...iajb", kraus, kraus.conj())
    size = kraus.shape[-1] ** 2
    return out.reshape(*out.shape[:-4], size, size)


def doubled(
    elements: Iterable[Element], wires: Iterable[int], n: int
) -> tuple[list[Element], tuple[int, ...]]:
    """Each element followed by its conjugate on the column wires, and all wires, w next to w + n.

    What reaches into the column wires already stands for both.
    """
    out: list[Element] = []
    for element in elements:
        out.append(element)
        if not isinstance(element, Fence) and all(w < n for w in element.wires):
            out.append(_conjugate(element, n))
    return out, tuple(wire for w in wires if w < n for wire in (w, w + n))


def _conjugate(element: Any, n: int) -> Element:
    element = element._replace(wires=tuple(w + n for w in element.wires))
    if isinstance(element, Phase):
        return element._replace(coefficient=-element.coefficient)
    if isinstance(element, Affine) or element.form.real:
        return element
    form = element.form
    matrix = None if form.matrix is None else form.matrix.conj()

    def build(angles: Any) -> Any:
        return form.build(angles).conj()

    return element._replace(form=Form(("conjugate", form.key), False, build, matrix))


def density_matrix(state: jax.Array, ready: Ready, n: int) -> tuple[jax.Array, list[int]]:
    """Rho ``(batch, 2^r, 2^r)`` and its r wires: those that can change what is measured."""
    order = ready.program.final
    rows = sorted(w for w in order if w < n)
    vec = measure.amplitudes(state, ready).reshape(-1, *(2,) * len(order))
    axes = [1 + order.index(w) for w in (*rows, *(w + n for w in rows))]
    return jnp.transpose(vec, (0, *axes)).reshape(len(vec), 2 ** len(rows), -1), rows


def values(measured: Measured, rho: jax.Array, wires: list[int]) -> jax.Array:
    """The values ``(batch, k)`` of all measurements."""
    p = jnp.diagonal(rho, axis1=1, axis2=2).real
    if isinstance(measured, Probabilities):
        return measure.probabilities(p, measured.wires, wires)
    if measure.is_diagonal(measured):
        return p @ jnp.asarray(measure.diagonals(measured, wires), p.dtype)
    columns = jnp.swapaxes(rho, 1, 2).reshape(-1, rho.shape[-1])
    images = [measure.image(o, columns, wires).reshape(rho.shape) for o in measured.observables]
    return jnp.stack([jnp.trace(image, axis1=1, axis2=2).real for image in images], -1)
