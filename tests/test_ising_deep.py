"""Deep networks: energies by hand, the sweep against exact ground states, resting nudged states."""

import itertools

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from qdl.datasets import digits, mnist
from qdl.ising import BlockSampler, DeepIsingClassifier, DeepNetwork, ExactSampler
from qdl.ising.deep import relax, sweep
from qdl.ising.network import class_codes

QUICK = {"layers": (10, 8), "num_reads": 4, "epochs": 6, "sampler": BlockSampler(sweeps=4)}


def network(sizes=(4, 3, 4), features=3, seed=0):
    rng = np.random.default_rng(seed)
    net = DeepNetwork.init(features, sizes, rng, gain=2.0)
    for bias in net.bias:
        bias[...] = rng.normal(size=len(bias)) / 2
    return net


def test_energies_by_hand():
    net, x = network(), np.array([0.3, 0.9, 0.1], "f")
    for s in itertools.islice(itertools.product([-1.0, 1.0], repeat=11), 0, 2048, 37):
        a, b, c = np.array(s[:4]), np.array(s[4:7]), np.array(s[7:])
        expected = -(net.W @ x) @ a - a @ net.J[0] @ b - b @ net.J[1] @ c
        expected -= net.bias[0] @ a + net.bias[1] @ b + net.bias[2] @ c
        assert net.energies([a, b, c], net.W @ x) == pytest.approx(expected, abs=1e-5)


def test_the_sweep_finds_low_states_and_freezes_the_others():
    net, X = network(), np.random.default_rng(1).uniform(size=(6, 3)).astype("f")
    pull = X @ net.W.T
    states = sweep(net, pull, 30, ExactSampler(), np.random.default_rng(0))
    assert [s.shape for s in states] == [(6, 30, 4), (6, 30, 3), (6, 30, 4)]
    energies = net.energies(states, pull[:, None])
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=11)))
    parts = [every[:, :4], every[:, 4:7], every[:, 7:]]
    for i in range(6):
        lowest = net.energies(parts, pull[i]).min()
        assert energies[i].min() >= lowest - 1e-5
        assert energies[i].min() <= 0.9 * lowest
    # The last pair that was annealed is in its joint ground state, given the outputs.
    best = [s[0, 0] for s in states]
    for a, b in itertools.product(
        itertools.product([-1.0, 1.0], repeat=4), itertools.product([-1.0, 1.0], repeat=3)
    ):
        other = net.energies([np.array(a), np.array(b), best[2]], pull[0])
        assert other >= net.energies(best, pull[0]) - 1e-5


def test_nudged_states_rest_with_the_outputs_held():
    net, code = network(), class_codes(2, 2)[1]
    pull = net.W @ np.array([0.3, 0.9, 0.1], "f")
    start = [np.ones(4, "f"), -np.ones(3, "f"), class_codes(2, 2)[0]]
    states = relax(net, pull, start, code)
    np.testing.assert_array_equal(states[2], code)
    energy = net.energies(states, pull)
    for layer, size in ((0, 4), (1, 3)):
        for i in range(size):
            flipped = [s.copy() for s in states]
            flipped[layer][i] *= -1
            assert net.energies(flipped, pull) >= energy - 1e-6


@pytest.fixture(scope="module")
def data():
    return digits(classes=(0, 1, 2), features=None, scale=(0, 1))


