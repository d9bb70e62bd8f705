"""The contracts of places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import pennylane as qp

from .. import simulator
from ..certified import Certified
from ..circuit import Circuit, leading, over_batch
from ..readout import Probabilities, Probs
from ..refused import Refused
from . import outcomes
from .cost import Cost
from .scatter import with_errors


class Place:
    """Where circuits are evaluated. A place of your own implements one method.

    ``values``, for a place that takes whole circuits. Places that take PennyLane operators subclass
    ``GatePlace``, places that take rows of angles as NumPy arrays ``RowPlace``.

    Attributes:
        shots: outcomes behind each value, which needs a key then; None for none.
        draws: what each value is a mean of, outcomes or other draws; None for none.
        noisy: whether it has errors of its own, beside the channels of a circuit.
        exact: no shots, no errors, nothing left out of any circuit; of one ``exact_for(circuit)`` says it.
        compiles: whether another number of samples is another compilation.

    Example:
        >>> from dataclasses import dataclass
        >>> import qdl
        >>> @dataclass(frozen=True)
        ... class Float32(Place):
        ...     def values(self, circuit, params, x, key):
        ...         exact = qdl.backends.statevector().values(circuit, params, x, key)
        ...         return exact.astype("float32")
        >>> model = qdl.QNN(2, qdl.layers.Rotation("x")).on(Float32())
        >>> str(model.apply(model.init(jax.random.key(0))).dtype)
        'float32'
    """

    shots: int | None = None
    noisy: bool = False
    compiles: bool = False

    @property
    def exact(self) -> bool:
        """Whether values are those of the circuit as it is written."""
        return self.draws is None and not self.noisy

    def exact_for(self, circuit: Circuit) -> bool:
        """Whether the values of this circuit are exact here."""
        return self.exact

    @property
    def draws(self) -> int | None:
        """What each value is a mean of."""
        return self.shots

    @property
    def noisy_wires(self) -> tuple[int, ...] | None:
        """The wires that its errors are on; None for all, or where it is not known."""

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> Any:
        """The readout values ``(k,)``, or ``(batch, k)`` for x of shape ``(batch, n_features)``."""
        raise NotImplementedError(
            f"{type(self).__name__} must define values(circuit, params, x, key), or subclass GatePlace or "
            "RowPlace of qdl.backends and define what those ask for."
        )

    def apply(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """``values`` for features of any leading axes, ``(..., k)``; other shapes are refused."""

        def checked(x: Any) -> Any:
            found = self.values(circuit, params, x, key)
            expected = (*leading(x), self.size(circuit))
            if jnp.shape(found) != expected:
                raise ValueError(
                    f"{type(self).__name__} gave values of shape {jnp.shape(found)}, expected {expected}: "
                    "(k,) for k readout values, or (batch, k)."
                )
            return jnp.asarray(found)

        return over_batch(checked, x)

    def size(self, circuit: Circuit) -> int:
        """How many readout values a circuit has here."""
        return circuit.size

    def state(self, circuit: Circuit, params: Any, x: Any) -> jax.Array:
        """The final state vector of features of at most one leading axis: that of qubits, without errors.

        Raises:
            Refused: a place with errors, whose states are mixed.
        """
        self.check_pure("state")
        return outcomes.state(circuit, params, x)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes of the active wires ``(..., shots, n_active)``, for features of at most two axes.

        Without errors of the place they are those of the circuit's state. With errors they are drawn from
        the exact probabilities, or they are the outcomes that the place itself counts.

        Raises:
            Refused: a place with errors that says neither.
        """
        if not self.noisy:
            return outcomes.of_state(circuit, params, x, shots, key)
        asked = replace(circuit, readout=Probs())
        if self.draws is None:
            p = self.apply(asked, params, x, jax.random.fold_in(key, 0))
            return outcomes.drawn(p, shots, key)
        if not is_dataclass(self) or "shots" not in {f.name for f in fields(self)}:
            raise Refused(
                f"{self!r} has errors, and its number of shots cannot be changed, so that it cannot draw "
                f"{shots} samples. Use apply with Probs(), or a place of qdl.backends with shots."
            )
        there = replace(self, shots=shots)  # pyright: ignore[reportArgumentType]
        return outcomes.counted(there.apply(asked, params, x, key), shots, key)

    def check_pure(self, what: str) -> None:
        """Refuse a quantity of the pure state that a circuit makes without errors."""
        if self.noisy:
            raise Refused(
                f"{what} is that of a pure state, but {self!r} has errors, so that its states are mixed. "
                "Ask about the circuit without errors: model.on(qdl.backends.statevector())."
            )

    def check_geometry(self, what: str) -> None:
        """Refuse a quantity of the derivatives of the pure state; by default where there is no pure state."""
        self.check_pure(what)

    def tangents(self, circuit: Circuit, params: Any, x: Any, entries: Any = None) -> Any:
        """The state ``(..., size)`` without errors and its derivatives ``(d, ..., size)``.

        The d parameters are numbered as ``ravel_pytree`` lays them out; ``entries`` chooses some of them.
        """
        return simulator.tangents(circuit, params, x, entries)

    def penalty(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """A scalar that a loss should hold small, because this place truncates; None for none."""
        return None

    def dropped(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """How much is left out of the values here, a scalar for the history of ``fit``; None for nothing."""
        return None

    def trained(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any, Any]:
        """Values, penalty and what is dropped, for a step of ``fit``: one pass where a place can."""
        values = self.apply(circuit, params, x, key)
        return values, self.penalty(circuit, params, x), self.dropped(circuit, params, x)

    def after_fit(self, circuit: Circuit, params: Any, x: Any) -> None:
        """Warn of trained parameters whose values here are not what they seem; by default nothing."""

    def certify(self, circuit: Circuit, params: Any, x: Any) -> Certified:
        """What a place that truncates knows of the errors of its values, for ``qdl.certify``.

        Raises:
            Refused: a place that does not say.
        """
        raise Refused(
            "certify is for places that leave something out and say what it costs. Here nothing is left out, "
            f"or it is not said: {self!r}. Compare it with another place: qdl.check(model, place)."
        )

    def sampled(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any]:
        """Values ``(..., k)`` and the standard error of each, for features of any leading axes."""
        if self.draws is None:
            raise Refused(
                f"sampled gives the errors of shots, but values here have none: {self!r}. Use apply, or "
                "model.on(qdl.backends.statevector(shots=1000))."
            )
        if self.draws < 2:
            raise Refused("one shot says nothing of its scatter, got shots = 1. Use 2 or more.")
        rows = x if x is None else x.reshape(-1, x.shape[-1])
        variances = self.one_shot_variances(circuit, params, rows)
        if variances is not None:
            values = self.apply(circuit, params, x, key)
            return values, jnp.sqrt(variances / self.draws).reshape(values.shape)
        features = None if x is None else jnp.shape(x)[-1:]
        return with_errors(
            circuit,
            self.draws,
            lambda asked: self.apply(asked, params, x, key),
            lambda asked: self.together(asked, features),
        )

    def measured_slopes(
        self, circuit: Circuit, params: Any, x: Any, ask: Any, shots: Any, key: Any, groups: int
    ) -> simulator.Slopes:
        """A gradient of a loss from each of several groups of shots, so many for each parameter.

        Arguments and result are those of ``qdl.simulator.measured_slopes``; places whose shots cannot be
        changed from step to step refuse.
        """
        raise Refused(
            f"shots that follow the gradient need a place whose shots can be changed, got {self!r}. Use "
            "qdl.backends.statevector(shots=...), aer(shots=...), fake() or ibm()."
        )

    def one_shot_variances(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """The variance ``(..., k)`` of what values are means of; None where it is not known exactly."""

    def together(
        self, circuit: Circuit, features: tuple[int, ...] | None
    ) -> list[frozenset[Any]] | None:
        """The Pauli words of a readout in sets that share outcomes; None where it is not known."""
        return None

    def standard_error(self, circuit: Circuit, params: Any, x: Any, key: Any) -> Any:
        """Of one sample's values, ``(k,)``; None where they are plain means of ``draws`` outcomes."""
        return None

    def cost(
        self,
        circuit: Circuit,
        batch_size: int,
        gradient: bool | str = True,
        through_features: bool = False,
    ) -> Cost | None:
        """What one call costs; None where nothing is sent or billed.

        Args:
            circuit: the circuit.
            batch_size: samples.
            gradient: False for the values alone; True or one of the place's methods for the derivative
                in the parameters too.
            through_features: differentiate the features too, as behind a classical stage.
        """
        return None

    def announce(self, model: Any, **sizes: Any) -> None:
        """Say what training a model here will cost, and refuse what nobody wants to pay; else nothing.

        Args:
            model: the whole model, of which a part runs here.
            sizes: as in ``estimate``.
        """


class GatePlace(Place):
    """A place that is given PennyLane operators: subclass it and define ``evaluate``.

    Under ``jax.jit`` and ``jax.grad`` the numbers of the operators are traced, so ``evaluate`` must be
    written in JAX; for NumPy, or a service elsewhere, subclass ``RowPlace``.

    Example:
        >>> from dataclasses import dataclass
        >>> import qdl
        >>> @dataclass(frozen=True)
        ... class Dense(GatePlace):
        ...     def evaluate(self, operators, observables, key):
        ...         wires = sorted({w for o in [*operators, *observables] for w in o.wires})
        ...         psi = jnp.eye(1, 2 ** len(wires))[0]
        ...         for operator in operators:
        ...             psi = qp.matrix(operator, wire_order=wires) @ psi
        ...         images = [qp.matrix(o, wire_order=wires) @ psi for o in observables]
        ...         return jnp.stack([(psi.conj() @ image).real for image in images])
        >>> model = qdl.QNN(2, qdl.layers.Rotation("x")).on(Dense())
        >>> model.apply(model.init(jax.random.key(0))).shape
        (2,)
    """

    def evaluate(self, operators: list[Any], observables: Sequence[Any], key: Any) -> Any:
        """The values ``(k,)`` or ``(batch, k)`` of Hermitian observables after PennyLane operators.

        With features of a batch the numbers of operators have a leading axis ``(batch,)``, as in
        PennyLane's broadcasting.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define evaluate(operators, observables, key)."
        )

    def probabilities(self, operators: list[Any], wires: Sequence[int], key: Any) -> Any:
        """The probabilities ``(2**len(wires),)`` or ``(batch, 2**len(wires))``."""
        # As expectation values of projectors, unless a place knows better.
        projectors = [
            qp.Projector(bits, wires=wires) for bits in product((0, 1), repeat=len(wires))
        ]
        return self.evaluate(operators, projectors, key)

    def prepared(self, circuit: Circuit) -> Circuit:
        """The circuit as this place runs it, with the same parameters."""
        return circuit

    def pinned(self, operators: list[Any], observables: Sequence[Any]) -> tuple[Any, Any]:
        """Places for longer versions of a circuit and for its readout alone, on the same qubits."""
        return self, self

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> Any:
        operators = self.prepared(circuit).operators(params, x)
        measured = circuit.measured
        try:
            if isinstance(measured, Probabilities):
                found = self.probabilities(operators, measured.wires, key)
            else:
                found = self.evaluate(operators, measured.observables, key)
        except jax.errors.TracerArrayConversionError as error:
            raise TypeError(
                f"{type(self).__name__} turns numbers that JAX traces into NumPy arrays. Write evaluate with "
                "jax.numpy, or subclass RowPlace, whose run_rows is given NumPy arrays and is differentiated "
                "by parameter shift."
            ) from error
        if jnp.ndim(found) == 1 and leading(x) and not any(o.batch_size for o in operators):
            found = jnp.broadcast_to(found, (len(x), len(found)))  # no gate depends on x
        return found


def places_of(model: Any) -> list[Place]:
    """The places of a QNN, or of the quantum stages of a hybrid model; each once."""
    if hasattr(model, "stages"):
        return list(dict.fromkeys(place for stage in model.stages for place in places_of(stage)))
    if hasattr(model, "cut"):  # Patches: a model that slides over images
        return places_of(model.model)
    place = getattr(model, "place", None)
    return [place] if isinstance(place, Place) else []
