"""Quantum and classical stages in one model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import threefry
from ..readout import Readout
from ..shown import Shown
from .dense import Dense
from .patches import Patches
from .stages import ACTIVATIONS, applied, check_stage, n_in, n_out


@dataclass(frozen=True)
class Hybrid(Shown):
    """Stages one after another: each one's values are the next one's features.

    A stage is a ``Dense``, a ``QNN``, another ``Hybrid``, anything hashable with ``init`` and
    ``apply``, or the name of an activation: ``"identity"``, ``"relu"``, ``"sigmoid"``,
    ``"softplus"``, ``"tanh"``. Into a QNN go angles in radians.

    Args:
        stages: in order.

    Params: a list, one entry per stage; None for an activation.

    Raises:
        ValueError: unknown activation; a stage that does not fit the one before it.

    Example:
        >>> model = Hybrid([Dense(8, 4), "tanh", Dense(4, 2)])
        >>> model.n_features, model.n_outputs, model.n_params
        (8, 2, 46)
        >>> model.apply(model.init(jax.random.key(0)), jnp.zeros((5, 8))).shape
        (5, 2)

    Reference: Mari, Bromley, Izaac, Schuld, Killoran, Quantum 4, 340 (2020).
    """

    stages: tuple[Any, ...]

    def __init__(self, stages: Iterable[Any]):
        object.__setattr__(self, "stages", tuple(stages))
        if not self.stages:
            raise ValueError("Hybrid needs at least one stage, got none. Example: [Dense(4, 2)].")
        for stage in self.stages:
            check_stage(stage)
        _check_widths(self.stages)

    @property
    def n_features(self) -> int:
        """How many features the first stage reads; 0 if it does not say."""
        return next((n_in(s) for s in self.stages if not isinstance(s, str)), 0)

    @property
    def n_outputs(self) -> int | None:
        """How many values the last stage gives; None if it does not say."""
        return next((n_out(s) for s in reversed(self.stages) if not isinstance(s, str)), None)

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold."""
        return sum(getattr(stage, "n_params", 0) for stage in self.stages)

    @property
    def readout(self) -> Readout | None:
        """What is measured, if a quantum stage comes last; None after a classical one."""
        return getattr(self.stages[-1], "readout", None)

    def init(self, key: jax.Array) -> list[Any]:
        """Draw parameters: a list with one entry per stage."""
        keys = threefry.split(key, len(self.stages))
        return [
            None if isinstance(stage, str) else stage.init(k)
            for stage, k in zip(self.stages, keys, strict=True)
        ]

    def apply(self, params: Any, x: Any, key: jax.Array | None = None) -> jax.Array:
        """The last stage's values.

        Args:
            params: as returned by ``init``.
            x: ``(n_features,)`` or ``(batch, n_features)``.
            key: a JAX key; needed where a quantum stage draws shots.
        """
        if not isinstance(params, list | tuple) or len(params) != len(self.stages):
            given = len(params) if isinstance(params, list | tuple) else type(params).__name__
            raise ValueError(
                f"params are not of this model: got {given}, expected a list with "
                f"{len(self.stages)} entries. Use params from this model's init(key)."
            )
        from ..circuit import check_features  # here: the classical stages need no PennyLane

        return self._run(params, check_features(x), key, given=True)

    def _run(self, params: Any, x: Any, key: Any, given: bool) -> Any:
        """All stages; ``given`` where x is the user's and not that of a stage before."""
        for i, (stage, p) in enumerate(zip(self.stages, params, strict=True)):
            own = None if key is None else jax.random.fold_in(key, i)
            x = self._through(stage, p, x, own, given and i == 0)
        return x

    def _through(self, stage: Any, params: Any, x: Any, key: Any, given: bool) -> Any:
        """One stage. Of features that a stage computed the shape alone is looked at, as inside of ``fit``."""
        if isinstance(stage, str):
            return ACTIVATIONS[stage](jnp.asarray(x))
        if not given and isinstance(stage, Hybrid):
            return stage._run(params, x, key, given)
        if not given and hasattr(stage, "circuit") and hasattr(stage, "place"):
            stage.check_params(params)
            stage.layers.check(np.ones(np.shape(x)), stage.wires)
            return stage.place.apply(stage.circuit, params, jnp.asarray(x), key)
        return applied(stage, params, x, key)

    def quantum_stages(
        self, params: Any, x: Any, key: jax.Array | None = None
    ) -> Iterator[tuple[Any, Any, Any]]:
        """Every quantum stage with its parameters and the features that reach it."""
        for i, (stage, p) in enumerate(zip(self.stages, params, strict=True)):
            key_here = None if key is None else jax.random.fold_in(key, i)
            yield from quantum_stages(stage, p, x, key_here)
            if any(has_places(later) for later in self.stages[i + 1 :]):
                x = self._through(stage, p, x, key_here, i == 0)

    def on(self, place: Any) -> Hybrid:
        """The same model and parameters, its quantum stages evaluated elsewhere."""
        return Hybrid(s.on(place) if hasattr(s, "on") else s for s in self.stages)

    def __str__(self) -> str:
        """The tree: stages, widths, parameter counts."""
        widths = f"{self.n_features or '?'} features -> {self.n_outputs or '?'} values"
        lines = [f"Hybrid  {len(self.stages)} stages, {self.n_params} parameters, {widths}"]
        for stage in self.stages:
            count = f"  {stage.n_params} parameters" if isinstance(stage, Dense) else ""
            lines += [f"  {line}" for line in f"{stage}{count}".splitlines()]
        return "\n".join(lines)


def quantum_stages(
    model: Any, params: Any, x: Any, key: Any = None
) -> Iterator[tuple[Any, Any, Any]]:
    """The circuits on places that a model is made of: each with its parameters and features."""
    if isinstance(model, Hybrid):
        yield from model.quantum_stages(params, x, key)
    elif isinstance(model, Patches):
        yield from quantum_stages(model.model, params, model.cut(x), key)
    elif has_places(model):
        yield model, params, x


def has_places(model: Any) -> bool:
    """Whether a circuit on a place is among the stages."""
    if isinstance(model, Hybrid):
        return any(map(has_places, model.stages))
    if isinstance(model, Patches):
        return has_places(model.model)
    return hasattr(model, "place") and hasattr(model, "circuit")


def _check_widths(stages: tuple[Any, ...]) -> None:
    """Refuse a stage that does not read what the one before it gives, where both say."""
    given, giver = None, ""
    for i, stage in enumerate(stages):
        if isinstance(stage, str):
            continue
        if given is not None:
            problem = _misfit(stage, given)
            if problem:
                raise ValueError(f"stage {i} of Hybrid does not fit {giver}: {problem}")
        given, giver = n_out(stage), f"the {n_out(stage)} values of stage {i}"


def _misfit(stage: Any, given: int) -> str:
    """Why a stage cannot read ``given`` features; empty if it can, or does not say."""
    if hasattr(stage, "layers") and hasattr(stage, "wires"):
        try:
            stage.layers.check(np.ones(given), stage.wires)
        except ValueError as error:
            return str(error)
        return ""
    wanted = n_in(stage)
    if wanted in (0, given):
        return ""
    return (
        f"{stage!r} takes {wanted} features. Put qdl.Dense({given}, {wanted}) between them, "
        "or change one."
    )
