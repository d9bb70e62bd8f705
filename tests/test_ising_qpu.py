"""The wiring to a D-Wave machine, against D-Wave's mock: that, and nothing about its physics."""

import copy

import numpy as np
import pytest

import qdl.testing

testing = pytest.importorskip("dwave.system.testing")
busclique = pytest.importorskip("minorminer.busclique")

from qdl.ising import Bipartite, BoltzmannMachine, IsingClassifier, QPUSampler  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Embeddings are looked for in an empty folder, not in the user's."""
    patch = pytest.MonkeyPatch()
    folder = str(tmp_path_factory.mktemp("busclique"))
    patch.setattr(busclique.busgraph_cache, "cache_rootdir", staticmethod(lambda version=7: folder))
    yield
    patch.undo()


class Recorder(testing.MockDWaveSampler):
    """D-Wave's mock, which notes what it is asked."""

    def __init__(self):
        super().__init__(topology_type="zephyr", topology_shape=[3, 4], parameter_warnings=False)
        self.calls = []

    def sample(self, bqm, **words):
        self.calls.append((bqm.copy(), words))
        return super().sample(bqm, **words)


@pytest.fixture
def machine():
    return Recorder()


def problem(p=8, q=4, lead=()):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (*lead, p + q)), Bipartite(rng.uniform(-1, 1, (p, q)))


def test_one_embedding_serves_all_images(machine, monkeypatch):
    found = []
    whole = busclique.busgraph_cache.find_biclique_embedding
    monkeypatch.setattr(
        busclique.busgraph_cache,
        "find_biclique_embedding",
        lambda self, *size: found.append(size) or whole(self, *size),
    )
    sampler = QPUSampler(machine, most_broken=1)
    h, J = problem(lead=(3,))
    spins, energies = sampler.sample(h, J, num_reads=5, key=0)
    sampler.sample(h[0], J, num_reads=2, key=0)
    assert spins.shape == (3, 5, 12) and set(np.unique(spins)) <= {-1, 1}
    assert found == [(8, 4)] and len(machine.calls) == 4
    chains = {frozenset(bqm.variables) for bqm, _ in machine.calls}
    assert len(chains) == 1  # the same qubits each time
    expected = (spins * h[:, None]).sum(-1) + ((spins[..., :8] @ J.block) * spins[..., 8:]).sum(-1)
    np.testing.assert_allclose(energies, expected, atol=1e-6)


def test_arguments_arrive(machine):
    sampler = QPUSampler(machine, scale=0.5, annealing_time=7.0, chain_strength=0.8, most_broken=1)
    h, J = problem(20, 16)  # chains of more than one qubit
    sampler.sample(h, J, num_reads=4, key=0)
    bqm, words = machine.calls[0]
    assert (words["num_reads"], words["annealing_time"], words["auto_scale"]) == (4, 7.0, False)
    chains = sampler.embed(J).embedding
    for i in range(36):
        assert sum(bqm.linear[q] for q in chains[i]) == pytest.approx(0.5 * h[i])
    between = sum(
        bqm.quadratic.get((a, b), 0) or bqm.quadratic.get((b, a), 0)
        for a in chains[2] for b in chains[21] if (a, b) in machine.to_networkx_graph().edges
    )  # fmt: skip
    assert between == pytest.approx(0.5 * J.block[2, 1])
    inside = [
        v for (a, b), v in bqm.quadratic.items() if any({a, b} <= set(c) for c in chains.values())
    ]
    assert inside and np.allclose(inside, -0.8)


def test_reverse_anneals_are_one_call_for_each_start(machine):
    sampler = QPUSampler(machine, most_broken=1)
    h, J = problem()
    starts = np.ones((5, 12), int)
    starts[1::2, 3] = -1
    spins, _ = sampler.sample(h, J, num_reads=5, key=0, initial=starts)
    assert spins.shape == (5, 12) and len(machine.calls) == 2
    chains = sampler.embed(J).embedding
    for (_, words), reads, spin in zip(machine.calls, (2, 3), (-1, 1), strict=True):
        assert words["num_reads"] == reads and words["reinitialize_state"] is True
        assert words["anneal_schedule"] == [[0, 1], [10, 0.25], [20, 1]]
        state = dict(words["initial_state"])
        assert {state[q] for q in chains[3]} == {spin} and {state[q] for q in chains[4]} == {1}
        assert "annealing_time" not in words


