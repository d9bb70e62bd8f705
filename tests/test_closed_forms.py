"""Exact second moments against closed forms and published figures."""

import math

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.diagnostics import gradient_variance
from qdl.initializers import gaussian, uniform
from qdl.layers import (
    Convolution,
    Entangler,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Template,
)

RNG = np.random.default_rng(7)
KEY = jax.random.key(0)


def exact(model, **options):
    return gradient_variance(model, method="dense_moment", key=KEY, **options)


def walked(model, **options):
    return gradient_variance(model, method="pauli_walk", key=KEY, **options)


def projector(n):
    return qp.Projector([0] * n, wires=range(n))


def all_z(n):
    return qp.prod(*[qp.Z(i) for i in range(n)])


def rotated(n, axes, observable):
    return qdl.QNN(n, Rotation(axes), readout=qdl.Expval(observable))


@pytest.mark.parametrize("n", [3, 5, 7])
@pytest.mark.parametrize(
    ("axes", "observable", "wanted"),
    [
        ("x", projector, lambda n: (1 / 8) * (3 / 8) ** (n - 1)),  # Cerezo 2021, warm-up
        ("xy", projector, lambda n: (1 / 16) * (5 / 16) ** (n - 1)),
        ("xy", all_z, lambda n: (1 / 4) ** n),
        ("y", all_z, lambda n: (1 / 2) ** n),
    ],
)
def test_product_circuits(n, axes, observable, wanted):
    row = exact(rotated(n, axes, observable(n)))
    np.testing.assert_allclose(row.variance[0], wanted(n), rtol=1e-9)
    by_walk = walked(rotated(n, axes, observable(n)), samples=2**16)
    assert abs(by_walk.variance[0] - wanted(n)) < 4.5 * by_walk.standard_error[0]


