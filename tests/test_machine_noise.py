"""Noise models of Aer on the wires and gates they name: against closed forms and Qiskit itself."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from qiskit_aer.noise import NoiseModel, ReadoutError

import qdl
from qdl.backends import aer, fake, mitigated
from qdl.layers import Template


# Qubit i is wire i, whichever wires occur


def late(params, x, wires):
    yield qp.RY(0.0 if x is None else x[..., 0], wires[2])


@pytest.mark.parametrize(
    "readout, wanted",
    [(qdl.ExpZ([1, 2]), [0.8, 1.0]), (qdl.Probs([2, 1]), [0.9, 0.1, 0, 0])],
)
def test_errors_of_a_qubit_are_those_of_its_wire(readout, wanted, key):
    """Wire 2 has a gate, wire 1 is read alone, wire 0 and 3 are idle."""
    noise = NoiseModel()
    noise.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [1])
    model = qdl.QNN(4, Template(late), readout)
    for place in (aer(noise=noise, shots=40_000), mitigated(aer(noise=noise, shots=40_000), False)):
        np.testing.assert_allclose(model.on(place).apply([None], key=key), wanted, atol=0.01)


def test_a_layout_has_a_qubit_for_idle_wires_too(key):
    model = qdl.QNN(4, Template(late), qdl.ExpZ([1, 2]))
    held = replace(fake("manila", shots=200), layout=(3, 1, 2, 0))
    for place in (held, mitigated(held)):
        values = model.on(place).apply([None], jnp.zeros((2, 1)), key)
        np.testing.assert_allclose(values, 1.0, atol=0.2)
    assert qdl.backends.transpile_report(model, held).layout == {0: 3, 1: 1, 2: 2, 3: 0}
    assert held.program(model.circuit, (1,)).wires == (0, 1, 2, 3)
