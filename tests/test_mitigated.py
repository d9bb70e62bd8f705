"""Mitigation: on Aer with a noise model that is known, so that what it should give is known."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import qdl
from qdl.backends import aer, fake, mitigated
from qdl.backends.mitigated import _unmixed, folded
from qdl.backends.rows import circuit_of
from qdl.layers import AmplitudeEncoding, AngleEncoding, Entangler, Noise, Pooling, Rotation

GATES = ["rx", "ry", "rz", "cx"]
WORDS = qdl.Expval([qp.Z(0), qp.X(1) @ qp.Z(2), 0.5 * qp.Y(0) @ qp.Z(1) @ qp.X(2) - 0.3 * qp.Z(2)])
LAYERS = [AngleEncoding(), Rotation("yx"), Entangler("cnot"), Rotation("xy")]
FLIPS = [(0.02, 0.1), (0.08, 0.03), (0.01, 0.15)]  # P(1|0) and P(0|1), other ones on every qubit


@lru_cache
def noise(kind):
    model = NoiseModel(basis_gates=GATES)
    if kind == "gates":
        model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
        model.add_all_qubit_quantum_error(depolarizing_error(0.004, 1), ["rx", "ry", "rz"])
    else:
        for qubit, (up, down) in enumerate(FLIPS):
            model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [qubit])
    return model


@pytest.fixture
def inputs(key):
    model = qdl.QNN(3, LAYERS, WORDS)
    return model.init(key), jax.random.uniform(key, (2, 3), minval=0.2, maxval=2.0)


@pytest.mark.parametrize("readout", [WORDS, qdl.Probs([2, 0])])
def test_errors_of_readout_are_undone(readout, inputs, key):
    model, shots = qdl.QNN(3, LAYERS, readout), 20_000
    place = mitigated(aer(noise=noise("readout"), shots=shots))
    raw, corrected = place.both(model, *inputs, key)
    exact = model.apply(*inputs)
    assert np.abs(raw - exact).max() > 9 / np.sqrt(shots)
    assert np.abs(corrected - exact).max() < 6 / np.sqrt(shots)
    np.testing.assert_array_equal(model.on(place).apply(*inputs, key), corrected)


def test_pooling_is_measured_where_nothing_is_folded(inputs, key):
    """On a place with noise, so that a measured pooling gives other numbers than a controlled one."""
    model = qdl.QNN(3, [*LAYERS, Pooling("zyz", "measured"), Rotation("y")], qdl.ExpZ([0]))
    params, place = model.init(key), fake("manila", shots=500)
    corrected, x = mitigated(place), inputs[1]
    pair = corrected.both(model, params, x, key)
    np.testing.assert_array_equal(pair.mitigated, model.on(corrected).apply(params, x, key))
    controlled = qdl.QNN(3, [*LAYERS, Pooling("zyz"), Rotation("y")], qdl.ExpZ([0]))
    other = corrected.both(controlled, params, x, key).raw
    assert not np.array_equal(pair.raw, other)
    folded_ones = mitigated(place, scales=(1, 3)).both(model, params, x, key).raw
    np.testing.assert_array_equal(folded_ones, other)


def test_probabilities_are_unmixed_exactly():
    """Three wires, each with another confusion of outcomes."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(8), size=2)
    confusion = [np.array([[1 - up, down], [up, 1 - down]]) for up, down in FLIPS]
    noisy = p @ np.kron(confusion[0], np.kron(confusion[1], confusion[2])).T
    gains = [(1 - up - down, down - up) for up, down in FLIPS]
    np.testing.assert_allclose(_unmixed(jnp.asarray(noisy), gains), p, atol=1e-12)


def test_extrapolation_to_no_noise(inputs):
    """Exact values of a noisy circuit: each order comes closer, by a factor."""
    model = qdl.QNN(3, LAYERS, WORDS)
    place = aer(noise=noise("gates"), method="density_matrix")
    exact = model.apply(*inputs)

    def errors(*arguments):
        both = mitigated(place, False, *arguments).both(model, *inputs)
        return [float(np.abs(values - exact).max()) for values in both]

    raw, linear = errors((1, 3))
    same, quadratic = errors((1, 3, 5), 2)
    assert same == raw and raw > 0.02
    assert linear < raw / 4 and quadratic < linear / 2


