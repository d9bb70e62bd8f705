"""Exact moments with the gates and the errors of a fake machine."""

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.backends import fake
from qdl.diagnostics import gradient_variance
from qdl.diagnostics.engine import Task
from qdl.diagnostics.engines.dense_moment import moments
from qdl.diagnostics.engines.on_machine import on_machine
from qdl.initializers import gaussian
from qdl.layers import Entangler, Rotation, Template

KEY = jax.random.key(3)


def tilted(params, x, wires):
    """Angles away from Clifford points: what is compared is a mean of some size."""
    for i, wire in enumerate(wires):
        yield qp.RY(0.5 + 0.3 * i, wire)
        yield qp.RX(0.7 - 0.2 * i, wire)


def small(n, readout=None):
    layers = [Template(tilted), Entangler("cz"), Rotation("xy", initializer=gaussian(1e-3))]
    return qdl.QNN(
        n, [*layers, Entangler("cnot"), Rotation("x", initializer=gaussian(1e-3))], readout
    )


@pytest.mark.parametrize(
    "readout", [qdl.ExpZ(0), qdl.Expval(qp.Z(1) @ qp.Z(2)), qdl.Expval(qp.Z(0) - 0.5 * qp.Z(2))]
)
def test_the_mean_is_what_the_machine_shows(readout):
    """At angles that hardly vary, the exact mean against many shots of the machine itself."""
    place = fake("torino", shots=200_000)
    model = small(3, readout).on(place)
    circuit = on_machine(Task(model, KEY))
    exact = moments(circuit).mean + circuit.observable.offset
    shown = float(model.apply(model.init(KEY), key=KEY)[0])
    plain = small(3, readout)
    without = float(plain.apply(plain.init(KEY))[0])
    assert abs(exact - shown) < 5 * 1.12 / 200_000**0.5
    assert abs(exact - without) > 0.01  # errors are seen at all


def layered(n):
    return qdl.QNN(n, [Rotation("xy"), Entangler("cz")] * 2, qdl.Expval(qp.Z(0) @ qp.Z(1)))


def test_errors_damp_the_gradient():
    place = fake("torino", shots=100)
    damped = gradient_variance(layered(3).on(place), method="dense_moment", key=KEY)
    alone = gradient_variance(layered(3), method="dense_moment", key=KEY)
    assert 0.5 * alone.squared_norm < damped.squared_norm < 0.98 * alone.squared_norm
    assert damped.n_wires == 3 and "errors of torino" in str(damped.certificate)
    np.testing.assert_array_equal(damped.certified_zero, alone.certified_zero)
    assert gradient_variance(layered(3).on(place), samples=4, key=KEY).method == "sampled"


@pytest.mark.slow
def test_measured_beside_predicted():
    place = fake("torino", shots=200)
    predicted = gradient_variance(layered(3).on(place), method="dense_moment", key=KEY)
    measured = gradient_variance(lambda n: layered(n).on(place), (3,), samples=400, key=KEY)[3]
    gap = abs(measured.squared_norm - predicted.squared_norm)
    assert gap < 4 * measured.squared_norm_error < 0.5 * predicted.squared_norm
    gap = abs(measured.cost_variance - predicted.cost_variance)
    assert gap < 4 * measured.cost_error


def shared(params, x, wires):
    return [qp.RX(params[0], wire) for wire in wires]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (qdl.QNN(2, Template(shared, shape=(1,)), qdl.Expval(qp.Z(0) @ qp.Z(1))), "tied angles"),
        (qdl.QNN(2, Rotation("x"), qdl.Expval(qp.X(0))), "Measure words of Z"),
    ],
)
def test_refused(model, said):
    with pytest.raises(qdl.Refused, match=said):
        gradient_variance(model.on(fake("manila")), method="dense_moment", key=KEY)