@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_a_classifier_trains_on_it_and_calls_are_counted(machine):
    X = np.random.default_rng(0).uniform(size=(6, 3))
    sampler = QPUSampler(machine, scale=0.3, most_broken=1, clip=True)
    words = {"hidden": 4, "redundancy": 1, "sampler": sampler, "epochs": 1, "num_reads": 10}
    IsingClassifier(**words).fit(X, [0, 1, 2] * 2)
    assert len(machine.calls) == 6
    IsingClassifier(**words, reads="mixed").fit(X, [0, 1, 2] * 2)
    assert len(machine.calls) == 6 + 6 * (1 + 2)  # one forward, two wrong classes
    assert len(sampler.embedded) == 1


def test_dense_problems_are_embedded_as_cliques(machine):
    J = np.triu(np.ones((5, 5)), 1) / 5
    spins, _ = QPUSampler(machine, most_broken=1).sample(np.zeros(5), J, num_reads=3, key=0)
    assert spins.shape == (3, 5)


def test_time_is_estimated_and_the_budget_kept(machine):
    h, J = problem()
    sampler = QPUSampler(machine, max_access_seconds=0.025, most_broken=1)
    each = sampler.access_seconds(20, J)
    assert each == pytest.approx(8.5e-3 + 20 * 82e-6)
    sampler.sample(h, J, num_reads=20, key=0)
    sampler.sample(h, J, num_reads=20, key=0)
    assert sampler.seconds_used == pytest.approx(2 * each)
    with pytest.raises(RuntimeError, match=r"next 0.0101 s .* make it 0.0304 s, .*=0.025. Nothing"):
        sampler.sample(h, J, num_reads=20, key=0)
    assert len(machine.calls) == 2
    assert copy.deepcopy(sampler) is sampler


def test_the_solvers_own_estimate_is_asked_for(machine):
    class Solver:
        def estimate_qpu_access_time(self, num_qubits, num_reads, **words):
            self.asked = num_qubits, num_reads, words
            return 1234.0  # microseconds

    machine.solver = Solver()
    _, J = problem()
    sampler = QPUSampler(machine)
    assert sampler.access_seconds(7, J, reverse=True) == pytest.approx(1.234e-3)
    qubits = sum(map(len, sampler.embed(J).embedding.values()))
    assert machine.solver.asked[:2] == (qubits, 7) and machine.solver.asked[2]["reinitialize_state"]


def test_what_the_machine_cannot_do_is_refused_before_it_is_asked(machine):
    h, J = problem()
    with pytest.raises(
        ValueError, match=r"h times scale=1 goes from .*, .* takes \[-4, 4\]. Lower"
    ):
        QPUSampler(machine).sample(10 * h, J, num_reads=1, key=0)
    with pytest.raises(
        ValueError, match=r"J times scale=3 goes from .* takes \[-1, 1\]. Lower scale"
    ):
        QPUSampler(machine, scale=3).sample(h, J, num_reads=1, key=0)
    with pytest.raises(
        ValueError, match=r"graph of \(120, 40\) spins does not fit on this machine of"
    ):
        QPUSampler(machine).sample(np.zeros(160), Bipartite(np.ones((120, 40))), 1, key=0)
    assert machine.calls == []
    with pytest.warns(RuntimeWarning, match=r"J times scale=3 .* Values beyond are cut off"):
        QPUSampler(machine, scale=3, clip=True, most_broken=1).sample(h, J, num_reads=1, key=0)
    quadratic = machine.calls[0][0].quadratic
    assert max(abs(v) for v in quadratic.values()) <= 1


def test_broken_chains_are_told(machine):
    h, J = problem(20, 16)
    with pytest.warns(
        RuntimeWarning, match=r"\d+% of the chains were broken, more than most_broken"
    ):
        QPUSampler(machine, chain_strength=0.0, most_broken=0.0).sample(h, J, 20, key=0)