def test_digits_are_learned_saved_and_gone_on_with(data, tmp_path):
    classifier = DeepIsingClassifier(**QUICK, learning_rate=2e-3).fit(data.X_train, data.y_train)
    assert classifier.score(data.X_test, data.y_test) > 0.85
    spins, energies = classifier.sample(data.X_test[:3], num_reads=5)
    assert spins.shape == (3, 5, 10 + 8 + 12) and (np.diff(energies) >= 0).all()
    classifier.save(tmp_path / "a")
    loaded = DeepIsingClassifier.load(tmp_path / "a")
    assert loaded.get_params() == classifier.get_params()
    np.testing.assert_array_equal(loaded.predict(data.X_test), classifier.predict(data.X_test))
    loaded.partial_fit(data.X_train, data.y_train)
    assert len(loaded.history_["online_error"]) == 7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_scikit_learns_checks():
    small = DeepIsingClassifier(
        layers=(3, 2), num_reads=2, epochs=1, sampler=BlockSampler(sweeps=1)
    )
    results = check_estimator(small, on_skip=None, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []


def test_few_spins_freeze_in_the_first_images():
    """Started without a bias of the outputs, 26 of the 60 do in these 334 images."""
    data = mnist(classes=None, features=None, scale=(0, 1))
    few = {"num_reads": 5, "epochs": 1, "sampler": BlockSampler(sweeps=10)}
    classifier = DeepIsingClassifier(**few).fit(data.X_train[::3], data.y_train[::3])
    spins = classifier.sample(data.X_train[::2], num_reads=4).spins.reshape(-1, 120 + 60 + 40)
    frozen = np.abs(spins.mean(axis=0)) > 0.98
    assert frozen[120:180].sum() <= 10 and frozen[:120].sum() <= 20


def test_outputs_start_as_the_codes_are_in_the_mean(data):
    start = DeepIsingClassifier(**(QUICK | {"epochs": 0})).fit(data.X_train, data.y_train)
    np.testing.assert_allclose(start.network_.bias[-1], 2 * (1 / 3 - 2 / 3), rtol=1e-6)
    assert not any(bias.any() for bias in start.network_.bias[:-1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s[..., :1], r"returned spins of shape \(1, 4, 1, 1\), expected \(1, 4, 1, 18\)"),
        (lambda s: (s + 1) // 2, r"returned the spin 0, expected -1 or \+1. Bits b become spins"),
    ],
)
def test_a_sampler_that_answers_wrongly_is_named(data, change, said):
    class Wrong:
        def sample(self, h, J, num_reads, key):
            spins, energies = BlockSampler(sweeps=1).sample(h, J, num_reads, key)
            return change(spins), energies

    with pytest.raises(ValueError, match=f"Wrong.*{said}"):
        DeepIsingClassifier(**(QUICK | {"sampler": Wrong()})).fit(data.X_train, data.y_train)


def test_bad_layers(data):
    with pytest.raises(
        ValueError, match=r"at least two sizes, got \(5,\). With one hidden layer use"
    ):
        DeepIsingClassifier(layers=(5,)).fit(data.X_train, data.y_train)
    with pytest.raises(ValueError, match="each of layers must be a whole number >= 1, got 0"):
        DeepIsingClassifier(layers=(5, 0)).fit(data.X_train, data.y_train)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"input_gain": np.nan}, "input_gain must be a number > 0, got nan"),
        ({"input_gain": "a"}, "input_gain must be a number > 0, got 'a'"),
        ({"input_learning_rate": -1.0}, "input_learning_rate must be a number >= 0, got -1.0"),
        ({"input_learning_rate": np.inf}, "input_learning_rate must be a number >= 0, got inf"),
        ({"learning_rate": 0.0, "input_learning_rate": 1.0}, "learning_rate must be a number > 0"),
        ({"num_reads": 0}, "num_reads must be a whole number >= 1, got 0"),
    ],
)
def test_bad_arguments(data, words, said):
    with pytest.raises(ValueError, match=said):
        DeepIsingClassifier(**(QUICK | words)).fit(data.X_train, data.y_train)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_twenty_epochs_on_mnist(seed):
    options = {"classes": None, "features": None, "scale": (0, 1)}
    data, held = mnist(**options), mnist(**options, test="held")
    classifier = DeepIsingClassifier(seed=seed).fit(data.X_train, data.y_train)
    train = classifier.score(data.X_train, data.y_train)
    more = classifier.score(held.X_test, held.y_test)
    print(seed, train, classifier.score(data.X_test, data.y_test), more)
    assert train >= 0.95 and more >= 0.70
