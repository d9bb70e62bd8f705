import pickle

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.layers import AngleEncoding, Entangler, Pooling, Rotation

LAYERS = [AngleEncoding("x"), Rotation("zy"), Entangler("crx", "ring"), Rotation("yx")]
X = np.array([[0.3, 1.2, -0.8], [2.0, 0.1, 0.7]])
HERMITIAN = np.array([[1.0, 2j], [-2j, -0.5]])
READOUTS = {
    "z": (qdl.ExpZ(), 3),
    "z-chosen": (qdl.ExpZ([2, 0]), 2),
    "z-one": (qdl.ExpZ(1), 1),
    "words": (qdl.Expval([qp.Z(0) @ qp.X(2), qp.Y(1), qp.X(0) @ qp.Y(1) @ qp.Z(2)]), 3),
    "sum": (qdl.Expval(0.5 * qp.Z(0) @ qp.Z(1) - 1.5 * qp.X(2) + 0.3 * qp.I(0)), 1),
    "projector": (
        qdl.Expval([qp.Projector([0, 0, 0], [0, 1, 2]), qp.Projector([1, 0], [2, 1])]),
        2,
    ),
    "hermitian": (qdl.Expval(qp.Hermitian(HERMITIAN, 1)), 1),
    "probs": (qdl.Probs(), 8),
    "probs-permuted": (qdl.Probs([2, 0]), 4),
    "probs-one": (qdl.Probs(1), 2),
}
CASES = [pytest.param(*row, id=name) for name, row in READOUTS.items()]


@pytest.mark.parametrize("readout, k", CASES)
def test_values_equal_default_qubit(readout, k, key, default_qubit):
    model = qdl.QNN(3, LAYERS, readout=readout)
    params = model.init(key)
    values = model.apply(params, X)
    expected = np.stack([default_qubit(model, params, x) for x in X])
    assert values.shape == (2, k) and k == readout.size(model.active)
    np.testing.assert_allclose(values, expected, atol=1e-10)
    single = jax.eval_shape(model.apply, params, X[0])
    assert single.shape == (k,), "the last axis is there for k = 1 too"


@pytest.mark.parametrize("readout, k", CASES)
def test_equal_by_value_and_picklable(readout, k):
    copy = pickle.loads(pickle.dumps(readout))
    assert copy == readout and hash(copy) == hash(readout)
    assert sum(readout == other for other, _ in READOUTS.values()) == 1


def test_readout_follows_the_active_wires(key, default_qubit):
    model = qdl.QNN(3, [*LAYERS, Pooling()], readout=qdl.Probs())
    params = model.init(key)
    assert model.apply(params, X[0]).shape == (4,)
    np.testing.assert_allclose(
        model.apply(params, X[0]), default_qubit(model, params, X[0]), atol=1e-10
    )


@pytest.mark.parametrize(
    "build, error, text",
    [
        (lambda: qdl.ExpZ([0, 0]), ValueError, r"ExpZ needs distinct integer wires, got \(0, 0\)"),
        (lambda: qdl.Probs([]), ValueError, "Probs needs distinct integer wires"),
        (lambda: qdl.ExpZ([0.7]), ValueError, r"ExpZ needs distinct integer wires, got \(0.7,\)"),
        (lambda: qdl.ExpZ(True), ValueError, r"ExpZ needs distinct integer wires, got \(True,\)"),
        (
            lambda: qdl.Probs("01"),
            ValueError,
            r"Probs needs distinct integer wires, got \('0', '1'\)",
        ),
        (
            lambda: qdl.QNN(3, LAYERS, readout=qdl.ExpZ(3)),
            ValueError,
            r"ExpZ reads wires \[3\].*\[0, 1, 2\]",
        ),
        (
            lambda: qdl.QNN(3, [Pooling()], readout=qdl.Expval(qp.Z(1))),
            ValueError,
            r"Expval reads wires \[1\], but the wires active at the end of .* are \[0, 2\]",
        ),
        (lambda: qdl.Expval([]), TypeError, "Expval needs PennyLane observables"),
        (lambda: qdl.Expval("Z"), TypeError, "Expval needs PennyLane observables, got 'Z'"),
        (
            lambda: qdl.QNN(2, [], readout="z"),
            TypeError,
            "readout must be ExpZ, Expval, Probs or a qdl.Readout of your own, got 'z'",
        ),
    ],
)
def test_errors(build, error, text):
    with pytest.raises(error, match=text):
        build()
