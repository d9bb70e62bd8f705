import functools
from dataclasses import dataclass

import jax
import numpy as np
import optax
import pennylane as qp
import pytest
from qiskit_aer.noise import NoiseModel, pauli_error
from sklearn.svm import SVC

import qdl
from qdl.layers import AmplitudeEncoding, AngleEncoding, Entangler, IQPEncoding, Noise, Rotation

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
    assert isinstance(K, jax.Array) and np.array_equal(K, K.T) and K.min() >= 0 and K.max() <= 1
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
    with pytest.raises(ValueError, match="encodes no data, so all its states are the same"):
        qdl.kernel(qdl.QNN(3, [Entangler("cz")]))
    for options in ({"kind": "rbf"}, {"gamma": 1.0}, {"kind": "projected", "gamma": 0.0}):
        with pytest.raises(
            ValueError, match="'fidelity', or 'projected' with gamma > 0; got kind="
        ):
            qdl.kernel(IQP, **options)
    with pytest.raises(ValueError, match="one feature per wire"):
        qdl.kernel(qdl.QNN(3, [AngleEncoding()]))(X[:, :2])


# ---- differentiable


def test_kernels_are_traced_and_differentiated(key):
    model = qdl.QNN(3, [AngleEncoding(trainable=True), IQPEncoding()])
    params = model.init(key)
    for kind in ("fidelity", "projected"):
        K = lambda p, x, kind=kind: qdl.kernel(model, p, kind=kind)(x[:2], x[2:5])  # noqa: E731
        np.testing.assert_allclose(jax.jit(K)(params, X), K(params, X), atol=1e-12)
        for argument in (0, 1):
            slope = jax.grad(lambda *a, K=K: (K(*a) ** 2).sum(), argument)(params, X)
            flat, back = jax.flatten_util.ravel_pytree((params, X)[argument])
            way = jax.random.normal(key, flat.shape)
            ends = []
            for step in (1e-5, -1e-5):
                moved = [params, X]
                moved[argument] = back(flat + step * way)
                ends.append((K(*moved) ** 2).sum())
            wanted = (ends[0] - ends[1]) / 2e-5
            got = jax.flatten_util.ravel_pytree(slope)[0] @ way
            np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_the_slope_of_overlaps_that_vanish_is_a_number():
    """Orthogonal states: |z| has no derivative there, but its square has."""
    K = qdl.kernel(qdl.QNN(1, [AngleEncoding("y")]))
    x = np.array([[0.0], [np.pi]])
    np.testing.assert_allclose(jax.grad(lambda x: K(x)[0, 1])(x), 0.0, atol=1e-12)


# ---- projected


def test_projected_kernel_of_reduced_density_matrices():
    model = qdl.QNN(3, [IQPEncoding(2)])
    states = np.asarray(model.state([None], X)).reshape(-1, 2, 2, 2)
    parts = [np.moveaxis(states, 1 + q, 1).reshape(len(X), 2, 4) for q in range(3)]
    rho = np.stack([p @ p.conj().transpose(0, 2, 1) for p in parts], 1)
    apart = (np.abs(rho[:, None] - rho[None]) ** 2).sum((-3, -2, -1))
    for gamma, options in ((1.0, {}), (0.3, {"gamma": 0.3})):
        K = qdl.kernel(model, kind="projected", **options)
        np.testing.assert_allclose(K(X), np.exp(-gamma * apart), atol=1e-12)
        np.testing.assert_allclose(K(X[:2], X), np.exp(-gamma * apart)[:2], atol=1e-12)


# ---- on places with errors or shots


@functools.cache
def flipping():
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(pauli_error([("X", 0.1), ("I", 0.9)]), ["ry"])
    return noise


def by_density_matrices(encoded, first, second):
    """The probability of all zeros, of a mixed state that ``encoded(ry, x, sign)`` walks through."""
    device = qp.device("default.mixed", wires=2)

    def ry(angle, wire):
        qp.RY(angle, wire)
        qp.BitFlip(0.1, wire)

    @qp.qnode(device)
    def zeros(x, y):
        encoded(ry, x, 1)
        encoded(ry, y, -1)
        return qp.probs(range(2))

    return np.array([[zeros(x, y)[0] for y in second] for x in first])


