import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest
import scipy.stats

import qdl
from qdl.layers import AngleEncoding, Entangler, Rotation, Template
from qdl.training import CrossEntropy, MeanSquaredError


def qnn(readout=None):
    return qdl.QNN(3, [AngleEncoding(), Rotation("zyz")], readout=readout)


def test_mean_squared_error_squeezes_one_output_and_nothing_else():
    loss = MeanSquaredError()
    assert float(loss(jnp.array([[1.0], [3.0]]), jnp.array([1.0, 1.0]))) == 2
    assert float(loss(jnp.ones((2, 3)), jnp.zeros((2, 3)))) == 1
    with pytest.raises(ValueError, match=r"outputs of shape \(4, 2\) with y of shape \(4,\)"):
        loss(jnp.ones((4, 2)), jnp.ones(4))
    with pytest.raises(ValueError, match=r"outputs of shape \(4,\) with y of shape \(4, 1\)"):
        loss(jnp.ones(4), jnp.ones((4, 1)))


def test_cross_entropy_by_hand():
    y = jnp.array([0, 1])
    z = np.array([[0.6], [-0.2]])  # p(1) = 0.8, 0.4
    value = CrossEntropy(outputs="expectations")(jnp.asarray(z), y)
    assert float(value) == pytest.approx(-(np.log(0.2) + np.log(0.4)) / 2)
    z = np.array([[0.1, 0.5, -0.3], [0.2, 0.0, 0.9]])
    for scale in (5.0, 2.0):
        e = np.exp(scale * z)
        p = e / e.sum(1, keepdims=True)
        value = CrossEntropy(scale, "expectations")(jnp.asarray(z), y)
        assert float(value) == pytest.approx(-(np.log(p[0, 0]) + np.log(p[1, 1])) / 2)
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    probabilities = CrossEntropy(outputs="probabilities")
    expected = -(np.log(0.5) + np.log(0.8)) / 2
    assert float(probabilities(jnp.asarray(p), y)) == pytest.approx(expected)
    assert float(probabilities.accuracy(jnp.asarray(p), jnp.array([0, 2]))) == 0.5


@pytest.mark.parametrize("outputs", ["expectations", "probabilities"])
def test_certain_and_wrong_is_finite_and_can_still_learn(outputs):
    loss = CrossEntropy(outputs=outputs)
    wrong = jnp.array([[1.0]])
    value, slope = jax.value_and_grad(lambda o: loss(o, jnp.array([0])))(wrong)
    assert np.isfinite(value) and value > 30 and slope[0, 0] > 0 and np.isfinite(slope).all()


def test_cross_entropy_reads_what_the_outputs_are_from_the_model():
    kinds = {
        "expectations": [qnn(), qdl.Hybrid([qdl.Dense(2, 3), qnn()])],
        "probabilities": [qnn(qdl.Probs([0]))],
        "logits": [qdl.Dense(2, 1), qdl.Hybrid([qnn(), qdl.Dense(3, 2)])],
    }
    for kind, models in kinds.items():
        assert {CrossEntropy().of(model).outputs for model in models} == {kind}
    assert CrossEntropy(outputs="logits").of(qnn()).outputs == "logits"
    with pytest.raises(ValueError, match="does not know what the outputs are"):
        CrossEntropy()(jnp.ones((1, 1)), jnp.zeros(1, int))
    with pytest.raises(ValueError, match=r"one of \['expectations', .*\], got 'logit'"):
        CrossEntropy(outputs="logit")
    with pytest.raises(ValueError, match="scale > 0, got 0"):
        CrossEntropy(scale=0)


# ---- frequencies


def turned(params, x, wires):
    yield qp.RY(params[0] + x[..., 0], wires[0])


PLACES = {
    "native": qdl.backends.statevector(shots=100),
    "aer": qdl.backends.aer(shots=100),
    "fake": qdl.backends.fake("manila", shots=100),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("readout", [qdl.ExpZ([0]), qdl.Probs([0])])
def test_an_outcome_that_was_not_seen_has_a_bounded_slope(place, readout):
    """RY(0.3), label of the outcome with p = 0.022: of 100 shots one in ten sees none of it."""
    model = qdl.QNN(1, Template(turned, shape=(1,)), readout)
    y = jnp.array([0 if model.size == 1 else 1])

    def slope(model, loss, key=None):
        find = jax.grad(lambda p: loss(model.apply([p], jnp.zeros((1, 1)), key), y))
        return float(find(jnp.array([0.3]))[0])

    told = CrossEntropy().of(model.on(PLACES[place]))
    alone = CrossEntropy(outputs=told.outputs)
    assert told.shots == 100 and CrossEntropy().of(model) == alone
    assert slope(model, alone) == pytest.approx(-np.sin(0.3) / (1 - np.cos(0.3)))
    for key in jax.random.split(jax.random.key(0), 5):
        for loss in (told, alone):
            assert -60 < slope(model.on(PLACES[place]), loss, key) < -0.5


def test_the_slope_of_frequencies_is_right_on_average():
    """E[(N + 1) / (k + 1)] = (1 - (1 - p)^(N + 1)) / p of a binomial k, and its limit."""
    n = 40
    k, p = np.arange(n + 1), np.linspace(0.01, 0.99, 9)[:, None]
    weights = scipy.stats.binom.pmf(k, n, p)
    loss = CrossEntropy(outputs="probabilities", shots=n)
    slope = jax.vmap(jax.grad(lambda q: -loss(jnp.array([[q, 1 - q]]), jnp.array([0]))))(k / n)
    np.testing.assert_allclose(
        weights @ np.asarray(slope), ((1 - (1 - p) ** (n + 1)) / p)[:, 0], rtol=1e-9
    )
    many = CrossEntropy(outputs="probabilities", shots=10**9)
    exact = CrossEntropy(outputs="probabilities")
    o, y = jnp.array([[0.3, 0.7], [0.9, 0.1]]), jnp.array([0, 1])
    assert float(many(o, y)) == pytest.approx(float(exact(o, y)), abs=1e-7)
    below = jax.grad(lambda q: loss(jnp.array([[q, 1 - q]]), jnp.array([0])))(-0.1)
    assert below == pytest.approx(-(n + 1))  # mitigated values can be below 0


def test_few_shots_train_what_many_do():
    data = qdl.datasets.iris(classes=(0, 1), features=2)
    model = qdl.QNN(
        2, [AngleEncoding(), Rotation("zyz"), Entangler("cz"), Rotation("zyz")], qdl.ExpZ([0])
    )
    there = model.on(qdl.backends.statevector(shots=50))
    result = qdl.fit(
        there, data.X_train, data.y_train, loss="cross_entropy", steps=80, batch_size=32,
        optimizer=optax.adam(0.1), key=jax.random.key(0),
    )  # fmt: skip
    values = model.apply(result.params, data.X_test)
    loss = CrossEntropy().of(model)
    assert float(loss.accuracy(values, jnp.asarray(data.y_test))) >= 0.95


@pytest.mark.parametrize("data", [(), (np.zeros((6, 1)), np.zeros(6))])
def test_a_loss_of_several_numbers_is_refused(data):
    model = qdl.QNN(1, [AngleEncoding(), Rotation("y")] if data else Rotation("y"))
    with pytest.raises(ValueError, match=r"must be one number, got shape \(.*\.mean\(\)"):
        qdl.fit(model, *data, loss=lambda out, *y: out, steps=2, key=jax.random.key(0))
