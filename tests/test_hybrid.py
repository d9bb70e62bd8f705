import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import qdl
from qdl.layers import AmplitudeEncoding, AngleEncoding, Entangler, Rotation


def circuit(n=3, readout=None, encoding=None):
    layers = [encoding or AngleEncoding(), Rotation("zyz"), Entangler("cz")]
    return qdl.QNN(n, layers, readout=readout)


def design():
    return qdl.Hybrid([qdl.Dense(8, 3), "tanh", circuit(), qdl.Dense(3, 10)])


def test_stages_follow_one_another(key):
    """Against NumPy and PennyLane's own simulator for the quantum stage."""
    import pennylane as qp

    model = design()
    params = model.init(key)
    x = np.random.default_rng(0).normal(size=(2, 8))
    first, _, angles, last = jax.tree.map(np.asarray, params)
    hidden = np.tanh(x @ first["weight"] + first["bias"])
    values = circuit().on(qp.device("default.qubit")).apply(angles, hidden)
    expected = values @ last["weight"] + last["bias"]
    assert np.allclose(model.apply(params, x), expected, atol=1e-10)
    assert np.allclose(model.apply(params, x[0]), expected[0], atol=1e-10)
    assert model.apply(params, x[0]).shape == (10,)


def test_widths_and_counts(key):
    model = design()
    assert (model.n_features, model.n_outputs, model.n_params) == (8, 10, 27 + 9 + 40)
    assert model.n_params == sum(leaf.size for leaf in jax.tree.leaves(model.init(key)))
    assert qdl.Hybrid(["tanh", circuit(), "identity"]).n_features == 3
    assert qdl.Hybrid(["tanh", circuit(readout=qdl.ExpZ([1])), "identity"]).n_outputs == 1


def test_glorot_bounds(key):
    weight = qdl.Dense(200, 100).init(key)["weight"]
    bound = np.sqrt(6 / 300)
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)
    assert not qdl.Dense(200, 100).init(key)["bias"].any()


@pytest.mark.parametrize(
    "name,f",
    [
        ("tanh", np.tanh),
        ("relu", lambda x: np.maximum(x, 0)),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("softplus", lambda x: np.log1p(np.exp(x))),
        ("identity", lambda x: x),
    ],
)
def test_activations(name, f):
    x = np.linspace(-3, 3, 7)
    assert np.allclose(qdl.Hybrid([name]).apply([None], x), f(x))


def test_hash_equality_pickle_and_tree():
    assert design() == design() and hash(design()) == hash(design()) != hash(qdl.Hybrid(["tanh"]))
    assert pickle.loads(pickle.dumps(design())) == design()
    text = str(design())
    assert text.splitlines()[0] == "Hybrid  4 stages, 76 parameters, 8 features -> 10 values"
    assert "  Dense(n_in=8, n_out=3)  27 parameters\n  tanh\n  QNN  3 wires, 9 parameters" in text


def test_on_moves_the_quantum_stages_and_keys_reach_them(key):
    model = design()
    params, x = model.init(key), np.ones((4, 8))
    noisy = model.on(qdl.backends.statevector(shots=20000))
    values = noisy.apply(params, x, key=jax.random.key(1))
    assert np.allclose(values, model.apply(params, x), atol=0.1)
    assert not np.allclose(values, noisy.apply(params, x, key=jax.random.key(2)), atol=1e-6)
    assert not np.allclose(values[0], values[1], atol=1e-6)


def test_two_quantum_stages_draw_different_shots(key):
    seen = []

    class Spy:
        def init(self, key):
            return jnp.zeros(1)

        def apply(self, params, x, key=None):
            seen.append(tuple(jax.random.key_data(key).tolist()))
            return x

    model = qdl.Hybrid([Spy(), Spy()])
    model.apply(model.init(key), np.ones(2), key=key)
    assert len(set(seen)) == 2


