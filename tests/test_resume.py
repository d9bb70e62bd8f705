"""Checkpoints of ``fit``: what goes on, with which bits, and what is refused."""

import json
import os
import stat
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest

import qdl
from qdl.files import Checkpoints
from qdl.layers import AngleEncoding, Rotation

LINE = qdl.Hybrid([qdl.Dense(2, 1)])
X = np.random.default_rng(0).normal(size=(40, 2))
Y = X @ [1.0, -2.0] + 0.5
CLASSES = (Y > 0).astype(int)


def line(folder=None, **changes):
    options = {"loss": "mse", "steps": 30, "batch_size": 8, "key": jax.random.key(0)}
    options |= {"model": LINE, "X": X, "y": Y, "checkpoint": folder, "checkpoint_every": 4}
    options |= changes
    return qdl.fit(options.pop("model"), options.pop("X"), options.pop("y"), **options)


def stop_at(step):
    """A callback that is called at every step here, and presses Ctrl-C at one."""

    def callback(report):
        if report.step == step:
            raise KeyboardInterrupt

    return callback


def newest(folder):
    return Checkpoints(folder / "checkpoints").newest()


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def check_same(one, two):
    """Two results of ``fit`` are equal to the last bit, wall-clock times apart."""
    assert (one.step, one.stopped) == (two.step, two.stopped)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        assert a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()
    for name in one.history.keys() - {"step_time", "compile_time"}:
        assert one.history[name].tobytes() == two.history[name].tobytes(), name


def weights_only(params):
    return jax.tree.map(lambda p: p.ndim > 1, params)


