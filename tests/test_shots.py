"""Shots: sampled values and parameter-shift gradients against exact ones, by binomial bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from jax.flatten_util import ravel_pytree

import qdl
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    Pooling,
    Repeat,
    Rotation,
    Template,
)
from qdl.simulator import shift
from qdl.simulator import shots as sampling

SHOTS = qdl.backends.statevector(shots=200)
MATRIX = np.array([[1, 2 - 1j], [2 + 1j, 0.3]])
WIDE = np.kron(MATRIX, [[0, 1], [1, 0.5]])
OBSERVABLES = [
    qp.Z(0) @ qp.Z(1),
    qp.X(0) @ qp.Y(2) + 0.5 * qp.Z(1) - 0.3 * qp.Identity(0),
    qp.Projector([0, 1], wires=[2, 0]),
    qp.Hermitian(MATRIX, 1),
    0.3 * qp.Projector([1], wires=[1]) + qp.Z(0),
    qp.Hermitian(WIDE, [2, 0]) + qp.X(0),
    qp.Projector([1], wires=[0]) @ qp.Y(1),
]
READOUTS = [qdl.ExpZ(), qdl.Probs([2, 0]), qdl.Expval(OBSERVABLES)]


def tied(p, x, wires):
    """Each kind of gate, angles used twice, angles that depend on data."""
    a, b, c = wires
    yield qp.RY(x[..., 0], a)
    yield qp.RX(p[0], b)
    yield qp.RY(p[0], c)
    yield qp.CRX(p[1], [a, b])
    yield qp.IsingZZ(p[1], [b, c])
    yield qp.CRY(p[2] * x[..., 1], [c, a])
    yield qp.RX(2 * p[2], a)
    yield qp.ctrl(qp.RX(p[3], a), [b, c], control_values=[0, 1])
    yield qp.Rot(p[3], p[0], 0.4, b)


def features(batch, n=3):
    return jnp.asarray(np.random.default_rng(5).uniform(0.2, 3, (batch, n)))


def agree(found, exact):
    """Means over the first axis equal ``exact`` within five standard errors; no spread, no error."""
    found, exact = np.asarray(found), np.asarray(exact)
    error = 5 * found.std(0) / np.sqrt(len(found)) + 1e-10
    assert np.all(np.abs(found.mean(0) - exact) < error), np.max(
        np.abs(found.mean(0) - exact) / error
    )


def flat(tree):
    """Gradients with a leading axis as one matrix."""
    return jax.vmap(lambda t: ravel_pytree(t)[0])(tree)


@pytest.mark.parametrize("readout", READOUTS, ids=lambda r: type(r).__name__)
def test_values_are_right_on_average(readout, key):
    model = qdl.QNN(3, [Template(tied, shape=(4,))], readout)
    params, x, place = model.init(key), features(2), model.on(SHOTS)
    keys = jax.random.split(jax.random.key(1), 400)
    agree(jax.vmap(lambda k: place.apply(params, x, key=k))(keys), model.apply(params, x))


CASES = {
    "tied": ([Template(tied, shape=(4,))], OBSERVABLES, 7),
    "pooling": ([AngleEncoding(), Convolution("u9"), Pooling("zx")], [qp.Z(0), qp.X(0)], 5),
    "reuploading": (
        [Repeat([AngleEncoding("x", trainable=True), Rotation("zy"), Entangler()], 2)],
        [qp.Z(0)],
        9,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_map_over_keys_and_parameters(name, key, monkeypatch):
    """jit(vmap(vmap(grad))) of a loss that is not linear: value and shifts must be independent.

    The chunk of shifts that run together must not matter; 7 does not divide their number.
    """
    layers, observables, chunk = CASES[name]
    monkeypatch.setattr(shift, "chunk_of", lambda *_: chunk)
    model = qdl.QNN(3, layers, qdl.Expval(observables))
    draws = jax.vmap(model.init)(jax.random.split(key, 2))
    x, place = features(2), model.on(SHOTS)
    weights = jnp.arange(1.0, len(observables) + 1)

    def loss(p, model, key=None):
        out = model.apply(p, x, key=key)
        return jnp.sum(weights * (out**2 / 2 + out))

    # The square of a sampled mean is not the square of the mean, but its derivative by the rule,
    # value times shifts, is unbiased: the two are drawn apart.
    keys = jax.random.split(jax.random.key(2), 200)
    grads = jax.vmap(jax.grad(lambda p, k: loss(p, place, k)), (None, 0))
    found = jax.jit(jax.vmap(grads, (0, None)))(draws, keys)
    wanted = flat(jax.vmap(jax.grad(lambda p: loss(p, model)))(draws))
    for i in range(2):
        agree(flat(jax.tree.map(lambda leaf, i=i: leaf[i], found)), wanted[i])
        assert np.median(flat(jax.tree.map(lambda leaf, i=i: leaf[i], found)).std(0)) > 1e-3


def test_values_of_one_key(key):
    """Within five binomial errors, the same for the same key, other rows and keys other numbers."""
    model = qdl.QNN(3, [AngleEncoding(), Rotation("y"), Entangler("cz")], qdl.ExpZ())
    params, x = model.init(key), features(3).at[1].set(features(3)[0])
    exact = model.apply(params, x)
    for shots in (10, 100_000):
        place = model.on(qdl.backends.statevector(shots=shots))
        values = place.apply(params, x, key=key)
        bound = 5 * np.sqrt((1 - exact**2) / shots)
        assert np.all(np.abs(values - exact) < bound)
        np.testing.assert_array_equal(values, place.apply(params, x, key=key))
        ones = (values + 1) / 2 * shots  # each value is a count
        np.testing.assert_allclose(ones, np.round(ones), atol=1e-6)
    assert np.any(values != place.apply(params, x, key=jax.random.key(9)))
    assert np.any(values[0] != values[1])
    assert place.apply(params, x[0], key=key).shape == (3,)


def test_outcomes_of_one_basis_are_shared():
    """A Bell pair: both wires read the same bits, so their products are sure; X is another basis."""
    bell = Template(lambda p, x, w: [qp.Hadamard(w[0]), qp.CNOT(w[:2])])
    observables = [qp.Z(0), qp.Z(1), qp.Z(0) @ qp.Z(1), qp.X(0) @ qp.X(1), qp.X(0)]
    model = qdl.QNN(2, [bell], qdl.Expval(observables)).on(qdl.backends.statevector(shots=51))
    a, b, both, sure, other = model.apply([None], key=jax.random.key(0))
    assert a == b and both == 1 and np.isclose(sure, 1) and a != other


def test_variance_falls_with_shots(key):
    model = qdl.QNN(3, [Rotation("y"), Entangler()], qdl.ExpZ([2]))
    params, keys = model.init(key), jax.random.split(key, 2000)
    exact = model.apply(params)

    def variance(shots):
        place = model.on(qdl.backends.statevector(shots=shots))
        return jax.vmap(lambda k: place.apply(params, key=k))(keys).var(0)

    for shots in (10, 1000):
        np.testing.assert_allclose(variance(shots), (1 - exact**2) / shots, rtol=0.2)


def test_second_derivative(key):
    """Shifts of shifts, each with shots of its own."""
    model = qdl.QNN(1, [Rotation("y")], qdl.ExpZ()).on(SHOTS)
    value = lambda t, k: model.apply([t.reshape(1, 1)], key=k)[0]  # noqa: E731
    keys = jax.random.split(key, 500)
    found = jax.vmap(jax.grad(jax.grad(value)), (None, 0))(jnp.array(0.7), keys)
    agree(found, -np.cos(0.7))
    assert found.std() > 1e-3


def test_value_and_shifts_are_drawn_apart(key, monkeypatch):
    """The derivative of a square of one shot, value times shift: biased if they shared their numbers."""
    monkeypatch.setattr(shift, "chunk_of", lambda *_: 1)
    model = qdl.QNN(1, [Rotation("y")], qdl.ExpZ()).on(qdl.backends.statevector(shots=1))
    half = lambda t, k: model.apply([t.reshape(1, 1)], key=k)[0] ** 2 / 2  # noqa: E731
    found = jax.vmap(jax.grad(half), (None, 0))(jnp.array(0.7), jax.random.split(key, 4000))
    agree(found, -np.sin(0.7) * np.cos(0.7))


def test_only_what_is_differentiated_and_seen_is_shifted(key, monkeypatch):
    """Data are shifted in a hybrid model only; gates outside the light cone never."""
    counted = []
    original = shift.shifts
    monkeypatch.setattr(shift, "shifts", lambda *a: counted.append(original(*a)) or counted[-1])
    model = qdl.QNN(3, [AngleEncoding(), Rotation("y"), Rotation("x")], qdl.ExpZ([1])).on(SHOTS)
    params, x = model.init(key), features(2)
    value = lambda p, x: jnp.sum(model.apply(p, x, key=key))  # noqa: E731
    grad = jax.jit(jax.grad(value))(params, x)
    assert len(counted[-1]) == 2 * 2  # two rotations of wire 1, two shifts each
    assert np.all(np.asarray(grad[1])[[0, 2]] == 0) and np.all(np.asarray(grad[1])[1] != 0)
    jax.jit(jax.grad(value, argnums=1))(params, x)
    assert {s.piece for s in counted[-1]} == {1} and len(counted[-1]) == 2
    both = jax.grad(lambda p: value(p["p"], p["x"]))({"p": params, "x": x})
    assert len(counted[-1]) == 6 and np.all(np.asarray(both["x"])[:, 1] != 0)


def test_float32_amplitudes_and_nan(key):
    model = qdl.QNN(2, [AmplitudeEncoding(), Rotation("zy"), Entangler()], qdl.Probs())
    x = np.array([[1.0, 2.0, 0.5, 0.1], [0.3, 0.3, 2.0, 1.0]])
    params = model.init(key)
    exact = model.apply(params, x)
    with jax.enable_x64(False):
        low = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float32), params)
        place = model.on(qdl.backends.statevector(shots=4000))
        values, grad = jax.value_and_grad(lambda p: place.apply(p, x, key=key)[0, 1])(low)
        found = place.apply(low, x, key=key)
        assert found.dtype == jnp.float32 and jax.tree.leaves(grad)[0].dtype == jnp.float32
        there = jax.jit(lambda p: place.apply(p, x, key=key))  # where nobody can look
        nan = there(jax.tree.map(lambda leaf: leaf * jnp.nan, low))
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
    assert np.all(np.abs(found - exact) < 5 * np.sqrt(exact * (1 - exact) / 4000) + 1e-6)
    assert np.all(np.isnan(nan)) and np.isfinite(values)


def test_samples_are_bits_of_the_active_wires(key):
    model = qdl.QNN(3, [AngleEncoding(), Pooling("zx")])
    params, x = model.init(key), features(2)
    bits = model.sample(params, x, 20_000, key)
    assert bits.shape == (2, 20_000, 2) and model.active == (0, 2)
    np.testing.assert_array_equal(np.unique(bits), [0, 1])
    exact = model.apply(params, x)
    assert np.all(np.abs(1 - 2 * bits.mean(1) - exact) < 5 * np.sqrt((1 - exact**2) / 20_000))
    parity = qdl.QNN(3, model.layers, qdl.Expval(qp.Z(0) @ qp.Z(2))).apply(params, x)[:, 0]
    found = np.prod(1 - 2 * np.asarray(bits), -1).mean(-1)
    assert np.all(np.abs(found - parity) < 5 / np.sqrt(20_000))
    halves = bits[:, :10_000].mean(1) - bits[:, 10_000:].mean(1)
    assert np.all(np.abs(halves) < 0.05)  # in no order
    assert model.sample(params, x[0], 5, key).shape == (5, 2)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_impossible_outcomes_are_never_drawn(dtype, monkeypatch):
    """Zeros at both ends and in between, where sums of floats need not repeat; worst numbers too."""
    rng, size = np.random.default_rng(0), 2**14
    p = rng.exponential(size=size) * (rng.uniform(size=size) < 0.5)
    p[[0, -1]] = 0
    p = jnp.asarray(p / p.sum(), dtype)
    steps = jnp.cumsum(p) / p.sum()  # numbers that fall onto the edges, where rounding decides
    largest = 1 - jnp.finfo(dtype).eps / 2
    worst = jnp.minimum(jnp.concatenate([jnp.array([0, largest], dtype), steps]), largest)
    random = jax.random.uniform(jax.random.key(3), (100_000,), dtype)
    for numbers in (random, worst):
        monkeypatch.setattr(jax.random, "uniform", lambda *_, u=numbers: u[None])
        outcomes = np.asarray(sampling.draw(p[None], len(numbers), None))[0]
        assert outcomes.max() < size and np.all(np.asarray(p)[outcomes] > 0)
    possible = np.flatnonzero(p)
    assert outcomes[0] == possible[0] and outcomes[1] == possible[-1]


@pytest.mark.parametrize("per_outcome", [sampling.BINOMIAL - 10, sampling.BINOMIAL])
def test_counts_are_multinomial_by_either_way(per_outcome, monkeypatch):
    """Mean and covariance over many rows; impossible outcomes never; a row of NaN stays one."""
    p, rows = jnp.array([0.5, 0.0, 0.2, 0.25, 0.05, 0.0]), 4000
    shots = per_outcome * len(p)
    calls, multinomial = [], jax.random.multinomial
    monkeypatch.setattr(
        jax.random, "multinomial", lambda *a, **k: calls.append(a) or multinomial(*a, **k)
    )
    table = jnp.tile(p, (rows + 1, 1)).at[-1, 2].set(jnp.nan)
    found = sampling.frequencies(table, shots, jax.random.key(1))
    assert len(calls) == (per_outcome == sampling.BINOMIAL)
    assert np.all(np.isnan(found[-1]))
    found = np.asarray(found[:-1])
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)
    assert not found[:, [1, 5]].any()
    wanted = (np.diag(p) - np.outer(p, p)) / shots
    error = np.sqrt(np.diag(wanted) / rows)
    assert np.all(np.abs(found.mean(0) - p) <= 5 * error)
    np.testing.assert_allclose(np.cov(found.T), wanted, atol=6 * wanted.max() / np.sqrt(rows))


def test_samples_cost_little_memory():
    model = qdl.QNN(16, [Rotation("y"), Entangler()])
    params = jax.eval_shape(model.init, jax.random.key(0))
    draw = jax.jit(lambda p, k: model.sample(p, None, 10_000, k))
    compiled = draw.lower(params, jax.random.key(0)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2**24  # 10^4 x 2^16 numbers: 5 GB


@pytest.mark.parametrize("shots", [0, -1, True, 1.5, "9"])
def test_shots_are_whole_numbers(shots, key):
    model = qdl.QNN(1, [Rotation()])
    with pytest.raises(ValueError, match=rf"whole number >= 1, or None .* got {shots!r}"):
        qdl.backends.statevector(shots=shots)
    with pytest.raises(ValueError, match=rf"whole number >= 1, or None .* got {shots!r}"):
        model.sample(model.init(key), None, shots, key)


def test_refusals(key):
    model = qdl.QNN(2, [Rotation("y")])
    params = model.init(key)
    with pytest.raises(ValueError, match=r"1000 shots need a key: apply\(.*key=jax.random.key"):
        model.on(qdl.backends.statevector(shots=1000)).apply(params)
    with pytest.raises(ValueError, match="10 shots need a key"):
        model.sample(params, None, 10, None)

    swap = Template(lambda p, x, w: [qp.RY(0.3, w[0]), qp.PSWAP(p[0], w)], shape=(1,))
    place = qdl.QNN(2, [swap]).on(SHOTS)
    value = lambda p: place.apply(p, key=key).sum()  # noqa: E731
    assert np.isfinite(value([jnp.ones(1)]))
    with pytest.raises(ValueError, match="no gradient through PSWAP: .* Yield its decomposition"):
        jax.grad(value)([jnp.ones(1)])
    place = qdl.QNN(2, [AmplitudeEncoding()]).on(SHOTS)
    with pytest.raises(ValueError, match="no gradient through a matrix or a prepared state"):
        jax.grad(lambda x: place.apply([None], x, key=key).sum())(jnp.arange(1.0, 5.0))
