import pickle

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.layers import AngleEncoding, Convolution, Pooling, Repeat
from qdl.models import data_reuploading, hardware_efficient, mcclean, qcnn, strongly_entangling

ROWS = [
    # model, parameters, features, active wires at the end
    (hardware_efficient(3, 2), 3 * 2 * 2, 3, (0, 1, 2)),
    (strongly_entangling(3, 2), 3 * 3 * 2, 3, (0, 1, 2)),
    (data_reuploading(3, 2), (3 + 9) * 2, 3, (0, 1, 2)),
    (qcnn(3), 2 * (15 + 2) + 3, 3, (0,)),
    (qcnn(6, "u13"), 3 * (6 + 2) + 3, 6, (0,)),
    (qcnn(7, "ttn", stop_at=2), 2 * (2 + 2) + 2 * 3, 7, (0, 4)),
    (qcnn(8, head=False), 3 * (15 + 2), 8, (0,)),
    (mcclean(3, 5), 5 * (3 + 9), 0, (0, 1, 2)),
]


@pytest.mark.parametrize("model, n_params, n_features, active", ROWS)
def test_counts(model, n_params, n_features, active, key):
    assert (model.n_params, model.n_features, model.active) == (n_params, n_features, active)
    leaves = jax.tree.leaves(model.init(key))
    assert sum(leaf.size for leaf in leaves) == n_params
    assert pickle.loads(pickle.dumps(model)) == model


@pytest.mark.parametrize("model", [row[0] for row in ROWS if row[0].n_wires == 3])
def test_model_equals_default_qubit(model, key, default_qubit):
    params = model.init(key)
    x = np.array([0.3, 1.2, -0.8]) if model.n_features else None
    np.testing.assert_allclose(model.apply(params, x), default_qubit(model, params, x), atol=1e-10)


def test_depth_is_one_repeat_so_that_it_compiles_once():
    for build in (hardware_efficient, strongly_entangling, data_reuploading, mcclean):
        assert [
            layer.times for layer in build(4, 9).layers.layers if isinstance(layer, Repeat)
        ] == [9]


def test_every_parameter_of_hardware_efficient_matters(key):
    model = hardware_efficient(3, 2)
    params = model.init(key)
    jacobian = jax.jacobian(model.apply)(params, np.array([0.3, 1.2, -0.8]))[1][0]
    assert (np.abs(jacobian).max(0) > 1e-6).all()


def test_mcclean_is_a_local_readout_of_random_axes(key, default_qubit):
    model = mcclean(4, 2)
    params = model.init(key)
    operators = model.operators(params)
    assert [op.name for op in operators[:4]] == ["RY"] * 4
    assert [float(op.data[0]) for op in operators[:4]] == [np.pi / 4] * 4
    assert [op.name for op in operators[4:11]] == ["Rot"] * 4 + ["CZ"] * 3
    assert len(operators) == 4 + 2 * 7
    values = jax.vmap(model.apply)(jax.vmap(model.init)(jax.random.split(key, 5)))
    assert values.shape == (5, 1) and len(np.unique(values)) == 5


def test_qcnn_alternates_until_stop_at():
    kinds = [type(layer) for layer in qcnn(5, "so4", head=False).layers.layers[1:]]
    assert kinds == [Convolution, Pooling] * 3
    assert isinstance(qcnn(4, stop_at=4, head=False), qdl.QNN)


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: qcnn(1), "qcnn needs n >= 2 wires, got 1"),
        (lambda: mcclean(1, 3), "mcclean needs n >= 2 wires, got 1"),
        (lambda: qcnn(4, stop_at=0), "stop_at between 1 and 4, got 0"),
        (lambda: qcnn(4, stop_at=5), "stop_at between 1 and 4, got 5"),
        (lambda: qcnn(4, block="u7"), "got block 'u7'"),
        (lambda: hardware_efficient(3, 0), "times >= 1, got 0"),
    ],
)
def test_errors(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_drawing_qasm_and_printing(key):
    """What leaves the package as text: the QASM gives the same state in Qiskit, wire order reversed."""
    import qiskit.qasm2
    from qiskit.quantum_info import Statevector

    model = qdl.QNN(3, [AngleEncoding(), Convolution("u6"), Pooling()], qdl.ExpZ([2]))
    params, x = model.init(key), np.array([0.3, 1.2, 2.1])
    assert "0: ─" in model.draw(params, x) and "ExpZ  wires 2 -> 1 values" in str(model)
    gates = qiskit.qasm2.LEGACY_CUSTOM_INSTRUCTIONS  # crx and friends
    circuit = qiskit.qasm2.loads(model.to_qasm(params, x), custom_instructions=gates)
    assert circuit.count_ops()["measure"] == 2  # the active wires
    circuit.remove_final_measurements()
    state = Statevector(circuit.reverse_bits()).data
    assert abs(np.vdot(state, model.state(params, x))) == pytest.approx(1, abs=1e-10)
    node = model.qnode(qp.device("default.qubit", wires=3))
    np.testing.assert_allclose(node(params, x), model.apply(params, x)[0], atol=1e-10)
