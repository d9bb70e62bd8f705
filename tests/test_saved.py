"""What an earlier version wrote loads, gives the same numbers, and goes on: see ``saved/make.py``."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from service import Service
from typer.testing import CliRunner

import qdl
from qdl.backends.machines.ledger import Ledger
from qdl.backends.machines.qiskit_place import _once
from qdl.cli import app
from qdl.files import fingerprint
from qdl.layers import Layer

SAVED = Path(__file__).parent / "saved"
EXPECTED = json.loads((SAVED / "expected.json").read_text())
MODELS = sorted(
    path.parent.name for path in SAVED.glob("*/model.json") if path.parent.name != "train"
)
PLACES = {
    "aer": {"shots": None, "method": "matrix_product_state", "noise": None},
    "aer-noisy": {"shots": 20, "method": "automatic", "noise": "fake_manila", "gradient": "spsa"},
    "fake": {"shots": 10, "name": "manila", "max_batch": 3, "gradient": "auto"},
    "ibm": {"shots": 4000, "name": "torino", "mode": "batch", "twirling": (("enable_gates", True),)},
    "mitigated": {"readout": True, "scales": (1,)},
    "shots": {"shots": 100},
    "trajectories": {"samples": 50},
}  # fmt: skip
X = np.random.default_rng(0).integers(-8, 9, (24, 3)) / 8
Y = (X.sum(axis=1) > 0).astype(int)
PIXELS = np.random.default_rng(1).integers(0, 5, (20, 6)) / 4
LABELS = np.where(PIXELS[:, :3].sum(axis=1) > PIXELS[:, 3:].sum(axis=1), "left", "right")


@dataclass(frozen=True)
class Phases(Layer):
    scale: float = 1.0

    def shape(self, wires):
        return (len(wires),)

    def gates(self, params, x, wires):
        for i, wire in enumerate(wires):
            yield qp.RX(self.scale * params[i], wires=wire)


class Slope:
    def init(self, key):
        return (jnp.ones(3) / 3, jnp.full((), 0.5, jnp.bfloat16), jnp.ones(2, complex) * 1j)

    def apply(self, params, x):
        return (x @ params[0] + params[1].astype(float) + params[2].imag.sum())[..., None]


def load(name):
    words = {"model": Slope()} if name == "own-model" else {}
    return qdl.load(SAVED / name, **words, layers=[Phases])


def flat(params):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


@pytest.mark.parametrize("name", MODELS)
def test_saved_models_give_their_numbers(name):
    expected = EXPECTED[name]
    model, params = load(name)
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    assert fingerprint(*leaves) == expected["sha256"]  # every bit
    for field, value in PLACES.get(name, {}).items():
        assert getattr(model.place, field) == value
    x = None if expected.get("x") is None else np.array(expected["x"])
    if "float64" in expected:
        np.testing.assert_allclose(model.apply(params, x), expected["float64"], atol=1e-12)
    if "float32" in expected:
        with jax.enable_x64(False):
            if name != "single":
                with pytest.warns(RuntimeWarning, match="holds float64"):
                    model, params = load(name)
            found = model.apply(params, None if x is None else x.astype(np.float32))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected["float32"], atol=3e-6)


def test_every_saved_model_is_looked_at():
    assert set(MODELS) <= set(EXPECTED) and len(MODELS) == 20


def runs():
    words = {"batch_size": 8, "key": jax.random.key(5)}
    validation = {"validation": (X[:8], Y[:8])}
    hybrid, circuit = (qdl.load(SAVED / name)[0] for name in ("hybrid", "noise"))
    yield "run", (hybrid, X, Y), words | validation | {"loss": "cross_entropy"}
    spsa = qdl.training.spsa(0.05, key=jax.random.key(6))
    yield "run-spsa", (circuit, X, X * 0.5), words | {"loss": "mse", "optimizer": spsa}


@pytest.mark.parametrize("name", ["run", "run-spsa"])
def test_a_killed_run_goes_on_to_its_outcome(name, tmp_path):
    """To the last bit, where this machine computes the first half to the last bit."""
    expected = EXPECTED[name]
    data, words = next((data, words) for n, data, words in runs() if n == name)
    for folder in (name, f"{name}-outcome"):
        shutil.copytree(SAVED / folder, tmp_path / folder)

    def fit(folder, steps):
        return qdl.fit(
            *data, **words, steps=steps, checkpoint=tmp_path / folder, checkpoint_every=10
        )

    half = fit(name, expected["step"])  # at once: that is where it was killed
    assert half.stopped == "finished" and flat(half.params).tolist() == expected["half"]
    whole, outcome = fit(name, 40), fit(f"{name}-outcome", 40)
    assert flat(outcome.params).tolist() == expected["params"]
    np.testing.assert_allclose(flat(whole.params), expected["params"], atol=1e-9)
    for result in (whole, outcome):
        np.testing.assert_allclose(result.history["loss"], expected["loss"], atol=1e-9)
    lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 41))
    if flat(fit("anew", expected["step"]).params).tolist() == expected["half"]:
        assert flat(whole.params).tolist() == expected["params"]


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_a_run_folder_of_the_command_line_is_gone_on_with(tmp_path):
    expected = EXPECTED["train"]
    model, params = qdl.load(SAVED / "train")
    assert flat(params).tolist() == expected["params"] and model.n_wires == 4
    shutil.copytree(SAVED / "train", tmp_path / "train")
    result = call("train", "--resume", tmp_path / "train", "--steps", 8)
    assert result.exit_code == 0, result.output
    _, longer = qdl.load(tmp_path / "train")
    np.testing.assert_allclose(flat(longer), expected["resumed"], atol=1e-9)


def test_run_folders_are_listed():
    result = call("runs", SAVED)
    assert result.exit_code == 0, result.output
    table = result.output.partition("what differs")[0].splitlines()
    rows = {Path(cells[0]).name: cells for cells in map(cells_of, table) if len(cells) > 4}
    for name, steps in (("run-outcome", "40"), ("run", "24"), ("train", "4")):
        assert rows[name][1] == steps


def cells_of(line):
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_job_paid_for_is_not_sent_again(tmp_path):
    """Its ledger is read, and the same request has the same tag: the job is found by it."""
    expected = EXPECTED["jobs"]
    shutil.copytree(SAVED / "jobs", tmp_path / "jobs")
    model, params = qdl.load(SAVED / "fake")
    service = Service()

    def run(folder):
        place = qdl.backends.ibm("manila", service=service, shots=100, jobs=tmp_path / folder)
        return model.on(place).apply(params, X[:3, :2], key=jax.random.key(7))

    first = run("elsewhere")  # the service has job-0 from here on
    (file,) = (tmp_path / "elsewhere").glob("*.json")
    assert file.stem == expected["tag"] and len(service.sent) == 1
    service.jobs = lambda **words: pytest.fail("the id was in the ledger")
    _once.cache_clear()  # a new process
    np.testing.assert_array_equal(run("jobs"), first)
    assert len(service.sent) == 1
    ledger = Ledger(tmp_path / "jobs")
    assert Ledger(SAVED / "jobs").jobs(file.stem) == expected["ledger"]
    assert ledger.jobs(file.stem) == expected["ledger"] and ledger.current(file.stem) == "job-0"


def test_a_saved_boltzmann_machine_gives_its_numbers_and_goes_on():
    machine, expected = qdl.ising.BoltzmannMachine.load(SAVED / "boltzmann"), EXPECTED["boltzmann"]
    assert machine.sampler == qdl.ising.GibbsSampler(2, 0.8) and machine.num_reads == 6
    assert machine.couplings_.tolist() == expected["couplings"]
    assert machine.chains_.tolist() == expected["chains"] and machine.scale_ == expected["scale"]
    np.testing.assert_allclose(machine.score_samples(PIXELS > 0.5), expected["scores"], rtol=1e-9)
    gone_on = machine.partial_fit(PIXELS).fields_
    np.testing.assert_allclose(gone_on, expected["gone_on"], rtol=1e-6)


@pytest.mark.parametrize("name", ["ising", "ising-exact", "ising-foreign", "ising-deep"])
def test_saved_classifiers_give_their_numbers(name):
    expected = EXPECTED[name]
    kind = "DeepIsingClassifier" if name == "ising-deep" else "IsingClassifier"
    words = {}
    if name == "ising-foreign":
        words = {"sampler": qdl.ising.BlockSampler()}
        with pytest.raises(ValueError, match="was saved with a DimodSampler, which is not written"):
            qdl.ising.IsingClassifier.load(SAVED / name)
    classifier = getattr(qdl.ising, kind).load(SAVED / name, **words)
    arrays = classifier.network_.arrays()
    assert arrays.keys() == expected["arrays"].keys()
    for each, array in arrays.items():
        assert array.dtype == np.float32 and array.tolist() == expected["arrays"][each]
    assert classifier.predict(PIXELS).tolist() == expected["predictions"]
    assert classifier.history_["online_error"].tolist() == expected["online_error"]
    if "energies" in expected:
        energies = classifier.decision_energies(PIXELS)
        np.testing.assert_allclose(energies, expected["energies"], rtol=1e-5)


def test_a_broken_off_classifier_goes_on_to_its_outcome(tmp_path):
    expected = EXPECTED["ising"]
    shutil.copytree(SAVED / "ising-run", tmp_path / "run")
    epochs = []

    def trained(folder):
        classifier = qdl.ising.IsingClassifier.load(SAVED / "ising")  # for its arguments
        epochs.clear()
        return classifier.fit(
            PIXELS, LABELS, checkpoint=tmp_path / folder,
            callback=lambda c: epochs.append(len(c.history_["online_error"])),
        )  # fmt: skip

    resumed = trained("run")
    assert epochs == [3, 4]  # the first two were not done again
    assert resumed.history_["online_error"].tolist() == expected["online_error"]
    for name, array in resumed.network_.arrays().items():
        np.testing.assert_allclose(array, expected["arrays"][name], atol=1e-5)
    anew = trained("anew")
    if all(a.tolist() == expected["arrays"][n] for n, a in anew.network_.arrays().items()):
        for name, array in resumed.network_.arrays().items():
            assert array.tolist() == expected["arrays"][name]
