"""Light cones: the gates and wires that the observable can see."""

from __future__ import annotations

from dataclasses import replace

from .circuit import PauliCircuit
from .operators import Element


def cone(elements: tuple[Element, ...], support: int) -> tuple[list[int], int]:
    """The elements that touch the past of ``support``, and that past: bits by wire.

    Args:
        elements: in time order.
        support: wires that are measured, as bits.
    """
    seen = []
    for i in reversed(range(len(elements))):
        bits = sum(1 << w for w in elements[i].wires)
        if bits & support:
            support |= bits
            seen.append(i)
    return seen[::-1], support


def reduced(circuit: PauliCircuit) -> PauliCircuit:
    """The circuit on the wires of its light cone alone; the same moments."""
    seen, support = cone(circuit.elements, circuit.observable.support)
    wires = [w for w in range(circuit.n_wires) if support >> w & 1] or [0]
    place = {w: i for i, w in enumerate(wires)}

    def moved(bits: int) -> int:
        return sum(1 << place[w] for w in wires if bits >> w & 1)

    elements = [circuit.elements[i] for i in seen]
    elements = [replace(e, wires=tuple(place[w] for w in e.wires)) for e in elements]
    terms = tuple((c, (moved(x), moved(z))) for c, (x, z) in circuit.observable.terms)
    observable = replace(circuit.observable, terms=terms)
    return replace(circuit, n_wires=len(wires), elements=tuple(elements), observable=observable)
