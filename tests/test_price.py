"""The price before the bill: counts against what is really sent, budgets, and the command."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from service import Service
from test_jobs import new_process  # noqa: F401
from typer.testing import CliRunner

import qdl
from qdl import cli
from qdl.backends import BudgetError, estimate
from qdl.backends.machines import chip
from qdl.backends.machines.ledger import Ledger
from qdl.backends.machines.qiskit_place import _once
from qdl.layers import AngleEncoding, Entangler, Rotation

MODEL = qdl.QNN(2, [AngleEncoding(), Rotation("y"), Entangler("crx")], qdl.ExpZ([1]))
HYBRID = qdl.Hybrid([qdl.Dense(3, 2), MODEL])
X = jax.random.normal(jax.random.key(0), (8, 3))
Y = (X[:, 0] > 0).astype(int)


def options(key, **more):
    return {"loss": "cross_entropy", "optimizer": optax.sgd(0.1), "key": key, **more}


def on(model, place):
    if isinstance(model, qdl.QNN):
        return model.on(place)
    return qdl.Hybrid(
        [stage.on(place) if hasattr(stage, "on") else stage for stage in model.stages]
    )


@pytest.mark.parametrize(
    "model, gradient",
    [
        (MODEL, "stochastic"),
        (HYBRID, "parameter_shift"),
        pytest.param(MODEL, "parameter_shift", marks=pytest.mark.slow),
        pytest.param(HYBRID, "stochastic", marks=pytest.mark.slow),
        pytest.param(MODEL, "spsa", marks=pytest.mark.slow),
        pytest.param(HYBRID, "spsa", marks=pytest.mark.slow),
    ],
)
def test_the_estimate_is_what_is_sent(model, gradient, key, tmp_path, capsys):
    service = Service()
    place = qdl.backends.ibm(
        "manila", shots=50, service=service, jobs=tmp_path, gradient=gradient, max_batch=20,
        random_shifts=2, max_qpu_seconds=1000,
    )  # fmt: skip
    there, x = on(model, place), X[:, : model.n_features]
    held = (x[:3], Y[:3])
    qdl.fit(there, x, Y, steps=2, batch_size=4, validation=held, **options(key))
    found = estimate(there, batch_size=4, steps=2, validations=2, validation_size=3)
    pubs = [pub for _, _, inputs in service.sent for pub in inputs["pubs"]]
    circuits = sum(pub.parameter_values.size for pub in pubs)
    assert (found.jobs, found.circuits) == (len(service.sent), circuits)
    assert found.executions == 50 * circuits
    assert found.qpu_seconds == pytest.approx(2 * found.jobs + 0.00035 * found.executions)
    assert str(found) in capsys.readouterr().out
    if gradient == "spsa":
        assert found.spsa_qpu_seconds == pytest.approx(found.qpu_seconds)
    if gradient == "parameter_shift":
        assert found.spsa_qpu_seconds < found.qpu_seconds


def test_the_numbers_of_the_plan():
    model = qdl.QNN(4, [AngleEncoding(), Rotation("yzyz"), Entangler("cz", "ring")], qdl.ExpZ([0]))
    found = estimate(model, qdl.backends.aer(shots=1024), batch_size=16)
    assert model.n_params == 16
    assert found.circuits == 16 * 33 and round(found.qpu_seconds) == 191
    assert round(found.spsa_qpu_seconds) == round(2 + 0.00035 * 16 * 3 * 1024)
    assert found.fidelity == 1.0


def test_depth_gates_and_fidelity_are_those_of_the_transpiled_circuit():
    place = qdl.backends.fake("manila", shots=100)
    near = estimate(qdl.QNN(4, [Rotation("y"), Entangler("cz")]), place)
    far = estimate(qdl.QNN(4, [Rotation("y"), Entangler("cz", "all")]), place)
    assert near.two_qubit_gates == 3 and far.two_qubit_gates > 6 and far.depth > near.depth
    assert 0.5 < far.fidelity < near.fidelity < 1
    properties = place.backend.target["measure"]
    assert near.fidelity < 1 - min(p.error for p in properties.values())


def test_fit_refuses_above_the_budget_before_the_first_job(key, tmp_path, capsys):
    service = Service()
    place = qdl.backends.ibm("manila", shots=50, service=service, jobs=tmp_path, max_qpu_seconds=5)
    text = r"Training needs about \d+\.\d QPU seconds, but 0.0 of max_qpu_seconds=5 are used"
    with pytest.raises(BudgetError, match=text):
        qdl.fit(MODEL.on(place), X[:, :2], Y, steps=10, batch_size=4, **options(key))
    assert not service.sent
    assert "QPU seconds with SPSA" in capsys.readouterr().out


def test_fit_stops_with_a_checkpoint_when_the_budget_is_used_up_and_goes_on_later(key, tmp_path):
    def bill(where):
        if where == "sent":
            service.sent[-1][0].seconds = 5.0  # more than the estimate of 2.4 s

    service = Service(bill)

    def train(seconds):
        _once.cache_clear()
        place = qdl.backends.ibm(
            "manila", shots=50, service=service, jobs=tmp_path / "jobs", max_qpu_seconds=seconds
        )
        more = {"checkpoint": tmp_path / "run", "checkpoint_every": 1}
        return qdl.fit(MODEL.on(place), X[:, :2], Y, steps=4, batch_size=4, **options(key, **more))

    first = train(11)
    assert (first.stopped, first.step, len(service.sent)) == ("budget", 2, 2)
    last = train(100)
    assert (last.stopped, last.step, len(service.sent)) == ("finished", 4, 4)
    service.sent.clear()
    jobs_before = len(list((tmp_path / "jobs").glob("*.json")))
    assert jobs_before == 4 and not list((tmp_path / "jobs").glob("*.tmp"))
    assert Ledger(tmp_path / "jobs").seconds() == 20


def test_estimates_that_make_no_sense_are_refused():
    with pytest.raises(TypeError, match="estimate prices a model that runs on a place.*got Dense"):
        estimate(qdl.Dense(3, 2))
    with pytest.raises(TypeError, match="takes a place of qdl.backends .* got 'torino'"):
        estimate(MODEL, "torino")
    with pytest.raises(ValueError, match="batch_size to be a whole number, got 0"):
        estimate(MODEL, qdl.backends.aer(shots=10), batch_size=0)
    with pytest.raises(ValueError, match="gradient='adjoint' is .* must be one of auto, "):
        estimate(MODEL, qdl.backends.aer(shots=10), gradient="adjoint")
    with pytest.raises(ValueError, match="fake_manila has 5 qubits, but the circuit needs 6"):
        estimate(qdl.QNN(6, Rotation("y")), qdl.backends.fake("manila"))


def test_a_place_that_sends_nothing_costs_nothing():
    found = estimate(MODEL, steps=3)
    assert (found.jobs, found.circuits, found.qpu_seconds) == (0, 0, 0.0)
    assert str(found) == "Statevector, 3 steps: no jobs, nothing is sent and nothing is billed"


def test_a_fidelity_of_nothing_is_not_one(monkeypatch):
    """The estimate and the report of the transpiled circuit say the same, 0 included."""
    place = qdl.backends.fake("manila", shots=100)
    report = qdl.backends.transpile_report(MODEL, place)
    assert estimate(MODEL, place).fidelity == report.fidelity < 1
    monkeypatch.setattr(chip, "error", lambda target, name, qubits: 1.0)
    assert qdl.backends.transpile_report(MODEL, place).fidelity == 0.0
    assert estimate(MODEL, place).fidelity == 0.0
    assert "0.000" in str(estimate(MODEL, place))


def test_evaluating_alone_costs_no_shifts(key):
    place = qdl.backends.aer(shots=10)
    found = estimate(MODEL, place, batch_size=4, steps=0, validations=1, validation_size=16)
    assert (found.jobs, found.circuits) == (1, 16)
    assert jnp.isfinite(found.qpu_seconds) and isinstance(np.float64(found.fidelity), float)


def test_the_command_prints_the_estimate_and_names_mistakes():
    run = CliRunner().invoke
    asked = ["--place", "fake_manila", "--features", "3", "--depth", "1", "--steps", "10"]
    shown = run(cli.app, ["cost", *asked])
    assert shown.exit_code == 0, shown.output
    model = qdl.models.data_reuploading(3, 1)
    model = qdl.QNN(3, model.layers, qdl.ExpZ([0]))
    found = estimate(model, qdl.backends.fake("manila", shots=1024), batch_size=16, steps=10)
    assert "data_reuploading, 10 x 16 rows" in shown.output and "fake_manila" in shown.output
    for value in (f"{found.executions:,}", f"{found.qpu_seconds:,.1f}", "2 s a job + 0.35 ms"):
        assert value in shown.output
    for wrong, text in [
        (["--place", "fake_manilla"], "There is no fake machine"),
        (["--model", "resnet"], "model must be one of"),
        (["--place", "fake_manila", "--features", "6"], "has 5 qubits, but the circuit needs 6"),
        (["--place", "fake_manila", "--shots", "0"], "shots must be a whole number"),
        (["--model", "qcnn", "--depth", "2"], "qcnn has no depth"),
        (["--place", "aer", "--gradient", "adjoint"], "gradient must be one of auto"),
    ]:
        refused = run(cli.app, ["cost", *wrong])
        assert refused.exit_code == 2 and text in " ".join(refused.stderr.split()), refused.output


def test_the_command_prices_a_model_of_ones_own(tmp_path, key):
    qdl.save(tmp_path / "saved", MODEL, MODEL.init(key))
    (tmp_path / "mine.py").write_text(
        f"import qdl\nmodel = qdl.load({str(tmp_path / 'saved')!r})[0]\nbuild = lambda n: model\n"
    )
    wanted = estimate(MODEL, qdl.backends.aer(shots=1024), batch_size=16)
    for target in (str(tmp_path / "saved"), f"{tmp_path / 'mine.py'}:model"):
        shown = CliRunner().invoke(cli.app, ["cost", "--place", "aer", "--model", target])
        assert shown.exit_code == 0 and f"{wanted.executions:,}" in shown.output, shown.output
    refused = CliRunner().invoke(cli.app, ["cost", "--model", f"{tmp_path / 'mine.py'}:build"])
    assert refused.exit_code == 2 and "build cannot be called with (4, 1)" in refused.stderr
