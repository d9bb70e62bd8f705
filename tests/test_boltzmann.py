"""Boltzmann machines: likelihoods and gradients by brute force, log Z, training, what is refused."""

import subprocess
import sys
import warnings
from dataclasses import dataclass

import dimod
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import qdl
from qdl.ising import (
    Bipartite,
    BlockSampler,
    BoltzmannMachine,
    ExactSampler,
    GibbsSampler,
    QPUSampler,
)
from qdl.ising.contrast import Contrast, State
from qdl.ising.energy import energies
from qdl.ising.machine import Machine
from qdl.ising.partition import annealed, summed
from qdl.ising.quantum import Exact, trotter
from qdl.ising.samplers import all_states


@pytest.fixture(scope="module")
def digits():
    """1,400 and 397 digits of 64 bits."""
    data = qdl.datasets.digits(None, None, scale=None, test_size=397 / 1797)
    return (data.X_train > 8).astype(float), (data.X_test > 8).astype(float)


def machine_of(visible, hidden, kind="restricted", seed=0, sd=0.5):
    rng = np.random.default_rng(seed)
    n = visible + hidden
    h = rng.normal(scale=sd, size=n)
    if kind == "restricted":
        return Machine(h, rng.normal(scale=sd, size=(visible, hidden)), visible)
    mask = np.triu(np.ones((n, n), bool), 1)
    if kind == "ladder":  # visible ones coupled, hidden ones not
        mask[visible:, visible:] = False
    return Machine(h, rng.normal(scale=sd, size=(n, n)) * mask, visible, mask)


def fitted(machine, **words):
    """An estimator with given weights."""
    graph = None if machine.mask is None else machine.mask
    found = BoltzmannMachine(machine.hidden, graph=graph, **words)
    found.n_features_in_ = machine.visible
    found._learned(machine.h, machine.weights, np.zeros(machine.visible))
    return found


def brute_force(machine):
    """log p of all visible states, from the energies of all states."""
    energy = energies(machine.h, machine.J, all_states(len(machine.h))).reshape(
        2**machine.visible, -1
    )
    low = energy.min()
    p = np.exp(low - energy).sum(axis=1)
    return np.log(p / p.sum()), np.log(p.sum()) - low


KINDS = [
    (7, 5, "restricted"),
    (5, 4, "full"),
    (6, 3, "ladder"),
    (6, 0, "full"),
    (3, 6, "restricted"),
]


