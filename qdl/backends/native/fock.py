"""The native simulator of modes as a place: a cut Fock basis, and what the cut costs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import simulator
from ...arguments import check_number, check_whole
from ...certified import judge
from ...circuit import Circuit, leading
from ...modes import fock as simulation
from ...modes import measure, sampling, scatter
from ...modes.elements import finite
from ...modes.memory import check_memory
from ...modes.program import kinds_of, shape_of
from ...modes.space import Full, Space, Total
from ...observables import terms
from ...readout import PhotonProbabilities
from ...refused import Refused
from ..place import Place
from .fock_certified import FockCertified

LEAK = 1e-3  # of a trained model, from which on ``fit`` warns
ROUNDING = 1e-14  # of a squared norm in float64
NO_BITS = (
    "sample gives the bits of qubits, and this place has modes of light. For photon counting use "
    "qdl.photonic.FockProbs() on qdl.backends.fock(cutoff, shots=...)."
)

OF_QUBITS = (
    "{} is a quantity of qubits, and this place has modes of light. Here there are apply, certify, training "
    "and gradient_variance, and on fock state, the fidelity kernel and quantum_fisher."
)


@dataclass(frozen=True)
class Fock(Place):
    """The native simulator of photonic circuits; of ``fock``."""

    cutoff: int
    shots: int | None = None
    total: bool = False
    leak_weight: float = 0.0
    tolerance: float = 1e-3
    compiles = True

    def __post_init__(self) -> None:
        check_whole("cutoff", self.cutoff, "fock(cutoff=10)", least=2, owner="fock")
        if self.shots is not None:
            check_whole("shots", self.shots, "shots=1000", owner="fock")
        if not isinstance(self.total, bool):
            raise TypeError(
                f"total must be True or False, got {self.total!r}. Example: total=True."
            )
        check_number("penalty", self.leak_weight, "fock(cutoff=10, penalty=10.0)")
        check_number("tolerance", self.tolerance, "tolerance=1e-3", positive=True)

    def space(self, circuit: Circuit) -> Space:
        """The basis of a circuit's states."""
        return (Total if self.total else Full)(circuit.n_wires, self.cutoff)

    def size(self, circuit: Circuit) -> int:
        """How many readout values there are."""
        if isinstance(circuit.measured, PhotonProbabilities):
            return self.cutoff ** len(circuit.measured.wires)
        return circuit.size

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values of what is below the cut-off, not normalised."""
        self.check(circuit, x)
        if self.shots is not None:
            simulator.check_shots(self.shots, key)
        return finite(_values(self, circuit, params, x, key))

    def one_shot_variances(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """Those of the distributions that outcomes are drawn from."""
        self.check(circuit, x)
        return scatter.one_shot_variances(self.space(circuit), circuit, params, x)

    def state(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """Amplitudes ``(cutoff**n_modes,)`` or ``(batch, cutoff**n_modes)``, not normalised."""
        self.check(circuit, x)
        check_memory(self.space(circuit), circuit, x, 2 * self.cutoff**circuit.n_wires)
        return finite(_state(self, circuit, params, x))

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Refused: modes have no bits."""
        raise Refused(NO_BITS)

    def check_pure(self, what: str) -> None:
        """Refuse quantities of qubits."""
        raise Refused(OF_QUBITS.format(what))

    def check_geometry(self, what: str) -> None:
        """Nothing is refused: the states are pure."""

    def tangents(self, circuit: Circuit, params: Any, x: Any, entries: Any = None) -> Any:
        """The state in the basis, normalised, and its derivatives."""
        self.check(circuit, x)
        return simulation.tangents(self.space(circuit), circuit, params, x, entries)

    def leak(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """1 minus the squared norm, ``()`` or ``(batch,)``."""
        self.check(circuit, x)
        return _leak(self, circuit, params, x)

    def penalty(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """``penalty`` times the mean leak; None for a penalty of 0."""
        if not self.leak_weight:
            return None
        rows = x if x is None else x.reshape(-1, x.shape[-1])
        return self.leak_weight * jnp.mean(self.leak(circuit, params, rows))

    def after_fit(self, circuit: Circuit, params: Any, x: Any) -> None:
        """Warn where the cut-off leaves out more than 1e-3."""
        rows = x if x is None else x.reshape(-1, x.shape[-1])[:1024]
        leak = float(jnp.max(self.leak(circuit, params, rows)))
        if not leak > LEAK:
            return
        try:
            enough = _double(self, circuit, params, rows)[2]
            advice = (
                f"cutoff={enough} would do" if enough else f"cutoff={2 * self.cutoff} does not do"
            )
        except Refused:
            advice = "twice the cut-off does not fit"
        warnings.warn(
            f"the cut-off of {self.cutoff} photons leaves out {leak:.2g} of the trained state: values there "
            f"are not those of the circuit. For these parameters {advice}. Train with fock(cutoff, "
            "penalty=10.0), and look at qdl.certify(model, params, X).",
            RuntimeWarning,
            stacklevel=5,
        )

    def certify(self, circuit: Circuit, params: Any, x: Any) -> FockCertified:
        """The bound of the cut-off, and the difference to twice of it; in float64 whatever the setting."""
        if self.shots is not None:
            raise Refused(
                "shots are random, and certify is for what a place leaves out. Certify fock(cutoff) without "
                "shots."
            )
        values = self.apply(circuit, params, x, None)
        rows = x if x is None else x.reshape(-1, x.shape[-1])
        bound, here, leak = _bounded(self, circuit, params, rows)
        shape = np.shape(values)
        difference = cutoff = None
        try:
            _, there, cutoff = _double(self, circuit, params, rows)
            difference = np.abs(_common(there, here, self, circuit) - here).reshape(shape)
        except Refused:
            pass
        rounding = np.abs(np.asarray(values, float) - here.reshape(shape))
        state_error = np.broadcast_to(bound[:, None], (len(bound), here.shape[-1])).reshape(shape)
        norms = _norms(circuit)
        if norms is not None:
            errors = 2 * state_error * norms + rounding
            verdict = judge(self.tolerance, bound=errors)
            why = "The bound of the state holds for bounded readouts, and is rigorous."
        elif difference is None:
            errors = np.full(shape, np.inf)
            verdict = judge(self.tolerance, difference=errors)
            why = "Twice the cut-off does not fit, and photon numbers have no bound."
        else:
            errors = 2 * np.maximum(difference, state_error) + rounding
            verdict = judge(self.tolerance, difference=difference + rounding / 2, spot=state_error)
            why = "Twice the rigorous bound of the state, and twice the difference to twice the cut-off."
        enough = (
            "" if verdict != "not certified" else f" A cut-off of {_enough(cutoff, self)} would do."
        )
        return FockCertified(
            verdict, values, errors, self.tolerance, f"Leak {leak:.2g}, state off by at most "
            f"{bound.max():.2g}. {why}{enough}", leak, float(bound.max()), difference, cutoff,
        )  # fmt: skip

    def check(self, circuit: Circuit, x: Any) -> None:
        """Refuse what is no circuit on modes, and states that do not fit, by name."""
        kinds_of(circuit, shape_of(x))
        measure.refuse(circuit.measured, self.cutoff)
        check_memory(self.space(circuit), circuit, x, self._many(circuit))

    def _many(self, circuit: Circuit) -> int:
        """How many probabilities are made of a state: of a readout, or of what shots are drawn from."""
        measured = circuit.measured
        if isinstance(measured, PhotonProbabilities):
            return self.size(circuit)
        if self.shots is None:
            return 0
        counted = (t for o in measured.observables for _, t in terms(o) if t.name == "TensorN")
        return max((self.cutoff ** len(t.wires) for t in counted), default=0)


def fock(
    cutoff: int,
    shots: int | None = None,
    total: bool = False,
    penalty: float = 0.0,
    tolerance: float = 1e-3,
) -> Fock:
    r"""Modes of light with fewer than ``cutoff`` photons each; every gate exact, then cut.

    Values are those of the part of the state below the cut-off, which is not normalised: what leaks is
    visible. ``qdl.certify`` says what the cut-off costs. Training exploits the wall: a fit can look perfect
    at a cut-off where the values are not those of any circuit. ``penalty`` adds ``penalty`` times the mean of
    $1 - \|\psi\|^2$ to the loss of ``fit``; 10 with cutoff 20 is a good start. It is linear: the square of
    the leak has no slope where the leak is small, and leaves 1e-2 of it.

    Args:
        cutoff: photon numbers 0 to cutoff - 1 in each mode.
        shots: None for exact values; a number for means of outcomes of photon counting, and of homodyne
            detection for quadratures, which need a key in ``apply`` and have no gradient.
        total: cut by the photons of all modes together instead, C(m + cutoff - 1, m) amplitudes instead of
            cutoff**m: interferometers then lose nothing, and from three modes on it is smaller by far.
        penalty: factor of the mean leak in the loss of ``fit``.
        tolerance: the largest error that ``qdl.certify`` certifies.

    Raises:
        Refused: gates of qubits, readouts of qubits, states that do not fit; by name.

    Example:
        >>> import jax, qdl
        >>> from qdl.photonic import DisplacementEncoding, Quadrature
        >>> model = qdl.QNN(1, DisplacementEncoding(), readout=Quadrature()).on(fock(20))
        >>> [x] = model.apply([None], jax.numpy.array([0.5]))
        >>> round(float(x), 4)  # a coherent state: twice its amplitude
        1.0

    Reference: Killoran et al., Phys. Rev. Research 1, 033063 (2019); displacements and squeezers by their
    diagonals, Laguerre and Legendre recurrences.
    """
    return Fock(cutoff, shots, total, penalty, tolerance)


@partial(jax.jit, static_argnums=(0, 1))
def _values(place: Fock, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
    space = place.space(circuit)
    state = simulation.states(space, circuit, params, x)
    if place.shots is None:
        found = measure.values(space, state, circuit.measured)
    else:
        found = sampling.sampled(space, state, circuit.measured, place.shots, key)
    return found.reshape(*leading(x), -1)


@partial(jax.jit, static_argnums=(0, 1))
def _state(place: Fock, circuit: Circuit, params: Any, x: Any) -> jax.Array:
    space = place.space(circuit)
    state = simulation.states(space, circuit, params, x)
    flat = space.dense(state).reshape(-1, state.shape[-1]).T
    return flat.reshape(*leading(x), -1)


@partial(jax.jit, static_argnums=(0, 1))
def _leak(place: Fock, circuit: Circuit, params: Any, x: Any) -> jax.Array:
    state = simulation.states(place.space(circuit), circuit, params, x)
    return 1 - simulation.squared_norm(state).reshape(leading(x))


@partial(jax.jit, static_argnums=(0, 1))
def _watched(place: Fock, circuit: Circuit, params: Any, x: Any) -> tuple[jax.Array, jax.Array]:
    space = place.space(circuit)
    state, shells = simulation.watched(space, circuit, params, x)
    return measure.values(space, state, circuit.measured), shells


def _double_precision(place: Fock, circuit: Circuit, params: Any, x: Any) -> tuple[Any, Any]:
    """Values ``(batch, k)`` and the photon numbers after each gate, in float64."""
    with jax.enable_x64(True):
        params, x = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, x))
        place.check(circuit, x)
        values, shells = _watched(place, circuit, params, x)
        return np.asarray(values), np.asarray(shells)


def _bounded(place: Fock, circuit: Circuit, params: Any, x: Any) -> tuple[Any, Any, float]:
    """The bound of the state ``(batch,)``, the values ``(batch, k)``, and the leak."""
    values, shells = _double_precision(place, circuit, params, x)
    norms = np.concatenate([np.ones((1, shells.shape[-1])), shells.sum(1)])
    lost = np.maximum(norms[:-1] - norms[1:], 0)
    return np.sqrt(lost + ROUNDING).sum(0), values, float(np.max(1 - norms[-1]))


def _double(place: Fock, circuit: Circuit, params: Any, x: Any) -> tuple[Fock, Any, int | None]:
    """Twice the cut-off: the place, its values, and the cut-off that would do."""
    finer = replace(place, cutoff=2 * place.cutoff)
    values, shells = _double_precision(finer, circuit, params, x)
    # What a cut below n photons would lose at each gate: the growth of the tail.
    tails = np.cumsum(shells[:, ::-1], 1)[:, ::-1]
    growth = np.diff(tails, axis=0, prepend=np.zeros_like(tails[:1]))
    errors = np.sqrt(np.maximum(growth, 0)).sum(0).max(-1)  # of each cut-off
    enough = np.flatnonzero(2 * errors <= place.tolerance)
    return finer, values, max(2, int(enough[0])) if enough.size else None


def _common(there: Any, here: Any, place: Fock, circuit: Circuit) -> Any:
    """Values at twice the cut-off that are there at the cut-off too."""
    if there.shape == here.shape:
        return there
    k, d = len(circuit.measured.wires), place.cutoff
    split = there.reshape(-1, *(2 * d,) * k)
    return split[(slice(None), *(slice(d),) * k)].reshape(here.shape)


def _enough(cutoff: int | None, place: Fock) -> str:
    return f"about {cutoff}" if cutoff else f"more than {2 * place.cutoff}"


def _norms(circuit: Circuit) -> Any:
    """The largest value of each readout; None where photons without number have none."""
    measured: Any = circuit.measured
    return 1.0 if isinstance(measured, PhotonProbabilities) else measure.bounds(measured)
