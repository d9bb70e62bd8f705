"""Samplers: the contract, dimod's own tests, ground states and Boltzmann's law by brute force."""

import unittest

import dimod
import dimod.testing
import jax
import numpy as np
import pytest

import qdl.testing
from qdl.ising import Bipartite, BlockSampler, DimodSampler, ExactSampler, Ising, field_scale
from qdl.ising.base import Sampler
from qdl.ising.block import noise_table
from qdl.ising.samplers import all_states


@dimod.testing.load_sampler_bqm_tests(BlockSampler)
@dimod.testing.load_sampler_bqm_tests(ExactSampler)
class TestDimodsOwnTests(unittest.TestCase):
    def test_api(self):
        for sampler in (BlockSampler(), ExactSampler(), DimodSampler(dimod.ExactSolver())):
            dimod.testing.assert_sampler_api(sampler)


def random_network(seed, p=10, q=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=p + q), Bipartite(rng.normal(size=(p, q)))


@pytest.mark.parametrize(
    ("sampler", "initial"), [(BlockSampler(), True), (ExactSampler(), False)], ids=repr
)
def test_ours_keep_the_contract(sampler, initial):
    qdl.testing.check_sampler(sampler, initial=initial)


@pytest.mark.parametrize(
    ("name", "options", "initial"),
    [
        ("SimulatedAnnealingSampler", {"num_sweeps": 20}, True),
        ("PathIntegralAnnealingSampler", {"num_sweeps": 20}, True),
        ("SteepestDescentSampler", {}, True),
    ],
)
def test_dwaves_annealers_keep_the_contract(name, options, initial):
    samplers = pytest.importorskip("dwave.samplers")
    sampler = DimodSampler(getattr(samplers, name)(), **options)
    qdl.testing.check_sampler(sampler, initial=initial)


