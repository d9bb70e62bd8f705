"""What a user gets wrong is refused in one place, by name, before anything runs."""

import copy

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.layers import AmplitudeEncoding, AngleEncoding, Pooling, Repeat, Rotation, Template

MODEL = qdl.QNN(3, [AngleEncoding(), Rotation("zyz")])


def measured_between(params, x, wires):
    outcome = qp.measure(wires[0])
    yield qp.cond(outcome, qp.X)(wires[1])


def measured_aside(params, x, wires):
    qp.measure(wires[0], reset=True)
    yield qp.X(wires[1])


def first_feature(params, x, wires):
    yield qp.RY(x[..., 0], wires[0])


def prepared_late(params, x, wires):
    yield qp.RX(0.3, wires[0])
    yield qp.StatePrep(np.array([0.6, 0.8]), wires[0])


def all_features(params, x, wires):
    for i in range(x.shape[-1]):
        yield qp.RY(x[..., i], wires[0])


CASES = {
    "mid-circuit operator": lambda p, x: qdl.QNN(2, Template(measured_between)).apply([None]),
    "uses the mid-circuit": lambda p, x: qdl.QNN(2, Template(measured_aside)).apply([None]),
    "on wires \\[3\\], but the wires active there are \\[0, 1\\]": lambda p, x: qdl.QNN(
        2, Template(lambda p, x, w: [qp.X(3)])
    ).apply([None]),
    "on wires \\[1\\], but the wires active there are \\[0\\]": lambda p, x: qdl.QNN(
        2, [Pooling(), Template(lambda p, x, w: [qp.X(1)])]
    ).apply([np.zeros(2), None]),
    "nothing to evaluate": lambda p, x: MODEL.apply(p, np.ones((0, 3))),
    "nan in column 2, row 1": lambda p, x: MODEL.apply(p, np.array([x, [1, 2, np.nan]])),
    "inf in column 0, row \\(1, 0\\)": lambda p, x: MODEL.apply(
        p, np.array([[x, x], [[np.inf, 1, 1], x]])
    ),
    "finite, got inf": lambda p, x: qdl.Hybrid([qdl.Dense(3, 3), "tanh", MODEL]).apply(
        [{"weight": np.eye(3), "bias": np.zeros(3)}, None, p], [np.inf, 0.0, 0.0]
    ),
    "has shape \\(3, 3\\), expected \\(2, 3\\)": lambda p, x: qdl.QNN(
        2, [AngleEncoding(), Rotation("zyz")]
    ).draw(p, [1.0, 2.0]),
    "Pass one sample": lambda p, x: MODEL.to_qasm(p, np.ones((2, 3))),
    "whole number of wires": lambda p, x: qdl.QNN(True, Rotation("y")),
    "whole number of times": lambda p, x: Repeat(Rotation("y"), 0),
    "Read some of those.$": lambda p, x: qdl.QNN(2, Rotation("y"), qdl.Expval(qp.Z(5))),
    "zero vector": lambda p, x: qdl.QNN(2, AmplitudeEncoding()).apply([None], np.zeros(4)),
    "50 wires need 16 PiB": lambda p, x: qdl.models.hardware_efficient(50, 1).apply(
        qdl.models.hardware_efficient(50, 1).init(jax.random.key(0)), np.ones(50)
    ),
    "10 columns, of which the circuit reads the first alone. For 10 samples of one": lambda p, x: (
        qdl.QNN(1, Template(first_feature)).apply([None], np.zeros(10))
    ),
    "pass x\\[:, None\\], for one sample x\\[:1\\]": lambda p, x: qdl.QNN(
        1, AngleEncoding(features=(0,))
    ).sample([None], np.zeros(4), 10, jax.random.key(0)),
    "A state is prepared on wires \\[0\\] after gates on \\[0\\]": lambda p, x: qdl.QNN(
        2, Template(prepared_late)
    ).apply([None]),
    "wires \\[0\\] after gates on \\[0\\]. Expected wires that are still in 0": lambda p, x: (
        qdl.QNN(2, Template(prepared_late)).on(qdl.backends.aer()).apply([None])
    ),
    "x must be real numbers, got dtype complex128": lambda p, x: MODEL.apply(p, x * 1j),
    "finite number as scale, got nan": lambda p, x: AngleEncoding(scale=float("nan")),
    "40 wires need 16 TiB.*gradient_variance.method='pauli_walk'.": lambda p, x: (
        qdl.QNN(40, Rotation("y"))
        .on(qdl.backends.statevector(shots=5))
        .apply([np.zeros((40, 1))], key=jax.random.key(0))
    ),
    "need a key": lambda p, x: MODEL.on(qdl.backends.statevector(shots=5)).apply(p, x),
    "init needs a JAX key, got 0. Pass key=jax.random.key": lambda p, x: MODEL.init(0),
    "got one ndarray, .* the order is apply\\(params, x\\)": lambda p, x: MODEL.apply(x, p),
    "Write Rotation\\(\\), with brackets": lambda p, x: qdl.QNN(2, [AngleEncoding(), Rotation]),
    "a layer or a list of layers, got 3. Example": lambda p, x: Repeat(3, [Rotation()]),
    "shots must be a whole number >= 1": lambda p, x: qdl.backends.statevector(shots=0),
}


