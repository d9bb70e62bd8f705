"""One part of the page: what was found, how, and what it cost; or why it was not computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax


@dataclass(frozen=True, eq=False)
class Question:
    """What a report is about.

    Attributes:
        model: a QNN.
        key: a JAX key.
        x: features, or None for random ones.
        cost: a function of the readout values, or None for the first of them.
        samples: of the gradient's engine, or None for its own number.
        sweep: gradient variances over widths that belong to the page, or None.
        place: a machine that the circuit is transpiled for, or None.
    """

    model: Any
    key: jax.Array
    x: Any = None
    cost: Any = None
    samples: int | None = None
    sweep: Any = None
    place: Any = None


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the page.

    Attributes:
        findings: sentences, each about numbers that were computed here.
        table: rows of text, the first one is the header.
        values: the numbers, plain.
        method: how they were found.
        seconds: what that took, compilation included.
        missing: why nothing was computed; empty where something was.
        draw: draws the picture on axes that it is given; None for none.
        name: its key in the JSON and the name of its picture.
        title: its heading.
    """

    findings: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    method: str = ""
    seconds: float = 0.0
    missing: str = ""
    draw: Callable[[Any], None] | None = None
    name: str = ""
    title: str = ""


def count(number: int, noun: str) -> str:
    """``1 wire``, ``2 wires``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
