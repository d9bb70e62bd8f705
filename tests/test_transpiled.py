"""What becomes of a model on a machine: against brute force over paths, and Qiskit's own counts."""

import html
from dataclasses import dataclass, replace
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties

import qdl
from qdl.backends import aer, fake, transpile_report
from qdl.backends.machines.chip import best_path, error, fidelity, pairs_along
from qdl.backends.machines.transpiled import chained
from qdl.backends.rows import circuit_of
from qdl.layers import (
    AngleEncoding,
    Composite,
    Entangler,
    Layer,
    Mirrored,
    Pooling,
    Repeat,
    Rotation,
)
from qdl.reading import rewritten

MANILA = fake("manila", shots=1000)
RING = qdl.QNN(4, [AngleEncoding(), Repeat([Rotation("y"), Entangler("cnot", "ring")], 2)])


def test_report_of_a_ring_and_of_its_chain():
    report = transpile_report(RING, MANILA)
    counts = report.circuit.count_ops()
    assert report.two_qubit_gates == counts["cx"] and report.depth == report.circuit.depth()
    assert report.chain.two_qubit_gates == 6 < report.two_qubit_gates
    assert report.chain.chain is None and report.fidelity < report.chain.fidelity < 1
    assert sorted(report.layout) == [0, 1, 2, 3] and set(report.edges) == {
        (i, i + 1) for i in range(4)
    }
    text = str(report)
    saved = report.two_qubit_gates - 6
    assert f"fake_manila: depth {report.depth}, {counts['cx']} two-qubit gates, estimated" in text
    assert f'pattern="chain") instead of "ring" saves {saved} two-qubit gates, fidelity' in text


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.5])
def test_a_calibration_that_holds_no_probability_is_said_and_left_out(wrong):
    target = GenericBackendV2(2, seed=0).target
    target.update_instruction_properties("cx", (0, 1), InstructionProperties(error=wrong))
    with pytest.warns(RuntimeWarning, match=r"gives cx on qubits \(0, 1\) the error .*left out"):
        assert error(target, "cx", (0, 1)) is None
    target.update_instruction_properties("cx", (0, 1), InstructionProperties(error=1.0))
    assert error(target, "cx", (0, 1)) == 1.0  # a gate that is dead


def test_fidelity_is_the_product_of_the_calibration():
    model = qdl.QNN(2, [Entangler("cnot")], qdl.ExpZ([1]))
    report = transpile_report(model, MANILA)
    target = MANILA.backend.target
    a, b = report.layout[0], report.layout[1]
    wanted = 1 - target["measure"][b,].error
    for step in report.circuit.data:
        qubits = tuple(report.circuit.find_bit(q).index for q in step.qubits)
        wanted *= 1 - target[step.operation.name][qubits].error
    np.testing.assert_allclose(report.fidelity, wanted, rtol=1e-12)
    assert report.readout_fidelity == 1 - target["measure"][b,].error
    priced = qdl.backends.estimate(model, MANILA)
    assert priced.fidelity == report.fidelity
    assert priced.gate_fidelity == report.gate_fidelity < 1
    assert {a, b} in [set(edge) for edge in report.edges]
    assert fidelity(report.circuit, aer().backend.target, [b]) is None
    assert "no calibration" in str(transpile_report(model, aer()))


def test_branches_are_counted():
    report = transpile_report(qdl.QNN(4, [AngleEncoding(), Pooling(kind="measured")]), MANILA)
    assert report.two_qubit_gates == 0 and report.circuit.count_ops()["if_else"] == 2
    assert "if_else" not in report.circuit.count_ops() or report.fidelity < 1


def test_picture_shows_the_wires():
    pytest.importorskip("matplotlib").use("Agg")
    report = transpile_report(RING, MANILA)
    assert report._repr_html_() == f"<pre>{html.escape(str(report))}</pre>"
    axes = report.plot()
    assert {text.get_text() for text in axes.texts} >= {"0", "1", "2", "3"}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["lima", "manila"])
