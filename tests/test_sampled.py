"""Standard errors of sampled values: what the scatter over many keys shows, on every place that samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl import backends
from qdl.layers import AngleEncoding, Entangler, Noise, Rotation
from qdl.readout import Expval, Probs

SUMS = Expval([
    qp.Z(0) + qp.Z(1) + 0.5 * qp.Z(2),
    qp.Z(0) - qp.Z(1),
    qp.Z(0) @ qp.X(1) + qp.X(0) @ qp.Z(1),
    qp.Z(1) + 2.0 * qp.X(2) + 3.0 * qp.I(0),
])  # fmt: skip
READOUTS = {"sums": SUMS, "probs": Probs((0, 2))}
LAYERS = [AngleEncoding(), Rotation("y"), Entangler("cnot", "chain"), Rotation("x")]
X = np.array([[0.3, -0.8, 1.1], [1.2, 0.4, -0.5]])


def assert_scatter(model, params, x, repeats, most=1.0):
    """The rows of a batch have shots of their own: they scatter as promised, or ``most`` less."""
    found = model.sampled(params, np.tile(x, (repeats, 1)), key=jax.random.key(3))
    often = np.mean(found.standard_error, axis=0) > 0.01  # outcomes that are seen at all
    seen = np.std(found.values, axis=0, ddof=1)[often]
    promised = np.sqrt(np.mean(found.standard_error**2, axis=0))[often]
    room = 4 / np.sqrt(2 * repeats)
    assert found.shots == model.place.draws
    assert found.values.shape == found.standard_error.shape == (repeats, model.size)
    assert (seen >= (1 - room) * promised / most - 1e-12).all(), seen / promised
    assert (seen <= (1 + room) * promised + 1e-12).all(), seen / promised


@pytest.mark.parametrize("name", READOUTS)
def test_native_shots(name):
    model = qdl.QNN(3, LAYERS, readout=READOUTS[name]).on(backends.statevector(shots=100))
    assert_scatter(model, model.init(jax.random.key(0)), X[0], 1000)


def test_standard_errors_in_closed_form():
    model = qdl.QNN(3, Rotation("y"), readout=SUMS).on(backends.statevector(shots=400))
    params = [jnp.array([[0.4], [1.1], [2.0]])]
    c = np.cos([0.4, 1.1, 2.0])
    s = 1 - c**2
    own = [s[0] + s[1] + s[2] / 4, s[0] + s[1]]
    found = model.sampled(params, key=jax.random.key(0)).standard_error
    np.testing.assert_allclose(found[:2], np.sqrt(np.array(own) / 400), rtol=1e-6)


@pytest.mark.parametrize("name", READOUTS)
@pytest.mark.parametrize("place", [backends.aer(shots=100), backends.fake("manila", shots=100)])
def test_machines(place, name):
    model = qdl.QNN(3, LAYERS, readout=READOUTS[name]).on(place)
    assert_scatter(model, model.init(jax.random.key(0)), X[0], 200, most=1.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", READOUTS)
def test_mitigated(name):
    place = backends.mitigated(backends.fake("manila", shots=100), scales=(1, 3))
    model = qdl.QNN(3, LAYERS, readout=READOUTS[name]).on(place)
    assert_scatter(model, model.init(jax.random.key(0)), X[0], 24, most=2.5)


def test_trajectories():
    model = qdl.QNN(3, [*LAYERS, Noise("depolarizing", 0.2)], readout=SUMS)
    model = model.on(backends.trajectories(30))
    assert_scatter(model, model.init(jax.random.key(0)), X[0], 200)


@pytest.mark.parametrize(
    "readout",
    [qdl.photonic.Quadrature(), qdl.photonic.PhotonNumber(), qdl.photonic.FockProbs((0,))],
)
def test_modes(readout):
    layers = [qdl.photonic.DisplacementEncoding(), qdl.photonic.Interferometer()]
    layers.append(qdl.photonic.Squeezing())
    model = qdl.QNN(2, layers, readout=readout)
    params = model.init(jax.random.key(0))
    x = X[0, :2] / 2
    assert_scatter(model.on(backends.fock(12, shots=50)), params, x, 400)
    if isinstance(readout, qdl.photonic.Quadrature):
        assert_scatter(model.on(backends.gaussian(shots=50)), params, x, 400)


def test_a_service_that_does_not_say_how_it_reads_gets_the_larger_error(monkeypatch):
    place = backends.aer(shots=100)
    model = qdl.QNN(3, LAYERS, readout=SUMS).on(place)
    params = model.init(jax.random.key(0))
    known = model.sampled(params, X, key=jax.random.key(1)).standard_error
    monkeypatch.setattr(type(place), "together", lambda *args: None)
    assert (model.sampled(params, X, key=jax.random.key(1)).standard_error >= known * 0.85).all()


def test_exact_values_and_single_shots_are_refused():
    model = qdl.QNN(3, LAYERS)
    params = model.init(jax.random.key(0))
    with pytest.raises(qdl.Refused, match=r"have none.*statevector\(shots=1000\)"):
        model.sampled(params, X, key=jax.random.key(0))
    with pytest.raises(qdl.Refused, match="shots = 1"):
        model.on(backends.statevector(shots=1)).sampled(params, X, key=jax.random.key(0))
    with pytest.raises(TypeError, match="sampled"):
        model.on(backends.statevector(shots=10)).sampled(params, X, key=3)


def test_leading_axes():
    model = qdl.QNN(3, LAYERS, readout=SUMS).on(backends.statevector(shots=10))
    found = model.sampled(
        model.init(jax.random.key(0)), np.tile(X, (4, 1, 1)), key=jax.random.key(0)
    )
    assert found.values.shape == found.standard_error.shape == (4, 2, 4)


@pytest.mark.parametrize("place", [backends.aer(shots=100), backends.fake("manila", shots=100)])
def test_words_of_one_basis_err_together(place):
    """Two wires that agree: their sum scatters twice as far as one, their difference hardly at all."""
    layers = [Rotation("y"), Entangler("cnot", "chain")]
    readout = Expval([qp.Z(0) + qp.Z(1), qp.Z(0) - qp.Z(1), qp.Z(0)])
    model = qdl.QNN(2, [AngleEncoding(), *layers], readout=readout).on(place)
    params = [None, jnp.array([[1.2], [0.1]]), None]
    assert_scatter(
        model, params, np.zeros(2), 400, most=4.0
    )  # of 100 equal outcomes one may differ
    both, apart, one = model.sampled(params, np.zeros(2), key=jax.random.key(0)).standard_error
    assert both > 1.8 * one and apart < 0.6 * one
