"""What is measured: three circuits, their data, and the rows of the table with their goals.

A circuit is written once, as calls ``gate(name, wires, *angles)`` with PennyLane's gate names, and
every peer turns these calls into its own gates. qdl does not use this file's circuits: it is given
the same workload as layers, so equal gradients are a check of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import log2, pi
from typing import Any

import numpy as np

Gate = Callable[..., None]


@dataclass(frozen=True)
class Workload:
    """One circuit at one size; ``batch`` counts the samples of A and C and the draws of B."""

    kind: str
    n: int
    depth: int
    batch: int

    def __str__(self) -> str:
        """The name that ``parse`` reads."""
        return f"{self.kind}({self.n},{self.depth},{self.batch})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weights; those of C are one conv (15) and one pool (3) per level."""
        shapes = {"A": (self.depth, self.n, 3), "B": (self.depth, self.n), "C": (self.depth, 18)}
        return shapes[self.kind]

    @property
    def observable(self) -> tuple[int, ...]:
        """The wires whose Z are multiplied and measured."""
        return (0, 1) if self.kind == "B" else (0,)


def parse(text: str) -> Workload:
    """A workload from its name: ``A(n,depth,batch)``, or B or C."""
    found = re.fullmatch(r"([ABC])\((\d+),(\d+),(\d+)\)", text.replace(" ", ""))
    if not found:
        raise ValueError(
            f"Unknown row {text!r}. Expected one of {', '.join(ROWS)}, growth, or a workload such "
            "as A(8,4,64): n wires, depth, batch."
        )
    workload = Workload(found[1], *(int(size) for size in found.groups()[1:]))
    if workload.kind == "C" and 2**workload.depth != workload.n:
        raise ValueError(f"{text}: C halves its wires at each level. Use C(8,3,128).")
    return workload


@dataclass(frozen=True)
class Data:
    """The numbers of a workload, the same for every engine."""

    weights: np.ndarray  # of the workload's shape; B has a leading axis of draws
    x: np.ndarray  # (batch, n)
    y: np.ndarray  # (batch,)
    axes: np.ndarray  # (depth, n) in {0, 1, 2}: which of RX, RY, RZ each gate of B is


def data(workload: Workload) -> Data:
    """Seeded weights, inputs, targets and, for B, the choice of gates."""
    rng = np.random.default_rng(workload.n)
    draws = (workload.batch,) if workload.kind == "B" else ()
    return Data(
        weights=rng.uniform(0, 2 * pi, draws + workload.shape),
        x=rng.uniform(-pi / 2, pi / 2, (workload.batch, workload.n)),
        y=rng.uniform(-1, 1, workload.batch),
        axes=rng.integers(0, 3, (workload.depth, workload.n)),
    )


def circuit(workload: Workload, gate: Gate, weights: Any, x: Any, axes: Any) -> None:
    """Call ``gate(name, wires, *angles)`` for every gate, in time order.

    Args:
        workload: which circuit.
        gate: applies one gate.
        weights: anything indexed as an array of ``workload.shape``.
        x: anything indexed ``x[i]``: one sample. B has none.
        axes: the choice of gates of B.
    """
    n = workload.n
    for wire in range(n):
        gate("RY", (wire,), pi / 4 if workload.kind == "B" else x[wire])
    if workload.kind == "C":
        _qcnn(workload, gate, weights)
        return
    for layer in range(workload.depth):
        for wire in range(n):
            if workload.kind == "A":
                w = weights[layer, wire]
                gate("Rot", (wire,), w[0], w[1], w[2])
            else:
                gate(("RX", "RY", "RZ")[axes[layer, wire]], (wire,), weights[layer, wire])
        if workload.kind == "A":
            for a, b in ring(n):
                gate("CNOT", (a, b))
        else:
            for wire in range(n - 1):
                gate("CZ", (wire, wire + 1))


def ring(n: int) -> list[tuple[int, int]]:
    """(0,1), (1,2), ... and, from three wires on, (n-1,0)."""
    pairs = [(i, i + 1) for i in range(n - 1)]
    return pairs + [(n - 1, 0)] if n > 2 else pairs


