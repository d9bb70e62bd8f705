"""The estimators on real data, inside scikit-learn's own machinery."""

import doctest
import importlib
import pickle

import jax
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import qdl
from qdl.estimators import base, decaying_adam, reuploading
from qdl.estimators.chosen import held_out
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation

# What a change here is most likely to break; the slow test below runs everything.
QUICK = {
    "check_dict_unchanged",
    "check_estimators_pickle",
    "check_estimators_unfitted",
    "check_methods_subset_invariance",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_valid_tag_types",
}


@pytest.fixture(scope="module")
def iris():
    """Standardised, with names for the columns and strings for the labels."""
    bunch = load_iris(as_frame=True)
    X = bunch.data
    return (X - X.mean()) / X.std(), bunch.target_names[bunch.target]


@pytest.fixture(scope="module")
def fitted(iris):
    return qdl.QNNClassifier().fit(*iris)


@pytest.mark.parametrize("estimator", [qdl.QNNClassifier, qdl.QNNRegressor])
def test_scikit_learn_checks_most_likely_to_break(estimator):
    ran = set()
    for instance, check in estimator_checks_generator(estimator(steps=20)):
        name = getattr(check, "func", check).__name__
        if name in QUICK:
            check(instance)
            ran.add(name)
    assert ran == QUICK


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("estimator", [qdl.QNNClassifier, qdl.QNNRegressor])
def test_scikit_learn_checks(estimator):
    results = check_estimator(estimator(), on_fail=None)
    assert len(results) > 50
    assert not [r for r in results if r["status"] in ("failed", "xfail")]
    check_estimator(estimator())  # with every default: raises
    assert not estimator().__sklearn_tags__().input_tags.sparse
    tags = estimator().__sklearn_tags__()
    assert not (tags.classifier_tags or tags.regressor_tags).poor_score


@pytest.mark.parametrize("part", ["classifier", "default", "regressor"])
def test_examples_run(part):
    failed, _ = doctest.testmod(importlib.import_module(f"qdl.estimators.{part}"))
    assert failed == 0


def test_string_labels_and_feature_names(iris, fitted):
    X, y = iris
    assert fitted.score(X, y) > 0.93
    assert list(fitted.classes_) == ["setosa", "versicolor", "virginica"]
    assert list(fitted.feature_names_in_) == list(X.columns)
    p = fitted.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[p.argmax(axis=1)])
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(X[X.columns[::-1]])


def test_probabilities_are_the_softmax_of_the_model(iris, fitted):
    X = iris[0].to_numpy()
    z = np.asarray(fitted.model_.apply(fitted.params_, X))  # logits
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(iris[0]), expected, atol=1e-12)


def test_pickle_and_clone(iris, fitted):
    X, y = iris
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    copy = clone(fitted)
    assert not hasattr(copy, "params_")
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), fitted.predict_proba(X))


def test_other_rows_share_the_compilation(iris, fitted):
    X, y = iris
    again = qdl.QNNClassifier(seed=3).fit(X[20:], y[20:])
    assert again.history_["compile_time"] < 0.5
    assert [len(again.predict(X[:n])) for n in (1, 40, 150)] == [1, 40, 150]


def test_weights_are_repetitions_bit_by_bit(iris):
    X, y = iris[0].to_numpy(), iris[1]
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    shuffled = np.random.default_rng(1).permutation(np.repeat(np.arange(len(X)), weights))
    weighted = qdl.QNNClassifier().fit(X, y, sample_weight=weights)
    repeated = qdl.QNNClassifier().fit(X[shuffled], y[shuffled])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    other = qdl.QNNClassifier().fit(X, y)
    assert abs(weighted.predict_proba(X) - other.predict_proba(X)).max() > 1e-3


def test_the_example_of_the_design_on_breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    model = qdl.QNN(
        4,
        [Repeat([AngleEncoding(), Rotation("zyz"), Entangler("cz", pattern="ring")], 3)],
        readout=qdl.ExpZ([0, 1]),
    )
    pipeline = make_pipeline(StandardScaler(), PCA(4), StandardScaler(), qdl.QNNClassifier(model))
    assert cross_val_score(pipeline, X, y, cv=3, error_score="raise").mean() > 0.9


def test_grid_search_finds_the_optimizer_that_learns(iris):
    X, y = iris
    still, adam = optax.sgd(1e-9), optax.adam(0.05)
    search = GridSearchCV(qdl.QNNClassifier(), {"optimizer": [still, adam]}, cv=2)
    assert search.fit(X, y).best_params_["optimizer"] is adam
    assert search.score(X, y) > 0.9


