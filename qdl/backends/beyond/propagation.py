"""Propagation of Pauli words as a place: truncated where it says so."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp

from ...certified import Certified
from ...circuit import Circuit, leading
from ...observables import norm
from ...pauli.network import read_network
from ...pauli.observables import readout_words
from ...pauli.propagation import Propagated, Propagation, propagated, propagation
from ...pauli.sets import Limits
from ...pauli.words import wires_of
from ...readout import Probabilities
from ...refused import Refused
from ..place import Place
from .certificate import TOLERANCE, certify
from .structure import Explanation, alone, blueprint, explanation, free_bytes, network_of

LOOKED_AT = 64  # rows on which a trained model is looked at


@dataclass(frozen=True)
class PauliPropagation(Place):
    """The readout's Pauli words carried back through the circuit; heavy words are dropped."""

    weight: int | None = 2
    strength: float = 0.0
    tolerance: float | None = None
    epsilon: float = 0.0
    max_words: int | None = None
    compiles = True

    def __post_init__(self) -> None:
        for name in ("weight", "max_words"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(
                    f"pauli_propagation needs {name} as a whole number >= 1, or None for no limit; "
                    f"got {value!r}. "
                    "Example: pauli_propagation(weight=3)."
                )
        for name, value in (("penalty", self.strength), ("epsilon", self.epsilon)):
            if type(value) not in (int, float) or not 0 <= value < float("inf"):
                raise ValueError(
                    f"pauli_propagation needs a finite {name} >= 0, got {value!r}. Example: "
                    "pauli_propagation(weight=2, penalty=0.3)."
                )
        if self.tolerance is not None and not (
            type(self.tolerance) in (int, float) and self.tolerance > 0
        ):
            raise ValueError(
                f"pauli_propagation needs a tolerance > 0, or None; got {self.tolerance!r}."
            )

    @property
    def limits(self) -> Limits:
        """What is kept."""
        return Limits(self.weight, self.epsilon, self.max_words)

    @property
    def exact(self) -> bool:
        """Whether nothing is dropped by its limits, whatever the circuit."""
        return self.limits == Limits()

    def exact_for(self, circuit: Circuit) -> bool:
        """Whether no word of this circuit can be dropped."""
        return self.exact or not self.drops(circuit)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes of the circuit's state, where nothing is dropped.

        Raises:
            Refused: a truncation, whose values belong to no state.
        """
        if not self.exact_for(circuit):
            raise Refused(
                f"{self!r} drops Pauli words, so that its values are no means of outcomes: there is "
                "nothing to "
                "sample. Use qdl.backends.cone() or tensor_network(), or a machine."
            )
        return super().bits(circuit, params, x, shots, key)

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values, the kept words alone."""
        return self.propagated(circuit, params, x).values.reshape(*leading(x), -1)

    def penalty(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """The sum of squares of the dropped coefficients, times the strength; None without one."""
        return self._penalty(self.propagated(circuit, params, x)) if self.strength else None

    def dropped(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """The root mean square over samples of the dropped L2 norm; None where no word can be dropped."""
        return _lost(self.propagated(circuit, params, x)) if self.drops(circuit) else None

    def trained(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any, Any]:
        """Values, penalty and what is dropped, from one sweep."""
        found = self.propagated(circuit, params, x)
        values = found.values.reshape(*leading(x), -1)
        penalty = self._penalty(found) if self.strength else None
        return values, penalty, _lost(found) if self.drops(circuit) else None

    def _penalty(self, found: Propagated) -> jax.Array:
        return self.strength * (found.dropped**2).sum(-1).mean()

    def after_fit(self, circuit: Circuit, params: Any, x: Any) -> None:
        """Warn where more than the tolerance was dropped, and of values that no state has."""
        if not self.drops(circuit):
            return
        rows = x if x is None else x.reshape(-1, x.shape[-1])[:LOOKED_AT]
        found = self.propagated(circuit, params, rows)
        lost, said = float(_lost(found)), []
        if lost > self.most:
            said.append(f"drops words of L2 norm {lost:.2g}, and {self.most:.2g} is tolerated")
        values = np.asarray(found.values)
        outside = np.abs(values) > self.range(circuit) + 1e-6
        if outside.any():
            said.append(
                f"gives {outside.sum()} of {outside.size} values that no state has, up to "
                f"{np.abs(values[outside]).max():.4g}"
            )
        if said:
            warnings.warn(
                f"pauli_propagation(weight={self.weight}) {', and '.join(said)}: the trained values may "
                "not be those of the circuit. Ask qdl.certify(model, params, X), train with penalty=0.3, or "
                "go on from here with a larger weight: fit(..., params=).",
                RuntimeWarning,
                stacklevel=4,
            )

    @property
    def most(self) -> float:
        """The error that is tolerated."""
        return TOLERANCE if self.tolerance is None else self.tolerance

    def propagated(self, circuit: Circuit, params: Any, x: Any) -> Propagated:
        """Values ``(rows, k)``, and how much was dropped."""
        x = x if x is None or x.ndim <= 2 else x.reshape(-1, x.shape[-1])
        plan = chosen(circuit, self.limits)
        _check_memory(plan, circuit, int(np.prod(leading(x), dtype=int)))
        return _propagated(circuit, self.limits, params, x)

    def certify(self, circuit: Circuit, params: Any, x: Any) -> Certified:
        """Whether values are right here: see ``qdl.certify``."""
        return certify(self, circuit, params, x)

    def drops(self, circuit: Circuit) -> bool:
        """Whether any word can be dropped, whatever the angles."""
        sets = chosen(circuit, self.limits).sets
        return bool(sets.dropped.any()) or -1 in sets.start

    def words(self, circuit: Circuit) -> int:
        """How many words are followed at once."""
        return chosen(circuit, self.limits).sets.most

    def range(self, circuit: Circuit) -> np.ndarray:
        """How large each readout value can be, ``(k,)``."""
        measured = circuit.measured
        if isinstance(measured, Probabilities):
            return np.ones(measured.size)
        return np.array([norm(each) for each in measured.observables])

    def explain(self, model: Any) -> Explanation:
        """Words, operations and bytes; and what is lost on average over uniform angles."""
        return explain(alone(model), self.limits)


def _lost(found: Propagated) -> jax.Array:
    """One number for what is dropped, whose square times the strength is the penalty."""
    squares = (found.dropped**2).sum(-1).mean()
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)


def explain(circuit: Circuit, limits: Limits) -> Explanation:
    """What a circuit costs here."""
    plan = chosen(circuit, limits)
    sets = plan.sets
    share = sets.lost / sets.moment if sets.moment else 0.0
    why = (
        f"{sets.most} words at most in {len(sets.block)} groups; over independent uniform angles "
        f"{share:.2g} of the second moment is dropped, which says nothing of one set of trained angles."
    )
    return explanation("propagation", len(plan.wires), plan.flops, _size(plan, circuit, 1), why)


@lru_cache(maxsize=16)
def chosen(circuit: Circuit, limits: Limits) -> Propagation:
    """The words that are followed for a circuit, chosen once.

    Raises:
        Refused: a readout of heavier words than are kept, or too many words.
    """
    words = readout_words(circuit.measured)
    heaviest = max((len(wires_of(word)) for word in words.words), default=0)
    if limits.weight is not None and heaviest > limits.weight:
        raise Refused(
            f"the readout has a Pauli word on {heaviest} wires, but "
            f"pauli_propagation(weight={limits.weight}) "
            f"keeps words on at most {limits.weight}: it would be dropped at once. Use weight={heaviest} or "
            "more, or read fewer wires at a time."
        )
    net = blueprint(circuit, circuit.measured.wires)
    with jax.ensure_compile_time_eval(), qp.QueuingManager.stop_recording():
        if net.chains:
            raise Refused(
                f"pauli_propagation() starts from products of one-wire states, and wires "
                f"{list(net.chains[0][0])} start in a matrix product state. Use "
                "qdl.backends.tensor_network(), or cone() where few wires matter to the readout."
            )
        return propagation(net, words, limits)


def _size(plan: Propagation, circuit: Circuit, batch: int) -> float:
    """Bytes of what a step of the scan reads, kept for the derivative, and of the words' products."""
    itemsize = np.dtype(jnp.result_type(float)).itemsize
    sets, samples = plan.sets, batch if plan.reuploads else 1
    kept = 32.0 * len(sets.block) * circuit.size * samples
    return itemsize * (kept + 3.0 * len(sets.words) * batch)


def _check_memory(plan: Propagation, circuit: Circuit, batch: int) -> None:
    need, free = _size(plan, circuit, batch), free_bytes()
    if need > free:
        raise Refused(
            f"{plan.sets.most} words in {len(plan.sets.block)} groups need {need:.3g} bytes for "
            f"{batch} samples "
            f"and their gradient; {free:.3g} bytes are free here. Use a smaller weight, an epsilon, fewer "
            "readout values or a smaller batch."
        )


@partial(jax.jit, static_argnums=(0, 1))
def _propagated(circuit: Circuit, limits: Limits, params: Any, x: Any) -> Propagated:
    batch = int(np.prod(leading(x), dtype=int))
    reading = read_network(circuit, params, x)
    net = network_of(circuit, circuit.measured.wires, reading, batch)
    found = propagated(chosen(circuit, limits), net)
    return found._replace(values=jnp.broadcast_to(found.values, (batch, circuit.size)))


def pauli_propagation(
    weight: int | None = 2,
    penalty: float = 0.0,
    tolerance: float | None = None,
    epsilon: float = 0.0,
    max_words: int | None = None,
) -> PauliPropagation:
    r"""The readout carried back through the circuit as a sum of Pauli words, words on many wires dropped.

    $y = v(x) \cdot c(\theta)$: the words' coefficients are computed once for all samples, unless features
    enter again behind entangling gates. A truncated model is another model than the circuit, and training
    leads to where the two differ: hold what is dropped small with ``penalty``, and ask ``qdl.certify``
    afterwards. Exact for ``weight=None``, where that is affordable.

    Args:
        weight: words on more wires than this are dropped; None for none.
        penalty: times the sum of the squares of all dropped coefficients; ``fit`` adds it to the loss.
        tolerance: how far values may be off in ``qdl.certify``, and the root of that sum above which ``fit``
            warns; None for 0.01.
        epsilon: words whose coefficient has a smaller root mean square over independent uniform angles are
            dropped too.
        max_words: how many words are kept at once, the largest on that average; None for all.

    Raises:
        Refused: when it runs, a readout of heavier words, states prepared on several wires, gates on more
            than two wires that have no decomposition and are no Pauli rotations, too many words.

    Example:
        >>> import jax, qdl
        >>> model = qdl.models.qcnn(32, shared=False).on(pauli_propagation(weight=1))
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jax.numpy.zeros((2, 32))).shape
        (2, 1)

    Reference: Angrisani et al., arXiv:2409.01706 (2024); Lerch et al., arXiv:2411.19896 (2024).
    """
    return PauliPropagation(weight, penalty, tolerance, epsilon, max_words)
