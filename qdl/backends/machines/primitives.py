"""Qiskit's primitives: built in one function, and fed one PUB whose parameters are bound by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .qiskit_place import Compiled
from .request import Request


def primitive(kind: str, mode: Any, options: dict[str, Any]) -> Any:
    """The "estimator" or "sampler" of Qiskit Runtime for a backend, a session or a batch.

    Two generations of Runtime exist; this is the only place that knows. With a backend that is not of the
    service, fake or simulated, Runtime works in its local testing mode.
    """
    try:
        from qiskit_ibm_runtime import EstimatorV2, SamplerV2
    except ImportError:  # gone after the deprecation of 0.50
        from qiskit_ibm_runtime.executor_estimator import (  # pyright: ignore[reportMissingImports]
            Estimator as EstimatorV2,
        )
        from qiskit_ibm_runtime.executor_sampler import (  # pyright: ignore[reportMissingImports]
            Sampler as SamplerV2,
        )
    chosen = {"estimator": EstimatorV2, "sampler": SamplerV2}[kind]
    return chosen(mode=mode, options=options)


def submit(runner: Any, request: Request, compiled: Compiled) -> Any:
    """Send a request to an estimator or a sampler as one PUB; the job."""
    if request.program.samples:
        return runner.run([(compiled.circuit, by_name(request, compiled))], shots=request.shots)
    # Estimators make shots of a precision, rounding up: 1000.0000000000001 would be 1001.
    precision = (1 + 1e-12) / math.sqrt(request.shots or 1)
    columns = [[observable] for observable in compiled.observables]  # (k, 1) against (rows,)
    return runner.run(
        [(compiled.circuit, columns, by_name(request, compiled))], precision=precision
    )


def by_name(request: Request, compiled: Compiled) -> dict[tuple[str, ...], np.ndarray]:
    """The parameter values by name: Qiskit would read a bare array in alphabetical order.

    The transpiler may drop a gate with its parameter, as a phase before a measurement; its values go too.
    """
    left = {parameter.name for parameter in compiled.circuit.parameters}
    kept = [i for i, name in enumerate(request.program.names) if name in left]
    names = tuple(request.program.names[i] for i in kept)
    return {names: request.values[:, kept]} if names else {}


def values(result: Any, request: Request, compiled: Compiled) -> np.ndarray:
    """The values ``(rows, k)`` from a primitive's result.

    Raises:
        AnswerError: it has another number of rows or values, or some that are no numbers.
    """
    rows, size = len(request.values), request.program.size
    try:
        [answer] = result
        if request.program.samples:
            found = frequencies(answer.data.c, size)
        else:
            found = np.asarray(answer.data.evs, dtype=float).T
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise AnswerError(
            f"something that holds no values ({type(error).__name__}: {error})"
        ) from error
    if not compiled.circuit.parameters:  # one run of the circuit stands for all rows
        found = np.broadcast_to(found.reshape(1, -1), (rows, found.size))
    if found.shape != (rows, size):
        raise AnswerError(
            f"values of shape {found.shape}, expected {(rows, size)}: {rows} circuits, {size} values each"
        )
    if not np.isfinite(found).all():
        wrong = int((~np.isfinite(found)).sum())
        raise AnswerError(f"{wrong} of {found.size} values that are no numbers (NaN or infinite)")
    return found


class AnswerError(ValueError):
    """A result that does not hold the values that were asked for."""


def frequencies(bits: Any, size: int) -> np.ndarray:
    """How often each outcome was sampled, ``(rows, size)``, from Qiskit's array of bits."""
    rows = [()] if not bits.shape else list(np.ndindex(bits.shape))
    found = np.zeros((len(rows), size))
    for row, loc in enumerate(rows):
        for outcome, count in bits.get_int_counts(loc or None).items():
            found[row, outcome] = count / bits.num_shots
    return found