def test_best_path_is_the_best_of_all(name, n):
    target = fake(name).backend.target
    edges = {frozenset(edge) for edge in target.build_coupling_map()}

    def loss(path):
        pairs = list(zip(path, path[1:], strict=False))
        if not all(frozenset(pair) in edges for pair in pairs):
            return np.inf
        errors = [error(target, "measure", (q,)) for q in path]
        errors += [min(error(target, "cx", p) for p in (pair, pair[::-1])) for pair in pairs]
        return -np.sum(np.log1p(-np.array(errors)))

    best = min(map(loss, permutations(range(5), n)))
    if np.isinf(best):
        with pytest.raises(ValueError, match=f"no path of {n} qubits on this machine of 5"):
            best_path(target, n)
    else:
        np.testing.assert_allclose(loss(best_path(target, n)), best)


def test_coupling_is_a_pattern_without_swaps(key):
    pairs = MANILA.coupling(5)
    assert sorted(map(sorted, pairs)) == [[0, 1], [1, 2], [2, 3], [3, 4]]
    model = qdl.QNN(5, [Rotation("y"), Entangler("cnot", pairs)])
    held = replace(MANILA, layout=MANILA.path(5))
    report = transpile_report(model, held)
    assert report.two_qubit_gates == 4 and tuple(report.layout.values()) == MANILA.path(5)
    params = model.init(key)
    assert model.on(MANILA).apply(params, key=key).shape == (5,)


def test_pairs_point_as_the_machine_does():
    class OneWay:
        def build_coupling_map(self):
            return [(5, 3), (3, 7), (8, 7)]

    assert pairs_along(OneWay(), (5, 3, 7, 8)) == ((0, 1), (3, 2), (1, 2))


def compiled_of(place, operators):
    circuit, _, x = circuit_of(operators, RING.readout)
    return place.compiled(place.lowered(place.program(circuit, None if x is None else x.shape)))


def test_variants_of_a_circuit_stay_on_its_qubits():
    """Mitigation compares circuits: they must meet the same errors."""
    measured = RING.measured
    params, x = RING.init(jax.random.key(0)), jnp.ones((1, 4))
    operators = RING.operators(params, x)
    start, end = MANILA.pinned(operators, measured.observables)
    compiled = compiled_of(MANILA, operators)
    again = compiled_of(start, operators)
    first = compiled.circuit.layout.initial_index_layout(filter_ancillas=True)
    assert list(again.circuit.layout.initial_index_layout(filter_ancillas=True)) == list(first)
    alone = compiled_of(end, [qp.RX(0.1, wire) for wire in range(4)])
    assert alone.qubits == compiled.qubits


@dataclass(frozen=True)
class Named(Composite):
    end: Layer

    def parts(self, wires):
        return {"begin": Rotation("y"), "end": self.end}


def test_chained_finds_every_ring():
    ring, chain = Entangler("crx", "ring"), Entangler("crx", "chain")
    layers = [Mirrored([ring, Rotation("x")]), Repeat(Repeat(ring, 2), 3), Named(ring)]
    wanted = [Mirrored([chain, Rotation("x")]), Repeat(Repeat(chain, 2), 3), Rotation("y"), chain]
    found = rewritten(qdl.QNN(4, layers).layers, (0, 1, 2, 3), chained)
    assert found == qdl.QNN(4, wanted).layers
    kept = qdl.QNN(4, [Named(chain), Repeat(chain, 2)]).layers
    assert rewritten(kept, (0, 1, 2, 3), chained) == kept


def test_refusals():
    with pytest.raises(TypeError, match="needs a place that transpiles, got Statevector"):
        transpile_report(RING, qdl.backends.statevector())
    with pytest.raises(ValueError, match=r"layout=\(0, 1\) has 2 qubits, but the circuit has 4"):
        transpile_report(RING, replace(MANILA, layout=(0, 1)))
    wide = qdl.QNN(6, [Rotation("x")])
    with pytest.raises(ValueError, match="fake_manila has 5 qubits, but the circuit needs 6"):
        transpile_report(wide, MANILA)
