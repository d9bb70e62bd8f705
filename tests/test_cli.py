"""The command line: what runs leave behind, and what it says to bad input."""

import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import qdl
from qdl.cli import app
from qdl.commands import runs
from qdl.commands.configuration import TrainConfig, read_config
from qdl.commands.models import build_model
from qdl.commands.problem import load_data
from qdl.commands.train import run
from qdl.training import picture

SMALL = "dataset = 'digits'\nmodel = 'hardware_efficient'\nfeatures = 3\ndepth = 1\nsteps = 5\n"
PNG = b"\x89PNG\r\n"


@pytest.fixture
def qdl_command(tmp_path, monkeypatch):
    """Call the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def refused(result):
    """The one line of an error that a user can mend."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)  # no other exception: no traceback
    (line,) = result.stderr.strip().splitlines()
    return line


def test_version(qdl_command):
    result = qdl_command("--version")
    assert (result.exit_code, result.output) == (0, f"qdl {qdl.__version__}\n")


def test_the_command_is_a_module_too():
    done = subprocess.run(
        [sys.executable, "-m", "qdl", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"qdl {qdl.__version__}\n"), done.stderr


def test_train_leaves_a_run_folder_and_options_win_over_the_file(qdl_command, tmp_path):
    from safetensors.numpy import load_file

    (tmp_path / "a.toml").write_text(SMALL)
    result = qdl_command("train", "a.toml", "--steps", 4, "--seed", 3)
    assert result.exit_code == 0, result.output
    assert "hardware_efficient" in result.output and "accuracy" in result.output
    folder = tmp_path / "runs" / "digits-hardware_efficient"
    config = json.loads((folder / "config.json").read_text())
    assert (config["steps"], config["seed"], config["features"]) == (4, 3, 3)
    assert config["versions"]["qdl"] == qdl.__version__
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(line["loss"] > 0 and line["grad_norm"] > 0 for line in lines)
    said = json.loads((folder / "summary.jsonl").read_text())
    assert 0 <= said["test_accuracy"] <= 1 and said["n_params"] == 6
    params = load_file(folder / "params.safetensors")
    assert sum(array.size for array in params.values()) == 6
    assert (folder / "training.png").read_bytes().startswith(PNG)


def test_saved_params_are_those_that_were_trained(tmp_path):
    from safetensors.numpy import load_file

    config = TrainConfig(model="hardware_efficient", features=2, depth=1, steps=3)
    folder, trained = run(config, tmp_path / "a")
    (saved,) = load_file(folder / "params.safetensors").values()
    (kept,) = [np.asarray(p) for p in trained.fit.params[1] if p is not None]
    np.testing.assert_array_equal(saved, kept)
    data = load_data(config)
    z = np.asarray(trained.model.apply(trained.fit.params, data.X_test))[:, 0]
    assert trained.accuracy == np.mean((z > 0) == data.y_test)


def test_a_run_is_never_overwritten(qdl_command, tmp_path):
    (tmp_path / "a.toml").write_text(SMALL)
    names = ["digits-hardware_efficient", "digits-hardware_efficient-2"]
    for name in names:
        assert str(tmp_path.joinpath("runs", name).relative_to(tmp_path)) in (
            qdl_command("train", "a.toml").output.replace("\n", "")
        )
    before = (tmp_path / "runs" / names[0] / "metrics.jsonl").read_bytes()
    line = refused(qdl_command("train", "a.toml", "--out", f"runs/{names[0]}"))
    assert "already holds files, expected a new or empty folder. Choose another --out" in line
    assert (tmp_path / "runs" / names[0] / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step = 3", "unknown key 'step'. Valid keys: dataset, model, classes, features, depth"),
        ("steps = 'many'", "steps must be a whole number, got 'many'"),
        ("steps = true", "steps must be a whole number, got True"),
        ("classes = [0, 'a']", "classes must be a list of whole numbers, got [0, 'a']"),
        ("learning_rate = -1.0", "learning_rate must be positive, got -1.0"),
        ("steps = ", "a.toml is not valid TOML"),
        ("3.1,2.0,cat", "Example line: steps = 300. Tables end in .csv, .tsv, .parquet"),
        ("target = 3", "target must be a list of strings, got 3"),
        (
            "dataset = 'digits'\ntarget = 'y'",
            "digits is a data set of qdl, which says its own target",
        ),
        ("class_weight = 'even'", "class_weight must be 'balanced' or left out, got 'even'"),
    ],
)
def test_bad_configurations(qdl_command, tmp_path, text, said):
    (tmp_path / "a.toml").write_text(text)
    assert said in refused(qdl_command("train", "a.toml"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("no.toml", "no configuration file no.toml"),
        (".", ". is a folder, expected a file: a table (.csv, .tsv, .parquet) or a TOML file"),
        ("--dataset letters", "dataset must be one of bars_and_stripes, breast_cancer, digits"),
        ("--dataset my.csv --target y", "my.csv. Give the path of a table: .csv, .tsv, .parquet"),
        (
            "--dataset letters.txt",
            "a table (.csv, .tsv, .parquet) or file.py:name of data; got 'lett",
        ),
        (
            "--model mine.py:model",
            "no Python file mine.py. Expected a QNN of 8 features and 1 outputs",
        ),
        ("--model mcclean", "mcclean reads no features, so there is nothing to train on data"),
        ("--model cnn", "model must be one of cvqnn, data_reuploading, hardware_efficient, qcnn"),
        ("--depth 3", "qcnn has no depth, got depth = 3"),
        ("--steps 0", "steps must be positive, got 0"),
        ("--seed -1", "seed must be a whole number >= 0, got -1"),
        ("--classes a,b", "--classes must be whole numbers with commas between, got 'a,b'"),
        ("--classes 0,12", "classes must be at least two different ones of"),
        ("--dataset two_curves --classes 0,1", "two_curves has no classes to choose"),
        ("--dataset bars_and_stripes --features 8", "Use a square: 4, 9, 16"),
        ("--dataset iris --features 2", "3 classes are read from 3 wires, but 2 features"),
        ("--features 100", "features must be a whole number from 1 to 64"),
    ],
)
def test_bad_options(qdl_command, tmp_path, words, said):
    assert said in refused(qdl_command("train", *words.split()))
    assert not (tmp_path / "runs").exists()


