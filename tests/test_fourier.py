"""Fourier spectra against closed forms, PennyLane's module, and the model itself at other points."""

import doctest
import importlib
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.backends import density_matrix, statevector
from qdl.diagnostics import fourier_spectrum
from qdl.diagnostics.frequencies import all_sums, gate_frequencies
from qdl.layers import (
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Entangler,
    IQPEncoding,
    Layer,
    Mirrored,
    Noise,
    Repeat,
    Rotation,
)  # fmt: skip

KEY = jax.random.key(0)


@dataclass(frozen=True)
class Gates(Layer):
    """Gates of the test's own that read some columns."""

    function: Any
    columns: int = 1
    size: int = 1

    def shape(self, wires):
        return (self.size,)

    def n_features(self, wires):
        return self.columns

    def gates(self, params, x, wires):
        return self.function(params, x, wires)


def crx(params, x, wires):
    yield qp.CRX(x[..., 0], wires=wires[:2])
    yield qp.RY(params[0] + 0.5 * x[..., 0] - x[..., 1], wires=wires[1])
    yield qp.IsingXY(x[..., 1], wires=wires[1:3])


def factors(params, x, wires):
    yield qp.RX(params[0] * x[..., 0] + params[1], wires=wires[0])


MIXED = [Rotation("xy"), Entangler("cnot"), Rotation("yz")]
MODELS = {
    "three uploads": qdl.QNN(3, Repeat([AngleEncoding("x"), *MIXED], 2)),
    "pi": qdl.QNN(3, [*MIXED, AngleEncoding("z", scale=np.pi), *MIXED]),
    "thirds": qdl.QNN(2, [AngleEncoding("x", scale=1 / 3), *MIXED, AngleEncoding("y", scale=0.7)]),
    "no unit": qdl.QNN(1, [AngleEncoding("x", scale=2**0.5), Rotation("zy"), AngleEncoding("x")]),
    "one feature of two": qdl.QNN(3, [AngleEncoding("x", features=(1, 1, 1)), *MIXED]),
    "controlled": qdl.QNN(3, [Rotation("xy"), Gates(crx, 2), *MIXED]),
    "backwards": qdl.QNN(2, [Mirrored([AngleEncoding("x"), Rotation("y")]), Adjoint(MIXED)]),
    "probabilities": qdl.QNN(2, [AngleEncoding("y"), *MIXED], readout=qdl.Probs([1])),
    "noise": qdl.QNN(
        2, [AngleEncoding("x"), Noise("amplitude_damping", 0.2), *MIXED, AngleEncoding("y")],
        place=density_matrix(),
    ),
}  # fmt: skip


def series(found, X, draw=0):
    vectors = found.frequencies.reshape(len(found.frequencies), -1)
    waves = np.exp(1j * np.asarray(X) @ vectors.T)
    values = waves @ found.coefficients[draw]
    assert np.abs(values.imag).max() < 1e-9
    return values.real


@pytest.mark.parametrize("name", MODELS)
def test_the_series_is_the_model(name):
    """At points that the spectrum was not computed from, through PennyLane's own simulator."""
    model = MODELS[name]
    params = model.init(KEY)
    found = fourier_spectrum(model, key=KEY, params=params)
    X = np.random.default_rng(7).uniform(-9, 9, (5, model.n_features))
    node = model.qnode(qp.device("default.mixed", wires=model.n_wires))
    params = jax.tree.map(np.asarray, params)
    wanted = np.array([np.ravel(node(params, x)) for x in X])
    np.testing.assert_allclose(series(found, X), wanted, atol=1e-10)


def test_closed_forms():
    """cos x of one rotation; cos^3 x = (3 cos x + cos 3x) / 4 of three read at once."""
    one = fourier_spectrum(qdl.QNN(1, AngleEncoding("x")), key=KEY, samples=2)
    np.testing.assert_allclose(one.coefficients[1, :, 0], [0.5, 0, 0.5], atol=1e-14)
    three = qdl.QNN(
        3, AngleEncoding("x", features=(0, 0, 0)), qdl.Expval(qp.Z(0) @ qp.Z(1) @ qp.Z(2))
    )
    found = fourier_spectrum(three, key=KEY, samples=1)
    assert found.frequencies.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    np.testing.assert_allclose(
        found.coefficients[0, :, 0], np.array([1, 0, 3, 0, 3, 0, 1]) / 8, atol=1e-14
    )
    assert found.present.tolist() == [True, False, True, False, True, False, True]
    assert "7 frequencies, 4 of them present, up to 3" in repr(found)