def test_gradient_is_mitigated_too(inputs):
    model = qdl.QNN(3, LAYERS, qdl.ExpZ([1]))
    params, x = inputs
    noisy = aer(noise=noise("gates"), method="density_matrix")
    loss = lambda p, m: jnp.sum(m.apply(p, x))  # noqa: E731
    exact = jax.grad(loss)(params, model)
    error = [
        max(np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (g, exact)), strict=True))
        for g in (
            jax.grad(loss)(params, model.on(p)) for p in (noisy, mitigated(noisy, False, (1, 3)))
        )
    ]
    assert error[1] < error[0] / 4


def test_folding_keeps_the_circuit_and_its_barriers(inputs):
    params, x = inputs
    model = qdl.QNN(3, [AmplitudeEncoding(), Rotation("yx"), Entangler("cnot")])
    plain = model.operators([None, params[1], None], np.ones(8))
    for scale in (1, 3, 5):
        gates = folded(plain, scale)
        assert len([g for g in gates if g.name == "CNOT"]) == 2 * scale
        found = qp.matrix(qp.prod(*(g for g in gates[1:][::-1] if g.name != "Barrier")), range(3))
        wanted = qp.matrix(qp.prod(*plain[1:][::-1]), range(3))
        np.testing.assert_allclose(found, wanted, atol=1e-10)
    place = aer(noise=noise("gates"), shots=1)
    circuit, _, x = circuit_of(gates, qdl.ExpZ([0]))
    lowered = place.lowered(place.program(circuit, x))
    assert place.compiled(lowered).circuit.count_ops()["cx"] >= 10


def test_the_price_is_that_of_all_runs(monkeypatch):
    """A budget that mitigation goes around would be none."""
    model = qdl.QNN(2, [AngleEncoding(), Rotation("x")])
    place = mitigated(aer(shots=10), scales=(1, 3))
    alone, whole = (
        qdl.backends.estimate(
            qdl.Hybrid([qdl.Dense(3, 2), model.on(p)]),
            batch_size=8, steps=5, validations=2, validation_size=4,
        )
        for p in (aer(shots=10), place)
    )  # fmt: skip
    assert (alone.jobs, whole.jobs) == (7, 21)
    assert whole.executions == 3 * alone.executions > 0
    told = []
    monkeypatch.setattr(
        type(aer()), "announce", lambda self, model, **sizes: told.append((model, sizes))
    )
    place.announce(model.on(place), batch_size=8, steps=5)
    assert told == [(model.on(place), {"batch_size": 8, "steps": 5})]


@pytest.mark.parametrize("strength", [0.3, np.float64(0.3), np.array(0.3)])
def test_channels_are_refused_by_name(strength):
    """PennyLane would refuse the stand-ins for a channel's strength in words of its own."""

    class Flips(qdl.Layer):
        def gates(self, params, x, wires):
            yield qp.RX(0.3, wires[0])
            yield qp.PauliError("X", strength, wires[0])

    model = qdl.QNN(2, [Flips()])
    for place in (mitigated(aer(shots=100)), mitigated(aer(), readout=False, scales=(1, 3))):
        with pytest.raises(ValueError, match="PauliError. Leave Noise layers"):
            model.on(place).apply([None], key=jax.random.key(0))


def test_refusals(inputs):
    for scales in ((1, 2), (3, 5), (1, 1), (1.0, 3), ()):
        with pytest.raises(ValueError, match="different odd numbers, 1 first, got"):
            mitigated(aer(), scales=scales)
    with pytest.raises(ValueError, match="order 2 needs at least 3 scales"):
        mitigated(aer(), scales=(1, 3), order=2)
    with pytest.raises(TypeError, match="on\\(\\) takes a place"):
        mitigated("torino")
    noisy = qdl.QNN(2, [Rotation("x"), Noise("bit_flip", 0.1)])
    with pytest.raises(TypeError, match="runs circuits gate by gate, got DensityMatrix"):
        mitigated(qdl.backends.density_matrix())
    place = mitigated(qp.device("default.mixed", wires=2), readout=False, scales=(1, 3))
    with pytest.raises(ValueError, match="can be undone can be folded, got BitFlip"):
        noisy.on(place).apply(noisy.init(jax.random.key(0)))
    wide = qdl.QNN(9, [Rotation("x")], qdl.Probs())
    with pytest.raises(ValueError, match="Readout correction of 9 wires at once takes 2"):
        wide.on(mitigated(aer(shots=10))).apply(wide.init(jax.random.key(0)), key=jax.random.key(0))
