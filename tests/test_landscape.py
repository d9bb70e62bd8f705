"""Loss landscapes: every number by hand, directions against scikit-learn and closed forms."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.decomposition import PCA

import qdl
from qdl.diagnostics import loss_landscape
from qdl.layers import AngleEncoding, Entangler, Rotation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2))
Y = np.tanh(X[:, 0]) - 0.3 * X[:, 1]
MODEL = qdl.QNN(
    2, [AngleEncoding(), Rotation("zy"), Entangler("cz"), Rotation("zy")], readout=qdl.ExpZ([0])
)
LINE = qdl.Hybrid([qdl.Dense(2, 1)])
PARAMS = MODEL.init(jax.random.key(0))
PATH = [
    jax.tree.map(lambda leaf, s=s: leaf + s * (0.3 + np.asarray(leaf) ** 2) + 0.1 * s**2, PARAMS)
    for s in (1.0, 0.7, 0.4, 0.2, 0.05)
]


def flat(params):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def loss(params):
    return float(jnp.mean((MODEL.apply(params, X)[:, 0] - Y) ** 2))


@pytest.mark.parametrize("kind", ["random", "pca", "hessian"])
def test_every_point_is_the_loss_there(kind):
    found = loss_landscape(
        MODEL, PARAMS, X, Y, loss="mse", directions=kind, path=PATH, points=4, extent=0.7
    )
    assert found.centre == pytest.approx(loss(PARAMS), abs=1e-12)
    np.testing.assert_allclose(found.a, np.linspace(-0.7, 0.7, 4))
    size = PARAMS[1].size
    for i, a in enumerate(found.a):
        for j, b in enumerate(found.b):
            moved = flat(PARAMS) + a * found.directions[0] + b * found.directions[1]
            tree = [None, moved[:size].reshape(2, 2), None, moved[size:].reshape(2, 2)]
            assert found.values[i, j] == pytest.approx(loss(tree), abs=1e-12)
    steps = np.stack([flat(each) for each in PATH]) - flat(PARAMS)
    nearest, *_ = np.linalg.lstsq(found.directions.T, steps.T, rcond=None)
    np.testing.assert_allclose(found.path, nearest.T, atol=1e-12)


def test_random_directions_have_the_lengths_of_the_parameters():
    found = loss_landscape(MODEL, PARAMS, X, Y, loss="mse", points=3, key=jax.random.key(5))
    size = PARAMS[1].size
    for direction in found.directions:
        for part, leaf in ((direction[:size], PARAMS[1]), (direction[size:], PARAMS[3])):
            assert np.linalg.norm(part) == pytest.approx(np.linalg.norm(leaf), rel=1e-6)
    assert abs(found.directions[0] @ found.directions[1]) < 0.99 * np.sum(found.directions[0] ** 2)


def test_principal_components_are_those_of_scikit_learn():
    """Of the steps and their opposites, whose mean is the parameters."""
    found = loss_landscape(MODEL, PARAMS, X, Y, loss="mse", directions="pca", path=PATH, points=3)
    steps = np.stack([flat(each) for each in PATH]) - flat(PARAMS)
    theirs = PCA(2).fit(np.concatenate([steps, -steps]))
    np.testing.assert_allclose(np.abs(np.sum(found.directions * theirs.components_, 1)), 1.0)
    np.testing.assert_allclose(found.shares, theirs.explained_variance_ratio_)
    for i, axis in enumerate((found.a, found.b)):
        assert (
            axis[0] <= min(0, found.path[:, i].min()) < max(0, found.path[:, i].max()) <= axis[-1]
        )


def test_the_hessian_of_least_squares_is_known():
    design = np.column_stack([np.ones(len(X)), X])  # bias first, in the order of the names
    values, vectors = np.linalg.eigh(2 * design.T @ design / len(X))
    params = [{"weight": np.array([[0.3], [0.1]]), "bias": np.zeros(1)}]
    found = loss_landscape(LINE, params, X, Y, loss="mse", directions="hessian", points=3)
    np.testing.assert_allclose(found.curvatures, values[:0:-1], rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(found.directions * vectors[:, :0:-1].T, 1)), 1.0)
    assert "curvatures" in repr(found) and "eigenvectors of the Hessian" in repr(found)


def test_models_without_data_cross_entropy_and_a_training():
    energy = loss_landscape(
        qdl.QNN(2, [Rotation("xy"), Entangler("cnot")]), [np.full((2, 2), 0.4), None],
        loss=lambda out: out.sum(), points=3, extent=1.0,
    )  # fmt: skip
    assert energy.values.shape == (3, 3) and np.isfinite(energy.values).all()
    path = []
    fitted = qdl.fit(
        MODEL, X, Y > 0, loss="cross_entropy", steps=20, optimizer=optax.adam(0.1), batch_size=12,
        key=jax.random.key(1), callback=lambda report: path.append(report.params),
    )  # fmt: skip
    weighted = qdl.training.CrossEntropy(weight="balanced")
    for function in ("cross_entropy", weighted):
        found = loss_landscape(
            MODEL, fitted.params, X, Y > 0, loss=function, directions="pca", path=path, points=5
        )
        assert found.path.shape == (20, 2) and np.allclose(found.path[-1], 0, atol=1e-6)
    labels = (Y > 0).astype(int)
    plain = qdl.training.CrossEntropy().of(MODEL)
    wanted = plain(MODEL.apply(fitted.params, X), labels)
    found = loss_landscape(MODEL, fitted.params, X, labels, loss="cross_entropy", points=3)
    assert found.centre == pytest.approx(float(wanted), abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"directions": "pca"}, "needs a path of three points or more, got none"),
        ({"directions": "pca", "path": PATH[:2]}, r"got 2 point\(s\)"),
        ({"directions": "pca", "path": [PARAMS] * 4}, "spans no plane"),
        ({"path": [PARAMS[1]] * 4}, r"path\[0\] is not of the same model"),
        ({"path": []}, "path is empty"),
        ({"directions": "gradient"}, "directions must be one of random, pca, hessian"),
        ({"points": 2}, "points"),
        ({"extent": -1.0}, "extent"),
        ({"params": jax.tree.map(np.zeros_like, PARAMS)}, "all parameters are zero"),
        ({"params": [None, PARAMS[1][:1], None, PARAMS[3]]}, "params"),
        ({"X": X * np.nan}, "nan"),
        ({"X": iter([(X, Y)]), "y": None}, "pass X and y as arrays"),
    ],
)
def test_what_makes_no_plane_is_refused(changes, said):
    given = {"params": PARAMS, "X": X, "y": Y, "loss": "mse", "points": 3} | changes
    with pytest.raises(ValueError, match=said):
        loss_landscape(MODEL, **given)


def test_one_parameter_and_too_many_are_refused(monkeypatch):
    from qdl.diagnostics import landscape

    one = qdl.QNN(1, Rotation("y"))
    with pytest.raises(qdl.Refused, match="two parameters or more, the model has 1"):
        loss_landscape(one, one.init(jax.random.key(0)), loss=lambda out: out.sum())
    monkeypatch.setattr(landscape, "LARGEST", 7)
    with pytest.raises(qdl.Refused, match="the Hessian of 8 parameters is not computed"):
        loss_landscape(MODEL, PARAMS, X, Y, loss="mse", directions="hessian")


def test_the_picture_has_the_map_and_the_path():
    found = loss_landscape(MODEL, PARAMS, X, Y, loss="mse", directions="pca", path=PATH, points=5)
    axes = found.plot()
    lines = [line.get_xydata() for line in axes.lines]
    np.testing.assert_allclose(lines[0], found.path)
    np.testing.assert_allclose(lines[-1], [[0, 0]])
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["start of the path", "parameters"]
    assert f"{found.shares[0]:.0%} of the path" in axes.get_xlabel()
    assert loss_landscape(MODEL, PARAMS, X, Y, loss="mse", points=3).plot(axes) is axes


def test_examples_in_docstrings_run():
    result = doctest.testmod(importlib.import_module("qdl.diagnostics.landscape"))
    assert result.failed == 0 and result.attempted > 0