OPTIMIZERS = {
    "adam": optax.adam(0.1),
    "no state": optax.sgd(0.1),
    "schedule": optax.sgd(optax.exponential_decay(0.1, 5, 0.5), momentum=0.9),
    "masked": optax.masked(optax.adam(0.1), weights_only),
    "several": optax.partition(
        {True: optax.adam(0.1), False: optax.set_to_zero()}, lambda p: weights_only(p)
    ),
    "accumulated": optax.MultiSteps(optax.adam(0.1), every_k_schedule=3),
    "injected": optax.inject_hyperparams(optax.adam)(optax.linear_schedule(0.1, 0.01, 20)),
    "noise": optax.chain(optax.add_noise(0.01, 0.5, jax.random.key(7)), optax.adam(0.1)),
    "line search": optax.lbfgs(),
    "averaged": optax.contrib.schedule_free_adamw(0.1),
    "plateau": optax.chain(optax.adam(0.1), optax.contrib.reduce_on_plateau(patience=2)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_interrupted_run_ends_with_the_same_bits(name, tmp_path):
    options = {"optimizer": OPTIMIZERS[name], "validation": (X[:9], Y[:9])}
    whole = line(tmp_path / "whole", **options)
    stopped = line(tmp_path / "a", callback=stop_at(13), **options)
    assert (stopped.stopped, stopped.step, newest(tmp_path / "a").step) == ("interrupted", 13, 13)
    resumed = line(tmp_path / "a", **options)
    check_same(resumed, whole)
    a, b = newest(tmp_path / "a").arrays, newest(tmp_path / "whole").arrays
    assert a.keys() == b.keys()
    for array in a.keys() - {"history/step_time"}:
        assert a[array].tobytes() == b[array].tobytes() and a[array].dtype == b[array].dtype
    assert [row["step"] for row in lines(tmp_path / "a")] == list(range(1, 31))


def test_saving_changes_nothing(tmp_path):
    whole = line(validation=(X, Y))
    for every in (1, 7, 100):
        folder = tmp_path / str(every)
        check_same(line(folder, validation=(X, Y), checkpoint_every=every), whole)
        assert Checkpoints(folder / "checkpoints").steps() == {
            1: [30, 29, 28], 7: [30, 28, 21], 100: [30, 0]
        }[every]  # fmt: skip


def test_metrics_are_the_history(tmp_path):
    result = line(tmp_path, y=CLASSES, loss="cross_entropy", validation=(X, CLASSES))
    rows = lines(tmp_path)
    for name in ("loss", "grad_norm", "step_time"):
        assert [row[name] for row in rows] == result.history[name].tolist()
    validated = [row for row in rows if "val_loss" in row]
    assert [row["step"] for row in validated] == result.history["val_step"].tolist()
    assert [row["val_loss"] for row in validated] == result.history["val_loss"].tolist()
    assert [row["val_accuracy"] for row in validated] == result.history["val_accuracy"].tolist()


def test_patience_goes_on_with_the_best_of_before(tmp_path):
    held = X, Y + 1.5 * X[:, 0]
    options = {
        "validation": held, "steps": 400, "batch_size": 40, "optimizer": optax.sgd(0.02),
        "patience": 40, "params": [{"weight": np.array([[6.0], [-2.0]]), "bias": np.zeros(1)}],
    }  # fmt: skip
    whole = line(**options)
    assert whole.stopped == "patience" and whole.step < len(whole.history["loss"])
    best = whole.step
    line(tmp_path, callback=stop_at(best + 20), **options)
    saved = newest(tmp_path)
    assert saved.step == best + 20 and saved.notes["best"]["step"] == best
    for _ in range(2):  # to its end, and once more at once
        check_same(line(tmp_path, **options), whole)


def test_ctrl_c_before_a_validation_loses_none(tmp_path, monkeypatch):
    """Pressed between a step and the validation that belongs to it."""
    whole = line(validation=(X, Y))
    from qdl.training import run

    def pressed(self, step):
        if step == 12:
            raise KeyboardInterrupt
        real(self, step)

    real = run._Watch._validate
    monkeypatch.setattr(run._Watch, "_validate", pressed)
    assert line(tmp_path, validation=(X, Y)).step == 12
    assert newest(tmp_path).arrays["history/val_step"][-1] == 11
    monkeypatch.setattr(run._Watch, "_validate", real)
    check_same(line(tmp_path, validation=(X, Y)), whole)
    assert lines(tmp_path)[11]["val_loss"] == whole.history["val_loss"][11]


def test_ctrl_c_inside_the_metrics_leaves_each_step_once(tmp_path, monkeypatch):
    from qdl.training.log import Log

    def interrupted(self, history):
        real(self, history)
        if self.done == 12:  # written, but not yet known to be
            self.done = 8
            raise KeyboardInterrupt

    real = Log.add
    monkeypatch.setattr(Log, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):  # and once more while it ends
        line(tmp_path, callback=lambda report: None)
    assert [row["step"] for row in lines(tmp_path)] == list(range(1, 13))
    monkeypatch.undo()
    check_same(line(tmp_path), line())


# ---- a run that has ended


def test_a_finished_run_is_returned_at_once(tmp_path, monkeypatch):
    whole = line(tmp_path, validation=(X, Y))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    monkeypatch.setattr("qdl.training.run.train", None)  # no step can be taken
    monkeypatch.setattr("qdl.training.run.evaluate", lambda *_: 1 / 0)
    check_same(line(tmp_path, validation=(X, Y)), whole)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_more_steps_continue_and_fewer_are_refused(tmp_path):
    line(tmp_path, steps=11)
    check_same(line(tmp_path, steps=30), line(steps=30))
    with pytest.raises(ValueError, match="a run of 30 steps, but steps=20 asks for fewer. Ask for"):
        line(tmp_path, steps=20)


def test_a_callback_that_stopped_a_run_is_asked_again(tmp_path):
    line(tmp_path, callback=lambda report: report.step == 10)
    again = line(tmp_path, callback=lambda report: report.step >= 10)
    assert (again.stopped, again.step) == ("callback", 10)
    check_same(line(tmp_path), line())


# ---- another configuration


def other_model():
    return qdl.Hybrid([qdl.Dense(2, 3), qdl.Dense(3, 1)])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"batch_size": 16}, "batch_size: 8 there, 16 here"),
        ({"model": other_model()}, r"model.stages: \["),
        ({"model": qdl.Hybrid([qdl.Dense(2, 1), "tanh"])}, r"model.stages: .*tanh"),
        ({"loss": lambda out, y: jnp.mean(out)}, r"loss: .*MeanSquaredError.* there, .*lambda"),
        ({"optimizer": optax.sgd(0.1, momentum=0.9)}, r"optimizer.tree: .*ScaleByAdam.* there"),
        ({"key": jax.random.key(1)}, r"key\[0\]: \d+ there, \d+ here"),
        ({"X": X + 1e-9}, r"data.sha256: "),
        ({"X": X[:-1], "y": Y[:-1]}, r'data.X: "float64\[40, 2\]" there, "float64\[39, 2\]" here'),
        ({"validation": (X, Y)}, r"validation: null there"),
        ({"params": LINE.init(jax.random.key(0))}, "params: null there"),
    ],
)
def test_another_configuration_is_refused_with_both_values(change, text, tmp_path):
    line(tmp_path, steps=5)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match=text) as caught:
        line(tmp_path, **change)
    assert "holds a run with another configuration" in str(caught.value)
    assert "or choose another folder for checkpoint=" in str(caught.value)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_what_is_inside_a_circuit_is_compared(tmp_path):
    def fit(axes="zyz", scale=1.0):
        observable = qp.Hermitian(scale * np.diag([1.0, -1.0]), 0)
        model = qdl.QNN(2, [AngleEncoding(), Rotation(axes)], qdl.Expval(observable))
        return line(tmp_path, model=model, steps=2)

    fit()
    with pytest.raises(ValueError, match=r'model.layers.layers\[1\].axes: "zyz" there, "zy" here'):
        fit("zy")
    with pytest.raises(ValueError, match="matrices: "):
        fit(scale=2.0)
    assert fit().step == 2