@pytest.mark.parametrize("features", [1, 2])
def test_coefficients_are_those_of_pennylane(features):
    wires = 3
    columns = tuple(i % features for i in range(wires))
    model = qdl.QNN(
        wires, Repeat([Rotation("zy"), Entangler("cz"), AngleEncoding("x", features=columns)], 2),
        readout=qdl.ExpZ([0]),
    )  # fmt: skip
    params = model.init(KEY)
    found = fourier_spectrum(model, key=KEY, params=params)
    node = model.qnode(qp.device("default.qubit", wires=wires))
    plain = jax.tree.map(np.asarray, params)
    degree = 6 if features == 1 else (4, 2)
    theirs = qp.fourier.coefficients(
        lambda x: float(node(plain, np.atleast_1d(x))), features, degree
    )
    ours = found.coefficients[0, :, 0]
    at = np.rint(found.frequencies).astype(int).reshape(len(ours), -1)
    np.testing.assert_allclose(ours, np.asarray(theirs)[tuple(at.T)], atol=1e-12)
    np.testing.assert_allclose(np.abs(ours) ** 2 @ np.ones(len(ours)), (np.abs(theirs) ** 2).sum())


@pytest.mark.parametrize("name", ["three uploads", "pi", "thirds", "no unit"])
def test_frequencies_are_those_that_pennylane_finds(name):
    """It reads them one feature at a time, from derivatives of the pre-processing."""
    model = MODELS[name]
    params = jax.tree.map(np.asarray, model.init(KEY))
    x = qp.numpy.full(model.n_features, 0.3, requires_grad=True)

    @qp.qnode(qp.device("default.qubit", wires=model.n_wires), interface="autograd")
    def whole(x):
        for operator in model.circuit.operators(params, x):
            qp.apply(operator)
        return qp.expval(qp.Z(0))

    theirs = qp.fourier.qnode_spectrum(whole, encoding_args={"x": ...})(x)
    found = all_sums(gate_frequencies(model, params)).vectors
    for (i,), known in theirs["x"].items():
        np.testing.assert_allclose(np.unique(np.round(found[:, i], 8)), np.round(known, 8))


def test_coefficients_are_those_of_qml_essentials():
    """Its ``Hardware_Efficient`` circuit with one upload on two wires, version 0.2.3, in float32."""
    angles = [
        [[0.3032421, 1.513329, 2.103926], [3.2338383, 1.4865458, 1.0336949]],
        [[3.1189988, 2.3506107, 2.9096777], [0.33729753, 4.797198, 1.0920813]],
    ]
    block = [Rotation("yzy"), Entangler("cnot", ((0, 1), (1, 0)))]
    columns = AngleEncoding("x", features=(0, 0))
    model = qdl.QNN(2, [*block, columns, *block], readout=qdl.ExpZ([0]))
    first, last = (np.array(each) for each in angles)
    found = fourier_spectrum(model, key=KEY, params=[first, None, None, last, None])
    theirs = [-0.18166418, 0.11777961 - 0.080415353j, 0.0]
    np.testing.assert_allclose(found.coefficients[0, 2:, 0], theirs, atol=2e-7)


def test_trained_factors_are_the_frequencies():
    block = [AngleEncoding("x", trainable=True), Rotation("zy"), Entangler("cz")]
    model = qdl.QNN(2, Repeat(block, 2))
    start = fourier_spectrum(model, key=KEY, samples=3)  # all factors are 1
    assert set(start.frequencies[:, 0]) == {-2, -1, 0, 1, 2}
    params = model.init(KEY)
    params[0][0] = np.array([[0.7, 1.3], [1.1, 0.37]])
    trained = params
    found = fourier_spectrum(model, key=KEY, params=trained)
    wanted = {round(s * 0.7 + t * 1.1, 9) for s in (-1, 0, 1) for t in (-1, 0, 1)}
    assert set(np.round(found.frequencies[:, 0], 9)) == wanted
    X = np.random.default_rng(0).uniform(-20, 20, (6, 2))
    np.testing.assert_allclose(series(found, X), model.apply(trained, X), atol=1e-10)
    drawn = qdl.QNN(1, Gates(factors, 1, 2))
    with pytest.raises(qdl.Refused, match="are drawn with its parameters"):
        fourier_spectrum(drawn, key=KEY)
    one = fourier_spectrum(drawn, key=KEY, params=[np.array([1.7, 0.2])])
    np.testing.assert_allclose(one.frequencies, [-1.7, 0, 1.7], rtol=1e-12)


