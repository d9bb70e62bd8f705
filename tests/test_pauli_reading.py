"""Circuits as gates on Pauli words: loops, composites, adjoints and starts."""

from dataclasses import dataclass

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.diagnostics import gradient_variance
from qdl.initializers import identity_blocks, uniform
from qdl.layers import (
    Adjoint,
    AngleEncoding,
    Composite,
    Entangler,
    Layer,
    Mirrored,
    RandomRotation,
    Repeat,
    Rotation,
    Template,
)
from qdl.pauli.circuit import pauli_circuit
from qdl.pauli.operators import AxisRotation, Clifford, FixedGate, PauliRotation
from qdl.pauli.parameters import TIED, parameters

KEY = jax.random.key(0)
ZZ = qdl.Expval(qp.Z(0) @ qp.Z(1))


@dataclass(frozen=True)
class Sandwich(Composite):
    """Two slices about a filling."""

    bread: Layer

    def parts(self, wires):
        return {"below": self.bread, "filling": Entangler("cz"), "above": Adjoint(self.bread)}


BLOCK = [Rotation("xz"), Entangler("cnot")]
CIRCUITS = {
    "composite": [Sandwich(Rotation("xy")), Rotation("y")],
    "repeated composite": [Repeat(Sandwich(Rotation("xy")), 2), Rotation("y")],
    "adjoint of repeat": [Rotation("y"), Adjoint(Repeat(BLOCK, 3))],
    "repeat in repeat": [Repeat([Repeat(BLOCK, 2), Rotation("y")], 2)],
    "mirrored repeat": [Mirrored(Repeat(BLOCK, 2))],
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_entries_are_those_of_the_flattened_parameters(name):
    """The derivative by entry k is that of the gate whose angle is entry k: each is shifted alone."""
    model = qdl.QNN(2, CIRCUITS[name], readout=ZZ)
    circuit = pauli_circuit(model)
    flat, unravel = jax.flatten_util.ravel_pytree(model.init(KEY))
    written = [
        float(v)
        for op in model.operators(unravel(np.arange(1.0, flat.size + 1)), None)
        for v in op.data
    ]
    found = [e.angle.scale * (e.angle.entry + 1) for e in circuit.elements if e.angle is not None]
    assert found == written and circuit.size == flat.size
    exact = gradient_variance(model, method="dense_moment", key=KEY)
    drawn = gradient_variance(model, method="statevector", samples=2000, key=KEY)
    np.testing.assert_array_less(
        abs(exact.variance - drawn.variance), 5 * drawn.standard_error + 1e-12
    )


def test_a_layer_is_read_once_however_often_it_runs():
    calls = []

    def counted(params, x, wires):
        calls.append(1)
        return [qp.RX(params[0], wires[0]), qp.CNOT(wires[:2])]

    counts = []
    for times in (2, 50):
        calls.clear()
        layers = Repeat([Repeat(Template(counted, (1,)), times), Rotation("y")], 3)
        assert pauli_circuit(qdl.QNN(2, layers)).size == 3 * (times + 2)
        counts.append(len(calls))
    assert counts[1] <= counts[0] <= 4  # the first of them also tried how many features it reads


def test_an_angle_that_is_computed_names_its_layer():
    squared = Template(lambda p, x, w: [qp.RX(p[0] ** 2, w[0])], (1,))
    with pytest.raises(
        qdl.Refused, match="^Template computes the angle of RX on wires .0.: it is "
    ):
        pauli_circuit(qdl.QNN(2, [Rotation("y"), Adjoint(Repeat(squared, 2))]))


def test_a_random_rotation_is_one_in_an_adjoint_too():
    model = qdl.QNN(2, [RandomRotation(), Entangler("cz"), Adjoint(RandomRotation())], readout=ZZ)
    kinds = [type(e) for e in pauli_circuit(model).elements]
    assert kinds == [AxisRotation] * 2 + [Clifford] + [AxisRotation] * 2
    exact = gradient_variance(model, method="dense_moment", key=KEY)
    drawn = gradient_variance(model, method="statevector", samples=4000, key=KEY)
    np.testing.assert_array_less(
        abs(exact.variance - drawn.variance), 5 * drawn.standard_error + 1e-12
    )


def test_features_that_are_given_are_constants():
    layers = [
        AngleEncoding(),
        Rotation("y"),
        Template(lambda p, x, w: [qp.RZ(p[0] * x[..., 0], w[0])], (1,)),
    ]
    read = pauli_circuit(qdl.QNN(2, layers), np.array([0.3, 0.7])).elements
    assert [type(e) for e in read] == [FixedGate] * 2 + [PauliRotation] * 3
    assert read[-1].angle.scale == pytest.approx(0.3)


def test_gates_of_one_name_and_other_settings_are_told_apart():
    images = []
    for value in (0, 1):
        flip = Template(lambda p, x, w, v=value: [qp.MultiControlledX(wires=w, control_values=[v])])
        (gate,) = pauli_circuit(qdl.QNN(2, [flip, Rotation("y")])).elements[:1]
        images.append(gate.sign.tolist())
    assert images[0] != images[1]  # IZ goes to ZZ, or to -ZZ


@dataclass(frozen=True)
class OwnStart(Sandwich):
    """Parameters drawn in a way of its own."""

    def init(self, key, wires, initializer=None):
        return super().init(key, wires, uniform(0.0, 0.1))


def test_names_and_laws_of_parameters():
    model = qdl.QNN(2, [Rotation("y"), Sandwich(Rotation("x")), Repeat(Rotation("z"), 2)])
    names = ["0 Rotation"] * 2 + ["1 Sandwich.below Rotation"] * 2
    names += ["1 Sandwich.above Adjoint Rotation"] * 2
    shape = [sorted(names[2:], key=lambda n: "below" in n)]  # of a dict the keys are sorted
    assert list(parameters(model).layers[:6]) == names[:2] + shape[0]
    assert (
        parameters(model).layers[6:]
        == ("2 Repeat[0] Rotation",) * 2 + ("2 Repeat[1] Rotation",) * 2
    )
    mirrored = qdl.QNN(2, Mirrored(Sandwich(Rotation("y"))), initializer=identity_blocks())
    assert set(parameters(mirrored).laws) == {TIED}
    own = qdl.QNN(2, OwnStart(Rotation("y")))
    assert set(parameters(own).laws) == {"OwnStart draws its parameters in a way of its own"}
    with pytest.raises(qdl.Refused, match="not known: OwnStart draws its parameters in a way"):
        pauli_circuit(own)
