"""Cause hints: the same model with one thing changed, its gradient variance computed again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from ...initializers import gaussian, identity_blocks, small_angle, uniform
from ...layers import Layer, Mirrored, Repeat
from ...layers.base import Wires
from ...pauli.observables import observable
from ...pauli.parameters import parameters
from ...reading import Loop, leaves, rewritten, unfold
from ...readout import ExpZ
from ...refused import Refused
from ..gradients import gradient_variance
from . import pictures
from .section import Question, Section, count


def alternatives_section(asked: Question) -> Section:
    """A local observable, other depths, other initialisers: each measured."""
    model, rows, missing = asked.model, {}, []
    variants = {"as it is": (model, asked.cost), **dict(_variants(asked))}
    for name, (variant, cost) in variants.items():
        try:
            rows[name] = gradient_variance(
                variant, key=asked.key, x=asked.x, cost=cost, samples=asked.samples
            )
        except ValueError as error:
            missing.append(f"Not computed, {name}: {error}")
    base = rows["as it is"].median if "as it is" in rows else 0.0
    table = [("change", "median variance", "factor", "largest", "variance of the cost", "engine")]
    for name, row in rows.items():
        factor = f"{row.median / base:.3g}" if base else ""
        numbers = (row.median, row.maximum, row.cost_variance)
        median, largest, spread = (f"{v:.3g}" for v in numbers)
        table.append((name, median, factor, largest, spread, row.method))
    values = {
        name: {
            "median": row.median,
            "largest": row.maximum,
            "cost_variance": row.cost_variance,
            "method": row.method,
        }
        for name, row in rows.items()
    }
    findings = (*_hints(asked), *missing)
    return Section(
        findings, tuple(table), values,
        "gradient_variance of each model, with the same key",
        draw=partial(pictures.alternatives, rows=rows) if len(rows) > 1 else None,
    )  # fmt: skip


def _hints(asked: Question) -> Iterator[str]:
    """What is known to flatten a landscape, as found in this model."""
    model = asked.model
    weight = _weight(asked)
    if weight:
        yield f"The observable acts on up to {weight} of {count(model.n_wires, 'wire')} at once."
    times = _repetitions(model.layers, model)
    if times:
        yield f"The circuit repeats a block {' and '.join(map(str, times))} times."
    laws = {str(law) for law in parameters(model).laws}
    yield f"Its angles start as {', '.join(sorted(laws))}."


def _weight(asked: Question) -> int:
    """The most wires that a word of the cost acts on; 0 where it cannot be told."""
    try:
        terms = observable(asked.model, asked.cost).terms
    except Refused:
        return 0
    return max(((x | z).bit_count() for _, (x, z) in terms), default=0)


def _variants(asked: Question) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Name -> (model, cost)."""
    model = asked.model
    if _weight(asked) > 1:
        wire = min(model.measured.wires)
        yield f"reading Z on wire {wire} alone", (replace(model, readout=ExpZ((wire,))), None)
    for factor, word in ((0.5, "half"), (2, "twice")):
        other = rewritten(model.layers, model.wires, partial(_times, factor))
        if other != model.layers:
            times = " and ".join(map(str, _repetitions(other, model)))
            name = f"{word} the depth ({times} repetitions)"
            yield name, (replace(model, layers=other), asked.cost)
    depth = sum(_repetitions(model.layers, model)) or 1
    width = round(1 / (2 * math.sqrt(depth)), 3)
    starts = [uniform(), small_angle(0.1), gaussian(width)]
    names = (leaf.name.split() for leaf in leaves(unfold(model.layers, model.wires)))
    if any(Mirrored.__name__ in way for way in names):
        starts.append(identity_blocks())
    laws = parameters(model).laws
    for start in starts:
        try:
            other = replace(model, initializer=start)
            if parameters(other).laws != laws:  # layers with one of their own keep it
                yield f"starting with {start}", (other, asked.cost)
        except ValueError:
            continue  # identity_blocks where layers outside of Mirrored have parameters


def _repetitions(layers: Layer, model: Any) -> list[int]:
    """How often the outermost loops run, in time order."""
    return [node.times for node in unfold(layers, model.wires) if isinstance(node, Loop)]


def _times(factor: float, layer: Layer, wires: Wires) -> tuple[Layer, ...] | None:
    """The outermost repetitions made ``factor`` times as many, at least one; for ``rewritten``."""
    if not isinstance(layer, Repeat):
        return None
    return (replace(layer, times=max(1, round(layer.times * factor))),)