def test_hybrids_nest_and_train():
    inner = qdl.Hybrid([qdl.Dense(4, 3), "tanh"])
    model = qdl.Hybrid([inner, circuit(), qdl.Dense(3, 2)])
    data = qdl.datasets.digits(features=4)
    result = qdl.fit(
        model, data.X_train, data.y_train, loss="cross_entropy", optimizer=optax.adam(0.02),
        steps=150, validation=(data.X_test, data.y_test), key=jax.random.key(0),
    )  # fmt: skip
    assert result.history["val_accuracy"][-1] >= 0.97
    start = model.init(jax.random.split(jax.random.key(0), 3)[0])
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), result.params, start)
    assert min(jax.tree.leaves(moved)) > 1e-3  # every stage learned, through the circuit too


def test_gradients_pass_through_the_circuit(key):
    model = design()
    params, x = model.init(key), np.random.default_rng(1).normal(size=8)

    def f(w):
        first = {"weight": w, "bias": params[0]["bias"]}
        return model.apply([first, *params[1:]], x).sum()

    w = params[0]["weight"]
    gradient = jax.grad(f)(w)
    for at in [(0, 0), (5, 2)]:
        up, down = (f(w.at[at].add(step)) for step in (1e-5, -1e-5))
        assert float(gradient[at]) == pytest.approx(float(up - down) / 2e-5, abs=1e-8)


