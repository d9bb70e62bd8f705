"""The comparison of a place with the exact simulator, and what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..backends import as_place
from ..backends.device import PennyLaneDevice
from ..backends.place import Place
from ..model import QNN
from ..readout import Probabilities
from ..shown import Shown
from . import scatter
from .exact import exact, rows
from .mistakes import TRIED, damping, explain, one_qubit

LIMIT = 5.0  # standard errors; among 1000 normal numbers one is larger with probability 6e-4
SAMPLES = 3  # inputs that are tried
REPEATED = 60  # differences between repeated values: four times the variance is then surely seen


@dataclass(frozen=True, eq=False)
class Agreement(Shown):
    """What ``check`` found.

    Attributes:
        ok: every value is within 5 standard errors of the exact one, and repeated values scatter no more
            than the place's shots say.
        values: from the place, the mean of ``repeats`` calls, ``(samples, k)``.
        exact: from the exact simulator, ``(samples, k)``.
        standard_error: of ``values``: shots, what mitigation makes of them, and rounding, ``(samples, k)``.
        z: ``(values - exact) / standard_error``.
        worst: the observable with the largest ``abs(z)``, as text.
        explanation: what explains a difference, as text; None without one.
        damping: the factor between values and exact values that fits best: noise makes it less than 1.
        repeats: calls of the place, each with shots of its own.
        draws: outcomes behind each value of a call, as the place says; None for none.
        excess: the variance of repeated values over the one that ``draws`` give; 1 without repeats.
    """

    ok: bool
    values: np.ndarray
    exact: np.ndarray
    standard_error: np.ndarray
    z: np.ndarray
    worst: str
    explanation: str | None
    damping: float
    repeats: int = 1
    draws: int | None = None
    excess: float = 1.0

    def __bool__(self) -> bool:
        return self.ok

    @property
    def smallest_bias(self) -> np.ndarray:
        """What each value could have been off without being seen: 5 standard errors, ``(samples, k)``."""
        return LIMIT * self.standard_error

    @property
    def equal(self) -> bool:
        """Whether every value is within 5 standard errors, whatever the scatter."""
        return bool(np.all(np.abs(self.z) <= LIMIT))

    def __str__(self) -> str:
        row, column = _largest(self.z)
        at = f"{self.values[row, column]:+.4f} against {self.exact[row, column]:+.4f}"
        worst = f"largest |z| = {abs(self.z[row, column]):.1f} at {self.worst}, sample {row}: {at}"
        said = "equal within" if self.equal else "NOT equal"
        head = f"{said} {LIMIT:.0f} standard errors; {worst}" if self.equal else f"{said}; {worst}"
        seen = f"A bias of {self.smallest_bias.max():.2g} in any value would have been seen"
        lines = [head, f"{seen} ({self._effort()})." if self.draws else f"{seen}."]
        if self.ok:
            return "\n".join(lines)
        why = f"It looks as if {self.explanation}." if self.explanation else self._no_explanation()
        return "\n".join([*lines, why])

    def _effort(self) -> str:
        return f"{self.repeats} calls with {self.draws} draws a value"

    def _no_explanation(self) -> str:
        return (
            f"None of these explains it: {', '.join(TRIED)}. The values are {self.damping:.2f} of the exact "
            "ones: a factor below 1 is what noise does."
        )


def check(
    model: QNN,
    place: Any,
    params: Any = None,
    x: Any = None,
    key: jax.Array | None = None,
    repeats: int | None = None,
) -> Agreement:
    r"""Compare a place with the exact simulator: same model, same parameters, same inputs.

    $z = (v_\text{place} - v_\text{exact}) / \sigma$, with the standard error $\sigma$ that the place's shots
    give: for a Pauli word $P$ it is $\sqrt{(1 - \langle P \rangle^2) / N}$, for a sum of words that one
    basis reads $\sqrt{(\langle O^2 \rangle - \langle O \rangle^2) / N}$, for other sums at most the sum of
    the words' errors, for a probability $\sqrt{p (1 - p) / N}$. Through error mitigation it is propagated:
    the weights of an extrapolation make it larger. A place that draws is called several times; where the
    values scatter more than its shots say, that is told.

    If some $|z| > 5$, the exact simulator is asked what it would give with wires exchanged, reversed, shifted
    or (up to five) permuted, outcomes swapped, angles negated, doubled or halved; a mistake that fits three
    times better than noise, a common factor, is named. So is the qubit, if one qubit alone is off.
    A circuit with channels is compared with ``density_matrix()``; one of more than 22 wires with the exact
    engine that ``qdl.backends.classical()`` finds affordable, and no wires are exchanged then.

    Args:
        model: the model; where it is ``on`` does not matter.
        place: a place of ``qdl.backends``, or any PennyLane device.
        params: None draws them from the key.
        x: inputs ``(batch, n_features)``; None draws three of them from the key.
        key: for all that is drawn, shots included; ``jax.random.key(0)`` if None.
        repeats: calls of the place, each of which is a job on a machine; None for 1 where nothing is
            drawn, for 3 with error mitigation, and else for as many as show a place that takes a quarter
            of its shots.

    Raises:
        Refused: more wires than a state vector has, and no exact engine that is affordable.

    Returns:
        An ``Agreement``, true where they agree; printed, it says the smallest bias that would have been seen.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding, Entangler
        >>> model = qdl.QNN(3, [AngleEncoding(), Entangler("cnot")])
        >>> check(model, qdl.backends.statevector(shots=2000)).ok
        True

    Reference: the standard error of a mean, for outcomes +1 and -1; Giurgica-Tiron et al., IEEE QCE 2020,
    p. 306, section IV, for the one of an extrapolation.
    """
    for_params, for_x, for_shots = jax.random.split(jax.random.key(0) if key is None else key, 3)
    params = model.init(for_params) if params is None else params
    x = _features(model, for_x) if x is None and model.n_features else x
    place = as_place(place)
    true = exact(model, params, x)
    if repeats is None:
        repeats = 1 if place.draws is None else _calls(place, len(true))
    if repeats < 1:
        raise ValueError(f"check calls the place repeats >= 1 times, got {repeats!r}.")
    repeated = _repeated(model.on(place), params, x, for_shots, repeats)
    values = repeated.mean(axis=0)
    error = scatter.promised(model, place, params, x, values, jax.random.fold_in(for_shots, 1))
    excess, few, same = scatter.spread(repeated, error)
    independent = 1 if same else repeats  # a place with a seed of its own repeats itself
    outcomes = None if place.draws is None else place.draws * independent
    # What more than its shots a place scatters is no bias.
    wider = math.sqrt(excess) if few else 1.0
    error = scatter.with_rounding(wider * error / math.sqrt(independent), outcomes)
    z = (values - true) / error
    equal = bool(np.all(np.abs(z) <= LIMIT))
    why = [] if equal else _why(model, place, params, x, values, true, error)
    if few and place.draws is not None:
        why.append(
            f"each value has the scatter of {place.draws / excess:.0f} draws, not of {place.draws}: "
            f"{excess:.1f} times the variance"
        )
    return Agreement(
        ok=equal and not few,
        values=values,
        exact=true,
        standard_error=error,
        z=z,
        worst=_name(model, _largest(z)[1]),
        explanation=" and ".join(why) or None,
        damping=damping(values, true),
        repeats=repeats,
        draws=place.draws,
        excess=excess,
    )


def _calls(place: Place, samples: int) -> int:
    """As many calls as show four times the variance; few where one of them is many jobs."""
    if isinstance(place, PennyLaneDevice) and place.device.name.startswith("qiskit."):
        return 2
    if type(place).standard_error is not Place.standard_error:  # its values are made of many runs
        return 3
    return 1 + math.ceil(REPEATED / samples)


def _repeated(model: QNN, params: Any, x: Any, key: jax.Array, repeats: int) -> np.ndarray:
    """Values ``(repeats, samples, k)``, each with shots of its own."""
    keys = [key] if repeats == 1 else jax.random.split(key, repeats)
    return np.stack([rows(model.apply(params, x, each)) for each in keys])


def _why(
    model: QNN, place: Place, params: Any, x: Any, values: Any, true: Any, error: Any
) -> list[str]:
    """What explains a difference: a usual mistake, or one qubit that is off alone."""
    mistake = explain(model, params, x, values, error)
    if mistake is not None:
        return [mistake]
    alone = one_qubit(model, values, true, (values - true) / error)
    if alone is None:
        return []
    wire, factor = alone
    text = f"only what reads wire {wire} is off, {factor} of the exact values: errors on this qubit alone"
    named = place.noisy_wires
    if named and wire not in named:
        others = ", ".join(map(str, named))
        text += f", a wrong qubit: the noise of the place is on {others}"
    return [text]


def _features(model: QNN, key: jax.Array) -> jax.Array:
    """Inputs that the model accepts: numbers, or else bits."""
    x = jax.random.uniform(key, (SAMPLES, model.n_features), minval=0.1, maxval=1.0)
    try:
        model.layers.check(x, model.wires)
    except ValueError:
        return jnp.round(x)
    return x


def _largest(z: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    return int(row), int(column)


def _name(model: QNN, column: int) -> str:
    if isinstance(model.measured, Probabilities):
        wires = list(model.measured.wires)
        return f"the probability of {column:0{len(wires)}b} on wires {wires}"
    return f"<{model.measured.observables[column]}>"