@pytest.mark.parametrize(("visible", "hidden", "kind"), KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_likelihoods_are_those_of_all_states(visible, hidden, kind, dtype):
    machine = machine_of(visible, hidden, kind)
    small = Machine(machine.h.astype(dtype), machine.weights.astype(dtype), visible, machine.mask)
    expected, log_Z = brute_force(machine)
    model = fitted(small)
    rows = (all_states(visible) + 1) // 2
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(model.score_samples(rows), expected, atol=tolerance)
    assert model.log_partition_ == pytest.approx(log_Z, abs=tolerance)
    assert model.log_partition_spread_ == 0
    assert np.exp(model.score_samples(rows)).sum() == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize(("visible", "hidden", "kind"), KINDS[:3])
def test_hidden_probabilities_are_those_of_all_states(visible, hidden, kind):
    machine = machine_of(visible, hidden, kind)
    states = all_states(visible + hidden)
    weights = np.exp(-energies(machine.h, machine.J, states)).reshape(2**visible, -1)
    inner = (states[: 2**hidden, visible:] + 1) / 2
    expected = (weights / weights.sum(axis=1, keepdims=True)) @ inner
    found = fitted(machine).transform((all_states(visible) + 1) // 2)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def changed(machine, step, at, name):
    array = getattr(machine, name).copy()
    array[at] += step
    words = {"h": machine.h, "weights": machine.weights} | {name: array}
    return Machine(**words, visible=machine.visible, mask=machine.mask)


def differences(machine, value, step=1e-5):
    """Central finite differences of a function of the machine, by h and by its couplings."""
    found = []
    for name in ("h", "weights"):
        array = np.zeros_like(getattr(machine, name))
        for at in np.ndindex(array.shape):
            if name == "h" or machine.mask is None or machine.mask[at]:
                ends = [value(changed(machine, s * step, at, name)) for s in (1, -1)]
                array[at] = (ends[0] - ends[1]) / (2 * step)
        found.append(array)
    return found


@pytest.mark.parametrize(("visible", "hidden", "kind"), KINDS[:4])
def test_the_gradient_is_that_of_finite_differences(visible, hidden, kind):
    """The data phase of training less all states; and the sampled gradient is near it."""
    machine = machine_of(visible, hidden, kind)
    rng = np.random.default_rng(1)
    v = all_states(visible)[rng.integers(2**visible, size=5)].astype(float)
    rows = (v + 1) / 2
    expected = differences(machine, lambda m: fitted(m).score(rows))
    states = all_states(visible + hidden).astype(float)
    weights = np.exp(-energies(machine.h, machine.J, states))
    given_v = (states[:, None, :visible] == v).all(axis=2) * weights[:, None]
    data = (given_v / given_v.sum(axis=0)).mean(axis=1)
    change = weights / weights.sum() - data  # of the probability of each state
    spins, products = change @ states, (change[:, None] * states).T @ states
    products = products[:visible, visible:] if kind == "restricted" else products * machine.mask
    np.testing.assert_allclose(spins, expected[0], atol=1e-8)
    np.testing.assert_allclose(products, expected[1], atol=1e-8)
    contrast = Contrast(ExactSampler(1.0), None, 20_000, False, False, 1e-3, 5)
    sampled = contrast.gradient(machine, v, State(), rng)
    np.testing.assert_allclose(sampled.spins, expected[0], atol=0.03)
    np.testing.assert_allclose(sampled.products, expected[1], atol=0.03)
    if machine.among_hidden is None:  # given the rows nothing is sampled
        phase = contrast.data_moments(machine, v, State(), rng)
        np.testing.assert_allclose(phase.spins, data @ states, atol=1e-12)
    if len(machine.h) < 10:  # the quantum machine without its field
        index = ((1 - v.astype(int)) // 2) @ 2 ** np.arange(visible - 1, -1, -1)
        exact = Exact.of(machine, 0.0).gradient(np.bincount(index, minlength=2**visible) / len(v))
        np.testing.assert_allclose(exact.products, expected[1], atol=1e-8)


@pytest.mark.parametrize("gamma", [0.3, 1.0, -2.0])
@pytest.mark.parametrize(("visible", "hidden"), [(3, 0), (4, 1), (4, 2)])
def test_the_quantum_gradient_is_that_of_finite_differences(visible, hidden, gamma):
    machine = machine_of(visible, hidden, "full")
    target = np.random.default_rng(0).dirichlet(np.ones(2**visible))
    exact = Exact.of(machine, gamma).gradient(target)
    expected = differences(machine, lambda m: target @ np.log(Exact.of(m, gamma).visible))
    np.testing.assert_allclose(exact.spins, expected[0], atol=1e-8)
    np.testing.assert_allclose(exact.products, expected[1], atol=1e-8)
    flipped = Exact.of(machine, -gamma)
    np.testing.assert_allclose(flipped.visible, Exact.of(machine, gamma).visible, atol=1e-13)


def test_the_quantum_gradient_at_degenerate_spectra():
    flat = Machine(np.zeros(4), np.zeros((4, 4)), 3, np.triu(np.ones((4, 4), bool), 1))
    target = np.random.default_rng(0).dirichlet(np.ones(8))
    exact = Exact.of(flat, 1.0).gradient(target)
    expected = differences(flat, lambda m: target @ np.log(Exact.of(m, 1.0).visible))
    np.testing.assert_allclose(exact.spins, expected[0], atol=1e-8)
    np.testing.assert_allclose(exact.products, expected[1], atol=1e-8)


def test_density_matrix_is_the_exponential_of_paulis():
    """Against scipy's matrix exponential of Kronecker products."""
    from scipy.linalg import expm

    machine, gamma = machine_of(3, 1, "full"), 0.7
    X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])

    def on(*letters):
        matrix = np.eye(1)
        for letter in letters:
            matrix = np.kron(matrix, letter)
        return matrix

    def at(op, *places):
        return on(*(op if i in places else np.eye(2) for i in range(4)))

    H = sum(machine.h[i] * at(Z, i) + gamma * at(X, i) for i in range(4))
    H = H + sum(machine.weights[i, j] * at(Z, i, j) for i in range(4) for j in range(i + 1, 4))
    rho = expm(-H)
    p = np.diag(rho).reshape(8, 2).sum(axis=1)
    model = fitted(machine, transverse=gamma)
    rows = (all_states(3) + 1) // 2
    np.testing.assert_allclose(np.exp(model.score_samples(rows)), p / p.sum(), atol=1e-13)
    assert model.log_partition_ == pytest.approx(np.log(np.trace(rho)), abs=1e-12)


def test_coupled_copies_sample_the_quantum_machine():
    """6 spins, Gamma = 1, 8 copies; exact draws of 10,000 are .035 away, classical ones .154."""
    machine = machine_of(6, 0, "full")
    p = Exact.of(machine, 1.0).visible
    h, J = trotter(machine.h, machine.J, 1.0)
    spins = GibbsSampler(200).sample(h, J, 10_000, key=0).spins
    for part in (spins[:, :6], spins[:, 18:24]):
        assert variation(part, p) <= 0.05
    classical = np.exp(brute_force(machine)[0])
    assert np.abs(classical - p).sum() / 2 > 0.06
    one = np.array([[0.4], [1.3]])  # a single spin: the closed form of field_means
    H, K = trotter(one, np.zeros((1, 1)), 1.0, slices=32)
    means = ExactSampler(1.0).sample(H[:, :16], K[:16, :16], 10, key=0)
    assert means.spins.shape == (2, 10, 16)


def variation(spins, p):
    n = spins.shape[-1]
    index = ((1 - spins.astype(int)) // 2) @ 2 ** np.arange(n - 1, -1, -1)
    return np.abs(np.bincount(index, minlength=2**n) / len(index) - p).sum() / 2


@pytest.fixture(scope="module")
def trained(digits):
    return BoltzmannMachine(16, epochs=100).fit(digits[0])


def test_digits_are_learned_by_persistent_chains(digits, trained):
    """GENERATIVE figures: independent pixels -24.6, after 100 epochs at least -19.5."""
    train, test = digits
    pixels = BoltzmannMachine(0, epochs=0).fit(train)
    rates = np.clip(train.mean(axis=0), 0.005, 0.995)
    base = float((test @ np.log(rates) + (1 - test) @ np.log(1 - rates)).mean())
    assert base == pytest.approx(-24.65, abs=0.01)
    assert pixels.score(test) == pytest.approx(-24.59, abs=0.01)
    assert trained.score(test) >= -19.5
    assert trained.history_["seconds"].shape == (100,)
    assert trained.history_["temperature"][-10:].mean() == pytest.approx(1, abs=0.05)
    samples = trained.sample(400, key=1)
    assert samples.shape == (400, 64) and samples.dtype == np.int8
    np.testing.assert_allclose(samples.mean(axis=0), train.mean(axis=0), atol=0.15)
    assert trained.score(samples) > pixels.score(samples) + 3


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "expected"), [(None, -18.34), ("cd", -18.4)])
def test_digits_after_four_hundred_epochs(digits, sampler, expected):
    """Persistent chains and contrastive divergence end at the same, one seed to within .25."""
    model = BoltzmannMachine(16, sampler=sampler, epochs=400).fit(digits[0])
    assert model.score(digits[1]) == pytest.approx(expected, abs=0.25)


