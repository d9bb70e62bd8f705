"""All bounds of a family of models, at widths that double, and how they go.

A circuit need not be run to be read: its structure is looked at far beyond the widths that were measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...pauli.circuit import PauliCircuit, pauli_circuit, read_elements
from ...pauli.cones import reduced
from ...pauli.laws import known
from ...pauli.observables import Observable, observable, scale
from ...pauli.operators import Element
from ...pauli.parameters import TIED, parameters
from ...pauli.prefix import split
from ...refused import Refused
from ..result.structure import Bound, Bounds
from ..walk.certify import certify
from .above import first_gates, noise, projector
from .cones import Seen, seen
from .growth import STEPS, growth
from .orbits import Orbits, few_words
from .paths import Mass, mass
from .shared import count, few_angles
from .symmetry import permutation_invariant
from .widths import models

WIDEST = 128  # wires that are looked at
PRODUCTS = 200  # words of an observable whose interference is looked for
SMALL = 12  # wires to begin with, where the widths that were measured can be halved


@dataclass(frozen=True)
class _Width:
    """What one width says; None where it says nothing."""

    n: int
    seen: Seen
    proven: Mass | None
    likely: Mass | None
    tied: PauliCircuit | None  # angles that gates share
    above: dict[str, float]
    laws: tuple[str, ...]
    symmetric: bool
    scale: float  # of the cost; NaN where it is not known
    factors: frozenset[float]  # of the words that are measured
    noisy: bool  # the place


def bounds(
    build: Callable[[int], Any], widths: tuple[int, ...], cost: Any = None, x: Any = None
) -> Bounds:
    """The bounds of ``build(n)``, from the largest of ``widths`` on, which is doubled until 128.

    Args:
        build: the model for each width.
        widths: that were measured.
        cost: a function of the readout values, or None for the first.
        x: one sample of features, or a function of the width, or None.

    Example:
        >>> import qdl
        >>> found = bounds(lambda n: qdl.QNN(n, qdl.layers.Rotation("x"), readout=qdl.ExpZ(0)), (4, 8))
        >>> found.lower.law
        'constant'
    """
    start = max(widths)
    while start % 2 == 0 and start > SMALL and start * 4 > WIDEST // 4:
        start //= 2
    rows: list[_Width] = []
    for first in dict.fromkeys((start, 8, 4)):
        rows = list(_rows(build, first, cost, x))
        if len(rows) > STEPS:
            break
    else:
        return Bounds()
    if rows[0].noisy:  # a machine damps what its circuits would keep
        return Bounds(upper=_upper(rows))
    upper, cone = _upper(rows), _by_cones(rows)
    lower = _by_paths([row.proven and row.proven.gradient for row in rows], rows) or cone
    lower_cost = _by_paths([row.proven and row.proven.cost for row in rows], rows) or cone
    reason, orbits = _reason(rows), Orbits()
    if upper is None and (reason is None or lower_cost is None):
        orbits = few_words(build, min(widths), cost, x)
    untied = _by_paths([row.likely and row.likely.gradient for row in rows], rows, tied=True)
    shared = _by_shared(rows)
    return Bounds(
        lower=lower or orbits.lower or shared[0],
        lower_cost=lower_cost or orbits.lower_cost or shared[1],
        cone=cone if cone is not None and cone.law == "constant" else None,
        upper=upper,
        reason=reason or orbits.reason or untied,
        widths=tuple(row.n for row in rows),
        angles=tuple(row.seen.angles for row in rows),
    )


def _rows(build: Any, n: int, cost: Any, x: Any) -> Iterator[_Width]:
    """The widths n, 2n, 4n, ..., as long as that takes a moment."""
    for model, operators, data in models(build, n, WIDEST, x):
        yield _width(model, operators, cost, data)


def _width(model: Any, operators: list[Any], cost: Any, x: Any) -> _Width:
    n = model.n_wires
    laws = parameters(model).laws
    proven = likely = tied = None
    symmetric, above, factors = False, {}, frozenset()
    try:
        fixed = None if x is None else np.asarray(x, float)
        elements = _with_laws(read_elements(model.layers, model.wires, fixed, None), laws)
        above = {"noise": noise(elements, n), "projector": projector(model, elements, cost)}
        measured = observable(model, cost)
        factors = frozenset(round(c, 9) for c, _ in measured.terms)
        symmetric = permutation_invariant(elements, measured, n)
        try:
            circuit = pauli_circuit(model, x, cost)
            if len(circuit.observable.terms) <= PRODUCTS:
                proven = _certified(circuit, above)
        except Refused:
            likely = mass(_untied(elements, measured, n))
            tied = PauliCircuit(n, tuple(elements), measured, 0, (), False)
    except Refused:
        pass  # what was found until then stands
    return _Width(
        n, _seen(model, operators, cost), proven, likely, tied, above,
        tuple(sorted(set(map(repr, laws)))), symmetric, _scale(model, cost), factors,
        model.place.noisy,
    )  # fmt: skip


def _scale(model: Any, cost: Any) -> float:
    try:
        return scale(model, cost)
    except (Refused, ValueError, TypeError):
        return math.nan


def _with_laws(elements: list[Element], laws: tuple[Any, ...]) -> list[Element]:
    """The elements with the law of each parameter that has a known one."""
    return [
        replace(e, angle=replace(e.angle, law=laws[e.angle.entry]))
        if e.angle is not None and e.angle.parameter is not None
        else e
        for e in elements
    ]


def _untied(elements: list[Element], measured: Observable, n: int) -> PauliCircuit:
    """The circuit with an angle of its own for every gate."""
    for element in elements:
        if element.angle is not None and not known(element.angle.law):
            raise Refused(f"{element.angle.law!r} is no law that is known")
    apart = [
        e
        if e.angle is None or e.angle.parameter is None
        else replace(e, angle=replace(e.angle, entry=i))
        for i, e in enumerate(elements)
    ]
    return PauliCircuit(n, tuple(apart), measured, len(apart), (), False)


def _certified(circuit: PauliCircuit, above: dict[str, float]) -> Mass:
    small = reduced(circuit)
    opening = split(small, angles=False)
    terms = certify(replace(small, elements=opening.rest), opening.product)
    merged = replace(small, observable=replace(small.observable, terms=tuple(terms)))
    if circuit.independent:
        above["first gates"] = first_gates(merged)
    return mass(merged)


def _seen(model: Any, operators: list[Any], cost: Any) -> Seen:
    measured = model.measured
    one = cost is None and hasattr(measured, "observables")
    wires = measured.observables[0].wires if one else measured.wires
    return seen(operators, [int(w) for w in wires])


def _by_paths(values: list[Any], rows: list[_Width], tied: bool = False) -> Bound | None:
    """From the paths that were found at every width."""
    if any(value is None or value is False or not np.isfinite(value) for value in values):
        return None
    law = growth(values)
    if law not in ("constant", "polynomial"):
        return None
    widths = tuple(row.n for row in rows)
    of = ", were all angles independent," if tied else ""
    text = (
        f"Pauli paths from the readout to the start{of} carry 2^{values[0]:.3g} at {widths[0]} wires "
        f"and 2^{values[-1]:.3g} at {widths[-1]}"
    )
    return Bound(law, text, widths, tuple(map(float, values)))


def _by_shared(rows: list[_Width]) -> tuple[Bound | None, Bound | None]:
    """Few angles with many gates each: of the gradient and of the cost."""
    tied = [row.tied for row in rows if row.tied is not None]
    if len(tied) < len(rows):
        return None, None
    counts = [count(circuit) for circuit in tied]
    law = growth([-float(c) for c in counts])
    if law not in ("constant", "polynomial"):
        return None, None
    found = [each for each in map(few_angles, tied) if each is not None]
    degrees = growth([-math.log2(max(each.degree, 1.0)) for each in found])
    values = growth([each.value for each in found])
    if len(found) < len(rows) or not {degrees, values} <= {"constant", "polynomial"}:
        return None, None
    widths = tuple(row.n for row in rows)
    text = (
        f"the readout sees {counts[0]} angles at {widths[0]} wires and {counts[-1]} at {widths[-1]}, of at "
        f"most {max(each.degree for each in found):g} gates each"
    )
    kind = "polynomial" if law == "constant" else "n^-log n"
    gradient, cost = (tuple(each[i] for each in found) for i in (4, 3))
    return Bound(kind, text, widths, gradient), Bound(kind, text, widths, cost)


def _by_cones(rows: list[_Width]) -> Bound | None:
    """Few angles in the light cone, whose law does not change with the width."""
    sizes = [row.scale for row in rows]
    if len({row.laws for row in rows}) > 1 or not np.allclose(sizes, sizes[0], rtol=1e-6):
        return None
    if len({(row.seen.kinds, row.factors) for row in rows}) > 1:
        return None
    widths = tuple(row.n for row in rows)
    counts = [row.seen.angles for row in rows]
    law = growth([-float(c) for c in counts])
    if law not in ("constant", "polynomial") or not counts[0]:
        return None
    text = (
        f"the readout sees {counts[0]} gates with angles at {widths[0]} wires and {counts[-1]} at "
        f"{widths[-1]}, on at most {max(row.seen.wires for row in rows)} wires"
    )
    return Bound(law, text, widths)


def _reason(rows: list[_Width]) -> Bound | None:
    """Why a power would be no surprise."""
    widths = tuple(row.n for row in rows)
    if all(row.symmetric for row in rows):
        text = "all wires are alike, so that the state stays among the n + 1 symmetric ones"
        return Bound("polynomial", text, widths)
    if all(repr(TIED) in row.laws for row in rows):
        text = "blocks start as the identity, so that their last gates see the readout as it is"
        return Bound("constant", text, widths)
    return None


def _upper(rows: list[_Width]) -> Bound | None:
    widths = tuple(row.n for row in rows)
    said = {
        "noise": "Pauli noise on every wire, layer after layer, damps any cost",
        "first gates": "a word on so many wires meets a random turn on each of them",
        "projector": "a projector is a sum of 2^m words of size 2^-m that do not interfere",
    }
    for name, text in said.items():
        values = [row.above.get(name, 0.0) for row in rows]
        if growth(values) == "exponential":
            text += f": at most 2^{values[0]:.3g} at {widths[0]} wires, 2^{values[-1]:.3g} at {widths[-1]}"
            return Bound("exponential", text, widths, tuple(values))
    return None