def test_reverse_anneals_are_priced_by_the_solvers_own_method(machine):
    """D-Wave's method itself, with timing data of the form that a solver has."""
    from types import SimpleNamespace

    from dwave.cloud.solver import StructuredSolver

    timing = {
        "version": "1.0.0", "typical_programming_time": 14_000.0,
        "reverse_annealing_with_reinit_prog_time_delta": 100.0,
        "reverse_annealing_without_reinit_prog_time_delta": 10.0,
        "default_programming_thermalization": 1000.0, "default_annealing_time": 20.0,
        "readout_time_model": "pwl_linear", "readout_time_model_parameters": [1.0, 5000.0, 50.0, 50.0],
        "qpu_delay_time_per_sample": 20.0, "reverse_annealing_with_reinit_delay_time_delta": 5.0,
        "reverse_annealing_without_reinit_delay_time_delta": 1.0,
        "decorrelation_max_nominal_anneal_time": 2000.0,
        "decorrelation_time_range": [500.0, 10_000.0], "default_readout_thermalization": 0.0,
    }  # fmt: skip
    solver = SimpleNamespace(properties={"problem_timing_data": timing})
    solver.estimate_qpu_access_time = StructuredSolver.estimate_qpu_access_time.__get__(solver)
    machine.solver = solver
    h, J = problem()
    sampler = QPUSampler(machine, annealing_time=30.0, most_broken=1)
    forward = 14_000 + 1000 + 10 * (30 + 50 + 20)
    reverse = 14_000 + 1000 + 100 + 10 * (20 + 50 + 20 + 5)
    assert sampler.access_seconds(10, J) == pytest.approx(1e-6 * forward)
    assert sampler.access_seconds(10, J, reverse=True) == pytest.approx(1e-6 * reverse)
    sampler.sample(h, J, num_reads=10, key=0, initial=np.ones(12))
    assert sampler.seconds_used == pytest.approx(1e-6 * reverse)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"scale": np.nan}, "scale must be a number > 0, got nan. Example: scale=1.0"),
        ({"scale": 0}, "scale must be a number > 0, got 0"),
        ({"chain_strength": -1.0}, "chain_strength must be a number >= 0, got -1.0"),
        ({"annealing_time": 0.0}, "annealing_time must be a number > 0, got 0.0"),
        ({"most_broken": "a"}, "most_broken must be a number >= 0, got 'a'"),
        ({"max_access_seconds": np.nan}, "max_access_seconds must be a number >= 0, got nan"),
        ({"max_access_seconds": -1}, "max_access_seconds must be a number >= 0, got -1"),
        ({"reverse_schedule": ((0, 0), (20, 1))}, r"reverse_schedule must be .* from \(0, 1\) to"),
        ({"reverse_schedule": ((0, 1), (9, 0.2))}, r"reverse_schedule must be .* from \(0, 1\) to"),
        ({"reverse_schedule": ((0, 1), (9, 0.2), (9, 1))}, "with times that grow"),
    ],
)
def test_bad_arguments(words, said):
    with pytest.raises(ValueError, match=said):
        QPUSampler(**words)


def test_chains_and_reads_beyond_the_machine_are_refused_before_it_is_asked(machine):
    h, J = problem()
    with pytest.raises(
        ValueError, match=r"chain_strength=2.5 .* takes couplings from -2 on. Lower"
    ):
        QPUSampler(machine, chain_strength=2.5).sample(h, J, num_reads=1, key=0)
    with pytest.raises(ValueError, match=r"num_reads=10001 .* takes 1 to 10000 a call"):
        QPUSampler(machine).sample(h, J, num_reads=10_001, key=0)
    assert machine.calls == []


def test_it_keeps_the_contract_but_for_repeating_itself(machine):
    qdl.testing.check_sampler(
        QPUSampler(machine, scale=0.2, most_broken=1, chain_strength=2.0),
        initial=True, repeatable=False,
    )  # fmt: skip


def test_without_an_account_it_says_what_to_do(monkeypatch, tmp_path):
    for name in ("DWAVE_API_TOKEN", "DWAVE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dwave.conf").touch()
    monkeypatch.setenv("DWAVE_CONFIG_FILE", str(tmp_path / "dwave.conf"))
    with pytest.raises(ValueError, match="no D-Wave machine can be reached: .* or pass machine="):
        QPUSampler().sample(*problem(), num_reads=2, key=0)


def test_a_boltzmann_machine_is_trained_by_forward_anneals(machine):
    """One call an update; values beyond the range are cut off, and the temperature is theirs."""
    sampler = QPUSampler(machine, scale=0.5, clip=True, most_broken=1)
    h, J = np.array([9.0, -1.0, 0.5]), Bipartite(np.array([[-4.0], [1.0]]))
    with pytest.warns(RuntimeWarning, match="cut off"):
        sampler.sample(h, J, num_reads=1, key=0)
    sent = machine.calls[-1][0]
    fields, couplings = sampler.programmed(h, J)
    np.testing.assert_allclose(fields, [8.0, -1.0, 0.5])
    np.testing.assert_allclose(couplings.block, [[-2.0], [1.0]])
    assert sum(sent.linear.values()) == pytest.approx(0.5 * fields.sum())
    X = np.random.default_rng(0).integers(2, size=(30, 6)).astype(float)
    machine.calls.clear()
    model = BoltzmannMachine(
        3, sampler=sampler, persistent=False, num_reads=5, batch_size=10, epochs=2
    ).fit(X)
    assert len(machine.calls) == 6 and model.chains_ is None
    assert all(words["auto_scale"] is False for _, words in machine.calls)
