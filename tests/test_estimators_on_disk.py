"""Estimators and trainings on disk: every attribute comes back, and what cannot is refused by name."""

import pickle

import jax
import joblib
import numpy as np
import optax
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import qdl
from qdl.layers import AngleEncoding, Entangler, Rotation, Template

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
MODEL = qdl.QNN(2, [AngleEncoding(), Rotation("zyz"), Entangler("cz")], readout=qdl.ExpZ([0]))
LABELS = {
    "numbers": np.array([3, 7])[(X[:, 0] > 0).astype(int)],
    "strings": np.array(["yes", "no"])[(X[:, 0] > 0).astype(int)],
    "objects": np.array(["b", "a"], object)[(X[:, 0] > 0).astype(int)],
}
ESTIMATORS = {
    "default": lambda: qdl.QNNClassifier(steps=3),
    "named": lambda: qdl.QNNClassifier(MODEL, optimizer="adamw", learning_rate=0.1, steps=3),
    "loss": lambda: qdl.QNNClassifier(MODEL, loss=qdl.training.CrossEntropy(scale=2.0), steps=3),
    "weights": lambda: qdl.QNNClassifier(MODEL, class_weight={"yes": 2.0, "no": 1}, steps=3),
}


def built(n_features, n_outputs):
    return qdl.QNN(2, [AngleEncoding(), Rotation("xy")], readout=qdl.ExpZ(range(n_outputs)))


def turned(params, x, wires):
    import pennylane as qp

    yield qp.RX(params[0] + x[..., 0], wires=wires[0])


def check_same(one, two):
    assert type(one) is type(two) and vars(one).keys() == vars(two).keys()
    for name in ("params_", "opt_state_"):
        a, b = (jax.tree.flatten(getattr(each, name)) for each in (one, two))
        assert a[1] == b[1] and all(np.array_equal(x, y) for x, y in zip(a[0], b[0], strict=True))
    assert one.history_.keys() == two.history_.keys() and one.n_steps_ == two.n_steps_
    assert one.model_ == two.model_ and one.n_features_in_ == two.n_features_in_
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_classifier_comes_back_whole(name, tmp_path):
    y = LABELS["strings"]
    clf = ESTIMATORS[name]().fit(X, y)
    qdl.save(tmp_path, clf)
    again = qdl.load(tmp_path)
    check_same(again, clf)
    assert again.get_params() == clf.get_params()
    one, two = clf.partial_fit(X, y), again.partial_fit(X, y)  # the optimizer goes on too
    check_same(one, two)


@pytest.mark.parametrize("kind", LABELS)
def test_classes_come_back_as_they_were(kind, tmp_path):
    clf = qdl.QNNClassifier(MODEL, steps=2).fit(X, LABELS[kind])
    qdl.save(tmp_path, clf)
    again = qdl.load(tmp_path)
    assert again.classes_.dtype == clf.classes_.dtype
    assert again.classes_.tolist() == clf.classes_.tolist()


def test_a_regressor_of_two_targets_and_named_columns(tmp_path):
    frame, y = pd.DataFrame(X, columns=["a", "b"]), np.stack([X[:, 0], 3 * X[:, 1]], axis=1)
    two = qdl.QNN(2, [AngleEncoding(), Rotation("zyz")])
    for targets, model in ((y, two), (y[:, 0], MODEL)):
        reg = qdl.QNNRegressor(model, steps=2).fit(frame, targets)
        qdl.save(tmp_path, reg)
        again = qdl.load(tmp_path)
        np.testing.assert_array_equal(again.predict(frame), reg.predict(frame))
        assert again.feature_names_in_.tolist() == ["a", "b"]
        assert np.array_equal(again.target_range_, reg.target_range_)


def test_what_holds_functions_needs_the_estimator(tmp_path):
    def fresh():
        return qdl.QNNClassifier(built, optimizer=optax.sgd(0.1, momentum=0.9), steps=2)

    clf = fresh().fit(X, LABELS["numbers"])
    qdl.save(tmp_path, clf)
    with pytest.raises(ValueError, match=r"qdl.load\(path, model=estimator\)"):
        qdl.load(tmp_path)
    check_same(qdl.load(tmp_path, model=fresh()), clf)
    with pytest.raises(ValueError, match="steps: 2 there, 5 here"):
        qdl.load(tmp_path, model=fresh().set_params(steps=5))
    with pytest.raises(ValueError, match="holds a QNNClassifier, but model= is QNNRegressor"):
        qdl.load(tmp_path, model=qdl.QNNRegressor())
    template = qdl.QNN(1, Template(turned, (1,)))
    clf = qdl.QNNClassifier(template, steps=1).fit(X[:, :1], LABELS["numbers"])
    qdl.save(tmp_path, clf)
    again = qdl.load(tmp_path, model=qdl.QNNClassifier(template, steps=1))
    np.testing.assert_array_equal(again.predict(X[:, :1]), clf.predict(X[:, :1]))


