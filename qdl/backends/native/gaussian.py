"""Gaussian circuits on modes as a place: exact in phase space, for hundreds of modes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import simulator
from ...arguments import check_whole
from ...certified import EXACT, Certified
from ...circuit import Circuit
from ...modes import phase_space
from ...modes.program import kinds_of, shape_of
from ...modes.sampling import no_gradient
from ...refused import Refused
from ..place import Place
from .fock import NO_BITS, OF_QUBITS


@dataclass(frozen=True)
class Gaussian(Place):
    """The native simulator of Gaussian circuits; of ``gaussian``."""

    shots: int | None = None
    compiles = True

    def __post_init__(self) -> None:
        if self.shots is not None:
            check_whole("shots", self.shots, "shots=1000", owner="gaussian")

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """Quadratures and photon numbers."""
        self.check(circuit, x)
        if self.shots is not None:
            simulator.check_shots(self.shots, key)
        found = _values(self, circuit, params, x, key)
        if not isinstance(found, jax.core.Tracer) and not np.isfinite(found).all():
            raise Refused(
                f"values are not finite: the covariance is beyond the range of {found.dtype}. Squeezing by r "
                "multiplies it by exp(2 |r|); look for parameters that ran away, or use float64."
            )
        return found

    def one_shot_variances(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """Those of the distributions that outcomes are drawn from."""
        self.check(circuit, x)
        return _variances(circuit, params, x)

    def moments(self, circuit: Circuit, params: Any, x: Any) -> tuple[jax.Array, jax.Array]:
        """Mean ``(2m,)`` and covariance ``(2m, 2m)`` of one sample, order x1 .. xm p1 .. pm; vacuum: 1."""
        self.check(circuit, x)
        return _moments(circuit, params, x)

    def check(self, circuit: Circuit, x: Any) -> None:
        """Refuse what is not Gaussian, by name."""
        beyond = sorted(kinds_of(circuit, shape_of(x)) - set(phase_space.GATES))
        if beyond:
            raise Refused(
                f"{', '.join(beyond)} is not Gaussian, so that mean and covariance do not tell the state. "
                "Use qdl.backends.fock(cutoff), or leave the gate out."
            )
        phase_space.refuse(circuit.measured)

    def state(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """Refused: there are no amplitudes in phase space."""
        raise Refused(
            "gaussian() has mean and covariance, no amplitudes. Use qdl.backends.fock(cutoff), or "
            "qdl.backends.gaussian().moments(model.circuit, params, x)."
        )

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Refused: modes have no bits."""
        raise Refused(NO_BITS)

    def check_pure(self, what: str) -> None:
        """Refuse quantities of qubits."""
        raise Refused(OF_QUBITS.format(what))

    def certify(self, circuit: Circuit, params: Any, x: Any) -> Certified:
        """Nothing is left out."""
        if self.shots is not None:
            raise Refused(
                "shots are random, and certify is for what a place leaves out. Leave shots out."
            )
        values = self.apply(circuit, params, x, None)
        zero = np.zeros(np.shape(values))
        return Certified(
            EXACT, values, zero, 0.0, "Gaussian states are told by mean and covariance."
        )


@partial(jax.jit, static_argnums=0)
def _variances(circuit: Circuit, params: Any, x: Any) -> jax.Array:
    measured: Any = circuit.measured

    def one(x: Any) -> jax.Array:
        return phase_space.variances(phase_space.moments(circuit, params, x), measured)

    return one(x) if x is None or x.ndim == 1 else jax.vmap(one)(x)


@partial(jax.jit, static_argnums=(0, 1))
def _values(place: Gaussian, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
    measured: Any = circuit.measured

    def one(x: Any, key: Any) -> jax.Array:
        found = phase_space.moments(circuit, params, x)
        values = phase_space.values(found, measured)
        if place.shots is None:
            return values
        spread = jnp.sqrt(phase_space.variances(found, measured) / place.shots)
        return no_gradient(values + spread * jax.random.normal(key, values.shape, values.dtype))

    if x is None or x.ndim == 1:
        return one(x, key)
    if place.shots is None:
        return jax.vmap(lambda row: one(row, None))(x)
    return jax.vmap(one)(x, jax.random.split(key, len(x)))


@partial(jax.jit, static_argnums=0)
def _moments(circuit: Circuit, params: Any, x: Any) -> tuple[jax.Array, jax.Array]:
    return phase_space.moments(circuit, params, x)


def gaussian(shots: int | None = None) -> Gaussian:
    r"""Circuits of displacements, squeezers, rotations and beamsplitters, exactly, for hundreds of modes.

    A Gaussian state is its mean and its covariance, $2m$ and $4m^2$ numbers for m modes. Kerr, cross-Kerr and
    cubic phase gates are refused by name, as are readouts of photon number probabilities.

    Args:
        shots: None for exact values; a number for means of that many outcomes of homodyne detection, which
            need a key in ``apply`` and have no gradient.

    Example:
        >>> import jax, qdl
        >>> from qdl.photonic import DisplacementEncoding, Interferometer, PhotonNumber
        >>> model = qdl.QNN(3, [DisplacementEncoding(), Interferometer()], readout=PhotonNumber())
        >>> n = model.on(gaussian()).apply(model.init(jax.random.key(0)), jax.numpy.array([1.0, 0.0, 0.0]))
        >>> round(float(n.sum()), 4)  # an interferometer keeps the photons
        1.0

    Reference: Weedbrook et al., Rev. Mod. Phys. 84, 621 (2012), section II.
    """
    return Gaussian(shots)
