"""The one list of places: a row here is checked by everything that loops over places."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import dense
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import qiskit_noise

from qdl.backends import (
    GatePlace,
    RowPlace,
    aer,
    classical,
    cone,
    density_matrix,
    fake,
    mitigated,
    pauli_propagation,
    statevector,
    tensor_network,
    trajectories,
)


class Row(NamedTuple):
    make: Callable[[], Any]
    gradient: bool = True  # its derivative is checked too
    slow: bool = False
    # What is right there: place -> (gates, wires, asked) -> values, deviation and range of a shot.
    # None for a place without errors of its own.
    errors: Callable[[Any], Callable] | None = None

    def reference(self, place):
        return dense.measure if self.errors is None else self.errors(place)


@dataclass(frozen=True)
class Dense(GatePlace):
    """Matrices, in JAX."""

    def evaluate(self, operators, observables, key):
        wires = sorted({w for o in [*operators, *observables] for w in o.wires})
        psi = jnp.eye(1, 2 ** len(wires))[0]
        for operator in operators:
            psi = jnp.einsum("...ij,...j->...i", qp.matrix(operator, wire_order=wires), psi)
        seen = [qp.matrix(o, wire_order=wires) for o in observables]
        return jnp.stack([jnp.sum(psi.conj() * (psi @ m.T), -1).real for m in seen], -1)


@dataclass(frozen=True)
class OneByOne(RowPlace):
    """A row after another, in NumPy."""

    def run_rows(self, program, rows, key):
        ask = [qp.expval(o) for o in program.observables] or [qp.probs(program.probabilities)]
        tapes = [qp.tape.QuantumScript(program.operators(row), ask) for row in rows]
        found = qp.execute(tapes, qp.device("default.qubit"), diff_method=None)
        return np.reshape(found, (len(rows), program.size))


def with_errors(place):
    """Dense matrices with the errors of a noise model for given qubits."""
    return partial(dense.measure, noise=qiskit_noise.of(qiskit_noise.two_kinds()))


PLACES = {
    "statevector": Row(statevector),
    "statevector with shots": Row(lambda: statevector(shots=2000), slow=True),
    "density_matrix": Row(density_matrix, slow=True),
    "trajectories": Row(lambda: trajectories(samples=3), slow=True),
    "classical": Row(classical),
    "cone": Row(cone, slow=True),
    "tensor_network": Row(tensor_network),
    "pauli_propagation": Row(lambda: pauli_propagation(weight=None)),
    "default.qubit": Row(lambda: qp.device("default.qubit", wires=3)),
    "default.mixed": Row(lambda: qp.device("default.mixed", wires=3), slow=True),
    "lightning.qubit": Row(lambda: qp.device("lightning.qubit", wires=3), slow=True),
    "aer": Row(aer),
    "aer with shots": Row(lambda: aer(shots=2000), slow=True),
    "aer with noise": Row(
        lambda: aer(noise="manila"), gradient=False, errors=qiskit_noise.on_machine
    ),
    "aer with errors of qubits": Row(
        lambda: aer(noise=qiskit_noise.two_kinds(), method="density_matrix"),
        gradient=False,
        errors=with_errors,
    ),
    "aer with errors and shots": Row(
        lambda: aer(noise=qiskit_noise.two_kinds(), shots=2000),
        gradient=False,
        slow=True,
        errors=with_errors,
    ),
    "fake": Row(lambda: fake("manila", shots=200), gradient=False, errors=qiskit_noise.on_machine),
    "mitigated": Row(lambda: mitigated(aer(), readout=False, scales=(1, 3)), slow=True),
    "mitigated errors": Row(
        lambda: mitigated(
            aer(noise=qiskit_noise.two_kinds(), method="density_matrix"),
            readout=False,
            scales=(1, 3),
        ),
        gradient=False,
        slow=True,
        errors=lambda place: qiskit_noise.folded(qiskit_noise.of(qiskit_noise.two_kinds())),
    ),
    "a JAX place": Row(Dense),
    "a NumPy place": Row(OneByOne),
}
