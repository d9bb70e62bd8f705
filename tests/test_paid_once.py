"""Money: one job for a request whatever stops it, who else is sending, and what the service says."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from qiskit_ibm_runtime import exceptions
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from service import Killed, Service, once
from test_jobs import MODEL, X, new_process, params, place_of, run  # noqa: F401

import qdl
from qdl.backends import BudgetError
from qdl.backends.machines import jobs
from qdl.backends.machines.ledger import Ledger, LedgerError
from qdl.backends.machines.qiskit_place import _once


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(jobs, "LAG", (0.1,) * 8)


def states(folder):
    files = sorted((folder / "jobs").glob("qdl-*.json"))
    return [e["state"] for f in files for e in json.loads(f.read_text())["jobs"].values()]


# ---- who else is sending

SENDER = Path(__file__).with_name("sender.py")


@pytest.mark.parametrize("requests, budget, most", [(6, None, 6), (6, 7.0, 3)])
def test_two_processes_with_one_ledger_send_each_request_once(requests, budget, most, tmp_path):
    """Both go through the same requests, of 2 seconds each, at a service that is slow and lags."""
    arguments = [sys.executable, str(SENDER), str(tmp_path), str(requests), str(budget)]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[0].split() for process in both]
    assert len(list((tmp_path / "service").glob("job-*.json"))) == most
    if budget is None:
        assert said[0] == said[1] == [str(i) for i in range(requests)]
    else:
        assert all(words[-1] == "BudgetError" for words in said)


def test_a_process_that_dies_lets_go_of_the_lock(tmp_path):
    code = (
        "import os, sys; from qdl.backends.machines.ledger import Ledger\n"
        "with Ledger(sys.argv[1]).locked(): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    with Ledger(tmp_path).locked():
        pass


def test_a_process_that_hangs_is_told_about(tmp_path, monkeypatch):
    from qdl.backends.machines import ledger

    monkeypatch.setattr(ledger, "PATIENCE", 0.1)
    with (
        Ledger(tmp_path).locked(),
        pytest.raises(TimeoutError, match="Another process has held .* for 0.1 s"),
        Ledger(tmp_path).locked(),
    ):
        pass


# ---- killed around a send


def test_what_is_being_sent_is_on_disk_before_it_is_sent(tmp_path, params, key):  # noqa: F811
    seen = []
    service = Service(lambda where: seen.append(states(tmp_path)) if where == "sent" else None)
    run(service, tmp_path, params, key)
    assert seen == [["sending"]] and states(tmp_path) == ["done"]


def test_killed_after_a_send_and_the_index_lags(tmp_path, params, key):  # noqa: F811
    service = Service(once("sent", Killed()), lag=0.5)
    with pytest.raises(Killed):
        run(service, tmp_path, params, key)
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 1 and states(tmp_path) == ["done"]


def test_a_connection_lost_while_sending_and_the_index_lags(tmp_path, params, key):  # noqa: F811
    service = Service(once("sent", ConnectionResetError("away")), lag=0.5)
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 1


def test_killed_before_a_send_it_is_sent_after_a_look(tmp_path, params, key):  # noqa: F811
    service = Service(once("before sending", Killed()))
    with pytest.raises(Killed):
        run(service, tmp_path, params, key, max_qpu_seconds=3)
    assert states(tmp_path) == ["sending"]
    run(service, tmp_path, params, key, max_qpu_seconds=3)  # its own reservation is not in its way
    assert len(service.sent) == 1 and states(tmp_path) == ["done"]


# ---- a ledger that cannot be written


@pytest.mark.parametrize("how", ["a file in its place", "the disk is full"])
def test_a_ledger_that_cannot_be_written_costs_nothing(how, tmp_path, params, key, monkeypatch):  # noqa: F811
    service = Service(lag=0.5)
    if how == "a file in its place":
        (tmp_path / "jobs").write_text("mine")
    else:

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("qdl.backends.machines.ledger.write_json", full)
    with pytest.raises(LedgerError, match=r"jobs cannot be written down.*ibm\(jobs=\.\.\.\)"):
        run(service, tmp_path, params, key)
    assert not service.sent


def test_values_that_were_paid_are_not_lost_with_a_note(tmp_path, params, key, monkeypatch):  # noqa: F811
    write = Ledger.write

    def full(ledger, tag, id, state, *rest):
        if state == "done":
            raise LedgerError(errno.ENOSPC, "No space left on device")
        write(ledger, tag, id, state, *rest)

    monkeypatch.setattr(Ledger, "write", full)
    with pytest.warns(UserWarning, match="Job job-0 is done .* could not be written"):
        assert run(Service(), tmp_path, params, key).shape == (3, 2)


# ---- numbers that switch a budget off


@pytest.mark.parametrize("used", [np.nan, -5.0, np.inf, None, "x"])
def test_a_bill_that_is_no_number_counts_as_the_estimate(used, tmp_path, params, key):  # noqa: F811
    service = Service(
        lambda where: where == "sent" and setattr(service.sent[-1][0], "seconds", used)
    )
    for i in range(2):
        run(service, tmp_path, params, jax.random.key(i), max_qpu_seconds=4.5)
    with pytest.raises(BudgetError):
        run(service, tmp_path, params, jax.random.key(2), max_qpu_seconds=4.5)


BAD = [
    '{"version": 1, "jobs": {"job-0": {"state": "done", "seconds": NaN}}}',
    '{"version": 1, "jobs": {"job-0": {"state": "done", "seconds": -1}}}',
    '{"version": 1, "jobs": {"job-0": {"state": "paid", "seconds": 1}}}',
    '{"version": 1, "jobs": {"job-0": {"state": "done", "seconds": true}}}',
    '{"version": 1, "jobs": {"job-0": {"state": "done"}}}',
    '{"version": 1, "jobs": [1]}',
    "[" * 5000,
    "",
]


@pytest.mark.parametrize("text", BAD)
def test_a_ledger_that_says_what_cannot_be_is_named(text, tmp_path, params, key):  # noqa: F811
    service = Service()
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "qdl-0.json").write_text(text)
    with pytest.raises(ValueError, match=r"qdl-0.json is .*(damaged|no job ledger)"):
        run(service, tmp_path, params, key, max_qpu_seconds=9)
    assert not service.sent


NUMBERS = ["max_qpu_seconds", "timeout"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [np.inf, np.nan, -1, 0, "x", True])
def test_seconds_are_finite_and_above_zero(name, value, tmp_path):
    with pytest.raises(ValueError, match=f"{name} must be a number > 0, got "):
        place_of(Service(), tmp_path, **{name: value})


def test_seconds_may_be_numpys(tmp_path):
    place = place_of(Service(), tmp_path, max_qpu_seconds=np.float32(60), timeout=np.int64(5))
    assert (place.max_qpu_seconds, place.timeout) == (60.0, 5.0)


# ---- one tag for what gives the same


def test_equal_requests_are_one_job(tmp_path, params, key):  # noqa: F811
    service = Service()
    for options in (
        {},
        {"shots": np.int64(100)},
        {"gradient": "spsa"},
        {"gradient": "stochastic", "random_shifts": 2},
        {"twirling": {}, "resilience": np.int64(1)},
        {"max_batch": np.int32(7)},
    ):
        run(service, tmp_path, params, key, **options)
    assert len(service.sent) == 1


def test_any_machine_will_do_and_then_it_does_on_all(tmp_path, params, key):  # noqa: F811
    """Killed while it waits for the least busy machine, and now another one is less busy."""
    service = Service(once("waiting", Killed()))

    def anywhere(name):
        [backend] = service.backends()
        backend.name = name
        _once.cache_clear()
        place = qdl.backends.ibm(
            shots=100, service=service, jobs=str(tmp_path / "jobs"), max_qpu_seconds=None
        )
        return MODEL.on(place).apply(params, X, key=key)

    with pytest.raises(Killed):
        anywhere("ibm_manila")
    assert anywhere("ibm_lima").shape == (3, 2)
    assert len(service.sent) == 1
    [file] = (tmp_path / "jobs").glob("qdl-*.json")
    [entry] = json.loads(file.read_text())["jobs"].values()
    assert entry["machine"] == "ibm_manila"


# ---- what the service says


def refusal(code):
    """As Qiskit raises it: its own error in place of the one with the status."""
    try:
        raise RequestsApiError(f"{code} Client Error: Bad Request for url: here", code)
    except RequestsApiError as error:
        try:
            raise exceptions.IBMRuntimeError(f"Failed to run program: {error}") from None
        except exceptions.IBMRuntimeError as said:
            return said


@pytest.mark.parametrize(
    "error",
    [
        refusal(400),
        refusal(403),
        exceptions.IBMNotAuthorizedError("Not authorized"),
        exceptions.IBMRuntimeError("Failed to run program: '400 Client Error: Bad Request'"),
    ],
)
def test_a_service_that_says_no_is_asked_once(error, tmp_path, params, key):  # noqa: F811
    asked = []

    def fault(where):
        if where == "before sending":
            asked.append(where)
            raise error

    with pytest.raises(RuntimeError, match=r"The service says no \(IBM.*No job was written down"):
        run(Service(fault), tmp_path, params, key)
    assert len(asked) == 1 and states(tmp_path) == []


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_service_that_is_busy_is_asked_again(code, tmp_path, params, key):  # noqa: F811
    service = Service(once("before sending", refusal(code)))
    assert run(service, tmp_path, params, key).shape == (3, 2)
    assert len(service.sent) == 1


def test_a_file_that_is_missing_is_no_network(tmp_path, params, key):  # noqa: F811
    asked = []

    def fault(where):
        if where == "before sending":
            asked.append(where)
            raise FileNotFoundError(errno.ENOENT, "No such file", "account.json")

    with pytest.raises(FileNotFoundError):
        run(Service(fault), tmp_path, params, key)
    assert len(asked) == 1


# ---- another's job, and answers that are none


def test_another_requests_job_is_not_taken(tmp_path, params, key):  # noqa: F811
    service = Service()
    run(service, tmp_path, params, key)
    run(service, tmp_path, params, jax.random.key(5))
    first, second = sorted((tmp_path / "jobs").glob("qdl-*.json"))
    first.write_text(second.read_text())
    with pytest.raises(ValueError, match="names job job-.*sent for another request"):
        for each in (key, jax.random.key(5)):
            run(service, tmp_path, params, each)
    assert len(service.sent) == 2


@pytest.mark.parametrize("evs", ["nan", "none", "nothing"])
def test_an_answer_without_values_is_set_aside(evs, tmp_path, params, key, monkeypatch):  # noqa: F811
    import service as double
    from qiskit.primitives import DataBin, PrimitiveResult, PubResult

    found = {
        "nan": np.full((2, 3), np.nan),
        "none": np.full((2, 3), None),
    }
    answer = PrimitiveResult(
        [PubResult(DataBin(evs=found[evs], shape=(2, 3)))] if evs in found else []
    )
    service = Service()
    monkeypatch.setattr(double.Job, "result", lambda job, timeout=None: answer)
    with pytest.raises(RuntimeError, match="gave no result: it answered with .*only this job"):
        run(service, tmp_path, params, key)
    assert states(tmp_path) == ["lost"]