@pytest.mark.parametrize(
    "make,error,text",
    [
        (lambda: qdl.Hybrid([]), ValueError, "at least one stage, got none"),
        (lambda: qdl.Hybrid(["gelu"]), ValueError, r"'gelu'. Use one of \['identity', 'relu',"),
        (lambda: qdl.Hybrid([qdl.Dense]), TypeError, "stages with init and apply"),
        (lambda: qdl.Hybrid([jnp.tanh]), TypeError, "or the name of an activation"),
        (
            lambda: qdl.Hybrid([qdl.Dense(4, 2), "tanh", qdl.Dense(3, 1)]),
            ValueError,
            r"stage 2 of Hybrid does not fit the 2 values of stage 0: Dense\(n_in=3, n_out=1\) "
            r"takes 3 features. Put qdl.Dense\(2, 3\) between them",
        ),
        (
            lambda: qdl.Hybrid([qdl.Dense(4, 2), circuit()]),
            ValueError,
            r"stage 1 .* 2 values of stage 0: AngleEncoding needs one feature per wire",
        ),
        (lambda: qdl.Hybrid([qdl.Dense(4, 5), circuit()]), ValueError, "one feature per wire"),
        (
            lambda: qdl.Hybrid([circuit(), qdl.Dense(2, 1)]),
            ValueError,
            "3 values of stage 0: Dense",
        ),
        (lambda: qdl.Dense(0, 3), ValueError, "n_in to be a whole number >= 1, got 0"),
        (lambda: qdl.Dense(3, 2.0), ValueError, "n_out to be a whole number >= 1, got 2.0"),
    ],
)
def test_bad_stages(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_circuits_that_pick_or_pad_columns_fit():
    picks = circuit(encoding=AngleEncoding(features=(0, 2, 4)))
    assert qdl.Hybrid([qdl.Dense(2, 6), picks]).n_outputs == 3
    assert qdl.Hybrid([qdl.Dense(2, 6), circuit(encoding=AmplitudeEncoding())]).n_outputs == 3


def test_bad_params_and_inputs(key):
    model = design()
    params = model.init(key)
    with pytest.raises(ValueError, match=r"Dense\(8, 3\) takes 8 .* got x of shape \(5, 7\)"):
        model.apply(params, np.ones((5, 7)))
    with pytest.raises(ValueError, match="got 3, expected a list with 4 entries"):
        model.apply(params[:3], np.ones(8))
    with pytest.raises(ValueError, match=r"got \{'weight': \(3, 10\), .* \{'weight': \(8, 3\)"):
        model.apply([params[3], *params[1:]], np.ones(8))


def test_a_zero_vector_between_stages_is_the_ground_state_everywhere(key):
    """Dead ReLUs: the rows are not the user's, so apply takes them as fit does."""
    model = qdl.Hybrid([qdl.Dense(3, 4), "relu", circuit(2, encoding=AmplitudeEncoding())])
    nested = qdl.Hybrid([qdl.Dense(3, 4), "relu", qdl.Hybrid([model.stages[2], "tanh"])])
    params = model.init(key)
    params[0]["bias"] = jnp.full(4, -100.0)
    x, ground = np.ones((2, 3)), np.eye(1, 4)
    wanted = model.stages[2].apply(params[2], np.repeat(ground, 2, 0))
    np.testing.assert_allclose(model.apply(params, x), wanted, atol=1e-12)
    np.testing.assert_allclose(jax.jit(model.apply)(params, x), wanted, atol=1e-12)
    found = nested.apply([*params[:2], [params[2], None]], x)
    np.testing.assert_allclose(found, np.tanh(wanted), atol=1e-12)
    with pytest.raises(ValueError, match="cannot normalise a zero vector: got one in row 0"):
        model.stages[2].apply(params[2], np.zeros((2, 4)))


# ---- patches


@pytest.mark.parametrize(("size", "stride", "places"), [(2, None, 6), (2, 1, 15), (3, 2, 2)])
def test_patches_are_the_model_on_every_patch(size, stride, places, key):
    stage = qdl.hybrid.Patches(qdl.Dense(size * size, 3), size, stride)
    params, x = stage.init(key), np.random.default_rng(0).normal(size=(2, 4, 6))
    step = size if stride is None else stride
    expected = [
        [
            stage.model.apply(params, image[r : r + size, c : c + size].ravel())
            for r in range(0, 4 - size + 1, step)
            for c in range(0, 6 - size + 1, step)
        ]
        for image in x
    ]
    found = stage.apply(params, x)
    assert found.shape == (2, 3 * places)
    assert np.allclose(found, np.reshape(expected, (2, -1)), atol=1e-6)


def test_patches_with_a_circuit_train_and_are_saved(tmp_path, key):
    circuit = qdl.QNN(4, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("y")])
    model = qdl.Hybrid([qdl.hybrid.Patches(circuit, 2), qdl.Dense(16, 1)])
    X = np.random.default_rng(1).uniform(0, np.pi, (20, 16))  # flat, 4 x 4
    y = (X[:, 5] > 1.5).astype(int)
    found = qdl.fit(model, X, y, loss="cross_entropy", steps=3, key=key)
    assert len(found.history["loss"]) == 3
    images = model.apply(found.params, X.reshape(-1, 4, 4))
    assert np.allclose(images, model.apply(found.params, X))
    assert np.allclose(images[0], model.apply(found.params, X[0]), atol=1e-6)
    qdl.save(tmp_path / "m", model, found.params)
    again, params = qdl.load(tmp_path / "m")
    assert again == model and np.allclose(again.apply(params, X), images)
    shots = model.on(qdl.backends.statevector(shots=4000))
    assert qdl.backends.places_of(shots)[0].shots == 4000
    assert np.allclose(shots.apply(params, X, key=key), images, atol=0.3)
    assert "Patches  2 x 2 pixels, 2 apart" in str(model)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: qdl.hybrid.Patches(qdl.Dense(3, 1), 2), "have 4 pixels a channel, but the model takes 3"),
        (lambda: qdl.hybrid.Patches(qdl.Dense(4, 1), 0), "size to be a whole number >= 1"),
        (lambda: qdl.hybrid.Patches(qdl.Dense(4, 1), 2, 0), "stride to be a whole number >= 1"),
        (lambda: patched(np.ones((2, 5))), "5 pixels a row, which make no square image"),
        (lambda: patched(np.ones((2, 1, 5))), "fewer than a patch of 2 x 2"),
        (lambda: patched(np.ones((2, 4, 4, 3))), "have 12 values, but the model takes 4"),
        (lambda: patched(np.ones((2, 1, 1, 1, 1))), "takes images"),
    ],
)  # fmt: skip
def test_patches_that_make_no_sense(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def patched(x):
    stage = qdl.hybrid.Patches(qdl.Dense(4, 1), 2)
    return stage.apply(stage.init(jax.random.key(0)), x)