def test_log_partition_by_annealing(trained):
    """Marginal within .1 of the sum over 2^16 states, over all spins within .3."""
    machine = trained._machine()
    exact, base = summed(machine), trained._base
    assert exact == trained.log_partition_ and trained.log_partition_spread_ == 0
    found = annealed(machine, base, np.random.default_rng(0))
    assert abs(found.value - exact) <= 0.1 and 0.05 < found.spread < 1
    uniform = annealed(machine, np.zeros(64), np.random.default_rng(1))
    assert abs(uniform.value - exact) <= 0.15
    n = 80
    graph = np.zeros((n, n), bool)
    graph[:64, 64:] = True
    graph[64, 65] = True  # two hidden spins, barely coupled: all spins are annealed
    weights = np.zeros((n, n))
    weights[:64, 64:] = machine.weights
    weights[64, 65] = 1e-12
    joint = annealed(Machine(machine.h, weights, 64, graph), base, np.random.default_rng(0))
    assert abs(joint.value - exact) <= 0.3 and 0.1 < joint.spread < 2


@pytest.mark.parametrize("kind", ["ladder", "full"])
def test_log_partition_of_graphs_by_annealing(kind):
    machine = machine_of(7, 4, kind)
    found = annealed(machine, np.zeros(7), np.random.default_rng(0), temperatures=300)
    assert found.value == pytest.approx(brute_force(machine)[1], abs=0.1)


