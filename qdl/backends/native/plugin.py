"""The native simulator as a PennyLane device, ``qml.device("qdl.jax")``: the way in for other code."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
from pennylane.devices import Device, ExecutionConfig, preprocess
from pennylane.devices.default_qubit import (
    accepted_analytic_measurement,
    accepted_sample_measurement,
)
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.devices.qubit.simulate import measure_final_state

from ... import simulator
from ...circuit import Circuit
from ...reading.gates import with_all_data
from ...reading.operators import layer_of

WIDEST = 4  # wider operators are decomposed first, where they can be
AS_THEY_ARE = ("MultiRZ", "GlobalPhase", "Identity", "Barrier", "Snapshot")


@simulator_tracking
@single_tape_support
class JaxDevice(Device):
    """The native state-vector simulator for PennyLane's own QNodes.

    With JAX numbers a QNode is one traceable program: ``jax.jit``, ``jax.grad`` and ``jax.vmap`` go
    through, and the derivative undoes the circuit instead of storing its states. As everywhere in qdl,
    forward mode is missing: the Hessian is ``jax.jacrev(jax.grad(f))``. With numbers of NumPy, Autograd
    or Torch it computes in float64 whatever JAX is set to, differentiated by parameter shift.

    Args:
        wires: number of wires or their labels; None takes them from each circuit.
        shots: number of shots for circuits that say nothing else; None is exact.
        seed: a seed for NumPy, or a JAX key. A seed is drawn from once when a function is compiled, so
            for fresh shots in every call make the device from a key inside of the compiled function.

    Example:
        >>> import jax, pennylane as qp
        >>> device = JaxDevice(wires=2)  # or qp.device("qdl.jax", wires=2)
        >>> @qp.qnode(device)
        ... def circuit(angle):
        ...     qp.RY(angle, wires=0)
        ...     qp.CNOT(wires=(0, 1))
        ...     return qp.expval(qp.Z(1))
        >>> round(float(jax.grad(circuit)(0.5)), 3)
        -0.479
    """

    name = "qdl.jax"  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self, wires: Any = None, shots: Any = None, seed: Any = None):
        super().__init__(wires=wires, shots=shots)
        keyed = isinstance(seed, jax.Array)
        self._key = seed if keyed else None
        self._rng = np.random.default_rng(None if keyed else seed)

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: Any = None
    ) -> bool:
        """Backpropagation, for exact values and numbers of JAX."""
        if execution_config is None:
            return True
        backprop = execution_config.gradient_method in ("backprop", "best")
        exact = circuit is None or not circuit.shots
        return backprop and exact and _speaks_jax(execution_config)

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: Any = None
    ) -> ExecutionConfig:
        """Traced from end to end for JAX: a callback into JAX from a running program could deadlock."""
        config = config or ExecutionConfig()
        changes: dict[str, Any] = {"convert_to_numpy": not _speaks_jax(config)}
        if config.gradient_method == "best":
            changes["gradient_method"] = "backprop"
        if config.use_device_gradient is None:
            chosen = changes.get("gradient_method", config.gradient_method)
            changes["use_device_gradient"] = chosen == "backprop"
        middle: Any = config.mcm_config
        method = middle.mcm_method
        if method is not None and method != "deferred":
            raise qp.exceptions.DeviceError(
                f"qdl.jax runs mid-circuit measurements as controlled gates at the end, got "
                f"mcm_method={method.value!r}. Use 'deferred', or default.qubit."
            )
        changes["mcm_config"] = replace(middle, mcm_method="deferred")
        return replace(config, **changes)

    def preprocess_transforms(self, execution_config: ExecutionConfig | None = None) -> Any:
        """What PennyLane does to a circuit before it comes here."""
        pipeline = qp.CompilePipeline()
        pipeline.add_transform(qp.defer_measurements, allow_postselect=False)
        pipeline.add_transform(
            preprocess.decompose,
            stopping_condition=_is_native,
            device_wires=self.wires,
            name=self.name,
        )
        pipeline.add_transform(preprocess.validate_device_wires, self.wires, name=self.name)
        pipeline.add_transform(
            preprocess.validate_measurements,
            analytic_measurements=accepted_analytic_measurement,
            sample_measurements=accepted_sample_measurement,
            name=self.name,
        )
        if execution_config and execution_config.gradient_method == "backprop":
            pipeline.add_transform(preprocess.no_sampling, name="backprop + qdl.jax")
        return pipeline

    def execute(self, circuits: Any, execution_config: ExecutionConfig | None = None) -> Any:
        """The results of several circuits, each by its own program."""
        if execution_config is not None and _speaks_jax(execution_config):
            return tuple(self._results(tape, jnp) for tape in circuits)
        with jax.enable_x64(True), jax.ensure_compile_time_eval():  # numbers stay numbers under jit
            return tuple(self._results(tape, np) for tape in circuits)

    def _results(self, tape: Any, xp: Any) -> Any:
        tape = tape.map_to_standard_wires()
        state = xp.asarray(final_state(tape))
        options: dict[str, Any] = {"rng": self._rng}
        if tape.shots and (xp is jnp or self._key is not None):
            options["prng_key"] = self._next_key()
        return measure_final_state(tape, state, tape.batch_size is not None, **options)

    def _next_key(self) -> jax.Array:
        if self._key is None:
            return jax.random.key(self._rng.integers(2**31))
        self._key, key = jax.random.split(self._key)
        return key


def final_state(tape: Any) -> jax.Array:
    """The state ``([batch,] 2, ..., 2)`` of a tape on wires 0 to n - 1."""
    operators = [_plain(operator) for operator in tape.operations]
    layer, params, x = layer_of(operators, constants=False)
    n = len(tape.wires)
    state = _run(Circuit(n, layer), params, x)
    return state.reshape(*state.shape[:-1], *(2,) * n)


@partial(jax.jit, static_argnums=0)
def _run(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    return simulator.state(circuit, [params], x)


def _plain(operator: Any) -> Any:
    """An operator that is given by its ``data``; a state preparation by its amplitudes."""
    if isinstance(operator, qp.operation.StatePrepBase):
        lead = () if operator.batch_size is None else (operator.batch_size,)
        amplitudes = operator.state_vector().reshape(*lead, -1)
        return qp.StatePrep(amplitudes, wires=operator.wires, validate_norm=False)
    return with_all_data(operator)


def _is_native(operator: Any) -> bool:
    small = len(operator.wires) <= WIDEST or not operator.has_decomposition
    return operator.name in AS_THEY_ARE or (operator.has_matrix and small)


def _speaks_jax(config: ExecutionConfig) -> bool:
    return config.interface in (qp.math.Interface.JAX, qp.math.Interface.JAX_JIT)
