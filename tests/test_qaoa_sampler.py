"""QAOA as a sampler of Ising problems, and as what it is worth beside an annealer."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import qdl
from qdl.ising import BlockSampler, BoltzmannMachine, ExactSampler, Ising, IsingClassifier
from qdl.ising.samplers import all_states
from qdl.models import QAOASampler, qaoa
from qdl.testing import check_sampler


def problem(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), np.triu(rng.normal(size=(n, n)), 1)


@pytest.mark.parametrize(
    "sampler",
    [
        QAOASampler(2),
        QAOASampler(1, absolute=True),
        pytest.param(QAOASampler(1, steps=10), marks=pytest.mark.slow),
        pytest.param(
            QAOASampler(2, place=qdl.backends.statevector(shots=8)), marks=pytest.mark.slow
        ),
    ],
)
def test_it_keeps_the_contract(sampler):
    check_sampler(sampler)


@pytest.mark.parametrize("absolute", [False, True])
def test_it_draws_from_the_state_of_qaoa(absolute):
    """The same probabilities as the model of the problem, whose coefficients are its own."""
    h, J = problem(5)
    model = qaoa(h, J, 3)
    params = model.init(jax.random.key(0))
    if absolute:
        gamma, beta = params[0]["turns"]
        params = [{"start": None, "turns": [gamma * qdl.ising.field_scale(h, J), beta]}]
    p = np.abs(np.asarray(model.state(params))) ** 2
    reads = QAOASampler(3, absolute=absolute).sample(h, J, 40_000, key=1)
    index = (1 - reads.spins.astype(int)) // 2 @ (1 << np.arange(5)[::-1])
    found = np.bincount(index, minlength=32) / 40_000
    assert np.abs(found - p).sum() / 2 < 0.02


def test_depth_and_optimisation_lower_the_energy():
    h, J = problem(8)
    lowest = float(ExactSampler().sample(h, J, 1, key=0).energies[0])
    ramp, deep, trained = (
        sampler.sample(h, J, 2000, key=0).energies.mean() / lowest
        for sampler in (QAOASampler(1), QAOASampler(6), QAOASampler(2, steps=60))
    )
    assert ramp < deep and ramp < trained and deep > 0.5
    assert BlockSampler().sample(h, J, 2000, key=0).energies.mean() / lowest > max(deep, trained)


def test_a_problem_is_a_distribution_whatever_its_size_unless_absolute():
    h, J = problem(6)
    one, ten = (QAOASampler(2).sample(s * h, s * J, 50, key=3).spins for s in (1.0, 10.0))
    np.testing.assert_array_equal(one, ten)
    one, ten = (
        QAOASampler(2, absolute=True).sample(s * h, s * J, 50, key=3).spins for s in (0.1, 0.3)
    )
    assert (one != ten).any()
    flat = QAOASampler(2).sample(np.zeros(3), np.zeros((3, 3)), 4000, key=0).spins
    assert np.abs(flat.mean(0)).max() < 0.1


def test_many_problems_of_one_structure_compile_once(compiled):
    h, J = problem(4)
    sampler = QAOASampler(3)
    sampler.sample(h, J, 5, key=0)
    before = len(compiled)
    for seed in range(4):
        h, J = problem(4, seed)
        sampler.sample(np.stack([h, -h]), J, 7, key=seed)
    assert len(compiled) == before


def test_more_than_sixteen_spins():
    h, J = problem(17)
    with pytest.raises(
        qdl.Refused, match=r"at most 16 spins, got 17. Pass a place that draws shots.*BlockSampler"
    ):
        QAOASampler(1).sample(h, J, 1, key=0)
    with pytest.raises(qdl.Refused, match="at most 16 spins, got 17. Pass a place"):
        QAOASampler(1, place=qdl.backends.statevector()).sample(h, J, 1, key=0)
    there = qdl.backends.statevector(shots=10)
    with pytest.raises(qdl.Refused, match="Pass steps=0: the ramp"):
        QAOASampler(1, steps=5, place=there).sample(h, J, 1, key=0)
    chain = np.diag(np.ones(16), 1)  # few couplings are few gates
    reads = QAOASampler(1, place=there).sample(0 * h, chain, 60, key=0)
    assert reads.spins.shape == (60, 17) and reads.energies.mean() < -2
    np.testing.assert_allclose(reads.energies, Ising(0 * h, chain).energies(reads.spins))


def test_other_bad_input():
    h, J = problem(3)
    with pytest.raises(qdl.Refused, match="has no states to start from"):
        QAOASampler(1).sample(h, J, 2, key=0, initial=all_states(3)[:2])
    for options in (
        {"depth": 0},
        {"depth": 1.5},
        {"depth": 1, "steps": -1},
        {"depth": 1, "learning_rate": 0},
    ):
        with pytest.raises(ValueError, match="QAOASampler needs|learning_rate must be"):
            QAOASampler(**options)


def test_on_a_machine(key):
    h, J = problem(3)
    sampler = QAOASampler(2, place=qdl.backends.aer())
    energies = sampler.sample(h, J, 4000, key=0).energies
    exact = QAOASampler(2).sample(h, J, 40_000, key=0).energies
    assert abs(energies.mean() - exact.mean()) < 5 * exact.std() / np.sqrt(4000)


@pytest.mark.slow
def test_it_trains_the_classifier_and_is_saved_with_it(tmp_path):
    """ "QAOA could train deep learning models" (Verdon et al. 2017): it can."""
    data = qdl.datasets.digits(classes=(0, 1), features=None, scale=(0, 1))
    X, X_test = (
        x.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(len(x), 16)
        for x in (data.X_train, data.X_test)
    )
    sampler = QAOASampler(4)
    classifier = IsingClassifier(hidden=6, redundancy=2, epochs=2, sampler=sampler, seed=0)
    classifier.fit(X, data.y_train)
    assert classifier.score(X_test, data.y_test) > 0.8
    classifier.save(tmp_path)
    again = IsingClassifier.load(tmp_path, samplers=(QAOASampler,))
    assert again.sampler == sampler
    np.testing.assert_array_equal(again.predict(X_test), classifier.predict(X_test))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_boltzmann_machines_model_phase_needs_angles_in_absolute_units(seed):
    """2x2 bars and stripes: log 16 = 2.77 nats at the start, log 6 = 1.79 at best, 2.08 to 2.19 by Gibbs."""
    patterns = np.array([[0] * 4, [1] * 4, [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    X = np.repeat(patterns, 20, axis=0)
    words = {"persistent": False, "num_reads": 200, "learning_rate": 0.05, "seed": seed}
    machine = BoltzmannMachine(4, sampler=QAOASampler(3, absolute=True), epochs=70, **words)
    assert machine.fit(X).score(X) > -2.25
    with pytest.warns(RuntimeWarning, match="draws at the temperature"):
        BoltzmannMachine(4, sampler=QAOASampler(3), epochs=70, **words).fit(X)


def test_samplers_are_imported_on_first_use():
    code = (
        "import sys, qdl.models; assert 'dimod' not in sys.modules; "
        "from qdl.models import QAOASampler; assert 'dimod' in sys.modules; "
        "assert 'QAOASampler' in qdl.models.__all__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="module 'qdl.models' has no attribute 'vqe'"):
        qdl.models.vqe  # noqa: B018
