"""Circuits drawn with symbols: what angles are called, and that text stays text."""

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pennylane as qp
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

import qdl
from qdl.drawing import symbolic
from qdl.layers import (
    Adjoint,
    AngleEncoding,
    Entangler,
    Evolution,
    IQPEncoding,
    Repeat,
    Rotation,
    Template,
    from_qiskit,
)

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def derived(params, x, wires):
    qp.RX(2 * params[0] - x[..., 1] / 3 + 0.25, wires=wires[0])
    qp.RY(np.pi * params[1] * x[..., 0], wires=wires[0])
    qp.RZ(jax.numpy.sin(params[0]) * x[..., 0], wires=wires[0])
    qp.RX(-np.pi / 4, wires=wires[0])
    qp.RX(params[0] ** 2, wires=wires[0])
    qp.CRot(params[0], 0.5, -params[1], wires=wires[:2])


WORDS = [
    [r"2 \theta_{0} - x_{1}/3 + 1/4"],
    [r"\pi \theta_{1} x_{0}"],
    [r"f(\theta_{0}, x_{0})"],
    [r"-\pi/4"],
    [r"f(\theta_{0})"],
    [r"\theta_{0}", "1/2", r"-\theta_{1}"],
]


def test_sums_and_products_are_written_out():
    assert symbolic(qdl.QNN(2, Template(derived, shape=(2,))))[1] == WORDS


def test_parameters_are_numbered_through_all_layers():
    block = [AngleEncoding(trainable=True), Rotation("zy"), Entangler("crx")]
    model = qdl.QNN(
        2,
        [Repeat(block, 2), Adjoint(Rotation("x")), Evolution([(0.5, "ZZ", (0, 1))]), IQPEncoding()],
    )
    operators, angles = symbolic(model.circuit)
    _, tree = jax.tree.flatten(model.init(jax.random.key(0)))
    index = jax.tree.unflatten(tree, [0, 0, 0, 0, 0])
    assert index[0][0] == 0  # three arrays of the block, each with a leading axis of two
    first = [
        words for operator, words in zip(operators, angles, strict=True) if operator.name == "RY"
    ]
    assert first[:2] == [[r"\theta_{0} x_{0}"], [r"\theta_{1} x_{1}"]]
    assert [r"-\theta_{14}"] in angles and [r"\theta_{16}"] in angles and ["x_{0} x_{1}"] in angles
    assert (
        len({w for words in angles for w in words if w.startswith(r"\theta") and "x" not in w})
        == 11
    )


def test_angles_of_qiskit():
    t, x = ParameterVector("t", 2), ParameterVector("x", 1)
    circuit = QuantumCircuit(1, global_phase=t[1])
    circuit.rx(t[0] / 2 + x[0], 0)
    _, angles = symbolic(qdl.QNN(1, from_qiskit(circuit, inputs="x")).circuit)
    assert angles == [[r"-\theta_{1}"], [r"\theta_{0}/2 + x_{0}"]]


def test_templates_are_drawn_as_their_gates():
    operators, angles = symbolic(
        qdl.QNN(2, Template(qp.StronglyEntanglingLayers, n_layers=1)).circuit
    )
    assert [o.name for o in operators] == ["Rot", "Rot", "CNOT", "CNOT"]
    assert angles[1] == [rf"\theta_{{{i}}}" for i in (3, 4, 5)]


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_text_stays_text(ending, tmp_path):
    model = qdl.QNN(2, [AngleEncoding(), Rotation("z"), Entangler("crx")], readout=qdl.ExpZ([1]))
    figure, axes = model.draw_mpl(symbolic=True, path=tmp_path / f"circuit.{ending}")
    shown = [text.get_text() for text in axes.texts]
    assert (
        "RY\n$x_{1}$" in shown
        and "RZ\n$\\theta_{0}$" in shown
        and any("theta_{2}" in t for t in shown)
    )
    data = (tmp_path / f"circuit.{ending}").read_bytes()
    if ending == "svg":
        assert b"<text" in data and "θ".encode() in data
    else:
        assert b"/TrueType" in data or b"/Type0" in data and b"/Type3" not in data
    assert figure.axes == [axes]


def test_numbers_are_drawn_as_before():
    model = qdl.QNN(2, [AngleEncoding(), Rotation("z")])
    params = model.init(jax.random.key(0))
    _, axes = model.draw_mpl([None, params[1] * 0 + 0.5], [0.25, 0.75], decimals=2)
    assert "RY\n(0.25)" in [text.get_text() for text in axes.texts]
    with pytest.raises(ValueError, match="Pass model.init\\(key\\), or symbolic=True"):
        model.draw_mpl()


def test_controlled_gates_say_their_angles_as_others_do():
    def gates(params, x, wires):
        qp.CRX(params[0], wires=wires)
        qp.CRot(*params, wires=wires)

    _, axes = qdl.QNN(2, Template(gates, shape=(3,))).draw_mpl(symbolic=True)
    shown = [text.get_text() for text in axes.texts][2:]
    a, b, c = (rf"$\theta_{{{i}}}$" for i in range(3))
    assert shown == [f"RX\n{a}", f"Rot\n{a}\n{b}\n{c}"]


def test_several_figures_are_refused():
    with pytest.raises(ValueError, match="one figure, and max_length=2 asks for several"):
        qdl.QNN(2, Rotation("z")).draw_mpl(symbolic=True, max_length=2)
