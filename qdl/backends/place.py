"""The contract of a place, and the one that wraps any PennyLane device."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import pennylane as qp


class Place:
    """Where operators are evaluated. A place takes operators and a readout, never a model."""

    shots: int | None = None

    def evaluate(self, operators: list[Any], measurements: list[Any], key: Any) -> jax.Array:
        """The readout values ``(..., k)`` of a list of PennyLane operators."""
        raise NotImplementedError

    def operators(self, model: Any, params: Any, x: Any) -> list[Any]:
        """The operators of a model as this place wants them."""
        return model.operators(params, x)

    def pinned(self, operators: list[Any], measurements: list[Any]) -> tuple[Any, Any]:
        """Places for longer versions of a circuit and for its readout alone, on the same qubits."""
        return self, self

    def announce(self, model: Any, **sizes: Any) -> None:
        """Say what training a model here will cost, and refuse what nobody wants to pay; else nothing.

        Args:
            model: the whole model, of which a part runs here.
            sizes: as in ``estimate``.
        """

    def apply(self, model: Any, params: Any, x: Any, key: Any) -> Any:
        """The readout values of a model: its operators, evaluated here."""
        measurements = model.readout.measurements(model.active)
        lead = () if x is None else x.shape[:-1]
        flat = x.reshape(-1, x.shape[-1]) if x is not None and len(lead) > 1 else x
        values = self.evaluate(self.operators(model, params, flat), measurements, key)
        if values.ndim == 1:  # no gate depends on x
            return jnp.broadcast_to(values, (*lead, *values.shape))
        return values.reshape(*lead, -1)


@dataclass(frozen=True)
class PennyLaneDevice(Place):
    """Any PennyLane device, through a QNode; a batch goes in by parameter broadcasting."""

    device: Any

    def evaluate(self, operators: list[Any], measurements: list[Any], key: Any) -> jax.Array:
        """The readout values ``(..., k)``, differentiated by the device's best method."""

        @qp.qnode(self.device, interface="jax")
        def circuit() -> Any:
            for operator in operators:
                qp.apply(operator)
            return [qp.apply(measurement) for measurement in measurements]

        with warnings.catch_warnings():  # PennyLane asks for complex128 whatever the user's setting
            warnings.filterwarnings("ignore", message="Explicitly requested dtype complex128")
            values = circuit()
        if isinstance(measurements[0], qp.measurements.ProbabilityMP):
            return jnp.asarray(values[0])
        return jnp.stack([jnp.asarray(value) for value in values], axis=-1)


def places_of(model: Any) -> list[Place]:
    """The places of a QNN, or of the quantum stages of a hybrid model; each once."""
    if hasattr(model, "stages"):
        found = [place for stage in model.stages for place in places_of(stage)]
        return list(dict.fromkeys(found))
    place = getattr(model, "place", None)
    return [place] if isinstance(place, Place) else []


def as_place(place: Any) -> Place:
    """A place as it is; a PennyLane device wrapped as one."""
    if isinstance(place, Place):
        return place
    if isinstance(place, qp.devices.Device):
        if place.name.startswith("qiskit."):
            warnings.warn(
                f"pennylane-qiskit's {place.name} sends one job for every circuit: a gradient of P angles on "
                "B samples is B * (2 P + 1) jobs. qdl.backends.aer(), fake() and ibm() send one.",
                UserWarning,
                stacklevel=3,
            )
        return PennyLaneDevice(place)
    raise TypeError(
        f"on() takes a place of qdl.backends or a PennyLane device, got {place!r}. "
        "Examples: qdl.backends.statevector(shots=1000), pennylane.device('lightning.qubit')."
    )
