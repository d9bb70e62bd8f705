r"""Error mitigation by more runs of the same place: readout correction and zero-noise extrapolation.

Readout: on each measured wire, the noisy value of Z is $a \langle Z \rangle + b$. Two circuits, all zeros and
all ones, give a and b; with errors that are independent from wire to wire, a word on the wires S is
$\langle \prod_S Z \rangle = \langle \prod_S (Z_q - b_q) / a_q \rangle_\text{noisy}$. So for X and Y, turned
into Z before the readout. The words that the product expands to are measured in the same basis.

Noise: $U$ is replaced by $U (U^\dagger U)^k$, with $2k + 1$ times the noise of $U$, and the values are
extrapolated to none. Both take more shots for the same error bars, and neither is exact: they are
compared with the raw value, never shown without it.

Reference: Temme, Bravyi, Gambetta, Physical Review Letters 119, 180509 (2017); Giurgica-Tiron et al., IEEE
QCE 2020, p. 306 (folding); Bravyi et al., Physical Review A 103, 042605 (2021) (readout).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ..circuit import Circuit, leading, over_batch
from ..observables import words
from ..readout import Measured, Observables, Probabilities
from ..refused import Refused
from .device import as_place
from .folding import folded
from .place import Cost, GatePlace
from .propagated import Runs, propagated

WIDEST = 8  # wires of a word or of probabilities: its correction takes 2**wires terms


class Both(NamedTuple):
    """Values with and without mitigation.

    Attributes:
        raw: as the place gives them, ``(..., k)``.
        mitigated: corrected, ``(..., k)``.
    """

    raw: jax.Array
    mitigated: jax.Array


@dataclass(frozen=True)
class Mitigated(GatePlace):
    """A place with its errors mitigated; see ``mitigated``."""

    place: GatePlace
    readout: bool
    scales: tuple[int, ...]
    order: int

    @property
    def shots(self) -> int | None:  # type: ignore[override]
        """Those of the place, for every circuit."""
        return self.place.shots

    @property
    def noisy(self) -> bool:  # type: ignore[override]
        """As the place: mitigation is not exact."""
        return self.place.noisy

    @property
    def noisy_wires(self) -> tuple[int, ...] | None:
        """Those of the place."""
        return self.place.noisy_wires

    def evaluate(self, operators: list[Any], observables: Sequence[Any], key: Any) -> jax.Array:
        """The mitigated values ``(..., k)``."""
        return self._evaluate(operators, Observables(tuple(observables)), key).mitigated

    def probabilities(self, operators: list[Any], wires: Sequence[int], key: Any) -> jax.Array:
        """The mitigated probabilities, which may be below 0."""
        return self._evaluate(operators, Probabilities(tuple(wires)), key).mitigated

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Refused where there is something to mitigate: corrected values are those of no outcomes."""
        if self.noisy:
            raise Refused(
                "mitigation corrects mean values, and there are no outcomes that have them. Draw samples "
                f"from the place itself: model.on({self.place!r}).sample(...)."
            )
        return super().bits(circuit, params, x, shots, key)

    def prepared(self, circuit: Circuit) -> Circuit:
        """As the place wants it; where gates are folded, measured poolings are controlled rotations."""
        return circuit if len(self.scales) > 1 else self.place.prepared(circuit)

    def cost(
        self,
        circuit: Circuit,
        batch_size: int,
        gradient: bool | str = True,
        through_features: bool = False,
    ) -> Cost | None:
        """As many runs of the place: one for each scale, and the two circuits of readout as another."""
        found = self.place.cost(circuit, batch_size, gradient, through_features)
        if found is None:
            return None
        runs = len(self.scales) + self.readout
        counts = {name: runs * getattr(found, name) for name in ("jobs", "circuits", "executions")}
        return replace(found, **counts)

    def announce(self, model: Any, **sizes: Any) -> None:
        """What the place says of it, at the cost that it has here."""
        self.place.announce(model, **sizes)

    def both(self, model: Any, params: Any, x: Any = None, key: Any = None) -> Both:
        """The values of a model, raw and mitigated, from the same runs."""
        circuit = model.circuit
        operators = partial(self.prepared(circuit).operators, params)

        def pair(x: Any) -> jax.Array:
            found = self._evaluate(operators(x), circuit.measured, key)
            return jnp.broadcast_to(jnp.stack(found, -2), (*leading(x), 2, circuit.size))

        found = over_batch(pair, circuit.check_features(x))
        return Both(found[..., 0, :], found[..., 1, :])

    def standard_error(self, circuit: Circuit, params: Any, x: Any, key: Any) -> Any:
        """From runs of its own."""
        return self._with_error(circuit, params, x, key)[1]

    def sampled(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any]:
        """Mitigated values, and the errors of the runs that they are made of."""
        if self.shots is None:
            return super().sampled(circuit, params, x, key)
        rows = [None] if x is None else list(jnp.reshape(x, (-1, jnp.shape(x)[-1])))
        keys = [key] if len(rows) == 1 else jax.random.split(key, len(rows))
        both = [self._with_error(circuit, params, *e) for e in zip(rows, keys, strict=True)]
        found, errors = zip(*both, strict=True)
        shape = (*(() if x is None else jnp.shape(x)[:-1]), circuit.size)
        return jnp.reshape(jnp.stack(found), shape), jnp.reshape(jnp.stack(errors), shape)

    def _with_error(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any]:
        operators = self.prepared(circuit).operators(params, x)
        asked, runs = self._measure(operators, circuit.measured, key)
        slopes = jax.jacobian(lambda each: self._combined(asked, each).mitigated)(runs)
        error = propagated(runs, slopes, self.shots or math.inf, bool(asked.words))
        return self._combined(asked, runs).mitigated, error

    def _evaluate(self, operators: list[Any], measured: Measured, key: Any) -> Both:
        return self._combined(*self._measure(operators, measured, key))

    def _measure(self, operators: list[Any], measured: Measured, key: Any) -> tuple[_Asked, Runs]:
        keys = [None] * 5 if key is None else [key, *jax.random.split(key, 4 + len(self.scales))]
        asked = _Asked.of(measured, self.readout)
        scaled, read = self.place.pinned(operators, [qp.Z(wire) for wire in asked.wires])
        read_out = None
        if self.readout:
            # On all wires of the circuit, so that each has the qubit that it has there.
            wires = set(asked.wires).union(*(operator.wires for operator in operators))
            read_out = _calibrate(read, sorted(wires), asked.wires, keys[1])
        found = [
            asked.of_place(scaled, folded(operators, scale), own)
            for scale, own in zip(self.scales, [keys[0], *keys[2:]], strict=False)
        ]
        return asked, (found, read_out)

    def _combined(self, asked: _Asked, runs: Runs) -> Both:
        found, read_out = runs
        corrected = raw = [asked.raw(each) for each in found]
        if read_out is not None:
            zero, one = read_out  # a + b, and b - a
            gain = (zero - one) / 2, (zero + one) / 2
            corrected = [asked.corrected(each, gain) for each in found]
        if len(self.scales) == 1:
            return Both(raw[0], corrected[0])
        scales = jnp.asarray(self.scales, corrected[0].dtype)
        return Both(raw[0], qp.noise.poly_extrapolate(scales, corrected, self.order))


