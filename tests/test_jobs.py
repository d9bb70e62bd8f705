"""Never pay twice: every crash, failure and disconnection, against a service that counts."""

import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from service import Killed, Service, once

import qdl
from qdl.backends import BudgetError
from qdl.backends.machines import jobs
from qdl.backends.machines.ledger import Ledger
from qdl.backends.machines.qiskit_place import _once
from qdl.describe import describe
from qdl.layers import AngleEncoding, Entangler, Rotation

MODEL = qdl.QNN(2, [AngleEncoding(), Rotation("y"), Entangler("cz")])
X = jnp.array([[0.3, -0.2], [1.0, 0.5], [0.1, 2.0]])


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    """Nothing is remembered from other tests, and nobody waits."""
    _once.cache_clear()
    monkeypatch.setattr(jobs, "PAUSES", (0, 0))
    monkeypatch.setattr(jobs, "LAG", (0, 0))
    yield


@pytest.fixture
def params(key):
    return MODEL.init(key)


def place_of(service, folder, **options):
    _once.cache_clear()  # a new process
    options = {"shots": 100, "max_qpu_seconds": None, **options}
    return qdl.backends.ibm("manila", service=service, jobs=folder / "jobs", **options)


def run(service, folder, params, key, **options):
    return MODEL.on(place_of(service, folder, **options)).apply(params, X, key=key)


CRASHES = ["before sending", "sent", "waiting", "has a result"]


@pytest.mark.parametrize("where", CRASHES)
def test_killed_at_any_point_one_job_is_paid(where, tmp_path, params, key):
    service = Service(once(where, Killed()))
    with pytest.raises(Killed):
        run(service, tmp_path, params, key)
    found = run(service, tmp_path, params, key)
    assert len(service.sent) == 1
    assert found.shape == (3, 2)
    np.testing.assert_array_equal(run(service, tmp_path, params, key), found)
    assert len(service.sent) == 1


SLOW = [pytest.param(where, marks=pytest.mark.slow) for where in CRASHES if where != "sent"]


@pytest.mark.parametrize("where", ["sent", *SLOW])
def test_killed_in_the_second_of_three_jobs_only_what_is_missing_is_sent(
    where, tmp_path, params, key
):
    service = Service(once(where, Killed(), after=1))
    with pytest.raises(Killed):
        run(service, tmp_path, params, key, max_batch=1)
    found = run(service, tmp_path, params, key, max_batch=1)
    assert len(service.sent) == 3 and found.shape == (3, 2)
    assert len({tuple(tags) for tags in service.tags}) == 3


@pytest.mark.parametrize("where", ["sent", "looking for a tag", "waiting", "has a result"])
def test_a_network_that_is_away_for_a_moment_is_waited_for(where, tmp_path, params, key):
    service = Service(once(where, ConnectionResetError("away")))
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 1


def test_a_network_that_stays_away_names_the_job(tmp_path, params, key):
    def fault(where):
        if where == "waiting":
            raise ConnectionResetError("away")

    service = Service(fault)
    with pytest.raises(
        ConnectionError, match="not be reached in 3 attempts .*Job job-0 is written"
    ):
        run(service, tmp_path, params, key)
    service.fault = lambda where: None
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 1


@pytest.mark.parametrize(
    "state, text", [("ERROR", "it failed .*Error code 6000"), ("CANCELLED", "it was cancelled")]
)
def test_a_lost_job_is_named_and_sent_once_more(state, text, tmp_path, params, key):
    service = Service(
        lambda where: where == "sent" and setattr(service.sent[-1][0], "state", state)
    )
    with pytest.raises(RuntimeError, match=f"Job job-0 gave no result: {text}.*same key"):
        run(service, tmp_path, params, key)
    service.fault = lambda where: None
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 2 and service.tags[0] == service.tags[1]


def test_a_job_that_failed_while_nobody_waited_is_sent_again_at_once(tmp_path, params, key):
    service = Service(once("waiting", Killed()))
    with pytest.raises(Killed):
        run(service, tmp_path, params, key)
    service.sent[0][0].state = "ERROR"
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 2


