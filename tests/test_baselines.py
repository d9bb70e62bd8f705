"""Baselines: sizes counted by scikit-learn, spectra by least squares, fairness by spies."""

import doctest
import importlib
import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from catalogue import ROWS
from scipy.stats import uniform
from typer.testing import CliRunner

import qdl
from qdl import baselines, datasets
from qdl.baselines import Comparison, Contender, Row, compare, without_entanglers
from qdl.baselines.quantum import variants
from qdl.cli import app
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    OpenQASM,
    Pooling,
    Repeat,
    Rotation,
    Template,
    from_qasm,
)

PARTS = ("classical", "entanglers", "quantum", "result", "single", "surrogate", "tuning")


@pytest.mark.parametrize("part", PARTS)
def test_examples_run(part):
    failed, _ = doctest.testmod(importlib.import_module(f"qdl.baselines.{part}"))
    assert failed == 0


@pytest.mark.parametrize("classes", [(0, 1), (1, 3, 8)])
def test_sizes_are_what_scikit_learn_holds(classes, monkeypatch):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    fitted = {}

    def keep(cls):
        original = cls.fit

        def fit(self, X, y):
            fitted[cls] = original(self, X, y)
            return self

        monkeypatch.setattr(cls, "fit", fit)

    keep(LogisticRegression)
    keep(MLPClassifier)
    data = datasets.digits(classes, features=5)
    logistic, mlp = baselines.logistic_regression(data), baselines.mlp(data, n_params=54)
    linear, network = fitted[LogisticRegression], fitted[MLPClassifier]
    assert logistic.n_params == linear.coef_.size + linear.intercept_.size
    assert mlp.n_params == sum(w.size for w in [*network.coefs_, *network.intercepts_])
    unit = mlp.n_params - (mlp.n_params - network.intercepts_[-1].size) // len(
        network.intercepts_[0]
    ) * (len(network.intercepts_[0]) - 1)
    assert abs(mlp.n_params - 54) <= (unit + 1) / 2  # one hidden unit more or less is further off
    for each in (logistic, mlp):
        assert each.probabilities.shape == (len(data.y_test), len(classes))
        assert each.accuracy == np.mean(each.probabilities.argmax(axis=1) == data.y_test)
        assert each.accuracy > 0.85


# --- without entanglers


@pytest.mark.parametrize("name", ROWS)
def test_what_is_left_are_gates_on_one_wire(name, key):
    layer, *_ = ROWS[name]
    if layer.first_only or isinstance(layer, Template | OpenQASM):
        with pytest.raises(ValueError, match="cannot take the entanglers out of"):
            without_entanglers(qdl.QNN(3, layer))
        return
    bare = without_entanglers(qdl.QNN(3, [AngleEncoding(), layer]))
    operators = bare.operators(bare.init(key), np.ones((1, 3)))
    assert {len(operator.wires) for operator in operators} == {1}
    assert bare.active == ROWS[name].left


def test_a_model_without_its_entanglers_is_the_one_written_without_them():
    local = [AngleEncoding(trainable=True), Rotation("zyz")]
    whole = qdl.QNN(3, Repeat([*local, Entangler("crx", "ring")], 2), readout=qdl.ExpZ([1]))
    assert without_entanglers(whole) == qdl.QNN(3, Repeat(local, 2), readout=qdl.ExpZ([1]))
    assert without_entanglers(without_entanglers(whole)) == without_entanglers(whole)
    hybrid = qdl.Hybrid([qdl.Dense(5, 3), "tanh", whole, qdl.Dense(1, 2)])
    stages = without_entanglers(hybrid).stages
    assert stages[2] == without_entanglers(whole) and stages[::3] == hybrid.stages[::3]
    qcnn = qdl.QNN(4, [IQPEncoding(2), Convolution(), Pooling("zx"), Entangler()])
    assert without_entanglers(qcnn).layers.layers[1:] == (Rotation("zyz"), Pooling(""))
    with pytest.raises(ValueError, match="has no layers to take entanglers from: expected a QNN"):
        without_entanglers(qdl.Dense(2, 2))


def test_variants_say_what_is_missing_and_why():
    names = lambda model: [c.name for c in variants(model, 2, 2, 1)[0]]  # noqa: E731
    why = lambda model: " ".join(variants(model, 2, 2, 1)[1])  # noqa: E731
    assert names(None) == ["no entanglers", "Fourier surrogate"]
    assert names(qdl.models.data_reuploading) == ["no entanglers", "Fourier surrogate"]
    assert (
        why(qdl.QNN(2, [AngleEncoding(), Rotation()])) == "The model has no entanglers to take out."
    )
    assert names(qdl.QNN(2, [IQPEncoding(), Rotation()])) == ["no entanglers"]
    amplitudes = qdl.QNN(1, [AmplitudeEncoding(), Rotation()])
    assert "No row without entanglers: cannot" in why(amplitudes)
    assert "No surrogate: no frequencies are known of AmplitudeEncoding" in why(amplitudes)
    assert "a classical stage" in why(qdl.Hybrid([qdl.Dense(2, 2), qdl.QNN(2, Rotation())])).lower()


