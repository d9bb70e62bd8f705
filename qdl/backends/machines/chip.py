"""The calibration of a machine, read for a circuit: errors, and the best path of qubits."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

WIDTH = 2000  # paths that are kept while they grow


def best_path(target: Any, n: int) -> tuple[int, ...]:
    """A path of n neighbouring qubits with small errors of gates and readout.

    Paths grow qubit by qubit, the best 2000 of each length are kept: for short paths that is all of them.

    Raises:
        ValueError: the machine has no path of n qubits.
    """
    coupling = target.build_coupling_map()
    if coupling is None:  # every pair has a gate
        return tuple(range(n))
    near: dict[int, set[int]] = {}
    for a, b in coupling:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    cost = _Cost(target)
    paths = sorted((cost.qubit(qubit), (qubit,)) for qubit in near)
    for _ in range(n - 1):
        longer = {
            (total + cost.pair(path[-1], new) + cost.qubit(new), (*path, new))
            for total, path in paths
            for new in near[path[-1]] - set(path)
        }
        paths = sorted(longer)[:WIDTH]
    if not paths:
        raise ValueError(
            f"There is no path of {n} qubits on this machine of {target.num_qubits}. Use fewer wires, "
            'or Entangler(pattern="chain") and let the transpiler find a way.'
        )
    return paths[0][1]


class _Cost:
    """Minus the logarithm of the fidelity of qubits and pairs."""

    def __init__(self, target: Any):
        self.target = target
        self.two = [
            name
            for name in target.operation_names
            if getattr(target.operation_from_name(name), "num_qubits", 0) == 2
        ]

    def qubit(self, qubit: int) -> float:
        return _loss(error(self.target, "measure", (qubit,)))

    def pair(self, a: int, b: int) -> float:
        found = [error(self.target, name, on) for name in self.two for on in ((a, b), (b, a))]
        known = [e for e in found if e is not None]
        return _loss(min(known, default=None))


def _loss(rate: float | None) -> float:
    return -float(np.log1p(-min(rate or 0.0, 0.999)))


def pairs_along(target: Any, path: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Positions (control, target) of neighbours on a path, as the machine's gate points.

    Every second pair first, then the others: those of one half run at the same time.
    """
    coupling = target.build_coupling_map()
    native = None if coupling is None else set(coupling)
    pairs = []
    for i, (a, b) in enumerate(zip(path, path[1:], strict=False)):
        pairs.append((i, i + 1) if native is None or (a, b) in native else (i + 1, i))
    return tuple(pairs[::2] + pairs[1::2])


def gates_of(circuit: Any, on: Any = None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every gate by name with the machine's qubits, those inside of branches too.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> circuit = QuantumCircuit(2)
        >>> _ = circuit.cx(1, 0)
        >>> list(gates_of(circuit))
        [('cx', (1, 0))]
    """
    for step in circuit.data:
        inner = [circuit.find_bit(qubit).index for qubit in step.qubits]
        qubits = tuple(inner if on is None else [on[i] for i in inner])
        blocks = getattr(step.operation, "blocks", ())
        for block in blocks:
            yield from gates_of(block, qubits)
        if not blocks and step.operation.name not in ("barrier", "delay"):
            yield step.operation.name, qubits


class Fidelity(NamedTuple):
    """The chance that nothing fails, of gates and of readouts apart.

    Example:
        >>> Fidelity(0.9, 0.5).whole
        0.45
    """

    gates: float
    readout: float

    @property
    def whole(self) -> float:
        """That neither a gate nor a readout fails."""
        return self.gates * self.readout


def fidelity(circuit: Any, target: Any, measured: Iterable[int]) -> Fidelity | None:
    r"""$\prod_g (1 - \epsilon_g)$ over gates, and over readouts, by the machine's calibration.

    None where the machine has no calibration. A rough guide: it takes errors as independent, forgets
    decoherence while a qubit waits, and counts what waits for an outcome as if it always happened.
    """
    steps = list(gates_of(circuit))
    read = {*measured, *(qubits[0] for name, qubits in steps if name == "measure")}
    ends = [error(target, "measure", (qubit,)) for qubit in sorted(read)]
    errors = [error(target, name, qubits) for name, qubits in steps if name != "measure"]
    if all(e is None for e in [*errors, *ends]):
        return None
    return Fidelity(*(float(np.prod([1 - (e or 0.0) for e in part])) for part in (errors, ends)))


def error(target: Any, name: str, qubits: tuple[int, ...]) -> float | None:
    """The error of a gate on these qubits; None where the machine has no number for it, or none that is one.

    Warns:
        RuntimeWarning: the calibration holds NaN, or an error outside of [0, 1], which is left out.
    """
    properties = target[name].get(qubits) if name in target.operation_names else None
    found = getattr(properties, "error", None)
    if found is None or 0 <= found <= 1:
        return found
    warnings.warn(
        f"the calibration gives {name} on qubits {qubits} the error {found!r}, which is no probability: "
        "it is left out.",
        RuntimeWarning,
        stacklevel=3,
    )
    return None
