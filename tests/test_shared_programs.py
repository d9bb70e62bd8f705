"""What trainings share: one compiled program for other rates, numbers of steps, seeds and folds.

Compilations are counted, not timed; a program read from a file counts as one.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

import qdl
from qdl.estimators.named import named_optimizer
from qdl.training import spsa
from qdl.training.by_value import by_value

X = np.random.default_rng(0).uniform(0, np.pi, (50, 2))
Y = (X.sum(axis=1) > np.pi).astype(int)
MODEL = qdl.models.data_reuploading(2, 1)
RATES = (0.02, 0.05, 0.1)


@pytest.fixture
def trainings(compiled):
    """How many programs of training were compiled so far."""
    jax.clear_caches()
    return lambda: compiled.count("train")


def classifier(**changes):
    return qdl.QNNClassifier(MODEL, **{"steps": 20, "batch_size": 8, **changes})


def same(one, two):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_a_search_over_learning_rates_compiles_once(trainings):
    search = GridSearchCV(classifier(), {"learning_rate": RATES}, cv=2).fit(X, Y)
    assert trainings() == 1
    scores = {rate: classifier(learning_rate=rate).fit(X, Y).params_ for rate in RATES}
    assert trainings() == 1
    same(search.best_estimator_.params_, scores[search.best_params_["learning_rate"]])
    assert len({str(params) for params in scores.values()}) == 3  # the rates were used


def test_a_search_over_numbers_of_steps_compiles_once(trainings):
    search = GridSearchCV(classifier(), {"steps": (5, 30, 100)}, cv=2).fit(X, Y)
    assert trainings() == 1
    assert len(search.best_estimator_.history_["loss"]) == search.best_params_["steps"]


def test_ten_seeds_and_a_cross_validation_compile_once(trainings):
    found = [str(classifier(seed=seed).fit(X, Y).params_) for seed in range(10)]
    assert len(set(found)) == 10
    cross_val_score(classifier(), X, Y, cv=3)
    assert trainings() == 1


def fit(optimizer, **changes):
    options = {"loss": "cross_entropy", "steps": 5, "batch_size": 8, "key": jax.random.key(0)}
    return qdl.fit(MODEL, X, Y, optimizer=optimizer, **(options | changes))


def test_equal_optimizers_share_a_program_and_others_do_not(trainings):
    results = [fit(optax.adam(0.05), key=jax.random.key(seed)) for seed in range(3)]
    fit(optax.adam(0.05), steps=12)
    qdl.fit(MODEL, X[:40], Y[:40], loss="cross_entropy", optimizer=optax.adam(0.05), steps=5,
            batch_size=8, key=jax.random.key(0))  # fmt: skip
    assert trainings() == 1
    other = fit(optax.adam(0.1))
    assert trainings() == 2
    with pytest.raises(AssertionError):
        same(other.params, results[0].params)


@pytest.mark.parametrize("name", ["adam", "sgd", "adamw", "rmsprop", "lion"])
def test_a_rate_in_the_state_is_the_rate_of_optax(name):
    """Against Optax's own, whose rate is a constant of the program."""
    wanted = fit(getattr(optax, name)(0.07), steps=30)
    found = fit(named_optimizer(name, 0.07), steps=30)
    for a, b in zip(jax.tree.leaves(found.params), jax.tree.leaves(wanted.params), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12, atol=1e-13)


def test_partial_fit_takes_the_rate_of_now(trainings):
    model = classifier(optimizer="sgd", learning_rate=0.1).partial_fit(X, Y, classes=[0, 1])
    before = model.params_
    model.set_params(learning_rate=1e-30).partial_fit(X, Y, classes=[0, 1])
    for a, b in zip(jax.tree.leaves(model.params_), jax.tree.leaves(before), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-25)
    assert trainings() == 1


# ---- optimizers by value


def key_of(optimizer):
    return by_value(optimizer.update)


def looping():
    def update(updates, state, params=None):
        return (updates, state) if state else update(updates, True)

    return optax.GradientTransformation(lambda params: (), update)


MAKE = [
    lambda: optax.adam(0.05),
    lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3, weight_decay=1e-4)),
    lambda: optax.adam(optax.cosine_decay_schedule(0.1, 100)),
    lambda: optax.lookahead(optax.sgd(0.1), 5, 0.5),
    lambda: optax.inject_hyperparams(optax.adam)(0.1),
    lambda: spsa(0.1, key=jax.random.key(0)),
    lambda: named_optimizer("adam", 0.1),
    lambda: optax.scale(jnp.arange(3.0)),
]


@pytest.mark.parametrize("number", range(len(MAKE)))
def test_optimizers_made_in_two_calls_are_equal(number):
    one, two = key_of(MAKE[number]()), key_of(MAKE[number]())
    assert one == two and hash(one) == hash(two)
    assert all(one != key_of(make()) for i, make in enumerate(MAKE) if i != number)


OTHERS = [
    (optax.adam(0.05), optax.adam(0.05, b1=0.8)),
    (optax.adam(0.05), optax.adam(0.05, nesterov=True)),
    (optax.adam(0.0), optax.adam(-0.0)),
    (optax.scale(1), optax.scale(1.0)),
    (optax.scale(1), optax.scale(True)),
    (optax.scale(np.float32(1)), optax.scale(np.float64(1))),
    (optax.scale(jnp.zeros(2)), optax.scale(jnp.zeros(3))),
    (
        optax.adam(optax.cosine_decay_schedule(0.1, 100)),
        optax.adam(optax.cosine_decay_schedule(0.1, 101)),
    ),
]


@pytest.mark.parametrize("one, two", OTHERS)
def test_other_numbers_are_another_optimizer(one, two):
    assert key_of(one) != key_of(two)


def test_functions_of_other_modules_are_equal_to_themselves_only():
    """They may read a name of their module whose value changes: no guess is made."""

    def made():
        return optax.adam(lambda count: RATES[0])

    one = made()
    assert key_of(one) == key_of(one) != key_of(made())
    loop = looping()
    assert key_of(loop) == key_of(loop) != key_of(looping())


def test_a_rate_that_a_notebook_changes_is_not_that_of_before(trainings):
    names = {"optax": optax, "rate": 0.1}
    cell = "optimizer = optax.sgd(lambda count: rate)"
    exec(cell, names)
    first = fit(names["optimizer"])
    names["rate"] = 0.0
    exec(cell, names)
    start = MODEL.init(jax.random.split(jax.random.key(0), 3)[0])
    same(fit(names["optimizer"]).params, start)
    with pytest.raises(AssertionError):
        same(first.params, start)


def test_a_function_that_holds_itself_has_an_end():
    code = """
def made():
    def update(updates, state, params=None):
        return (updates, state) if state else update(updates, True)
    return update
"""
    names = {"__name__": "optax.loop"}
    exec(code, names)
    assert by_value(names["made"]()) == by_value(names["made"]())
