"""The entry points: the state of a circuit, its readout values, its samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..circuit import Circuit, leading
from ..readout import Measured
from . import measure
from .chains import narrowed, parts_and_chains
from .density import mixed_values
from .execute import Execution, Head, Ready, execute
from .memory import check_memory
from .plan import ALL, Passes
from .read import read
from .shift import Experiment, sampled
from .shots import bases
from .shots import head as distribution_head

MOST_SHOTS = 2**31 - 1  # counted in 32 bits


def evaluate(
    circuit: Circuit,
    params: Any,
    x: Any,
    shots: int | None = None,
    key: jax.Array | None = None,
    passes: Passes = ALL,
) -> jax.Array:
    """The readout values ``(k,)`` or ``(batch, k)`` of a circuit."""
    check_size(circuit, x)
    if shots is None:
        return _executed(circuit, params, x, measure.head(circuit.measured), passes)
    check_shots(shots, key)
    assert key is not None
    found = bases(circuit.measured)

    def run(execution: Execution, batch: int) -> jax.Array:
        return sampled(Experiment(execution, batch, found, shots), key)

    return _executed(circuit, params, x, distribution_head(found), passes, run)


def evaluate_groups(
    circuit: Circuit, params: Any, x: Any, groups: Sequence[Measured], passes: Passes = ALL
) -> list[jax.Array]:
    """The values ``(..., k)`` of several readouts, each on the wires of its own light cone alone.

    The caller has looked whether those fit; the circuit itself may have any number of wires.
    """
    lead = leading(x)
    reading = read(circuit.layers, circuit.wires, params, x, channels=True, expand=parts_and_chains)
    noisy = any(isinstance(gate.operator, qp.operation.Channel) for gate in reading.gates)
    batch, out = math.prod(lead), []
    for measured in groups:
        here = narrowed(reading, measured.wires)
        if noisy:
            found = mixed_values(here, circuit.wires, measured, batch, passes)
        else:
            execution = Execution(here, circuit.wires, measure.head(measured), passes)
            found = execute(execution, batch)
        out.append(found.reshape(*lead, -1))
    return out


def distributions(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    """The exact distributions of the bases that ``shots.bases`` finds, side by side: ``(..., outcomes)``."""
    check_size(circuit, x)
    return _executed(circuit, params, x, distribution_head(bases(circuit.measured)), ALL)


def one_shot_variances(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    """The variance of each readout value when every basis is read once, ``(..., k)``.

    Args:
        circuit: the circuit.
        params: its parameters.
        x: features of at most one leading axis, or None.
    """
    out: Any = 0.0
    for p, columns in _read_apart(circuit, params, x):
        mean = p @ columns
        # About the mean, where nothing cancels.
        out = out + jnp.einsum("...m,...mk->...k", p, (columns - mean[..., None, :]) ** 2)
    return out


def _read_apart(circuit: Circuit, params: Any, x: Any) -> list[tuple[jax.Array, np.ndarray]]:
    """The distribution ``(..., m)`` of each basis, and the values ``(m, k)`` of its outcomes."""
    found, exact = bases(circuit.measured), distributions(circuit, params, x)
    ends = np.cumsum([2 ** len(basis.wires) for basis in found])[:-1]
    parts = jnp.split(exact, ends, axis=-1)
    return [
        (p, np.eye(p.shape[-1]) if b.columns is None else b.columns)
        for b, p in zip(found, parts, strict=True)
    ]


def one_shot_variance(circuit: Circuit, params: Any, x: Any, cost: Any) -> jax.Array:
    """The variance of a cost whose every basis is read once: of its linear part at the exact values.

    Args:
        circuit: the circuit.
        params: its parameters.
        x: one sample of features, or None.
        cost: a function of the readout values ``(k,)``.
    """
    read_apart = _read_apart(circuit, params, x)
    values = sum((p @ c for p, c in read_apart), jnp.zeros(circuit.size))
    weights = jax.grad(cost)(values)
    out = jnp.zeros(())
    for p, c in read_apart:
        outcomes = c @ weights
        out = out + p @ (outcomes - p @ outcomes) ** 2
    return out


def state(
    circuit: Circuit, params: Any, x: Any, passes: Passes = ALL, run: Any = execute
) -> jax.Array:
    """The amplitudes ``(2**n,)`` or ``(batch, 2**n)``, wire 0 the most significant bit."""
    check_size(circuit, x)
    wires = circuit.wires

    def finish(state: jax.Array, ready: Ready) -> jax.Array:
        order = ready.program.final
        psi = measure.amplitudes(state, ready).reshape(-1, *(2,) * len(order))
        return jnp.transpose(psi, (0, *(1 + order.index(w) for w in wires))).reshape(len(psi), -1)

    return _executed(circuit, params, x, Head(wires, False, finish), passes, run)


def check_size(circuit: Circuit, x: Any) -> None:
    """First of all: an observable on many wires is as large as a state."""
    check_memory(circuit.n_wires, math.prod(leading(x)), jnp.result_type(float))


def _executed(
    circuit: Circuit, params: Any, x: Any, head: Head, passes: Passes, run: Any = execute
) -> jax.Array:
    lead = leading(x)
    reading = read(circuit.layers, circuit.wires, params, x)
    execution = Execution(reading, circuit.wires, head, passes)
    return run(execution, math.prod(lead)).reshape(*lead, -1)


def check_shots(shots: Any, key: Any = True) -> None:
    """Refuse shots that are not a positive whole number, and shots without a key."""
    if isinstance(shots, bool) or not isinstance(shots, int | np.integer) or shots < 1:
        raise ValueError(
            f"shots must be a whole number >= 1, or None for exact values; got {shots!r}. "
            "Example: statevector(shots=1000)."
        )
    if shots > MOST_SHOTS:
        raise ValueError(
            f"shots must be at most {MOST_SHOTS}, whose error is 2e-5 of a value; got {shots}. Take None for "
            "exact values, or average several calls."
        )
    if key is None:
        raise ValueError(f"{shots} shots need a key: apply(params, x, key=jax.random.key(0)).")
