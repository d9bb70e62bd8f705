import hashlib
import inspect
from importlib import resources

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression

from qdl import datasets

EVERY = {
    "digits": (datasets.digits, (360, 8), 2),
    "mnist": (datasets.mnist, (220, 8), 2),
    "iris": (datasets.iris, (150, 4), 3),
    "wine": (datasets.wine, (178, 13), 3),
    "breast_cancer": (datasets.breast_cancer, (569, 30), 2),
    "bars_and_stripes": (datasets.bars_and_stripes, (300, 16), 2),
    "two_curves": (datasets.two_curves, (300, 4), 2),
    "hidden_manifold": (datasets.hidden_manifold, (300, 4), 2),
    "linearly_separable": (datasets.linearly_separable, (300, 4), 2),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_dataset_is_ready_for_angles(name):
    make, (rows, columns), n_classes = EVERY[name]
    data = make()
    X = np.concatenate([data.X_train, data.X_test])
    assert X.shape == (rows, columns)
    assert data.X_train.dtype == data.X_test.dtype == np.float64
    assert X.min() >= 0 and X.max() <= np.pi and data.X_train.max() == pytest.approx(np.pi)
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    for y in (data.y_train, data.y_test):
        assert sorted(set(y.tolist())) == list(range(n_classes))
    assert len(data.X_train) == len(data.y_train) and len(data.X_test) == len(data.y_test)
    assert "Reference:" in make.__doc__


@pytest.mark.parametrize("name", EVERY)
def test_a_seed_fixes_every_number_and_another_changes_them(name):
    make = EVERY[name][0]
    first, again, other = make(seed=3), make(seed=3), make(seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.X_train, other.X_train)


@pytest.mark.parametrize("name", ["digits", "mnist", "wine", "two_curves"])
def test_preprocessing_sees_the_training_part_only(name, monkeypatch):
    """Changing the test rows must not change what the training rows become."""
    import importlib

    module = {"digits": "images", "mnist": "images", "wine": "tables", "two_curves": "generated"}
    module = importlib.import_module(f"qdl.datasets.{module[name]}")
    make = EVERY[name][0]
    options = {"features": 3}
    before = make(**options)
    kept = module.rescale if name == "two_curves" else module.project

    def spoil(data, *args, **kwargs):
        return kept(data._replace(X_test=100 * data.X_test + 7), *args, **kwargs)

    monkeypatch.setattr(module, kept.__name__, spoil)
    after = make(**options)
    assert np.array_equal(before.X_train, after.X_train)
    assert not np.array_equal(before.X_test, after.X_test)


def test_classes_are_labelled_in_the_order_given():
    one = datasets.digits(classes=(3, 8), features=None, scale=None)
    two = datasets.digits(classes=(8, 3), features=None, scale=None)
    X, y = load_digits(return_X_y=True)
    threes = {row.tobytes() for row in X[y == 3]}
    assert {row.tobytes() for row in one.X_train[one.y_train == 0]} <= threes
    assert {row.tobytes() for row in two.X_train[two.y_train == 1]} <= threes
    assert len(datasets.digits(classes=None).X_train) == int(0.75 * 1797)


def test_raw_features_are_those_of_the_source():
    data = datasets.breast_cancer(scale=None)
    X = load_breast_cancer().data
    rows = {row.tobytes() for row in X}
    assert all(row.tobytes() in rows for row in np.concatenate([data.X_train, data.X_test]))
    assert len(rows) == len(data.X_train) + len(data.X_test)


def test_principal_components_against_the_singular_value_decomposition():
    raw = datasets.wine(scale=None)
    data = datasets.wine(features=3, scale=None)
    standard = (raw.X_train - raw.X_train.mean(0)) / raw.X_train.std(0)
    left, values, _ = np.linalg.svd(standard, full_matrices=False)
    assert np.allclose(np.abs(data.X_train), np.abs(left * values)[:, :3])
    assert load_wine().data.shape == (178, 13)


@pytest.mark.parametrize("features,grid", [(16, (4, 4)), (8, (2, 4)), (4, (2, 2)), (64, (8, 8))])
def test_pooling_averages_over_a_grid_of_cells(features, grid):
    raw = datasets.digits(features=None, scale=None)
    data = datasets.digits(features=features, reduce="pool", scale=(0, 1))
    r, c = grid
    cells = raw.X_train.reshape(-1, r, 8 // r, c, 8 // c).mean(axis=(2, 4)).reshape(-1, features)
    assert np.allclose(data.X_train, cells / 16, atol=1e-12)


def test_pooling_that_does_not_divide_still_weighs_whole_cells():
    data = datasets.digits(features=9, reduce="pool", scale=None)
    raw = datasets.digits(features=None, scale=None)
    first = raw.X_train.reshape(-1, 8, 8)[:, :3, :3].mean(axis=(1, 2))
    middle = raw.X_train.reshape(-1, 8, 8)[:, 2:6, 2:6].mean(axis=(1, 2))
    assert np.allclose(data.X_train[:, 0], first) and np.allclose(data.X_train[:, 4], middle)


def test_mnist_is_the_packaged_file_with_its_licence():
    folder = resources.files("qdl.datasets")
    content = (folder / "mnist_1100.npz").read_bytes()
    notice = (folder / "MNIST.md").read_text()
    assert hashlib.sha256(content).hexdigest() in notice
    assert "CC BY-SA 3.0" in notice and "LeCun" in notice
    assert "Attribution-ShareAlike 3.0" in (folder / "LICENSE-CC-BY-SA-3.0.txt").read_text()


def test_mnist_parts():
    data = datasets.mnist(classes=None, features=None, scale=(0, 1))
    assert data.X_train.shape == (1000, 784) and data.X_test.shape == (100, 784)
    assert np.bincount(data.y_train).tolist() == [100] * 10
    held = datasets.mnist(classes=(4, 9), features=None, scale=None, test="held")
    assert held.X_test.shape == (400, 784) and held.X_test.max() == 255
    test = {
        row.tobytes() for row in datasets.mnist(classes=(4, 9), features=None, scale=None).X_test
    }
    assert not test & {row.tobytes() for row in held.X_test}


def test_bars_have_equal_rows_and_stripes_equal_columns():
    data = datasets.bars_and_stripes(side=3, n_samples=80, noise=0.0, scale=None)
    pictures = data.X_train.reshape(-1, 3, 3)
    bars, stripes = pictures[data.y_train == 0], pictures[data.y_train == 1]
    assert (bars == bars[:, :1, :]).all() and (stripes == stripes[:, :, :1]).all()
    assert set(np.unique(pictures)) == {-1.0, 1.0}
    assert (np.abs(pictures.sum(axis=(1, 2))) < 9).all()  # never all lit or all dark
    assert len({p.tobytes() for p in bars}) == len({p.tobytes() for p in stripes}) == 6


def test_two_curves_is_the_published_series():
    data = datasets.two_curves(
        features=3, n_samples=40, degree=2, noise=0.0, offset=0.1, scale=None
    )
    a, b = np.random.default_rng(0).uniform(size=(2, 3, 3))
    norm = np.sqrt((a**2).sum() + (b**2).sum())
    a, b = a / norm, b / norm
    t = np.linspace(0, 1, 20001)[:, None]
    curve = a[0] + b[0]
    for k in (1, 2):
        curve = curve + a[k] * np.cos(k * np.pi * t) + b[k] * np.sin(k * np.pi * t)
    points = data.X_train - 0.1 * data.y_train[:, None]
    nearest = np.abs(points[:, None] - curve[None]).max(-1).min(1)
    assert nearest.max() < 1e-3
    assert (
        np.abs(data.X_train[data.y_train == 1][:, None] - curve[None]).max(-1).min(1).min() > 0.01
    )


@pytest.mark.parametrize(("features", "margin", "least"), [(2, None, 0.04), (6, 1.0, 1.0)])
def test_linearly_separable_keeps_its_margin(features, margin, least):
    data = datasets.linearly_separable(features, 200, margin=margin, scale=None, seed=2)
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    assert len(X) == 200 and abs(X).max() <= 1
    assert ((X.sum(axis=1) > 0) == y).all()
    assert least < abs(X.sum(axis=1)).min() < least + 0.1
    with pytest.raises(ValueError, match="needs a margin from 0 to .*, got 9.0. Use None for"):
        datasets.linearly_separable(features, margin=9.0)


def test_hidden_manifold_is_balanced_and_follows_its_rule():
    data = datasets.hidden_manifold(features=30, manifold=2, n_samples=400, scale=None)
    assert abs(data.y_train.mean() - 0.5) < 0.01
    # Undoing tanh leaves a plane: two hidden dimensions and one shift.
    centred = np.arctanh(data.X_train)
    values = np.linalg.svd(centred - centred.mean(0), compute_uv=False)
    assert values[2] < 1e-6 * values[0]
    model = LogisticRegression().fit(data.X_train, data.y_train)
    assert model.score(data.X_test, data.y_test) > 0.75


def test_real_data_can_be_told_apart():
    for make in (datasets.digits, datasets.mnist, datasets.iris, datasets.breast_cancer):
        data = make()
        model = LogisticRegression(max_iter=1000).fit(data.X_train, data.y_train)
        assert model.score(data.X_test, data.y_test) > 0.9


@pytest.mark.parametrize(
    "make,text",
    [
        (lambda: datasets.digits(classes=(0, 11)), r"two different ones of \[0, 1, .*, 9\], got"),
        (lambda: datasets.digits(classes=(3,)), r"got \[3\]. Example: classes=\(0, 1\)"),
        (lambda: datasets.digits(classes=(3, 3)), r"at least two different"),
        (lambda: datasets.digits(reduce="tsne"), "reduce must be 'pca' or 'pool', got 'tsne'"),
        (lambda: datasets.digits(features=65), r"whole number from 1 to 64 .* got 65"),
        (lambda: datasets.digits(features=0), "got 0"),
        (lambda: datasets.digits(features=11, reduce="pool"), r"8x8 pixels into 11 cells. Use one"),
        (lambda: datasets.digits(features=2.5, reduce="pool"), "into 2.5 cells"),
        (lambda: datasets.digits(test_size=1.5), "between 0 and 1, got 1.5"),
        (lambda: datasets.iris(test_size=0.01), "leaves 148 rows for training and 2 for the test"),
        (lambda: datasets.wine(seed=-1), "seed must be a whole number >= 0, got -1"),
        (lambda: datasets.wine(scale=(1, 0)), r"low < high, .* got \(1, 0\)"),
        (lambda: datasets.wine(scale="angle"), "got 'angle'"),
        (lambda: datasets.mnist(test="train"), "test must be 'test' or 'held', got 'train'"),
        (lambda: datasets.bars_and_stripes(side=1), "side to be a whole number >= 2, got 1"),
        (lambda: datasets.two_curves(n_samples=2), "n_samples to be a whole number >= 4, got 2"),
        (lambda: datasets.two_curves(noise=-1.0), "noise >= 0, got -1.0"),
        (lambda: datasets.hidden_manifold(manifold=0), "manifold to be a whole number >= 1, got 0"),
    ],
)
def test_bad_arguments(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_every_public_name_is_tested_here():
    functions = {n for n in datasets.__all__ if inspect.isfunction(getattr(datasets, n))}
    assert functions == set(EVERY)
