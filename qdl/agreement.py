"""Does a place give the numbers of the exact simulator? One call, and the usual mistakes by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from .backends import as_place, density_matrix, statevector
from .layers import Template
from .model import QNN
from .observables import words
from .readout import Expval, Probabilities

LIMIT = 5.0  # standard errors; among 1000 normal numbers one is larger with probability 6e-4
SAMPLES = 3  # inputs that are tried
FACTORS = {
    "angles are negated": -1.0,
    "angles are doubled": 2.0,
    "angles are halved": 0.5,
}


@dataclass(frozen=True, eq=False)
class Agreement:
    """What ``check`` found.

    Attributes:
        ok: every value is within 5 standard errors of the exact one.
        values: from the place, ``(samples, k)``.
        exact: from the exact simulator, ``(samples, k)``.
        standard_error: of shots and rounding, ``(samples, k)``.
        z: ``(values - exact) / standard_error``.
        worst: the observable with the largest ``abs(z)``, as text.
        explanation: the convention that explains a difference, as text; None without one.
        damping: the factor between values and exact values that fits best: noise makes it less than 1.
    """

    ok: bool
    values: np.ndarray
    exact: np.ndarray
    standard_error: np.ndarray
    z: np.ndarray
    worst: str
    explanation: str | None
    damping: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        row, column = _largest(self.z)
        at = f"{self.values[row, column]:+.4f} against {self.exact[row, column]:+.4f}"
        worst = f"largest |z| = {abs(self.z[row, column]):.1f} at {self.worst}, sample {row}: {at}"
        if self.ok:
            return f"equal within {LIMIT:.0f} standard errors; {worst}"
        why = f"It looks as if {self.explanation}." if self.explanation else self._no_explanation()
        return f"NOT equal; {worst}\n{why}"

    def _no_explanation(self) -> str:
        tried = ", ".join(["wires are reversed", "outcomes are swapped", *FACTORS])
        return (
            f"None of these explains it: {tried}. The values are {self.damping:.2f} of the exact ones: "
            "a factor below 1 is what noise does."
        )


def check(
    model: QNN, place: Any, params: Any = None, x: Any = None, key: jax.Array | None = None
) -> Agreement:
    r"""Compare a place with the exact simulator: same model, same parameters, same inputs.

    $z = (v_\text{place} - v_\text{exact}) / \sigma$, with the standard error $\sigma$ that the place's shots
    give: for a Pauli word $P$ it is $\sqrt{(1 - \langle P \rangle^2) / N}$, for a sum of words at most the
    sum of theirs, for a probability $\sqrt{p (1 - p) / N}$. If some $|z| > 5$, the exact simulator is asked
    what it would give with the wires reversed, outcomes swapped, angles negated, doubled or halved, and a
    convention that fits three times better than noise, a common factor, is named. A circuit with channels
    is compared with ``density_matrix()``.

    Args:
        model: the model; where it is ``on`` does not matter.
        place: a place of ``qdl.backends``, or any PennyLane device.
        params: None draws them from the key.
        x: inputs ``(batch, n_features)``; None draws three of them from the key.
        key: for all that is drawn, shots included; ``jax.random.key(0)`` if None.

    Example:
        >>> import qdl
        >>> from qdl.layers import AngleEncoding, Entangler
        >>> model = qdl.QNN(3, [AngleEncoding(), Entangler("cnot")])
        >>> check(model, qdl.backends.statevector(shots=2000)).ok
        True

    Reference: the standard error of a mean, for outcomes +1 and -1.
    """
    for_params, for_x, for_shots = jax.random.split(jax.random.key(0) if key is None else key, 3)
    params = model.init(for_params) if params is None else params
    x = _features(model, for_x) if x is None and model.n_features else x
    place = as_place(place)
    exact = _exact(model, params, x)
    values = _rows(model.on(place).apply(params, x, for_shots))
    error = _standard_error(model, place, params, x)
    z = (values - exact) / error
    ok = bool(np.all(np.abs(z) <= LIMIT))
    return Agreement(
        ok=ok,
        values=values,
        exact=exact,
        standard_error=error,
        z=z,
        worst=_name(model, _largest(z)[1]),
        explanation=None if ok else _explain(model, params, x, values, error),
        damping=_damping(values, exact),
    )


def _explain(model: QNN, params: Any, x: Any, values: np.ndarray, error: np.ndarray) -> str | None:
    """The mistake that explains the values much better than noise does: all may be damped by a factor."""

    def misfit(exact: np.ndarray) -> float:
        damped = exact * np.clip(_damping(values, exact), 0.0, 1.0)
        return float(np.sqrt(np.mean(((values - damped) / error) ** 2)))

    exact = _exact(model, params, x)
    turned = {"wires are reversed": _exact(_reversed(model), [params], x)}
    is_probability = isinstance(model.measured, Probabilities)
    turned["outcomes are swapped"] = exact[:, ::-1] if is_probability else -exact
    for name, factor in FACTORS.items():
        turned[name] = _exact(_scaled(model, factor), [params], x)
    best = min(turned, key=lambda name: misfit(turned[name]))
    return best if misfit(turned[best]) < misfit(exact) / 3 else None


def _damping(values: np.ndarray, exact: np.ndarray) -> float:
    return float(np.sum(values * exact) / max(np.sum(exact**2), 1e-12))


def _reversed(model: QNN) -> QNN:
    """The same circuit with wire n - 1 - w in the place of wire w, read as before."""
    turn = {wire: model.n_wires - 1 - wire for wire in model.wires}

    def gates(params: Any, x: Any, wires: Any) -> Any:
        yield from (qp.map_wires(o, turn) for o in model.layers.gates(params, x, wires))

    return _with(model, gates)


def _scaled(model: QNN, factor: float) -> QNN:
    """The same circuit with all its angles multiplied by a factor."""

    def gates(params: Any, x: Any, wires: Any) -> Any:
        for operator in model.layers.gates(params, x, wires):
            angles = operator.num_params and not any(operator.ndim_params)
            if angles and not isinstance(operator, qp.operation.Channel):
                data = [factor * angle for angle in operator.data]
                operator = qp.ops.functions.bind_new_parameters(operator, data)
            yield operator

    return _with(model, gates)


def _with(model: QNN, gates: Any) -> QNN:
    """A model with other gates, whose parameters are ``[params]``."""
    readout: Any = model.readout
    if getattr(readout, "wires", True) is None:  # a Template keeps all wires active
        readout = replace(readout, wires=model.active)
    return QNN(model.n_wires, Template(gates, shape=model.layers.shape), readout)


def _exact(model: QNN, params: Any, x: Any) -> np.ndarray:
    """The values ``(samples, k)`` of the exact simulator, the one for mixed states if need be."""
    one = None if x is None else np.reshape(x, (-1, np.shape(x)[-1]))[0]
    operators = model.operators(jax.tree.map(np.asarray, params), one)
    noisy = any(isinstance(operator, qp.operation.Channel) for operator in operators)
    return _rows(model.on(density_matrix() if noisy else statevector()).apply(params, x))


def _rows(values: Any) -> np.ndarray:
    return np.asarray(values, float).reshape(-1, np.shape(values)[-1])


def _standard_error(model: QNN, place: Any, params: Any, x: Any) -> np.ndarray:
    """Of shots, at least one outcome, and of rounding: ``(samples, k)``."""
    rounding = max(100 * float(jnp.finfo(jnp.result_type(float)).eps), 1e-9)
    if isinstance(model.measured, Probabilities):
        p = _exact(model, params, x).clip(0, 1)
        deviation = np.sqrt(p * (1 - p))
    else:
        sums = [_words(observable) for observable in model.measured.observables]
        found = list(dict.fromkeys(word for terms in sums for word in terms))
        values = _exact(replace(model, readout=Expval([w.operation() for w in found])), params, x)
        scatter = np.sqrt((1 - values**2).clip(0))
        weights = np.array([[abs(terms.get(word, 0.0)) for terms in sums] for word in found])
        deviation = scatter @ weights
    if place.draws is None:
        return np.full(deviation.shape, rounding)
    return deviation / np.sqrt(place.draws) + 1 / place.draws + rounding


def _words(observable: Any) -> dict[Any, float]:
    """The Pauli words of an observable with their coefficients; the identity does not scatter."""
    return {word: c for word, c in words(observable).items() if len(word)}


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
