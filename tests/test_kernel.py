import jax
import numpy as np
import pennylane as qp
import pytest
from sklearn.svm import SVC

import qdl
from qdl.layers import AngleEncoding, Entangler, IQPEncoding, Rotation

IQP = qdl.QNN(3, [IQPEncoding()])
X = np.random.default_rng(0).uniform(0, np.pi, size=(7, 3))


def test_against_states_of_default_qubit():
    @qp.qnode(qp.device("default.qubit", wires=3))
    def state(x):
        for i in range(3):
            qp.Hadamard(i)
        for i in range(3):
            qp.RZ(x[i], i)
        for i, j in ((0, 1), (0, 2), (1, 2)):
            qp.IsingZZ(x[i] * x[j], [i, j])
        return qp.state()

    states = np.array([state(x) for x in X])
    expected = np.abs(states.conj() @ states.T) ** 2
    assert np.allclose(qdl.kernel(IQP)(X), expected, atol=1e-12)
    assert np.allclose(qdl.kernel(IQP)(X[:2], X[3:]), expected[:2, 3:], atol=1e-12)


def test_closed_form_of_angle_encoding():
    K = qdl.kernel(qdl.QNN(3, [AngleEncoding("x")]))(X)
    expected = np.prod(np.cos((X[:, None] - X[None]) / 2) ** 2, axis=-1)
    assert np.allclose(K, expected, atol=1e-12)


def test_symmetric_positive_semidefinite_with_ones_on_the_diagonal():
    K = qdl.kernel(IQP)(X)
    assert isinstance(K, np.ndarray) and np.array_equal(K, K.T) and K.min() >= 0 and K.max() <= 1
    assert np.allclose(np.diag(K), 1, atol=1e-12)
    assert np.linalg.eigvalsh(K).min() > -1e-12


@pytest.mark.parametrize("states", [1, 2, 3, 100])
def test_blocks_change_nothing(states):
    blocks = qdl.kernel(IQP, max_bytes=2 * states * 8 * 16)
    whole = qdl.kernel(IQP)
    assert np.allclose(blocks(X), whole(X), atol=1e-14)
    assert np.allclose(blocks(X[:2], X), whole(X[:2], X), atol=1e-14)
    assert np.array_equal(blocks(X), blocks(X).T)


def test_more_rows_than_one_call_takes():
    many = np.random.default_rng(1).uniform(0, np.pi, size=(150, 3))
    K = qdl.kernel(qdl.QNN(3, [AngleEncoding()]))(many)
    expected = np.prod(np.cos((many[:, None] - many[None]) / 2) ** 2, axis=-1)
    assert np.allclose(K, expected, atol=1e-12)


def test_parameters_matter_before_an_encoding_and_not_after(key):
    after = qdl.QNN(3, [IQPEncoding(), Rotation("zyz"), Entangler("cz")])
    assert np.allclose(qdl.kernel(after, after.init(key))(X), qdl.kernel(IQP)(X), atol=1e-12)
    between = qdl.QNN(3, [AngleEncoding(), Rotation("zyz"), AngleEncoding()])
    one, two = (qdl.kernel(between, between.init(k))(X) for k in jax.random.split(key))
    assert np.abs(one - two).max() > 0.01


def test_support_vectors_on_real_digits():
    data = qdl.datasets.digits(classes=(3, 8), features=3, scale=(0, 1))
    K = qdl.kernel(IQP)
    machine = SVC(kernel="precomputed").fit(K(data.X_train), data.y_train)
    score = machine.score(K(data.X_test, data.X_train), data.y_test)
    assert score >= 0.85
    assert SVC(kernel=K).fit(data.X_train, data.y_train).score(data.X_test, data.y_test) == score


def test_bad_input(key):
    trained = qdl.QNN(3, [AngleEncoding(), Rotation("y")])
    with pytest.raises(ValueError, match=r"has 3 parameters.* kernel\(model, model.init\(key\)\)"):
        qdl.kernel(trained)
    with pytest.raises(ValueError, match=r"X1 must have shape .* got \(3,\)"):
        qdl.kernel(IQP)(X[0])
    with pytest.raises(ValueError, match=r"X2 must have shape .* got \(0, 3\)"):
        qdl.kernel(IQP)(X, X[:0])
    with pytest.raises(ValueError, match="one feature per wire"):
        qdl.kernel(qdl.QNN(3, [AngleEncoding()]))(X[:, :2])
