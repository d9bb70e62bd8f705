"""qdl.check: every place that runs here agrees, and mistakes are found and named."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from places import PLACES

import qdl
from qdl.backends import aer, density_matrix, fake, mitigated, statevector
from qdl.backends.device import PennyLaneDevice
from qdl.backends.place import GatePlace
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Convolution,
    Entangler,
    Noise,
    Pooling,
    Rotation,
)

LAYERS = [AngleEncoding(), Rotation("zyx"), Entangler("crx"), Rotation("y")]
WORDS = qdl.Expval([qp.Z(0) @ qp.X(1), qp.Y(2), qp.Z(1) + 0.5 * qp.X(0)])
MODELS = {
    "words": qdl.QNN(3, LAYERS, WORDS),
    "probabilities": qdl.QNN(3, LAYERS, qdl.Probs([2, 0])),
}

# Those without noise of their own, and a device that draws without a key.
QUIET = {name: row.make for name, row in PLACES.items() if row.errors is None}
QUIET["qiskit.aer"] = lambda: qp.device("qiskit.aer", wires=3, shots=1000)


@pytest.mark.parametrize("place", QUIET)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.filterwarnings("ignore:.*sends one job for every circuit")
def test_places_agree(model, place, key):
    found = qdl.check(MODELS[model], QUIET[place](), key=key)
    assert found.ok, str(found)
    assert str(found).startswith("equal within 5 standard errors; largest |z| = ")


@pytest.mark.parametrize(
    "layers",
    [
        [AmplitudeEncoding(), Rotation("xy")],
        [BasisEncoding(), Rotation("xy"), Convolution("u9"), Pooling()],
        [AngleEncoding(), Rotation("xy"), Noise("amplitude_damping", 0.2)],
    ],
)
def test_layers_that_need_care(layers):
    """Amplitudes, bits and channels: inputs and reference fit the model."""
    found = qdl.check(qdl.QNN(3, layers), density_matrix())
    assert found.ok and np.abs(found.z).max() < 1, str(found)


DEVICE = PennyLaneDevice(qp.device("default.qubit"))


@dataclass(frozen=True)
class Wrong(GatePlace):
    """A place that makes one of the usual mistakes, with noise on top of it."""

    mistake: str
    noise: float = 0.0
    shots: int | None = None

    def evaluate(self, operators, observables, key):
        values = DEVICE.evaluate(self.spoilt(operators), observables, key)
        return (1 - self.noise) * (-values if self.mistake == "outcomes are swapped" else values)

    def probabilities(self, operators, wires, key):
        values = DEVICE.probabilities(self.spoilt(operators), wires, key)
        return values[..., ::-1] if self.mistake == "outcomes are swapped" else values

    def spoilt(self, operators):
        n = 1 + max(wire for o in operators for wire in o.wires)
        if self.mistake == "wires are reversed":
            operators = [qp.map_wires(o, {w: n - 1 - w for w in range(n)}) for o in operators]
        factor = {"angles are negated": -1, "angles are doubled": 2, "angles are halved": 0.5}
        if self.mistake in factor:
            bind = qp.ops.functions.bind_new_parameters
            operators = [
                bind(o, [factor[self.mistake] * d for d in o.data]) if o.data else o
                for o in operators
            ]
        return operators


@pytest.mark.parametrize(
    "mistake",
    [
        "wires are reversed",
        "angles are negated",
        "angles are doubled",
        "angles are halved",
        "outcomes are swapped",
    ],
)
def test_a_mistake_is_named(mistake):
    """Also where noise is in the way."""
    found = qdl.check(MODELS["words"], Wrong(mistake, noise=0.1))
    assert not found.ok and found.explanation == mistake
    assert f"It looks as if {mistake}." in str(found)


def test_mistakes_in_probabilities_are_named():
    for mistake in ("wires are reversed", "outcomes are swapped"):
        assert qdl.check(MODELS["probabilities"], Wrong(mistake)).explanation == mistake


def test_noise_is_not_taken_for_a_mistake(key):
    found = qdl.check(MODELS["words"], Wrong("none", noise=0.2), key=key)
    assert not found and found.explanation is None
    np.testing.assert_allclose(found.damping, 0.8, atol=1e-6)
    assert "NOT equal; largest |z|" in str(found) and "None of these explains it" in str(found)
    assert found.worst in ("<Z(0) @ X(1)>", "<Y(2)>", "<Z(1) + 0.5 * X(0)>")


def test_what_cannot_be_told_from_no_mistake_is_not_named():
    """In a circuit of real numbers negated angles change little or nothing."""
    layers = [AngleEncoding(), Rotation("y"), Entangler("cz"), Rotation("y")]
    found = qdl.check(qdl.QNN(3, layers), Wrong("none", noise=0.2))
    assert not found.ok and found.explanation is None


def test_a_fake_machine_has_noise_and_no_mistake(key):
    found = qdl.check(MODELS["words"], fake("manila", shots=4000), key=key)
    assert found.explanation is None and 0.8 < found.damping < 1.02, str(found)


def test_standard_errors_are_those_of_shots(key):
    """z over many keys: mean 0, variance 1 for a word, at most 1 for a sum of words."""
    model = MODELS["words"]
    params, x = model.init(key), jnp.array([[0.3, 0.8, 0.5]])
    keys = jax.random.split(key, 60)
    z = np.array([qdl.check(model, statevector(shots=500), params, x, k).z[0] for k in keys])
    assert np.all(np.abs(z.mean(0)) < 5 / np.sqrt(len(z)))
    deviation = z.std(0)
    assert np.all(deviation < 1.3) and np.all(deviation[:2] > 0.7), deviation


@dataclass(frozen=True)
class Drawn(GatePlace):
    """Outcomes that are drawn, as many as it says or fewer; readout errors on a wire; wires moved."""

    shots: int
    part: float = 1.0
    misread: int | None = None
    moved: tuple[int, ...] = ()
    noisy_wires: tuple[int, ...] | None = None

    def evaluate(self, operators, observables, key):
        if self.moved:
            operators = [qp.map_wires(o, dict(enumerate(self.moved))) for o in operators]
        values = DEVICE.evaluate(operators, observables, key)
        if self.misread is not None:
            read = np.array([self.misread in o.wires for o in observables])
            values = np.where(read, 0.8 * values, values)
        shots = int(self.part * self.shots)
        return 2 * jax.random.binomial(key, shots, (1 + values) / 2) / shots - 1


SINGLE = qdl.QNN(3, LAYERS, qdl.Expval([qp.Z(0) @ qp.X(1), qp.Y(2), qp.X(0), qp.Z(1)]))


@pytest.mark.slow
@pytest.mark.parametrize("scales, order", [((1, 3), 1), ((1, 3, 5), 2), ((1, 3, 5, 7), 3)])
def test_extrapolation_makes_errors_larger(scales, order, key):
    """On a machine without noise: z over keys has mean 0 and variance 1, as without mitigation."""
    place = mitigated(Drawn(500), readout=False, scales=scales, order=order)
    params, x = SINGLE.init(key), jnp.array([[0.3, 0.8, 0.5]])
    found = [qdl.check(SINGLE, place, params, x, k, repeats=2) for k in jax.random.split(key, 12)]
    z = np.stack([each.z[0] for each in found])
    assert all(each.equal for each in found)
    assert 0.6 < z.std() < 1.3 and abs(z.mean()) < 5 / np.sqrt(z.size), (z.std(), z.mean())


def test_the_weights_of_an_extrapolation():
    """Scales 1, 3, 5, 7 and order 3: Lagrange's weights at 0 are 35, -35, 21, -5 sixteenths."""
    model = qdl.QNN(1, Rotation("x"), readout=qdl.ExpZ([0]))
    place = mitigated(Drawn(1000), readout=False, scales=(1, 3, 5, 7), order=3)
    params = [jnp.full((1, 1), jnp.pi / 2), None]
    [error] = place.standard_error(model.circuit, params, None, jax.random.key(0))
    weights = np.array([35, -35, 21, -5]) / 16
    assert error == pytest.approx(np.sqrt(np.sum(weights**2) / 1000), rel=0.01)


