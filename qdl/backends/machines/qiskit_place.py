"""What Aer, fake and real IBM machines share: lowering, one job for a batch, and its derivative."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import jax
import numpy as np
from qiskit.quantum_info import PauliList

from ... import simulator
from ...arguments import check_whole
from ...circuit import Circuit
from ...describe import of_results
from ...observables import words
from ...readout import Expval
from ...refused import Refused
from ..derivative import check_method
from ..place import Cost
from ..program import Program
from ..rows import RowPlace, circuit_of
from .chip import Fidelity, best_path, fidelity, pairs_along
from .feed_forward import FeedForward, is_measured
from .lower import Lowered, gates, lower, with_measurement
from .request import Request

ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True)
class Compiled:
    """A program in the gates and on the qubits of a machine.

    Attributes:
        circuit: transpiled, with measurements for the sampler alone.
        observables: laid out on the machine's qubits.
        qubits: the machine's qubit for each wire.
    """

    circuit: Any
    observables: list[Any]
    qubits: list[int]


@dataclass(frozen=True)
class QiskitPlace(RowPlace):
    """A Qiskit backend. A batch, and a batch times all shifts of its gradient, is one job.

    Attributes:
        shots: of each circuit and basis; None for exact values, on Aer only.
        gradient: "auto" (which is "parameter_shift"), "parameter_shift", "spsa" or "stochastic".
        random_shifts: pairs of shifts that "stochastic" draws for each sample.
        max_batch: the most rows in a job; None for the machine's own limit.
        optimization_level: of Qiskit's transpiler.
        layout: the machine's qubit for each wire at the start; None lets the transpiler choose.
    """

    simulated: ClassVar[bool] = True  # by Aer, here
    shots: int | None
    gradient: str = "auto"
    random_shifts: int = 4
    max_batch: int | None = None
    optimization_level: int = 2
    layout: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.shots is not None:
            simulator.check_shots(self.shots)
        check_method(self.gradient)
        for name in ("shots", "random_shifts", "max_batch"):
            value = getattr(self, name)
            if value is not None:
                check_whole(name, value)
                object.__setattr__(self, name, int(value))  # NumPy's 50 is the same job as Python's
        if self.layout is not None:
            object.__setattr__(self, "layout", tuple(int(qubit) for qubit in self.layout))

    @property
    def least_wires(self) -> int:  # type: ignore[override]
        """A layout says how many wires there are."""
        return len(self.layout or ())

    @cached_property
    def backend(self) -> Any:
        """The Qiskit backend."""
        raise NotImplementedError

    @property
    def settings(self) -> str:
        """The backend and its options as text: what a result depends on beside circuit and key."""
        fields = [f for f in of_results(self) if f.name != "max_batch"]
        return repr([type(self).__name__, *((f.name, getattr(self, f.name)) for f in fields)])

    def rows(self, lowered: Lowered) -> int | None:
        """The most rows of a circuit in one job; None for no limit."""
        return self.max_batch

    def send(self, requests: list[Request]) -> list[np.ndarray]:
        """Run one job for each request and wait for its values ``(rows, k)``."""
        raise NotImplementedError

    @property
    def feeds_forward(self) -> bool:
        """Whether gates may depend on outcomes here; exact values have no outcomes."""
        return self.shots is not None and "if_else" in self.backend.target.operation_names

    def prepared(self, circuit: Circuit) -> Circuit:
        """The circuit with its measured poolings as such, where the machine can."""
        if not (self.feeds_forward and is_measured(circuit.layers, circuit.wires)):
            return circuit
        layers = [
            FeedForward(layer) if is_measured(layer, wires) else layer
            for _, layer, wires in circuit.layers.steps(circuit.wires)
        ]
        return replace(circuit, layers=layers)

    def coupling(self, n: int) -> tuple[tuple[int, int], ...]:
        """Pairs for ``Entangler(pattern=...)`` on n wires, as they follow the machine's best path.

        Neighbours on a path need no swaps, and the transpiler finds a path with small errors for them;
        ``dataclasses.replace(place, layout=place.path(n))`` holds it to this one.

        Raises:
            ValueError: the machine has no path of n qubits.
        """
        return pairs_along(self.backend.target, self.path(n))

    def path(self, n: int) -> tuple[int, ...]:
        """The machine's best path of n qubits, by the errors of its gates and readout."""
        return best_path(self.backend.target, n)

    def expand(self, operator: Any) -> Any:
        """An operator as gates that Qiskit has."""
        return gates(operator)

    def pinned(self, operators: list[Any], observables: Sequence[Any]) -> tuple[Any, Any]:
        """This place held to the qubits where a circuit's wires start, and to those where they end."""
        measured = Expval(tuple(observables))
        circuit, _, x = circuit_of(operators, measured, self.least_wires)
        compiled = self.compiled(
            self.lowered(self.program(circuit, None if x is None else x.shape))
        )
        if compiled.circuit.layout is None or self.basis is not None:
            return self, self
        start = compiled.circuit.layout.initial_index_layout(filter_ancillas=True)
        return replace(self, layout=tuple(start)), replace(self, layout=tuple(compiled.qubits))

    def lowered(self, program: Program) -> Lowered:
        """A program as Qiskit's circuit, refused if the machine is too small."""
        lowered = lower(program, self.simulated)
        if self.simulated and lowered.measures and lowered.unread:
            raise Refused(
                f"{self.backend.name} measures {len(lowered.together)} bases, one of which depends not on "
                "all gates that wait for an outcome; Qiskit Aer cannot run that. Ask for wires in one basis, "
                "or use Pooling(), the controlled rotation that gives the same expectation values."
            )
        if lowered.measures and not self.feeds_forward:
            raise ValueError(
                f"{self.backend.name} with shots={self.shots} cannot let gates depend on outcomes. Expected "
                "shots and a machine with 'if_else'. Use Pooling(), the controlled rotation that gives "
                "the same expectation values."
            )
        if self.layout is not None and len(self.layout) != len(lowered.wires):
            raise ValueError(
                f"layout={self.layout} has {len(self.layout)} qubits, but the circuit has "
                f"{len(lowered.wires)} wires. Give one qubit for each wire, or None."
            )
        needed, there = len(lowered.wires), self.backend.num_qubits
        if there is not None and needed > there:
            raise ValueError(
                f"{self.backend.name} has {there} qubits, but the circuit needs {needed}. Use fewer "
                "wires, or a larger machine."
            )
        return lowered

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values: one job, and one for value and gradient together."""
        self.lowered(self.program(circuit, None if x is None else x.shape))  # refused out here
        return super().values(circuit, params, x, key)

    def run_rows(self, program: Program, rows: np.ndarray, key: np.ndarray | None) -> np.ndarray:
        """The values of all rows; split into several jobs only beyond the machine's limit."""
        lowered = self.lowered(program)
        data = b"" if key is None or self.shots is None else np.ascontiguousarray(key).tobytes()
        most = self.rows(lowered) or len(rows)
        chunks = [rows[i : i + most] for i in range(0, len(rows), most)]
        requests = [Request(lowered, chunk, self.shots, self.settings, data) for chunk in chunks]
        with ONE_AT_A_TIME:  # a callback may run twice at once
            return np.concatenate(_once(self, tuple(requests)))

    def together(
        self, circuit: Circuit, features: tuple[int, ...] | None
    ) -> list[frozenset[Any]] | None:
        """As Qiskit's estimator groups them; a service does not say how it does."""
        if not self.simulated:
            return None
        program = self.program(circuit, features)
        compiled = self.compiled(self.lowered(program))
        labels = [o.paulis.to_labels()[0] for o in compiled.observables]
        read = [next(iter(words(o))) for o in program.observables]
        word_of = dict(zip(labels, read, strict=True))
        groups = PauliList(sorted(word_of)).group_commuting(qubit_wise=True)
        return [frozenset(word_of[label] for label in group.to_labels()) for group in groups]

    def price(self, program: Program, rows: int) -> Cost:
        """Jobs, circuits and executions of that many rows, and the circuit that they run."""
        lowered = self.lowered(program)
        compiled, circuits = self.compiled(lowered), rows * lowered.bases
        return Cost(
            self.backend.name,
            math.ceil(rows / (self.rows(lowered) or rows)),
            circuits,
            circuits * (self.shots or 0),
            compiled.circuit.depth(),
            compiled.circuit.num_nonlocal_gates(),
            *(self.fidelity(lowered) or (None, None)),
        )

    def fidelity(self, lowered: Lowered) -> Fidelity | None:
        """The chances that no gate and that no readout fails; None without a calibration."""
        compiled = self.compiled(lowered)
        measured = lowered.program.measured.wires
        qubits = [compiled.qubits[lowered.wires.index(wire)] for wire in measured]
        return fidelity(compiled.circuit, self.backend.target, qubits)

    @property
    def basis(self) -> list[str] | None:
        """The gates to transpile to; None for those of the backend."""
        return None

    def translated(self, circuit: Any) -> Any:
        """A circuit in the gates and on the qubits of this machine."""
        from qiskit.transpiler import generate_preset_pass_manager

        where: dict[str, Any] = (
            {"backend": self.backend} if self.basis is None else {"basis_gates": self.basis}
        )
        if self.layout is not None:
            where["initial_layout"] = list(self.layout)
        level = self.optimization_level
        return generate_preset_pass_manager(level, seed_transpiler=0, **where).run(circuit)

    def compiled(self, lowered: Lowered) -> Compiled:
        """A circuit transpiled for this machine, once."""
        return _compiled(self, lowered)

    def __getstate__(self) -> dict[str, Any]:
        """The plain fields: no open backend, and with it no account, is ever pickled."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}


@lru_cache(maxsize=16)
def _once(place: QiskitPlace, requests: tuple[Request, ...]) -> list[np.ndarray]:
    """JAX may repeat a callback: equal requests are sent once."""
    return place.send(list(requests))


@lru_cache(maxsize=64)
def _compiled(place: QiskitPlace, lowered: Lowered) -> Compiled:
    measures = lowered.samples and place.shots is not None
    circuit = with_measurement(lowered, lowered.measured_wires) if measures else lowered.circuit
    ready = place.translated(circuit)
    plain = place.layout or range(circuit.num_qubits)
    on = ready.layout.final_index_layout() if ready.layout else plain
    laid = [o.apply_layout(list(on), ready.num_qubits) for o in lowered.observables]
    return Compiled(ready, laid, list(on))
