"""Evolution under Pauli words: against matrix exponentials, QAOA's closed form and its published values."""

import doctest
import importlib
import itertools

import jax
import networkx as nx
import numpy as np
import optax
import pennylane as qp
import pytest
import scipy.linalg

import qdl
from qdl.layers import QAOA, AngleEncoding, Evolution, Hadamards, Repeat, Rotation
from qdl.models import hamiltonian_variational, qaoa

H = (
    0.7 * qp.Z(0) @ qp.Z(1)
    - 0.4 * qp.X(1) @ qp.Y(2)
    + 0.9 * qp.X(0)
    + 0.3 * qp.Z(3)
    - 0.2 * qp.X(3)
)


def matrix(observable, n):
    return qp.matrix(observable, wire_order=range(n))


@pytest.mark.parametrize("terms", [
    [(0.7, "Z", (1,)), (-1.1, "ZZ", (0, 2)), (0.3, "ZZZ", (2, 0, 1))],
    [(0.7, "X", (1,)), (-1.1, "XX", (0, 2)), (0.3, "XXX", (2, 0, 1))],
    [(0.5, "YY", (0, 1)), (0.4, "XXZ", (0, 1, 2))],
])  # fmt: skip
def test_words_that_commute_are_the_exponential_of_their_sum(terms):
    layer = Evolution(terms)
    start = scipy.stats.unitary_group.rvs(8, random_state=1)[:, 0]
    model = qdl.QNN(3, [qdl.layers.AmplitudeEncoding(), layer])
    state = model.state([None, np.array([0.37])], np.abs(start))
    exact = scipy.linalg.expm(-0.37j * matrix(layer.observable(), 3)) @ np.abs(start)
    np.testing.assert_allclose(state, exact, atol=1e-12)


def test_each_word_has_its_own_time_if_not_shared(key):
    layer = Evolution(
        [(0.7, "ZZ", (0, 1)), (-1.1, "X", (2,)), (0.4, "YXZ", (2, 0, 1))], shared=False
    )
    model = qdl.QNN(3, [Rotation("xy"), layer])
    params = model.init(key)
    exact = np.asarray(qdl.QNN(3, [Rotation("xy")]).state(params[:1]))
    for theta, (c, word, where) in zip(params[1], layer.terms, strict=True):
        letters = [getattr(qp, letter)(wire) for letter, wire in zip(word, where, strict=True)]
        exact = scipy.linalg.expm(-1j * float(theta) * c * matrix(qp.prod(*letters), 3)) @ exact
    np.testing.assert_allclose(model.state(params), exact, atol=1e-12)


def test_trotter_steps_approach_the_evolution_as_one_over_their_square():
    start = Rotation("xy")
    angles = np.random.default_rng(0).uniform(0.2, 2.0, (4, 2))
    exact = scipy.linalg.expm(-2j * matrix(H, 4)) @ qdl.QNN(4, start).state([angles])
    errors = []
    for steps in (4, 16):
        model = qdl.QNN(4, [start, Repeat(Evolution.from_hamiltonian(H), steps)])
        state = model.state([angles, np.full((steps, 1), 2 / steps)])
        errors.append(1 - abs(np.vdot(exact, state)) ** 2)
    assert errors[0] > 1e-3 and errors[0] / errors[1] == pytest.approx(16, rel=0.25)


def test_hamiltonians_come_and_go():
    layer = Evolution.from_hamiltonian(H + 3.0 * qp.I(0), shared=False)
    assert layer.shared is False and len(layer.terms) == 5
    np.testing.assert_allclose(matrix(layer.observable(), 4), matrix(H, 4), atol=1e-15)
    assert Evolution.from_hamiltonian(layer.observable(), shared=False) == layer
    assert Evolution([[1, "Z", 0]]) == Evolution(((1.0, "Z", (0,)),))


@pytest.mark.parametrize(
    "terms, said",
    [
        ([], "needs a list of terms"),
        ("ZZ", "needs a list of terms"),
        ([(1.0, "ZZ")], r"\(coefficient, word, positions\), got \(1.0, 'ZZ'\)"),
        ([(1.0, "ZI", (0, 1))], "letters X, Y, Z, got 'ZI'"),
        ([(1.0, "", ())], "letters X, Y, Z, got ''"),
        ([(np.nan, "Z", (0,))], "finite real coefficient, got nan"),
        ([(1j, "Z", (0,))], "finite real coefficient, got 1j"),
        ([(1.0, "ZZ", (0, 0))], "2 different positions >= 0"),
        ([(1.0, "ZZ", (0,))], "2 different positions >= 0, one for each letter of 'ZZ', got"),
        ([(1.0, "Z", (-1,))], "1 different positions >= 0"),
    ],
)
def test_terms_that_are_none_are_refused(terms, said):
    with pytest.raises(ValueError, match=said):
        Evolution(terms)