def test_fidelity_with_errors_is_what_the_place_measures(key):
    model = qdl.QNN(2, [AngleEncoding(), Entangler("cz", "chain")])

    def encoded(ry, x, sign):
        if sign < 0:
            qp.CZ([0, 1])
        for wire in range(2):
            ry(sign * x[wire], wire)
        if sign > 0:
            qp.CZ([0, 1])

    wanted = by_density_matrices(encoded, X[:3, :2], X[3:5, :2])
    exact = qdl.kernel(model.on(qdl.backends.aer(noise=flipping())))
    np.testing.assert_allclose(exact(X[:3, :2], X[3:5, :2]), wanted, atol=1e-7)
    assert np.abs(wanted - qdl.kernel(model)(X[:3, :2], X[3:5, :2])).max() > 0.05
    own = exact(X[:3, :2])
    assert np.array_equal(own, own.T) and np.diag(own).max() < 0.9
    drawn = qdl.kernel(model.on(qdl.backends.aer(noise=flipping(), shots=4000)))
    np.testing.assert_allclose(drawn(X[:3, :2], X[3:5, :2], key=key), wanted, atol=0.04)


@pytest.mark.parametrize(
    "place", [qdl.backends.statevector(shots=4000), qdl.backends.aer(shots=4000)]
)
def test_fidelity_with_shots_is_a_frequency(place, key):
    model = qdl.QNN(2, [AmplitudeEncoding(), Rotation("y")])
    params, x = model.init(key), np.random.default_rng(2).normal(size=(3, 4))
    there = qdl.kernel(model.on(place), params)
    np.testing.assert_allclose(there(x, key=key), qdl.kernel(model, params)(x), atol=0.04)
    with pytest.raises(ValueError, match="need a key"):
        there(x)


def test_a_circuit_with_noise_layers_cannot_be_undone(key):
    model = qdl.QNN(2, [AngleEncoding(), Noise("bit_flip", 0.1)])
    for place in (qdl.backends.density_matrix(), qdl.backends.trajectories(5)):
        with pytest.raises(ValueError, match="BitFlip"):
            qdl.kernel(model.on(place), [None, None])(X[:, :2], key=key)


# ---- alignment