@pytest.mark.parametrize("text", CASES)
def test_refused(text, key):
    with pytest.raises((TypeError, ValueError), match=text):
        CASES[text](MODEL.init(key), np.ones(3))


def test_amplitudes_of_any_size(key):
    """Squares that overflow or vanish do not spoil the norm."""
    model = qdl.QNN(2, AmplitudeEncoding())
    for scale in (1e200, 1.0, 1e-200):
        found = model.state([None], scale * np.array([3.0, 0.0, 4.0, 0.0]))
        np.testing.assert_allclose(abs(found), [0.6, 0, 0.8, 0], atol=1e-12)


def test_devices_take_the_same_shapes(key):
    x = np.linspace(0, 2, 24).reshape(2, 4, 3)
    params, device = MODEL.init(key), MODEL.on(qp.device("default.qubit"))
    np.testing.assert_allclose(device.apply(params, x), MODEL.apply(params, x), atol=1e-10)
    still = qdl.QNN(2, Rotation("y"))
    angles = still.init(key)
    found = still.on(qp.device("default.qubit")).apply(angles, np.ones((5, 2)))
    np.testing.assert_allclose(found, still.apply(angles, np.ones((5, 2))), atol=1e-10)


def test_samples_of_any_width_that_are_read_are_taken():
    assert qdl.QNN(1, Template(all_features)).apply([None], np.zeros(10)).shape == (1,)
    assert qdl.QNN(1, Template(first_feature)).apply([None], np.zeros((10, 1))).shape == (10, 1)
    assert qdl.QNN(1, Template(first_feature)).apply([None], np.zeros(1)).shape == (1,)
    assert qdl.QNN(2, Rotation("y")).apply([np.zeros((2, 1))], np.zeros(10)).shape == (2,)
    wide = jax.vmap(lambda x: qdl.QNN(1, Template(first_feature)).apply([None], x))(
        np.zeros((4, 3))
    )
    assert wide.shape == (4, 1)


def test_a_copy_is_the_model_itself():
    assert copy.deepcopy(MODEL) is MODEL


BEYOND = {
    "x beyond its precision": (
        lambda p, x: (p, x.astype(float) * 1e300),
        "within the range of float32, got ",
    ),
    "x with a mask": (
        lambda p, x: (p, np.ma.masked_greater(np.asarray(x), 0.0)),
        "x has masked entries",
    ),
    "complex params": (
        lambda p, x: (jax.tree.map(lambda q: q * 1j, p), x),
        "must be real numbers, got dtype c",
    ),
    "params with NaN": (
        lambda p, x: (jax.tree.map(lambda q: q * np.nan, p), x),
        "must be finite, got nan",
    ),
    "params with inf": (
        lambda p, x: (jax.tree.map(lambda q: q + np.inf, p), x),
        "must be finite, got inf",
    ),
    "params with a mask": (
        lambda p, x: (jax.tree.map(lambda q: np.ma.masked_array(q, np.ones(q.shape)), p), x),
        "has masked entries",
    ),
}


@pytest.mark.parametrize("what", BEYOND)
def test_no_part_of_a_number_is_dropped(what, key):
    with jax.enable_x64(False):
        model = qdl.QNN(2, [AngleEncoding(), Rotation("y")])
        change, text = BEYOND[what]
        x = np.array([[0.3, -0.2], [1.0, 0.5]])
        params, x = change(jax.tree.map(np.asarray, model.init(key)), x)
        with pytest.raises((ValueError, TypeError), match=text):
            model.apply(params, x)


@pytest.mark.parametrize("size", [1e38, 3e38, 1e-37])
def test_amplitudes_of_any_size_are_normalised(size):
    with jax.enable_x64(False):
        model = qdl.QNN(2, AmplitudeEncoding(), readout=qdl.Probs())
        found = model.apply([None], np.full(4, size, np.float32))
        np.testing.assert_allclose(found, 0.25, atol=1e-6)
        with pytest.raises(ValueError, match="cannot normalise a zero vector"):
            model.apply([None], np.full(4, 1e-39, np.float32))  # below the least normal number


def test_more_shots_than_can_be_counted_are_refused(key):
    params = MODEL.init(key)
    with pytest.raises(ValueError, match="shots must be at most 2147483647"):
        MODEL.on(qdl.backends.statevector(shots=2**31))
    with pytest.raises(ValueError, match="shots must be at most 2147483647"):
        MODEL.sample(params, np.ones(3), 2**31, key)


@pytest.mark.parametrize("make", [qdl.backends.ibm, qdl.backends.fake])
def test_a_machine_has_a_name(make):
    with pytest.raises(TypeError, match="a machine's name is text, got 3. Example: 'torino'"):
        make(3)


def test_whole_parameters_are_trained_as_floats(key):
    params = jax.tree.map(lambda leaf: np.round(leaf).astype(int), MODEL.init(key))
    X = np.ones((4, 3))
    with jax.disable_jit():  # steps are compiled all the same
        result = qdl.fit(MODEL, X, X, loss="mse", steps=2, key=key, params=params)
    assert result.params[1].dtype == float