def _qcnn(workload: Workload, gate: Gate, weights: Any) -> None:
    """Per level: one shared two-wire block on all neighbours, then every second wire controls."""
    wires = list(range(workload.n))
    for level in range(workload.depth):
        w = weights[level]
        pairs = ring(len(wires))
        for i, j in pairs[0::2] + pairs[1::2]:
            a, b = wires[i], wires[j]
            gate("Rot", (a,), w[0], w[1], w[2])
            gate("Rot", (b,), w[3], w[4], w[5])
            gate("IsingXX", (a, b), w[6])
            gate("IsingYY", (a, b), w[7])
            gate("IsingZZ", (a, b), w[8])
            gate("Rot", (a,), w[9], w[10], w[11])
            gate("Rot", (b,), w[12], w[13], w[14])
        for keep, drop in zip(wires[0::2], wires[1::2], strict=True):
            gate("CRZ", (drop, keep), w[15])
            gate("CRY", (drop, keep), w[16])
            gate("CRZ", (drop, keep), w[17])
        wires = wires[0::2]


def model_flops(workload: Workload) -> float:
    """Floating-point operations of one step, of an ideal gate-by-gate program.

    A and B: 14 per amplitude for one merged 2x2 gate per wire and layer. C: 32 per amplitude for a
    4x4 on two wires; conv and pool blocks, but for the n/2 that act on the product state. Times
    3.14: forward, cotangent and gradient. A first layer on a product state costs nothing.
    """
    n, amplitudes = workload.n, 2.0**workload.n * workload.batch
    if workload.kind == "C":
        sizes = [n >> level for level in range(workload.depth)]
        blocks = sum(len(ring(size)) + size // 2 for size in sizes) - n // 2
        return blocks * amplitudes * 32 * 3.14
    return (workload.depth - 1) * n * amplitudes * 14 * 3.14


def model_bytes(workload: Workload) -> float:
    """Bytes moved in one step if each layer reads and writes the complex64 state 2.5 times."""
    layers = 4 * log2(workload.n) if workload.kind == "C" else workload.depth - 1
    return layers * 2.0**workload.n * workload.batch * 40


@dataclass(frozen=True)
class Row:
    """A line of the table: a workload, the peers that run it, and the ratio to reach.

    The first peer is the one to beat: without its figure no goal counts as met.
    """

    workload: Workload
    peers: tuple[str, ...]
    ratio: float | None = None  # the best peer's step time over qdl's, at least
    step_ms: float | None = None  # qdl's step time, at most, where no peer finishes


_ALL = ("pennylane", "lightning", "qulacs", "tensorcircuit")
_BIG = ("lightning", "qulacs", "pennylane")

ROWS = {
    "A4": Row(Workload("A", 4, 2, 32), _ALL, 2),
    "A8": Row(Workload("A", 8, 4, 64), _ALL, 9),
    "A10": Row(Workload("A", 10, 5, 128), _ALL, 15),
    "A12": Row(Workload("A", 12, 6, 32), _ALL, 13),
    "A16": Row(Workload("A", 16, 4, 4), _BIG, 2.5),
    "A20": Row(Workload("A", 20, 4, 1), _BIG, 2.2),
    "D100": Row(Workload("A", 12, 100, 8), ("pennylane", "lightning"), step_ms=110),
    "B2": Row(Workload("B", 2, 50, 200), ("pennylane", "qulacs", "tensorcircuit"), 4),
    "B4": Row(Workload("B", 4, 50, 200), ("qulacs", "pennylane"), 20),
    "B8": Row(Workload("B", 8, 50, 200), ("qulacs",), 4),
    "B12": Row(Workload("B", 12, 50, 200), ("qulacs",), 5),
    "C": Row(Workload("C", 8, 3, 128), ("pennylane", "lightning", "tensorcircuit"), 13),
}
TWO_CORES = ("A12", "A16", "A20")  # rows measured on two cores as well
FIRST_CALL = ("A8", "A10", "A12", "A16", "A20", "C")  # rows whose first call is compared


def find_row(name: str) -> Row:
    """A row of the table by its name, or a row without a goal for any other workload."""
    if name in ROWS:
        return ROWS[name]
    workload = parse(name)
    small = {"A": _ALL, "B": ("pennylane", "qulacs"), "C": ("pennylane", "lightning")}
    return Row(workload, small[workload.kind] if workload.n <= 12 else _BIG)
