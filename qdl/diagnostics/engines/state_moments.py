r"""Exact second moments of the state that a circuit makes, $E\,\langle Q\rangle\langle QR\rangle$.

The same averages as in ``dense_moment``, carried forth from the state instead of back from an observable: one
pass gives the mean squares of all $4^n$ Pauli words at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...pauli.circuit import PauliCircuit, pauli_circuit
from ...pauli.moments import Run, Step, apply, steps
from ...pauli.operators import Channel
from ...pauli.words import digits, with_digits, x_bits
from ...readout import ExpZ
from ...refused import Refused
from .dense_moment import check_size

MOST_WORK = 1e10  # multiplications: some ten seconds
Vectors = dict[int, np.ndarray]  # sector R -> vector over the words Q


def unitary_circuit(model: Any, x: Any = None) -> PauliCircuit:
    """A model read as gates on Pauli words, whatever it measures; noise is refused."""
    plain = replace(model, readout=ExpZ(model.active[:1]))
    circuit = pauli_circuit(plain, x, None, widest=2)
    if any(isinstance(element, Channel) for element in circuit.elements):
        raise Refused("the states of a circuit with noise are mixed. Ask about it without Noise.")
    return circuit


def state_moments(circuit: PauliCircuit, only_squares: bool = False) -> Vectors:
    r"""$E\,\langle Q\rangle\langle QR\rangle$ by sector R, as vectors over Q; see ``pauli.moments``.

    Args:
        circuit: gates with independent angles.
        only_squares: return the sector R = 1 alone, and follow no other that does not feed it.

    Raises:
        ValueError: too much memory or work.
    """
    n, gates = circuit.n_wires, steps(circuit.elements, circuit.n_wires)
    wanted = _feeding(gates, n) if only_squares else [None] * (len(gates) + 1)
    no_x = x_bits(n)
    ones = (np.arange(4**n) & no_x == 0).astype(float)
    first = range(4**n) if wanted[0] is None else wanted[0]
    starts = [r for r in first if not r & no_x]
    check_size(8.0 * 4**n * 2 * len(starts), n)
    now: Vectors = {r: ones for r in starts}
    work = 0.0
    for step, kept in zip(gates, wanted[1:], strict=True):
        work += 40 * 4.0**n * len(now)
        if work > MOST_WORK:
            raise Refused(
                f"exact moments of the state on {n} wires take more than {MOST_WORK:.0e} multiplications. "
                "Use fewer wires, or sampled states."
            )
        now = _forth(step, now, kept, n)
    return {0: now[0]} if only_squares else now


def _feeding(gates: list[Step], n: int) -> list[set[int] | None]:
    """The sectors before each step, and after the last, that can reach the sector R = 1."""
    out: list[Any] = [{0}]
    for step in reversed(gates):
        out.append({r for after in out[-1] for r in step.products(after, n)})
    return out[::-1]


def _forth(step: Step, before: Vectors, kept: set[int] | None, n: int) -> Vectors:
    """One step later; sectors that are not kept are dropped."""
    out: Vectors = {}
    for r, values in before.items():
        if isinstance(step, Run):
            to = int(step.source[r])
            if kept is None or to in kept:
                sign = step.sign * step.sign[np.arange(4**n) ^ to] if to else 1.0
                out[to] = sign * values[step.image]
            continue
        local = digits(r, step.wires, n)
        for (r_out, r_in), matrix in step.square.items():
            to = with_digits(r, step.wires, n, r_in)
            if r_out == local and (kept is None or to in kept):
                part = apply(matrix.T, values, step.wires, n)
                out[to] = out[to] + part if to in out else part
    return {r: values for r, values in out.items() if values.any()}
