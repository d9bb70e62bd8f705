"""Any PennyLane device as a place."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from pennylane.ops.functions import bind_new_parameters

from ..reverse_mode import once_differentiable
from .place import GatePlace, Place

# Simulators of PennyLane without errors of their own.
PURE = (
    "default.qubit",
    "default.mixed",
    "default.gaussian",
    "lightning.",
    "null.qubit",
    "qdl.jax",
    "reference.qubit",
)


@dataclass(frozen=True)
class PennyLaneDevice(GatePlace):
    """Any PennyLane device, through a QNode; a batch goes in by parameter broadcasting."""

    device: Any

    @property
    def shots(self) -> int | None:  # type: ignore[override]
        """Those of the device."""
        return getattr(self.device.shots, "total_shots", None)

    @property
    def noisy(self) -> bool:  # type: ignore[override]
        """True unless the device is known to have no errors: qp.add_noise makes a transformed one."""
        known = (
            str(self.device.name).startswith(PURE)
            and "Transformed" not in type(self.device).__name__
        )
        return not known or bool(getattr(self.device, "readout_err", None))

    @property
    def _traceable(self) -> bool:
        """Whether JAX itself differentiates what the device computes."""
        backprop = qp.devices.ExecutionConfig(gradient_method="backprop")
        exact = self.shots is None
        return exact and (
            self.device.name == "qdl.jax" or self.device.supports_derivatives(backprop)
        )

    def evaluate(self, operators: list[Any], observables: Sequence[Any], key: Any) -> jax.Array:
        """The values of observables, differentiated by the device's best method."""
        values = self._run(operators, [qp.expval(observable) for observable in observables])
        return jnp.stack([jnp.asarray(value) for value in values], axis=-1)

    def probabilities(self, operators: list[Any], wires: Sequence[int], key: Any) -> jax.Array:
        """The probabilities of the basis states of ``wires``."""
        return jnp.asarray(self._run(operators, [qp.probs(wires=wires)])[0])

    def _run(self, operators: list[Any], measurements: list[Any]) -> Any:
        # No value has it; default.mixed, in PennyLane 0.45, gives nonsense where each sample has its own.
        seen = [o for o in operators if o.name not in ("GlobalPhase", "Adjoint(GlobalPhase)")]
        batch = _batch(seen)
        if batch is None and (all_alike := _batch(operators)) is not None:
            found = self._run(seen, measurements)
            return [jnp.broadcast_to(value, (all_alike, *jnp.shape(value))) for value in found]
        if self.device.name != "default.gaussian":
            return self._executed(seen, measurements)
        # It takes one measurement at once, and no batch.
        rows = [_rows(seen, row) for row in range(batch or 1)]
        found = [[self._executed(row, [m])[0] for row in rows] for m in measurements]
        return [each[0] if batch is None else jnp.stack(each) for each in found]

    def _executed(self, operators: list[Any], measurements: list[Any]) -> Any:
        if self._traceable:
            return self._qnode(operators, measurements)
        leaves, structure = qp.pytrees.flatten(operators)
        # What is no number of JAX stays as it is: some devices take the matrices of NumPy alone.
        moving = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]

        def run(numbers: list[Any]) -> Any:
            found = dict(enumerate(leaves)) | dict(zip(moving, numbers, strict=True))
            return self._qnode(qp.pytrees.unflatten([*found.values()], structure), measurements)

        # What PennyLane differentiates outside of JAX has a first derivative; a second one would be made of
        # the first alone, without a word.
        return once_differentiable(run)([leaves[i] for i in moving])

    def _qnode(self, operators: list[Any], measurements: list[Any]) -> Any:
        # A device that JAX cannot trace is called from JAX's programs and maps by "jax-jit"; PennyLane's own
        # choice looks at one parameter.
        inside = not self._traceable and any(
            qp.math.is_abstract(number) for o in operators for number in o.data
        )
        if inside:
            self._ask_for_channels(operators)

        @qp.qnode(self.device, interface="jax-jit" if inside else "jax")
        def circuit() -> Any:
            for operator in operators:
                qp.apply(operator)
            return [qp.apply(measurement) for measurement in measurements]

        # PennyLane's parameter shift takes one sample at once.
        run: Any = circuit if self._traceable else _one_sample_at_once(circuit)
        with warnings.catch_warnings():  # PennyLane asks for complex128 whatever the user's setting
            warnings.filterwarnings("ignore", message="Explicitly requested dtype complex128")
            return run()

    def _ask_for_channels(self, operators: list[Any]) -> None:
        """Let the device refuse what it cannot run: from within a call that would be JAX's error."""
        with qp.QueuingManager.stop_recording():
            channels = [
                bind_new_parameters(o, [0.0 if qp.math.is_abstract(n) else n for n in o.data])
                for o in operators
                if isinstance(o, qp.operation.Channel)
            ]
        if channels:
            self.device.preprocess_transforms()([qp.tape.QuantumScript(channels)])


@qp.transform
def _one_sample_at_once(tape: Any) -> tuple[list[Any], Any]:
    tapes, together = qp.transforms.broadcast_expand(tape)

    def alone(operator: Any) -> Any:
        # In PennyLane 0.45 some, as MultiRZ, keep the batch size of what they are copied from.
        made_anew = operator.batch_size is not None
        return qp.pytrees.unflatten(*qp.pytrees.flatten(operator)) if made_anew else operator

    return [t.copy(operations=[alone(o) for o in t.operations]) for t in tapes], together


def _batch(operators: list[Any]) -> int | None:
    """How many samples there are; None for gates that are the same for all. Photonic gates do not know it."""
    numbers = [n for o in operators if isinstance(o, qp.operation.CV) for n in o.data]
    sizes = [np.shape(n)[0] for n in numbers if np.ndim(n)]
    return max(sizes) if sizes else qp.tape.QuantumScript(operators).batch_size


def _rows(operators: list[Any], row: int) -> list[Any]:
    """The operators of one sample of a batch."""
    with qp.QueuingManager.stop_recording():
        return [
            type(o)(*(n[row] if np.ndim(n) else n for n in o.data), wires=o.wires)
            for o in operators
        ]


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
    if isinstance(place, str):
        raise TypeError(_what_to_do(place))
    raise TypeError(
        f"on() takes a place of qdl.backends or a PennyLane device, got {place!r}. "
        "Examples: qdl.backends.statevector(shots=1000), pennylane.device('lightning.qubit')."
    )


HARDWARE = ("cpu", "cuda", "gpu", "mps", "rocm", "tpu")


def _what_to_do(name: str) -> str:
    """What a name is the place of: a word of PyTorch, of PennyLane, or of nothing."""
    if name.partition(":")[0].lower() in HARDWARE:
        here = ", ".join(sorted({str(device.platform) for device in jax.devices()}))
        return (
            f"on({name!r}): JAX chooses the hardware, no place does; here it has {here}. For a GPU "
            "pip install 'jax[cuda12]': every model runs there then, without a word. "
            "jax.default_device(jax.devices('cpu')[0]), in a with statement, runs a part elsewhere. A place "
            "says how values are made: qdl.backends.statevector(shots=1000)."
        )
    if name in qp.plugin_devices:
        return f"on({name!r}) takes the device, not its name. Use pennylane.device({name!r})."
    return (
        f"on() takes a place of qdl.backends or a PennyLane device, not a name; got {name!r}. Examples: "
        "qdl.backends.statevector(shots=1000), qdl.backends.fake('torino'), "
        "pennylane.device('lightning.qubit')."
    )
