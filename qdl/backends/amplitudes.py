r"""A prepared state as rotations and CNOTs with the same gates for every vector.

Only the angles depend on the vector, so a batch of prepared states is one circuit with an array of
parameter values. Real amplitudes need RY alone, their signs included; complex ones also RZ for the phases.

Reference: Mottonen, Vartiainen, Bergholm, Salomaa, Quantum Information and Computation 5, 467 (2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from pennylane.templates.state_preparations.mottonen import compute_theta, gray_code


def preparation(vector: Any, wires: list[Any]) -> Iterator[Any]:
    """Operators that turn |0...0> into normalised amplitudes ``(2**n,)`` or ``(batch, 2**n)``.

    Equal up to a global phase. Angles of JAX vectors may be traced.

    Example:
        >>> gates = preparation(np.array([0.6, 0.8]), [0])
        >>> [(g.name, round(float(g.data[0]), 4)) for g in gates]
        [('RY', 1.8546)]
    """
    vector = jnp.asarray(vector)
    if jnp.iscomplexobj(vector) and not isinstance(vector, jax.core.Tracer):
        if not np.any(np.imag(vector)):
            vector = vector.real
    size = 1 if jnp.iscomplexobj(vector) else 2  # below this, halves are compared with their signs
    weights = jnp.abs(vector) if size == 1 else vector
    for level, wire in enumerate(wires):
        yield from _rotations(qp.RY, _polar(weights, level, len(wires)), wires[:level], wire)
    if size == 1:
        phases = jnp.angle(vector)
        for level, wire in enumerate(wires):
            yield from _rotations(qp.RZ, _phase(phases, level), wires[:level], wire)


def _halves(values: Any, level: int) -> tuple[Any, Any]:
    """The amplitudes with wire ``level`` in 0 and in 1, ``(..., 2**level, rest)`` each."""
    split = values.reshape(*values.shape[:-1], 2**level, 2, -1)
    return split[..., 0, :], split[..., 1, :]


def _polar(weights: Any, level: int, n: int) -> Any:
    """RY angles that share the weight out between the two halves; the last ones keep signs."""
    zero, one = _halves(weights, level)
    if level == n - 1:
        return 2 * jnp.arctan2(one[..., 0], zero[..., 0])

    def norm(half: Any) -> Any:
        return jnp.sqrt(jnp.sum(half * half, axis=-1))

    return 2 * jnp.arctan2(norm(one), norm(zero))


def _phase(phases: Any, level: int) -> Any:
    """RZ angles: the difference of the mean phases of the two halves."""
    zero, one = _halves(phases, level)
    return (one - zero).mean(axis=-1)


def _rotations(gate: Any, angles: Any, controls: list[Any], wire: Any) -> Iterator[Any]:
    """A rotation by another angle for every value of the controls, along a Gray code."""
    if not controls:
        yield gate(angles[..., 0], wires=wire)
        return
    turns: Any = compute_theta(angles, num_qubits=len(controls))
    code = gray_code(len(controls))
    flips = np.log2(code ^ np.roll(code, -1)).astype(int)
    for i, flip in enumerate(flips):
        yield gate(turns[..., i], wires=wire)
        yield qp.CNOT(wires=[controls[-1 - flip], wire])