def test_a_job_still_in_the_queue_is_collected_later(tmp_path, params, key):
    service = Service(
        lambda where: where == "sent" and setattr(service.sent[-1][0], "state", "QUEUED")
    )
    with pytest.raises(
        TimeoutError, match="Job job-0 has no result after 5 s.*nothing is sent twice"
    ):
        run(service, tmp_path, params, key, timeout=5)
    service.sent[0][0].state = "DONE"
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 1


def test_a_result_of_the_wrong_length_is_set_aside(tmp_path, params, key):
    service = Service(lambda where: where == "sent" and setattr(service.sent[-1][0], "rows", 2))
    text = r"answered with values of shape \(2, 2\), expected \(3, 2\): 3 circuits, 2 values"
    with pytest.raises(RuntimeError, match=text):
        run(service, tmp_path, params, key)
    service.fault = lambda where: None
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 2


def test_a_new_key_is_a_new_job_and_so_is_anything_else_that_matters(tmp_path, params, key):
    service = Service()
    run(service, tmp_path, params, key)
    run(service, tmp_path, params, jax.random.key(9))
    run(service, tmp_path, params, key, shots=101)
    run(service, tmp_path, params, key, resilience=0)
    run(service, tmp_path, jax.tree.map(lambda leaf: leaf + 1e-12, params), key)
    assert len({tags[1] for tags in service.tags}) == len(service.sent) == 5
    run(service, tmp_path, params, key, max_qpu_seconds=100, timeout=7)  # neither changes a result
    assert len(service.sent) == 5


def test_another_folder_finds_the_job_by_its_tag(tmp_path, params, key):
    service = Service()
    run(service, tmp_path / "a", params, key)
    run(service, tmp_path / "b", params, key)
    assert len(service.sent) == 1
    assert Ledger(tmp_path / "b" / "jobs").current(service.tags[0][1]) == "job-0"


def test_the_id_is_on_disk_before_anyone_waits(tmp_path, params, key):
    seen = []

    def fault(where):
        if where == "waiting":
            seen.append(Ledger(tmp_path / "jobs").current(service.tags[0][1]))

    service = Service(fault)
    run(service, tmp_path, params, key)
    assert seen == ["job-0"]


def test_value_and_gradient_are_one_job_and_a_repeated_callback_none(tmp_path, params, key):
    service = Service()
    model = MODEL.on(place_of(service, tmp_path))

    @jax.jit
    def gradient(params):
        return jax.value_and_grad(lambda p: model.apply(p, X, key=key).sum())(params)

    value, found = gradient(params)
    jax.block_until_ready((value, found))
    assert len(service.sent) == 1
    [pub] = service.sent[0][2]["pubs"]
    assert pub.parameter_values.shape == (3 * (1 + 2 * 2),)  # data are not shifted
    jax.block_until_ready(gradient(params))
    assert len(service.sent) == 1
    exact = jax.grad(lambda p: MODEL.apply(p, X).sum())(params)
    np.testing.assert_allclose(found[1], exact[1], atol=0.6)  # 3 samples, 100 shots, and the noise


def test_options_reach_the_service(tmp_path, params, key):
    service = Service()
    run(
        service, tmp_path, params, key, resilience=2, dynamical_decoupling="XX",
        twirling={"enable_gates": True}, max_qpu_seconds=50.5, mode="session",
    )  # fmt: skip
    _, options, inputs = service.sent[0]
    assert options["max_execution_time"] == 51 and options["job_tags"][0] == "qdl"
    assert inputs["resilience_level"] == 2
    assert inputs["options"]["dynamical_decoupling"] == {"enable": True, "sequence_type": "XX"}
    assert inputs["options"]["twirling"] == {"enable_gates": True}
    run(service, tmp_path, params, key, mode="batch", max_batch=2)
    assert len(service.sent) == 3


