"""Qiskit Aer as a place: exact or with shots, without noise or with that of a machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .names import fake_backend
from .primitives import by_name, submit, values
from .qiskit_place import QiskitPlace
from .request import Request

# Aer 0.17 binds arrays of parameters wrongly, without an error, in controlled rotations and leaves others
# out (qiskit-aer issues 2323, 2391, 2403): circuits are transpiled to gates that a test found right.
BOUND_WRONGLY = ("crx", "cry", "crz", "cp", "cu", "mcrx", "mcry", "mcrz", "mcp", "mcu")
BASIS: Sequence[str] = (
    "rx ry rz p h x y z s sdg t tdg sx sxdg cx cy cz swap ccx cswap rxx ryy rzz if_else measure reset"
).split()
NOISY_AND_EXACT = ("automatic", "density_matrix")


@dataclass(frozen=True)
class HashedNoise:
    """A noise model of the user's, which cannot be compared: a hash of its content stands for it."""

    sha256: str
    model: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.model is None:
            raise ValueError(
                f"only the hash of a noise model is saved with a model, {self.sha256}. Pass the model "
                "itself: qdl.load(path, model=model.on(qdl.backends.aer(noise=...)))."
            )


@dataclass(frozen=True)
class Aer(QiskitPlace):
    """Qiskit's simulator; see ``aer``."""

    method: str = "automatic"
    noise: str | HashedNoise | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_method(self.method)
        if self.shots is None and self.noise is not None and self.method not in NOISY_AND_EXACT:
            raise ValueError(
                f"aer(noise=..., method={self.method!r}, shots=None) cannot be exact: that method draws "
                "noise at random. Use method='density_matrix', or give shots."
            )

    @property
    def noisy(self) -> bool:  # type: ignore[override]
        """Whether it has a noise model."""
        return self.noise is not None

    @property
    def noisy_wires(self) -> tuple[int, ...] | None:
        """The qubits that the noise model names, where it has no error for all of them."""
        if not isinstance(self.noise, HashedNoise):
            return None
        errors = self.noise.model.to_dict()["errors"]
        if any("gate_qubits" not in error for error in errors):
            return None
        return tuple(sorted({q for error in errors for gate in error["gate_qubits"] for q in gate}))

    @cached_property
    def backend(self) -> Any:
        """The AerSimulator, with the noise and the coupling of the machine it imitates."""
        from qiskit_aer import AerSimulator

        if self.noise is None:
            return AerSimulator(method=self.method)
        if isinstance(self.noise, str):
            return AerSimulator.from_backend(fake_backend(self.noise), method=self.method)
        return AerSimulator(method=self.method, noise_model=self.noise.model)

    @property
    def basis(self) -> list[str] | None:
        """Gates that Aer binds right: its own, or those of the noise; None for a fake machine's."""
        if isinstance(self.noise, str):
            return None
        if self.noise is None:
            return list(BASIS)
        return [*self.noise.model.basis_gates, "if_else", "measure", "reset"]

    def send(self, requests: list[Request]) -> list[np.ndarray]:
        """The values ``(rows, k)`` of each request: one call of Aer."""
        return [self._send(request) for request in requests]

    def _send(self, request: Request) -> np.ndarray:
        compiled = self.compiled(request.program)
        if request.shots is None:
            return _exact(self.backend, request, compiled)
        if request.program.samples:
            from qiskit_aer.primitives import SamplerV2

            runner = SamplerV2.from_backend(self.backend, seed=request.seed)
        else:  # Aer's own estimator adds normal noise; this one counts outcomes
            from qiskit.primitives import BackendEstimatorV2

            runner = BackendEstimatorV2(
                backend=self.backend, options={"seed_simulator": request.seed}
            )
        return values(submit(runner, request, compiled).result(), request, compiled)