def test_partial_fit_goes_on_from_where_it_was():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(PCA(4).fit_transform(StandardScaler().fit_transform(X)))
    X, Xt, y, yt = train_test_split(X, y, random_state=0)
    classifier, scores = qdl.QNNClassifier(batch_size=16), []
    for _ in range(6):
        for half in (slice(0, 213), slice(213, 426)):
            classifier.partial_fit(X[half], y[half], classes=[0, 1])
        scores.append(classifier.score(Xt, yt))
    assert scores[-1] > max(0.9, scores[0] - 0.02)
    assert classifier.n_steps_ == 6 * 2 * 14
    with pytest.raises(ValueError, match=r"label 2 in row 1, expected one of \[0, 1\]. Name all"):
        classifier.partial_fit(X[:2], [0, 2])
    with pytest.raises(ValueError, match="no classes, got None in the first call. Expected every"):
        qdl.QNNClassifier().partial_fit(X, y)


def test_partial_fit_takes_every_optimizer_that_fit_takes():
    X = np.random.default_rng(0).uniform(0, 3, (40, 2))
    y = (X[:, 0] > 1.5).astype(int)
    model = qdl.models.data_reuploading(2, 1)
    device = model.on(qdl.backends.aer())  # no forward mode there, and spsa needs no derivative
    natural = qdl.training.natural_gradient(model, 0.1)
    for place, optimizer in (
        (model, natural),
        (device, qdl.training.spsa(0.1, key=jax.random.key(0))),
    ):
        classifier = qdl.QNNClassifier(place, optimizer=optimizer)
        classifier.partial_fit(X, y, classes=[0, 1])
        classifier.partial_fit(X[:3], y[:3])
        assert classifier.n_steps_ == 3 and np.isfinite(classifier.history_["loss"]).all()


def test_regression_on_one_feature():
    X = np.random.default_rng(0).uniform(-2, 2, (200, 1))
    y = 40 + 10 * np.sin(2 * X[:, 0])
    regressor = qdl.QNNRegressor().fit(X[:150], y[:150])
    assert regressor.score(X[150:], y[150:]) > 0.95
    assert regressor.target_range_ == (y[:150].min(), y[:150].max())
    low, high = regressor.target_range_
    z = np.asarray(regressor.model_.apply(regressor.params_, X))[:, 0]
    np.testing.assert_allclose(regressor.predict(X), low + (high - low) * (1 + z) / 2)
    for _ in range(30):
        regressor.partial_fit(X, y)
    error = np.mean((regressor.predict(X) - y) ** 2)
    for _ in range(30):
        regressor.partial_fit(X, y)
    assert np.mean((regressor.predict(X) - y) ** 2) < min(error, 0.02)
    np.testing.assert_allclose(qdl.QNNRegressor(steps=1).fit(X, 0 * y + 3).predict(X[:3]), 3)


def test_a_function_of_the_widths_and_extra_outputs(iris):
    X, y = iris
    seen = []

    def build(n_features, n_outputs):
        seen.append((n_features, n_outputs))
        return qdl.Hybrid([qdl.Dense(n_features, n_outputs)])

    linear = qdl.QNNClassifier(build).fit(X, y)
    assert seen == [(4, 3)] and linear.score(X, y) > 0.85
    wide = qdl.QNNClassifier(qdl.Hybrid([qdl.Dense(4, 6)])).fit(X, y)
    assert wide.predict_proba(X).shape == (150, 3) and wide.score(X, y) > 0.85


def test_shots_follow_the_seed():
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = X[:, 0] > 0
    model = reuploading(2).on(qdl.backends.statevector(shots=50))
    sampled = qdl.QNNClassifier(model, steps=3).fit(X, y)
    p = sampled.predict_proba(X)
    np.testing.assert_array_equal(sampled.predict_proba(X), p)
    shots = (1 + np.asarray(model.on(qdl.backends.statevector()).apply(sampled.params_, X))) / 2
    assert 0 < abs(p[:, 1] - shots[:, 0]).max() < 6 * 0.5 / np.sqrt(50)
    np.testing.assert_allclose(p[:, 1] * 50, np.round(p[:, 1] * 50), atol=1e-9)


