"""Noise of the qubits that a circuit uses: the counts of the whole fake machine, as Runtime runs it."""

import numpy as np
import pytest

import qdl
from qdl.backends import fake
from qdl.backends.machines import fake as fake_module
from qdl.backends.machines import qiskit_place
from qdl.backends.machines.names import fake_backend
from qdl.layers import AngleEncoding, Entangler, Pooling, Rotation

MODELS = {
    "expectations": qdl.QNN(3, [AngleEncoding(), Entangler("cnot"), Rotation("zyz")]),
    "probabilities": qdl.QNN(3, [AngleEncoding(), Entangler("cz")], readout=qdl.Probs((2, 0))),
    "idle wires": qdl.QNN(4, [Rotation("y")], readout=qdl.ExpZ((3, 1))),
    "feed-forward": qdl.QNN(4, [Rotation("y"), Pooling("zx", kind="measured"), Rotation("x")]),
}


def whole_machine(name, qubits):
    """What Runtime is given without us."""
    return type(fake_backend(name))()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "machine", ["manila", "perth", pytest.param("torino", marks=pytest.mark.slow)]
)
def test_equal_counts_for_equal_seeds(machine, name, key, monkeypatch):
    model = MODELS[name].on(fake(machine, shots=500))
    x = np.linspace(0.1, 2.0, 6).reshape(2, 3) if model.n_features else None
    params = model.init(key)
    found = np.asarray(model.apply(params, x, key=key))
    monkeypatch.setattr(fake_module, "machine_on", whole_machine)
    qiskit_place._once.cache_clear()  # pyright: ignore[reportPrivateUsage]  # equal requests run once
    wanted = np.asarray(model.apply(params, x, key=key))
    assert found.std() > 0
    np.testing.assert_array_equal(found, wanted)