def test_a_place_that_takes_fewer_shots_is_told(key):
    for seed in jax.random.split(key, 2):
        found = qdl.check(SINGLE, Drawn(2000, part=0.25), key=seed)
        assert not found.ok and found.equal and 2.5 < found.excess < 6
        assert "draws, not of 2000" in found.explanation and found.explanation in str(found)
        honest = qdl.check(SINGLE, Drawn(2000), key=seed)
        assert honest.ok and 0.5 < honest.excess < 1.7, str(honest)


def test_the_smallest_bias_is_said(key):
    """A bias of that size is found about every other time; twice it nearly always."""
    found = qdl.check(SINGLE, Drawn(500), key=key)
    assert f"A bias of {found.smallest_bias.max():.2g} in any value would have been seen" in str(
        found
    )
    outcomes = 500 * found.repeats
    assert found.smallest_bias.max() == pytest.approx(5 / np.sqrt(outcomes), rel=0.3)


@pytest.mark.parametrize(
    "to, name",
    [
        ((0, 2, 1), "wires 1 and 2 are exchanged"),
        ((2, 1, 0), "wires are reversed"),
        ((1, 2, 0), "wires are shifted by 1"),
    ],
)
def test_wires_that_are_moved_are_named(to, name, key):
    found = qdl.check(SINGLE, Drawn(4000, moved=to), key=key)
    assert found.explanation == name, str(found)


