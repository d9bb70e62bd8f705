"""The two layers of a quantum convolutional network: Convolution and Pooling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import pennylane as qp

from .base import Initializer, Layer, Shape, Wires
from .rotation import checked_axes

# Gates in time order, "NAME:wires" with wire 0 the first of the pair (for controlled gates the
# control comes first). Angles are used up in this order.
BLOCKS = {
    "su4": "Rot:0 Rot:1 IsingXX:01 IsingYY:01 IsingZZ:01 Rot:0 Rot:1",
    "ttn": "RY:0 RY:1 CNOT:01",
    "u5": "RX:0 RX:1 RZ:0 RZ:1 CRZ:10 CRZ:01 RX:0 RX:1 RZ:0 RZ:1",
    "u6": "RX:0 RX:1 RZ:0 RZ:1 CRX:10 CRX:01 RX:0 RX:1 RZ:0 RZ:1",
    "u9": "Hadamard:0 Hadamard:1 CZ:01 RX:0 RX:1",
    "u13": "RY:0 RY:1 CRZ:10 RY:0 RY:1 CRZ:01",
    "u14": "RY:0 RY:1 CRX:10 RY:0 RY:1 CRX:01",
    "u15": "RY:0 RY:1 CNOT:10 RY:0 RY:1 CNOT:01",
    "so4": "RY:0 RY:1 CNOT:01 RY:0 RY:1 CNOT:01 RY:0 RY:1",
    "hur_su4": "U3:0 U3:1 CNOT:01 RY:0 RZ:1 CNOT:10 RY:0 CNOT:01 U3:0 U3:1",
}
CONTROLLED = {"x": qp.CRX, "y": qp.CRY, "z": qp.CRZ}
KINDS = ("controlled", "measured")
PATTERNS = ("ring", "chain", "pairs")


@dataclass(frozen=True)
class Convolution(Layer):
    r"""One two-qubit block on all neighbours.

    Pairs in time order: (0,1), (2,3), ..., then (1,2), (3,4), ..., then (n-1,0) when n is even and
    above 2. The pattern ``"chain"`` leaves out the last one, ``"pairs"`` takes (0,1), (2,3), ... alone, so
    that with ``Pooling`` the circuit is a tree, which is exact on any number of wires (see
    ``qdl.backends.tensor_network``). ``"su4"`` is Rot on both wires,
    $e^{-i(\alpha XX + \beta YY + \gamma ZZ)/2}$, Rot on both wires: any two-qubit gate up to a phase. The
    other blocks are those of Hur, Kim and Park:

    | block | p | gates |
    | --- | --- | --- |
    | su4 | 15 | Rot, Rot, XX, YY, ZZ, Rot, Rot |
    | ttn | 2 | RY, RY, CNOT |
    | u5, u6 | 10 | RX, RX, RZ, RZ, two CRZ (u6: CRX) up and down, RX, RX, RZ, RZ |
    | u9 | 2 | H, H, CZ, RX, RX |
    | u13, u14 | 6 | RY, RY, CRZ (u14: CRX) up, RY, RY, the same down |
    | u15 | 4 | RY, RY, CNOT up, RY, RY, CNOT down |
    | so4 | 6 | RY, RY, CNOT, RY, RY, CNOT, RY, RY |
    | hur_su4 | 15 | U3, U3, CNOT, RY, RZ, CNOT, RY, CNOT, U3, U3 |

    Args:
        block: a name of the table.
        shared: one set of parameters for all pairs, as in a classical convolution.
        pattern: ``"ring"``, ``"chain"`` or ``"pairs"``.
        initializer: of the angles; None for the model's.

    Params: ``(p,)``, or ``(n_pairs, p)`` for ``shared=False``; radians.

    Raises:
        ValueError: unknown block or pattern, or one wire.

    Example:
        >>> Convolution("ttn", shared=False).shape((0, 1, 2, 3))
        (4, 2)
        >>> Convolution("ttn", pattern="pairs").pairs((0, 1, 2, 3))
        [(0, 1), (2, 3)]

    Reference: Hur, Kim, Park, Quantum Machine Intelligence 4, 3 (2022), figure of the ansatz
    circuits; their circuits 5 to 15 number those of Sim et al., Advanced Quantum Technologies 2,
    1900070 (2019), and su4 follows Vatan, Williams, Physical Review A 69, 032315 (2004). The tree:
    Grant et al., npj Quantum Information 4, 65 (2018).
    """

    block: str = "su4"
    shared: bool = True
    _: KW_ONLY
    pattern: str = "ring"
    initializer: Initializer | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pattern not in PATTERNS:
            raise ValueError(
                f"Convolution got pattern {self.pattern!r}: expected one of {', '.join(PATTERNS)}. "
                "Build any other with Entangler or Template."
            )
        block = self.block.lower() if isinstance(self.block, str) else self.block
        if block not in BLOCKS:
            raise ValueError(
                f"Convolution got block {self.block!r}: expected one of {', '.join(BLOCKS)}. "
                "Build any other block with Template(fn, shape)."
            )
        object.__setattr__(self, "block", block)

    def pairs(self, wires: Wires) -> list[tuple[int, int]]:
        """The pairs of wires in time order."""
        _at_least_two(wires, "Convolution")
        neighbours = list(zip(wires, wires[1:], strict=False))
        if self.pattern == "pairs":
            return neighbours[::2]
        wrap = [(wires[-1], wires[0])] if len(wires) % 2 == 0 and len(wires) > 2 else []
        return neighbours[::2] + neighbours[1::2] + (wrap if self.pattern == "ring" else [])

    def shape(self, wires: Wires) -> Shape:
        size = sum(gate.num_params for gate, _ in _gates(self.block))
        pairs = self.pairs(wires)
        return (size,) if self.shared else (len(pairs), size)

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        size = params.shape[-1]
        block = _gates(self.block)
        angles = [params[k] for k in range(size)] if self.shared else []
        for p, pair in enumerate(self.pairs(wires)):
            if not self.shared:
                angles = [params[p, k] for k in range(size)]
            queue = iter(angles)
            for gate, on in block:
                own = [next(queue) for _ in range(gate.num_params)]
                yield gate(*own, wires=[pair[i] for i in on])


@dataclass(frozen=True)
class Pooling(Layer):
    r"""Halves the register: every second wire controls rotations of its neighbour and is dropped.

    By deferred measurement, rotating wire $k$ on the outcome of wire $d$ equals
    $\mathrm{CRX}_{dk}(\theta_1)\,\mathrm{CRZ}_{dk}(\theta_0)$ followed by forgetting $d$.

    Args:
        axes: the controlled rotations in time order, letters x, y, z; ``""`` only discards.
        kind: ``"controlled"``, or ``"measured"`` where a backend can measure and feed forward; the
            native simulator runs both as the controlled rotation.
        shared: one set of parameters for all pairs.
        initializer: of the angles; None for the model's.

    Params: shape ``(len(axes),)``, or ``(n_pairs, len(axes))`` for ``shared=False``; radians. None for
    ``axes=""``.
    Wires: ``n -> ceil(n / 2)``; an odd last wire passes through.

    Raises:
        ValueError: unknown axis or kind, or one wire.

    Example:
        >>> Pooling().active((0, 1, 2, 3))
        (0, 2)

    Reference: Cong, Choi, Lukin, Nature Physics 15, 1273 (2019).
    """

    axes: str = "zx"
    kind: str = "controlled"
    _: KW_ONLY
    shared: bool = True
    initializer: Initializer | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axes", checked_axes(self.axes, "Pooling"))
        if self.kind not in KINDS:
            raise ValueError(
                f"Pooling got kind {self.kind!r}: expected one of {', '.join(KINDS)}. "
                "Simulators treat both alike; choose 'measured' only for hardware."
            )

    def pairs(self, wires: Wires) -> list[tuple[int, int]]:
        """The pairs (keep, drop) of wires."""
        _at_least_two(wires, "Pooling")
        return list(zip(wires[::2], wires[1::2], strict=False))

    def shape(self, wires: Wires) -> Shape:
        pairs = self.pairs(wires)
        if not self.axes:
            return None
        return (len(self.axes),) if self.shared else (len(pairs), len(self.axes))

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for p, (keep, drop) in enumerate(self.pairs(wires)):
            at = () if self.shared else (p,)
            angles = [params[(*at, j)] for j in range(len(self.axes))]
            for axis, angle in zip(self.axes, angles, strict=True):
                yield CONTROLLED[axis](angle, wires=(drop, keep))

    def active(self, wires: Wires) -> Wires:
        _at_least_two(wires, "Pooling")
        return wires[::2]


def _gates(block: str) -> list[tuple[Any, list[int]]]:
    """The gate classes of a block with their positions in the pair."""
    tokens = (token.split(":") for token in BLOCKS[block].split())
    return [(getattr(qp, name), [int(digit) for digit in on]) for name, on in tokens]


def _at_least_two(wires: Wires, owner: str) -> None:
    if len(wires) < 2:
        raise ValueError(
            f"{owner} needs at least 2 active wires, got {len(wires)}: {list(wires)}. "
            "Raise n_wires, or remove one Pooling before it."
        )