def test_an_unknown_option_is_no_traceback(qdl_command):
    result = qdl_command("train", "--modle", "qcnn")
    assert result.exit_code == 2 and "--modle" in result.stderr and "Traceback" not in result.stderr


def test_every_data_set_and_model_can_be_named():
    config = TrainConfig()
    for name in ("two_curves", "bars_and_stripes", "wine", "mnist"):
        data = load_data(read_config(None, {"dataset": name, "seed": 1}))
        assert data.X_train.shape[1] >= 4
    assert load_data(config).X_train.shape[1] == 8
    assert load_data(TrainConfig(classes=(3, 8))).y_train.max() == 1


@pytest.mark.parametrize("name", ["qcnn", "data_reuploading", "strongly_entangling"])
@pytest.mark.parametrize(("features", "classes", "outputs"), [(8, 2, 1), (7, 3, 3), (5, 5, 5)])
def test_models_have_one_output_a_class_or_one_for_two(name, features, classes, outputs):
    model = build_model(name, features, classes)
    assert model.readout.size(model.active) == outputs
    assert model.n_wires == model.n_features == features


def test_smooth_is_the_mean_around_each_step():
    values = np.random.default_rng(0).normal(size=50)
    half = picture.WINDOW // 2
    slow = [np.mean(values[max(i - half, 0) : i + half + 1]) for i in range(50)]
    np.testing.assert_allclose(picture.smooth(values), slow)


def test_occupied_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert runs.new_folder("x", tmp_path / "empty") == tmp_path / "empty"
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file already holds files"):
        runs.new_folder("x", tmp_path / "file")


def test_a_saved_model_has_a_variance_too(qdl_command, tmp_path, key):
    model = qdl.QNN(3, qdl.layers.Rotation("y"), qdl.ExpZ([0]))
    qdl.save(tmp_path / "mine", model, model.init(key))
    result = qdl_command("variance", "mine")
    assert result.exit_code == 0 and "gradient on 3 wires, 3 parameters, 2 of them" in result.output
    assert "or a folder of a saved model" in refused(qdl_command("variance", "yours"))
    assert "no Python file yours.py. Expected file.py:name" in refused(
        qdl_command("variance", "yours.py:model")
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("three", "f.py:three is int. Expected a QNN, or a function of the width"),
        ("wrong", "f.py:wrong gave int for (2,). Expected a QNN"),
        ("pair", "f.py:pair cannot be called with (2,): missing a required argument: 'depth'"),
    ],
)
def test_what_builds_no_model_is_refused_by_name(qdl_command, tmp_path, name, said):
    source = "three = 3\ndef wrong(n): return n\ndef pair(n, depth): return n\n"
    (tmp_path / "f.py").write_text(source)
    assert said in refused(qdl_command("variance", "f.py:" + name, "--widths", "2"))
