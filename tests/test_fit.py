import os
import signal
import threading
import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LogisticRegression

import qdl
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation
from qdl.training import MeanSquaredError
from qdl.training.batches import Batches
from qdl.training.step import CHUNK, Data, Plan, evaluate

LINE = qdl.Hybrid([qdl.Dense(2, 1)])
X = np.random.default_rng(0).normal(size=(40, 2))
Y = X @ [1.0, -2.0] + 0.5
CLASSES = (Y > 0).astype(int)


def line(**changes):
    options = {"loss": "mse", "steps": 30, "batch_size": 8, "key": jax.random.key(0)}
    options |= {"model": LINE, "X": X, "y": Y} | changes
    return qdl.fit(options.pop("model"), options.pop("X"), options.pop("y"), **options)


def qnn(readout=None, n=3):
    block = [AngleEncoding(), Rotation("zyz"), Entangler("cz", pattern="ring")]
    return qdl.QNN(n, [Repeat(block, 2)], readout=readout or qdl.ExpZ([0]))


# ---- what it learns


def test_full_batches_follow_plain_gradient_descent():
    """Every number of every step against NumPy."""
    start = {"weight": np.array([[0.3], [0.1]]), "bias": np.zeros(1)}
    result = line(params=[start], batch_size=40, steps=7, optimizer=optax.sgd(0.1))
    w, b = start["weight"][:, 0], 0.0
    for i in range(7):
        error = X @ w + b - Y
        gradient = np.append(2 * X.T @ error / 40, 2 * error.mean())
        assert result.history["loss"][i] == pytest.approx((error**2).mean(), abs=1e-12)
        assert result.history["grad_norm"][i] == pytest.approx(np.linalg.norm(gradient), abs=1e-12)
        w, b = w - 0.1 * gradient[:2], b - 0.1 * gradient[2]
    assert np.allclose(result.params[0]["weight"][:, 0], w, atol=1e-12)
    assert result.step == 7 and result.stopped == "finished"


def test_least_squares_are_reached():
    result = line(steps=1500, optimizer=optax.adam(0.05))
    assert np.allclose(result.params[0]["weight"][:, 0], [1.0, -2.0], atol=1e-3)
    assert np.allclose(result.params[0]["bias"], 0.5, atol=1e-3)


def test_a_qnn_learns_real_digits():
    data = qdl.datasets.digits(classes=(0, 1), features=3)
    result = qdl.fit(
        qnn(), data.X_train, data.y_train, loss="cross_entropy", optimizer=optax.adam(0.05),
        steps=150, validation=(data.X_test, data.y_test), key=jax.random.key(0),
    )  # fmt: skip
    assert result.history["val_accuracy"][-1] >= 0.95
    assert result.history["loss"][-20:].mean() < result.history["loss"][:20].mean() / 2


def test_logistic_regression_is_reached_by_logits():
    reference = LogisticRegression(C=np.inf).fit(X, noisy := CLASSES ^ (np.arange(40) % 7 == 0))
    options = {"batch_size": 40, "steps": 2000, "optimizer": optax.adam(0.05)}
    result = line(y=noisy, loss="cross_entropy", **options)
    assert np.allclose(result.params[0]["weight"][:, 0], reference.coef_[0], atol=1e-3)


def test_any_object_with_init_and_apply_trains():
    class Slope:  # not hashable, no n_features, no key
        __hash__ = None

        def init(self, key):
            return jnp.zeros(2)

        def apply(self, params, x):
            return x @ params

    assert line(model=Slope(), steps=600, optimizer=optax.adam(0.05)).history["loss"][-1] < 0.5


def test_a_custom_loss_gets_outputs_and_targets_as_they_are():
    result = line(loss=lambda out, y: jnp.mean(jnp.abs(out[:, 0] - y)), batch_size=40, steps=1)
    start = LINE.init(jax.random.split(jax.random.key(0), 3)[0])
    assert result.history["loss"][0] == pytest.approx(np.abs(LINE.apply(start, X)[:, 0] - Y).mean())


def test_optimizers_that_want_the_value_function_get_it():
    result = line(optimizer=optax.lbfgs(), batch_size=40, steps=12)
    assert result.history["loss"][-1] < 1e-10


def test_shots_use_a_new_key_at_every_step():
    model = qdl.QNN(2, [AngleEncoding(), Rotation("y")], readout=qdl.ExpZ([0]))
    seen = []

    class Noisy:
        def init(self, key):
            return model.init(key)

        def apply(self, params, x, key=None):
            assert key is not None
            jax.debug.callback(lambda k: seen.append(tuple(k.tolist())), jax.random.key_data(key))
            return model.apply(params, x)

    line(model=Noisy(), y=CLASSES, steps=5)
    assert len(set(seen)) == 5


# ---- batches and reproducibility


