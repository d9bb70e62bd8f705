"""The network's energies in closed form, the update rules, and the reference network's gradient."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdl.ising import BlockSampler, ExactSampler, Network, backpropagation, scaling_exponent
from qdl.ising.network import class_codes, winners
from qdl.ising.rules import Rule, Trainer

RNG = np.random.default_rng(0)


def network(features=3, hidden=4, classes=3, redundancy=2):
    net = Network.init(features, hidden, classes * redundancy, np.random.default_rng(1))
    net.bias_hidden[...] = RNG.normal(size=hidden)
    net.bias_output[...] = RNG.normal(size=classes * redundancy)
    return net


def test_the_problem_of_an_image_is_the_papers_energy_by_hand():
    net, x = network(), RNG.uniform(size=3).astype(np.float32)
    ising = net.ising(x)
    for _ in range(10):
        hidden, output = RNG.choice([-1, 1], 4), RNG.choice([-1, 1], 6)
        expected = -sum(
            [
                *(net.W[i, a] * x[a] * hidden[i] for i in range(4) for a in range(3)),
                *(net.J[i, a] * hidden[i] * output[a] for i in range(4) for a in range(6)),
                *(net.bias_hidden * hidden), *(net.bias_output * output),
            ]
        )  # fmt: skip
        assert ising.energies(np.concatenate([hidden, output])) == pytest.approx(expected, abs=1e-5)


def test_clamped_states_have_the_lowest_energy_of_all():
    net, codes = network(), class_codes(3, 2)
    X = RNG.uniform(size=(5, 3)).astype(np.float32)
    pull = net.pull(X)
    hidden = np.array(list(itertools.product([-1, 1], repeat=4)))
    for i, c in itertools.product(range(5), range(3)):
        states = np.concatenate([hidden, np.tile(codes[c], (16, 1))], axis=1)
        energies = net.ising(X[i]).energies(states)
        assert net.clamped_energies(pull, codes)[i, c] == pytest.approx(energies.min(), rel=1e-5)
        best = hidden[energies.argmin()]
        np.testing.assert_array_equal(net.clamped(pull[i], codes[c]), best)


def test_winners_by_hand():
    assert winners(np.array([1, 1, -1, 1, -1, -1]), 3) == 0
    assert winners(np.array([1, -1, -1, 1, -1, -1]), 3) == -1
    assert winners(class_codes(10, 4), 10).tolist() == list(range(10))


@pytest.mark.parametrize("name", ["quantum_propagation", "equilibrium_propagation"])
def test_an_update_is_the_equation_by_hand(name):
    net, codes, x, label = network(), class_codes(3, 2), RNG.uniform(size=3).astype("f"), 1
    before = {key: array.copy() for key, array in net.arrays().items()}
    trainer = Trainer(Rule(name, 5), BlockSampler(sweeps=1, quench=False), codes)
    spins = trainer.free(net, net.pull(x), label, np.random.default_rng(3)).spins.astype(float)
    trainer.epoch(net, x[None], np.array([label]), ([0.1], [0.02]), Replay(3))
    pull, code = before["W"] @ x + before["bias_hidden"], codes[label]
    nudged = np.sign(pull + before["J"] @ code)
    free = spins if name == "quantum_propagation" else spins[:1]
    mean = {
        "W": np.mean([np.outer(s[:4], x) for s in free], axis=0),
        "J": np.mean([np.outer(s[:4], s[4:]) for s in free], axis=0),
        "bias_hidden": free[:, :4].mean(axis=0),
        "bias_output": free[:, 4:].mean(axis=0),
    }
    up = {
        "W": np.outer(nudged, x), "J": np.outer(nudged, code),
        "bias_hidden": nudged, "bias_output": code,
    }  # fmt: skip
    for key in before:
        rate = 0.02 if key.startswith("bias") else 0.1
        expected = before[key] + rate * (up[key] - mean[key])
        np.testing.assert_allclose(net.arrays()[key], expected, atol=1e-6, err_msg=key)


class Replay(np.random.Generator):
    """A generator whose order of the images draws nothing, so that the sampler's numbers are known."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))

    def permutation(self, x, axis=0):
        return np.arange(x)


def test_where_the_reads_start():
    net, codes = network(), class_codes(3, 2)
    pull = net.pull(RNG.uniform(size=3).astype("f"))
    calls = []

    class Recorder:
        def sample(self, h, J, num_reads, key, initial=None):
            calls.append((num_reads, initial))
            return BlockSampler().sample(h, J, num_reads, key, initial)

    for reads, expected in (("forward", [(20, None)]), ("mixed", [(2, None), (18, 18)])):
        calls.clear()
        rule = Rule("quantum_propagation", 20, reads)
        result = Trainer(rule, Recorder(), codes).free(net, pull, 2, np.random.default_rng(0))
        assert [(n, None if i is None else len(i)) for n, i in calls] == expected
        assert result.spins.shape == (20, 10) and (np.diff(result.energies) >= 0).all()
        np.testing.assert_allclose(
            net.problem(pull).energies(result.spins), result.energies, rtol=1e-5
        )
    starts = calls[1][1]
    classes, counts = np.unique(winners(starts[:, 4:], 3), return_counts=True)
    assert classes.tolist() == [0, 1] and counts.tolist() == [9, 9]  # never the right class, 2
    for start in starts:
        np.testing.assert_array_equal(start[:4], net.clamped(pull, start[4:].astype("f")))


