"""Families of circuits whose law is known, with the proof's source: what a verdict is held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pennylane as qp

import qdl
from qdl.initializers import gaussian, identity_blocks, uniform
from qdl.layers import Entangler, Mirrored, Noise, Repeat, Rotation, Template

from .plateaus import qcnn

BRICK = [Rotation("xy"), Entangler("cz", "brick")]
CHAIN = [Rotation("xy"), Entangler("cz")]


@dataclass(frozen=True)
class Truth:
    """A family and where its gradient goes.

    Attributes:
        build: the model for a width.
        widths: that are measured.
        words: the verdicts that are right for the whole gradient.
        source: where it is proven.
        cost: the words that are right for the variance of the cost, where they are others.
        slow: many seconds.
    """

    build: Callable[[int], qdl.QNN]
    widths: Sequence[int]
    words: tuple[str, ...]
    source: str
    cost: tuple[str, ...] = ()
    slow: bool = False


def everywhere(n: int) -> qdl.Expval:
    """The product of Z on all wires."""
    return qdl.Expval(qp.prod(*[qp.Z(i) for i in range(n)]))


def zeros(n: int) -> qdl.Expval:
    """The projector on the state 0 of all wires."""
    return qdl.Expval(qp.Projector([0] * n, wires=range(n)))


def mean(n: int) -> qdl.Expval:
    """The mean of Z over the wires."""
    return qdl.Expval(qp.dot([1 / n] * n, [qp.Z(i) for i in range(n)]))


def middle(n: int) -> qdl.Expval:
    """Z Z on two wires in the middle, at the same place in the brick wall at every width."""
    at = 2 * (n // 4)
    return qdl.Expval(qp.Z(at) @ qp.Z(at + 1))


def log2(n: int) -> int:
    """The depth of a circuit that spreads to all wires."""
    return max(1, math.ceil(math.log2(n)))


def product(readout: Any) -> Any:
    """RX on every wire."""
    return lambda n: qdl.QNN(n, Rotation("x"), readout=readout(n))


def layered(block: Any, depth: Any, readout: Any, start: Any = None) -> Any:
    """A block, again and again."""

    def build(n: int) -> qdl.QNN:
        options = {} if start is None else {"initializer": start(n)}
        return qdl.QNN(n, Repeat(block, depth(n)), readout=readout(n), **options)

    return build


def ising(readout: Any) -> Any:
    """Free fermions: XX of neighbours and Z, each with an angle of its own, 2 n times."""

    def build(n: int) -> qdl.QNN:
        layer = Template(_matchgates, shape=(2 * n - 1,))
        return qdl.QNN(n, Repeat(layer, 2 * n), readout=readout(n))

    return build


def _matchgates(params: Any, x: Any, wires: Any) -> Any:
    n = len(wires)
    for i in range(n - 1):
        yield qp.IsingXX(params[i], [wires[i], wires[i + 1]])
    for i in range(n):
        yield qp.RZ(params[n - 1 + i], wires[i])


def alike(n: int) -> qdl.QNN:
    """Sums of X, Y and ZZ over all wires, n times: nothing tells the wires apart."""
    return qdl.QNN(n, Repeat(Template(_alike, shape=(3,)), n), readout=mean(n))


def _alike(params: Any, x: Any, wires: Any) -> Any:
    for gate, angle in ((qp.RX, params[0]), (qp.RY, params[1])):
        for wire in wires:
            yield gate(angle, wire)
    for i, first in enumerate(wires):
        for second in wires[:i]:
            yield qp.IsingZZ(params[2], [first, second])


def mirrored(n: int) -> qdl.QNN:
    """A product state, then blocks that start as the identity."""
    layers = [Rotation("y", initializer=uniform()), Mirrored([Repeat(CHAIN, n)])]
    return qdl.QNN(n, layers, readout=middle(n), initializer=identity_blocks())


NOISY = [*CHAIN, Noise("depolarizing", 0.1)]
FALLS, POWER, STAYS = ("exponential",), ("polynomial",), ("constant", "levels off")
CEREZO = "Cerezo 2021"
TRUTHS = {
    "product, Z on all": Truth(product(everywhere), (2, 4, 6, 8, 10), FALLS, "2^-n, closed form"),
    "product, projector": Truth(product(zeros), (2, 4, 6, 8, 10), FALLS, "(3/8)^n, " + CEREZO),
    "product, mean of Z": Truth(product(mean), (2, 4, 6, 8, 10), POWER, "1/2n, " + CEREZO),
    "bricks, depth 2": Truth(
        layered(BRICK, lambda n: 2, middle), (4, 6, 8, 10, 12), STAYS, "light cone"
    ),
    "bricks, depth log2 n": Truth(layered(BRICK, log2, middle), (4, 8, 16, 32, 64), POWER, CEREZO),
    "bricks, depth n": Truth(
        layered(BRICK, lambda n: n, middle), (2, 4, 6, 8, 10), FALLS, "McClean 2018"
    ),
    "bricks, depth 2, Z on all": Truth(
        layered(BRICK, lambda n: 2, everywhere), (2, 4, 6, 8, 10), FALLS, CEREZO
    ),
    "chain, depth n, Z on all": Truth(
        layered(CHAIN, lambda n: n, everywhere), (2, 4, 6, 8, 10), FALLS, "McClean 2018"
    ),
    "chain, depth n, projector": Truth(
        layered(CHAIN, lambda n: n, zeros), (2, 4, 6, 8, 10), FALLS, CEREZO
    ),
    "hardware_efficient(n, 2n)": Truth(
        lambda n: qdl.models.hardware_efficient(n, 2 * n), (2, 4, 6, 8, 10), FALLS, "McClean 2018"
    ),
    "mcclean(n, 10n)": Truth(
        lambda n: qdl.models.mcclean(n, 10 * n), (2, 4, 6, 8, 10), FALLS, "McClean 2018", slow=True
    ),
    "QCNN, own weights": Truth(qcnn, (4, 8, 16, 32, 64), POWER, "Pesah 2021"),
    "QCNN, shared weights": Truth(
        lambda n: qdl.models.qcnn(n), (2, 4, 6, 8, 10), POWER, "Pesah 2021", slow=True
    ),
    "matchgates, Z": Truth(
        ising(lambda n: qdl.ExpZ(0)), (2, 4, 6, 8, 10), (*POWER, *STAYS), "2 / (2n choose 2), Ragone 2024",
        POWER,
    ),
    "matchgates, Z Z": Truth(
        ising(middle), (4, 5, 6, 7, 8, 10), (*POWER, *STAYS), "(n choose 2) / (2n choose 4), Diaz 2023",
        POWER,
    ),
    "all wires alike": Truth(alike, (2, 4, 6, 8, 10), (*POWER, *STAYS), "Schatzki 2024", POWER, True),
    "identity blocks": Truth(mirrored, (4, 5, 6, 7, 8), STAYS, "Grant 2019", slow=True),
    "gaussian starts, 1/sqrt(4n)": Truth(
        layered(CHAIN, lambda n: n, middle, lambda n: gaussian(1 / math.sqrt(4 * n))),
        (2, 4, 6, 8, 10), (*STAYS, *POWER), "Zhang 2022",
    ),
    "noise in every layer, depth n": Truth(
        layered(NOISY, lambda n: n, middle), (2, 3, 4, 5, 6), FALLS, "Wang 2021"
    ),
}  # fmt: skip
