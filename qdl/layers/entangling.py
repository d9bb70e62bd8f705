"""Layers of two-qubit gates along a pattern of pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pennylane as qp

from .base import Initializer, Layer, Shape, Wires

GATES = {
    "cnot": qp.CNOT,
    "cy": qp.CY,
    "cz": qp.CZ,
    "ch": qp.CH,
    "swap": qp.SWAP,
    "iswap": qp.ISWAP,
    "crx": qp.CRX,
    "cry": qp.CRY,
    "crz": qp.CRZ,
    "cphase": qp.ControlledPhaseShift,
    "isingxx": qp.IsingXX,
    "isingyy": qp.IsingYY,
    "isingzz": qp.IsingZZ,
    "isingxy": qp.IsingXY,
}
PATTERNS = ("chain", "ring", "brick", "all")


@dataclass(frozen=True)
class Entangler(Layer):
    """The same two-qubit gate on a pattern of pairs, in this order in time.

    ``"chain"``: (0,1), (1,2), ...; ``"ring"``: the chain, then (n-1,0) for n > 2; ``"brick"``:
    (0,1), (2,3), ..., then (1,2), (3,4), ..., without wrapping; ``"all"``: every i < j. The first
    of a pair is the control. On one wire the patterns have no pairs.

    Args:
        gate: ``cnot cy cz ch swap iswap``, or with one angle a pair ``crx cry crz cphase isingxx
            isingyy isingzz isingxy``; upper or lower case.
        pattern: a name, or explicit pairs ``((0, 2), (1, 3))`` of positions among the active wires.
        initializer: of the angles; None for the model's.

    Params: none, or ``(n_pairs,)`` in radians for the gates with an angle.

    Raises:
        ValueError: unknown gate or pattern, or pairs that the wires do not have.

    Example:
        >>> Entangler("cz", pattern="ring").pairs((0, 1, 2))
        [(0, 1), (1, 2), (2, 0)]
        >>> Entangler("crx").shape((0, 1, 2))
        (2,)

    Reference: Sim, Johnson, Aspuru-Guzik, Advanced Quantum Technologies 2, 1900070 (2019).
    """

    gate: str = "cnot"
    pattern: str | tuple[tuple[int, int], ...] = "chain"
    initializer: Initializer | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        gate = self.gate.lower() if isinstance(self.gate, str) else self.gate
        if gate not in GATES:
            raise ValueError(
                f"Entangler got gate {self.gate!r}: expected one of {', '.join(GATES)}. "
                "Wrap any other gate in Template(fn, shape)."
            )
        object.__setattr__(self, "gate", gate)
        check_pattern(self.pattern, "Entangler")

    def pairs(self, wires: Wires) -> list[tuple[int, int]]:
        """The pairs of wires in time order."""
        return pairs_of(self.pattern, wires, "Entangler")

    def shape(self, wires: Wires) -> Shape:
        pairs = self.pairs(wires)
        return (len(pairs),) if pairs and GATES[self.gate].num_params else None

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        gate = GATES[self.gate]
        for k, pair in enumerate(self.pairs(wires)):
            yield gate(params[k], wires=pair) if gate.num_params else gate(wires=pair)


def check_pattern(pattern: Any, owner: str) -> None:
    """Refuse what is neither the name of a pattern nor pairs of positions."""
    if isinstance(pattern, str):
        known = pattern in PATTERNS
    else:
        known = isinstance(pattern, tuple) and all(map(_is_pair, pattern))
    if not known:
        raise ValueError(
            f"{owner} got pattern {pattern!r}: expected one of {', '.join(PATTERNS)}, "
            "or pairs of two different positions. Example: pattern=((0, 2), (1, 3))."
        )


def pairs_of(pattern: Any, wires: Wires, owner: str) -> list[tuple[int, int]]:
    """The pairs of wires of a pattern, in time order."""
    n = len(wires)
    if isinstance(pattern, tuple):
        beyond = [pair for pair in pattern if max(pair) >= n]
        if beyond:
            raise ValueError(
                f"{owner} pair {beyond[0]} is out of range: {n} wires are active here, "
                f"positions 0 to {n - 1}. Positions count the wires still active; change the "
                "pair, or raise n_wires."
            )
        positions = list(pattern)
    elif pattern == "all":
        positions = [(i, j) for i in range(n) for j in range(i + 1, n)]
    else:
        positions = [(i, i + 1) for i in range(n - 1)]
        if pattern == "brick":
            positions = positions[::2] + positions[1::2]
        elif pattern == "ring" and n > 2:
            positions.append((n - 1, 0))
    return [(wires[i], wires[j]) for i, j in positions]


def _is_pair(pair: Any) -> bool:
    whole = isinstance(pair, tuple) and all(type(i) is int and i >= 0 for i in pair)
    return whole and len(pair) == 2 and pair[0] != pair[1]
