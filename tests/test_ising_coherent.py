"""Amplitude amplification against closed forms, and the anneal against qdl's own simulator."""

import numpy as np
import pennylane as qp
import pytest
from scipy.linalg import expm

import qdl
from qdl.ising import Ising, amplify, annealing_unitary, calls_when_unknown, wrong_states
from qdl.ising.network import winners
from qdl.ising.samplers import all_states
from qdl.layers import Template


def problem(seed, n=4):
    rng = np.random.default_rng(seed)
    return Ising(rng.normal(size=n), np.triu(rng.normal(size=(n, n)), 1))


@pytest.mark.parametrize("n", [3, 4])
def test_the_anneal_is_that_of_qdls_simulator_and_of_the_matrix_exponential(n):
    ising, time, steps = problem(n, n), 3.0, 7
    dt, middles = time / steps, (np.arange(steps) + 0.5) / steps

    def gates(params, x, wires):
        yield from (qp.Hadamard(w) for w in wires)
        for s in middles:
            yield from (qp.RZ(2 * dt * s * ising.h[w], w) for w in wires)
            for i in range(n):
                for j in range(i + 1, n):
                    yield qp.IsingZZ(2 * dt * s * ising.J[i, j], wires=[i, j])
            yield from (qp.RX(-2 * dt * (1 - s), w) for w in wires)

    model = qdl.QNN(n, [Template(gates)])
    unitary = annealing_unitary(ising, time, steps)
    state = unitary @ np.full(2**n, 2 ** (-n / 2))
    np.testing.assert_allclose(state, model.state([None]), atol=1e-10)

    X = sum(qp.matrix(qp.X(w), wire_order=range(n)) for w in range(n))
    energies = np.diag(ising.energies(all_states(n)))
    exact = np.eye(2**n)
    for s in (np.arange(2000) + 0.5) / 2000:
        exact = expm(-1j * time / 2000 * (-(1 - s) * X + s * energies)) @ exact
    close = annealing_unitary(ising, time, 2000)
    np.testing.assert_allclose(close, exact, atol=2e-3)


def test_a_slow_anneal_ends_in_the_ground_state():
    ising = Ising([0.4, -0.7, 0.3], [[0, -0.5, 0.2], [0, 0, 0.6], [0, 0, 0]])
    state = annealing_unitary(ising, time=60.0, steps=1000) @ np.full(8, 8**-0.5)
    assert np.abs(state[ising.energies(all_states(3)).argmin()]) ** 2 > 0.98


def test_wrong_states_by_hand():
    wrong = wrong_states(1, 2, 2, label=1)
    for state, is_wrong in zip(all_states(5), wrong, strict=True):
        assert is_wrong == (not state[3:].sum() > state[1:3].sum())
    assert (winners(all_states(5)[:, 1:], 2)[wrong] != 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_probability_after_k_rounds_is_the_closed_form(seed):
    unitary = annealing_unitary(problem(seed, 6), time=4.0)
    wrong = wrong_states(2, 2, 2, label=seed % 2)
    first = amplify(unitary, wrong, rounds=0)
    assert first.probability == pytest.approx(first.amplitude**2, abs=1e-12)
    assert first.calls == pytest.approx(first.plain_calls)
    for k in range(1, 7):
        result = amplify(unitary, wrong, rounds=k)
        expected = np.sin((2 * k + 1) * np.arcsin(result.amplitude)) ** 2
        assert result.probability == pytest.approx(expected, abs=1e-9)
        assert result.calls == pytest.approx((2 * k + 1) / expected, rel=1e-6)
        assert result.fidelity == pytest.approx(1, abs=1e-9)


def test_the_best_number_of_rounds_is_the_best():
    unitary = annealing_unitary(problem(8, 6), time=25.0)
    energies = problem(8, 6).energies(all_states(6))
    wrong = energies >= np.sort(energies)[4]  # rare after a slow anneal
    best = amplify(unitary, wrong)
    assert best.rounds >= 2 and best.probability > 0.9 and best.calls < best.plain_calls
    for k in range(best.rounds):
        assert amplify(unitary, wrong, rounds=k).probability < best.probability


def test_unknown_amplitudes_cost_a_constant_factor():
    amplitudes = np.array([0.1, 0.03, 0.01, 0.003])
    calls = np.array([calls_when_unknown(a, 400, key=1) for a in amplitudes])
    slope = np.polyfit(np.log(amplitudes), np.log(calls), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)
    assert (calls * amplitudes < 4).all() and (calls * amplitudes > np.pi / 4).all()


def test_calls_against_amplitude_of_trained_networks():
    from benchmarks.ising import coherent_cases

    cases = [case for case in coherent_cases() if case.amplitude < 0.5]
    log = np.log([(c.amplitude, c.calls, c.plain_calls) for c in cases]).T
    assert len(cases) >= 20 and np.exp(log[0].min()) < 0.05
    amplified, plain = (np.polyfit(log[0], log[i], 1)[0] for i in (1, 2))
    assert -1.05 <= amplified <= -0.95 and -2.05 <= plain <= -1.95
    for case in cases:
        expected = np.sin((2 * case.rounds + 1) * np.arcsin(case.amplitude)) ** 2
        assert case.probability == pytest.approx(expected, abs=1e-9)


def test_what_cannot_be_amplified_is_refused():
    with pytest.raises(
        ValueError, match=r"one problem of 1 to 12 spins, got fields of shape \(13,"
    ):
        annealing_unitary(problem(0, 13), 1.0)
    with pytest.raises(ValueError, match="time must be a number > 0, got 0. Example: time=20"):
        annealing_unitary(problem(0), 0)
    with pytest.raises(ValueError, match="steps must be a whole number >= 1, got 2.5"):
        annealing_unitary(problem(0), 1.0, steps=2.5)
    unitary = annealing_unitary(problem(0), 1.0)
    with pytest.raises(ValueError, match="wrong part of amplitude 0, expected one between 0 and 1"):
        amplify(unitary, np.zeros(16, bool))
    with pytest.raises(
        ValueError, match=r"wrong must be a mask of booleans of shape \(16,\), got int"
    ):
        amplify(unitary, np.zeros(16, int))
    with pytest.raises(ValueError, match="rounds must be a whole number >= 0, got -1"):
        amplify(unitary, np.arange(16) < 3, rounds=-1)


@pytest.mark.parametrize("amplitude", [0.0, -0.1, 1.5, np.nan])
def test_an_amplitude_that_is_none_is_refused_and_not_waited_for(amplitude):
    with pytest.raises(ValueError, match=r"amplitude must be in \(0, 1\], got"):
        calls_when_unknown(amplitude)


def test_wrong_states_of_a_large_network_are_not_listed():
    with pytest.raises(
        ValueError, match=r"wrong_states lists all states of at most 12 spins, got 56"
    ):
        wrong_states(16, 10, 4, label=0)
    with pytest.raises(ValueError, match="label must be one of the classes 0 to 1, got 2"):
        wrong_states(1, 2, 1, label=2)
