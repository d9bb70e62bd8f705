"""Training on data that are not in memory: memory maps, and batches as somebody gives them."""

import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

import qdl

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
MODEL = qdl.Hybrid([qdl.Dense(3, 4), "tanh", qdl.Dense(4, 1)])


def fitted(X, y=None, **options):
    given = {
        "loss": "cross_entropy",
        "steps": 30,
        "key": jax.random.key(0),
        "optimizer": optax.adam(0.05),
    }
    return qdl.fit(MODEL, X, y, **(given | options))


@pytest.fixture
def on_disk(tmp_path):
    X.tofile(tmp_path / "x")
    return np.memmap(tmp_path / "x", np.float32, "r", shape=X.shape)


class Sliced:
    """What HDF5 and Zarr are like: rows by a rising list of them, and nothing else."""

    shape, dtype = X.shape, X.dtype

    def __len__(self):
        return len(X)

    def __getitem__(self, rows):
        assert (np.diff(rows) > 0).all()
        return X[rows]


@pytest.mark.parametrize("size", [16, 90])
@pytest.mark.parametrize("kind", ["memmap", "sliced"])
def test_rows_from_disk_train_as_those_in_memory(on_disk, kind, size, monkeypatch):
    monkeypatch.setattr("qdl.training.batches.READ", 16 * 12 * 5)  # five steps at a time
    rows = on_disk if kind == "memmap" else Sliced()
    weight = np.linspace(0, 2, 90)
    options = {"batch_size": size, "sample_weight": weight, "validation": (X[:20], Y[:20])}
    there, here = fitted(rows, Y, **options), fitted(X, Y, **options)
    assert np.array_equal(there.history["loss"], here.history["loss"])
    for one, two in zip(*map(jax.tree.leaves, (there.params, here.params)), strict=True):
        assert np.array_equal(one, two)


def test_a_run_from_disk_goes_on(on_disk, tmp_path):
    fitted(on_disk, Y, steps=12, checkpoint=tmp_path / "run", checkpoint_every=5)
    there = fitted(on_disk, Y, steps=20, checkpoint=tmp_path / "run")
    assert np.array_equal(there.history["loss"], fitted(X, Y, steps=20).history["loss"])


def test_batches_are_taken_as_they_come_and_again_from_the_start():
    parts = [(X[i : i + 20], Y[i : i + 20]) for i in range(0, 90, 20)]  # the last one has ten rows
    assert len(parts[-1][0]) == 10
    found = fitted(parts, steps=9, optimizer=optax.sgd(0.0))
    assert found.step == 9 and found.stopped == "finished"
    assert np.allclose(found.history["loss"][:4], found.history["loss"][4:8])
    ended = fitted((part for part in parts), steps=9)
    assert (ended.stopped, ended.step) == ("data", 4)
    first = qdl.fit(
        MODEL, *parts[0], loss="cross_entropy", steps=1, key=jax.random.key(0), batch_size=20
    )
    assert np.allclose(first.history["loss"][0], found.history["loss"][0])


def test_a_loss_of_outputs_alone_takes_batches_of_x_alone():
    found = fitted(iter([X[:8], X[8:16]]), loss=lambda outputs: (outputs**2).mean(), steps=5)
    assert found.step == 2


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([], {}, "must have shape"),
        (iter([]), {}, "the iterable gave no batch"),
        ([(X[:4], Y[:4]), (X[:4, :2], Y[:4])], {}, "batch 2: .*takes 3 features"),
        ([(X[:4], Y[:4]), (X[:4] * np.nan, Y[:4])], {}, "batch 2: X must be finite"),
        ([(X[:4], Y[:4]), (X[:4], Y[:4] + 5)], {}, "batch 2: .*label"),
        ([(X[:4], Y[:4])], {"checkpoint": "x"}, "may not give again"),
        ([(X[:4], Y[:4])], {"metrics": {"f": lambda o, y: 0.0}}, "not in memory"),
        ([(X[:4], Y[:4])], {"sample_weight": np.ones(4)}, "batches come one by one"),
        (
            [(X[:4], Y[:4])],
            {"loss": qdl.training.CrossEntropy(weight="balanced")},
            "batches come one by one",
        ),
    ],
)  # fmt: skip
def test_batches_that_make_no_sense(rows, options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=said):
        fitted(rows, **options)
    assert not list(tmp_path.iterdir())


def test_nan_on_disk_is_found_when_it_is_read(tmp_path):
    rows = np.memmap(tmp_path / "x", np.float32, "w+", shape=(5000, 3))
    rows[4000, 1] = np.nan
    with pytest.raises(ValueError, match="X must be finite, got nan in column 1"):
        fitted(rows, np.arange(5000) % 2, steps=2000)
    with pytest.raises(ValueError, match="X has 5000 rows, but y has shape"):
        fitted(rows, np.arange(4) % 2)


@pytest.mark.slow
def test_a_file_larger_than_what_is_kept(tmp_path):
    """Of 0.64 GB a few hundred rows are read: memory must not know the rest."""
    code = f"""
import resource, jax, numpy as np, qdl
X = np.memmap({str(tmp_path / "x")!r}, np.float32, "w+", shape=(10_000_000, 16))
model = qdl.Hybrid([qdl.Dense(16, 1)])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fit = lambda rows: qdl.fit(model, rows, np.arange(len(rows)) % 2, loss="cross_entropy", steps=200,
                           key=jax.random.key(0))
fit(X[:1000])
before = peak()
fit(X)
print((peak() - before) / 1024)
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(found.stdout) < 640  # MB: labels and orders of ten million rows, not the rows
