"""Measured pooling: feed-forward on machines, equal to the controlled rotation within shot error."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.backends import aer, fake, mitigated
from qdl.backends.machines.feed_forward import FeedForward
from qdl.backends.machines.lower import gates
from qdl.layers import AngleEncoding, Composite, Convolution, Pooling, Rotation


def qcnn(kind, n=4, axes="zx"):
    pool = [Pooling(axes, kind=kind), Rotation("xy"), Pooling(axes, kind=kind)]
    return qdl.QNN(n, [AngleEncoding(), Convolution("ttn"), *pool])


@pytest.fixture
def inputs(key):
    model = qcnn("measured")
    return model.init(key), jax.random.uniform(key, (3, 4), minval=0.2, maxval=2.0)


def lowered(place, model, inputs):
    return place.lowered(place.program(model.circuit, inputs[1].shape))


@pytest.mark.parametrize("axes", ["zx", "y", ""])
@pytest.mark.parametrize("n", [4, 5])
def test_pennylane_agrees_that_the_measured_circuit_is_the_controlled_one(axes, n, key):
    """Independent of Qiskit: default.qubit follows every outcome."""
    model = qcnn("measured", n, axes)
    params, x = jax.tree.map(np.asarray, model.init(key)), np.linspace(0.2, 1.5, n)
    with qp.QueuingManager.stop_recording():
        operators = list(FeedForward(model.layers).gates(params, x, model.wires))
    measurements = model.readout.measurements(model.active)
    [tape], join = qp.defer_measurements(qp.tape.QuantumScript(operators, measurements))
    result = qp.execute([tape], qp.device("default.qubit"), diff_method=None)
    np.testing.assert_allclose(np.ravel(join(result)), model.apply(params, x), atol=1e-10)


@pytest.mark.parametrize("readout", [qdl.ExpZ(), qdl.Expval(qp.X(0)), qdl.Probs()])
def test_values_within_shot_error(readout, inputs, key):
    model = qdl.QNN(4, qcnn("measured").layers, readout)
    found = qdl.check(model, aer(shots=4000), *inputs, key)
    assert found.ok, str(found)


def test_gradient_within_shot_error(key):
    """Two shifts an angle instead of four: a gate that waits for an outcome is a plain rotation."""
    model, shots = qdl.QNN(2, [AngleEncoding(), Rotation("y"), Pooling("zy", "measured")]), 2000
    params, x = model.init(key), jnp.array([0.8, 1.3])
    loss = lambda p, m: jnp.sum(m.apply(p, x, key))  # noqa: E731
    found = jax.grad(loss)(params, model.on(aer(shots=shots)))
    wanted = jax.grad(loss)(params, model)
    for f, w in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert np.abs(f - w).max() < 5 * np.sqrt(1 / 2 / shots)
    controlled = qdl.QNN(2, [AngleEncoding(), Rotation("y"), Pooling("zy")])
    programs = [lowered(aer(shots=1), m, (params, x)).program for m in (model, controlled)]
    rules = [program.rules for program in programs]
    assert [max(map(len, r)) for r in rules] == [2, 4]


def test_measurement_saves_two_qubit_gates(inputs):
    def two_qubit_gates(kind):
        circuit = lowered(fake("manila", shots=1), qcnn(kind), inputs)
        circuit = fake("manila", shots=1).compiled(circuit).circuit
        return circuit.count_ops().get("cx", 0), circuit.count_ops().get("if_else", 0)

    (measured, branches), (controlled, none) = map(two_qubit_gates, ("measured", "controlled"))
    assert measured < controlled and none == 0
    assert branches == 3  # pairs, both rotations of a pair in one branch


def test_measured_pooling_inside_of_a_composite_is_measured():
    @dataclass(frozen=True)
    class Level(Composite):
        kind: str

        def parts(self, wires):
            return {"rotate": Rotation("y"), "pool": Pooling("zx", kind=self.kind)}

    def branches(kind):
        place = aer(shots=1)
        program = place.program(qdl.QNN(4, [Level(kind), Rotation("x")]).circuit, None)
        return place.compiled(place.lowered(program)).circuit.count_ops().get("if_else", 0)

    assert branches("measured") == 2 and branches("controlled") == 0


def test_a_fake_machine_feeds_forward(inputs, key):
    """Noise is in the way: the place agrees with itself, controlled, up to noise and shots."""
    place = fake("manila", shots=4000)
    assert place.feeds_forward
    found, other = (qcnn(k).on(place).apply(*inputs, key) for k in ("measured", "controlled"))
    assert np.abs(found - other).max() < 0.15


@pytest.mark.parametrize("place", [aer(shots=4000), fake("manila", shots=400)], ids=["aer", "fake"])
@pytest.mark.parametrize("readout", [qdl.ExpZ((2,)), qdl.Probs((0,))], ids=repr)
def test_gates_that_wait_for_an_outcome_and_are_not_read(readout, place, inputs):
    """Aer cuts off the wires of such gates, and then cannot load them."""
    model = qdl.QNN(4, [AngleEncoding(), Rotation("zx"), Pooling(kind="measured")], readout)
    params = model.init(jax.random.key(1))
    found = model.on(place).apply(params, inputs[1], key=jax.random.key(0))
    room = 0.1 if isinstance(place, type(aer())) else 0.35  # the machine errs
    np.testing.assert_allclose(found, model.apply(params, inputs[1]), atol=room)


def test_bases_that_do_not_read_what_waits_for_an_outcome_are_refused(inputs):
    def model(*observables):
        pooled = [AngleEncoding(), Pooling(kind="measured")]
        return qdl.QNN(4, pooled, qdl.Expval(observables))

    params = model(qp.Z(0)).init(jax.random.key(1))
    with pytest.raises(
        qdl.Refused, match="measures 2 bases, one of which depends not on all gates"
    ):
        split = model(qp.X(0), qp.Z(0) @ qp.Z(2))
        split.on(aer(shots=100)).apply(params, inputs[1], key=jax.random.key(0))
    both = model(qp.X(0) @ qp.Z(2), qp.Z(0) @ qp.Z(2))
    found = both.on(aer(shots=4000)).apply(params, inputs[1], key=jax.random.key(0))
    np.testing.assert_allclose(found, both.apply(params, inputs[1]), atol=0.1)


def test_mitigation_keeps_the_measurements_unless_it_folds(inputs):
    model, place = qcnn("measured"), aer(shots=10)
    names = [
        {o.name for o in mitigated(place, scales=scales).prepared(model.circuit).operators(*inputs)}
        for scales in ((1,), (1, 3))
    ]
    assert "Conditional(RX)" in names[0] and "Conditional(RX)" not in names[1]
    assert mitigated(place).both(model, *inputs, jax.random.key(0)).mitigated.shape == (3, 1)


def test_exact_values_come_from_controlled_rotations(inputs):
    model = qcnn("measured")
    place = aer()
    assert not place.feeds_forward and not lowered(place, model, inputs).measures
    np.testing.assert_allclose(model.on(place).apply(*inputs), model.apply(*inputs), atol=1e-9)


def test_refusals(inputs):
    with qp.QueuingManager.stop_recording():
        bits = [qp.measure(0), qp.measure(1)]
        both = [*bits[0].measurements, *bits[1].measurements]
        either = [*both, qp.ops.Conditional(bits[0] | bits[1], qp.X(2))]
    with pytest.raises(ValueError, match="gates that wait for one outcome 1 are lowered, got"):
        [list(gates(operator)) for operator in either]
    with pytest.raises(ValueError, match="shots=None cannot let gates depend on outcomes. Exp"):
        aer().evaluate(both, [qp.Z(2)], None)