@pytest.mark.slow
def test_any_permutation_of_four_wires_is_named(key):
    """Probabilities too, and with wires that were pooled away."""
    place = Wrong("none")
    layers = [AngleEncoding(), Rotation("zyx"), Entangler("crx"), Rotation("yx"), Pooling("")]
    to = (0, 2, 3, 1)
    for readout in (qdl.Expval([qp.Z(2), qp.X(3) @ qp.Z(1), qp.Y(1)]), qdl.Probs([1, 3])):
        model = qdl.QNN(4, layers[:-1], readout)
        moved = Permuted(to)
        found = qdl.check(model, moved, key=key)
        assert found.explanation == "wires are permuted: 1 to 2, 2 to 3, 3 to 1", str(found)
    assert qdl.check(qdl.QNN(4, layers), place, key=key).ok


@dataclass(frozen=True)
class Permuted(GatePlace):
    """Gates on other wires."""

    to: tuple[int, ...]

    def evaluate(self, operators, observables, key):
        moved = [qp.map_wires(o, dict(enumerate(self.to))) for o in operators]
        return DEVICE.evaluate(moved, observables, key)


def test_a_wrong_qubit_is_said(key):
    """Errors of one qubit alone are no noise of the whole; on another than was meant they are wrong."""
    found = qdl.check(SINGLE, Drawn(4000, misread=2), key=key)
    assert not found.ok and "only what reads wire 2 is off, 0.80 of the exact values" in str(found)
    assert "wrong qubit" not in str(found) and "what noise does" not in str(found)
    found = qdl.check(SINGLE, Drawn(4000, misread=2, noisy_wires=(1,)), key=key)
    assert "a wrong qubit: the noise of the place is on 1" in str(found)
    found = qdl.check(SINGLE, Drawn(4000, misread=2, noisy_wires=(2,)), key=key)
    assert "wrong qubit" not in str(found)


def test_aer_knows_which_qubits_its_noise_is_on():
    from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

    noise = NoiseModel(basis_gates=["rx", "ry", "rz", "cx"])
    noise.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [1])
    assert aer(noise=noise, shots=10).noisy_wires == (1,)
    assert mitigated(aer(noise=noise, shots=10)).noisy_wires == (1,)
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
    assert aer(noise=noise, shots=10).noisy_wires is None and aer(shots=10).noisy_wires is None


@pytest.mark.slow
def test_readout_correction_is_propagated(key):
    """Correcting errors of a tenth on every wire: z stays below 5, and is not small."""
    place = mitigated(Misread(2000), readout=True)
    z = np.stack([qdl.check(SINGLE, place, key=k, repeats=3).z for k in jax.random.split(key, 5)])
    assert np.abs(z).max() < 5 and z.std() > 0.5, z.std()


@dataclass(frozen=True)
class Misread(GatePlace):
    """Outcomes of every wire turned with probability 0.1."""

    shots: int
    noisy = True

    def evaluate(self, operators, observables, key):
        weight = np.array([len(o.wires) for o in observables])
        values = 0.8**weight * DEVICE.evaluate(operators, observables, key)
        return 2 * jax.random.binomial(key, self.shots, (1 + values) / 2) / self.shots - 1
