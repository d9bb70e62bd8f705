"""The classifier: scikit-learn's checks, resume, save, what it warns of, and the paper's numbers."""

import io
import sys
import tracemalloc
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

import qdl
import qdl.files
from qdl.datasets import digits
from qdl.ising import BlockSampler, DimodSampler, IsingClassifier

QUICK = {"hidden": 12, "num_reads": 3, "epochs": 3, "sampler": BlockSampler(sweeps=4)}


@pytest.fixture(scope="module")
def data():
    return digits(classes=(0, 1, 2), features=None, scale=(0, 1))


@pytest.fixture(scope="module")
def fitted(data):
    return IsingClassifier(**QUICK).fit(data.X_train, data.y_train)


@pytest.mark.filterwarnings("ignore:training has collapsed")
@pytest.mark.parametrize("rule", ["quantum_propagation", "equilibrium_propagation"])
def test_scikit_learns_checks(rule):
    classifier = IsingClassifier(**(QUICK | {"rule": rule, "hidden": 4, "epochs": 1}))
    results = check_estimator(classifier, on_skip=None, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_scikit_learns_checks_as_it_is():
    results = check_estimator(IsingClassifier(), on_skip=None, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []


def test_probabilities_are_shares_of_the_energies(fitted, data):
    p, energies = fitted.predict_proba(data.X_test), fitted.decision_energies(data.X_test)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(
        np.log(p[:, 0] / p[:, 1]), energies[:, 1] - energies[:, 0], rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(fitted.classes_[p.argmax(1)], fitted.predict(data.X_test))


def test_the_one_tag_is_named_in_the_docstring():
    class Plain(ClassifierMixin, BaseEstimator):
        pass

    tags, plain = IsingClassifier().__sklearn_tags__(), Plain().__sklearn_tags__()
    assert tags.classifier_tags.poor_score and "poor_score" in IsingClassifier.__doc__
    tags.classifier_tags.poor_score = False
    assert tags == plain


def test_digits_are_learned_also_in_a_pipeline(data, fitted):
    assert fitted.score(data.X_test, data.y_test) > 0.95
    assert fitted.history_["online_error"].shape == (3,)
    assert fitted.history_["online_error"][-1] < 0.1 < fitted.history_["online_error"][0]
    pipeline = make_pipeline(MinMaxScaler(), clone(fitted))
    assert cross_val_score(pipeline, data.X_train, data.y_train, cv=3).min() > 0.8


def test_both_methods_of_prediction(data, fitted):
    energies = fitted.decision_energies(data.X_test)
    assert energies.shape == (len(data.X_test), 3)
    np.testing.assert_array_equal(fitted.predict(data.X_test), energies.argmin(axis=1))
    sampled = fitted.predict(data.X_test, method="sample")
    assert np.mean(sampled == fitted.predict(data.X_test)) > 0.97
    spins, lowest = fitted.sample(data.X_test[:4], num_reads=50, key=0)
    assert spins.shape == (4, 50, 12 + 12)
    assert (lowest[:, 0] >= energies[:4].min(axis=1) - 1e-3 * np.abs(energies[:4, 0])).mean() > 0.5
    for i in range(4):
        np.testing.assert_allclose(
            fitted.to_bqm(data.X_test[i]).energies(spins[i]), lowest[i], rtol=1e-4
        )


def test_labels_may_be_anything(data):
    names = np.array(["zero", "one", "two"])[data.y_train]
    classifier = IsingClassifier(**QUICK).fit(data.X_train, names)
    assert set(classifier.predict(data.X_test)) == {"zero", "one", "two"}
    assert classifier.network_.J.tobytes() != b""


@pytest.mark.parametrize(
    "labels",
    [
        np.array([True, False]),
        np.array([7, -3], np.int8),
        np.array([1.0, 3.0]),
        np.array(["b", "a"], object),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_come_back_as_they_were_given(data, labels, tmp_path):
    some = data.y_train < 2
    y = labels[data.y_train[some]]
    classifier = IsingClassifier(**QUICK).fit(data.X_train[some], y)
    classifier.save(tmp_path / "a")
    for each in (classifier, IsingClassifier.load(tmp_path / "a")):
        for method in ("codeword", "sample"):
            found = each.predict(data.X_train[some], method=method)
            assert found.dtype == y.dtype and np.mean(found == y) > 0.9


def test_one_image_and_none(fitted, data):
    one = data.X_test[:1]
    assert fitted.predict(one).shape == fitted.predict(one, method="sample").shape == (1,)
    assert fitted.sample(one, num_reads=1).spins.shape == (1, 1, 24)
    with pytest.raises(ValueError, match="0 sample"):
        fitted.predict(data.X_test[:0])
    with pytest.raises(ValueError, match="0 sample"):
        IsingClassifier().fit(data.X_train[:0], [])


def test_the_model_of_a_row_is_asked_for_with_a_row(fitted, data):
    with pytest.raises(ValueError, match="64 features"):
        fitted.to_bqm(data.X_test[0, :5])
    with pytest.raises(ValueError, match=r"to_bqm takes one row \(64,\), got shape \(2, 64\)"):
        fitted.to_bqm(data.X_test[:2])
    with pytest.raises(ValueError, match="NaN"):
        fitted.to_bqm(np.full(64, np.nan))


@pytest.mark.parametrize(("method", "most"), [("codeword", 1500), ("sample", 5000)])
def test_predictions_take_few_bytes_a_row(method, most):
    X, y = np.random.default_rng(0).uniform(size=(20_000, 2)).astype("f"), np.arange(20_000) % 10
    words = {"hidden": 50, "redundancy": 1, "epochs": 0, "sampler": BlockSampler(sweeps=1)}
    classifier = IsingClassifier(**words).fit(X[:50], y[:50])
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # ties
        classifier.predict(X, method=method)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most * len(X)


@pytest.mark.parametrize(
    ("labels", "nothing"), [([0, 1, 2], -1), ([-1, 1, 3], -2), (["a", "b", "c"], "unclassified")]
)
def test_tied_outputs_are_unclassified_with_a_warning(data, labels, nothing):
    y = np.array(labels)[data.y_train]
    untrained = IsingClassifier(**(QUICK | {"epochs": 0, "redundancy": 2})).fit(data.X_train, y)
    with pytest.warns(RuntimeWarning, match=r"outputs of \d+ of \d+ rows are tied.* counts as wr"):
        found = untrained.predict(data.X_test, method="sample", num_reads=1)
    assert nothing in found and nothing not in untrained.predict(data.X_test)


def test_same_seed_same_weights_and_another_seed_others(data, fitted):
    again = IsingClassifier(**QUICK).fit(data.X_train, data.y_train)
    other = IsingClassifier(**QUICK, seed=1).fit(data.X_train, data.y_train)
    for name, array in fitted.network_.arrays().items():
        np.testing.assert_array_equal(array, again.network_.arrays()[name])
        assert not np.array_equal(array, other.network_.arrays()[name])


def test_one_forward_read_makes_the_two_rules_one(data):
    nets = [
        IsingClassifier(**(QUICK | {"num_reads": 1, "rule": rule}))
        .fit(data.X_train, data.y_train)
        .network_.arrays()
        for rule in ("quantum_propagation", "equilibrium_propagation")
    ]
    for name in nets[0]:
        assert nets[0][name].tobytes() == nets[1][name].tobytes()


class Stop(Exception):
    pass


@pytest.mark.parametrize("average", [True, False])
def test_a_broken_off_run_goes_on_as_if_it_had_not_been(data, tmp_path, average):
    arguments = QUICK | {"epochs": 6, "average": average, "decay": "linear"}
    whole = IsingClassifier(**arguments).fit(data.X_train, data.y_train)

    def breaks(classifier):
        if len(classifier.history_["online_error"]) == 4:
            raise Stop

    with pytest.raises(Stop):
        IsingClassifier(**arguments).fit(
            data.X_train, data.y_train, checkpoint=tmp_path / "a", callback=breaks
        )
    seen = []
    resumed = IsingClassifier(**arguments).fit(
        data.X_train, data.y_train, checkpoint=tmp_path / "a",
        callback=lambda c: seen.append(len(c.history_["online_error"])),
    )  # fmt: skip
    assert seen == [5, 6]
    for name, array in whole.network_.arrays().items():
        assert array.tobytes() == resumed.network_.arrays()[name].tobytes()
    np.testing.assert_array_equal(whole.history_["online_error"], resumed.history_["online_error"])
    with pytest.raises(ValueError, match="belongs to another training: seed was 0, now 1. Go on"):
        IsingClassifier(**arguments, seed=1).fit(
            data.X_train, data.y_train, checkpoint=tmp_path / "a"
        )
    with pytest.raises(ValueError, match="belongs to another training: data was"):
        IsingClassifier(**arguments).fit(data.X_test, data.y_test, checkpoint=tmp_path / "a")


class Anonymous:
    """A sampler without a ``__repr__``, which Python names by its address."""

    def sample(self, h, J, num_reads, key, initial=None):
        return BlockSampler(sweeps=4).sample(h, J, num_reads, key, initial)


def test_a_run_with_a_sampler_that_has_no_name_goes_on_too(data, tmp_path):
    def train():
        return IsingClassifier(**(QUICK | {"sampler": Anonymous()})).fit(
            data.X_train[:50], data.y_train[:50], checkpoint=tmp_path / "a"
        )

    one, other = train(), train()
    assert one.network_.W.tobytes() == other.network_.W.tobytes()


def test_a_terminal_is_shown_the_progress(data, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    IsingClassifier(**QUICK).fit(data.X_train[:50], data.y_train[:50])
    assert "online error" in sys.stderr.getvalue() and "3/3" in sys.stderr.getvalue()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    IsingClassifier(**QUICK).fit(data.X_train[:50], data.y_train[:50])
    assert sys.stderr.getvalue() == ""


def test_a_callback_can_stop(data):
    stopped = IsingClassifier(**QUICK).fit(data.X_train, data.y_train, callback=lambda c: True)
    assert len(stopped.history_["online_error"]) == 1


def test_averaged_weights_are_the_mean_of_the_second_half(data):
    ends = []
    arguments = QUICK | {"epochs": 5}

    def keep(classifier):
        ends.append({name: a.copy() for name, a in classifier.network_.arrays().items()})

    result = IsingClassifier(**arguments).fit(data.X_train, data.y_train, callback=keep)
    for name, array in result.network_.arrays().items():
        np.testing.assert_allclose(array, np.mean([e[name] for e in ends[2:]], axis=0), atol=1e-6)


def test_partial_fit_goes_on_and_knows_its_classes(data):
    classifier = IsingClassifier(**QUICK)
    some = data.y_train < 2
    classifier.partial_fit(data.X_train[some], data.y_train[some], classes=[0, 1, 2])
    for _ in range(3):
        classifier.partial_fit(data.X_train, data.y_train)
    assert classifier.score(data.X_test, data.y_test) > 0.9
    assert len(classifier.history_["online_error"]) == 4
    with pytest.raises(ValueError, match=r"y has the label .*7.*, but the classes are \[0, 1, 2\]"):
        classifier.partial_fit(data.X_train[:1], [7])


def test_partial_fit_does_not_decay_and_refuses_other_classes_and_numbers(data):
    constant, falling = (
        IsingClassifier(**QUICK, decay=decay).partial_fit(data.X_train, data.y_train)
        for decay in (None, "linear")
    )
    assert constant.network_.W.tobytes() == falling.network_.W.tobytes()
    with pytest.raises(ValueError, match=r"classes are \[0, 1\], but were \[0, 1, 2\] in the fir"):
        constant.partial_fit(data.X_train, data.y_train, classes=[0, 1])
    with pytest.raises(ValueError, match="continuous"):
        IsingClassifier(**QUICK).partial_fit(data.X_train, data.y_train + 0.5)


def test_numpys_numbers_are_numbers(data, tmp_path):
    words = {
        "hidden": np.int64(12), "learning_rate": np.float32(1e-3), "seed": np.uint8(0),
        "sampler": BlockSampler(sweeps=np.int64(4)),
    }  # fmt: skip
    classifier = IsingClassifier(**(QUICK | words)).fit(data.X_train[:50], data.y_train[:50])
    classifier.save(tmp_path / "a")
    loaded = IsingClassifier.load(tmp_path / "a")
    np.testing.assert_array_equal(loaded.predict(data.X_test), classifier.predict(data.X_test))


def test_save_and_load(data, fitted, tmp_path):
    fitted.save(tmp_path / "a")
    loaded = IsingClassifier.load(tmp_path / "a")
    assert repr(loaded) == repr(fitted) and loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(
        loaded.decision_energies(data.X_test), fitted.decision_energies(data.X_test)
    )
    np.testing.assert_array_equal(loaded.history_["online_error"], fitted.history_["online_error"])
    loaded.partial_fit(data.X_train, data.y_train)
    numbers = tmp_path / "a" / "params.safetensors"
    numbers.write_bytes(numbers.read_bytes()[:-1])
    with pytest.raises(ValueError, match="truncated"):
        IsingClassifier.load(tmp_path / "a")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": 10**8}, r"W is float32 of shape \(12, 64\), expected \(100000000, 64\)"),
        ({"hidden": "x"}, "hidden must be a whole number"),
        ({"redundancy": 10**9}, "expected \\(12, 3000000000\\)"),
        ({"rule": "none"}, "rule must be one of"),
        ({"classes": ["<i8", [0, 1]]}, r"J is float32 .* expected \(12, 8\)"),
        ({"classes": ["<i8", [0, 2, 1]]}, "the classes are"),
        ({"history": {"online_error": 3}}, "history.online_error is 3"),
        ({"feature_names": ["a"]}, "1 names for 64 features"),
    ],
    ids=str,
)
def test_whole_files_with_other_content_are_refused(changes, said, fitted, tmp_path):
    """Before anything is allocated: the arrays that are there say how large it may be."""
    fitted.save(tmp_path / "a")
    files = tmp_path / "a" / "classifier.json", tmp_path / "a" / "params.safetensors"
    arrays, notes = qdl.files.read(files[0], "IsingClassifier", files[1])
    for name, value in changes.items():
        (notes if name in notes else notes["arguments"])[name] = value
    qdl.files.write(files[0], arrays, notes, "IsingClassifier", files[1])
    with pytest.raises(ValueError, match=f"classifier.json is .*damaged.*{said}"):
        IsingClassifier.load(tmp_path / "a")


@dataclass(frozen=True)
class Weighted(qdl.Sampler):
    """A user's: plain fields, a matrix, and a sampler of qdl inside."""

    inner: BlockSampler = BlockSampler(sweeps=3)
    factors: tuple = (1.0, 2.0)
    table: object = None

    def draw(self, h, J, num_reads, rng, initial):
        return self.inner.draw(self.factors[0] * h, J, num_reads, rng, initial)


class Wrapped(qdl.Sampler):
    """A user's, in scikit-learn's manner."""

    def __init__(self, sweeps=2):
        self.sweeps = sweeps

    def get_params(self, deep=True):
        return {"sweeps": self.sweeps}

    def draw(self, h, J, num_reads, rng, initial):
        return BlockSampler(self.sweeps).draw(h, J, num_reads, rng, initial)


def saved_with(sampler, folder):
    X = np.eye(4)
    classifier = IsingClassifier(hidden=2, redundancy=1, epochs=1, sampler=sampler)
    classifier.fit(X, [0, 1, 0, 1]).save(folder)
    return classifier


@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_samplers_of_ones_own_are_passed(tmp_path):
    for sampler in (Weighted(BlockSampler(sweeps=np.int64(4)), (0.5, 3.0)), Wrapped(7)):
        name = type(sampler).__name__
        fitted = saved_with(sampler, tmp_path / name)
        loaded = IsingClassifier.load(tmp_path / name, samplers=[Weighted, Wrapped])
        assert type(loaded.sampler) is type(sampler) and vars(loaded.sampler) == vars(sampler)
        np.testing.assert_array_equal(loaded.predict(np.eye(4)), fitted.predict(np.eye(4)))
        text = rf"needs your class {name}: IsingClassifier.load\(path, samplers=\({name},\)\)"
        with pytest.raises(ValueError, match=text):
            IsingClassifier.load(tmp_path / name)
    table = np.arange(6.0).reshape(2, 3)
    saved_with(Weighted(table=table), tmp_path / "table")
    loaded = IsingClassifier.load(tmp_path / "table", samplers=[Weighted])
    np.testing.assert_array_equal(loaded.sampler.table, table)
    assert loaded.network_.arrays().keys() == {"W", "J", "bias_hidden", "bias_output"}


@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_a_name_of_qdls_does_not_make_ones_own_class_qdls(tmp_path):
    own = dataclass(frozen=True)(type("BlockSampler", (Weighted,), {"__module__": "mine"}))
    saved_with(own(), tmp_path / "a")
    with pytest.raises(ValueError, match="needs your class BlockSampler"):
        IsingClassifier.load(tmp_path / "a")
    assert type(IsingClassifier.load(tmp_path / "a", samplers=[own]).sampler) is own


@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_a_sampler_that_a_file_cannot_hold_is_refused(tmp_path):
    saved_with(Weighted(table=print), tmp_path / "a")
    text = (
        r"with a Weighted, .*sampler.table = function print\). Pass IsingClassifier.load\(path, s"
    )
    with pytest.raises(ValueError, match=text):
        IsingClassifier.load(tmp_path / "a", samplers=[Weighted])
    saved_with(Wrapped(), tmp_path / "b")
    Other = type("Wrapped", (qdl.Sampler,), {"draw": Wrapped.draw})
    with pytest.raises(ValueError, match="describes a Wrapped that cannot be made: .*Pass the sam"):
        IsingClassifier.load(tmp_path / "b", samplers=[Other])


def test_a_foreign_sampler_is_not_saved(data, tmp_path):
    import dimod

    foreign = IsingClassifier(
        hidden=2, redundancy=1, num_reads=1, epochs=1, sampler=DimodSampler(dimod.ExactSolver())
    ).fit(data.X_train[:20], data.y_train[:20])
    foreign.save(tmp_path / "a")
    with pytest.raises(
        ValueError, match=r"saved with a DimodSampler, .* Pass IsingClassifier.load"
    ):
        IsingClassifier.load(tmp_path / "a")
    loaded = IsingClassifier.load(tmp_path / "a", sampler=BlockSampler())
    np.testing.assert_array_equal(loaded.predict(data.X_test), foreign.predict(data.X_test))


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"hidden": 0}, ValueError, "hidden must be a whole number >= 1, got 0"),
        ({"redundancy": 1.5}, ValueError, "redundancy must be a whole number >= 1, got 1.5"),
        ({"epochs": -1}, ValueError, "epochs must be a whole number >= 0, got -1"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate must be a number >= 0, got -1.0"),
        ({"bias_learning_rate": "a"}, ValueError, "bias_learning_rate must be a number >= 0"),
        ({"decay": "cosine"}, ValueError, "decay must be None or 'linear', got 'cosine'"),
        ({"seed": -1}, ValueError, "seed must be a whole number >= 0, got -1"),
        (
            {"sampler": BlockSampler},
            TypeError,
            r"sampler must have sample\(.*, got <class 'qdl.isi",
        ),
        ({"sampler": 3}, TypeError, r"sampler must have sample\(h, J, num_reads, key, initial\)"),
        ({"rule": "x"}, ValueError, "rule must be one of"),
    ],
)
def test_bad_arguments(data, words, error, said):
    with pytest.raises(error, match=said):
        IsingClassifier(**(QUICK | words)).fit(data.X_train, data.y_train)


def test_bad_data(data, fitted):
    with pytest.raises(ValueError, match=r"y has one class only: \[1\]. Pass rows of at least two"):
        IsingClassifier().fit(data.X_train[:5], np.ones(5, int))
    with pytest.raises(ValueError, match="method must be 'codeword' or 'sample', got 'vote'"):
        fitted.predict(data.X_test, method="vote")
    with pytest.raises(NotFittedError):
        IsingClassifier().sample(data.X_test)
    with pytest.raises(ValueError, match="64 features"):
        fitted.sample(data.X_test[:, :3])


def test_rates_that_diverge_and_training_that_collapsed_are_told(data):
    with pytest.warns(
        UserWarning, match=r"learning_rate=0.018 is in the region .* m times the rate"
    ):
        IsingClassifier(**(QUICK | {"learning_rate": 9 * 2e-3, "epochs": 0})).fit(
            data.X_train, data.y_train
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        IsingClassifier(**QUICK).fit(data.X_train, data.y_train)
    with (
        pytest.warns(
            RuntimeWarning, match=r"training has collapsed: \d+% .* Lower learning_rate \(5"
        ),
        pytest.warns(UserWarning, match="learning_rate=5"),
    ):
        IsingClassifier(**(QUICK | {"learning_rate": 5.0, "epochs": 1})).fit(
            1 + data.X_train, data.y_train
        )
