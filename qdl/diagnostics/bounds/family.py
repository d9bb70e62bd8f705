"""All bounds of a family of models, at widths that double, and how they go.

A circuit need not be run to be read: its structure is looked at far beyond the widths that were measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...pauli.circuit import PauliCircuit, pauli_circuit, read_elements
from ...pauli.cones import reduced
from ...pauli.laws import known
from ...pauli.observables import Observable, observable
from ...pauli.operators import Element
from ...pauli.parameters import parameters
from ...pauli.prefix import split
from ...refused import Refused
from ..result.structure import Bound, Bounds
from ..walk.certify import certify
from .above import first_gates, noise, projector
from .cones import Seen, operators_of, seen
from .growth import growth
from .paths import Mass, mass
from .symmetry import orbit, permutation_invariant

WIDEST = 128  # wires that are looked at
GATES = 10_000  # of a circuit, beyond which no wider one is looked at: a second or two
PRODUCTS = 200  # words of an observable whose interference is looked for
ORBITS = 64  # wires on which orbits of words are counted


@dataclass(frozen=True)
class _Width:
    """What one width says; None where it says nothing."""

    n: int
    seen: Seen
    proven: Mass | None
    likely: Mass | None
    independent: bool  # and proven
    above: dict[str, float]
    laws: tuple[str, ...]
    symmetric: bool
    orbit: int | None


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
    rows = list(_rows(build, widths, cost, x))
    if len(rows) < 3:
        return Bounds()
    cone = _by_cones(rows)
    return Bounds(
        lower=_by_paths([row.proven and row.proven.gradient for row in rows], rows) or cone,
        lower_cost=_by_paths(
            [row.independent and row.proven and row.proven.cost for row in rows], rows
        )
        or cone,
        cone=cone if cone is not None and cone.law == "constant" else None,
        upper=_upper(rows),
        reason=_reason(rows),
        widths=tuple(row.n for row in rows),
        angles=tuple(row.seen.angles for row in rows),
    )


def _rows(build: Any, widths: tuple[int, ...], cost: Any, x: Any) -> Iterator[_Width]:
    for n in _probed(build, max(widths)):
        try:
            model = build(n)
            operators = operators_of(model)
        except Exception:  # a user's function, at a width that was not asked for
            return
        yield _width(model, operators, cost, x(n) if callable(x) else x)
        if len(operators) * 4 > GATES * 2:
            return


def _probed(build: Any, largest: int) -> list[int]:
    start = largest
    while start > 12 and start % 2 == 0 and start * 4 > WIDEST:
        start //= 2
    out = [start]
    while 2 * out[-1] <= WIDEST:
        out.append(2 * out[-1])
    return out


def _width(model: Any, operators: list[Any], cost: Any, x: Any) -> _Width:
    n = model.n_wires
    laws = parameters(model).laws
    proven = likely = size = None
    independent, symmetric, above = False, False, {}
    try:
        fixed = None if x is None else np.asarray(x, float)
        elements = _with_laws(read_elements(model.layers, model.wires, fixed, None), laws)
        above = {"noise": noise(elements, n), "projector": projector(model, elements, cost)}
        measured = observable(model, cost)
        symmetric = permutation_invariant(elements, measured, n)
        size = orbit(elements, measured) if n <= ORBITS else None
        try:
            circuit = pauli_circuit(model, x, cost)
            if len(circuit.observable.terms) <= PRODUCTS:
                proven, independent = _certified(circuit, above), circuit.independent
        except Refused:
            likely = mass(_untied(elements, measured, n))
    except (Refused, ValueError, TypeError, NotImplementedError):
        pass  # what was found until then stands
    names = tuple(sorted(set(map(repr, laws))))
    return _Width(
        n, _seen(model, operators, cost), proven, likely, independent, above, names, symmetric, size
    )


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
    certify(replace(small, elements=opening.rest), opening.product)
    if circuit.independent:
        above["first gates"] = first_gates(circuit)
    return mass(circuit)


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


def _by_cones(rows: list[_Width]) -> Bound | None:
    """Few angles in the light cone, whose law does not change with the width."""
    if len({row.laws for row in rows}) > 1:
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
    sizes = [row.orbit for row in rows if row.orbit is not None]
    if len(sizes) > 2 and growth([-float(np.log2(size)) for size in sizes]) == "polynomial":
        text = f"the gates make {sizes[0]} words of the observable at {widths[0]} wires and "
        text += f"{sizes[-1]} at {widths[len(sizes) - 1]}: a power of n"
        return Bound("polynomial", text, widths[: len(sizes)])
    return _by_paths([row.likely and row.likely.gradient for row in rows], rows, tied=True)


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