def test_another_version_of_jax_is_named(tmp_path, monkeypatch):
    line(tmp_path, steps=5)
    monkeypatch.setattr(jax, "__version__", "0.0.1")
    with pytest.warns(RuntimeWarning, match=r"begun with jax .* and goes on with 0.0.1: the last"):
        line(tmp_path, steps=6)


def test_float32_does_not_go_on_in_float64(tmp_path):
    with jax.enable_x64(False):
        line(tmp_path, steps=5)
    with pytest.raises(ValueError, match=r'"float32\[\]?.* there, "float64'):
        line(tmp_path)


def test_models_of_ones_own_go_on_too(tmp_path):
    class Slope:  # not hashable, no dataclass
        __hash__ = None

        def init(self, key):
            return jnp.zeros(2)

        def apply(self, params, x):
            return x @ params

    line(tmp_path, model=Slope(), steps=9)
    check_same(line(tmp_path, model=Slope()), line(model=Slope()))


def test_metrics_of_something_else_are_not_overwritten(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    with pytest.raises(FileExistsError, match="holds a metrics.jsonl but no checkpoint"):
        line(tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == "{}\n"


# ---- damaged files


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "newer"])
def test_a_damaged_checkpoint_falls_back_with_a_warning(suffix, damage, tmp_path):
    line(tmp_path, steps=20)
    path = tmp_path / "checkpoints" / f"step-00000020{suffix}"
    whole = path.read_bytes()
    changed = {
        "truncated": whole[:-5],
        "flipped": whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:],
        "newer": whole.replace(b'"version": 1', b'"version": 2'),
    }
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(changed[damage])
    undamaged = damage == "newer" and suffix == ".safetensors"
    if undamaged or (damage == "missing" and suffix == ".json"):  # never there, as after a kill
        check_same(line(tmp_path, steps=20), line(steps=20))
        return
    with pytest.warns(RuntimeWarning, match="step-00000020.*Trying the one before it"):
        check_same(line(tmp_path, steps=20), line(steps=20))
    assert newest(tmp_path).step == 20  # whole again
    assert [row["step"] for row in lines(tmp_path)] == list(range(1, 21))