def test_a_wide_spread_is_warned_of_with_its_number():
    rng = np.random.default_rng(0)
    glass = Machine(np.zeros(60), rng.normal(scale=2.0, size=(30, 30)), 30)
    model = fitted(glass)
    with pytest.warns(RuntimeWarning, match=r"log Z = .* spread of (\d+\.\d+), more than 2"):
        model.log_partition_  # noqa: B018
    assert model.log_partition_spread_ > 2


def test_weights_are_those_of_scikit_learns_machine(digits, tmp_path):
    train, test = digits
    rbm = BernoulliRBM(12, learning_rate=0.05, n_iter=2, random_state=0).fit(train)
    machine = BoltzmannMachine.from_bernoulli_rbm(rbm, num_reads=7)
    gap = -rbm._free_energy(test) + machine._machine().free_energy(2 * test - 1)
    assert np.ptp(gap) <= 1e-12
    np.testing.assert_allclose(machine.transform(test), rbm.transform(test), atol=1e-13)
    again = machine.to_bernoulli_rbm()
    for name in ("components_", "intercept_visible_", "intercept_hidden_"):
        np.testing.assert_allclose(getattr(again, name), getattr(rbm, name), atol=1e-14)
    np.testing.assert_allclose(again.transform(test), rbm.transform(test), atol=1e-13)
    assert again.gibbs(test[:3]).shape == (3, 64)
    assert machine.num_reads == 7 and machine.score(test) > -30
    machine.partial_fit(train)
    machine.save(tmp_path / "a")
    with pytest.raises(ValueError, match="a BernoulliRBM of 12 components is .* got {'hidden': 3}"):
        BoltzmannMachine.from_bernoulli_rbm(rbm, hidden=3)


@dataclass(frozen=True)
class Fake(qdl.Sampler):
    """A machine of unknown temperature 1 / beta: 20 sweeps from random states, within a range."""

    beta: float = 1.0
    range: float = np.inf

    def programmed(self, h, J):
        most = self.range
        cut = np.clip(J.block if isinstance(J, Bipartite) else J, -most, most)
        return np.clip(h, -most, most), Bipartite(cut) if isinstance(J, Bipartite) else cut

    def draw(self, h, J, num_reads, rng, initial):
        steady = GibbsSampler(20, 1 / self.beta)
        return steady.draw(*self.programmed(h, J), num_reads, rng, initial)


UNKNOWN = {"persistent": False, "learning_rate": 3e-3, "epochs": 10}


def test_a_machine_of_unknown_temperature_learns_as_well_as_another(digits):
    """Corrected runs at beta 1, 3, .3 end within .15 nats of each other; uncorrected ones do not."""
    train, test = digits
    scores = {}
    for beta in (1.0, 3.0, 0.3):
        model = BoltzmannMachine(16, sampler=Fake(beta), correct_temperature=True, **UNKNOWN)
        scores[beta] = model.fit(train).score(test)
        assert model.scale_ == pytest.approx(1 / beta, rel=0.1)
        assert model.history_["temperature"][-1] == pytest.approx(1 / beta, rel=0.15)
        assert model.history_["scale"][-1] == model.scale_
        drawn = model.sample(1000, key=0).mean(axis=0)  # also samples are drawn at temperature 1
        np.testing.assert_allclose(drawn, train.mean(axis=0), atol=0.15)
    assert max(scores.values()) - min(scores.values()) <= 0.15
    assert min(scores.values()) > -22
    text = r"draws at the temperature 0\.3.*correct_temperature=True"
    with pytest.warns(RuntimeWarning, match=text):
        cold = BoltzmannMachine(16, sampler=Fake(3.0), **UNKNOWN).fit(train).score(test)
    assert cold < min(scores.values()) - 1


