"""A verdict follows the squared norm of the gradient; its intervals, zeros, and the shots it takes."""

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from benchmarks import coverage
from qdl.backends import statevector
from qdl.diagnostics import compare_initializers, gradient_variance, trainability_report
from qdl.diagnostics.result.intervals import of_largest, of_median
from qdl.diagnostics.walk import bits
from qdl.initializers import gaussian, small_angle, uniform
from qdl.layers import Entangler, Repeat, Rotation

KEY = jax.random.key(3)
LAYERS = [Rotation("xy"), Entangler("cz")]
WIDTHS = range(3, 9)


def deep(n, times=1, initializer=None, observable=None):
    readout = qdl.ExpZ(n // 2) if observable is None else qdl.Expval(observable)
    return qdl.QNN(
        n, Repeat(LAYERS, times * n), readout=readout, initializer=initializer or uniform()
    )


def test_small_angles_are_no_plateau_though_the_first_component_falls():
    sweep = gradient_variance(lambda n: deep(n, 1, small_angle(0.1)), WIDTHS, key=KEY)
    first = [row.variance[0] for row in sweep]
    assert first[0] == pytest.approx(2.9e-7, rel=0.05) and first[-1] == pytest.approx(
        3.8e-18, rel=0.05
    )
    largest = [row.maximum for row in sweep]
    assert largest[0] == pytest.approx(0.0098, rel=0.02)
    assert largest[-1] == pytest.approx(0.025, rel=0.02)
    norms = sweep.followed()["value"]
    assert norms[0] == pytest.approx(0.058, rel=0.01) and norms[-1] == pytest.approx(
        0.395, rel=0.01
    )
    assert sweep[3].cost_variance == pytest.approx(7.8e-5, rel=0.02)
    assert sweep[8].cost_variance == pytest.approx(6.1e-4, rel=0.02)
    assert (np.diff(norms) > 0).all() and sweep.verdict != "exponential"


def test_gaussian_starts_are_no_plateau():
    def build(n):
        return deep(n, 1, gaussian((4 * n) ** -0.5), qp.Z(n // 2 - 1) @ qp.Z(n // 2))

    sweep = gradient_variance(build, WIDTHS, key=KEY)
    norms = sweep.followed()["value"]
    assert norms[0] == pytest.approx(1.4, rel=0.01) and norms[-1] == pytest.approx(3.5, rel=0.01)
    assert sweep[8].maximum == pytest.approx(0.11, rel=0.02)
    assert sweep[8].cost_variance == pytest.approx(0.052, rel=0.01)
    assert sweep.verdict == "constant"


def test_uniform_starts_of_deep_circuits_are_a_plateau():
    sweep = gradient_variance(lambda n: deep(n, 2), WIDTHS, key=KEY)
    norms, largest = sweep.followed()["value"], [row.maximum for row in sweep]
    assert norms[0] == pytest.approx(1.9, rel=0.01) and norms[-1] == pytest.approx(0.43, rel=0.02)
    assert largest[0] == pytest.approx(0.11, rel=0.01)
    assert largest[-1] == pytest.approx(0.0042, rel=0.02)


def test_initialisers_are_compared_by_the_whole_gradient():
    starts = {"uniform": uniform(), "small": small_angle(0.1)}
    found = compare_initializers(deep(6, 2), initializers=starts, key=KEY)
    rows = [found["uniform"], found["small"]]
    lines = found.table().splitlines()
    assert "|grad C|^2" in lines[0]
    for row, line in zip(rows, lines[1:], strict=True):
        assert f"{row.squared_norm:.3e}" in line
    factor = rows[1].squared_norm / rows[0].squared_norm
    assert f"{factor:.3g}" in lines[2] and factor > 0.3  # by the median .0057


@pytest.mark.slow
def test_the_report_compares_by_the_whole_gradient():
    page = trainability_report(qdl.models.hardware_efficient(6, 12), key=KEY)
    values = page["alternatives"].values
    [name] = [each for each in values if "small_angle" in each]
    assert values[name]["largest"] > 20 * values["as it is"]["largest"]
    assert values[name]["squared_norm"] > values["as it is"]["squared_norm"]


ENGINES = ["statevector", "dense_moment", "pauli_walk", "pauli_walk_rb", "light_cone"]


@pytest.mark.parametrize("method", ENGINES)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_zeros_are_relative_to_the_observable(method, factor):
    def build(observable):
        return qdl.QNN(3, [*LAYERS, Rotation("x")], readout=qdl.Expval(observable))

    options = {"method": method, "key": KEY, "samples": 200}
    plain = gradient_variance(build(qp.Z(1)), **options)
    other = gradient_variance(build(factor * qp.Z(1)), **options)
    np.testing.assert_array_equal(plain.certified_zero, other.certified_zero)
    assert 0 < plain.certified_zero.sum() < 9
    assert other.squared_norm == pytest.approx(factor**2 * plain.squared_norm, rel=1e-6)
    assert other.shots_needed == plain.shots_needed < np.inf


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_zeros_are_relative_in_single_precision_too(factor):
    """Rounding leaves 1e-7 of the observable: 1e-6 Z has a variance of 5e-13, and is no zero."""

    def build(observable):
        return qdl.QNN(3, [*LAYERS, Rotation("x")], readout=qdl.Expval(observable))

    with jax.enable_x64(False):
        plain, other = (
            gradient_variance(build(c * qp.Z(1)), method="statevector", samples=200, key=KEY)
            for c in (1.0, factor)
        )
    np.testing.assert_array_equal(plain.certified_zero, other.certified_zero)
    assert 0 < plain.certified_zero.sum() < 9 and other.shots_needed < np.inf
    assert other.squared_norm == pytest.approx(factor**2 * plain.squared_norm, rel=1e-4)


@pytest.mark.parametrize("method", ENGINES[1:])
def test_the_squared_norm_is_the_mean_of_that_of_draws(method):
    """Means of derivatives included: with small angles they are not zero."""
    for start in (uniform(), gaussian(0.4)):
        model = qdl.QNN(4, LAYERS * 2, readout=qdl.ExpZ(1), initializer=start)
        drawn = gradient_variance(model, method="statevector", samples=4000, key=KEY)
        row = gradient_variance(model, method=method, key=KEY)
        gap = np.hypot(row.squared_norm_error, drawn.squared_norm_error)
        assert abs(row.squared_norm - drawn.squared_norm) < 4 * gap
        low, high = row.squared_norm_interval
        assert low <= row.squared_norm <= high


OBSERVABLES = {
    "ten": 10 * qp.Z(1),
    "tenth": 0.1 * qp.Z(1),
    "sum": qp.sum(*[qp.Z(wire) for wire in range(4)]),
    "projector": qp.Projector([0] * 4, wires=range(4)),
    "two bases": qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(0) + qp.Y(2),
}


@pytest.mark.parametrize(
    "name", ["sum", *(pytest.param(each, marks=pytest.mark.slow) for each in OBSERVABLES)]
)
def test_shots_needed_give_a_signal_as_large_as_the_noise(name):
    """At S shots the noise of a median component's derivative is as large as its spread over starts."""
    model = qdl.QNN(4, Repeat(LAYERS, 3), readout=qdl.Expval(OBSERVABLES[name]))
    row = gradient_variance(model, key=KEY)
    shots = 40 * int(row.shots_needed)  # S itself is a few, a whole number: the noise falls as 1/S
    k = row.chosen("median")
    sampled = gradient_variance(
        lambda n: model.on(statevector(shots=shots)), (4,), parameter=k, samples=2000, key=KEY
    )[4]
    exact_shots = row.one_shot / (2 * row.variance[k])
    ratio = row.variance[k] / (sampled.floor * shots / exact_shots)
    assert ratio == pytest.approx(1, rel=0.15)  # .21^2 to 10.6^2 where every observable is a word


def test_the_largest_of_several_is_covered():
    """Nearly equal components, whose largest estimate is too large on average."""
    rng, covered, together = np.random.default_rng(0), 0, 0
    for _ in range(400):
        estimates = 1 + 0.1 * rng.normal(size=8)
        low, high = of_largest(estimates - 0.1 * 2.73, estimates + 0.1 * 1.96)
        covered += low <= 1 <= high
        low, high = of_median(estimates - 0.1 * 2.73, estimates + 0.1 * 2.73)
        together += low <= 1 <= high
        assert high - low < 2 * 2.73 * 0.1 * 1.5
    assert covered >= 0.95 * 400 and together >= 0.95 * 400


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 64, 1000])
def test_bits_are_added_up_by_sample(rows):
    words = np.random.default_rng(rows).integers(0, 2**64, (rows, 3), dtype=np.uint64)
    np.testing.assert_array_equal(bits.totals(words), bits.unpacked(words).sum(axis=0))


@pytest.mark.slow
@pytest.mark.parametrize("precision", [32, 64])
@pytest.mark.parametrize("method", coverage.METHODS)
def test_intervals_hold_the_truth(method, precision):
    """Nominal ones within four binomial errors of 95%, those of at least 95% no less often."""
    keys = 200
    error = 4 * (0.95 * 0.05 / keys) ** 0.5
    with jax.enable_x64(precision == 64):
        for name, model in coverage.families().items():
            shares, widths = coverage.coverage(model, method, keys)
            assert (shares > 0.95 - error).all(), (name, shares)
            if method == "statevector":
                assert (widths < 2).all(), (name, widths)
