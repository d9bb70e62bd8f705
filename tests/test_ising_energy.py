"""Ising problems: energies, QUBO and dimod models, against dimod and brute force."""

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qdl.ising import Bipartite, Ising, field_scale
from qdl.ising.samplers import all_states


def problem(seed, n=5, lead=()):
    rng = np.random.default_rng(seed)
    return Ising(rng.normal(size=(*lead, n)), np.triu(rng.normal(size=(n, n)), 1), rng.normal())


def by_hand(h, J, s, offset=0.0):
    n = len(h)
    pairs = sum(J[i, j] * s[i] * s[j] for i in range(n) for j in range(i + 1, n))
    return offset + sum(h[i] * s[i] for i in range(n)) + pairs


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**20), n=st.integers(3, 6))
def test_energies_are_dimods_and_the_sum_by_hand(seed, n):
    ising, states = problem(seed, n), all_states(n)
    expected = [by_hand(ising.h, ising.J, s, ising.offset) for s in states]
    np.testing.assert_allclose(ising.energies(states), expected, atol=1e-12)
    np.testing.assert_allclose(ising.to_bqm().energies(states), expected, atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**20), n=st.integers(3, 6))
def test_qubo_and_bqm_round_trips(seed, n):
    ising, states = problem(seed, n), all_states(n)
    Q, offset = ising.to_qubo()
    bits = (states + 1) / 2
    values = np.einsum("ki,ij,kj->k", bits, Q, bits) + offset
    np.testing.assert_allclose(values, ising.energies(states), atol=1e-12)
    theirs, their_offset = ising.to_bqm().to_qubo()
    assert offset == pytest.approx(their_offset)
    assert {(i, j): Q[min(i, j), max(i, j)] for i, j in theirs} == pytest.approx(theirs)
    halves = (Q + Q.T) / 2  # the same function
    backs = (
        Ising.from_qubo(Q, offset),
        Ising.from_qubo(halves, offset),
        Ising.from_bqm(ising.to_bqm()),
    )
    for back in backs:
        np.testing.assert_allclose(back.h, ising.h, atol=1e-12)
        np.testing.assert_allclose(back.J, ising.J, atol=1e-12)
        assert back.offset == pytest.approx(ising.offset)


def test_from_bqm_keeps_the_order_of_the_variables_and_takes_bits():
    bqm = dimod.BinaryQuadraticModel({"b": 1.0, "a": -2.0}, {("a", "b"): 3.0}, 0.5, "BINARY")
    ising = Ising.from_bqm(bqm)
    for state in all_states(2):
        bits = dict(zip(bqm.variables, (state + 1) // 2, strict=True))
        assert ising.energies(state) == pytest.approx(bqm.energy(bits))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bipartite_is_its_dense_matrix(dtype):
    rng = np.random.default_rng(1)
    J = Bipartite(rng.normal(size=(3, 4)).astype(dtype))
    h, states = rng.normal(size=(2, 7)).astype(dtype), rng.choice([-1, 1], size=(2, 5, 7))
    one, other = Ising(h, J), Ising(h, J.dense())
    assert one.energies(states).dtype == dtype and one.energies(states).shape == (2, 5)
    np.testing.assert_allclose(one.energies(states), other.energies(states), rtol=1e-5)
    np.testing.assert_allclose(field_scale(h, J), field_scale(h, J.dense()), rtol=1e-6)


def test_field_scale_is_the_rms_field_among_random_spins():
    ising = problem(3, 6)
    sym = ising.J + ising.J.T
    fields = ising.h + all_states(6) @ sym
    assert field_scale(ising.h, ising.J) == pytest.approx(np.sqrt(np.mean(fields**2)))


@pytest.mark.parametrize(
    ("h", "J", "said"),
    [
        ([1.0, 2.0], np.zeros((3, 3)), r"h must have shape \(..., 3\) for 3 coupled spins, got"),
        (1.0, np.zeros((1, 1)), r"h must have shape \(..., 1\)"),
        ([1.0], [0.0], r"J must be Bipartite or a square matrix \(n, n\), got \(1,\)"),
        ([0.0, 0.0], [[0.0, 1.0], [1.0, 0.0]], r"J\[1, 0\] = 1.0. A symmetric .* np.triu\(J, 1\)"),
        ([0.0, 0.0], [[2.0, 1.0], [0.0, 0.0]], r"but J\[0, 0\] = 2.0"),
        ([np.nan, 0.0], np.zeros((2, 2)), "h must be finite, got NaN or Inf"),
        ([0.0, 0.0], [[0.0, np.inf], [0.0, 0.0]], "J must be finite"),
    ],
)
def test_what_is_no_problem_is_refused(h, J, said):
    with pytest.raises(ValueError, match=said):
        Ising(h, J)


def test_other_bad_input():
    with pytest.raises(ValueError, match=r"Bipartite needs a block of shape \(p, q\), got \(2,\)"):
        Bipartite([1.0, 2.0])
    with pytest.raises(ValueError, match=r"spins must have 5 entries on the last axis, got shape"):
        problem(0).energies(np.ones(4))
    with pytest.raises(
        ValueError, match=r"spins must be -1 or \+1, got 0.* Bits b become spins by"
    ):
        problem(0).energies([0, 1, 1, 0, 1])
    with pytest.raises(ValueError, match="offset must be finite, got nan"):
        Ising([0.0], [[0.0]], np.nan)
    with pytest.raises(ValueError, match=r"is one problem, but h has shape \(2, 5\). Convert"):
        problem(0, lead=(2,)).to_bqm()
    with pytest.raises(ValueError, match=r"Q must be a square matrix \(n, n\), got \(3,\)"):
        Ising.from_qubo([1.0, 2.0, 3.0])


def test_a_qubo_as_a_dict():
    Q = {(0, 0): 1.5, (2, 0): -2.0, (0, 2): 0.5, (1, 1): -1.0}
    states = all_states(3)
    wanted = dimod.BinaryQuadraticModel.from_qubo(Q).energies((states + 1) // 2)
    np.testing.assert_allclose(Ising.from_qubo(Q).energies(states), wanted, atol=1e-12)
    with pytest.raises(
        ValueError, match=r"needs pairs .* got \('a', 'b'\). .*BinaryQuadraticModel.from_qubo"
    ):
        Ising.from_qubo({("a", "b"): 1.0})
