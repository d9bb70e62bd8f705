"""Weights of classes and rows, metrics in the history, several seeds at once."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.metrics import f1_score

import qdl
from qdl.training import CrossEntropy, MeanSquaredError
from qdl.training.several import fit_several

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = (X[:, 0] > 0.8).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.9])
LINE, PLANE = qdl.Hybrid([qdl.Dense(2, 1)]), qdl.Hybrid([qdl.Dense(2, 3)])


def fitted(model=LINE, X=X, y=Y, **options):
    given = {"loss": "cross_entropy", "steps": 6, "key": jax.random.key(0), "batch_size": 200}
    given["params"] = model.init(jax.random.key(3))
    return qdl.fit(model, X, y, **(given | {"optimizer": optax.adam(0.1)} | options))


@pytest.mark.parametrize(
    ("model", "y", "loss"),
    [(LINE, Y, "cross_entropy"), (PLANE, THREE, "cross_entropy"), (LINE, X[:, 1], "mse")],
)
def test_a_row_of_weight_two_is_that_row_twice(model, y, loss):
    weights = np.where(np.arange(60) % 2, 1.0, 2.0)
    twice = np.concatenate([np.arange(60), np.arange(0, 60, 2)])
    one = fitted(model, y=y, loss=loss, sample_weight=weights)
    two = fitted(model, X[twice], y[twice], loss=loss)
    assert np.allclose(one.history["loss"], two.history["loss"], rtol=1e-5)
    none = fitted(model, y=y, loss=loss)
    assert not np.allclose(one.history["loss"], none.history["loss"], rtol=1e-3)
    assert np.array_equal(
        none.history["loss"],
        fitted(model, y=y, loss=loss, sample_weight=np.full(60, 3.0)).history["loss"],
    )


def test_class_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_sample_weight

    outputs = jnp.asarray(RNG.normal(size=(60, 3)))
    rows = -np.asarray(jax.nn.log_softmax(outputs))[np.arange(60), THREE]
    for weight in ("balanced", (1.0, 0.0, 4.0)):
        named = weight if weight == "balanced" else dict(enumerate(weight))
        expected = np.mean(rows * compute_sample_weight(named, THREE))
        loss = CrossEntropy(outputs="logits", weight=weight).balanced(THREE)
        assert float(loss(outputs, jnp.asarray(THREE))) == pytest.approx(expected, rel=1e-5)
    assert CrossEntropy(weight=np.array([1, 2])) == CrossEntropy(weight=(1.0, 2.0))
    assert hash(CrossEntropy(weight=[1, 2])) == hash(CrossEntropy(weight=(1.0, 2.0)))
    balanced = fitted(PLANE, y=THREE, loss=CrossEntropy(weight="balanced"))
    weighted = fitted(PLANE, y=THREE, sample_weight=compute_sample_weight("balanced", THREE))
    assert np.allclose(balanced.history["loss"], weighted.history["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sample_weight": np.ones(3)}, "a number >= 0 for each of the 60 rows"),
        ({"sample_weight": -np.ones(60)}, "a number >= 0 for each of the 60 rows"),
        ({"sample_weight": np.zeros(60)}, "one of them positive"),
        ({"sample_weight": np.full(60, np.nan)}, "sample_weight must be finite"),
        ({"loss": lambda f, y: (f[:, 0] - y).mean(), "sample_weight": np.ones(60)}, "says not what a row"),
        ({"loss": CrossEntropy(weight=(1.0,))}, "has 1 numbers, but there are 2 classes"),
        ({"loss": CrossEntropy(weight=(1.0, 1.0, 1.0))}, "has 3 numbers, but there are 2 classes"),
        ({"metrics": {"loss": f1_score}}, "by names of their own, got 'loss'"),
        ({"metrics": {"f1": 3}}, "must be functions"),
        ({"y": None, "loss": lambda f: f.mean(), "metrics": {"f": lambda o, y: 0}}, "X or y is None"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(options, said):
    with pytest.raises(ValueError, match=said):
        fitted(**options)


@pytest.mark.parametrize("weight", ["even", (), (-1.0, 1.0), (0.0, 0.0), {0: 1.0}, (np.nan, 1.0)])
def test_weights_of_classes_that_make_no_sense(weight):
    with pytest.raises(ValueError, match="'balanced' or a number >= 0 for each class"):
        CrossEntropy(weight=weight)


def test_balanced_needs_to_know_the_labels():
    with pytest.raises(ValueError, match="does not know the labels of training"):
        CrossEntropy(weight="balanced", outputs="logits")(jnp.zeros((2, 1)), jnp.array([0, 1]))


def test_metrics_are_in_the_history_also_of_a_run_that_goes_on(tmp_path):
    def f1(outputs, y):
        assert isinstance(outputs, np.ndarray) and isinstance(y, np.ndarray)
        return f1_score(y, outputs[:, 0] > 0, zero_division=0.0)

    held, options = (X[:20], Y[:20]), {"metrics": {"f1": f1}, "steps": 40}
    found = fitted(validation=held, **options)
    assert found.history["metric_step"].tolist() == found.history["val_step"].tolist()
    last = LINE.apply(found.params, X[:20])
    assert found.history["f1"][-1] == f1(np.asarray(last), Y[:20])
    alone = fitted(**options)
    assert alone.history["f1"][-1] == f1(np.asarray(LINE.apply(alone.params, X)), Y)
    assert "val_loss" in alone.history and not len(alone.history["val_loss"])
    folder = tmp_path / "run"
    fitted(checkpoint=folder, validation=held, metrics={"f1": f1}, steps=20)
    again = fitted(checkpoint=folder, validation=held, **options)
    assert again.history["metric_step"][-1] == 40 and len(again.history["f1"]) == 20 + 10
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    assert '"f1": ' in rows[-1]


def test_several_seeds_are_the_same_numbers_as_one_after_the_other():
    model = qdl.QNN(
        2, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("xy"), qdl.layers.Entangler("cz")],
        qdl.ExpZ([0]),
    )  # fmt: skip
    data = [(X[s : s + 50], Y[s : s + 50]) for s in (0, 5, 10)]
    held = [(X[s : s + 7], Y[s : s + 7]) for s in (0, 5, 10)]
    keys = [jax.random.key(s) for s in range(3)]
    options = {"loss": "cross_entropy", "optimizer": optax.adam(0.1), "steps": 30, "batch_size": 8}
    every = fit_several(model, data, validation=held, keys=keys, **options)
    for i in (0, 2):
        alone = qdl.fit(model, *data[i], validation=held[i], key=keys[i], **options)
        assert np.allclose(every[i].history["loss"], alone.history["loss"], atol=1e-5)
        assert np.allclose(every[i].history["val_loss"], alone.history["val_loss"], atol=1e-5)
        assert every[i].step == 30 and every[i].stopped == "finished"
    shots = [
        found.history["loss"]
        for found in fit_several(
            model.on(qdl.backends.statevector(shots=20)), data[:2], validation=held[:2],
            keys=keys[:2], **(options | {"steps": 2}),
        )
    ]  # fmt: skip
    assert all(len(loss) == 2 for loss in shots)
    with pytest.raises(ValueError, match="must have the same shapes"):
        fit_several(
            model, [data[0], (X[:40], Y[:40])], validation=held[:2], keys=keys[:2], **options
        )


def test_mean_squared_error_of_several_targets():
    loss = MeanSquaredError()
    outputs, y = jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.zeros((2, 2))
    assert float(loss(outputs, y)) == 1.25
    assert float(loss(outputs, y, jnp.array([2.0, 0.0]))) == 0.5