def mitigated(
    place: Any, readout: bool = True, scales: Sequence[int] = (1,), order: int = 1
) -> Mitigated:
    """A place whose values are corrected for errors of readout, of gates, or of both.

    Args:
        place: any place or PennyLane device with noise: ``aer``, ``fake``, ``ibm``, ...
        readout: measure the errors of readout with two circuits more, and undo them.
        scales: odd factors by which the noise of the gates is amplified, 1 first; ``(1,)`` for no
            extrapolation, ``(1, 3)`` for one more circuit three times as long.
        order: of the polynomial in the noise that is extrapolated to zero.

    ``model.on(place).apply`` gives mitigated values, ``place.both(model, params, x, key)`` the raw ones
    beside them. Derivatives go through; each scale is a job of its own.

    Raises:
        ValueError: scales that are not odd, or too few for the order.
        TypeError: a native place, which has no errors to mitigate.

    Example:
        >>> import qdl
        >>> place = mitigated(qdl.backends.aer(shots=1000), scales=(1, 3))
        >>> model = qdl.QNN(2, [qdl.layers.Rotation("x"), qdl.layers.Entangler("cz")])
        >>> values = place.both(model, [jax.numpy.ones((2, 1)), None], key=jax.random.key(0))
        >>> values.raw.shape, values.mitigated.shape
        ((2,), (2,))
    """
    scales = tuple(scales)
    odd = all(isinstance(s, int) and s > 0 and s % 2 for s in scales)
    if not odd or scales[:1] != (1,) or len(set(scales)) < len(scales):
        raise ValueError(
            f"scales must be different odd numbers, 1 first, got {scales}. Example: scales=(1, 3)."
        )
    if len(scales) > 1 and not 0 < order < len(scales):
        raise ValueError(
            f"A polynomial of order {order} needs at least {order + 1} scales, got {scales}. "
            "Example: scales=(1, 3), order=1."
        )
    place = as_place(place)
    if not isinstance(place, GatePlace):
        raise TypeError(
            f"mitigated() needs a place that runs circuits gate by gate, got {place!r}. "
            "Example: mitigated(qdl.backends.aer(noise='fake_torino', shots=4000))."
        )
    return Mitigated(place, readout, scales, order)