def test_other_bad_input():
    with pytest.raises(ValueError, match="3 wires are active here, positions 0 to 2"):
        qdl.QNN(3, Evolution([(1.0, "ZZ", (0, 3))]))
    for observable in (qp.Projector([0], 0), 1j * qp.Z(0), "ZZ"):
        with pytest.raises(ValueError, match="needs a real sum of Pauli words"):
            Evolution.from_hamiltonian(observable)
    with pytest.raises(ValueError, match="no Pauli word but the identity"):
        Evolution.from_hamiltonian(2.0 * qp.I(0))
    with pytest.raises(ValueError, match="no field and no coupling"):
        qaoa([0.0, 0.0], np.zeros((2, 2)), 1)
    with pytest.raises(ValueError, match=r"circuit of one problem, but h has shape \(3, 2\)"):
        qaoa(np.ones((3, 2)), np.zeros((2, 2)), 1)
    with pytest.raises(ValueError, match="QAOA needs depth to be a whole number >= 1, got 0"):
        qaoa([1.0, 0.0], np.zeros((2, 2)), 0)
    for groups in ([], "ZZ", None):
        with pytest.raises(ValueError, match="needs a list of groups of terms"):
            hamiltonian_variational(2, groups, 1)


# ---- QAOA


def cut(graph, depth):
    """The model whose value is the sum of ZZ / 2 over the edges: half of them less what is cut."""
    n = len(graph)
    J = np.zeros((n, n))
    for i, j in graph.edges:
        J[min(i, j), max(i, j)] = 0.5
    return qaoa(np.zeros(n), J, depth)


def closed_form(graph, gamma, beta):
    """The mean number of cut edges after one layer: Wang, Hadfield, Jiang, Rieffel (2018), theorem 1."""
    total = 0.0
    for u, v in graph.edges:
        d, e = graph.degree[u] - 1, graph.degree[v] - 1
        f = len(list(nx.common_neighbors(graph, u, v)))
        total += (
            0.5
            + 0.25 * np.sin(4 * beta) * np.sin(gamma) * (np.cos(gamma) ** d + np.cos(gamma) ** e)
            - 0.25 * np.sin(2 * beta) ** 2 * np.cos(gamma) ** (d + e - 2 * f)
            * (1 - np.cos(2 * gamma) ** f)
        )  # fmt: skip
    return total


GRAPHS = {
    "random": lambda: nx.gnp_random_graph(8, 0.5, seed=3),
    "regular": lambda: nx.random_regular_graph(3, 10, seed=1),
    "complete": lambda: nx.complete_graph(5),
    "Petersen": nx.petersen_graph,
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "random" else pytest.mark.slow) for n in GRAPHS]
)
def test_one_layer_is_the_closed_form(name):
    graph = GRAPHS[name]()
    model, rng = cut(graph, 1), np.random.default_rng(0)
    for gamma, beta in rng.uniform(-np.pi, np.pi, (3, 2)):
        # C counts cut edges, the negative of the model's sign: their gamma is minus ours.
        turns = [np.array([[-gamma]]), np.array([[beta]])]
        energy = model.apply([{"start": None, "turns": turns}])[0]
        found = graph.number_of_edges() / 2 - energy
        assert abs(found - closed_form(graph, gamma, beta)) <= 1e-10


@pytest.mark.parametrize(
    "graph, depth, wanted",
    [
        (nx.petersen_graph, 1, 0.5 + 1 / (3 * np.sqrt(3))),  # .692450, girth 5
        pytest.param(nx.heawood_graph, 2, 0.755906, marks=pytest.mark.slow),  # girth 6
    ],
)
def test_published_cuts_of_three_regular_graphs(graph, depth, wanted, key):
    graph = graph()
    model = cut(graph, depth)
    best = min(
        qdl.fit(
            model, loss=lambda energy: energy.sum(), steps=150, optimizer=optax.adam(0.05), key=key,
            params=jax.tree.map(lambda p, s=scale: s * p, model.init(key)),
        ).history["loss"][-1]
        for scale in (1.0, 0.7, 1.3)
    )  # fmt: skip
    assert 0.5 - best / graph.number_of_edges() == pytest.approx(wanted, abs=1e-5)


def test_the_ramp_anneals_and_its_mirror_image_does_the_opposite(key):
    rng = np.random.default_rng(5)
    h, J = rng.normal(size=8), np.triu(rng.normal(size=(8, 8)), 1)
    model = qaoa(h, J, 6)
    params = model.init(key)
    lowest = float(qdl.ising.ExactSampler().sample(h, J, 1, key=0).energies[0])
    energy = float(model.apply(params)[0])
    assert energy < 0.5 * lowest
    gamma, beta = params[0]["turns"]
    mirrored = [{"start": None, "turns": [gamma, -beta]}]
    assert float(model.apply(mirrored)[0]) > -0.5 * lowest
    scale = qdl.ising.field_scale(h, J)
    np.testing.assert_allclose(gamma[:, 0] * scale, 0.6 * (np.arange(6) + 0.5) / 6, rtol=1e-12)