def test_ground_states_of_random_networks_are_found():
    """16 spins, 100 reads, 20 sweeps: at least 99 % of 200 networks."""
    states, found = all_states(16), 0
    for seed in range(200):
        h, J = random_network(seed)
        lowest = Ising(h, J).energies(states).min()
        energy = BlockSampler(sweeps=20).sample(h, J, 100, key=seed).energies[0]
        assert energy >= lowest - 1e-9
        found += energy <= lowest + 1e-9
    assert found >= 198


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("kind", ["bipartite", "dense"])
def test_fixed_temperature_is_boltzmanns_law(kind, temperature):
    h, J = random_network(3, 5, 3)
    if kind == "dense":
        J = np.triu(np.random.default_rng(4).normal(size=(8, 8)), 1)
    steady = BlockSampler(sweeps=60, hot=temperature, cold=temperature, quench=False)
    spins = steady.sample(h, J, 100_000, key=0).spins
    index = ((1 - spins.astype(int)) // 2) @ 2 ** np.arange(7, -1, -1)
    counts = np.bincount(index, minlength=256) / len(index)
    energy = Ising(h, J).energies(all_states(8))
    weights = np.exp(-(energy - energy.min()) / (temperature * field_scale(h, J)))
    assert np.abs(counts - weights / weights.sum()).sum() / 2 <= 0.03  # total variation


def test_exact_sampler_is_boltzmanns_law_and_draws_all_ground_states():
    h, J = random_network(5, 2, 2)
    spins = ExactSampler(temperature=2.0).sample(h, J, 50_000, key=0).spins
    index = ((1 - spins.astype(int)) // 2) @ 2 ** np.arange(3, -1, -1)
    energy = Ising(h, J).energies(all_states(4))
    weights = np.exp(-energy / 2)
    counts = np.bincount(index, minlength=16) / len(index)
    assert np.abs(counts - weights / weights.sum()).max() < 0.01
    ferromagnet = Ising(np.zeros(4), Bipartite(-np.ones((2, 2))))
    spins = ExactSampler().sample(ferromagnet.h, ferromagnet.J, 100, key=1).spins
    assert np.unique(spins, axis=0).tolist() == [[-1] * 4, [1] * 4]


def test_a_descent_ends_where_no_single_flip_lowers_the_energy():
    h, J = random_network(7)
    for couplings in (J, np.triu(np.random.default_rng(1).normal(size=(16, 16)), 1)):
        ising = Ising(h, couplings)
        spins = BlockSampler(sweeps=2).sample(h, couplings, 50, key=0).spins
        energy = ising.energies(spins)
        for i in range(16):
            flipped = spins.copy()
            flipped[:, i] *= -1
            assert (ising.energies(flipped) >= energy - 1e-5).all()


def test_reverse_annealing_stays_near_its_start_and_forward_does_not():
    rng = np.random.default_rng(0)
    pattern = rng.choice([-1, 1], size=60)
    h, J = 0.01 * pattern, Bipartite(-0.2 * np.outer(pattern[:40], pattern[40:]))
    start = -pattern  # the other basin of a two-fold landscape
    cold = BlockSampler(sweeps=20, reverse_hot=0.1)
    spins = cold.sample(h, J, 50, key=0, initial=start).spins
    assert (spins == start).all()
    forward = cold.sample(h, J, 50, key=0).spins
    assert 0 < (forward == pattern).all(axis=1).mean() < 1


def test_many_problems_are_sampled_in_pieces_and_each_gets_its_own_reads():
    h, J = random_network(0, 40, 20)
    fields = np.stack([h, -h] * 40)  # 80 x 50 x 60 spins: more than one piece
    spins, energies = BlockSampler(sweeps=5).sample(fields, J, 50, key=0)
    np.testing.assert_allclose(energies[::2].mean(), energies[1::2].mean(), rtol=0.02)
    assert len(np.unique(spins[::2].reshape(-1, 60), axis=0)) > 100
    assert (Ising(h, J).energies(spins[0]) < 0).all()


@pytest.mark.parametrize(
    ("dtype", "exponent"),
    [("float64", 3), ("float32", 3), ("float32", -80), ("float32", 100), ("float64", -900)]
    + [("float64", 400)],
)
@pytest.mark.parametrize("dense", [False, True])
def test_scaling_a_problem_changes_nothing(dtype, exponent, dense):
    h, J = random_network(2)
    h, block = h.astype(dtype), J.block.astype(dtype)

    def spins(factor):
        J = Bipartite(factor * block)
        h_and_J = factor * h, J.dense() if dense else J
        return BlockSampler().sample(*h_and_J, 20, key=0).spins

    np.testing.assert_array_equal(spins(1), spins(np.ldexp(np.ones((), dtype), exponent)))


def test_keys():
    h, J = random_network(0)
    sample = BlockSampler(sweeps=1, quench=False).sample
    draws = [sample(h, J, 9, key=k).spins for k in (0, 1, jax.random.key(2), jax.random.key(3))]
    for i, one in enumerate(draws):
        assert not any(np.array_equal(one, other) for other in draws[i + 1 :])
    again = sample(h, J, 9, key=jax.random.key(3)).spins
    np.testing.assert_array_equal(again, draws[3])
    np.testing.assert_array_equal(sample(h, J, 9, key=np.random.default_rng(1)).spins, draws[1])
    rng = np.random.default_rng(1)
    assert not np.array_equal(sample(h, J, 9, key=rng).spins, sample(h, J, 9, key=rng).spins)


def test_noise_is_logistic():
    noise = noise_table()
    assert np.mean(noise < 1.0) == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.005


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"num_reads": 0}, ValueError, "num_reads must be a whole number >= 1, got 0"),
        ({"key": None}, TypeError, "a sampler needs a key, got None. Pass key=0"),
        ({"key": -1}, TypeError, "a sampler needs a key, got -1"),
        ({"key": [0, -1]}, TypeError, r"a sampler needs a key, got \[0, -1\]"),
        ({"key": np.bool_(True)}, TypeError, "a sampler needs a key, got np.True_"),
        ({"key": np.array([0.5])}, TypeError, r"a sampler needs a key, got array\(\[0.5\]\)"),
        ({"h": dimod.BinaryQuadraticModel("SPIN")}, TypeError, "a dimod model holds its couplings"),
        ({"initial": np.ones(3)}, ValueError, r"initial has shape \(3,\), expected .* = \(2, 16\)"),
        ({"initial": np.zeros(16)}, ValueError, r"initial spins must be -1 or \+1, got 0.0"),
        ({"J": None}, ValueError, "J must be Bipartite or a square matrix"),
    ],
)
def test_bad_calls(words, error, said):
    h, J = random_network(0)
    with pytest.raises(error, match=said):
        BlockSampler().sample(**({"h": h, "J": J, "num_reads": 2, "key": 0} | words))


