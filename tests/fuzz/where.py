"""Where models run, and the reference of each place: dense matrices with the errors that the place has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import dense
import numpy as np
import pennylane as qp
import qiskit_noise
from places import Dense, OneByOne

from qdl.backends import (
    aer,
    classical,
    cone,
    density_matrix,
    mitigated,
    pauli_propagation,
    statevector,
    tensor_network,
    trajectories,
)

SHOTS = 4000


@dataclass(frozen=True)
class Where:
    """A place for one model.

    Attributes:
        place: as ``on`` takes it.
        reference: ``(model, params, x) -> (values, deviation of one shot, its range)``; of dense matrices for
            qubits, and whatever is independent for places without qubits.
        draws: of each value; None where it is exact.
        keys: how many keys are averaged, where the deviation of a draw is not known.
        slope: whether its derivative is compared.
    """

    place: Any
    reference: Callable[..., Any] = dense.shots_of
    draws: int | None = None
    keys: int = 1
    slope: bool = True


def exact(place, slope=0.5):
    return lambda rng, drawn: Where(place(), slope=bool(rng.random() < slope))


def pennylane(name, slope=0.3):
    return lambda rng, drawn: Where(
        qp.device(name, wires=drawn.model.n_wires), slope=bool(rng.random() < slope)
    )


def shots(place, slope=0.1):
    return lambda rng, drawn: Where(place(), draws=SHOTS, slope=bool(rng.random() < slope))


def walks(rng, drawn):
    return Where(trajectories(samples=32), draws=32, keys=32, slope=bool(rng.random() < 0.3))


def noisy(rng, drawn, counted):
    """Aer with errors on gates and readouts of some qubits; None where noise belongs to no gate."""
    model, params, x = drawn.model, drawn.params, drawn.x
    if not qiskit_noise.named(dense.operators(model, params, dense.rows(x)[0])):
        return None
    asked = dense.readouts(model)
    turned = not isinstance(asked, tuple) and qiskit_noise.turns(asked)
    errors = qiskit_noise.drawn(
        rng,
        model.n_wires,
        readout=counted or rng.random() < 0.2,
        one_qubit=not (
            counted and turned
        ),  # turning a wire into Z takes gates, which may have errors
    )
    reference = partial(dense.shots_of, noise=qiskit_noise.of(errors))
    if counted:
        return Where(aer(noise=errors, shots=SHOTS), reference, SHOTS, slope=False)
    return Where(
        aer(noise=errors, method="density_matrix"), reference, slope=bool(rng.random() < 0.3)
    )


def folding(rng, drawn):
    """Errors of gates, at one and three times the length, extrapolated to none."""
    model, params, x = drawn.model, drawn.params, drawn.x
    if not qiskit_noise.named(dense.operators(model, params, dense.rows(x)[0])):
        return None
    errors = qiskit_noise.drawn(rng, model.n_wires, readout=False)
    measure = qiskit_noise.folded(qiskit_noise.of(errors))

    def reference(model, params, x=None):
        found = [
            measure(dense.operators(model, params, row), model.n_wires, dense.readouts(model))
            for row in dense.rows(x)
        ]
        lead = () if x is None else np.shape(x)[:-1]
        return [np.array(each).reshape(*lead, -1) for each in zip(*found, strict=True)]

    place = mitigated(aer(noise=errors, method="density_matrix"), readout=False, scales=(1, 3))
    return Where(place, reference, slope=bool(rng.random() < 0.2))


def reading(rng, drawn):
    """Errors of readout alone, undone: the values without any, with the scatter that undoing adds."""
    errors = qiskit_noise.NoiseModel()
    for q in range(drawn.model.n_wires):
        if rng.random() < 0.6:
            a, b = (float(v) for v in rng.choice([0.02, 0.08], 2))
            errors.add_readout_error([[1 - a, a], [b, 1 - b]], [q])
    if errors.is_ideal():
        return None

    def reference(model, params, x=None):
        values, deviation, width = dense.shots_of(model, params, x)
        largest = np.maximum(
            width, 1.0
        )  # every part of a word scatters, and so do the two calibrations
        return values, 3 * largest, 8 * width + 1

    place = mitigated(aer(noise=errors, shots=20 * SHOTS))
    return Where(place, reference, 20 * SHOTS, slope=False)


PLACES: dict[str, Callable[..., Where | None]] = {
    "statevector": exact(statevector),
    "statevector, shots": shots(lambda: statevector(shots=SHOTS), slope=0.0),
    "density_matrix": exact(density_matrix),
    "trajectories": walks,
    "default.qubit": pennylane("default.qubit"),
    "default.mixed": pennylane("default.mixed", 0.0),  # NaN for derivatives that vanish, in 0.45
    "lightning.qubit": pennylane("lightning.qubit", 1.0),
    "aer": exact(aer),
    "aer, shots": shots(lambda: aer(shots=SHOTS), slope=0.0),
    "aer, noise": partial(noisy, counted=False),
    "aer, noise, shots": partial(noisy, counted=True),
    "mitigated, folding": folding,
    "mitigated, readout": reading,
    "classical": exact(classical),
    "cone": exact(cone),
    "tensor_network": exact(tensor_network, 0.3),
    "pauli_propagation": exact(lambda: pauli_propagation(weight=None)),
    "a JAX place": lambda rng, drawn: None if drawn.noisy else Where(Dense()),
    "a NumPy place": lambda rng, drawn: None if drawn.noisy else Where(OneByOne()),
}