def test_the_range_of_a_machine_cuts_before_the_temperature_is_estimated(digits):
    """Small range: half of the fields are cut off, and beta is that of what was programmed."""
    train, test = digits
    model = BoltzmannMachine(16, sampler=Fake(3.0, range=0.4), correct_temperature=True, **UNKNOWN)
    with pytest.warns(RuntimeWarning, match="left the range of the sampler's machine.*cut off"):
        model.fit(train)
    assert model.scale_ == pytest.approx(1 / 3, rel=0.1)


@pytest.mark.parametrize(
    "sampler",
    [BlockSampler(), ExactSampler(), BlockSampler(cold=0.0, quench=False, absolute=True)],
    ids=repr,
)
def test_a_sampler_that_quenches_is_warned_of(digits, sampler):
    X = digits[0][:200, 8:16]
    model = BoltzmannMachine(4, sampler=sampler, num_reads=200, persistent=False, epochs=1)
    with pytest.warns(
        RuntimeWarning, match=r"quenches: its reads have the temperature 0.*GibbsSam"
    ):
        model.fit(X)


def test_dwaves_annealer_at_its_own_temperatures_is_warned_of(digits):
    samplers = pytest.importorskip("dwave.samplers")
    annealer = qdl.ising.DimodSampler(samplers.SimulatedAnnealingSampler(), num_sweeps=50)
    model = BoltzmannMachine(4, sampler=annealer, persistent=False, epochs=1, num_reads=50)
    with pytest.warns(RuntimeWarning, match="quenches|draws at the temperature"):
        model.fit(digits[0][:40, 8:24])