def test_alignment_is_pennylanes_and_that_of_centred_matrices():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(9, 4))
    K, y = A @ A.T, np.array([1, -1, -1, 1, -1, -1, -1, 1, -1])
    rows = np.arange(9)
    wanted = qp.kernels.target_alignment(
        rows, y, lambda i, j: K[i, j], assume_normalized_kernel=False, rescale_class_labels=False
    )
    assert float(qdl.kernel_alignment(K, y, centred=False)) == pytest.approx(wanted, abs=1e-15)
    H = np.eye(9) - 1 / 9
    Kc, Tc = H @ K @ H, H @ np.outer(y, y) @ H
    wanted = (Kc * Tc).sum() / np.linalg.norm(Kc) / np.linalg.norm(Tc)
    assert float(qdl.kernel_alignment(K, y)) == pytest.approx(wanted, abs=1e-14)
    assert float(qdl.kernel_alignment(K + 5.0, y)) == pytest.approx(wanted, abs=1e-13)
    for labels in ((y + 1) // 2, y.astype(float), np.array(["a", "b"])[(y + 1) // 2]):
        assert float(qdl.kernel_alignment(K, labels)) == pytest.approx(wanted, abs=1e-14)
    assert float(jax.jit(qdl.kernel_alignment)(K, y)) == pytest.approx(wanted, abs=1e-14)


def test_alignment_of_classes():
    y = np.array([0, 0, 1, 1, 2, 2])
    ideal = (y[:, None] == y[None]).astype(float)
    assert float(qdl.kernel_alignment(ideal, y)) == pytest.approx(1.0)
    assert float(qdl.kernel_alignment(-ideal, y)) == pytest.approx(-1.0)
    value, slope = jax.value_and_grad(qdl.kernel_alignment)(np.ones((6, 6)), y)
    assert value == 0 and np.isfinite(slope).all()
    assert float(qdl.kernel_alignment(ideal, 0 * y)) == 0
    with pytest.raises(
        ValueError, match=r"K \(m, m\) and one label a row, got \(6, 6\) and \(5,\)"
    ):
        qdl.kernel_alignment(ideal, y[:5])
    with pytest.raises(ValueError, match=r"one label a row, got \(6, 5\)"):
        qdl.kernel_alignment(ideal[:, :5], y)
    with pytest.raises(ValueError, match="compares labels, got 0.5 among y"):
        qdl.kernel_alignment(ideal, y / 2)


@dataclass(frozen=True)
class Kernel:
    """A kernel as a model, whose outputs are the matrix of a batch."""

    model: qdl.QNN

    def init(self, key):
        return self.model.init(key)

    def apply(self, params, x):
        return qdl.kernel(self.model, params)(x)


def test_a_kernel_is_trained_by_its_alignment(key):
    data = qdl.datasets.digits(classes=(3, 8), features=3, scale=(0, np.pi))
    model = qdl.QNN(
        3, [AngleEncoding(trainable=True), Entangler("cz", "ring"), AngleEncoding(trainable=True)]
    )
    found = qdl.fit(
        Kernel(model), data.X_train, data.y_train, loss=lambda K, y: -qdl.kernel_alignment(K, y),
        steps=60, batch_size=32, optimizer=optax.adam(0.05), key=key,
    )  # fmt: skip
    X, y = data.X_test, data.y_test
    before, after = (
        float(qdl.kernel_alignment(qdl.kernel(model, p)(X), y))
        for p in (model.init(key), found.params)
    )
    assert after > before + 0.05


# ---- concentration


def concentration(build, widths=(2, 3, 4, 5, 6), **options):
    return qdl.diagnostics.kernel_concentration(build, widths, key=jax.random.key(1), **options)


def test_concentration_is_that_of_the_closed_forms():
    """Angle encoding: K is a product of independent cos^2, with means of 1/2 and squares of 3/8."""
    found = concentration(lambda n: qdl.QNN(n, [AngleEncoding()]), samples=120)
    for row in found.rows:
        n = row.n_wires
        exact = (3 / 8) ** n - 4.0**-n
        assert abs(row.variance - exact) < 4 * row.standard_error
        assert row.std == pytest.approx(row.variance**0.5) and row.shots == pytest.approx(
            1 / row.variance
        )
        assert row.mean == pytest.approx(2.0**-n, rel=0.25)
    n = np.array(found.sizes)
    slope = np.polyfit(n, np.log2((3 / 8) ** n - 4.0**-n), 1)[0]
    assert (
        found.verdict == "exponential"
        and found.verdict.low - 0.05 < slope < found.verdict.high + 0.05
    )
    assert "exponential" in found.table() and "fidelity kernel between 120" in repr(found)
    axes = found.plot()
    assert axes.get_ylabel() == "variance of the kernel" and axes.get_yscale() == "log"
    assert found[4].n_wires == 4
    with pytest.raises(KeyError, match=r"no row for 9 wires: there are \[2, 3, 4, 5, 6\]"):
        found[9]


def test_the_interval_holds_as_often_as_it_says():
    """Pairs share samples: an interval that took them for independent would hold a third of the time."""
    model, exact = qdl.QNN(3, [AngleEncoding()]), (3 / 8) ** 3 - 4.0**-3
    hits = 0
    for seed in range(60):
        X = np.random.default_rng(seed).uniform(0, 2 * np.pi, (60, 3))
        found = qdl.diagnostics.kernel_concentration(
            lambda n: model, [3], key=jax.random.key(0), draw=lambda key, shape, X=X: X
        )
        hits += found[3].low <= exact <= found[3].high
    assert hits >= 50


def test_a_scaled_projected_kernel_does_not_concentrate_exponentially():
    def build(n):
        return qdl.QNN(n, [AngleEncoding()])

    widths = (2, 4, 6, 8, 10)
    fixed = concentration(build, widths, kind="projected")
    scaled = concentration(build, widths, kind="projected", gamma=lambda n: 1 / n)
    assert fixed.verdict == "exponential"
    assert scaled[10].variance > 100 * fixed[10].variance and scaled.verdict != "exponential"


def test_concentration_is_refused_where_shots_scatter():
    def build(n):
        return qdl.QNN(n, [AngleEncoding()]).on(qdl.backends.statevector(shots=100))

    with pytest.raises(qdl.Refused, match="scatter by shots too. Ask about the exact ones"):
        concentration(build)
    with pytest.raises(ValueError, match="samples to be a whole number >= 8, got 7"):
        concentration(build, samples=7)
    with pytest.raises(ValueError, match="needs widths, got none"):
        concentration(build, ())
    with pytest.raises(ValueError, match="encodes no data"):
        concentration(lambda n: qdl.QNN(n, [Rotation()]))
