"""How the parameters of photonic layers start: passive ones keep the energy, active ones bring it in."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import check_number

PASSIVE = ("theta", "phi", "rotation")  # parameters that keep the energy


class Start:
    """An initializer that knows which parameter it draws: subclass it and define ``array``.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.cvqnn(1, 2, cutoff=5)
        >>> params = model.init(jax.random.key(0))  # by ``normal()``
    """

    def array(self, layer: str, name: str, key: Any, shape: tuple[int, ...]) -> jax.Array:
        """The start of one array of parameters.

        Args:
            layer: the class of the layer.
            name: of the parameter; "" where the layer has one alone.
            key: a JAX key.
            shape: of the array.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define array(layer, name, key, shape)."
        )

    def __call__(self, key: Any, shape: tuple[int, ...], dtype: Any = float) -> jax.Array:
        """Refuse layers of qubits, which do not say what they draw."""
        raise ValueError(
            f"{self!r} starts the layers of qdl.photonic alone, but another layer has parameters of shape "
            f"{shape}. Give that layer its own initializer=, or use one of qdl.initializers."
        )


@dataclass(frozen=True)
class normal(Start):
    """Normal with mean zero: passive parameters, radians, and active ones; the start of photonic layers.

    A whole turn, the start of qubits, would squeeze by r = 6: some 40000 photons.

    Args:
        passive: standard deviation of the angles of beamsplitters and rotations.
        active: of squeezing, displacement, Kerr and cubic phase; 1e-3 for preparing states.

    Example:
        >>> import jax, qdl
        >>> layer = qdl.photonic.Squeezing()
        >>> bool(abs(layer.init(jax.random.key(0), (0, 1), normal(active=1e-3))["r"]).max() < 0.01)
        True

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019), the authors' published code.
    """

    passive: float = 0.1
    active: float = 0.05

    def __post_init__(self) -> None:
        check_number("passive", self.passive, "normal(passive=0.1)")
        check_number("active", self.active, "normal(active=0.05)")

    def array(self, layer: str, name: str, key: Any, shape: tuple[int, ...]) -> jax.Array:
        std = self.passive if name in PASSIVE else self.active
        return std * jax.random.normal(key, shape, jnp.result_type(float))


@dataclass(frozen=True)
class haar(Start):
    r"""Interferometers from the Haar measure, coherent light of a given energy, and everything else at zero.

    Displacements are $\alpha \sim \mathcal{CN}(0, E)$: E photons in the mean, in each mode. The mesh of an
    ``Interferometer`` makes a Haar-random unitary: its phases are uniform, and the beamsplitter at which
    the lines i and j of the mesh cross has $\sin^2 \theta \sim \mathrm{Beta}(|i - j|, 1)$.

    Args:
        energy: E, photons per mode.
        active: standard deviation of squeezing, Kerr and cubic phase.

    Example:
        >>> import jax, qdl
        >>> haar(2.0).array("Displacement", "re", jax.random.key(0), (3,)).shape
        (3,)

    Reference: Russell, Chakhmakhchyan, O'Brien, Laing, New Journal of Physics 19, 033007 (2017), section 4;
    Zhang, Zhuang, arXiv:2305.01799.
    """

    energy: float = 1.0
    active: float = 0.0

    def __post_init__(self) -> None:
        check_number("energy", self.energy, "haar(energy=1.0)")
        check_number("active", self.active, "haar(active=0.05)")

    def array(self, layer: str, name: str, key: Any, shape: tuple[int, ...]) -> jax.Array:
        kind = jnp.result_type(float)
        if name == "theta":
            uniform = jax.random.uniform(key, shape, kind)
            return jnp.arcsin(uniform ** jnp.asarray(1 / (2 * crossings(shape[-1])), kind))
        if name in PASSIVE:
            return jax.random.uniform(key, shape, kind, 0.0, 2 * pi)
        std = (self.energy / 2) ** 0.5 if layer == "Displacement" else self.active
        return std * jax.random.normal(key, shape, kind)


def crossings(pairs: int) -> np.ndarray:
    """How far apart the two lines start that cross at each pair of a rectangular mesh, in time order.

    Example:
        >>> crossings(6).tolist()
        [1.0, 1.0, 3.0, 2.0, 2.0, 1.0]
    """
    m = (1 + isqrt(1 + 8 * pairs)) // 2
    lines, found = list(range(m)), []
    for column in range(m):
        for a in range(column % 2, m - 1, 2):
            found.append(abs(lines[a] - lines[a + 1]))
            lines[a], lines[a + 1] = lines[a + 1], lines[a]
    return np.array(found, float)
