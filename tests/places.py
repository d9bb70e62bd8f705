"""The one list of places: a row here is checked by everything that loops over places."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pennylane as qp

from qdl.backends import (
    GatePlace,
    RowPlace,
    aer,
    density_matrix,
    fake,
    mitigated,
    statevector,
    trajectories,
)


class Row(NamedTuple):
    make: Callable[[], Any]
    gradient: bool = True  # its derivative is checked too
    slow: bool = False


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


PLACES = {
    "statevector": Row(statevector),
    "statevector with shots": Row(lambda: statevector(shots=2000), slow=True),
    "density_matrix": Row(density_matrix, slow=True),
    "trajectories": Row(lambda: trajectories(samples=3), slow=True),
    "default.qubit": Row(lambda: qp.device("default.qubit", wires=3)),
    "default.mixed": Row(lambda: qp.device("default.mixed", wires=3), slow=True),
    "lightning.qubit": Row(lambda: qp.device("lightning.qubit", wires=3), slow=True),
    "aer": Row(aer),
    "aer with shots": Row(lambda: aer(shots=2000), slow=True),
    "aer with noise": Row(lambda: aer(noise="manila"), gradient=False),
    "fake": Row(lambda: fake("manila", shots=200), gradient=False),
    "mitigated": Row(lambda: mitigated(aer(), readout=False, scales=(1, 3)), slow=True),
    "a JAX place": Row(Dense),
    "a NumPy place": Row(OneByOne),
}
