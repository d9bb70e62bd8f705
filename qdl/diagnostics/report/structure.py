"""What the page says without simulating: counts, light cones, the dynamical Lie algebra."""

from __future__ import annotations

from dataclasses import asdict

from ..algebra import dynamical_lie_algebra
from ..resources import resources
from .section import Question, Section, count


def resources_section(asked: Question) -> Section:
    """Gates, depth, light cones."""
    found = resources(asked.model)
    wide = sum(number for wires, number in found.by_wires.items() if wires > 1)
    findings = [
        f"{count(found.n_wires, 'wire')}, {count(found.n_params, 'parameter')}, "
        f"{count(found.n_features, 'feature')}; {count(found.n_gates, 'gate')}, {wide} of them on two or "
        f"more wires; depth {found.depth}.",
        "Gates: " + ", ".join(f"{name} {number}" for name, number in found.gates.items()) + ".",
    ]
    table = [("observable", "wires in its light cone", "gates in it")]
    for cone in found.light_cones:
        wires = f"{len(cone.wires)} of {found.n_wires}"
        table.append((cone.observable, wires, f"{cone.gates} of {found.n_gates}"))
    method = "counted on the operators that the layers yield, before any decomposition"
    return Section(tuple(findings), tuple(table), asdict(found), method)


def algebra_section(asked: Question) -> Section:
    """The dimension of the dynamical Lie algebra and what it allows."""
    found = dynamical_lie_algebra(asked.model)
    most = 4**found.n_wires - 1
    words = {"equal": "", "at most": "at most ", "at least": "at least "}[found.bound]
    findings = [f"Dimension {words}{found.dimension} of {most} = 4^n - 1."]
    if found.bound == "equal" and found.dimension == most:
        findings.append("Every unitary can be reached: the algebra sets no limit to the spread.")
    if found.observable_inside and found.dimension < most:
        findings.append(
            f"The observable lies in the algebra: its expectation value follows from {found.dimension} "
            "numbers, without a state vector."
        )
    if found.observable_inside is False:
        findings.append("The observable does not lie in the algebra.")
    findings += [f"Note: {note}." for note in found.notes]
    return Section(tuple(findings), (), asdict(found), found.method)


def machine_section(asked: Question) -> Section:
    """Gates, layout and fidelity after transpilation, and what a chain would save against a ring."""
    from ...backends import transpile_report

    found = transpile_report(asked.model, asked.place)
    parts = {"as it is": found} if found.chain is None else {"ring": found, "chain": found.chain}
    names = ("depth", "two_qubit_gates", "fidelity")
    values = {part: {name: getattr(r, name) for name in names} for part, r in parts.items()}
    return Section(
        findings=tuple(str(found).splitlines()),
        values={"machine": found.machine, "layout": found.layout, **values},
        method="Qiskit's transpiler; fidelity: product over gates and readouts, from the calibration",
        draw=found.plot,
    )
