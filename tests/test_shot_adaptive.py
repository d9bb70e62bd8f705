"""Shots that follow the gradient: unbiased, counted, as the papers' rules say, on native and row places."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest

import qdl
from qdl.backends import RowPlace
from qdl.layers import AngleEncoding, Entangler, Repeat, Rotation
from qdl.simulator import bases
from qdl.simulator.measured_slopes import shares
from qdl.training import shot_adaptive

BLOCK = [AngleEncoding(), Rotation("zy"), Entangler("crx", pattern="ring")]
MODEL = qdl.QNN(3, Repeat(BLOCK, 2), qdl.Expval([qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(2), qp.Y(1)]))
X = jax.random.normal(jax.random.key(1), (4, 3))


@dataclass(frozen=True)
class Counting(RowPlace):
    """Exact values with the scatter of shots, and how many there were of each call."""

    shots: int = 1
    calls: list = field(default_factory=list, hash=False, compare=False)

    def run_rows(self, program, rows, key):
        self.calls.append((self.shots, len(rows)))
        ask = [qp.expval(o) for o in program.observables]
        tapes = [qp.tape.QuantumScript(program.operators(row), ask) for row in rows]
        exact = np.reshape(
            qp.execute(tapes, qp.device("default.qubit"), diff_method=None), (len(rows), -1)
        )
        seed = [*np.ravel(key).tolist(), self.shots]
        return exact + np.random.default_rng(seed).normal(size=exact.shape) / np.sqrt(self.shots)


def squares(values):
    """A loss that is not linear, and its derivative."""
    return (values**2).sum() / 2, values


def linear(values):
    weights = jnp.array([1.0, -2.0])
    return (values @ weights).sum(), jnp.broadcast_to(weights, values.shape)


def over_keys(run, key, count):
    """One after another: a map would plan circuits anew."""
    return jax.jit(lambda keys: jax.lax.map(run, keys))(jax.random.split(key, count))


def exact_gradient(model, params, x, loss=linear):
    return jax.grad(lambda p: loss(model.apply(p, x))[0])(params)


def measured(model, params, x, shots, key, ask=linear):
    shots = jax.tree.map(lambda leaf: jnp.full(leaf.shape, float(shots)), params)
    return model.place.measured_slopes(model.circuit, params, x, ask, shots, key, 4)


@pytest.mark.parametrize("x", [None, X], ids=["none", "batch"])
def test_the_native_gradient_is_right_on_average_and_its_variance_too(x, key):
    model = MODEL if x is not None else qdl.QNN(3, Repeat(BLOCK[1:], 2), MODEL.readout)
    params = model.init(key)
    exact = exact_gradient(model, params, x)
    there = model.on(qdl.backends.statevector(shots=7))
    found = over_keys(lambda k: measured(there, params, x, 40, k), key, 400)
    for true, drawn in zip(jax.tree.leaves(exact), jax.tree.leaves(found.gradients), strict=True):
        means = drawn.mean(1)  # of the groups
        spread = means.std(0, ddof=1)
        assert np.all(np.abs(means.mean(0) - true) < 5 * spread / 20 + 1e-12)
        said = np.sqrt(drawn.var(1, ddof=1).mean(0) / 4)
        np.testing.assert_allclose(said, spread, rtol=0.25, atol=1e-9)


def test_more_shots_for_one_parameter_make_that_derivative_alone_better(key):
    model = qdl.QNN(2, [Rotation("y"), Entangler("cz")], qdl.Expval(qp.X(0) + qp.X(1)))
    params = model.init(key)
    there = model.on(qdl.backends.statevector(shots=1))

    def one(part):
        key, shots = part

        def ask(values):
            return values.sum(), jnp.ones_like(values)

        shots = [shots[:, None], None]
        return there.place.measured_slopes(model.circuit, params, None, ask, shots, key, 4)

    asked = jnp.array([[40.0, 4000.0]] * 200 + [[4000.0, 4000.0]] * 200)
    found = jax.jit(lambda *parts: jax.lax.map(one, parts))(jax.random.split(key, 400), asked)
    means = np.asarray(found.gradients[0].mean(1)[..., 0])
    (first, second), both = means[:200].std(0), means[200:].std(0)
    assert second == pytest.approx(both[1], rel=0.25) and first > 5 * both[0]
    # two shifts of each; X on both wires is read at once
    assert np.all(found.spent[:200] == 2 * 40 + 2 * 4000 + 4000)


def test_a_row_place_has_a_call_for_each_number_of_shots_and_counts_them(key):
    model = qdl.QNN(
        2,
        [AngleEncoding(), Rotation("y"), Entangler("crx")],
        qdl.Expval([qp.Z(0) @ qp.Z(1), qp.Y(1)]),
    )
    params, place, x = model.init(key), Counting(), X[:2, :2]
    there = model.on(place)
    exact = exact_gradient(model, params, x)
    sums, spent = [], 0
    for k in jax.random.split(key, 8):
        found = measured(there, params, x, 60, k)
        spent += float(found.spent)
        sums.append(jax.tree.map(lambda leaf: leaf.mean(0), found.gradients))
    for i, true in enumerate(jax.tree.leaves(exact)):
        drawn = np.stack([jax.tree.leaves(each)[i] for each in sums])
        assert np.all(np.abs(drawn.mean(0) - true) < 6 * drawn.std(0, ddof=1) / np.sqrt(8) + 1e-12)
    assert {shots for shots, _ in place.calls} == {16} and len(place.calls) == 8  # 60 / 4, upwards
    assert sum(shots * rows for shots, rows in place.calls) == spent


@pytest.mark.parametrize(
    "place", [qdl.backends.statevector(shots=5), Counting()], ids=["native", "rows"]
)
def test_single_precision_parameters_stay_single(place, key):
    model = qdl.QNN(2, [Rotation("y"), Entangler("cz")], qdl.Expval([qp.Z(0), qp.Z(1)]))
    params = jax.tree.map(lambda leaf: leaf.astype("float32"), model.init(key))
    found = measured(model.on(place), params, None, 4000, key)
    exact = exact_gradient(model, params, None)
    for true, drawn in zip(jax.tree.leaves(exact), jax.tree.leaves(found.gradients), strict=True):
        assert drawn.dtype == true.dtype == "float32"
        assert np.abs(drawn.mean(0) - true).max() < 0.15


@pytest.mark.parametrize("place", ["aer", "fake"])
def test_on_qiskit_the_gradient_is_near_and_all_executions_are_counted(place, key):
    make = {
        "aer": lambda s: qdl.backends.aer(shots=s),
        "fake": lambda s: qdl.backends.fake("manila", s),
    }
    model = qdl.QNN(
        2, [Rotation("y"), Entangler("cz"), Rotation("y")], qdl.Expval(qp.Z(0) + qp.X(1))
    )
    params = model.init(key)
    there = model.on(make[place](3))
    found = measured(there, params, None, 4000, key, lambda v: (v.sum(), jnp.ones_like(v)))
    exact = jax.grad(lambda p: model.apply(p).sum())(params)
    for true, drawn in zip(jax.tree.leaves(exact), jax.tree.leaves(found.gradients), strict=True):
        assert np.abs(drawn.mean(0) - true).max() < (0.15 if place == "fake" else 0.08)
    per_row = there.place.price(there.place.program(model.circuit, None), 1).circuits
    assert per_row == 1 and float(found.spent) == 4 * 1024 * (1 + 2 * 4)


def rule(name, gradients, variances, rate, lipschitz, decay, bias):
    """Kuebler et al. (2020), equation 15, and Gu et al. (2021), equation 10, in NumPy."""
    chi = xi = np.zeros(len(gradients[0]))
    for k, (g, v) in enumerate(zip(gradients, variances, strict=True), 1):
        chi, xi = decay * chi + (1 - decay) * g, decay * xi + (1 - decay) * v
        c, s = chi / (1 - decay**k), xi / (1 - decay**k)
        factor = 2 * lipschitz * rate / (2 - lipschitz * rate)
        if name == "icans":
            shots = factor * s / (c**2 + bias * decay**k)
        else:
            sigma = np.sqrt(s)
            shots = factor * sigma * sigma.sum() / (c @ c + bias * decay**k)
    return np.clip(np.ceil(shots), 8, 100_000)


@pytest.mark.parametrize("name", ["gcans", "icans"])
def test_the_shots_are_those_of_the_papers(name):
    rng = np.random.default_rng(0)
    gradients, variances = rng.normal(size=(5, 3)), rng.uniform(0.1, 2, size=(5, 3))
    optimizer = shot_adaptive(0.1, rule=name, lipschitz=4.0, decay=0.9)
    params = {"a": jnp.zeros(2), "b": jnp.zeros(1)}
    state = optimizer.init(params)
    assert jax.tree.leaves(state.shots)[0].tolist() == [8.0, 8.0]
    for g, v in zip(gradients, variances, strict=True):
        tree = {"a": jnp.asarray(g[:2]), "b": jnp.asarray(g[2:])}
        spread = {"a": jnp.asarray(v[:2]), "b": jnp.asarray(v[2:])}
        updates, state = optimizer.update(tree, state, params, variance=spread)
    shots = np.concatenate([state.shots["a"], state.shots["b"]])
    np.testing.assert_array_equal(shots, rule(name, gradients, variances, 0.1, 4.0, 0.9, 1e-6))
    np.testing.assert_allclose(updates["a"], -0.1 * gradients[-1][:2])


def test_bases_share_shots_by_their_coefficients():
    model = qdl.QNN(
        3, Rotation("y"), qdl.Expval(3.0 * qp.Z(0) @ qp.Z(1) - qp.X(2) @ qp.X(0) + 7.0 * qp.I(0))
    )
    found = bases(model.circuit.measured)
    share = shares(found)
    assert len(found) == 2 and sorted(share.tolist()) == pytest.approx([0.5, 1.5])
    there = model.on(qdl.backends.statevector(shots=1))
    params = model.init(jax.random.key(0))
    spent = measured(
        there, params, None, 40, jax.random.key(0), lambda v: (v.sum(), 1 + 0 * v)
    ).spent
    assert spent == (40 + 2 * 3 * 40) * 2


def test_fit_counts_and_resumes_and_compiles_once(key, tmp_path, compiled):
    model = qdl.QNN(2, [Rotation("y"), Entangler("cz")], qdl.ExpZ([0]))
    there = model.on(qdl.backends.statevector(shots=1))

    def train(steps, folder):
        return qdl.fit(
            there, loss=lambda z: z[0], steps=steps, optimizer=shot_adaptive(0.3, bias=1e-3), key=key,
            checkpoint=folder, checkpoint_every=7,
        )  # fmt: skip

    whole = train(40, tmp_path / "a")
    assert compiled.count("train") == 1
    shots = whole.history["shots"]
    assert len(shots) == 40 and len(np.unique(shots)) > 5 and shots[-1] > 3 * shots[0]
    assert shots[0] == 8 + 2 * 2 * 8  # the loss; two angles, two shifts each
    assert whole.history["total_shots"] == shots.sum()
    assert model.apply(whole.params)[0] < -0.9
    train(20, tmp_path / "b")
    again = train(40, tmp_path / "b")
    np.testing.assert_array_equal(again.history["shots"], shots)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), again.params, whole.params))


def test_a_table_is_trained_with_another_step_and_weights(key):
    X = np.asarray(jax.random.uniform(key, (40, 3), minval=0.2, maxval=2.9))
    y = (X[:, 0] > 1.5).astype(int)
    model = qdl.QNN(3, Repeat([AngleEncoding(), Rotation("zy"), Entangler("cz")], 2), qdl.ExpZ([0]))
    there = model.on(qdl.backends.statevector(shots=1))
    optimizer = shot_adaptive(0.3, min_shots=4, optimizer=optax.adam(0.1))
    result = qdl.fit(
        there, X, y, loss="cross_entropy", optimizer=optimizer, steps=60, batch_size=8, key=key
    )
    exact = np.asarray(model.apply(result.params, X))[:, 0]
    assert np.mean((exact > 0) == y) > 0.85


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: shot_adaptive(0.1, rule="cans"), ValueError, "rule must be one of gcans, icans"),
        (lambda: shot_adaptive(0.5, lipschitz=4.0), ValueError, r"below 2, got 4.0 \* 0.5"),
        (lambda: shot_adaptive(-0.1), ValueError, "learning_rate > 0, got -0.1"),
        (
            lambda: shot_adaptive(0.1, min_shots=3),
            ValueError,
            "needs min_shots to be a whole number >= 4",
        ),
        (
            lambda: shot_adaptive(0.1, max_shots=5),
            ValueError,
            "needs max_shots to be a whole number >= 8",
        ),
        (lambda: shot_adaptive(0.1, decay=1.0), ValueError, "decay must be at least 0 and below 1"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_places_models_and_chains_that_do_not_fit_are_refused(key):
    model = qdl.QNN(2, [Rotation("y"), Entangler("cz")], qdl.ExpZ([0]))

    def train(model, optimizer=None, **data):
        return qdl.fit(
            model, **data, loss=lambda z, *y: z.mean(), steps=1, key=key,
            optimizer=optimizer or shot_adaptive(0.1),
        )  # fmt: skip

    for place in (
        qdl.backends.statevector(),
        qdl.backends.density_matrix(),
        qp.device("default.qubit"),
    ):
        with pytest.raises(qdl.Refused, match="need a place whose shots can be changed"):
            train(model.on(place))
    hybrid = qdl.Hybrid([qdl.Dense(2, 2), qdl.QNN(2, [AngleEncoding(), Rotation("y")])])
    with pytest.raises(qdl.Refused, match="trains a QNN, whose parameters are angles; got Hybrid"):
        train(hybrid, X=np.zeros((4, 2)), y=np.zeros(4))
    with pytest.raises(ValueError, match="It must be the outermost transformation"):
        train(
            model.on(qdl.backends.statevector(shots=10)),
            optax.chain(optax.clip(1.0), shot_adaptive(0.1)),
        )