def test_features_are_scaled_only_where_that_makes_sense():
    def settings(layer):
        return baselines.quantum("model", qdl.QNN(2, [layer, Rotation()])).settings

    assert "scale" in settings(AngleEncoding())
    assert "scale" not in settings(BasisEncoding()) and "scale" not in settings(AmplitudeEncoding())


# --- the surrogate


@pytest.mark.parametrize(
    ("model", "size"),
    [
        (qdl.models.data_reuploading(3, 1), 27),
        (qdl.models.data_reuploading(2, 2), 25),
        (qdl.QNN(2, [AngleEncoding("x", scale=0.7, features=(1, 0)), Entangler(), Rotation()]), 9),
        (
            qdl.QNN(3, [AngleEncoding(), Convolution(), Pooling(), AngleEncoding(features=(0, 2))]),
            75,
        ),
    ],
)
def test_outputs_are_fourier_series_with_these_frequencies_and_no_fewer(model, size, key):
    X = np.random.default_rng(0).uniform(-4, 4, (400, model.n_features))
    values = np.asarray(model.apply(model.init(key), X))
    spectrum = np.unique(baselines.frequencies(model, 20_000, seed=0), axis=0)
    assert len(spectrum) == size

    def error(spectrum):
        features = baselines.fourier_features(X, spectrum)
        weights = np.linalg.lstsq(features[:250], values[:250], rcond=None)[0]
        return abs(features[250:] @ weights - values[250:]).max()

    assert error(spectrum) < 1e-8
    largest = abs(spectrum).max(axis=0)
    assert error(spectrum[(abs(spectrum) < largest).all(axis=1)]) > 1e-3


def test_frequencies_are_drawn_as_tree_sampling_draws_them():
    drawn = baselines.frequencies(qdl.models.data_reuploading(2, 4), 20_000, seed=1)
    values, counts = np.unique(drawn[:, 0], return_counts=True)
    binomial = np.array([1, 8, 28, 56, 70, 56, 28, 8, 1]) / 256  # four gates of -1, 0, 0, 1
    np.testing.assert_array_equal(values, np.arange(-4, 5))
    np.testing.assert_allclose(counts / 20_000, binomial, atol=0.012)


# --- the comparison


class Spy:
    """Predicts one class, worse for every setting but one; writes down what it was shown."""

    log = []

    def __init__(self, seed, quality=0):
        self.seed, self.quality = seed, quality

    def fit(self, X, y):
        self.log.append((self.seed, self.quality, X[:, 0].astype(int)))
        self.answers = dict(zip(X[:, 0].astype(int), y, strict=True))
        return self

    def predict(self, X):
        parity = X[:, 0].astype(int) % 2
        return np.where(X[:, 0].astype(int) % 10 < self.quality, parity, 1 - parity)


def numbered(seed):
    """120 rows whose first feature is their number; the label is its parity; a split by seed."""
    order = np.random.default_rng(seed).permutation(120)
    X = np.stack([order, order], axis=1).astype(float)
    return datasets.prepare.Dataset(X[:90], order[:90] % 2, X[90:], order[90:] % 2)


def test_tuning_sees_folds_of_the_training_part_only_and_as_many_trials_each(key, monkeypatch):
    monkeypatch.setattr(Spy, "log", [])
    spy = Contender("spy", Spy, {"quality": tuple(range(1, 9))})
    two = Contender("two", lambda seed, alpha=0.5: Spy(seed, 2), {"alpha": uniform(0, 1)})
    none = Contender("none", lambda seed: Spy(seed, 1))
    monkeypatch.setattr("qdl.baselines.tuning.classical", lambda *sizes: [])
    result = compare(spy, numbered, key=key, seeds=3, trials=4, folds=3, rows=[two, none])
    assert len(set(result.seeds)) == 3 and result.new_splits
    fits = 3 * (4 * 3 + 1)
    assert [row.trials for row in result.rows] == [4, 4, 1]
    assert len(Spy.log) == fits + fits + 3
    for seed in result.seeds:
        training = set(numbered(seed).X_train[:, 0].astype(int))
        seen = [rows for number, _, rows in Spy.log if number == seed]
        assert all(set(rows) <= training for rows in seen)
        assert sorted({len(rows) for rows in seen}) == [60, 90]
    for seed, score, chosen in zip(
        result.seeds, result.rows[0].scores, result.rows[0].settings, strict=True
    ):
        tried = {quality for number, quality, rows in Spy.log[:fits] if number == seed}
        assert 0 in tried and len(tried) == 4  # the defaults are the first trial
        assert chosen["quality"] == max(tried)
        split = numbered(seed)
        assert score == np.mean(split.X_test[:, 0] % 10 < chosen["quality"])
    assert "(1 trials)" in result.table()


def row(name, *scores, kind="classical", trials=4):
    return Row(name, kind, scores, 10, trials, ({},) * len(scores), 1.0)


