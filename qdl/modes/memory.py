"""What a simulation in a cut Fock basis holds in memory, before anything is allocated."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import psutil

from ..circuit import Circuit
from ..refused import Refused
from ..simulator.memory import readable
from .program import counted, shape_of
from .space import Space, Total

STATES = 3  # a state, its image, and one cotangent


def check_memory(space: Space, circuit: Circuit, x: Any, values: int = 0) -> None:
    """Refuse what does not fit, with the numbers.

    Args:
        space: the basis.
        circuit: layers of photonic gates alone.
        x: None, ``(n_features,)`` or ``(batch, n_features)``.
        values: how many numbers are made of each state, where they are many: probabilities, amplitudes.

    Raises:
        Refused: more than what is free.
    """
    itemsize = jnp.dtype(jnp.result_type(float)).itemsize
    batch = 1 if x is None or x.ndim == 1 else len(x)
    states, matrices = needed(space, counted(circuit, shape_of(x), batch), batch, itemsize)
    made = 2 * itemsize * values * batch
    free = psutil.virtual_memory().available
    if states + matrices + made <= free:
        return
    if made > states + matrices:
        raise Refused(
            f"{values} numbers for each state of {space.modes} modes with cutoff={space.levels}, {batch} "
            f"times, with work space are {readable(made)}, and this machine has {readable(free)} free. Read "
            "fewer modes, FockProbs([0]), or take smaller batches."
        )
    smaller = Total(space.modes, space.levels).size
    total = "" if smaller == space.size else f"total=True ({smaller} amplitudes), "
    raise Refused(
        f"{space.modes} modes with cutoff={space.levels} are {space.size} amplitudes, "
        f"{readable(2 * itemsize * space.size)} a sample; {batch} of them with work space are "
        f"{readable(states)}, the matrices of the gates {readable(matrices)}, and this machine has "
        f"{readable(free)} free. Use {total}a lower cut-off, smaller batches, or backends.gaussian() for "
        "circuits without Kerr gates."
    )


def needed(space: Space, gates: dict[str, int], batch: int, itemsize: int) -> tuple[int, int]:
    """Bytes of the states of a batch with their work space, and of the matrices of so many gates."""
    states = STATES * 2 * itemsize * space.size * batch
    square = space.levels**2
    single = 2 * square * sum(gates.get(k, 0) for k in ("displacement", "squeezing", "cubic_phase"))
    mixed = gates.get("beamsplitter", 0)
    # Blocks and the factors they are made of, and the constant eigenvectors in float64.
    blocks = space.totals * (square + 2 * space.levels * space.totals)
    constants = 4 * space.totals**2 * space.levels * 8 if mixed else 0
    return states, itemsize * (single + mixed * blocks) + constants