CASES = {
    "width": (
        dict(model=qdl.models.data_reuploading(2, 1)),
        r"X with 4 features, but its model reads 2 of them. Expected X of shape \(n_samples, 2\). Put",
    ),
    "narrow": (
        dict(model=qdl.models.data_reuploading(6, 1)),
        "AngleEncoding needs one feature per wire: got x of shape",
    ),
    "outputs": (
        dict(model=qdl.QNN(4, AngleEncoding(), readout=qdl.ExpZ([0]))),
        "the model has 1 outputs, but y has 3 classes: expected one output a class. Read 3 values",
    ),
    "loss": (dict(loss="mse"), "loss='mse' does not fit this estimator: expected 'cross_entropy'"),
    "steps": (dict(steps=0), "steps to be a whole number >= 1, got 0"),
    "batch": (dict(batch_size=2.5), "batch_size to be a whole number >= 1, got 2.5"),
    "seed": (dict(seed=-1), "seed must be a whole number >= 0, got -1"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_in_fit(iris, name):
    arguments, said = CASES[name]
    with pytest.raises(ValueError, match=said):
        qdl.QNNClassifier(**arguments).fit(*iris)


def test_bad_data(iris):
    X, y = iris
    holes = X.copy()
    holes.iloc[7, 2] = np.nan
    said = (
        r"X has NaN in column 2 \('petal length \(cm\)'\), row 7, but QNNClassifier expects finite"
    )
    with pytest.raises(ValueError, match=said):
        qdl.QNNClassifier().fit(holes, y)
    with pytest.raises(ValueError, match=r"one class only, \['setosa'\]: a classifier needs two"):
        qdl.QNNClassifier().fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="all 150 sample weights are zero, expected a positive"):
        qdl.QNNClassifier().fit(X, y, sample_weight=np.zeros(150))
    with pytest.raises(TypeError, match=r"model = 3: expected a model with init and apply, a func"):
        qdl.QNNClassifier(3).fit(X, y)
    with pytest.raises(ValueError, match="has 2 outputs, but QNNRegressor expects one. Read a"):
        qdl.QNNRegressor(qdl.models.data_reuploading(2, 1)).fit(X.iloc[:, :2], X.iloc[:, 2])
    with pytest.raises(ValueError, match="reads at most 15 values from 4 wires, got 16 classes"):
        qdl.QNNClassifier().fit(X, np.arange(150) % 16)


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 7, 30, 64])
@pytest.mark.parametrize("n_outputs", [1, 3, 10])
def test_the_default_model_reads_every_feature(n_features, n_outputs):
    model = reuploading(n_features, n_outputs)
    assert model.n_wires <= 4
    assert (model.n_features, model.readout.size(model.active)) == (n_features, n_outputs)
    encodings = [layer for layer in model.layers.layers[0].block.layers if hasattr(layer, "scale")]
    read = [c for layer in encodings for c in layer.features]
    assert set(read) == set(range(n_features))
    assert max(map(read.count, read)) <= min(map(read.count, read)) + 1 or n_features < 4


@pytest.mark.parametrize("n_features", [1, 3, 7])
@pytest.mark.parametrize("n_outputs", [1, 3, 10])
def test_the_default_classifier_starts_linear_around_the_middle(n_features, n_outputs, key):
    model = qdl.estimators.reuploading_head(n_features, n_outputs)
    circuit, head = model.stages
    assert circuit.n_wires <= 4 and model.n_features == n_features
    assert (head.n_in, head.n_out) == (max(circuit.n_wires, n_outputs), n_outputs)
    X = 0.3 * np.random.default_rng(0).normal(size=(200, n_features))
    values = np.asarray(circuit.apply(circuit.init(key), X), float)[:, : circuit.n_wires]
    design = np.c_[X, np.ones(200)]
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    read = values.std(axis=0) > 0.05  # wires of features: with few of them all have some
    assert read.any() and (rest.std(axis=0)[read] < 0.4 * values.std(axis=0)[read]).all()


def test_the_default_classifier_decays_and_partial_fit_goes_on(iris):
    X, y = iris[0].to_numpy()[:, :2], iris[1]
    clf = qdl.QNNClassifier(steps=30).fit(X, y)
    assert clf.n_steps_ == 30 and qdl.QNNClassifier()._steps() == 600
    last = clf.params_[1]["weight"]
    clf.partial_fit(X, y)
    assert not np.allclose(
        clf.params_[1]["weight"], last, atol=1e-3
    )  # its rate has not fallen to 0


def test_products_of_z_on_default_qubit(default_qubit, key):
    model = reuploading(5, 10)
    params = model.init(key)
    X = np.random.default_rng(0).normal(size=(3, 5))
    values = model.apply(params, X)
    for row, x in zip(values, X, strict=True):
        np.testing.assert_allclose(row, default_qubit(model, params, x), atol=1e-10)
    assert len(np.unique(np.round(values[0], 9))) == 10
    assert pickle.loads(pickle.dumps(model)) == model