def _exact(backend: Any, request: Request, compiled: Any) -> np.ndarray:
    """Values without shots, from Aer's own instructions; errors of readout are not in them."""
    program, qubits = request.program, compiled.qubits
    circuit = compiled.circuit.copy()
    if program.samples:  # least significant first
        wires = [program.wires.index(wire) for wire in program.measured_wires]
        circuit.save_probabilities([qubits[i] for i in wires[::-1]], label="0")
    for i, observable in enumerate(program.observables):
        circuit.save_expectation_value(observable, qubits, label=str(i))
    columns = {}
    for names, array in by_name(request, compiled).items():
        columns = dict(zip(names, array.T, strict=True))
    binds = {p: columns[p.name].tolist() for p in circuit.parameters}
    result = backend.run(circuit, parameter_binds=[binds] if binds else None).result()
    if not result.success:
        raise RuntimeError(f"Aer could not run the circuit: {result.status}")
    found = [result.data(row) for row in range(len(result.results))]
    if program.samples:
        table = np.stack([row["0"] for row in found])
    else:
        table = np.array([[row[str(i)] for i in range(program.size)] for row in found])
    # Without any parameter in the circuit, one run stands for all rows.
    return np.broadcast_to(table, (len(request.values), program.size)) if not binds else table


@lru_cache(maxsize=1)
def _methods() -> tuple[str, ...]:
    from qiskit_aer import AerSimulator

    return tuple(
        m for m in AerSimulator().available_methods() or () if m not in ("unitary", "superop")
    )


def _check_method(method: str) -> None:
    if method not in _methods():
        raise ValueError(
            f"Aer has no method {method!r}: expected one of {', '.join(_methods())}. "
            "Example: aer(method='matrix_product_state')."
        )


def aer(
    noise: Any = None,
    method: str = "automatic",
    shots: int | None = None,
    gradient: str = "auto",
    random_shifts: int = 4,
) -> Aer:
    """Qiskit Aer on this machine.

    A batch, or a batch with all shifts of its gradient, is one transpiled circuit with an array of
    parameters. ``shots=None`` gives exact values, gate noise included, errors of readout not. With shots,
    outcomes are drawn and counted, and ``apply`` needs a key: the same key gives the same values.

    Args:
        noise: None; the name of a fake IBM machine, ``"fake_torino"``, for its noise, gates and coupling;
            or a ``qiskit_aer.noise.NoiseModel``.
        method: of Aer, as "statevector", "density_matrix", "matrix_product_state".
        shots: of each circuit and basis; None for exact values.
        gradient: "auto" (which is "parameter_shift"), "parameter_shift", "spsa", "stochastic".
        random_shifts: pairs of shifts that "stochastic" draws for each sample.

    Raises:
        ValueError: unknown method, gradient or machine, shots that are no number >= 1, and exact values
            of noise that the method draws at random.

    Example:
        >>> import jax, qdl
        >>> model = qdl.QNN(2, [qdl.layers.Rotation("x"), qdl.layers.Entangler("cz")])
        >>> params = [jax.numpy.ones((2, 1)), None]
        >>> values = model.on(aer()).apply(params)
        >>> [round(float(value), 4) for value in values]
        [0.5403, 0.5403]
    """
    if isinstance(noise, str):
        # Refuses an unknown name; one spelling, so that equal places are equal.
        noise = fake_backend(noise).name
    elif noise is not None:
        noise = _hashed(noise)
    return Aer(shots, gradient, random_shifts, method=method, noise=noise)


def _hashed(noise: Any) -> HashedNoise:
    """A noise model with a hash that another one has only if it is the same."""
    if not hasattr(noise, "to_dict") or not hasattr(noise, "noise_instructions"):
        raise TypeError(
            f"noise must be None, the name of a fake machine or a NoiseModel, got {noise!r}. "
            "Example: aer(noise='fake_torino')."
        )
    lost = sorted(set(noise.noise_instructions) & set(BOUND_WRONGLY))
    if lost:
        raise ValueError(
            f"the noise model has errors on {', '.join(lost)}, which Aer cannot run with an array of "
            "parameters. Put the errors on the gates that they decompose to, as 'cx' and 'rz'."
        )
    text = json.dumps(noise.to_dict(serializable=True), sort_keys=True)
    return HashedNoise(hashlib.sha256(text.encode()).hexdigest()[:16], noise)