def test_float32_and_shots():
    model = MODELS["three uploads"]
    params = model.init(KEY)
    exact = fourier_spectrum(model, key=KEY, params=params)
    shots = 4000
    drawn = fourier_spectrum(model.on(statevector(shots=shots)), key=KEY, params=params)
    # each coefficient is a mean of all values of the grid
    off = np.abs(drawn.coefficients - exact.coefficients)
    assert 0 < off.max() < 7 / np.sqrt(shots * 5**3)
    with jax.enable_x64(False):
        single = fourier_spectrum(model, key=KEY, params=params)
        none = fourier_spectrum(MODELS["no unit"], key=KEY, samples=2)
    np.testing.assert_allclose(single.coefficients, exact.coefficients, atol=2e-6)
    assert len(none.frequencies) == 9


def kinked(params, x, wires):
    yield qp.RX(jax.numpy.where(x[..., 0] > 2.0, 2.5 * x[..., 0], x[..., 0]), wires=wires[0])


def squared(params, x, wires):
    yield qp.RX(x[..., 0] ** 2, wires=wires[0])


def hidden(params, x, wires):
    """Linear where the gates are asked, and not in between."""
    yield qp.RX(x[..., 0] + jax.numpy.where(abs(x[..., 0] - 3.7) < 0.5, 1.0, 0.0), wires=wires[0])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (qdl.Hybrid([qdl.Dense(2, 1), qdl.QNN(1, AngleEncoding())]), "got Hybrid"),
        (qdl.QNN(2, Rotation("x")), "reads none"),
        (qdl.QNN(2, AmplitudeEncoding()), "in a state or a matrix"),
        (qdl.QNN(3, IQPEncoding(1)), "is no linear function of the features"),
        (qdl.QNN(1, Gates(squared)), "is no linear function of the features"),
        (qdl.QNN(1, Gates(kinked)), "is no linear function of the features"),
        (qdl.QNN(1, Gates(hidden)), "values of the model are off by"),
        (qdl.QNN(1, BasisEncoding()), "needs features in {0, 1}"),
        (qdl.models.cvqnn(1, 1, cutoff=4), "is a gate on a mode of light"),
        (qdl.QNN(7, [AngleEncoding()] * 3), "frequencies"),
        (
            qdl.QNN(4, [AngleEncoding(scale=s) for s in (1.0, 2**0.5)]),
            "frequencies without a common unit, more than 1024",
        ),
    ],
)  # fmt: skip
def test_what_is_no_such_series_is_refused(model, said):
    with pytest.raises(ValueError, match=said):
        fourier_spectrum(model, key=KEY, samples=1)


def test_too_few_points_would_alias(monkeypatch):
    """The check at other points is what tells a spectrum that was folded back."""
    from qdl.diagnostics import fourier

    real = fourier.gate_frequencies
    monkeypatch.setattr(fourier, "gate_frequencies", lambda *a: real(*a)[:1])
    model = qdl.QNN(1, Repeat([AngleEncoding("x"), Rotation("zy")], 3))
    with pytest.raises(qdl.Refused, match="off by"):
        fourier_spectrum(model, key=KEY, samples=1)


def test_pictures_of_one_and_two_features():
    one = fourier_spectrum(qdl.QNN(1, Repeat([Rotation("zy"), AngleEncoding("x")], 2)), key=KEY)
    axes = one.plot()
    medians = [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1]
    middle = np.median(one.amplitudes[:, one.frequencies == 2, 0])
    assert np.isclose(medians, middle, rtol=1e-9).any()
    two = fourier_spectrum(MODELS["thirds"], key=KEY, samples=2)
    (cells,) = two.plot(value=1).collections
    np.testing.assert_allclose(cells.get_array(), two.amplitudes[:, :, 1].mean(axis=0))
    assert fourier_spectrum(MODELS["thirds"], key=KEY, samples=1).plot().figure
    with pytest.raises(ValueError, match="value must lie in 0 .. 1, got 2"):
        two.plot(value=2)
    with pytest.raises(ValueError, match="this one has 3"):
        fourier_spectrum(MODELS["pi"], key=KEY, samples=1).plot()


def test_examples_in_docstrings_run():
    for name in ("fourier", "frequencies"):
        module = importlib.import_module(f"qdl.diagnostics.{name}")
        result = doctest.testmod(module)
        assert result.failed == 0 and result.attempted > 0