@pytest.mark.parametrize(
    "sampler", ["cd", "cd-5", None, ExactSampler(1.0), GibbsSampler(5)], ids=repr
)
@pytest.mark.parametrize("kind", ["restricted", "full"])
def test_every_model_phase_learns_bars_and_stripes(sampler, kind):
    """6 patterns of 2x2 of 16: log 16 = 2.77 nats at the start, log 6 = 1.79 at best."""
    patterns = np.array([[0] * 4, [1] * 4, [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    X = np.repeat(patterns, 20, axis=0)
    model = BoltzmannMachine(
        4, graph=None if kind == "restricted" else 1 - np.eye(8), sampler=sampler, seed=1,
        persistent=sampler is None, num_reads=100 if sampler is None else 30,
        learning_rate=0.05 if sampler is None else 0.2, epochs=200 if sampler is None else 60,
    )  # fmt: skip
    assert model.fit(X).score(X) > -2.2
    rows, counts = np.unique(model.sample(500, key=0), axis=0, return_counts=True)
    known = (rows[:, None] == patterns).all(axis=2).any(axis=1)
    assert counts[known].sum() > 300


def test_grey_values_are_drawn_anew_and_bits_stay(monkeypatch):
    seen = []
    update = Contrast.update
    monkeypatch.setattr(
        Contrast, "update", lambda s, m, v, *a: (seen.append(v), update(s, m, v, *a))
    )
    grey = np.full((40, 3), 0.25)
    BoltzmannMachine(2, epochs=30).fit(grey)
    rows = np.concatenate(seen)
    assert set(np.unique(rows)) == {-1, 1} and rows.mean() == pytest.approx(-0.5, abs=0.06)
    assert not np.array_equal(seen[0], seen[2])
    seen.clear()
    bits = np.eye(3)
    BoltzmannMachine(2, epochs=1, batch_size=3).fit(bits)
    np.testing.assert_array_equal(np.sort(seen[0], axis=0), np.sort(2 * bits - 1, axis=0))


@pytest.mark.parametrize("hidden", [0, 3])
def test_a_machine_in_a_transverse_field_is_trained_exactly(hidden):
    rng = np.random.default_rng(0)
    X = (np.eye(4)[rng.integers(4, size=40)] + np.eye(4)[rng.integers(4, size=40)] > 0) * 1.0
    graph = np.triu(np.ones((4 + hidden,) * 2), 1)
    words = {"graph": graph, "learning_rate": 0.1, "epochs": 40, "batch_size": 40}
    quantum = BoltzmannMachine(hidden, transverse=0.5, **words).fit(X)
    assert quantum.score(X) > BoltzmannMachine(0, epochs=0).fit(X).score(X) + 0.3
    p = np.exp(quantum.score_samples((all_states(4) + 1) // 2))
    assert p.sum() == pytest.approx(1)
    assert variation(2 * quantum.sample(20_000, key=0) - 1, p) < 0.02
    with pytest.raises(ValueError, match="transverse=0.5 is no classical problem"):
        quantum.to_ising()
    classical = BoltzmannMachine(hidden, transverse=0.0, **words).fit(X)
    np.testing.assert_array_equal(
        classical.couplings_, BoltzmannMachine(hidden, **words).fit(X).couplings_
    )


def test_beyond_ten_spins_copies_are_sampled(digits):
    X = digits[0][:200, 16:32]
    model = BoltzmannMachine(
        6, transverse=1.0, sampler=GibbsSampler(5), num_reads=20, learning_rate=0.03, epochs=10
    ).fit(X)
    assert model.history_["temperature"][-1] == pytest.approx(1, abs=0.2)
    assert model.chains_.shape == (20, 8 * 22)
    assert model.transform(X).shape == (200, 6)
    np.testing.assert_allclose(model.sample(300, key=0).mean(axis=0), X.mean(axis=0), atol=0.25)
    for ask in (lambda: model.score_samples(X), lambda: model.log_partition_):
        with pytest.raises(ValueError, match="known for at most 10 spins, got 22"):
            ask()


def test_copies_give_the_gradient_of_the_bound():
    """Visible spins alone: the data less the density matrix."""
    machine, rng, gamma = machine_of(5, 0, "full"), np.random.default_rng(0), 1.5
    v = all_states(5)[rng.integers(32, size=8)].astype(float)
    states = all_states(5).astype(float)
    p = Exact.of(machine, gamma).states
    expected = ((p[:, None] * states).T @ states - v.T @ v / 8) * machine.mask
    contrast = Contrast(GibbsSampler(200), None, 10_000, False, False, 1e-3, 8, gamma=gamma)
    sampled = contrast.gradient(machine, v, State(), rng)
    np.testing.assert_allclose(sampled.spins, p @ states - v.mean(axis=0), atol=0.04)
    np.testing.assert_allclose(sampled.products, expected, atol=0.04)


def test_to_ising_is_the_problem_at_temperature_one(trained):
    problem = trained.to_ising()
    assert problem.n == 80
    v = all_states(8)
    small = fitted(machine_of(8, 4))
    spins = ExactSampler(1.0).sample(small.to_ising().h, small.to_ising().J, 50_000, key=0).spins
    assert variation(spins[:, :8], np.exp(small.score_samples((v + 1) // 2))) < 0.04
    problem.h[:] = 0  # a copy
    assert trained.fields_.any()


def test_training_goes_on_as_if_it_had_not_been_broken_off(digits, tmp_path):
    X = digits[0][:300]
    whole = BoltzmannMachine(8, epochs=3).fit(X)
    part = BoltzmannMachine(8, epochs=2).fit(X)
    part.save(tmp_path / "a")
    again = BoltzmannMachine.load(tmp_path / "a")
    assert again.get_params() == part.get_params()
    for name, column in part.history_.items():
        np.testing.assert_array_equal(again.history_[name], column)
    again.partial_fit(X)
    np.testing.assert_array_equal(again.couplings_, whole.couplings_)
    np.testing.assert_array_equal(again.chains_, whole.chains_)
    np.testing.assert_array_equal(again.sample(9), whole.sample(9))
    stopped = BoltzmannMachine(8, epochs=9).fit(X, callback=lambda m: len(m.history_["scale"]) == 2)
    np.testing.assert_array_equal(stopped.couplings_, part.couplings_)


def test_arguments_may_change_between_passes(digits):
    X = digits[0][:40]
    model = BoltzmannMachine(4).partial_fit(X)
    for words in ({"num_reads": 30}, {"num_reads": 60}, {"sampler": "cd"}, {"sampler": None}):
        assert model.set_params(**words).partial_fit(X).fields_.shape == (68,)
    assert model.chains_.shape == (60, 68) and len(model.history_["seconds"]) == 5


@dataclass(frozen=True)
class Mine(qdl.Sampler):
    temperature: float = 1.0

    def draw(self, h, J, num_reads, rng, initial):
        return GibbsSampler(3, self.temperature).draw(h, J, num_reads, rng, initial)


@pytest.mark.parametrize("sampler", ["cd-3", None, GibbsSampler(2), Mine(0.9)], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_save_and_load(digits, tmp_path, sampler, dtype):
    X = digits[0][:100, 16:24].astype(dtype)
    graph = np.triu(np.ones((11, 11)), 1)
    model = BoltzmannMachine(3, graph=graph, sampler=sampler, epochs=2, transverse=None).fit(X)
    model.save(tmp_path / "a")
    again = BoltzmannMachine.load(tmp_path / "a", samplers=[Mine])
    assert again.sampler == sampler and again.couplings_.dtype == dtype
    np.testing.assert_array_equal(again.graph, graph)
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(again.partial_fit(X).fields_, model.partial_fit(X).fields_)
    if isinstance(sampler, Mine):
        with pytest.raises(ValueError, match=r"needs your class Mine: BoltzmannMachine.load\(path"):
            BoltzmannMachine.load(tmp_path / "a")
    raw = bytearray((tmp_path / "a" / "params.safetensors").read_bytes())
    raw[-1] ^= 1
    (tmp_path / "a" / "params.safetensors").write_bytes(raw)
    with pytest.raises(ValueError, match="sha256 differs"):
        BoltzmannMachine.load(tmp_path / "a", samplers=[Mine])


def test_float32_is_kept_and_close(digits):
    X = digits[0][:300]
    double, single = (BoltzmannMachine(8, epochs=3).fit(X.astype(t)) for t in ("f8", "f4"))
    assert single.couplings_.dtype == single.transform(X.astype("f4")).dtype == np.float32
    assert double.couplings_.dtype == np.float64
    assert single.score(X) == pytest.approx(double.score(X), abs=0.05)


def test_a_deep_belief_net_is_a_pipeline(digits):
    data = qdl.datasets.digits(None, None, scale=(0, 1))
    first, second = (BoltzmannMachine(n, learning_rate=0.02, epochs=10) for n in (64, 48))
    net = make_pipeline(first, second, LogisticRegression(max_iter=2000))
    assert net.fit(data.X_train, data.y_train).score(data.X_test, data.y_test) > 0.9
    assert net[:-1].get_feature_names_out().tolist()[:2] == [
        "boltzmannmachine0",
        "boltzmannmachine1",
    ]
    search = GridSearchCV(BoltzmannMachine(4, epochs=3), {"learning_rate": [1e-4, 3e-3]}, cv=2)
    assert search.fit(digits[0][:200]).best_params_ == {"learning_rate": 3e-3}


class Scaled(BoltzmannMachine):
    """scikit-learn's checks feed any numbers: here as bits, above the middle of their range."""

    def _rows(self, X, reset):
        from sklearn.utils.validation import validate_data

        X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        return (X > 0).astype(X.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags


def test_scikit_learns_checks():
    """All of them where any number is made a bit; and as it is those with numbers in [0, 1]."""
    small = {"epochs": 2, "num_reads": 10}
    results = check_estimator(Scaled(5, **small), on_skip=None, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    results = check_estimator(BoltzmannMachine(5, **small), on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    for name, error in failed.items():  # most of the checks feed numbers of any size
        texts = str(error) + str(error.__cause__) + str(error.__context__)
        assert "must lie in [0, 1]" in texts, (name, texts)
    assert len(results) - len(failed) > 20
    assert clone(BoltzmannMachine(5)).hidden == 5


def test_no_circuit_is_needed(tmp_path):
    code = f"""
import sys, numpy as np, qdl.ising as ising
X = np.eye(4)
for words in ({{}}, {{"transverse": 1.0}}, {{"sampler": "cd", "graph": 1 - np.eye(6)}}):
    machine = ising.BoltzmannMachine(2, epochs=2, **words).fit(X)
    machine.score(X), machine.sample(3), machine.transform(X)
    machine.save({str(tmp_path / "a")!r})
    ising.BoltzmannMachine.load({str(tmp_path / "a")!r}).partial_fit(X)
assert not (found := {{"jax", "pennylane"}} & sys.modules.keys()), found
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_seed_is_one_result(digits):
    X = digits[0][:100]
    one, two, other = (BoltzmannMachine(4, epochs=2, seed=s).fit(X) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.couplings_, two.couplings_)
    assert not np.array_equal(one.couplings_, other.couplings_)
    import jax

    key = jax.random.key(3)
    np.testing.assert_array_equal(one.sample(5, key=key), one.sample(5, key=key))


BAD = [
    ({}, [[0.0, 2.0]], ValueError, r"features must lie in \[0, 1\], .* got 2. Scale them"),
    ({}, [[0.0, -0.5]], ValueError, r"features must lie in \[0, 1\], .* got -0.5"),
    ({}, [[0.0, np.nan]], ValueError, "NaN"),
    (
        {"graph": np.ones((3, 3))},
        [[0, 1]],
        ValueError,
        r"graph must have shape \(4, 4\), for 2 feat",
    ),
    ({"graph": np.ones((4, 4))}, [[0, 1]], ValueError, "graph couples spin 0 with itself"),
    ({"graph": 2 * np.eye(4)}, [[0, 1]], ValueError, "graph must hold True and False.* got 2.0"),
    ({"sampler": "pcd"}, [[0, 1]], ValueError, "sampler must be None, 'cd' .* got 'pcd'"),
    ({"sampler": "cd-0"}, [[0, 1]], ValueError, "sampler must be None, 'cd' .* got 'cd-0'"),
    ({"sampler": GibbsSampler}, [[0, 1]], TypeError, r"sampler must have sample\(h, J, num_reads"),
    (
        {"sampler": dimod.ExactSolver()},
        [[0, 1]],
        TypeError,
        r"ExactSolver is one of dimod's samplers.* Pass DimodSampler\(sampler\)",
    ),
    (
        {"sampler": "cd", "transverse": 1.0},
        [[0, 1]],
        ValueError,
        "contrastive divergence starts fr",
    ),
    ({"transverse": -1.0}, [[0, 1]], ValueError, "transverse must be a number >= 0, got -1.0"),
    ({"learning_rate": -1.0}, [[0, 1]], ValueError, "learning_rate must be a number >= 0"),
    ({"batch_size": 0}, [[0, 1]], ValueError, "batch_size must be a whole number >= 1, got 0"),
    ({"hidden": 1.5}, [[0, 1]], ValueError, "hidden must be a whole number >= 0, got 1.5"),
    ({"sampler": QPUSampler()}, [[0, 1]], ValueError, "each of the 100 chains would be a call"),
    ({"sampler": ExactSampler(1.0)}, [[0, 1]] * 50, ValueError, "pass persistent=False"),
    (
        {"learning_rate": 1e308},
        [[0, 1], [1, 0]] * 50,
        ValueError,
        "no longer finite. Lower learning_rate",
    ),
]


@pytest.mark.parametrize(("words", "X", "error", "said"), BAD)
def test_bad_input(words, X, error, said):
    with pytest.raises(error, match=said), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of overflow
        BoltzmannMachine(**({"hidden": 2} | words)).fit(X)


def test_bad_questions():
    model = BoltzmannMachine(2, epochs=1).fit([[0, 1], [1, 0]])
    with pytest.raises(
        ValueError, match="gives bits their likelihood, got the value 0.5. Threshold"
    ):
        model.score_samples([[0.5, 1]])
    with pytest.raises(ValueError, match="3 features"):
        model.transform([[0, 1, 1]])
    with pytest.raises(ValueError, match="num_reads must be a whole number >= 1, got 0"):
        model.sample(0)
    graph = np.triu(np.ones((24, 24)), 1)
    wide = BoltzmannMachine(22, graph=graph, epochs=1, num_reads=4).fit([[0, 1], [1, 0]])
    with pytest.raises(
        ValueError, match=r"22 hidden spins that are coupled with each other have 2\^22"
    ):
        wide.score_samples([[0, 1]])
    assert wide.transform([[0, 1]]).shape == (1, 22)
    with pytest.raises(ValueError, match="a BernoulliRBM has couplings of visible with hidden"):
        wide.to_bernoulli_rbm()
