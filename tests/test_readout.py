import pickle
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
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


@dataclass(frozen=True)
class Own(qdl.Readout):
    """A readout of a user's, with any measurements."""

    what: str

    def measurements(self, wires):
        return {
            "variances": lambda: [qp.var(qp.Z(wire)) for wire in wires],
            "two probabilities": lambda: [qp.probs(wires=[0]), qp.probs(wires=[1, 2])],
            "mixed": lambda: [qp.expval(qp.Z(0)), qp.probs(wires=[1])],
            "rotated probabilities": lambda: [qp.probs(op=qp.X(0))],
            "samples": lambda: [qp.sample(wires=[0])],
            "none": lambda: [],
            "not Hermitian": lambda: [qp.expval(qp.X(0) @ qp.Z(0))],
            "beyond": lambda: [qp.expval(qp.Z(7))],
        }[self.what]()


@pytest.mark.parametrize(
    "what, error, text",
    [
        ("variances", TypeError, r"Own measures var\(Z\(0\)\); expected qp.expval of Hermitian"),
        ("two probabilities", ValueError, "Own measures .*probabilities of one list of wires"),
        ("mixed", ValueError, "expected expectation values alone, or the probabilities"),
        ("rotated probabilities", ValueError, "the probabilities of one list of wires"),
        ("samples", TypeError, "Own measures sample"),
        ("none", ValueError, r"Own measures \[\]"),
        ("not Hermitian", ValueError, r"Own needs Hermitian observables, got X\(0\) @ Z\(0\)"),
        ("beyond", ValueError, r"Own reads wires \[7\], .* active .* \[0, 1, 2\]"),
    ],
)
def test_what_is_no_list_of_observables_and_no_probabilities_is_refused(what, error, text):
    with pytest.raises(error, match=text):
        qdl.QNN(3, LAYERS, readout=Own(what))
    with pytest.raises(AssertionError, match=text):
        qdl.testing.check_readout(Own(what))


@pytest.mark.parametrize(
    "observable",
    [
        qp.X(0) @ qp.Z(0),
        1j * qp.Z(0),
        qp.S(0),
        qp.Hermitian(np.array([[0, 1], [0, 0]]), 0),
        (1 + 1j) * qp.Projector([1], 0),
        qp.Z(0) + 1j * qp.X(1),
        qp.RX(0.3, 1),
        qp.Hermitian(HERMITIAN, 0) @ qp.X(0),
    ],
    ids=str,
)
def test_observables_that_are_not_hermitian_are_refused(observable):
    with pytest.raises(ValueError, match="Expval needs Hermitian observables, got"):
        qdl.Expval([qp.Z(1), observable])


@pytest.mark.parametrize(
    "observable",
    [qp.X(0) @ qp.Z(0) + qp.Z(0) @ qp.X(0), (2 + 0j) * qp.Z(0), qp.Hadamard(0) @ qp.Z(1)],
    ids=str,
)
def test_hermitian_observables_of_any_form_are_taken(observable, key, default_qubit):
    model = qdl.QNN(3, LAYERS, readout=qdl.Expval(observable))
    params = model.init(key)
    expected = default_qubit(model, params, X[0])
    np.testing.assert_allclose(model.apply(params, X[0]), expected, atol=1e-10)


@pytest.mark.parametrize(
    "place",
    [
        qdl.backends.statevector(),
        qdl.backends.density_matrix(),
        qdl.backends.aer(),
        qp.device("default.qubit"),
        qdl.backends.statevector(shots=4000),
        qdl.backends.fake("manila", shots=4000),
        qdl.backends.mitigated(qdl.backends.aer(shots=4000)),
    ],
    ids=lambda place: type(place).__name__,
)
def test_coefficients_may_be_numbers_of_jax_on_every_place(place, key):
    weight = jnp.asarray(0.5)
    observable = weight * qp.Z(0) @ qp.Z(1) - jnp.float32(1.5) * qp.X(2)
    model = qdl.QNN(3, LAYERS, readout=qdl.Expval(observable))
    plain = qdl.QNN(3, LAYERS, readout=qdl.Expval(0.5 * qp.Z(0) @ qp.Z(1) - 1.5 * qp.X(2)))
    params = model.init(key)
    exact = plain.on(qp.device("default.qubit")).apply(params, X)
    noisy = "fake" in str(place).lower()
    found = model.on(place).apply(params, X, jax.random.key(3))
    wide = model.on(place).place.shots is not None
    np.testing.assert_allclose(found, exact, atol=0.6 if noisy else 0.2 if wide else 1e-6)


def test_a_traced_coefficient_is_refused():
    with pytest.raises(TypeError, match="coefficient that is traced.*Measure each term"):
        jax.jit(lambda c: qdl.Expval(c * qp.Z(0)) and c)(0.5)


@pytest.mark.parametrize("device", ["default.qubit", "default.mixed"])
def test_equal_sums_in_another_order_have_the_same_value(device):
    """PennyLane 0.45 keeps eigenvectors of sums by a hash that forgets the order of their wires."""
    hermitian = qp.Hermitian(np.array([[1, 0.3], [0.3, -0.2]]), 0)
    sums = [
        (0.5 * (qp.Z(0) @ qp.Z(1)) - 1.5 * qp.Z(1), -1.5 * qp.Z(1) + 0.5 * (qp.Z(0) @ qp.Z(1))),
        (0.5 * (qp.X(0) @ qp.Z(1)) - 1.5 * qp.Z(1), -1.5 * qp.Z(1) + 0.5 * (qp.X(0) @ qp.Z(1))),
        (0.5 * (hermitian @ qp.Z(1)) + qp.Z(1), qp.Z(1) + 0.5 * (qp.Z(1) @ hermitian)),
    ]
    model = qdl.QNN(2, Rotation("y"))
    params = [np.array([[0.4], [1.1]])]
    for pair in sums:
        values = []
        for observable in pair:
            asked = replace(model, readout=qdl.Expval([observable]))
            there = asked.on(qp.device(device, wires=2)).apply(params)[0]
            node = asked.qnode(qp.device(device, wires=2))(params)
            values += [asked.apply(params)[0], there, node]
        np.testing.assert_allclose(values, values[0], atol=1e-7)
