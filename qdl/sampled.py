"""Values with the errors that shots leave in them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Sampled(NamedTuple):
    """What ``model.sampled`` gives.

    Attributes:
        values: the readout values, ``(k,)`` or ``(batch, k)``, as ``apply`` gives them.
        standard_error: of each of them, in the same shape.
        shots: outcomes behind each value; on ``trajectories`` the number of these.

    Example:
        >>> import jax, qdl
        >>> model = qdl.QNN(1, qdl.layers.Rotation("x")).on(qdl.backends.statevector(shots=100))
        >>> params = [jax.numpy.full((1, 1), jax.numpy.pi / 2)]
        >>> found = model.sampled(params, key=jax.random.key(0))
        >>> round(float(found.standard_error[0]), 3), found.shots  # sqrt((1 - <Z>^2) / 100)
        (0.1, 100)
    """

    values: Any
    standard_error: Any
    shots: int