def test_every_epoch_is_a_new_shuffle_of_all_rows():
    data = Data(jnp.arange(42.0)[:, None], jnp.arange(42.0), jax.random.key(0))
    batches = Batches(data, 8)
    rows = np.asarray(batches.data.y)[batches.rows(0, 10)[:10]]
    assert rows.shape == (10, 8)
    assert np.array_equal(np.asarray(batches.data.X)[batches.rows(0, 10)[:10], 0], rows)
    first, second = np.concatenate(rows[:5]), np.concatenate(rows[5:])
    assert len(set(first)) == len(set(second)) == 40  # two of 42 rows are left over
    assert not np.array_equal(first, second)
    assert set(first) | set(second) > set(first)  # and not always the same two


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
@pytest.mark.parametrize("n, size", [(7, 2), (9, 8), (42, 8), (2000, 64)])
def test_the_rows_of_a_step_do_not_depend_on_how_one_came_there(n, size, impl):
    data = Data(jnp.zeros((n, 3)), jnp.zeros(n), jax.random.key(5, impl=impl))
    wanted = []
    for epoch in range(12):
        key = jax.random.fold_in(jax.random.fold_in(data.key, 0), epoch)
        order = np.asarray(jax.random.permutation(key, n))
        wanted += list(order[: n // size * size].reshape(-1, size))
    wanted = np.array(wanted[:CHUNK])
    batches, start = Batches(data, size), 0
    for stop in (1, 2, len(wanted) // 2, len(wanted)):
        found = batches.rows(start, stop)
        assert found.shape == (CHUNK, size)
        np.testing.assert_array_equal(found[: stop - start], wanted[start:stop])
        again = Batches(data, size).rows(start, stop)  # as a run that goes on from there
        np.testing.assert_array_equal(again, found)
        start = stop


def test_data_are_filled_up_with_rows_that_are_never_taken():
    data = Data(jnp.arange(100.0)[:, None], jnp.arange(100), jax.random.key(0))
    batches = Batches(data, 10)
    assert len(batches.data.X) == len(batches.data.y) > 100
    assert batches.data.y.dtype == data.y.dtype
    assert batches.rows(0, 200).max() == 99
    assert len(Batches(data, 100).data.X) == 100  # every step takes them all


def test_the_same_key_gives_the_same_bits_and_another_does_not():
    one, two, other = line(), line(), line(key=jax.random.key(1))
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(one.history["loss"], two.history["loss"])
    assert not np.array_equal(one.history["loss"], other.history["loss"])


def test_looking_more_often_changes_nothing():
    calls = []
    one, two = line(steps=200), line(steps=200, callback=lambda report: calls.append(report.step))
    assert np.array_equal(one.history["loss"], two.history["loss"])
    assert np.array_equal(one.params[0]["weight"], two.params[0]["weight"])
    assert calls == list(range(10, 201, 10))


def test_params_given_are_the_start_and_survive():
    start = line().params
    kept = jax.tree.map(np.array, start)
    result = line(params=start, steps=1, batch_size=40)
    error = np.asarray(LINE.apply(start, X))[:, 0] - Y
    assert result.history["loss"][0] == pytest.approx((error**2).mean())
    assert np.array_equal(kept[0]["weight"], start[0]["weight"])


def test_a_batch_larger_than_the_data_is_the_data():
    large, all_rows = line(batch_size=1000), line(batch_size=40)
    assert np.array_equal(large.history["loss"], all_rows.history["loss"])


# ---- history and validation


def test_history_has_one_row_per_step_and_honest_times():
    start = time.perf_counter()
    history = line(steps=300, model=qdl.Hybrid([qdl.Dense(2, 3), "tanh", qdl.Dense(3, 1)])).history
    wall = time.perf_counter() - start
    assert {len(history[k]) for k in ("loss", "grad_norm", "step_time")} == {300}
    assert 0 < history["compile_time"] < wall
    assert 0 < history["step_time"].sum() < wall - history["compile_time"]
    assert len(history["val_loss"]) == 0 and "val_accuracy" not in history


def test_validation_is_the_loss_of_all_held_out_rows():
    held = X[:33] + 1, CLASSES[:33]
    result = line(y=CLASSES, loss="cross_entropy", batch_size=5, steps=40, validation=held)
    history = result.history
    assert history["val_step"].tolist() == list(range(2, 41, 2))
    logit = np.asarray(LINE.apply(result.params, held[0]))[:, 0]
    expected = np.mean(np.log1p(np.exp(np.where(held[1] == 1, -logit, logit))))
    assert history["val_loss"][-1] == pytest.approx(expected, abs=1e-12)
    assert history["val_accuracy"][-1] == np.mean((logit > 0) == held[1])


def test_validation_in_blocks_is_validation_at_once():
    params, loss = LINE.init(jax.random.key(0)), MeanSquaredError()
    data = Data(jnp.asarray(X), jnp.asarray(Y), jax.random.key(0))
    plans = [Plan(LINE, loss, optax.sgd(0.1), size) for size in (3, 40)]
    blocks, whole = (evaluate(plan, params, data)[0] for plan in plans)
    assert float(blocks) == pytest.approx(float(whole), abs=1e-14)


def test_patience_keeps_the_best_parameters():
    """The validation data pull another way: the loss on them falls, then rises."""
    held = X, Y + 1.5 * X[:, 0]
    result = line(
        validation=held, steps=400, batch_size=40, optimizer=optax.sgd(0.02), patience=40,
        params=[{"weight": np.array([[6.0], [-2.0]]), "bias": np.zeros(1)}],
    )  # fmt: skip
    losses, steps = result.history["val_loss"], result.history["val_step"]
    assert result.stopped == "patience"
    assert result.step == steps[losses.argmin()] < steps[-1] == len(result.history["loss"])
    assert steps[-1] - result.step == 40  # and not one validation later
    outputs = np.asarray(LINE.apply(result.params, X))[:, 0]
    assert ((outputs - held[1]) ** 2).mean() == pytest.approx(losses.min(), abs=1e-12)


def test_the_history_as_a_table_has_a_row_a_step():
    result = line(validation=(X, Y), metrics={"spread": lambda outputs, y: outputs.std()})
    frame = result.to_frame()
    assert frame.shape == (30, 5) and frame.index.tolist() == list(range(1, 31))
    np.testing.assert_array_equal(frame["loss"], result.history["loss"])
    there = frame["val_loss"].dropna()
    assert there.index.tolist() == result.history["val_step"].tolist()
    np.testing.assert_array_equal(there, result.history["val_loss"])
    np.testing.assert_array_equal(frame["spread"].dropna(), result.history["spread"])
    assert list(line().to_frame().dropna()) == ["loss", "grad_norm", "step_time", "val_loss"]


def test_the_picture_of_a_training_has_its_curves():
    result = line(validation=(X, Y), steps=50)
    axes = result.plot()
    curves = {each.get_label(): each.get_ydata() for each in axes.lines}
    np.testing.assert_array_equal(curves["loss"], result.history["loss"])
    np.testing.assert_array_equal(curves["validation"], result.history["val_loss"])
    middle = result.history["loss"][9:30].mean()  # 21 steps around the twentieth
    assert curves["running mean over 21 steps"][19] == pytest.approx(middle, rel=1e-12)
    assert result.plot(axes) is axes and len(axes.lines) == 6


# ---- how it ends


@pytest.mark.parametrize("limit", [1, 7])
def test_nan_stops_with_the_step_and_keeps_finite_parameters(limit):
    @dataclass(frozen=True)
    class Breaks:  # sqrt of a number that falls by 0.1 a step
        def init(self, key):
            return jnp.array([0.1 * limit - 0.05])

        def apply(self, params, x):
            return jnp.sqrt(params) + 0 * x[:, :1]

    falls = optax.stateless(lambda gradient, params: jnp.full(1, -0.1))
    with pytest.warns(RuntimeWarning, match=rf"stopped at step {limit + 1}: its loss nan"):
        result = line(model=Breaks(), optimizer=falls, steps=50)
    assert result.stopped == "nan" and result.step == limit == len(result.history["loss"])
    assert np.allclose(result.params, [-0.05]) and np.isfinite(result.history["loss"]).all()


def test_ctrl_c_returns_what_was_learned():
    def interrupt(report):
        if report.step == 20:
            raise KeyboardInterrupt

    result = line(steps=100, callback=interrupt)
    assert result.stopped == "interrupted" and result.step == 20
    assert np.array_equal(result.params[0]["weight"], line(steps=20).params[0]["weight"])
    assert np.array_equal(result.history["loss"], line(steps=20).history["loss"])


# A signal may come while JAX finalizes an object, where Python can only print it: fit remembers it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_real_signal_between_steps(ctrl_c):
    line()  # compiled by now
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.perf_counter()
    result = line(steps=10**7)
    assert result.stopped == "interrupted" and time.perf_counter() - start < 20
    assert result.step == len(result.history["loss"]) > 100


def test_ctrl_c_inside_a_device_is_ctrl_c():
    calls = []

    def device(x):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return x

    class Remote:
        def init(self, key):
            return jnp.ones(1)

        def apply(self, params, x):
            seen = jax.pure_callback(device, x[:, 0], x[:, 0], vmap_method="sequential")
            return params * seen[:, None]

    result = line(model=Remote(), callback=lambda report: None)
    assert result.stopped == "interrupted" and result.step == 5 == len(result.history["loss"])


def test_a_callback_can_stop_and_sees_the_history():
    seen = []

    def callback(report):
        seen.append((report.step, len(report.history["loss"]), report.params[0]["weight"].shape))
        return report.step == 4

    result = line(callback=callback)
    assert result.stopped == "callback" and result.step == 4
    assert seen == [(i, i, (2, 1)) for i in (1, 2, 3, 4)]


def test_the_bar_is_silent_without_a_terminal_and_drawn_on_one(capfd, monkeypatch):
    line()
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    line()
    drawn = capfd.readouterr().err
    assert "30/30" in drawn and "loss" in drawn and "steps/s" in drawn


def test_old_style_keys_are_taken():
    assert np.array_equal(line(key=jax.random.PRNGKey(0)).history["loss"], line().history["loss"])


def test_float32_stays_float32():
    start = line(steps=1).params
    with jax.enable_x64(False):
        result = line(validation=(X, Y), params=jax.tree.map(jnp.float32, start), batch_size=40)
        assert {leaf.dtype for leaf in jax.tree.leaves(result.params)} == {np.dtype("float32")}
    wanted = line(validation=(X, Y), params=start, batch_size=40)
    assert np.allclose(result.history["loss"], wanted.history["loss"], rtol=1e-5, atol=0)
    assert not np.array_equal(result.history["loss"], wanted.history["loss"])


@dataclass(frozen=True)
class Truncating(qdl.Place):
    """The exact simulator with a penalty, as a place that truncates has one."""

    def values(self, circuit, params, x, key):
        return qdl.backends.statevector().values(circuit, params, x, key)

    def penalty(self, circuit, params, x):
        return 0.1 * sum((leaf**2).sum() for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: qdl.Hybrid([qdl.Dense(2, 2), m])])
def test_a_places_penalty_is_part_of_the_loss_and_of_the_history(wrap, tmp_path):
    plain = qdl.QNN(2, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("xy")])
    model = wrap(plain.on(Truncating()))
    X, y = np.random.default_rng(0).uniform(0, 2, (8, 2)), np.zeros((8, 2))
    key, options = jax.random.key(0), {"loss": "mse", "batch_size": 8}
    params = model.init(key)
    result = qdl.fit(model, X, y, steps=5, key=key, params=params, checkpoint=tmp_path, **options)
    without = qdl.fit(wrap(plain), X, y, steps=1, key=key, params=params, **options)
    extra = result.history["penalty"]
    assert result.history["loss"][0] == pytest.approx(without.history["loss"][0] + extra[0])
    assert len(extra) == 5 and extra[-1] < extra[0] and "penalty" not in without.history
    again = qdl.fit(model, X, y, steps=7, key=key, params=params, checkpoint=tmp_path, **options)
    assert len(again.history["penalty"]) == 7 and (again.history["penalty"][:5] == extra).all()


def test_a_training_goes_on_with_the_optimizers_state():
    model = qdl.Hybrid([qdl.Dense(2, 1)])
    X = np.random.default_rng(0).normal(size=(16, 2))
    options = {"loss": "mse", "optimizer": optax.adam(0.1), "batch_size": 16}
    key = jax.random.key(0)
    whole = qdl.fit(model, X, X[:, 0], steps=20, key=key, **options)
    half = qdl.fit(model, X, X[:, 0], steps=10, key=key, **options)
    rest = qdl.fit(
        model, X, X[:, 0], steps=10, key=key, params=half.params, state=half.state, **options
    )
    np.testing.assert_allclose(rest.params[0]["weight"], whole.params[0]["weight"], rtol=1e-6)
    with pytest.raises(ValueError, match="state is not of this optimizer and these parameters"):
        qdl.fit(
            model, X, X[:, 0], steps=1, key=key, state=optax.sgd(0.1).init(half.params), **options
        )


def test_the_noise_of_a_sampled_loss_is_said_beside_its_change():
    """At fixed parameters the scatter of the history is the shot noise alone: known in closed form."""
    model = qdl.QNN(1, [AngleEncoding(), Rotation("y")], qdl.ExpZ([0]))
    x, y, start = np.full((4, 1), 0.9), np.zeros(4), [None, jnp.array([[0.6]])]
    options = dict(loss=lambda f, y: f.mean(), optimizer=optax.sgd(0.0), params=start, steps=300)
    there = model.on(qdl.backends.statevector(shots=50))
    result = qdl.fit(there, x, y, batch_size=4, key=jax.random.key(0), **options)
    wanted = np.sqrt((1 - np.cos(1.5) ** 2) / 50 / 4)
    assert result.history["loss_noise"] == pytest.approx(wanted, rel=0.2)
    assert "the loss changed by" in str(result) and "scatters by" in str(result)
    exact = qdl.fit(model, x, y, batch_size=4, key=jax.random.key(0), **options)
    assert "loss_noise" not in exact.history and "scatters" not in str(exact)
