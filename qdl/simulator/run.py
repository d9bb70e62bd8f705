"""The entry points: the state of a circuit, its readout values, its samples."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import psutil

from ..layers.base import Layer, Wires
from ..readout import Readout
from . import measure
from .execute import Circuit, Ready, execute
from .plan import ALL, Passes
from .read import read
from .shift import Experiment, sampled
from .shots import bases, distributions

WITHOUT_STATES = (
    "qdl.diagnostics.gradient_variance(method='pauli_walk'), which needs no statevector"
)


def evaluate(
    layers: Layer,
    wires: Wires,
    readout: Readout,
    params: Any,
    x: Any,
    shots: int | None = None,
    key: jax.Array | None = None,
    passes: Passes = ALL,
) -> jax.Array:
    """The readout values ``(..., k)`` of a circuit."""
    measurements = readout.measurements(layers.active(wires))
    measured = measure.support(measurements)
    check_memory(len(wires), 1, jnp.result_type(float))
    if shots is not None:
        check_shots(shots, key)
        assert key is not None
        found = bases(measurements)
        diagonal = not any(basis.rotations for basis in found)

        def run(circuit: Any, batch: Any) -> Any:
            return sampled(Experiment(circuit, batch, found, shots), key)

        law = partial(distributions, found)
        return _execute(layers, wires, params, x, measured, diagonal, law, passes, run)

    def finish(state: jax.Array, ready: Ready) -> jax.Array:
        return measure.values(measurements, state, ready)

    diagonal = measure.is_diagonal(measurements)
    return _execute(layers, wires, params, x, measured, diagonal, finish, passes)


def state(
    layers: Layer, wires: Wires, params: Any, x: Any, passes: Passes = ALL, run: Any = execute
) -> jax.Array:
    """The amplitudes ``(..., 2**n)``, wire 0 the most significant bit."""

    def finish(state: jax.Array, ready: Ready) -> jax.Array:
        order = ready.program.final
        psi = measure.amplitudes(state, ready).reshape(-1, *(2,) * len(order))
        return jnp.transpose(psi, (0, *(1 + order.index(w) for w in wires))).reshape(len(psi), -1)

    return _execute(layers, wires, params, x, wires, False, finish, passes, run)


def _execute(
    layers: Layer,
    wires: Wires,
    params: Any,
    x: Any,
    measured: Wires,
    diagonal: bool,
    finish: Any,
    passes: Passes,
    run: Any = execute,
) -> jax.Array:
    lead = () if x is None else x.shape[:-1]
    flat = x if x is None or x.ndim == 1 else x.reshape(-1, x.shape[-1])
    batch = math.prod(lead)
    check_memory(len(wires), batch, jnp.result_type(float))
    reading = read(layers, wires, params, flat)
    circuit = Circuit(reading, wires, measured, diagonal, finish, passes)
    return run(circuit, batch).reshape(*lead, -1)


def check_memory(
    n: int,
    batch: int,
    dtype: Any,
    kind: str = "statevector",
    doubling: int = 1,
    instead: str = "a smaller batch",
) -> None:
    """Refuse what cannot fit, with the numbers, before anything is allocated.

    A wire makes a state ``2**doubling`` times as large.
    """
    one = 2 * np.dtype(dtype).itemsize * 2.0 ** (doubling * n)
    free = psutil.virtual_memory().available
    if 3 * one * batch > free:  # state, its image and one cotangent
        fits = int(math.log2(max(free / (2 * np.dtype(dtype).itemsize) / 3 / batch, 1))) // doubling
        raise ValueError(
            f"{n} wires need {_bytes(one)} for one {kind}, and a batch of {batch} with work space "
            f"{_bytes(3 * one * batch)}; this machine has {_bytes(free)} free. Use at most {fits} wires, "
            f"or {instead if batch > 1 or instead != 'a smaller batch' else WITHOUT_STATES}."
        )


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if count < 1024 or unit == "PiB":
            return f"{count:.3g} {unit}"
        count /= 1024
    return ""


def check_shots(shots: Any, key: Any = True) -> None:
    """Refuse shots that are not a positive whole number, and shots without a key."""
    if isinstance(shots, bool) or not isinstance(shots, int | np.integer) or shots < 1:
        raise ValueError(
            f"shots must be a whole number >= 1, or None for exact values; got {shots!r}. "
            "Example: statevector(shots=1000)."
        )
    if key is None:
        raise ValueError(f"{shots} shots need a key: apply(params, x, key=jax.random.key(0)).")