def test_a_job_above_the_budget_is_not_sent(tmp_path, params, key):
    service = Service(
        lambda where: where == "sent" and setattr(service.sent[-1][0], "seconds", 2.1)
    )
    run(service, tmp_path, params, key, max_qpu_seconds=4.5)  # estimated 2.105 s, billed 2.1
    run(service, tmp_path, params, jax.random.key(1), max_qpu_seconds=4.5)
    text = (
        r"needs about 2.1 QPU seconds, but 4.2 of max_qpu_seconds=4.5 are used .* Nothing was sent"
    )
    with pytest.raises(BudgetError, match=text):
        run(service, tmp_path, params, jax.random.key(2), max_qpu_seconds=4.5)
    assert len(service.sent) == 2
    run(service, tmp_path, params, key, max_qpu_seconds=4.5)  # collecting costs nothing


def test_a_compiled_program_asks_the_place_it_is_given(tmp_path, params, key):
    """Places of another budget or account answer alike, but each program asks its own."""
    first, second = Service(), Service()
    places = [
        qdl.backends.ibm("manila", shots=50, service=s, jobs=tmp_path / str(i), max_qpu_seconds=9)
        for i, s in enumerate((first, second))
    ]
    poor = replace(places[0], max_qpu_seconds=0.1)
    assert len({places[0], places[1], poor, replace(poor)}) == 3
    assert len({place.settings for place in (*places, poor)}) == 1
    assert describe(places[0], {}) == describe(poor, {}) == describe(places[1], {})
    values = jax.jit(lambda place, p: MODEL.on(place).apply(p, X, key=key), static_argnums=0)
    for place in places:
        _once.cache_clear()
        jax.block_until_ready(values(place, params))
    assert (len(first.sent), len(second.sent)) == (1, 1)


def test_the_token_is_nowhere(tmp_path, params, key, capfd, caplog):
    service = Service()
    token = service.account["token"]
    place = place_of(service, tmp_path)
    model = MODEL.on(place)
    model.apply(params, X, key=key)
    with pytest.raises(ValueError) as error:
        place_of(service, tmp_path).__class__(100, name="tornado", service=service).backend  # noqa: B018
    texts = [repr(place), str(model), repr(model), place.settings, str(error.value), caplog.text]
    texts += [*capfd.readouterr(), *(path.read_text() for path in tmp_path.rglob("*.json"))]
    assert not any(token in text for text in texts)
    assert token.encode() not in pickle.dumps(model)
    assert pickle.loads(pickle.dumps(place)) == replace(place, service=None)


def test_bad_options_are_refused_before_anything_is_opened(tmp_path):
    service = Service()
    ibm = qdl.backends.ibm
    with pytest.raises(ValueError, match="no machine 'malina'. Did you mean manila"):
        ibm("malina", service=service)
    with pytest.raises(
        ValueError, match="mode='sesion' is not an execution mode: expected one of job"
    ):
        ibm("manila", mode="sesion", service=service)
    with pytest.raises(ValueError, match="shots must be a whole number >= 1"):
        ibm("manila", shots=0, service=service)
    with pytest.raises(ValueError, match="resilience must be 0, 1 or 2, got 3"):
        ibm("manila", resilience=3, service=service)
    with pytest.raises(ValueError, match="max_qpu_seconds must be a number > 0, got 0"):
        ibm("manila", max_qpu_seconds=0, service=service)
    with pytest.raises(ValueError, match="ibm_manila has 5 qubits, but the circuit needs 6"):
        model = qdl.QNN(6, Rotation("y")).on(place_of(service, tmp_path))
        model.apply(model.init(jax.random.key(0)), key=jax.random.key(0))
    assert not service.sent


def test_without_an_account_the_error_says_how_to_save_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    from qiskit_ibm_runtime.accounts import management

    nothing = str(tmp_path / "none.json")
    monkeypatch.setattr(management, "_DEFAULT_ACCOUNT_CONFIG_JSON_FILE", nothing)
    monkeypatch.setattr(
        management.AccountManager, "_default_account_config_json_file", nothing, raising=False
    )
    with pytest.raises(ValueError, match="no IBM Quantum account on this machine. Save one"):
        qdl.backends.ibm("torino")