@pytest.mark.filterwarnings("ignore:.*Trying the one before it")
def test_no_whole_checkpoint_is_an_error(tmp_path):
    line(tmp_path, steps=20)
    for path in (tmp_path / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 3 checkpoints in .* can be read. Restore"):
        line(tmp_path, steps=20)


class Full:
    """A disk on which regular files hit the end after a number of flushes."""

    def __init__(self, allowed):
        self.left, self.real = allowed, os.fsync

    def __call__(self, number):
        if stat.S_ISREG(os.fstat(number).st_mode):
            self.left -= 1
            if self.left < 0:
                raise OSError(28, "No space left on device")
        self.real(number)


@pytest.mark.parametrize("allowed", [5, 6, 7])
def test_a_full_disk_keeps_the_last_checkpoint(allowed, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", Full(allowed))
    with pytest.raises(OSError, match=r"cannot write .*No space left on device.*Free some space"):
        line(tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.tmp"))
    assert newest(tmp_path).step == {5: 4, 6: 4, 7: 8}[allowed]
    check_same(line(tmp_path), line())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_the_metrics(tmp_path, monkeypatch):
    from qdl.training.log import Log

    real = Log.__init__

    def full(self, folder, history):
        real(self, folder, history)
        self.file.close()
        self.file = open("/dev/full", "ab")

    monkeypatch.setattr(Log, "__init__", full)
    with pytest.raises(OSError, match="cannot write .*metrics.jsonl: No space left on device"):
        line(tmp_path)
    monkeypatch.undo()
    check_same(line(tmp_path), line())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder. Choose another"):
        line(tmp_path / "file")


# ---- how a run ends


class Breaks:
    """sqrt of a number that falls by 0.1 a step: NaN at step 8."""

    def init(self, key):
        return jnp.array([0.65])

    def apply(self, params, x):
        return jnp.sqrt(params) + 0 * x[:, :1]


FALLS = optax.stateless(lambda gradient, params: jnp.full(1, -0.1))


def test_nan_leaves_the_last_finite_parameters_in_a_checkpoint(tmp_path):
    for _ in range(2):  # called again, it fails again
        with pytest.warns(RuntimeWarning, match="stopped at step 8: its loss nan"):
            result = line(tmp_path, model=Breaks(), optimizer=FALLS)
        assert (result.stopped, result.step) == ("nan", 7)
        saved = newest(tmp_path)
        assert saved.step == 7 and np.allclose(saved.arrays["state/params"], [-0.05])
        assert [row["step"] for row in lines(tmp_path)] == list(range(1, 8))


class Hiccups:
    """NaN where a batch holds one of two rows."""

    def init(self, key):
        return {"weight": jnp.zeros(2)}

    def apply(self, params, x):
        bad = (x == X[3]).all(axis=1) | (x == X[17]).all(axis=1)
        return jnp.where(bad, jnp.nan, x @ params["weight"])[:, None]


def test_steps_that_are_not_finite_can_be_passed_over(tmp_path):
    """Against a loop in NumPy over the same batches, of which the bad ones are left out."""
    with pytest.warns(RuntimeWarning, match=r"changed nothing; skip_nan=20 allows \d+ more"):
        result = line(model=Hiccups(), optimizer=optax.sgd(0.1), skip_nan=20, steps=20)
    assert result.stopped == "finished" and result.step == 20 == len(result.history["loss"])
    weight, bad, data_key = np.zeros(2), [], jax.random.split(jax.random.key(0), 3)[1]
    for step in range(20):
        epoch_key = jax.random.fold_in(jax.random.fold_in(data_key, 0), step // 5)
        order = np.asarray(jax.random.permutation(epoch_key, 40))
        rows = order[8 * (step % 5) :][:8]
        if {3, 17} & set(rows.tolist()):
            bad.append(step)
            continue
        error = X[rows] @ weight - Y[rows]
        weight = weight - 0.1 * 2 * X[rows].T @ error / 8
    assert np.flatnonzero(np.isnan(result.history["loss"])).tolist() == bad and len(bad) > 4
    np.testing.assert_allclose(result.params["weight"], weight, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*are not finite")
def test_the_number_of_steps_passed_over_is_that_of_the_whole_run(tmp_path):
    options = {"model": Hiccups(), "optimizer": optax.sgd(0.1), "steps": 20}
    whole = line(skip_nan=20, **options)
    bad = np.flatnonzero(np.isnan(whole.history["loss"]))
    limited = line(tmp_path, skip_nan=3, **options)
    assert (limited.stopped, limited.step) == ("nan", bad[3])
    line(tmp_path, skip_nan=5, callback=stop_at(bad[3] + 1), **options)
    again = line(tmp_path, skip_nan=5, **options)
    assert (again.stopped, again.step) == ("nan", bad[5])
    check_same(line(tmp_path, skip_nan=20, **options), whole)
    assert lines(tmp_path)[bad[0]]["loss"] is None  # JSON has no NaN


def test_an_error_leaves_a_checkpoint_too(tmp_path):
    def fails(report):
        if report.step == 13:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        line(tmp_path, callback=fails)
    assert newest(tmp_path).step == 13 and len(lines(tmp_path)) == 13
    check_same(line(tmp_path), line())


# ---- TensorBoard


def test_tensorboard_gets_the_same_numbers(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.event_file_writer import EventsWriter  # noqa: F401  # the format is theirs
    from tensorboardX.proto.event_pb2 import Event

    line(tmp_path, steps=11, validation=(X, Y))
    result = line(tmp_path, validation=(X, Y))
    seen = {}
    for path in sorted((tmp_path / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:  # records: length, its checksum, an event, its checksum
            length = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + length])
            for value in event.summary.value:
                seen.setdefault(value.tag, {})[event.step] = value.simple_value
            data = data[16 + length :]
    assert list(seen["loss"]) == list(range(1, 31))
    np.testing.assert_allclose(list(seen["loss"].values()), result.history["loss"], rtol=1e-6)
    assert seen.keys() == {"loss", "grad_norm", "step_time", "val_loss"}


def test_without_tensorboard_nothing_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    line(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoints", "metrics.jsonl"]


def test_two_trainings_in_one_folder_are_told_apart(tmp_path, key):
    """The second one says so, and the first one is not disturbed."""
    model, X = qdl.QNN(1, [AngleEncoding(), Rotation("y")]), np.ones((4, 1))

    def train(callback=None):
        return qdl.fit(
            model, X, X[:, 0], loss="mse", steps=4, batch_size=4, key=key,
            checkpoint=tmp_path / "run", callback=callback,
        )  # fmt: skip

    def second(report):
        with pytest.raises(FileExistsError, match="another process is training here"):
            train()

    assert train(second).step == 4
    assert train().step == 4  # the folder is free again


def test_a_folder_without_a_name_is_refused(key):
    with pytest.raises(ValueError, match="checkpoint='' names no folder"):
        qdl.fit(LINE, X, Y, loss="mse", steps=1, key=key, checkpoint="")
