"""What becomes of a model on a machine: gates, layout, fidelity, and what another pattern would save."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ...layers import Entangler
from ...layers.base import Layer, Wires
from ...reading import rewritten
from ...shown import Shown
from .chip import gates_of
from .qiskit_place import QiskitPlace


@dataclass(frozen=True, eq=False)
class TranspileReport(Shown):
    """What ``transpile_report`` found.

    Attributes:
        machine: its name.
        circuit: the transpiled Qiskit circuit.
        depth: of the transpiled circuit.
        two_qubit_gates: how many of them.
        gate_fidelity: product of (1 - error) over gates; None without a calibration.
        readout_fidelity: the same over readouts.
        layout: the machine's qubit for each wire at the end of the circuit.
        edges: pairs of the machine's qubits that have a two-qubit gate; empty for all pairs.
        chain: the same with "chain" in the place of every "ring"; None if there is no ring.
    """

    machine: str
    circuit: Any
    depth: int
    two_qubit_gates: int
    gate_fidelity: float | None
    readout_fidelity: float | None
    layout: dict[int, int]
    edges: tuple[tuple[int, int], ...]
    chain: TranspileReport | None

    @property
    def fidelity(self) -> float | None:
        """The chance that neither a gate nor a readout fails; None without a calibration."""
        if self.gate_fidelity is None or self.readout_fidelity is None:
            return None
        return self.gate_fidelity * self.readout_fidelity

    def __str__(self) -> str:
        fidelity = "no calibration"
        if self.fidelity is not None:
            apart = f"gates {self.gate_fidelity:.3f}, readouts {self.readout_fidelity:.3f}"
            fidelity = f"{self.fidelity:.3f} ({apart})"
        places = ", ".join(f"{wire}:{qubit}" for wire, qubit in self.layout.items())
        lines = [
            f"{self.machine}: depth {self.depth}, {self.two_qubit_gates} two-qubit gates, "
            f"estimated fidelity {fidelity}",
            f"wire:qubit  {places}",
        ]
        if self.chain is not None:
            saved = self.two_qubit_gates - self.chain.two_qubit_gates
            then = "" if self.chain.fidelity is None else f", fidelity {self.chain.fidelity:.3f}"
            lines.append(
                f'Entangler(pattern="chain") instead of "ring" saves {saved} two-qubit gates{then}'
            )
        return "\n".join(lines)

    def plot(self, axes: Any = None) -> Any:
        """The qubits in use and their neighbours, with the wires' numbers; the matplotlib axes."""
        import matplotlib.pyplot as plt
        import rustworkx as rx

        if axes is None:
            _, axes = plt.subplots(figsize=(5, 4))
        wire_of = {qubit: wire for wire, qubit in self.layout.items()}
        near = {pair for pair in self.edges if set(pair) & set(wire_of)}
        qubits = sorted({q for pair in near for q in pair} | set(wire_of))
        graph = rx.PyGraph()
        node = dict(zip(qubits, graph.add_nodes_from(qubits), strict=True))
        graph.add_edges_from([(node[a], node[b], None) for a, b in near])
        at: Any = rx.spring_layout(graph, seed=0, num_iter=500)
        busy = _edges_of(self.circuit)
        for a, b in near:
            color, width = ("#3b6fb6", 3) if frozenset((a, b)) in busy else ("#cccccc", 1)
            axes.plot(*zip(at[node[a]], at[node[b]], strict=True), color=color, lw=width, zorder=1)
        for qubit in qubits:
            used = qubit in wire_of
            axes.scatter(*at[node[qubit]], s=300, color="#3b6fb6" if used else "#dddddd", zorder=2)
            text = str(wire_of[qubit]) if used else ""
            axes.annotate(text, at[node[qubit]], color="white", ha="center", va="center")
        axes.set_title(f"{self.machine}: wires on qubits")
        axes.set_axis_off()
        return axes


def transpile_report(model: Any, place: QiskitPlace) -> TranspileReport:
    """What a model becomes on a machine. Nothing is sent.

    Args:
        model: a QNN; its parameters do not matter.
        place: ``aer``, ``fake`` or ``ibm``.

    Raises:
        TypeError: another place, which does not transpile.

    Example:
        >>> import qdl
        >>> model = qdl.QNN(3, [qdl.layers.Entangler("cnot", "ring")])
        >>> report = transpile_report(model, qdl.backends.fake("manila"))
        >>> report.two_qubit_gates, report.chain.two_qubit_gates
        (6, 2)
    """
    if not isinstance(place, QiskitPlace):
        raise TypeError(
            f"transpile_report needs a place that transpiles, got {place!r}. "
            "Example: qdl.backends.fake('torino')."
        )
    layers = rewritten(model.layers, model.wires, chained)
    chain = None
    if layers != model.layers:
        chain = transpile_report(dataclasses.replace(model, layers=layers), place)
    features = (1, model.n_features) if model.n_features else None
    lowered = place.lowered(place.program(model.circuit, features))
    compiled = place.compiled(lowered)
    target = place.backend.target
    coupling = target.build_coupling_map()
    edges = {tuple(sorted(edge)) for edge in coupling} if coupling else ()
    known = place.fidelity(lowered)
    layout = dict(zip(lowered.wires, map(int, compiled.qubits), strict=True))
    return TranspileReport(
        machine=place.backend.name,
        circuit=compiled.circuit,
        depth=compiled.circuit.depth(),
        two_qubit_gates=sum(len(qubits) == 2 for _, qubits in gates_of(compiled.circuit)),
        gate_fidelity=None if known is None else known.gates,
        readout_fidelity=None if known is None else known.readout,
        layout=layout,
        edges=tuple(sorted(edges)),
        chain=chain,
    )


def _edges_of(circuit: Any) -> set[frozenset[int]]:
    return {frozenset(qubits) for _, qubits in gates_of(circuit) if len(qubits) == 2}


def chained(layer: Layer, wires: Wires) -> tuple[Layer, ...] | None:
    """A chain in the place of a ring, for ``rewritten``.

    Example:
        >>> chained(Entangler("cz", "ring"), (0, 1, 2))
        (Entangler(gate='cz', pattern='chain'),)
    """
    if isinstance(layer, Entangler) and layer.pattern == "ring":
        return (dataclasses.replace(layer, pattern="chain"),)
    return None