@settings(deadline=None, max_examples=60)
@given(
    weights=st.lists(st.integers(0, 9), min_size=1, max_size=30).filter(any),
    size=st.integers(1, 500),
    seed=st.integers(0, 2**31),
)
def test_the_pool_holds_each_row_for_its_weight(weights, size, seed):
    weights = np.array(weights, float)
    X = np.random.default_rng(0).normal(size=(len(weights), 2))
    rows = base.pool(X, X[:, 0], weights, size, seed)
    expected = size * weights / weights.sum()
    counts = np.bincount(rows, minlength=len(weights))
    assert len(rows) == size
    assert (counts >= np.floor(expected - 1e-9)).all()
    assert (counts <= np.ceil(expected + 1e-9)).all()


def test_a_large_pool_is_bounded_and_holds_all_rows_equally():
    X = np.random.default_rng(0).normal(size=(1000, 1))
    rows = base.pool(X, X[:, 0], np.ones(1000), 10**9, 0)
    assert set(np.bincount(rows)) == {65}
    many = np.zeros((100_000, 1))
    rows = base.pool(many, np.arange(100_000), np.ones(100_000), 10**9, 0)
    np.testing.assert_array_equal(np.sort(rows), np.arange(100_000))


def test_warm_start_goes_on_and_a_decision_follows_the_probabilities():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    cold = qdl.QNNClassifier(steps=30).fit(X, y)
    first = cold.params_
    np.testing.assert_array_equal(
        jax.tree.leaves(cold.fit(X, y).params_)[0], jax.tree.leaves(first)[0]
    )
    warm = qdl.QNNClassifier(steps=30, warm_start=True).fit(X, y)
    before = warm.history_["loss"]
    assert warm.fit(X, y).history_["loss"][0] < before[0] - 0.1
    with pytest.raises(
        ValueError, match=r"classes \['maybe', 'no'\], but with warm_start expected"
    ):
        warm.fit(X, np.where(y == "yes", "maybe", "no"))
    p, d = warm.predict_proba(X), warm.decision_function(X)
    np.testing.assert_allclose(d, np.log(p[:, 1] / p[:, 0]), atol=1e-9)
    np.testing.assert_array_equal(warm.classes_[(d > 0).astype(int)], warm.predict(X))
    three = qdl.QNNClassifier(steps=2).fit(X, rng.integers(0, 3, 40))
    assert three.decision_function(X).shape == (40, 3)
    target = qdl.QNNRegressor(steps=30, warm_start=True).fit(X, X[:, 0])
    before = target.history_["loss"]
    assert target.fit(X, X[:, 0]).history_["loss"][0] < before[0]


def test_optimizers_by_name_read_well_in_a_grid():
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)
    grid = {"optimizer": ["sgd", "adam"], "learning_rate": [0.01, 0.1]}
    search = GridSearchCV(qdl.QNNClassifier(steps=5), grid, cv=2).fit(X, y)
    assert set(search.best_params_.values()) <= {"sgd", "adam", 0.01, 0.1}
    named = qdl.QNNClassifier(steps=5, optimizer="adam", learning_rate=0.1).fit(X, y)
    given = qdl.QNNClassifier(steps=5, optimizer=optax.adam(0.1)).fit(X, y)
    np.testing.assert_array_equal(named.history_["loss"], given.history_["loss"])
    for options, text in (
        ({"optimizer": "adma"}, "no Optax optimizer 'adma' that takes a learning rate"),
        (
            {"optimizer": optax.adam(0.1), "learning_rate": 0.1},
            "belongs to an optimizer that is named",
        ),
        ({"learning_rate": 0.0}, "learning_rate must be a number > 0, got 0.0"),
    ):
        with pytest.raises(ValueError, match=text):
            qdl.QNNClassifier(**options).fit(X, y)


# ---- weights of classes, several targets, words


