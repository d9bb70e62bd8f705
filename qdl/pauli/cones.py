"""Light cones: the gates and wires that the observable can see."""

from __future__ import annotations

from dataclasses import replace

from ..reading import light_cone
from .circuit import PauliCircuit


def reduced(circuit: PauliCircuit) -> PauliCircuit:
    """The circuit on the wires of its light cone alone; the same moments."""
    seen, reached = light_cone(circuit.elements, circuit.observable.wires)
    wires = sorted(reached) or [0]
    place = {w: i for i, w in enumerate(wires)}

    def moved(bits: int) -> int:
        return sum(1 << place[w] for w in wires if bits >> w & 1)

    elements = [circuit.elements[i] for i in seen]
    elements = [replace(e, wires=tuple(place[w] for w in e.wires)) for e in elements]
    terms = tuple((c, (moved(x), moved(z))) for c, (x, z) in circuit.observable.terms)
    observable = replace(circuit.observable, terms=terms)
    return replace(circuit, n_wires=len(wires), elements=tuple(elements), observable=observable)
