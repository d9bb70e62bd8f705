"""Layers of one-qubit rotations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi
from typing import Any

import jax
import jax.numpy as jnp
import pennylane as qp

from .. import threefry
from .base import Initializer, Layer, Shape, Wires, draw, uniform_angles

ROTATIONS = {"x": qp.RX, "y": qp.RY, "z": qp.RZ}


def checked_axes(axes: Any, owner: str, exactly_one: bool = False) -> str:
    """``axes`` in lower case, if each letter is x, y or z."""
    known = isinstance(axes, str) and all(letter in ROTATIONS for letter in axes.lower())
    if not known or (exactly_one and len(axes) != 1):
        wanted = "one of" if exactly_one else "letters among"
        raise ValueError(
            f"{owner} got axis {axes!r}: expected {wanted} 'x', 'y', 'z'. "
            f"Example: {owner}({'y' if exactly_one else 'zyz'!r})."
        )
    return axes.lower()


@dataclass(frozen=True)
class Rotation(Layer):
    r"""Trained rotations on every wire, left to right in time.

    ``"zyz"`` is $R_Z(\theta_{i2})\,R_Y(\theta_{i1})\,R_Z(\theta_{i0})$ on wire $i$: any one-qubit
    gate up to a phase.

    Args:
        axes: letters x, y, z.
        initializer: of these angles; None for the model's, which is uniform over a turn.

    Params: ``(n_active, len(axes))``, radians.

    Raises:
        ValueError: unknown or no axis.

    Example:
        >>> Rotation("zyz").shape((0, 1))
        (2, 3)

    Reference: Nielsen, Chuang, Quantum Computation and Quantum Information, theorem 4.1.
    """

    axes: str = "zyz"
    initializer: Initializer | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "axes", checked_axes(self.axes, "Rotation"))
        if not self.axes:
            raise ValueError("Rotation needs at least one axis among 'x', 'y', 'z', got ''.")

    def shape(self, wires: Wires) -> Shape:
        return (len(wires), len(self.axes))

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        for i, wire in enumerate(wires):
            for j, axis in enumerate(self.axes):
                yield ROTATIONS[axis](params[i, j], wires=wire)


@dataclass(frozen=True)
class RandomRotation(Layer):
    r"""One trained rotation per wire about an axis drawn by ``init``: $R_{a_i}(\theta_i)$.

    The drawn axes are data, not structure, so all draws share one compilation. No gradient reaches
    them, and the model's initialiser leaves them alone.

    Args:
        initializer: of the angles; None for the model's.

    Params: ``{"angle": (n_active,), "axis": (n_active, 3)}``; angles in radians, axes one-hot over
    x, y, z.

    Example:
        >>> import jax
        >>> params = RandomRotation().init(jax.random.key(0), (0, 1, 2))
        >>> params["axis"].sum(axis=-1).tolist()
        [1.0, 1.0, 1.0]

    Reference: McClean, Boixo, Smelyanskiy, Babbush, Neven, Nature Communications 9, 4812 (2018).
    """

    fixed = ("axis",)

    initializer: Initializer | None = None

    def shape(self, wires: Wires) -> Shape:
        return {"angle": (len(wires),), "axis": (len(wires), 3)}

    def init(self, key: jax.Array, wires: Wires, initializer: Initializer | None = None) -> Any:
        for_angle, for_axis = threefry.split(key, 2)
        initializer = self.initializer or initializer or uniform_angles
        axis = jax.random.randint(for_axis, (len(wires),), 0, 3)
        return {
            "angle": draw((len(wires),), for_angle, initializer, "RandomRotation"),
            "axis": jax.nn.one_hot(axis, 3, dtype=jnp.result_type(float)),
        }

    def gates(self, params: Any, x: Any, wires: Wires) -> Iterable[Any]:
        angle, axis = params["angle"], params["axis"]
        about_x, about_y, about_z = (axis[:, k] for k in range(3))
        # Rot(phi, theta, omega) = RZ(omega) RY(theta) RZ(phi):
        # RX(a) = Rot(pi/2, a, -pi/2), RY(a) = Rot(0, a, 0), RZ(a) = Rot(a, 0, 0).
        phi = about_x * (pi / 2) + about_z * angle
        theta = (about_x + about_y) * angle
        omega: Any = about_x * (-pi / 2)
        for i, wire in enumerate(wires):
            yield qp.Rot(phi[i], theta[i], omega[i], wires=wire)
