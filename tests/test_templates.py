"""PennyLane's templates, gates and plain quantum functions as layers, against ``default.qubit``."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.layers import Repeat, Rotation, Template
from qdl.testing import check_layer


def queued(params, x, wires):
    """As QNodes are written: nothing is returned."""
    for i, wire in enumerate(wires):
        qp.RX(params[i] * x[..., 2 * i], wires=wire)
    qp.ctrl(qp.RY(params[0], wires[1]), control=wires[0])
    qp.adjoint(qp.S(wires[0]))
    qp.IsingXX(jnp.sin(x[..., 0]), wires=wires[:2])


def whole_row(params, x, wires):
    for i in range(x.shape[-1]):
        qp.RY(x[..., i], wires=wires[i % len(wires)])


def part_of_a_row(params, x, wires):
    qp.AngleEmbedding(x[..., 2:5], wires)


# name: (layer, wires, shape of its parameters, features)
CASES = {
    "strongly": (Template(qp.StronglyEntanglingLayers, n_layers=2, imprimitive=qp.CZ), 3, (2, 3, 3), 0),
    "basic": (Template(qp.BasicEntanglerLayers, n_layers=2, rotation=qp.RZ), 3, (2, 3), 0),
    "two arrays": (Template(qp.SimplifiedTwoDesign, n_layers=2), 3, [(3,), (2, 2, 2)], 0),
    "no n_wires": (Template(qp.RandomLayers, n_layers=2, n_rotations=3, seed=1), 3, (2, 3), 0),
    "angles": (Template(qp.AngleEmbedding, rotation="Y"), 3, None, 3),
    "iqp": (Template(qp.IQPEmbedding, n_repeats=2), 3, None, 3),
    "features and weights": (Template(qp.QAOAEmbedding, n_layers=2), 3, (2, 6), 3),
    "shape given": (Template(qp.StronglyEntanglingLayers, shape=lambda w: (1, len(w), 3)), 3, (1, 3, 3), 0),
    "no parameters": (Template(qp.QFT), 3, None, 0),
    "gate on each wire": (Template(qp.Rot), 3, (3, 3), 0),
    "fixed gate on each wire": (Template(qp.Hadamard), 3, None, 0),
    "gate of all wires": (Template(qp.IsingXX), 2, (1,), 0),
    "word": (Template(qp.PauliRot, pauli_word="XYZ"), 3, (1,), 0),
    "queued": (Template(queued, shape=(3,)), 3, (3,), 5),
    "whole row": (Template(whole_row), 3, None, 1),
    "part of a row": (Template(part_of_a_row), 3, None, 5),
}  # fmt: skip
QUICK = ("two arrays", "features and weights", "gate on each wire", "queued")


@pytest.mark.parametrize("name", CASES)
def test_shape_and_features_are_found(name):
    layer, n, shape, features = CASES[name]
    wires = tuple(range(n))
    assert (layer.shape(wires), layer.n_features(wires)) == (shape, features)
    assert Repeat([Rotation("y"), layer], 2).n_features(wires) == features


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in CASES]
)
def test_templates_keep_the_contract(name):
    layer, n, _, _ = CASES[name]
    check_layer(layer, n)


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_default_qubit(name):
    layer, n, _, features = CASES[name]
    model = qdl.QNN(n, [Rotation("yx"), layer, Rotation("xy")])
    params = model.init(jax.random.key(0))
    x = np.random.default_rng(0).uniform(0, 2, (4, features)) if features else None
    found = model.on(qp.device("default.qubit")).apply(params, x)
    np.testing.assert_allclose(model.apply(params, x), found, atol=1e-10)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_amplitudes_are_as_many_as_states(n):
    layer = Template(qp.AmplitudeEmbedding, normalize=True)
    assert layer.n_features(tuple(range(n))) == 2**n
    x = np.random.default_rng(0).uniform(size=(2, 2**n))
    found = qdl.QNN(n, layer).apply([None], x)
    np.testing.assert_allclose(
        found, qdl.QNN(n, qdl.layers.AmplitudeEncoding()).apply([None], x), atol=1e-12
    )


def test_diagnostics_and_prices_draw_the_features_that_they_need(key):
    """Of a function that does not say how many it reads."""
    model = qdl.QNN(3, [Template(queued, shape=(3,)), Rotation("y")])
    assert model.n_features == 5
    assert qdl.diagnostics.gradient_variance(model, key=key, samples=20).squared_norm > 0.1
    assert qdl.backends.estimate(model.on(qdl.backends.fake("torino")), batch_size=2)
    assert "5 features" in str(model)
    assert str(qdl.check(model, qp.device("default.qubit"), key=key)).startswith("equal")
    with pytest.raises(ValueError, match=r"reads features, got x=None: expected x of shape \(5,\)"):
        model.apply(model.init(key))


def ends_in_expval(params, x, wires):
    qp.RX(0.1, wires=wires[0])
    return qp.expval(qp.Z(wires[0]))


def queues_expval(params, x, wires):
    qp.RX(0.1, wires=wires[0])
    qp.expval(qp.Z(wires[0]))


def some_returned(params, x, wires):
    qp.Hadamard(wires[0])
    return [qp.RY(0.3, wires[0])]


@pytest.mark.parametrize(
    "build, error, text",
    [
        (lambda: Template(qp.StronglyEntanglingLayers), TypeError, r"needs n_layers for its shape"),
        (lambda: Template(qp.BasicEntanglerLayers, layers=2), TypeError, "no layers. It takes .*n_layers"),
        (lambda: Template(qp.CNOT), ValueError, "is a gate of 2 wires, and there are 3"),
        (lambda: Template(queues_expval), ValueError, "measures ExpectationMP.*give the model a readout"),
        (lambda: Template(ends_in_expval), ValueError, "ExpectationMP"),
        (lambda: Template(some_returned), ValueError, "Hadamard on wires .* without yielding it"),
    ],
)  # fmt: skip
def test_what_is_no_layer_is_refused(build, error, text):
    with pytest.raises(error, match=text):
        qdl.QNN(3, build()).apply([None])


def test_what_is_queued_inside_of_a_tape_is_recorded_once():
    model = qdl.QNN(3, Template(queued, shape=(3,)))
    with qp.tape.QuantumTape() as tape:
        for operator in model.layers.gates([np.ones(3)], np.ones(5), model.wires):
            qp.apply(operator)
    assert [o.name for o in tape.operations] == ["RX"] * 3 + ["CRY", "Adjoint(S)", "IsingXX"]


def test_it_is_printed_by_the_name_and_the_options():
    layers = [
        Template(qp.StronglyEntanglingLayers, n_layers=2),
        Template(test_amplitudes_are_as_many_as_states, shape=(3,)),
    ]
    shown = ["Template(StronglyEntanglingLayers, n_layers=2)"]
    shown += ["Template(test_amplitudes_are_as_many_as_states, shape=(3,))"]
    assert [repr(layer) for layer in layers] == shown
