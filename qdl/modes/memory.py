"""What a simulation in a cut Fock basis holds in memory, before anything is allocated."""

from __future__ import annotations

from ..circuit import Circuit
from .program import counted
from .space import Space

STATES = 3  # a state, its image, and one cotangent


def needed(space: Space, circuit: Circuit, batch: int | None, itemsize: int) -> tuple[int, int]:
    """Bytes of the states of a batch with their work space, and of the matrices of all gates.

    Args:
        space: the basis.
        circuit: layers of photonic gates alone.
        batch: samples; None for one alone.
        itemsize: bytes of a real number.
    """
    states = STATES * 2 * itemsize * space.size * (batch or 1)
    gates = counted(circuit, batch)
    square = space.levels**2
    single = 2 * square * sum(gates.get(k, 0) for k in ("displacement", "squeezing", "cubic_phase"))
    mixed = gates.get("beamsplitter", 0)
    # Blocks and the factors they are made of, and the constant eigenvectors in float64.
    blocks = space.totals * (square + 2 * space.levels * space.totals)
    constants = 4 * space.totals**2 * space.levels * 8 if mixed else 0
    return states, itemsize * (single + mixed * blocks) + constants
