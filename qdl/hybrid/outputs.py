"""What training needs of a model beside its values: what its places leave out, and warn of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .stack import has_places, quantum_stages
from .stages import applied


def trained(model: Any, params: Any, x: Any, key: Any) -> tuple[jax.Array, dict[str, Any]]:
    """The outputs; and of the places of a model by name the ``penalty`` and the most that is ``dropped``."""
    if has_places(model) and _is_plain(model):
        model.check_params(params)
        outputs, *found = model.place.trained(model.circuit, params, model.check_features(x), key)
        parts = [found]
    else:
        outputs = applied(model, params, x, key)
        stages = [(s.place, s.circuit, p, x) for s, p, x in quantum_stages(model, params, x, key)]
        parts = [(place.penalty(*at), place.dropped(*at)) for place, *at in stages]
    penalties = [each for each, _ in parts if each is not None]
    dropped = [each for _, each in parts if each is not None]
    named = {"dropped": jnp.max(jnp.stack(dropped))} if dropped else {}
    return outputs, named | ({"penalty": sum(penalties)} if penalties else {})


def _is_plain(model: Any) -> bool:
    """Whether it is a QNN whose outputs are the values of its place."""
    from ..model import QNN  # here: the classical stages need no PennyLane

    return isinstance(model, QNN) and type(model).apply is QNN.apply


def after_fit(model: Any, params: Any, x: Any, key: Any = None) -> None:
    """Let the places of a trained model warn of what their values hide."""
    from ..backends import Place, places_of  # here: the classical stages need no PennyLane

    if all(type(place).after_fit is Place.after_fit for place in places_of(model)):
        return
    for stage, p, there in quantum_stages(model, params, x, key):
        stage.place.after_fit(stage.circuit, p, there)
