"""``qdl quickstart`` in small, and in full under ``slow``."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
from typer.testing import CliRunner

import qdl
from qdl.cli import app
from qdl.commands import quickstart as module
from qdl.layers import Rotation

FILES = {
    "config.json", "metrics.jsonl", "summary.jsonl", "params.safetensors", "training_curves.png",
    "decisions.png", "circuit.png", "gradient_variance.png", "overview.png",
}  # fmt: skip


def test_quickstart_prints_a_table_and_leaves_its_files(tmp_path, monkeypatch):
    small = partial(module.quickstart, n_wires=4, widths=(2,), samples=10)
    monkeypatch.setattr(module, "quickstart", small)
    quick = {"one": lambda n: qdl.QNN(n, Rotation("y")), "two": lambda n: qdl.QNN(n, Rotation("x"))}
    monkeypatch.setattr(module, "FAMILIES", quick)  # the real ones take long to compile
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["quickstart", "--steps", "3"])
    assert result.exit_code == 0, result.output
    for word in (
        "QCNN",
        "re-uploading",
        "logistic regression",
        "MLP",
        "accuracy",
        "on the 90 test digits",
    ):
        assert word in result.output
    folder = tmp_path / "runs" / "quickstart"
    assert {path.name for path in folder.iterdir()} == FILES
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 6 and all("loss" in line for line in lines)
    lines = [json.loads(line) for line in (folder / "summary.jsonl").read_text().splitlines()]
    assert sum("test_accuracy" in line for line in lines) == 4
    assert sum("gradient_variance" in line for line in lines) == 2
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG"), path


@dataclass
class Score:
    name: str
    accuracy: float


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ((0.9, 0.8, 1.0, 0.9), "Best on the 10 test digits: C, 10 of 10 right."),
        (
            (0.9, 0.8, 0.9, 0.9),
            "Tied for the best on the 10 test digits: A, C and D, 9 of 10 right.",
        ),
    ],
)
def test_the_verdict_names_whoever_won(scores, said):
    a, b, c, d = (Score(name, score) for name, score in zip("ABCD", scores, strict=True))
    data = SimpleNamespace(y_test=np.zeros(10))
    assert module.Quickstart(Path(), data, [a, b], [c, d], {}).verdict() == said


def test_reuploading_reads_every_feature():
    model = module.reuploading(8)
    assert (model.n_wires, model.n_features) == (4, 8)


@pytest.mark.slow
def test_the_qcnn_learns_zeros_and_ones():
    scores = []
    for seed in range(5):
        data = qdl.datasets.digits((0, 1), features=8, seed=seed)
        model = qdl.models.qcnn(8)
        result = qdl.fit(
            model, data.X_train, data.y_train, loss="cross_entropy", optimizer=optax.adam(0.02),
            steps=300, key=jax.random.key(seed),
        )  # fmt: skip
        z = np.asarray(model.apply(result.params, data.X_test))[:, 0]
        scores.append(np.mean((z > 0) == data.y_test))
    assert np.mean(scores) >= 0.95, scores