def test_what_is_no_fitted_estimator_is_refused(tmp_path):
    pipe = make_pipeline(StandardScaler(), qdl.QNNClassifier(MODEL))
    for thing, error, said in (
        (qdl.QNNClassifier(), ValueError, "is not fitted"),
        (pipe, TypeError, "takes QNNClassifier and QNNRegressor, got Pipeline"),
        (MODEL, TypeError, "needs the parameters of QNN too"),
    ):
        with pytest.raises(error, match=said):
            qdl.save(tmp_path / "a", thing)
        assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "optimizer", [optax.adam(0.1), optax.chain(optax.clip(1.0), optax.sgd(0.1)), optax.lbfgs()]
)
def test_estimators_with_optax_optimizers_pickle(optimizer, tmp_path):
    clf = qdl.QNNClassifier(MODEL, optimizer=optimizer, steps=3)
    for each in (clf, clf.fit(X, LABELS["strings"])):
        pickle.loads(pickle.dumps(each))
    joblib.dump(clf, tmp_path / "a.joblib")
    again = joblib.load(tmp_path / "a.joblib")
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    one, two = clf.partial_fit(X, LABELS["strings"]), again.partial_fit(X, LABELS["strings"])
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


# ---- a training's folder


def overfitted(folder, model=None, **changes):
    options = {"steps": 40, "batch_size": 30, "patience": 10, "optimizer": optax.sgd(0.5)} | changes
    return qdl.fit(
        MODEL if model is None else model, X, X[:, 0], loss="mse", checkpoint=folder,
        validation=(X, -X[:, 0]), key=jax.random.key(1), **options,
    )  # fmt: skip


def test_a_training_leaves_its_best_and_its_last_parameters(tmp_path):
    found = overfitted(tmp_path)
    assert found.stopped == "patience" and found.step < len(found.history["loss"])
    model, best = qdl.load(tmp_path, which="best")
    _, last = qdl.load(tmp_path, which="last")
    assert model == MODEL
    for one, two in zip(jax.tree.leaves(best), jax.tree.leaves(found.params), strict=True):
        np.testing.assert_array_equal(one, two)
    # The numbers that are printed are those of the parameters returned.
    held = np.mean((np.asarray(MODEL.apply(best, X))[:, 0] + X[:, 0]) ** 2)
    assert f"val_loss {held:.4g}" in str(found) and ", the best" in str(found)
    assert not np.array_equal(last[1], best[1])
    np.testing.assert_array_equal(qdl.load(tmp_path)[1][1], last[1])


def test_which_is_told_where_there_is_none(tmp_path):
    qdl.save(tmp_path / "saved", MODEL, MODEL.init(jax.random.key(0)))
    with pytest.raises(FileNotFoundError, match="holds no training"):
        qdl.load(tmp_path / "saved", which="best")
    with pytest.raises(ValueError, match="which must be 'best', 'last' or None, got 'first'"):
        qdl.load(tmp_path / "saved", which="first")
    options = {"loss": "mse", "steps": 2, "key": jax.random.key(0), "checkpoint": tmp_path / "run"}
    qdl.fit(MODEL, X, X[:, 0], **options)
    with pytest.raises(ValueError, match="has no validation, so no step is known to be the best"):
        qdl.load(tmp_path / "run", which="best")


def test_a_training_of_a_model_with_a_matrix_or_a_function(tmp_path):
    import pennylane as qp

    matrix = qp.Hermitian(np.array([[1.0, 0.5], [0.5, -1.0]]), 0)
    model = qdl.QNN(2, MODEL.layers, readout=qdl.Expval([matrix]))
    overfitted(tmp_path / "a", model)
    again, params = qdl.load(tmp_path / "a", which="best")
    wanted = model.apply(params, X)
    np.testing.assert_allclose(again.apply(params, X), wanted, atol=1e-12)
    qdl.load(tmp_path / "a", which="best", model=model)
    other = qdl.QNN(2, MODEL.layers, readout=qdl.Expval([qp.Hermitian(np.eye(2), 0)]))
    with pytest.raises(ValueError, match="another matrix"):
        qdl.load(tmp_path / "a", model=other)
    template = qdl.QNN(1, Template(turned, (1,)))
    overfitted(tmp_path / "b", template)
    with pytest.raises(ValueError, match="Pass the model itself"):
        qdl.load(tmp_path / "b")
    assert qdl.load(tmp_path / "b", model=template)[1][0].shape == (1,)
