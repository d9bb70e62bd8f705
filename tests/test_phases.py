"""The cluster-Ising chain and its recogniser, against closed forms."""

import jax
import numpy as np
import pennylane as qp
import pytest
from scipy.sparse.linalg import eigsh

import qdl
from benchmarks.evidence import cluster_ising as chains
from benchmarks.evidence import phases


def free_fermions(n, reach, field):
    """Ground energy of -sum P_i ... P_{i+reach} - field sum X: minus its singular values.

    Pfeuty (1970): after Jordan and Wigner both sums are bilinear, with couplings 1 at distance
    ``reach`` and ``field`` at distance 0.
    """
    couplings = field * np.eye(n) + np.eye(n, k=reach)
    return -np.linalg.svd(couplings, compute_uv=False).sum()


@pytest.mark.parametrize("n", [9, 12])
@pytest.mark.parametrize("field", [0.4, 1.0, 1.7])
@pytest.mark.parametrize(("letters", "reach"), [("ZZ", 1), ("ZXZ", 2)])
def test_energies_are_those_of_free_fermions(n, field, letters, reach):
    matrix = -chains.chain(n, letters) - field * chains.chain(n, "X")
    energy = eigsh(matrix, k=1, which="SA", v0=np.ones(2**n), return_eigenvectors=False)[0]
    assert energy == pytest.approx(free_fermions(n, reach, field), abs=1e-9)


def test_words_are_pennylanes():
    expected = qp.matrix(qp.Z(0) @ qp.X(2) @ qp.Z(3), wire_order=range(4))
    got = chains.word(4, {0: "Z", 2: "X", 3: "Z"}).toarray()
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("n", [9, 10, 11])
def test_string_order_is_one_in_the_cluster_state_and_zero_in_the_paramagnet(n):
    cluster, paramagnet, antiferromagnet = chains.ground_states(
        n, [(1e-3, 0.0), (100.0, 0.0), (0.1, -100.0)]
    )
    assert chains.string_order(cluster[None])[0] == pytest.approx(1, abs=1e-5)
    assert chains.string_order(paramagnet[None])[0] == pytest.approx(0, abs=1e-5)
    assert chains.string_order(antiferromagnet[None])[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("n", [9, 10, 11])
def test_states_are_symmetric_ground_states_even_where_four_of_them_are_equal(n):
    points = [(1e-3, 0.0), (0.6, 0.4), (0.3, -1.2), (0.37, -0.83), (0.5, -0.9)]
    states = chains.ground_states(n, points)
    cluster, field, ising, symmetries = chains.terms(n)
    np.testing.assert_allclose(np.linalg.norm(states, axis=1), 1)
    for state, (h1, h2) in zip(states, points, strict=True):
        matrix = -cluster - h1 * field - h2 * ising
        energy = state @ matrix @ state
        assert energy == pytest.approx(np.linalg.eigvalsh(matrix.toarray())[0], abs=1e-5)
        assert np.linalg.norm(matrix @ state - energy * state) < 1e-4
        parities = state @ symmetries @ state
        assert min(abs(parities - each) for each in (1.5, 0.5, -0.5, -1.5)) < 1e-8
    assert states[0] @ symmetries @ states[0] == pytest.approx(1.5, abs=1e-9)


@pytest.mark.parametrize("n", [9, 12])
def test_the_decoder_reads_a_cluster_state_as_no_error(n, key):
    model = phases.decoder(n)
    assert model.active == (4,) and model.n_params == 5
    params = [np.zeros_like(p) if p is not None else None for p in model.init(key)]
    cluster, paramagnet = chains.ground_states(n, [(1e-3, 0.0), (100.0, 0.0)])
    out = model.apply(params, np.stack([cluster, paramagnet]))[:, 0]
    np.testing.assert_allclose(out, [1, 0], atol=0.02)  # <Z_3 X_4 Z_5>, nothing turned


def test_the_decoder_agrees_with_pennylane(key, default_qubit):
    model = phases.decoder(9)
    params = model.init(key)
    states = chains.ground_states(9, [(0.5, 0.3), (0.7, -1.4), (1.2, 0.1)])
    expected = [default_qubit(model, params, state) for state in states]
    np.testing.assert_allclose(model.apply(params, states), expected, atol=1e-7)


def test_trained_on_the_solvable_line_it_knows_all_three_phases():
    one = phases.train(phases.decoder(9), seed=0, restarts=2, steps=200)
    line = chains.ground_states(9, phases.train_points())
    right = (one.margin(line) > 0) == (phases.train_points()[:, 0] < 1)
    assert right.mean() == 1
    points = [(0.2, 0.2), (0.3, -0.4), (0.3, -1.5), (1.5, -1.5), (1.5, 1.5), (0.2, 1.5)]
    topological = one.margin(chains.ground_states(9, points)) > 0
    assert topological.tolist() == [True, True, False, False, False, False]


def test_scores_never_see_the_points_of_choices():
    sets = [phases.train_points(), phases.validation_points(), phases.test_points()]
    together = [tuple(np.round(p, 9)) for points in sets for p in points]
    assert len(set(together)) == len(together) == 40 + 256 + 24 * 48
    moved = phases.test_points(seed=1)
    assert 0 < np.abs(moved - phases.test_points()).max() <= 0.8 / 24
    assert not set(map(tuple, moved)) & set(map(tuple, phases.validation_points()))


def test_draws_of_copies_average_to_the_expectation():
    values = np.full(20_000, 0.3)
    drawn = phases.sampled(values, seed=0)
    assert drawn.mean() == pytest.approx(0.3, abs=0.003)
    assert drawn.std() == pytest.approx(np.sqrt((1 - 0.09) / phases.COPIES), rel=0.03)


@pytest.mark.slow
def test_twelve_spins_of_a_matrix_product_state():
    """Energies are those of the diagonalisation, and the contraction is the state vector."""
    pytest.importorskip("tenpy")
    from benchmarks.evidence import long_phases, matrix_product

    x = []
    for h1, h2 in ((0.3, 0.2), (1.0, 0.0), (0.8, -1.4)):
        tensors, energy = matrix_product.ground_state(12, h1, h2, 8)
        [psi] = chains.ground_states(12, [(h1, h2)])
        cluster, field, ising, _ = chains.terms(12)
        exact = -psi @ ((cluster + h1 * field + h2 * ising) @ psi)
        assert exact - 1e-6 < energy < exact + 2e-3 * abs(exact)  # of nearly degenerate ones any
        x.append(long_phases.MPSEncoding(8).features(tensors))
    x, model = np.stack(x), long_phases.tree(spins=12)
    params = model.init(jax.random.key(0))
    dense = model.on(qdl.backends.statevector())

    def both(model):
        return jax.value_and_grad(lambda p: (model.apply(p, x) ** 2).sum())(params)

    assert np.abs(model.apply(params, x) - dense.apply(params, x)).max() < 1e-6
    pairs = zip(*(jax.tree.leaves(both(each)) for each in (model, dense)), strict=True)
    assert all(np.abs(a - b).max() < 1e-6 for a, b in pairs)
