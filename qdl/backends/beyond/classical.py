"""The place that picks one: light cones, exact contraction, or propagation, by what each costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax

from ...certified import Certified
from ...circuit import Circuit
from ...pauli.observables import readout_words
from ...pauli.words import wires_of
from ...refused import Refused
from ..place import Place
from . import cone, contraction, propagation
from .certificate import exactly
from .structure import Explanation, alone, cones, free_bytes

CHEAP = 1e8  # operations below which an exact engine is taken without a search for better paths
DEAR = 1e13  # operations that nobody waits for, in each step of a training
HEAVIEST = 6  # weights that are tried


@dataclass(frozen=True)
class Classical(Place):
    """The cheapest engine that is valid."""

    tolerance: float = 1e-2
    compiles = True

    def __post_init__(self) -> None:
        if not (type(self.tolerance) in (int, float) and self.tolerance > 0):
            raise ValueError(
                f"classical needs a tolerance > 0, got {self.tolerance!r}: how far a value may be "
                "off. Example: "
                "classical(tolerance=0.01)."
            )

    @property
    def exact(self) -> bool:
        """Not for every circuit: ``exact_for(circuit)`` says it of one."""
        return False

    def exact_for(self, circuit: Circuit) -> bool:
        """Whether the engine that is chosen leaves nothing out."""
        return self.choose(circuit).exact_for(circuit)

    def choose(self, circuit: Circuit) -> Place:
        """The place that runs a circuit."""
        return _choose(alone(circuit), self.tolerance)[0]

    def explain(self, model: Any) -> Explanation:
        """Which engine, and what it costs; refused as the model would be."""
        return _choose(alone(model), self.tolerance)[1]

    def values(self, circuit: Circuit, params: Any, x: Any, key: Any) -> jax.Array:
        """The readout values, by the engine that was chosen."""
        return self.choose(circuit).values(circuit, params, x, key)

    def bits(self, circuit: Circuit, params: Any, x: Any, shots: int, key: Any) -> jax.Array:
        """Outcomes, by the engine that was chosen."""
        return self.choose(circuit).bits(circuit, params, x, shots, key)

    def certify(self, circuit: Circuit, params: Any, x: Any) -> Certified:
        """That of a truncating engine; of an exact one that nothing was left out."""
        place = self.choose(circuit)
        if isinstance(place, propagation.PauliPropagation):
            return place.certify(circuit, params, x)
        return exactly(place.apply(circuit, params, x, None))

    def penalty(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """That of the engine; None for an exact one."""
        return self.choose(circuit).penalty(circuit, params, x)

    def dropped(self, circuit: Circuit, params: Any, x: Any) -> Any:
        """What a truncating engine drops; None for an exact one."""
        return self.choose(circuit).dropped(circuit, params, x)

    def trained(self, circuit: Circuit, params: Any, x: Any, key: Any) -> tuple[Any, Any, Any]:
        """What a step of ``fit`` looks at, by the engine that was chosen."""
        return self.choose(circuit).trained(circuit, params, x, key)

    def after_fit(self, circuit: Circuit, params: Any, x: Any) -> None:
        """Warn as the engine does."""
        self.choose(circuit).after_fit(circuit, params, x)


@lru_cache(maxsize=64)
def _choose(circuit: Circuit, tolerance: float) -> tuple[Place, Explanation]:
    """The place that runs a circuit, and why."""
    found: list[tuple[Place, Explanation]] = []
    against: list[str] = []
    seen = cone.explain(circuit)
    if seen.bytes <= free_bytes() / 4 and seen.flops <= DEAR:
        found.append((cone.Cone(), seen))
    else:
        against.append(f"cone: the readout sees {cones(circuit).widest} wires")
    cheapest = min((e.flops for _, e in found), default=float("inf"))
    try:
        if cheapest > CHEAP or contraction.is_tree(circuit):
            place = contraction.TensorNetwork()
            exact = place.explain(circuit)
            if exact.bytes <= free_bytes() and exact.flops <= DEAR:
                found.append((place, exact))
            else:
                against.append(
                    f"contraction: {exact.flops:.2g} operations, {exact.bytes:.2g} bytes"
                )
    except (Refused, ImportError) as error:
        against.append(f"contraction: {error}")
    if found:
        place, best = min(found, key=lambda each: each[1].flops)
        others = [f"{e.engine} takes {e.flops:.2g} operations" for _, e in found if e is not best]
        return place, replace(
            best, why=" ".join([best.why, *(f"{o}." for o in [*others, *against])])
        )
    place, best = _propagation(circuit, tolerance, against)
    return place, replace(best, why=f"{best.why} No exact engine: {'; '.join(against)}.")


def _propagation(
    circuit: Circuit, tolerance: float, against: list[str]
) -> tuple[Place, Explanation]:
    """The smallest weight that loses little on average, or else the largest that is affordable."""
    last = None
    try:
        words = readout_words(circuit.measured).words
        first = max((len(wires_of(word)) for word in words), default=1)
        for weight in range(first, first + HEAVIEST):
            place = propagation.PauliPropagation(weight, tolerance=tolerance)
            found = place.explain(circuit)
            if found.bytes > free_bytes() / 4 or found.flops > DEAR / 100:
                break
            last = place, found
            sets = propagation.chosen(circuit, place.limits).sets
            if sets.lost <= tolerance**2:
                break
    except Refused as error:
        against.append(f"propagation: {error}")
    if last is None:
        reasons = "; ".join(against)
        raise Refused(
            f"no classical engine can run this circuit of {circuit.n_wires} wires here: {reasons}. Take "
            "fewer layers, a local readout, or Convolution(pattern='pairs')."
        )
    return last


def exactly_at(circuit: Circuit) -> Place:
    """The cheapest exact place for a circuit.

    Raises:
        Refused: none is affordable; it says what each would cost.
    """
    place, found = _choose(circuit, Classical().tolerance)
    if found.engine == "propagation":
        raise Refused(f"no exact engine affords this circuit here. {found.why}")
    return place


def classical(tolerance: float = 1e-2) -> Classical:
    r"""The same model, run by whichever classical engine is cheapest: exact where one is affordable.

    State vectors of the light cones (``cone``), exact contraction (``tensor_network``), and where neither
    fits propagation of Pauli words (``pauli_propagation``), which is truncated: ask ``qdl.certify`` then.
    The choice follows from the structure alone; ``model.place.explain(model)`` says which it is, and why.

    Args:
        tolerance: how far a value may be off; the weight of words is chosen so that on average over uniform
            angles this much is dropped, where that is affordable.

    Raises:
        Refused: when it runs, a circuit that none of them can run, with what each says.

    Example:
        >>> import qdl
        >>> model = qdl.models.qcnn(256, pattern="pairs", shared=False).on(classical())
        >>> model.place.explain(model).engine
        'tree'

    Reference: Cerezo et al., Nature Communications 16, 7907 (2025); arXiv:2312.09121.
    """
    return Classical(tolerance)
