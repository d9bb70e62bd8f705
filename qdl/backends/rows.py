"""Places of one NumPy call: many rows of angles of one circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..circuit import Circuit, leading
from ..reading.operators import layer_of
from ..readout import Expval, Probs, Readout
from ..simulator import Slopes, check_shots
from .derivative import RANDOM, check_method, differentiable, evaluations
from .measured_slopes import measured_slopes
from .opened import expand, program_of
from .place import Cost, GatePlace
from .program import Program


class RowPlace(GatePlace):
    """A place of NumPy: subclass it and define ``run_rows``.

    All samples of a batch, of a ``jax.vmap``, and all shifted angles of their gradient are rows of one
    call. JAX sees a differentiable function, under ``jax.jit`` too; a derivative is made of values at
    shifted angles, for angles alone that are differentiated and can change what is measured. States
    prepared from features become rotations; other matrices computed from parameters or features are
    refused by name.

    Attributes:
        shots: outcomes behind each value; None for none.
        gradient: "auto" (which is "parameter_shift"), "parameter_shift", "spsa" or "stochastic".
        random_shifts: pairs of shifts that "stochastic" draws for each sample.

    Example:
        >>> from dataclasses import dataclass
        >>> import pennylane as qp
        >>> import qdl
        >>> @dataclass(frozen=True)
        ... class OneByOne(RowPlace):
        ...     def run_rows(self, program, rows, key):
        ...         ask = [qp.expval(o) for o in program.observables] or [qp.probs(program.probabilities)]
        ...         tapes = [qp.tape.QuantumScript(program.operators(row), ask) for row in rows]
        ...         found = qp.execute(tapes, qp.device("default.qubit"), diff_method=None)
        ...         return np.reshape(found, (len(rows), program.size))
        >>> model = qdl.QNN(2, qdl.layers.Rotation("x"))
        >>> slope = jax.grad(lambda params, place: model.on(place).apply(params).sum())
        >>> params = [jnp.array([[0.5], [1.0]])]
        >>> [round(float(value), 3) for value in slope(params, OneByOne())[0].ravel()]
        [-0.479, -0.841]
    """

    gradient: str = "auto"
    random_shifts: int = 4
    least_wires = 1  # of a circuit that is given as operators, which do not say how many there are

    def run_rows(self, program: Program, rows: np.ndarray, key: np.ndarray | None) -> np.ndarray:
        """The values ``(rows, k)`` of a circuit at rows of angles ``(rows, columns)``, float64.

        Args:
            program: the circuit with its angles open, and what is measured.
            rows: one angle for each of ``program.sources``, radians.
            key: the raw data of the JAX key, integers to seed random numbers with; None without one.
                With leading axes under a ``jax.vmap`` over keys.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define run_rows(program, rows, key), which returns an array "
            "(rows, k)."
        )

    def expand(self, operator: Any) -> Iterable[Any]:
        """An operator as those that this place knows; by default gates of at most four wires."""
        return expand(operator)

    def program(self, circuit: Circuit, features: tuple[int, ...] | None) -> Program:
        """The circuit with its angles open, for features of a shape, or None."""
        return program_of(self.prepared(circuit), features, self.expand)

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values: one call of ``run_rows``, and one for value and gradient together."""
        check_method(self.gradient)
        if self.shots is not None:
            check_shots(self.shots, key)
        if self.gradient in RANDOM and key is None:
            raise ValueError(
                f"gradient={self.gradient!r} is random, so it needs a key: "
                "apply(params, x, key=jax.random.key(0))."
            )
        program = self.program(circuit, None if x is None else x.shape)

        def run(rows: np.ndarray, key: np.ndarray | None) -> np.ndarray:
            return self.run_rows(program, rows, key)

        numbers = program.numbers(params, x)
        found = differentiable(run, program, numbers, self.gradient, self.random_shifts, key)
        # Where no gate depends on x, one row stands for all.
        return jnp.broadcast_to(found, (*leading(x), program.size))

    def measured_slopes(
        self, circuit: Circuit, params: Any, x: Any, ask: Any, shots: Any, key: Any, groups: int
    ) -> Slopes:
        """By parameter shift: one call of ``run_rows`` for every number of shots, powers of two."""
        if self.shots is None or not is_dataclass(self):
            return super().measured_slopes(circuit, params, x, ask, shots, key, groups)
        program = self.program(circuit, None if x is None else x.shape)
        place: Any = self  # a dataclass with a field shots, which RowPlace itself is not

        def run(rows: np.ndarray, count: int, key: np.ndarray) -> np.ndarray:
            return replace(place, shots=count).run_rows(program, rows, key)

        circuits = self.price(program, 1).circuits
        return measured_slopes(run, program, params, x, ask, shots, key, groups, circuits)

    def evaluate(self, operators: list[Any], observables: Sequence[Any], key: Any) -> jax.Array:
        """The values of observables after operators, which are read as a layer."""
        return self.values(
            *circuit_of(operators, Expval(tuple(observables)), self.least_wires), key
        )

    def probabilities(self, operators: list[Any], wires: Sequence[int], key: Any) -> jax.Array:
        """The probabilities of the basis states of ``wires``."""
        return self.values(*circuit_of(operators, Probs(tuple(wires)), self.least_wires), key)

    def cost(
        self,
        circuit: Circuit,
        batch_size: int,
        gradient: bool | str = True,
        through_features: bool = False,
    ) -> Cost:
        """What values, or values and derivative, of a batch cost."""
        n = circuit.n_features
        program = self.program(circuit, (batch_size, n) if n else None)
        rows = batch_size if program.batched else 1
        if gradient:
            method = self.gradient if gradient is True else gradient
            check_method(method)
            _, rules = program.rules_of(program.differentiated(through_features))
            rows *= 1 + evaluations(method, rules, self.random_shifts)
        return self.price(program, rows)

    def price(self, program: Program, rows: int) -> Cost:
        """What a call of ``run_rows`` with that many rows costs: by default one job, a circuit a row."""
        return Cost(type(self).__name__, 1, rows, rows * (self.shots or 0))


def circuit_of(
    operators: Sequence[Any], readout: Readout, least_wires: int = 1
) -> tuple[Circuit, list[Any], Any]:
    """Operators and a readout as a circuit of wires 0 to the last one, its parameters and its features."""
    layer, params, x = layer_of(operators)
    wires = [w for o in operators for w in o.wires]
    wires += [w for m in readout.measurements(()) for w in m.wires]
    return Circuit(max(1 + max(wires), least_wires), layer, readout), [params], x