def test_one_forward_read_of_quantum_propagation_is_equilibrium_propagation():
    X, y = RNG.uniform(size=(30, 3)).astype("f"), RNG.integers(3, size=30)
    nets = []
    for name in ("quantum_propagation", "equilibrium_propagation"):
        net = Network.init(3, 4, 6, np.random.default_rng(1))
        trainer = Trainer(Rule(name, 1), BlockSampler(sweeps=3), class_codes(3, 2))
        rates = np.full(30, 0.05, "f")
        error = trainer.epoch(net, X, y, (rates, rates), np.random.default_rng(2))
        nets.append((error, *(array.tobytes() for array in net.arrays().values())))
    assert nets[0] == nets[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"name": "quantum"}, r"rule must be one of \['quantum_propagation', 'equilibrium_prop"),
        ({"reads": "backward"}, "reads must be one of .* got 'backward'"),
        ({"num_reads": 0}, "num_reads must be a whole number >= 1, got 0"),
        ({"name": "equilibrium_propagation", "reads": "cyclic"}, "has free reads only, got reads"),
    ],
)
def test_bad_rules(words, said):
    with pytest.raises(ValueError, match=said):
        Rule(**words)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s[:1], r"returned spins of shape \(1, 10\), expected \(4, 10\)"),
        (lambda s: (s + 1) // 2, r"returned the spin 0, expected -1 or \+1. Bits b become spins"),
    ],
)
def test_a_sampler_that_answers_wrongly_is_named(change, said):
    class Wrong:
        def sample(self, h, J, num_reads, key, initial=None):
            spins, energies = ExactSampler(1.0).sample(h, J, num_reads, key)
            return change(spins), energies

    net = network()
    trainer = Trainer(Rule(num_reads=4), Wrong(), class_codes(3, 2))
    with pytest.raises(ValueError, match=f"Wrong.*{said}"):
        trainer.free(net, net.pull(np.ones(3, "f")), 0, np.random.default_rng(0))


def test_backpropagation_takes_the_gradient_step_of_jax():
    X, y = RNG.uniform(size=(1, 5)).astype("f"), np.array([2])
    start = Network.init(5, 7, 6, np.random.default_rng([4, 0])).arrays()
    result = backpropagation(
        X, y, hidden=7, redundancy=2, learning_rate=0.1, epochs=1, seed=4
    ).network.arrays()

    def loss(net):
        outputs = jax.nn.relu(net["W"] @ X[0] + net["bias_hidden"]) @ net["J"] + net["bias_output"]
        return -jax.nn.log_softmax(outputs.reshape(3, 2).mean(axis=1))[2]

    slopes = jax.grad(loss)({name: jnp.asarray(array) for name, array in start.items()})
    for name, array in start.items():
        np.testing.assert_allclose(result[name], array - 0.1 * slopes[name], atol=1e-6)


def test_scaling_exponents():
    epochs = np.arange(1, 101)
    for z in (0.5, 1.3):
        assert scaling_exponent(0.4 * epochs**-z, 3, 50) == (pytest.approx(z, abs=1e-5), 3, 50)
    assert scaling_exponent([0.4, 0.2, 0.0, 0.1])[1:] == (1, 2)
    assert scaling_exponent([0.4, 0.2, 0.1, 0.05], floor=0.1)[1:] == (1, 2)
    with pytest.raises(ValueError, match="at least two epochs from 1 on with an error above 0"):
        scaling_exponent([0.4, 0.0])
    with pytest.raises(ValueError, match=r"errors must be finite numbers \(epochs,\), got nan"):
        scaling_exponent([0.4, np.nan, 0.2])
    with pytest.raises(ValueError, match=r"errors must be finite numbers \(epochs,\), got shape"):
        scaling_exponent(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("X", "y", "words", "error"),
    [
        (np.ones((2, 3)), ["a", "b"], {}, "y must be whole numbers 0 .. k-1 of at least two"),
        (np.ones((2, 3)), [-1, 1], {}, "y must be whole numbers 0 .. k-1 of at least two"),
        (np.ones((2, 3)), [0, 0], {}, "y must be whole numbers 0 .. k-1 of at least two"),
        (np.full((2, 3), np.nan), [0, 1], {}, "NaN"),
        (np.ones((2, 3)), [0, 1, 1], {}, "inconsistent numbers of samples"),
        (np.ones((2, 3)), [0, 1], {"hidden": 0}, "hidden must be a whole number >= 1, got 0"),
        (np.ones((2, 3)), [0, 1], {"epochs": 0}, "epochs must be a whole number >= 1, got 0"),
        (np.ones((2, 3)), [0, 1], {"learning_rate": -1}, "learning_rate must be a number >= 0"),
        (np.ones((2, 3)), [0, 1], {"learning_rate": 1e30}, "no longer finite. Lower learning_rate"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_backpropagation_cannot_learn(X, y, words, error):
    with pytest.raises(ValueError, match=error):
        backpropagation(X, y, **({"hidden": 3, "redundancy": 1, "epochs": 3} | words))


def test_reads_are_ordered_whatever_the_sampler_does():
    class Unordered:
        def sample(self, h, J, num_reads, key, initial=None):
            spins, energies = ExactSampler(3.0).sample(h, J, num_reads, key)
            return spins[::-1], energies[::-1]

    net = network()
    trainer = Trainer(Rule(num_reads=8), Unordered(), class_codes(3, 2))
    reads = trainer.free(net, net.pull(np.ones(3, "f")), 0, np.random.default_rng(0))
    assert (np.diff(reads.energies) >= 0).all() and reads.energies[0] < reads.energies[-1]
