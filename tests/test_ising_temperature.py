"""Temperatures in the units of h and J: sampling at one, and telling one from reads."""

import numpy as np
import pytest

import qdl.testing
from qdl.ising import (
    Bipartite,
    BlockSampler,
    ExactSampler,
    GibbsSampler,
    Ising,
    effective_temperature,
)
from qdl.ising.samplers import all_states


def problem(n, dense=True, sd=0.5, seed=0):
    rng = np.random.default_rng(seed)
    h = rng.normal(scale=sd, size=n)
    J = np.triu(rng.normal(scale=sd, size=(n, n)), 1)
    return h, J if dense else Bipartite(J[: n // 2, n // 2 :])


def exact(h, J, temperature):
    energy = Ising(h, J).energies(all_states(len(h)))
    weights = np.exp(-(energy - energy.min()) / temperature)
    return weights / weights.sum()


def variation(spins, p):
    """The total variation distance of reads from a distribution over ``all_states``."""
    n = spins.shape[-1]
    index = ((1 - spins.astype(int)) // 2) @ 2 ** np.arange(n - 1, -1, -1)
    return np.abs(np.bincount(index, minlength=2**n) / len(index) - p).sum() / 2


def test_gibbs_keeps_the_contract():
    qdl.testing.check_sampler(GibbsSampler(), initial=True)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("dense", [True, False])
def test_gibbs_draws_boltzmanns_law_in_absolute_units(dense, temperature):
    """12 spins, 100,000 reads: exact draws are as far from it, at T = 1 .036 to .038."""
    (h, J), p = problem(12, dense), exact(*problem(12, dense), temperature)
    drawn = np.random.default_rng(0).multinomial(100_000, p) / 100_000
    spins = GibbsSampler(50, temperature).sample(h, J, 100_000, key=1).spins
    assert variation(spins, p) <= np.abs(drawn - p).sum() / 2 + 0.003
    assert temperature > 1 or not dense or variation(spins, p) <= 0.05
    assert variation(spins, exact(h, J, 1.2 * temperature)) > 0.06


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dense", [True, False])
def test_a_problem_and_its_temperature_scale_together(dtype, dense):
    h, J = problem(9, dense)
    block = J if dense else J.block
    for factor in (2.0**-60, 2.0**40):
        spins = []
        for k in (1.0, factor):
            couplings = (k * block).astype(dtype)
            sampler = GibbsSampler(5, temperature=0.7 * k)
            parts = (k * h).astype(dtype), couplings if dense else Bipartite(couplings)
            spins.append(sampler.sample(*parts, 20, key=0).spins)
        np.testing.assert_array_equal(*spins)
    tiny = np.ldexp(1.0, -100)
    random = GibbsSampler().sample((tiny * h).astype(dtype), np.zeros((9, 9)), 4000, key=0).spins
    assert np.abs(random.mean(axis=0)).max() < 0.06  # at T = 1 such fields do nothing


def test_absolute_units_are_one_for_all_problems_of_a_batch():
    h = np.array([[0.1, 0.1], [1.0, 1.0]])  # their scales differ tenfold
    spins = GibbsSampler(3).sample(h, np.zeros((2, 2)), 200_000, key=0).spins
    np.testing.assert_allclose(spins.mean(axis=(1, 2)), -np.tanh([0.1, 1.0]), atol=0.005)
    absolute = BlockSampler(30, 1.0, 1.0, quench=False, absolute=True)
    np.testing.assert_array_equal(
        absolute.sample(*problem(8), 50, key=3).spins,
        GibbsSampler(30).sample(*problem(8), 50, key=3).spins,
    )
    annealed = BlockSampler(absolute=True, cold=0.0).sample(*problem(8), 20, key=3)
    assert annealed.energies[0] == Ising(*problem(8)).energies(all_states(8)).min()


def test_absolute_units_are_named_where_they_are_on():
    """A checkpoint compares what samplers look like: older ones know of no absolute units."""
    assert repr(BlockSampler(3)).endswith("reverse_hot=0.5, quench=True)")
    assert repr(BlockSampler(3, absolute=True)).endswith("quench=True, absolute=True)")


def test_chains_go_on_from_where_they_were():
    """One sweep from exact reads stays in the distribution; from one state it does not get there."""
    h, J = problem(8)
    p = exact(h, J, 1.0)
    reads = ExactSampler(1.0).sample(h, J, 50_000, key=0).spins
    assert (
        variation(GibbsSampler(1).sample(h, J, key=1, num_reads=50_000, initial=reads)[0], p) < 0.03
    )
    stuck = GibbsSampler(1).sample(h, J, 50_000, key=1, initial=-np.ones(8)).spins
    assert variation(stuck, p) > 0.1
    steps = GibbsSampler(50).sample(h, J, 50_000, key=1, initial=-np.ones(8)).spins
    assert variation(steps, p) < 0.03


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_thousand_reads_tell_their_temperature_within_a_tenth(temperature):
    h, J = problem(8)
    for seed in range(3):
        spins = ExactSampler(temperature).sample(h, J, 1000, key=seed).spins
        assert effective_temperature(h, J, spins) == pytest.approx(temperature, rel=0.1)


@pytest.mark.parametrize("dense", [True, False])
def test_the_estimate_is_that_of_dwaves_tools(dense):
    theirs = pytest.importorskip("dwave.system.temperatures").maximum_pseudolikelihood_temperature
    h, J = problem(12, dense)
    for temperature in (0.3, 1.0, 4.0):
        spins = ExactSampler(temperature).sample(h, J, 500, key=1).spins
        found, _ = theirs(Ising(h, J).to_bqm(), (spins, list(range(12))))
        assert effective_temperature(h, J, spins) == pytest.approx(found, rel=1e-6)


def test_the_estimate_in_float32_and_over_many_problems():
    h, J = problem(10, dense=False)
    fields = np.stack([h, -h, 0.3 * h])
    spins = ExactSampler(1.5).sample(fields, J, 20_000, key=0).spins
    assert effective_temperature(fields, J, spins) == pytest.approx(1.5, rel=0.02)
    small = fields.astype("float32"), Bipartite(J.block.astype("float32"))
    assert effective_temperature(*small, spins) == pytest.approx(1.5, rel=0.02)


def test_limits_of_the_estimate():
    h, J = problem(10)
    quenched = BlockSampler().sample(h, J, 200, key=0).spins
    assert effective_temperature(h, J, quenched) == 0.0
    assert (
        effective_temperature(h, np.zeros((10, 10)), [np.where(h > 0, 1, -1)]) == 0.0
    )  # all against
    turned = ExactSampler(1.0).sample(-h, -J, 2000, key=0).spins
    assert effective_temperature(h, J, turned) == pytest.approx(-1.0, rel=0.1)
    assert effective_temperature([1.0], [[0.0]], [[1], [-1]]) == np.inf
    scaled = ExactSampler(1.0).sample(h, J, 2000, key=0).spins
    one = effective_temperature(h, J, scaled)
    for factor in (1e-8, 1e8):
        assert effective_temperature(factor * h, factor * J, scaled) == pytest.approx(factor * one)
    with pytest.raises(ValueError, match="no field acts on any of these spins"):
        effective_temperature([0.0, 0.0], np.zeros((2, 2)), [[1, 1]])
    with pytest.raises(ValueError, match=r"spins must have 10 entries .* got shape \(4, 3\)"):
        effective_temperature(h, J, np.ones((4, 3)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GibbsSampler(0), "sweeps must be a whole number >= 1, got 0"),
        (lambda: GibbsSampler(temperature=0.0), "temperature must be a number > 0, got 0.0"),
        (
            lambda: BlockSampler(cold=3.0, absolute=True),
            r"cold=3.0, hot=1.0, .*in units of h and J \(absolute=True\)",
        ),
    ],
)
def test_bad_samplers(make, said):
    with pytest.raises(ValueError, match=said):
        make()