def test_class_weights_are_sample_weights(iris):
    X, y = iris[0].to_numpy()[:, :2], np.where(iris[1] == iris[1][0], "rare", "often")
    given = {"model": qdl.models.data_reuploading(2, 1), "steps": 20}
    given["model"] = lambda n, k: qdl.QNN(
        n, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("xy")], qdl.ExpZ(range(k))
    )
    weights = {"rare": 3.0, "often": 0.5}
    one = qdl.QNNClassifier(class_weight=weights, **given).fit(X, y)
    two = qdl.QNNClassifier(**given).fit(X, y, [weights[label] for label in y])
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))
    balanced = qdl.QNNClassifier(class_weight="balanced", **given).fit(X, y)
    assert not np.array_equal(balanced.predict_proba(X), two.predict_proba(X))
    for wrong, said in (
        ("even", "None, 'balanced' or a dictionary"),
        ({"seldom": 1.0}, "weighs 'seldom', expected labels among"),
        ({"rare": -1.0}, "a number >= 0 for each label"),
    ):
        with pytest.raises(ValueError, match=said):
            qdl.QNNClassifier(class_weight=wrong, **given).fit(X, y)
    with pytest.raises(ValueError, match="cannot know what class_weight='balanced' means"):
        qdl.QNNClassifier(class_weight="balanced", **given).partial_fit(X, y, np.unique(y))


def test_several_targets_each_in_its_own_range():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (80, 2))
    Y = np.stack([100 + np.sin(2 * X[:, 0]), X[:, 1] / 1000], axis=1)
    reg = qdl.QNNRegressor(lambda n, k: qdl.QNN(
        n, [qdl.layers.AngleEncoding(trainable=True), qdl.layers.Rotation("zyz")], qdl.ExpZ(range(k))
    ), steps=200).fit(X, Y)  # fmt: skip
    assert reg.predict(X).shape == (80, 2) and reg.score(X, Y) > 0.9
    assert np.allclose(reg.target_range_, [Y.min(axis=0), Y.max(axis=0)])
    reg.partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"y has shape \(80,\), but expected the 2 target"):
        reg.partial_fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="the model has 2 outputs, but QNNRegressor expects 3"):
        qdl.QNNRegressor(qdl.models.data_reuploading(2, 1)).fit(X, np.c_[Y, Y[:, :1]])


@pytest.mark.parametrize("kind", ["frame", "text", "objects", "lists"])
def test_words_among_the_features_name_the_encoder(kind):
    import pandas as pd

    rows = [[1.0, "red"], [2.0, "blue"], [3.0, "red"]]
    X = {
        "frame": pd.DataFrame(rows, columns=["size", "colour"]),
        "text": np.array(rows),
        "objects": np.array(rows, object),
        "lists": rows,
    }[kind]
    column = "'colour'" if kind == "frame" else "1"
    for estimator in (qdl.QNNClassifier(), qdl.QNNRegressor()):
        with pytest.raises(ValueError, match="column 1.*, row 0: 'red'.*OneHotEncoder") as error:
            estimator.fit(X, [0, 1, 0])
        assert f"[{column}])" in str(error.value)


def test_a_weight_decay_is_chosen_against_noise_and_not_against_a_curve():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 2))
    noise, ring = rng.integers(0, 2, 160), ((X**2).sum(axis=1) > 1.4).astype(int)
    found = [qdl.QNNClassifier(steps=200).fit(X, y).weight_decay_ for y in (noise, ring)]
    assert found[0] == 0.3 and found[1] < 0.3


def test_a_weight_decay_takes_from_the_parameters_and_0_is_none():
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int)
    sizes = {}
    for decay in (0.0, 0.3):
        fitted = qdl.QNNClassifier(steps=100, weight_decay=decay).fit(X, y)
        sizes[decay] = sum((leaf**2).sum() for leaf in jax.tree.leaves(fitted.params_))
    assert sizes[0.3] < 0.7 * sizes[0.0]
    params = {"a": np.ones(3, np.float32)}
    gradient = {"a": np.array([0.1, -2.0, 0.5], np.float32)}
    for decay, expected in ((0.0, optax.adam(0.1)), (0.3, optax.adamw(0.1, weight_decay=0.3))):
        ours = decaying_adam(0.1, 10, decay)
        one, _ = ours.update(gradient, ours.init(params), params)
        other, _ = expected.update(gradient, expected.init(params), params)
        np.testing.assert_allclose(one["a"], other["a"], rtol=1e-5)
    with pytest.raises(ValueError, match="belongs to the default model"):
        qdl.QNNClassifier(optimizer="adam", weight_decay=0.1).fit(X, y)
    with pytest.raises(ValueError, match="weight_decay must be a number >= 0, got -1"):
        qdl.QNNClassifier(weight_decay=-1).fit(X, y)


def test_equal_rows_are_held_out_together_and_few_rows_are_not():
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    held = held_out(X, y, seed=1)
    assert held.sum() == 12 and y[held].sum() == 6
    twice = held_out(np.repeat(X, 2, axis=0), np.repeat(y, 2), seed=1)
    np.testing.assert_array_equal(twice, np.repeat(held, 2))
    assert held_out(X[:49], y[:49], seed=1) is None
