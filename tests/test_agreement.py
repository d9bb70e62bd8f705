"""qdl.check: every place that runs here agrees, and mistakes are found and named."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from places import PLACES

import qdl
from qdl.backends import density_matrix, fake, statevector
from qdl.backends.place import GatePlace, PennyLaneDevice
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