def found(*rows, left_out=()):
    return Comparison(rows, left_out, tuple(range(len(rows[0].scores))), 4, 3, True)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [row("model", 0.9, 0.92, kind="quantum"), row("SVC", 0.95, 0.96), row("MLP", 0.8, 0.8)],
            "SVC (classical) is ahead of model (quantum), 0.955 to 0.910: by 0.045; 2 seeds are too few "
            "to tell, take 5 or more.",
        ),
        (
            [row("model", 0.9, 0.98, kind="quantum"), row("SVC", 0.95, 0.92)],
            "model (quantum) is ahead of SVC (classical), 0.940 to 0.935: by 0.005; 2 seeds are too few "
            "to tell, take 5 or more.",
        ),
        ([row("model", 0.75, 0.5), row("SVC", 0.5, 0.75)], "SVC and model are level at 0.625."),
        (
            [row("model", 0.75), row("SVC", 0.5)],
            "model (classical) is ahead of SVC (classical), 0.750 to 0.500: by 0.250; one seed is too few "
            "to tell, take 5 or more.",
        ),
        (
            [
                row("model", *5 * [0.9], kind="quantum"),
                row("no entanglers", 0.5, 0.7, 0.6, 0.5, 0.7, kind="quantum"),
                row("SVC", 0.91, 0.9, 0.91, 0.89, 0.91),
                row("majority class", *5 * [0.95]),
            ],
            "SVC (classical) is ahead of model (quantum), 0.904 to 0.900: by 0.004 +- 0.007 (standard "
            "error), p = 1 in a paired test of 2 rivals: no difference that could be told. model (quantum) "
            "is ahead of no entanglers (quantum), 0.900 to 0.600: by 0.300 +- 0.073 (standard error), "
            "p = 0.015 in a paired test: a difference. model is no better than always the same answer "
            "(majority class, 0.950).",
        ),
        ([row("model", 0.5, 0.5)], "model had nobody to be compared with."),
    ],
)
def test_the_verdict_says_who_won_and_whether_that_means_anything(rows, said):
    assert found(*rows).verdict == said
    assert found(*rows).table().endswith(said)


def test_a_comparison_reads_as_table_picture_and_json():
    result = found(row("model", 0.5, 0.7), row("SVC", 0.5, 0.5), left_out=("No surrogate: why.",))
    assert "model                            10  0.600 +- 0.141" in result.table()
    assert "-0.100 +- 0.141" in result.table() and result.verdict.endswith("No surrogate: why.")
    assert [tick.get_text() for tick in result.plot().get_yticklabels()] == ["model", "SVC"]
    again = json.loads(json.dumps(result.as_dict()))
    assert again["rows"][0]["scores"] == [0.5, 0.7] and again["verdict"] == result.verdict


@pytest.mark.parametrize("wrong", [dict(seeds=0), dict(trials=1.5), dict(folds=1)])
def test_numbers_that_make_no_sense(wrong, key):
    ((name, value),) = wrong.items()
    with pytest.raises(
        ValueError, match=f"compare needs {name} to be a whole number >= ., got {value}"
    ):
        compare(None, SimpleNamespace(), key=key, **wrong)


def test_qdl_compare_leaves_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "compare --dataset iris --classes 0,1 --features 2 --steps 60 --seeds 2 --trials 1"
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 0, result.output
    names = [
        "model", "no entanglers", "Fourier surrogate", "logistic regression", "SVC",
        "MLP, 8 hidden", "boosted trees", "majority class",
    ]  # fmt: skip
    assert all(name in result.output for name in names)
    folder = tmp_path / "runs" / "iris-compare"
    saved = json.loads((folder / "comparison.json").read_text())
    assert [r["name"] for r in saved["rows"]] == names
    assert saved["rows"][0]["n_params"] == qdl.estimators.reuploading_head(2).n_params
    assert min(r["scores"][0] for r in saved["rows"][:-1]) > 0.8
    config = json.loads((folder / "config.json").read_text())
    assert (config["command"], config["seeds"], config["model"]) == ("compare", 2, "reuploading")
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 16 and set(lines[0]) == {"model", "seed", "test_accuracy"}
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--depth 3", "reuploading has no depth, got depth = 3: it follows from the features"),
        ("--dataset letters", "dataset must be one of bars_and_stripes, breast_cancer"),
        ("--model cnn", "model must be one of cvqnn, data_reuploading, hardware_efficient, qcnn"),
        ("--model cvqnn", "compare sets a circuit beside itself without entanglers"),
        ("--seeds 0", "Invalid value for '--seeds'"),
    ],
)
def test_bad_options(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["compare", *words.split()])
    assert result.exit_code == 2 and said in " ".join(result.stderr.split()), result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_breast_cancer_in_two_minutes(key):
    import time

    start = time.process_time()
    result = compare(None, lambda seed: datasets.breast_cancer(8, seed=seed), key=key)
    assert time.process_time() - start < 2 * 120  # of two cores
    assert len(result.rows) == 7 and min(r.mean for r in result.rows) > 0.8
    assert jax.tree.leaves(result.as_dict())


def test_text_says_why_its_entanglers_stay():
    layer = from_qasm("OPENQASM 3.0; include 'stdgates.inc'; qubit[2] q; cx q[0], q[1];")
    with pytest.raises(ValueError, match="does not say what they are parts of"):
        without_entanglers(qdl.QNN(2, layer))
