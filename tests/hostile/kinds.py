"""What is attacked: each kind makes whole files once, damages a copy, and does what a user would do."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import qdl
from qdl import ising, layers
from qdl.backends.machines.ledger import Ledger

from .damage import changed, flipped, pick, sealed

Attack = Callable[[np.random.Generator], Callable[[], Any]]
X = np.linspace(0, 1, 24).reshape(8, 3)
Y = np.array([0, 1] * 4)


def _copy(folder: Path) -> Path:
    """A copy that is there until the next one."""
    there = _home() / "attacked"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(folder, there)
    return there


@cache
def _home() -> Path:
    return Path(tempfile.mkdtemp())


def _damage(folder: Path, kind: str, names: tuple[str, str], rng: np.random.Generator) -> None:
    """The bytes of one of a pair of files, or their content."""
    path, numbers = (folder / name for name in names)
    if rng.random() < 0.3:
        flipped(path if rng.random() < 0.5 else numbers, rng)
    else:
        sealed(path, kind, numbers, rng)


# ---- models


@cache
def models() -> list[tuple[Path, Any]]:
    """Saved models, and the features that they take."""
    head = qdl.Hybrid([qdl.Dense(3, 2), qdl.QNN(2, [layers.AngleEncoding(), layers.Rotation("y")])])
    made = [
        (qdl.QNN(3, [layers.AngleEncoding(), layers.Repeat([layers.Rotation("xy")], 2)]), X),
        (qdl.QNN(2, [layers.Rotation("zyz"), layers.Entangler("cnot")], qdl.Probs((1,))), None),
        (qdl.models.qcnn(4), np.ones((2, 4))),
        (head, X),
    ]
    found = []
    for i, (model, x) in enumerate(made):
        folder = _home() / f"model-{i}"
        qdl.save(folder, model, model.init(jax.random.key(i)))
        found.append((folder, x))
    return found


def load(rng: np.random.Generator) -> Callable[[], Any]:
    """``qdl.load``, and the values of what it gives."""
    source, x = pick(models(), rng)
    folder = _copy(source)
    _damage(folder, "model", ("model.json", "params.safetensors"), rng)

    def use() -> str | None:
        model, params = qdl.load(folder)
        features = model.n_features if hasattr(model, "n_features") else 3
        rows = None if x is None or not features else np.ones((2, features))
        found = jax.eval_shape(lambda p: model.apply(p, rows), params)
        return None if found.ndim else "no values"

    return use


# ---- the Ising family


@cache
def machines() -> list[Path]:
    """Saved classifiers and a Boltzmann machine."""
    labels = np.array(["a", "bb"])[Y]
    warnings.simplefilter("ignore")  # nothing is learned from so few rows
    fitted = [
        ising.IsingClassifier(hidden=3, epochs=1, num_reads=2).fit(X, labels),
        ising.DeepIsingClassifier(layers=(3, 2), epochs=1, num_reads=2).fit(X, Y),
        ising.BoltzmannMachine(2, epochs=1, num_reads=4).fit(X),
        ising.BoltzmannMachine(2, graph=1 - np.eye(5), epochs=1, num_reads=4).fit(X),
    ]
    for i, each in enumerate(fitted):
        each.save(_home() / f"ising-{i}")
    return [_home() / f"ising-{i}" for i in range(len(fitted))]


def ising_files(rng: np.random.Generator) -> Callable[[], Any]:
    """Load a classifier or machine, and predict."""
    folder = _copy(pick(machines(), rng))
    machine = (folder / "machine.json").exists()
    deep = not machine and "Deep" in (folder / "classifier.json").read_text()
    cls: Any = ising.DeepIsingClassifier if deep else ising.IsingClassifier
    cls = ising.BoltzmannMachine if machine else cls
    name = "machine.json" if machine else "classifier.json"
    _damage(folder, cls.__name__, (name, "params.safetensors"), rng)

    def use() -> str | None:
        loaded = cls.load(folder)
        if machine:
            found = loaded.transform(X[:, : loaded.n_features_in_])
            return None if np.isfinite(found).all() else "transform gave NaN"
        found = loaded.predict(X)
        return None if set(found.tolist()) <= set(loaded.classes_.tolist()) else "other labels"

    return use


# ---- runs of fit


def _fit(folder: Path) -> Any:
    model = qdl.QNN(2, [layers.AngleEncoding(), layers.Rotation("y")], qdl.ExpZ((0,)))
    return qdl.fit(
        model, X[:, :2], np.linspace(-1, 1, 8)[:, None], loss="mse", optimizer=optax.adam(0.1), steps=6,
        batch_size=4, key=jax.random.key(0), checkpoint=folder, checkpoint_every=3,
    )  # fmt: skip


@cache
def run_folder() -> tuple[Path, float]:
    folder = _home() / "run"
    return folder, float(_fit(folder).history["loss"][-1])


def checkpoint(rng: np.random.Generator) -> Callable[[], Any]:
    """Go on with a run whose newest checkpoint, or all of them, are damaged."""
    source, loss = run_folder()
    folder = _copy(source)
    steps = sorted((folder / "checkpoints").glob("step-*.json"))
    for path in steps if rng.random() < 0.5 else steps[-1:]:
        _damage(path.parent, "checkpoint", (path.name, path.with_suffix(".safetensors").name), rng)

    def use() -> str | None:
        found = _fit(folder).history["loss"]
        return None if len(found) <= 6 else f"{len(found)} steps of 6"

    return use


def config(rng: np.random.Generator) -> Callable[[], Any]:
    """Resume a run of the command line from a configuration that was edited."""
    from qdl.commands import configuration, runs

    folder = _copy(_config_folder())
    path = folder / "config.json"
    if rng.random() < 0.2:
        flipped(path, rng)
    else:
        path.write_text(json.dumps(changed(json.loads(path.read_text()), rng)))

    def use() -> None:
        saved = runs.read_config(folder)
        if saved.get("command") == "train":
            configuration.saved_config(folder, saved)

    return use


@cache
def _config_folder() -> Path:
    from qdl.commands import configuration, runs

    folder = _home() / "config"
    folder.mkdir()
    runs.write_config(folder, {"command": "train", **vars(configuration.TrainConfig())})
    return folder


def runs(rng: np.random.Generator) -> Callable[[], Any]:
    """List run folders whose metrics or configuration are damaged."""
    from qdl.commands import listing

    folder = _copy(run_folder()[0])
    path = folder / "metrics.jsonl"
    if rng.random() < 0.4:
        flipped(path, rng)
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows = changed(rows, rng)
        rows = rows if isinstance(rows, list) else [rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def use() -> None:
        found = [run for each in listing.find([folder]) for run in listing.read(each)]
        for run in found:
            run.row()
        listing.differences(found)

    return use


# ---- tables


def _frame() -> Any:
    import pandas as pd

    words = ["a", "b", None, "b"] * 6
    numbers = [1.0, 2.0, np.nan, 5.0, 3.0, 8.0] * 4
    return pd.DataFrame({"n": numbers, "m": np.arange(24.0) ** 2, "w": words, "y": ["p", "q"] * 12})


@cache
def tables() -> list[Path]:
    """What runs keep of a table: of classes and of numbers, with and without a projection."""
    from qdl import tabular

    found = []
    for i, names in enumerate((("y",), ("m", "n"))):
        frame = tabular.as_table(_frame().dropna(subset=["n"]).reset_index(drop=True), "x")
        target, _ = tabular.learn_target(frame, names, None, "x", str)
        learned = tabular.learn(frame, np.arange(12), "x", str, names)
        if i == 0:
            X = learned.transform(frame, "x", str)
            learned = tabular.as_angles(tabular.projected(learned, X, 2), X[:, :2])
        folder = _home() / f"table-{i}"
        folder.mkdir()
        tabular.save(folder, tabular.Saved(learned, target))
        found.append(folder)
    return found


def table(rng: np.random.Generator) -> Callable[[], Any]:
    """Read what a run keeps of its table, and prepare rows by it."""
    from qdl import tabular

    folder = _copy(pick(tables(), rng))
    _damage(folder, "table", ("table.json", "table.safetensors"), rng)

    def use() -> str | None:
        saved = tabular.load(folder)
        frame = tabular.as_table(_frame(), "x")
        X = saved.preparation.transform(frame, "x", str)
        right = X.shape == (24, saved.preparation.n_features)
        saved.target.values(frame, "x")
        return None if right else f"features of shape {X.shape}"

    return use


def csv(rng: np.random.Generator) -> Callable[[], Any]:
    """Read a CSV whose bytes or fields were changed, and split it."""
    from qdl import tabular
    from qdl.commands.configuration import read_config
    from qdl.commands.problem import prepare

    path = _home() / "attacked.csv"
    _frame().to_csv(path, index=False)
    if rng.random() < 0.5:
        flipped(path, rng)
    else:
        lines = [line.split(",") for line in path.read_text().splitlines()]
        for _ in range(int(rng.integers(1, 6))):
            row = pick(lines, rng)
            if row:
                row[int(rng.integers(len(row)))] = pick(FIELDS, rng)
            if rng.random() < 0.2:
                row.append(pick(FIELDS, rng))
        path.write_text("\n".join(map(",".join, lines)), encoding="utf-8")

    def use() -> str | None:
        tabular.read_table(path)
        (found,) = prepare(read_config(None, {"dataset": str(path), "target": ["y"]}), str)
        return None if np.isfinite(found.data.X_train).all() else "features that are not finite"

    return use


FIELDS = (
    "",
    "x",
    "1e400",
    "-inf",
    "nan",
    "NA",
    '"',
    '""',
    "1,5",
    "0x10",
    "1e308",
    "ü",
    "\t",
    "p",
    "q",
    "\x00",
    "y",
    "n",
)

# ---- money


def ledger(rng: np.random.Generator) -> Callable[[], Any]:
    """Read what was paid, and whether a job was sent, from a damaged ledger."""
    folder = _home() / "ledger"
    shutil.rmtree(folder, ignore_errors=True)
    whole = Ledger(folder)
    with whole.locked():
        whole.write("qdl-1", "job-1", "sent", 2.5, "ibm_torino")
        whole.write("qdl-1", "job-2", "done", 1.5)
    path = folder / "qdl-1.json"
    if rng.random() < 0.4:
        flipped(path, rng)
    else:
        path.write_text(json.dumps(changed(json.loads(path.read_text()), rng)))

    def use() -> str | None:
        seconds, job = whole.seconds(), whole.current("qdl-1")
        right = np.isfinite(seconds) and seconds >= 0 and (job is None or isinstance(job, str))
        return None if right else f"{seconds} s, {job}"

    return use


# ---- the command line

WORDS = (
    "0", "-1", "1", "2", "3", "1e8", "100000000", "1" + "0" * 20, "nan", "inf", "-inf", "", "x", "[red]x",
    "2-99999999999", "9-2", "2n", "99999999n", "2,2", "..", "/nope/x", "fake_nope", "ibm_", "aer", "qcnn",
    "None", "iris", "\x00", "ü", "x" * 5000, "no.py:f", "--help",
)  # fmt: skip
COMMANDS = {
    "cost": ("--features", "2", "--depth", "1", "--place", "fake_manila", "--shots", "10", "--steps", "1",
             "--model", "data_reuploading", "--batch-size", "1", "--classes", "2", "--gradient", "auto"),
    "variance": ("--widths", "2", "--samples", "2", "--depth", "1", "--method", "auto", "--seed", "0"),
    "train": ("--dataset", "iris", "--model", "qcnn", "--features", "2", "--steps", "1", "--batch-size", "4",
              "--learning-rate", "0.1", "--classes", "0,1", "--seed", "0", "--out", "OUT"),
    "runs": ("--plot", "OUT.png"),
}  # fmt: skip


def command(rng: np.random.Generator) -> Callable[[], Any]:
    """A command that works, with one or two of its words replaced."""
    from typer.testing import CliRunner

    from qdl.cli import app

    out = _home() / "out"
    shutil.rmtree(out, ignore_errors=True)
    name = pick(sorted(COMMANDS), rng)
    words = [word.replace("OUT", str(out)) for word in COMMANDS[name]]
    for _ in range(int(rng.integers(1, 3))):
        at = 1 + 2 * int(rng.integers(len(words) // 2))
        words[at] = pick(WORDS, rng)
    words = [name, *words, *([str(run_folder()[0])] if name == "runs" else [])]

    def use() -> str | None:
        with contextlib.chdir(_home()):  # where relative names may be written
            found = CliRunner().invoke(app, words)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            return f"{words}: {type(found.exception).__name__}: {found.exception}"
        if found.exit_code not in (0, 2):
            return f"{words}: exit status {found.exit_code}"
        if found.exit_code == 2 and "Error" not in found.output:
            return f"{words}: refused without a word"
        if found.exit_code == 2 and out.exists():
            return f"{words}: refused, and left {out.name}"
        if found.exit_code == 2:
            raise ValueError(found.output)
        return None

    use.told, use.seconds = words, 90  # it may have been right, and train
    return use


KINDS: dict[str, Attack] = {
    "load": load,
    "ising": ising_files,
    "checkpoint": checkpoint,
    "config": config,
    "runs": runs,
    "ledger": ledger,
    "table": table,
    "csv": csv,
    "cli": command,
}