def test_bad_samplers():
    with pytest.raises(ValueError, match="sweeps must be a whole number >= 0, got 1.5"):
        BlockSampler(sweeps=1.5)
    with pytest.raises(ValueError, match="0 <= cold <= hot .* got cold=2.0, hot=1.0"):
        BlockSampler(cold=2.0)
    with pytest.raises(ValueError, match="temperature must be a number >= 0, got -1"):
        ExactSampler(temperature=-1)
    with pytest.raises(ValueError, match="at most 20 spins, got 21. Use BlockSampler"):
        ExactSampler().sample(np.zeros(21), np.zeros((21, 21)), 1, key=0)
    with pytest.raises(ValueError, match="ExactSampler has no states to start from"):
        ExactSampler().sample([1.0], [[0.0]], 1, key=0, initial=[1])
    with pytest.raises(TypeError, match="DimodSampler needs a dimod.Sampler, got 3"):
        DimodSampler(3)
    with pytest.raises(ValueError, match="ExactSolver takes no initial_states"):
        DimodSampler(dimod.ExactSolver()).sample([1.0], [[0.0]], 1, key=0, initial=[1])
    with pytest.raises(ValueError, match=r"returned spins of shape \(2, 1\), expected \(3, 1\)"):
        DimodSampler(dimod.ExactSolver()).sample([1.0], [[0.0]], 3, key=0)


class Broken(Sampler):
    """Wrong in the way that its function says."""

    def __init__(self, change):
        self.change = change

    def draw(self, h, J, num_reads, rng, initial):
        return BlockSampler().draw(h, J, num_reads, rng, initial)

    def sample(self, h, J=None, num_reads=1, key=None, initial=None):
        return self.change(*super().sample(h, J, num_reads, key, initial))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s, e: (s[..., :1, :], e), "spins have shape .*, expected"),
        (lambda s, e: (s, e[..., None]), "energies have shape"),
        (lambda s, e: ((s + 1) // 2, e), r"spins are \[0 1\], expected -1 and \+1"),
        (lambda s, e: (s, e[..., ::-1]), "the lowest energy must come first"),
        (lambda s, e: (s, 1.01 * e), "energies differ by .* from those of a dimod model"),
        (
            lambda s, e: (s * np.random.default_rng().choice([-1, 1]), e),
            "energies differ|other reads",
        ),
    ],
)
def test_the_conformance_check_finds_what_is_wrong(change, said):
    with pytest.raises(AssertionError, match=said):
        qdl.testing.check_sampler(Broken(change))
    qdl.testing.check_sampler(Broken(lambda s, e: (s, e)))


def test_what_has_noise_of_its_own_is_not_asked_to_repeat_itself():
    class Restless(Sampler):
        def draw(self, h, J, num_reads, rng, initial):
            return BlockSampler(2).draw(h, J, num_reads, np.random.default_rng(), initial)

    with pytest.raises(AssertionError, match="the same key gave other reads"):
        qdl.testing.check_sampler(Restless(), n_spins=30)
    qdl.testing.check_sampler(Restless(), n_spins=30, repeatable=False)


def test_more_spins_than_the_table_of_noise_are_refused():
    n = 2**20
    with pytest.raises(ValueError, match=f"BlockSampler takes fewer than {n} spins, got {n}"):
        BlockSampler(sweeps=1).sample(np.zeros(n), Bipartite(np.zeros((n - 1, 1))), key=0)
