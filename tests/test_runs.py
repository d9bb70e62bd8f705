"""Run folders afterwards: listed, compared, drawn, gone on with, loaded."""

import json
import shutil

import jax
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import qdl
from qdl.cli import app
from qdl.commands import listing, train
from qdl.training.picture import WINDOW

SMALL = "dataset = 'digits'\nmodel = 'hardware_efficient'\nfeatures = 2\ndepth = 1\nsteps = 5\n"
X = np.random.default_rng(0).normal(size=(40, 2))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two runs of the command line and one of fit, under one folder."""
    root = tmp_path_factory.mktemp("runs")
    (root / "a.toml").write_text(SMALL)
    for name, words in {"one": [], "two": ["--learning-rate", "0.1", "--steps", "7"]}.items():
        result = call("train", root / "a.toml", *words, "--out", root / name)
        assert result.exit_code == 0, result.output
    qdl.fit(
        qdl.Hybrid([qdl.Dense(2, 1)]), X, X[:, 0], loss="mse", steps=9, checkpoint=root / "three",
        key=jax.random.key(0), validation=(X, X[:, 0]),
    )  # fmt: skip
    return root


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def refused(result):
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.output
    (line,) = result.stderr.strip().splitlines()
    return line


def test_runs_are_listed_with_what_they_reached(folders):
    result = call("runs", folders)
    assert result.exit_code == 0, result.output
    for name, steps in (("one", "5"), ("two", "7"), ("three", "9")):
        table = result.output.partition("what differs")[0].splitlines()
        (row,) = [each for each in table if f"{folders / name} " in each]
        cells = [cell.strip() for cell in row.strip("│").split("│")]
        assert cells[1] == steps
        said = [] if name == "three" else [folders / name / "summary.jsonl"]
        reached = [json.loads(path.read_text())["test_accuracy"] for path in said]
        assert cells[4] == (f"{reached[0]:.3f}" if reached else "")


def test_what_differs_is_shown_and_nothing_else(folders):
    found = [run for name in ("one", "two") for run in listing.read(folders / name)]
    assert listing.differences(found) == [("steps", "5", "7"), ("learning_rate", "0.02", "0.1")]
    assert "learning_rate" in call("runs", folders / "one", folders / "two").output


def test_a_run_of_fit_says_what_it_was(folders):
    (run,) = listing.read(folders / "three")
    assert run.config["batch_size"] == 32 and run.config["model"]["class"] == "Hybrid"
    assert len(run.history["loss"]) == 9 == len(run.history["val_loss"])


def test_curves_are_drawn(folders, tmp_path):
    result = call("runs", folders, "--plot", tmp_path / "a.png")
    assert result.exit_code == 0 and (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_runs_that_differ_in_the_seed_alone_are_one_curve_with_a_band(folders, tmp_path):
    for seed in (1, 2):
        shutil.copytree(folders / "one", tmp_path / f"one-{seed}")
        path = tmp_path / f"one-{seed}" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": seed}))
    found = [run for f in (tmp_path / "one-1", tmp_path / "one-2") for run in listing.read(f)]
    found += [run for name in ("two", "three") for run in listing.read(folders / name)]
    names = [f"{tmp_path}/one, 2 seeds", str(folders / "two"), str(folders / "three")]
    assert list(listing.groups(found)) == names
    labels = [{"model": f"a, seed {s}", "step": 1, "loss": 1.0} for s in (8, 9)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in labels))
    (tmp_path / "config.json").write_text(json.dumps({"command": "train", "seeds": 2}))
    assert list(listing.groups(listing.read(tmp_path))) == [f"{tmp_path} a, 2 seeds"]
    listing.plot(found, tmp_path / "a.svg")
    said = (tmp_path / "a.svg").read_text()
    assert f"Lines: running means over {WINDOW} steps. Of several seeds: their mean" in said


def test_the_numbers_of_runs_as_json_and_as_a_table(folders, tmp_path):
    out = {name: tmp_path / f"a.{name}" for name in ("json", "csv")}
    result = call("runs", folders, "--json", out["json"], "--csv", out["csv"])
    assert result.exit_code == 0, result.output
    rows = {row["run"]: row for row in json.loads(out["json"].read_text())}
    table = pd.read_csv(out["csv"]).set_index("run")
    for name, steps in (("one", 5), ("two", 7), ("three", 9)):
        run = str(folders / name)
        assert rows[run]["steps"] == steps == table["steps"][run]
        assert rows[run]["loss"] == pytest.approx(table["loss"][run], rel=1e-12)
    two = str(folders / "two")
    assert rows[two]["config"]["learning_rate"] == 0.1 == table["config.learning_rate"][two]
    accuracy = rows[two]["summary"]["test_accuracy"]
    assert accuracy == table["summary.test_accuracy"][two]
    frame = pd.read_json(folders / "two" / "metrics.jsonl", lines=True)
    assert len(frame) == 7 and frame["loss"].notna().all()  # no last row of another kind


def test_a_run_that_is_being_written_can_be_read(tmp_path):
    rows = '{"step": 1, "loss": null, "grad_norm": 2.0}\n{"step": 2, "loss": 0.5, "grad_norm": 1.0}'
    (tmp_path / "metrics.jsonl").write_text(rows + '\n{"step": 3, "lo')
    (run,) = listing.read(tmp_path)
    np.testing.assert_array_equal(run.history["loss"], [np.nan, 0.5])
    listing.plot([run] * 6, tmp_path / "a.png")
    (tmp_path / "metrics.jsonl").write_text("{\n" + rows)
    with pytest.raises(ValueError, match="metrics.jsonl is damaged"):
        listing.read(tmp_path)


def test_several_models_in_a_folder_are_several_runs(tmp_path):
    lines = [{"model": m, "step": 1, "loss": v} for m, v in (("a", 1.0), ("b", 2.0))]
    lines += [{"model": "b", "test_accuracy": 0.5}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    one, two = listing.read(tmp_path)
    assert one.name.endswith(" a") and one.history["loss"] == [1.0] and not one.summary
    assert two.row()[1:] == ("1", "2", "", "0.500")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no folder nowhere. Name run folders"),
        (["."], "none of its folders has a metrics.jsonl. qdl train makes one"),
        ([], "no folder runs."),
    ],
)
def test_no_runs(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(call("runs", *words))


# ---- going on


def test_an_interrupted_training_goes_on(folders, tmp_path):
    config = train.TrainConfig(model="hardware_efficient", features=2, depth=1, steps=8)
    _, whole = train.run(config, tmp_path / "whole")
    folder = tmp_path / "killed"  # after five steps, half-way through a line
    shutil.copytree(folders / "one", folder)
    for name in ("model.json", "params.safetensors", "training.png"):
        (folder / name).unlink()
    metrics = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(metrics[:4]) + '{"step": 5, "lo')
    for _ in range(2):  # the second time it has ended: the result comes at once
        result = call("train", "--resume", folder, "--steps", 8)
        assert result.exit_code == 0, result.output
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [*range(1, 9)]
        assert len((folder / "summary.jsonl").read_text().splitlines()) == 1
    model, params = qdl.load(folder)
    assert model == whole.model
    for one, two in zip(*map(jax.tree.leaves, (params, whole.fit.params)), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()


def test_what_cannot_go_on(folders, tmp_path):
    line = refused(call("train", "--resume", folders / "one", "--learning-rate", 0.5))
    assert "was trained with learning_rate = 0.02, got 0.5. Leave it out to resume" in line
    assert "nothing to resume" in refused(call("train", "--resume", folders / "three"))
    assert "takes everything" in refused(call("train", "a.toml", "--resume", folders / "one"))
    line = refused(call("train", "--resume", folders / "two", "--steps", 3))
    assert "two was meant for 7 steps, got steps = 3. Ask for 7 or more" in line
    assert json.loads((folders / "two" / "config.json").read_text())["steps"] == 7


def test_a_run_that_fails_leaves_its_folder_as_it_was_unless_there_are_steps_to_go_on_from(
    tmp_path,
):
    from qdl.commands.runs import fresh

    for made in ("", "config.json", "checkpoints/step-00000000.json"):
        with pytest.raises(RuntimeError), fresh("a", tmp_path / "gone") as folder:
            (folder / "checkpoints").mkdir()
            (folder / (made or "x")).touch()
            raise RuntimeError
        assert not (tmp_path / "gone").exists()
    with pytest.raises(RuntimeError), fresh("a", tmp_path / "kept") as folder:
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "step-00000100.json").touch()
        raise RuntimeError
    assert (tmp_path / "kept" / "checkpoints" / "step-00000100.json").exists()