def _calibrate(
    place: GatePlace, wires: list[int], read: tuple[int, ...], key: Any
) -> tuple[jax.Array, jax.Array]:
    """Z of the wires ``read`` after all zeros and after all ones."""
    flips = np.array([0.0, np.pi])
    with qp.QueuingManager.stop_recording():
        gates = [qp.RX(flips, wire) for wire in wires]
        found = place.evaluate(gates, [qp.Z(wire) for wire in read], key)
    zero, one = jax.lax.stop_gradient(found)
    return zero, one


class _Asked(NamedTuple):
    """What is measured in order to correct values, and how they are put together."""

    wires: tuple[int, ...]  # sorted
    words: tuple[Any, ...]  # () for probabilities
    sums: tuple[dict[Any, float], ...]
    order: tuple[int, ...]  # the wires of the probabilities

    @classmethod
    def of(cls, measured: Measured, readout: bool) -> _Asked:
        wires = tuple(sorted(measured.wires))
        if isinstance(measured, Probabilities):
            _refuse_wide(wires, readout)
            return cls(wires, (), (), measured.wires)
        sums = tuple(words(observable) for observable in measured.observables)
        parts = {part for terms in sums for word in terms for part in _parts(word, readout)}
        asked = tuple(sorted((w for w in parts if len(w)), key=lambda w: sorted(w.items())))
        return cls(wires, asked, sums, ())

    def of_place(self, place: GatePlace, operators: list[Any], key: Any) -> jax.Array:
        """The values of the words, or the probabilities."""
        if not self.words:
            return place.probabilities(operators, self.order, key)
        with qp.QueuingManager.stop_recording():
            observables = [word.operation() for word in self.words]
        return place.evaluate(operators, observables, key)

    def raw(self, found: jax.Array) -> jax.Array:
        if not self.words:
            return found
        value = dict(zip(self.words, jnp.moveaxis(found, -1, 0), strict=True))
        return self._sum(lambda word: value[word], found)

    def corrected(self, found: jax.Array, gain: tuple[jax.Array, jax.Array]) -> jax.Array:
        a, b = (dict(zip(self.wires, column, strict=True)) for column in gain)
        if not self.words:
            return _unmixed(found, [(a[w], b[w]) for w in self.order])
        value = dict(zip(self.words, jnp.moveaxis(found, -1, 0), strict=True))

        def corrected(word: Any) -> Any:
            total: Any = 0.0
            for part in _parts(word, True):
                weight: Any = 1.0
                for wire in word:
                    weight = weight * ((1.0 if wire in part else -b[wire]) / a[wire])
                total = total + weight * (value[part] if len(part) else 1.0)
            return total

        return self._sum(corrected, found)

    def _sum(self, of: Any, found: jax.Array) -> jax.Array:
        lead = jnp.zeros(found.shape[:-1], found.dtype)
        columns = [
            sum((c * (of(word) if len(word) else 1.0) for word, c in terms.items()), lead)
            for terms in self.sums
        ]
        return jnp.stack(columns, axis=-1)


def _unmixed(p: jax.Array, gains: list[tuple[Any, Any]]) -> jax.Array:
    """Probabilities ``(..., 2**k)`` with the errors of each wire's readout undone; may be below 0."""
    p = p.reshape(*p.shape[:-1], *(2,) * len(gains))
    for i, (a, b) in enumerate(gains):
        # Outcomes 0 and 1 of a wire have the weights (1 +- (a z + b)) / 2.
        mixing = jnp.array([[1 + a + b, 1 - a + b], [1 - a - b, 1 + a - b]]) / 2
        axis = p.ndim - len(gains) + i
        p = jnp.moveaxis(jnp.tensordot(jnp.linalg.inv(mixing), p, (1, axis)), 0, axis)
    return p.reshape(*p.shape[: -len(gains)], -1)


def _parts(word: Any, readout: bool) -> list[Any]:
    """The word, and what is left of it where its readout is corrected."""
    if not readout:
        return [word]
    _refuse_wide(word, readout)
    letters = list(word.items())
    sizes = range(len(letters) + 1)
    return [
        qp.pauli.PauliWord(dict(some)) for size in sizes for some in combinations(letters, size)
    ]


def _refuse_wide(wires: Any, readout: bool) -> None:
    if readout and len(wires) > WIDEST:
        raise ValueError(
            f"Readout correction of {len(wires)} wires at once takes 2**{len(wires)} terms; expected at most "
            f"{WIDEST}. Measure words on fewer wires, as ExpZ(), or use readout=False."
        )