def test_the_readout_is_the_energy_of_the_spins(key):
    """Of both forms of couplings; a bit b is the spin 1 - 2b."""
    J = qdl.ising.Bipartite([[1.0, -2.0], [0.5, 0.0]])
    h = np.array([0.3, 0.0, -1.0, 0.2])
    model = qaoa(h, J, 1)
    assert model == qaoa(h, J.dense(), 1)
    params = model.init(key)
    bits = np.asarray(model.sample(params, None, 4000, key))
    energies = qdl.ising.Ising(h, J).energies(1 - 2 * bits.astype(int))
    exact = float(model.apply(params)[0])
    assert abs(energies.mean() - exact) < 5 * energies.std() / np.sqrt(4000)


def test_a_start_of_ones_own_and_another_mixer(key):
    chain = [(1.0, "ZZ", (i, i + 1)) for i in range(3)]
    swap = [(1.0, word, (i, i + 1)) for i in range(3) for word in ("XX", "YY")]
    layer = QAOA(chain, swap, depth=3)
    model = qdl.QNN(4, [layer], initializer=qdl.initializers.small_angle(0.01))
    leaves = jax.tree.leaves(model.init(key))
    assert [leaf.shape for leaf in leaves] == [(3, 1)] * 2 and max(map(np.max, leaves)) < 0.01
    names = {o.name for o in model.operators(model.init(key))}
    assert names == {"Hadamard", "IsingZZ", "IsingXX", "IsingYY"}


def test_the_variational_circuit_finds_a_ground_state(key):
    """The transverse field Ising chain at n = 4 wires with n / 2 layers: exact, as published."""
    n = 4
    couplings = [(-1.0, "ZZ", (i, (i + 1) % n)) for i in range(n)]
    field = [(-0.8, "X", (i,)) for i in range(n)]
    start = qdl.initializers.gaussian(0.3)
    model = hamiltonian_variational(n, [couplings, field], n // 2, start=Hadamards())
    assert model.n_params == 2 * n // 2
    H = Evolution([*couplings, *field]).observable()
    lowest = np.linalg.eigvalsh(matrix(H, n))[0]
    found = qdl.fit(
        qdl.QNN(n, model.layers, model.readout, start), loss=lambda e: e.sum(), key=key,
        steps=400, optimizer=optax.adam(0.05),
    )  # fmt: skip
    assert found.history["loss"][-1] == pytest.approx(lowest, abs=1e-4)


def test_the_lie_algebra_of_the_ring_knows_which_words_share_a_time():
    """3n - 1 dimensions for QAOA of a ring, Larocca et al., Quantum 6, 824 (2022)."""
    n = 5
    ring = [(1.0, "ZZ", (i, (i + 1) % n)) for i in range(n)]
    model = qdl.QNN(n, [QAOA(ring, depth=2)], qdl.Expval(qp.Z(0) @ qp.Z(1)))
    assert qdl.diagnostics.dynamical_lie_algebra(model).dimension == 3 * n - 1


@pytest.mark.slow
def test_gradient_on_a_place_that_samples(key):
    """A time shared by several gates is shifted gate by gate."""
    model = qaoa([0.3, -0.5], [[0.0, 1.0], [0.0, 0.0]], 1)
    params = model.init(key)
    exact = jax.grad(lambda p: model.apply(p)[0])(params)
    sampled = model.on(qdl.backends.statevector(shots=2000))
    keys = jax.random.split(key, 20)
    each = jax.vmap(lambda k: jax.grad(lambda p: sampled.apply(p, key=k)[0])(params))(keys)
    for wanted, found in zip(*map(jax.tree.leaves, (exact, each)), strict=True):
        room = 5 * np.std(found, axis=0) / np.sqrt(20) + 1e-9
        assert (np.abs(np.mean(found, axis=0) - wanted) < room).all()


def test_a_permutation_of_the_wires_changes_nothing(key):
    """The example of the guide: all pairs share one time."""
    n = 5
    pairs = list(itertools.combinations(range(n), 2))
    block = [
        AngleEncoding(),
        Evolution([(1.0, "ZZ", pair) for pair in pairs]),
        Evolution([(1.0, "X", (i,)) for i in range(n)]),
    ]
    mean = qp.sum(*(qp.Z(i) for i in range(n))) / n
    model = qdl.QNN(n, Repeat(block, 3), readout=qdl.Expval(mean))
    params, x = model.init(key), np.random.default_rng(0).uniform(0, np.pi, (4, n))
    for order in ([1, 0, 2, 3, 4], [4, 2, 0, 1, 3]):
        np.testing.assert_allclose(
            model.apply(params, x[:, order]), model.apply(params, x), atol=1e-12
        )


@pytest.mark.parametrize(
    "name", ["layers.evolution", "models", "training.distributions", "diagnostics.iqp", "qaoa"]
)
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"qdl.{name}"))
    assert result.failed == 0 and result.attempted > 0
