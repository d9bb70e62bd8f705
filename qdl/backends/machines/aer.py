"""Qiskit Aer as a place: exact or with shots, without noise or with that of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pennylane as qp

from .names import fake_backend
from .noise import (
    BASIS,
    FLOW,
    HashedNoise,
    errors_before_readout,
    flips,
    hashed,
    laid_out,
    mixed,
    seen,
)
from .primitives import by_name, submit, values
from .qiskit_place import QiskitPlace
from .request import Request

NOISY_AND_EXACT = ("automatic", "density_matrix")


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
        own = self.noise.model if isinstance(self.noise, HashedNoise) else None
        if self.shots is None and own is not None and errors_before_readout(own):
            raise ValueError(
                "the noise model has a quantum error on 'measure', but exact values measure nothing: it "
                "would have no effect. Give shots, or put the error into a ReadoutError."
            )

    @property
    def noisy(self) -> bool:  # type: ignore[override]
        """Whether it has a noise model."""
        return self.noise is not None

    @cached_property
    def backend(self) -> Any:
        """The AerSimulator, with the noise and the coupling of the machine it imitates."""
        from qiskit_aer import AerSimulator

        if self.noise is None:
            return AerSimulator(method=self.method)
        if isinstance(self.noise, str):
            return AerSimulator.from_backend(fake_backend(self.noise), method=self.method)
        own = self.noise
        if own.compiles:
            return AerSimulator(method=self.method, noise_model=own.model)
        # With the basis, estimators turn axes by gates that are written in it, too.
        known = set(AerSimulator(method=self.method).configuration().basis_gates)
        basis = [name for name in own.basis if name in known - set(FLOW)]
        return AerSimulator(method=self.method, noise_model=own.model, basis_gates=basis)

    @property
    def basis(self) -> list[str] | None:
        """Gates that Aer binds right: its own, or those of the noise; None for a fake machine's."""
        if isinstance(self.noise, str):
            return None
        return [*BASIS, *FLOW] if self.noise is None else self.noise.basis

    def expand(self, operator: Any) -> Any:
        """An operator as gates that Qiskit has; identities stay where they have errors."""
        if operator.name == "Identity" and isinstance(self.noise, HashedNoise):
            return (
                [qp.Identity(wire) for wire in operator.wires] if "id" in self.noise.named else []
            )
        return super().expand(operator)

    def translated(self, circuit: Any) -> Any:
        """A circuit in gates that Aer runs, those that a noise model names as they are."""
        if isinstance(self.noise, HashedNoise):
            found = self.noise.circuit(circuit)
            return found if self.layout is None else laid_out(found, self.layout)
        return super().translated(circuit)

    @cached_property
    def flips(self) -> dict[int | None, np.ndarray]:
        """P(read | true) of the readout of each qubit that has errors, None for all others."""
        return {} if self.noise is None else flips(self.backend.options.noise_model)

    def send(self, requests: list[Request]) -> list[np.ndarray]:
        """The values ``(rows, k)`` of each request: one call of Aer."""
        return [self._send(request) for request in requests]

    def _send(self, request: Request) -> np.ndarray:
        compiled = self.compiled(request.program)
        if request.shots is None:
            return _exact(self, request, compiled)
        if request.program.samples:
            from qiskit_aer.primitives import SamplerV2

            runner = SamplerV2.from_backend(self.backend, seed=request.seed)
        else:  # Aer's own estimator adds normal noise; this one counts outcomes
            from qiskit.primitives import BackendEstimatorV2

            runner = BackendEstimatorV2(
                backend=self.backend, options={"seed_simulator": request.seed}
            )
        return values(submit(runner, request, compiled).result(), request, compiled)


def _exact(place: Aer, request: Request, compiled: Any) -> np.ndarray:
    """Values without shots, from Aer's own instructions, as a readout with errors gives them."""
    program, qubits = request.program, compiled.qubits
    circuit, flat = compiled.circuit.copy(), np.eye(2)
    readout = [place.flips.get(qubit, place.flips.get(None, flat)) for qubit in qubits]
    if program.samples:  # least significant first
        wires = [program.wires.index(wire) for wire in program.measured_wires]
        circuit.save_probabilities([qubits[i] for i in wires[::-1]], label="0")
    for i, observable in enumerate(program.observables):
        observable = seen(observable, readout) if place.flips else observable
        circuit.save_expectation_value(observable, qubits, label=str(i))
    columns = {}
    for names, array in by_name(request, compiled).items():
        columns = dict(zip(names, array.T, strict=True))
    binds = {p: columns[p.name].tolist() for p in circuit.parameters}
    result = place.backend.run(circuit, parameter_binds=[binds] if binds else None).result()
    if not result.success:
        raise RuntimeError(f"Aer could not run the circuit: {result.status}")
    found = [result.data(row) for row in range(len(result.results))]
    if program.samples:
        table = np.stack([row["0"] for row in found])
        at = [program.wires.index(wire) for wire in program.measured_wires]
        table = mixed(table, [readout[i] for i in at]) if place.flips else table
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
    parameters. ``shots=None`` gives exact values, errors of gates and of readout included. With shots,
    outcomes are drawn and counted, and ``apply`` needs a key: the same key gives the same values.

    Qubit i is wire i. The errors of a ``NoiseModel`` belong to the gates of the circuit that it names, as
    they are written; other gates have none. A model with ``basis_gates`` of its own, as
    ``NoiseModel.from_backend`` makes it, has circuits translated into these first unless those without
    errors suffice. Operators that Qiskit does not have are made of gates that it has, as ``Rot`` of rz, ry,
    rz. The transpiler is free to rewrite gates for a fake machine, as for a real one.

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
        noise = hashed(noise)
    return Aer(shots, gradient, random_shifts, method=method, noise=noise)
