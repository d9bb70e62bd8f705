"""The three sentences that a page begins with, each from numbers further down."""

from __future__ import annotations

import math
from typing import Any

from ..result.variance import shots
from .section import Section

NEAR = 2.0  # standard errors within which a circuit cannot be told from Haar-random states


def conclusions(sections: tuple[Section, ...]) -> tuple[str, ...]:
    """Whether it will train, what its states are like, and whether a classical computer does as well."""
    found = {section.name: section for section in sections}
    return (_trains(found), _states(found), _classical(found))


def _trains(found: dict[str, Section]) -> str:
    values = _values(found, "gradient_variance")
    if not values:
        return "Will it train? The gradient was not computed."
    said = f"At a random start the squared norm of the gradient is {values['squared_norm']:.3g} on average"
    needed = values["shots_needed"]
    if needed is not None and math.isfinite(needed):
        said += f", and a median derivative stands out of shot noise with {shots(needed)} shots"
    if scaling := _values(found, "scaling"):
        return f"{said}; over the sizes of this page it is {scaling['verdict'].partition(':')[0]}."
    return f"{said}; one width does not say how that goes on."


def _states(found: dict[str, Section]) -> str:
    spread, q = _values(found, "expressibility"), _values(found, "entangling_capability")
    said = []
    if spread:
        above = spread["value"] - spread["haar_bias"]
        random = above <= NEAR * spread["standard_error"]
        said.append(
            "its states cannot be told from Haar-random ones by their fidelities"
            if random
            else f"its states are less spread than Haar-random ones (D = {spread['value']:.2g} nats)"
        )
    if q:
        said.append(
            f"their entanglement Q = {q['value']:.2g}, of {q['haar']:.2g} for Haar-random states"
        )
    if not said:
        return "The states of this circuit were not looked at: the sections below say why."
    text = ", and ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _classical(found: dict[str, Section]) -> str:
    values = _values(found, "classical")
    if not values:
        return "Whether a classical computer gives its values was not found out."
    if "gradient_seconds" not in values:
        return (
            f"No classical engine of this page is quick: the best, {values['engine']}, is expected to take "
            f"{values['expected_seconds']:.2g} s a sample."
        )
    return (
        f"A classical computer gives its gradient in {1e3 * values['gradient_seconds']:.2g} ms "
        f"({values['engine']}); the values are {values['verdict']}."
    )


def _values(found: dict[str, Section], name: str) -> dict[str, Any]:
    section = found.get(name)
    return {} if section is None or section.missing else section.values
