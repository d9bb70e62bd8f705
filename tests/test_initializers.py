import pickle

import jax
import numpy as np
import pytest

import qdl
from qdl.initializers import beta, gaussian, identity_blocks, small_angle, uniform
from qdl.layers import Convolution, RandomRotation, Rotation

N = 20_000
DRAWS = [
    # initialiser, lowest and highest value possible, mean, standard deviation (closed forms)
    (uniform(), 0.0, 2 * np.pi, np.pi, 2 * np.pi / np.sqrt(12)),
    (uniform(-1.0, 3.0), -1.0, 3.0, 1.0, 4 / np.sqrt(12)),
    (small_angle(0.02), -0.02, 0.02, 0.0, 0.02 / np.sqrt(3)),
    (gaussian(0.3), -np.inf, np.inf, 0.0, 0.3),
    (beta(2.0, 6.0), 0.0, 1.0, 0.25, np.sqrt(12 / (64 * 9))),
]


@pytest.mark.parametrize("init, low, high, mean, std", DRAWS)
def test_moments(init, low, high, mean, std, key):
    draws = np.asarray(init(key, (N // 4, 4), float))
    assert draws.shape == (N // 4, 4) and draws.dtype == float
    assert low <= draws.min() and draws.max() <= high
    assert abs(draws.mean() - mean) < 5 * std / np.sqrt(N)
    assert abs(draws.std() - std) < 0.03 * std
    np.testing.assert_array_equal(draws, init(key, (N // 4, 4), float))
    assert init(key, (3,), np.float32).dtype == np.float32


@pytest.mark.parametrize("init", [*(row[0] for row in DRAWS), identity_blocks(gaussian(0.1))])
def test_equal_by_value_and_picklable(init):
    copy = pickle.loads(pickle.dumps(init))
    assert copy == init and hash(copy) == hash(init)
    others = [row[0] for row in DRAWS if row[0] is not init]
    assert all(init != other for other in others)


def test_the_layers_choice_beats_the_models(key):
    layers = [
        Rotation("y"),
        Rotation("z", initializer=uniform(3.0, 3.1)),
        Convolution(),
        RandomRotation(),
    ]
    params = qdl.QNN(3, layers, initializer=small_angle(0.01)).init(key)
    assert np.abs(params[0]).max() < 0.01
    assert 3.0 <= params[1].min() and params[1].max() < 3.1
    assert np.abs(params[2]).max() < 0.01
    assert np.abs(params[3]["angle"]).max() < 0.01
    np.testing.assert_array_equal(params[3]["axis"].sum(-1), 1)
    everything = np.concatenate([params[0].ravel(), params[2]])
    assert len(np.unique(everything)) == len(everything)


def test_angles_are_uniform_over_a_turn_by_default(key):
    angles = qdl.QNN(5, Rotation("zyz")).init(key)[0]
    assert 0 <= angles.min() and 3 < angles.max() < 2 * np.pi


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: uniform(1.0, 1.0), "uniform needs low < high, got low=1.0 and high=1.0"),
        (lambda: small_angle(0.0), "small_angle needs scale > 0, got 0.0"),
        (lambda: gaussian(-0.1), "gaussian needs std > 0, got -0.1"),
        (lambda: gaussian(float("nan")), "gaussian needs std > 0, got nan"),
        (lambda: beta(1.0, 0), "beta needs b > 0, got 0"),
        (lambda: identity_blocks(identity_blocks()), "got another identity_blocks"),
        (
            lambda: identity_blocks()(jax.random.key(0), (3,)),
            r"identity_blocks\(\) only starts .* \(3,\)",
        ),
    ],
)
def test_errors(build, text):
    with pytest.raises(ValueError, match=text):
        build()
