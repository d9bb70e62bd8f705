"""How entangled the states of a circuit are: the Meyer-Wallach measure, exact or sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..pauli.circuit import PauliCircuit
from ..pauli.observables import Observable
from ..pauli.prefix import split
from ..refused import Refused
from .engines.state_moments import state_moments, unitary_circuit
from .expressivity import at_least_two, one_sample, state_pairs
from .walk.certify import certify
from .walk.paths import walk_paths

METHODS = ("auto", "dense_moment", "pauli_walk", "statevector")
FEW = 8  # wires up to which auto computes exactly
WIDE = 14  # wires up to which auto samples states
STATES, WALKS = 1000, 2**18  # samples unless asked otherwise


@dataclass(frozen=True, repr=False)
class EntanglingCapability:
    r"""The mean Meyer-Wallach entanglement of the states that a circuit makes.

    Attributes:
        value: mean of $Q$, between 0 (products) and 1.
        standard_error: of ``value``; 0 where it is exact.
        haar: the mean over Haar-random states, $(2^n - 2)/(2^n + 1)$.
        samples: how many states or walks; 0 where nothing was sampled.
        method: ``"dense_moment"``, ``"pauli_walk"`` or ``"statevector"``.
    """

    value: float
    standard_error: float
    haar: float
    samples: int
    method: str

    def __repr__(self) -> str:
        """The value with its error, and Haar's."""
        error = f" +- {self.standard_error:.2g}" if self.standard_error else ""
        return f"Q = {self.value:.4g}{error}, Haar-random states {self.haar:.4g} ({self.method})"


def entangling_capability(
    model: Any,
    *,
    key: jax.Array,
    samples: int | None = None,
    x: Any = None,
    method: str = "auto",
) -> EntanglingCapability:
    r"""The mean of $Q = 2\,(1 - \frac{1}{n} \sum_q \mathrm{Tr}\,\rho_q^2)$ over random parameters.

    $\rho_q$ is the reduced state of one qubit. Since
    $E\,Q = 1 - \frac{1}{n} \sum_q \sum_{P \in XYZ} E\,\langle P_q \rangle^2$, it is exact on few wires and
    one Pauli walk on many, where the angles are independent. Some published tables of this quantity do
    not follow from its definition; compare with closed forms only.

    Args:
        model: a QNN without noise, on a place without errors.
        key: a JAX key; parameters are drawn by the model's own ``init``.
        samples: number of states or walks.
        x: features ``(n_features,)``; None for features uniform over a turn.
        method: one of ``"dense_moment"`` (exact), ``"pauli_walk"``, ``"statevector"`` (sampled states), or
            ``"auto"`` for the first of them that is valid and quick.

    Raises:
        ValueError: fewer than 2 samples, or a method that is not valid here.

    Example:
        >>> import jax, qdl
        >>> from qdl.layers import Entangler, Rotation
        >>> model = qdl.QNN(2, [Rotation("y"), Entangler("cnot")])
        >>> round(entangling_capability(model, key=jax.random.key(0)).value, 3)  # E sin^2 E cos^2 = 1/4
        0.25

    Reference: Meyer, Wallach, Journal of Mathematical Physics 43, 4273 (2002); Brennen, Quantum
    Information and Computation 3, 619 (2003), eq. 3; Heyraud et al., PRX Quantum 4, 040335 (2023).
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: expected one of {', '.join(METHODS)}.")
    at_least_two(**({} if samples is None else {"samples": samples}))
    model.place.check_pure("entangling_capability")
    x = one_sample(model, x)
    if method == "statevector":
        return _sampled(model, key, samples or STATES, x)
    if method != "auto":
        circuit = unitary_circuit(model, x)
        return _exact(circuit) if method == "dense_moment" else _walked(circuit, key, samples)
    try:
        circuit = unitary_circuit(model, x)
        return _exact(circuit) if model.n_wires <= FEW else _walked(circuit, key, samples)
    except Refused:
        if model.n_wires > WIDE:
            raise
    return _sampled(model, key, samples or STATES, x)


@jax.jit
def meyer_wallach(state: Any) -> jax.Array:
    r"""$Q = 2\,(1 - \frac{1}{n} \sum_q \mathrm{Tr}\,\rho_q^2)$ of a state ``(..., 2**n)``.

    Example:
        >>> import jax.numpy as jnp
        >>> ghz = jnp.zeros(8).at[jnp.array([0, 7])].set(0.5**0.5)
        >>> round(float(meyer_wallach(ghz)), 6)
        1.0

    Reference: Brennen, Quantum Information and Computation 3, 619 (2003), eq. 3.
    """
    state = jnp.asarray(state)
    n = int(state.shape[-1]).bit_length() - 1
    purities = []
    for wire in range(n):
        split_at = state.reshape(*state.shape[:-1], 2**wire, 2, -1)
        rho = jnp.einsum("...iaj,...ibj->...ab", split_at, split_at.conj())
        purities.append(jnp.sum(jnp.abs(rho) ** 2, axis=(-2, -1)))
    return 2 * (1 - jnp.mean(jnp.stack(purities), axis=0))


def haar_entanglement(n: int) -> float:
    """The mean of Q over Haar-random states."""
    return (2.0**n - 2) / (2.0**n + 1)


def _exact(circuit: PauliCircuit) -> EntanglingCapability:
    n, squares = circuit.n_wires, state_moments(circuit, only_squares=True)[0]
    singles = [squares[letter << 2 * wire] for wire in range(n) for letter in (1, 2, 3)]
    return EntanglingCapability(
        1 - float(sum(singles)) / n, 0.0, haar_entanglement(n), 0, "dense_moment"
    )


def _walked(circuit: PauliCircuit, key: jax.Array, samples: int | None) -> EntanglingCapability:
    """One walk that starts from all 3n letters alike: Q = 1 - 3 p with p the chance to be seen."""
    n, fixed = circuit.n_wires, split(circuit, angles=False)
    words = [(x << q, z << q) for q in range(n) for x, z in ((1, 0), (0, 1), (1, 1))]
    for word in words:
        alone = replace(circuit, elements=fixed.rest, observable=Observable(((1.0, word),), 0.0))
        certify(alone, fixed.product)
    scores, _ = walk_paths(circuit, [(1.0, word) for word in words], samples or WALKS, key)
    value, error = 1 - 3 * float(scores.mean()), 3 * float(scores.std()) / math.sqrt(len(scores))
    return EntanglingCapability(value, error, haar_entanglement(n), len(scores), "pauli_walk")


def _sampled(model: Any, key: jax.Array, samples: int, x: Any) -> EntanglingCapability:
    blocks = state_pairs(model, key, max(2, -(-samples // 2)), x)
    q = np.concatenate([meyer_wallach(block) for block in blocks], axis=1).astype(float)
    return of_pairs(q.T, model.n_wires)


def of_pairs(q: np.ndarray, n: int) -> EntanglingCapability:
    """From the entanglement of pairs of states, ``(pairs, 2)``, which share features."""
    means = q.mean(axis=1)
    error = float(means.std(ddof=1) / math.sqrt(len(means)))
    return EntanglingCapability(
        float(means.mean()), error, haar_entanglement(n), q.size, "statevector"
    )
