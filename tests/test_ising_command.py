"""``qdl ising``: what it prints and leaves behind, on fewer images than it uses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import qdl.commands.ising as command
from qdl.cli import app
from qdl.ising import IsingClassifier


@pytest.fixture
def few_images(monkeypatch, tmp_path):
    whole = command.load

    def some():
        data, held = whole()
        rows = slice(0, 100)
        small = data._replace(X_train=data.X_train[rows], y_train=data.y_train[rows])
        return small, held._replace(X_test=held.X_test[rows], y_test=held.y_test[rows])

    monkeypatch.setattr(command, "load", some)
    monkeypatch.setattr(command, "READS", (1, 3))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_prints_its_tables_and_leaves_pictures(few_images):
    result = CliRunner().invoke(app, ["ising", "--epochs", "2", "--seeds", "2", "--seed", "3"])
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    for said in ("held-out", "back-propagation", "EP, 1 read", "QP, 20 mixed", "1-2", "+-"):
        assert said in text, said
    for said in (
        "over epochs 1 to 2: it depends on this window and, strongly, on the learning rate",
        "Tuned back-propagation needs fewer epochs and generalises better",
        "no quantum processor was used",
        "The paper reports 92 % on the 100 test images, and z of 0.64 (EP), 0.78 (back-propagation)",
        "within the spread of seeds, not their mean",
        "0.79 of the held-out images with two hidden layers, 0.83 with one: python -m benchmarks",
        "the same knee in the number of reads without any quantum effect",
    ):
        assert said in text, said
    folder = few_images / "runs" / "ising"
    for i, name in enumerate(("states_of_images", "states_of_classes", "first_epoch_error"), 2):
        assert (folder / f"figure{i}_{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "figure5_training_error.png").stat().st_size > 10_000
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    errors = [line for line in lines if "online_error" in line]
    assert len(errors) == len(lines) == 2 * 6 * 2 and {line["seed"] for line in errors} == {3, 4}
    assert all("learning_rate" in line for line in errors)
    loaded = IsingClassifier.load(folder / "classifier")
    assert loaded.get_params()["seed"] == 3
    data, _ = command.load()
    lines = [json.loads(line) for line in (folder / "summary.jsonl").read_text().splitlines()]
    (default,) = [x for x in lines if x.get("method") == "default" and x["seed"] == 3]
    assert loaded.score(data.X_test, data.y_test) == default["test"]


def test_a_row_is_the_mean_over_the_seeds():
    epochs = np.arange(1, 14)
    same = [command.Method("a", 0.1, 0.5 * epochs**-z, 0.8 + z / 10, 0.7) for z in (1.0, 2.0)]
    row = command.row(same)
    assert row.z == pytest.approx((1.5, 0.5**0.5), abs=1e-5) and row.window == (1, 13)
    assert (row.test, row.first_error) == (pytest.approx(0.95), 0.5)
    assert command.row([command.Method("a", 0.1, np.array([0.1, 0.0]), 1, 1)]).z is None


def test_one_epoch_has_no_exponent(tmp_path):
    with pytest.raises(ValueError, match="epochs must be at least 2 for an exponent, got 1"):
        command.run(tmp_path / "a", epochs=1)
    assert not (tmp_path / "a").exists()
