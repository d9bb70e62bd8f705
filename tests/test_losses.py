import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qdl
from qdl.layers import AngleEncoding, Rotation
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