@pytest.mark.parametrize("n", [3, 6])
def test_local_cost_as_a_function_of_the_readout(n):
    model = qdl.QNN(
        n, Rotation("x"), readout=qdl.Expval([qp.Projector([0], wires=i) for i in range(n)])
    )
    row = exact(model, cost=lambda p: 1 - p.mean())
    np.testing.assert_allclose(row.variance, 1 / (8 * n**2), rtol=1e-9)
    assert row.cost_mean == pytest.approx(0.5)
    by_probabilities = qdl.QNN(n, Rotation("x"), readout=qdl.Probs())
    weights = np.array([1 - format(b, "b").count("1") / n for b in range(2**n)])
    same = exact(by_probabilities, cost=lambda p: 1 - p @ weights)
    np.testing.assert_allclose(same.variance, row.variance, rtol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_between_two_designs(n):
    # one rotation between deep circuits: Haar on both sides. (CNOTs: with a ring of CZ, three
    # wires keep an antiunitary symmetry and the variance is 1.094 times this.)
    deep = Repeat([Rotation("zyz"), Entangler("cnot")], 60)
    middle = Template(lambda p, x, w: [qp.RX(p[0], w[0])], (1,))
    row = exact(qdl.QNN(n, [deep, middle, deep], readout=qdl.Expval(qp.Z(0))))
    (at,) = [i for i, name in enumerate(row.layers) if "Template" in name]
    d = 2**n
    np.testing.assert_allclose(row.variance[at], d**2 / (2 * (d + 1) * (d**2 - 1)), rtol=1e-9)
    np.testing.assert_allclose(row.cost_variance, 1 / (d + 1), rtol=1e-9)


def ising_chain(n, depth, observable):
    block = [Entangler("isingxx"), Rotation("z")]
    return qdl.QNN(n, Repeat(block, depth), readout=qdl.Expval(observable))


@pytest.mark.parametrize(("n", "depth"), [(3, 60), (4, 120)])
def test_free_fermions(n, depth):
    row = exact(ising_chain(n, depth, qp.Z(n // 2)))
    np.testing.assert_allclose(row.cost_variance, 1 / (2 * n - 1), rtol=1e-6)
    pair = exact(ising_chain(n, depth, qp.Z(0) @ qp.Z(1)))
    np.testing.assert_allclose(pair.cost_variance, math.comb(n, 2) / math.comb(2 * n, 4), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "depth"), [(50, 1500), (100, 4000)])
def test_free_fermions_on_many_wires(n, depth):
    row = walked(ising_chain(n, depth, qp.Z(n // 2)), samples=2**16)
    low, high = row.cost_interval
    assert low < 1 / (2 * n - 1) < high and high < 1.5 * low


# McClean's family, averaged over axes and angles: (n, depth) -> variance of the first angle
MCCLEAN = {
    (2, 5): 0.089129, (4, 10): 0.047591, (4, 50): 0.021125, (6, 5): 0.068386, (6, 100): 5.2234e-3,
    (8, 20): 0.020071,
}  # fmt: skip
MCCLEAN_SLOW = {
    (2, 200): 0.088889, (4, 200): 0.020915, (6, 200): 5.2096e-3, (8, 50): 3.1133e-3, (8, 100): 1.3450e-3,
    (8, 200): 1.3021e-3, (10, 5): 0.068386, (10, 10): 0.045210, (10, 20): 0.020024, (10, 50): 2.5067e-3,
    (10, 100): 3.9401e-4,
}  # fmt: skip


@pytest.mark.parametrize(("size", "wanted"), MCCLEAN.items())
def test_mcclean_table(size, wanted):
    row = exact(qdl.models.mcclean(*size))
    assert row.variance[0] == pytest.approx(wanted, rel=3e-5)  # as printed, to five digits


@pytest.mark.slow
@pytest.mark.parametrize(("size", "wanted"), MCCLEAN_SLOW.items())
def test_mcclean_table_in_full(size, wanted):
    test_mcclean_table(size, wanted)


def test_mcclean_limit():
    for n in (2, 3, 4):
        row = exact(qdl.models.mcclean(n, 400))
        np.testing.assert_allclose(row.variance[0], 2**n / (3 * (4**n - 1)), rtol=1e-6)


def one_layer(n, high):
    tilt = Template(lambda p, x, w: [qp.RY(np.pi / 4, i) for i in w])
    layers = [tilt, RandomRotation(initializer=uniform(0.0, high)), Entangler("cz")]
    return qdl.QNN(n, layers, readout=qdl.Expval(projector(n)))


def test_pennylane_tutorial():
    # the loop over widths draws from (0, pi), the first half from (0, 2 pi)
    wanted = {
        2 * np.pi: (0.02950, 0.01393, 0.00657, 0.00310, 0.00146),
        np.pi: (0.01818, 0.00790, 0.00333, 0.00138, 0.00057),
    }
    slopes = {2 * np.pi: -0.7507, np.pi: -0.868}
    for high, values in wanted.items():
        sizes = np.arange(2, 6 if high == np.pi else 7)  # six wires: under slow
        found = [exact(one_layer(int(n), high)).variance[-1] for n in sizes]
        np.testing.assert_allclose(found, values[: len(sizes)], atol=6e-6)
        assert np.polyfit(sizes, np.log(found), 1)[0] == pytest.approx(slopes[high], abs=0.02)


@pytest.mark.slow
def test_pennylane_tutorial_slope():
    sizes = np.arange(2, 7)
    found = [exact(one_layer(int(n), np.pi)).variance[-1] for n in sizes]
    assert np.polyfit(sizes, np.log(found), 1)[0] == pytest.approx(-0.868, abs=5e-4)


def hea(n, depth, observable, initializer=None, axes="xy", pattern="chain"):
    block = [Rotation(axes), Entangler("cz", pattern)]
    return qdl.QNN(n, Repeat(block, depth), readout=qdl.Expval(observable), initializer=initializer)


@pytest.mark.parametrize(
    ("variance", "local", "whole"),
    [(0.02, 0.6375, 0.26224), (0.1, 0.19176, 0.01798), (0.5, 0.04367, 0.01246)],
)
def test_gaussian_starts(variance, local, whole):
    init = gaussian(math.sqrt(variance))
    for observable, wanted in ((qp.Z(2) @ qp.Z(3), local), (all_z(6), whole)):
        row = exact(hea(6, 6, observable, init))
        assert row.cost_variance + row.cost_mean**2 == pytest.approx(wanted, abs=6e-5)
        sampled = walked(hea(6, 6, observable, init), samples=2**16)
        assert sampled.cost_mean == pytest.approx(row.cost_mean, abs=1e-12)
        assert ((sampled.low <= row.variance + 1e-12) & (row.variance <= sampled.high)).mean() > 0.9


@pytest.mark.parametrize("n", [20, 100])
def test_mean_of_a_gaussian_start_on_many_wires(n):
    init = gaussian(math.sqrt(1 / (4 * n)))
    observable = qp.Z(n // 2 - 1) @ qp.Z(n // 2)
    row = walked(hea(n, n, observable, init), samples=2**10)
    assert row.cost_mean**2 == pytest.approx(math.exp(-1), abs=1e-4)


def test_terms_that_interfere():
    # O = Z0 + Z0 Z1 on a state that keeps Z1 = 1: E C^2 = 2; term by term it would be 1
    turn = Template(lambda p, x, w: [qp.RX(p[0], w[0])], (1,))
    model = qdl.QNN(2, turn, readout=qdl.Expval(qp.Z(0) + qp.Z(0) @ qp.Z(1)))
    assert exact(model).variance[0] == pytest.approx(2, abs=1e-12)
    row = walked(model, samples=2**16)
    assert row.low[0] < 2 < row.high[0]
    minus = qdl.QNN(2, turn, readout=qdl.Expval(qp.Z(0) - qp.Z(0) @ qp.Z(1)))
    assert walked(minus, samples=2**10).maximum == 0 == exact(minus).maximum


def unshared_qcnn(n):
    layers, left = [], n
    while left > 1:
        drop = Template(
            lambda p, x, w: [qp.CNOT([w[i + 1], w[i]]) for i in range(0, len(w) - 1, 2)]
        )
        layers += [Convolution(shared=False), drop, Pooling("")]
        left = (left + 1) // 2
    return qdl.QNN(n, layers)


def test_qcnn_with_weights_of_its_own():
    assert exact(unshared_qcnn(4)).cost_variance == pytest.approx(0.060996, abs=1e-6)
    row = walked(unshared_qcnn(16), samples=2**17)
    assert row.cost_interval[0] < 8.5e-4 and row.cost_interval[1] > 6.5e-4  # 7.56(28)e-4


@pytest.mark.slow
def test_qcnn_on_eight_wires():
    assert exact(unshared_qcnn(8)).cost_variance == pytest.approx(0.00901374, abs=1e-8)


def test_controlled_rotations_over_both_turns():
    init = uniform(0.0, 4 * np.pi)
    layers = [Rotation("xy"), Entangler("crx"), Rotation("xy")]
    model = qdl.QNN(3, layers, readout=qdl.Expval(qp.Z(1) @ qp.Z(2)), initializer=init)
    row, sampled = exact(model), walked(model, samples=2**17)
    live = row.variance > 1e-12
    z = (sampled.variance - row.variance)[live] / sampled.standard_error[live]
    assert abs(z).max() < 4.5


def brick_wall(n, depth, at):
    """RY and RZ on every wire, then CZ on even pairs in even layers and on odd pairs in odd ones."""
    even, odd = (tuple((i, i + 1) for i in range(first, n - 1, 2)) for first in (0, 1))
    block = [Rotation("yz"), Entangler("cz", even), Rotation("yz"), Entangler("cz", odd)]
    observable = qp.Z(at) @ qp.Z(at + 1)
    return qdl.QNN(n, Repeat(block, depth // 2), readout=qdl.Expval(observable))


def test_local_shallow_circuit_against_the_edge_of_the_wall():
    assert exact(brick_wall(10, 4, 5)).cost_variance == pytest.approx(0.0713, abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "wanted"), [(4, 0.0961), (8, 0.0348), (16, 0.00551)])
def test_local_shallow_circuits_at_a_hundred_wires(depth, wanted):
    row = walked(brick_wall(100, depth, 50), samples=2**20)
    assert row.cost_variance == pytest.approx(wanted, rel=0.03)
    if depth == 4:
        assert row.maximum == pytest.approx(wanted, rel=0.03)
        assert row.variance.sum() == pytest.approx(0.8165, rel=0.03)
