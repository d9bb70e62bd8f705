"""Gradients on places that sample: without the noise of the shots, with what they cannot resolve."""

import re

import jax
import numpy as np
import pennylane as qp
import pytest
from jax.flatten_util import ravel_pytree

import qdl
from qdl import simulator
from qdl.backends import aer, density_matrix, fake, mitigated, statevector, trajectories
from qdl.diagnostics import gradient_variance
from qdl.diagnostics.engine import Task
from qdl.diagnostics.engines import halves
from qdl.diagnostics.engines.sampled import certified, price
from qdl.diagnostics.engines.starts import starts
from qdl.initializers import beta, gaussian, identity_blocks, small_angle, uniform
from qdl.layers import AngleEncoding, Entangler, Mirrored, Noise, Repeat, Rotation, Template

KEY = jax.random.key(7)


def word(n):
    return qp.prod(*[qp.Z(wire) for wire in range(n)])


def product(n):
    """C = cos(t_1) ... cos(t_n): every component has the variance 2^-n, and there are n."""
    return qdl.QNN(n, Rotation("x"), readout=qdl.Expval(word(n)))


def brick(n=4):
    layers = [Rotation("xy"), Entangler("cz", "brick")]
    return qdl.QNN(n, Repeat(layers, 2), readout=qdl.ExpZ(0))


def hardware_efficient(n):
    return qdl.QNN(n, [Rotation("xy"), Entangler("cz")] * n, readout=qdl.Expval(word(n)))


def sigmas(found, truth):
    return abs(found.value - truth) / found.error


def test_a_product_state_is_a_plateau_with_few_shots():
    """The plain variance never falls below the floor of the shots, which looks like a polynomial."""
    few = lambda n: product(n).on(statevector(shots=100))  # noqa: E731
    sweep = gradient_variance(few, (2, 4, 6, 8, 10), key=KEY)
    assert sweep.verdict == "exponential"
    for row, point in zip(sweep, sweep.points(None), strict=True):
        n = row.n_wires
        assert sigmas(point, n / 2**n) < 4 and row.method == "sampled"
        assert abs(row.cost_variance - 2.0**-n) < 4 * row.cost_error
        # of one Pauli word w = 1 - E f^2, and a derivative's noise is w / 2S
        assert row.floor == pytest.approx((1 - 2.0**-n) / 200, rel=0.3)
    naive = sweep[10].sampling.squared_norm.floor / 10 + 2.0**-10
    assert naive > 4 * 2.0**-10


def test_what_shots_cannot_resolve_is_said():
    few = lambda n: product(n).on(statevector(shots=4))  # noqa: E731
    sweep = gradient_variance(few, (6, 12), key=KEY, samples=100)
    assert not sweep.points(None)[0].exact and sweep.points(None)[1].censored
    said = re.search(
        r"on 12 wires below what 4 shots resolve: it takes at least (\d+)", sweep.table()
    )
    assert said and int(said[1]) == sweep[12].shots_needed
    assert "needs at least" in sweep[12].table() and sweep[12].shots_needed > 10
    low, high = sweep[12].squared_norm_interval
    assert low < 12 / 2**12 < high and low < 0


@pytest.mark.slow
def test_a_deep_circuit_with_few_shots():
    few = lambda n: hardware_efficient(n).on(statevector(shots=100))  # noqa: E731
    sweep = gradient_variance(few, range(2, 11), key=KEY)
    exact = gradient_variance(hardware_efficient, range(2, 8), method="dense_moment", key=KEY)
    for row, point in zip(exact, sweep.points(None), strict=False):
        assert sigmas(point, row.squared_norm) < 4
    # The law is as of the exact values, with which those of the shots agree; it bends to -1 per wire.
    assert sweep.verdict == "exponential" and sweep.verdict.argument == "moments and data"
    assert sweep.verdict.rate == pytest.approx(-0.42, abs=0.02)
    local = np.diff(np.log2([row.squared_norm for row in exact]))
    assert -1 < local[-1] < -0.5


def test_outcomes_in_numpy_are_those_of_the_simulator():
    """Means and variances of values that share a basis, or have one each; a NaN stays one."""
    readout = qdl.Expval((qp.Z(0) @ qp.Z(1) + 0.5 * qp.Z(2), qp.X(0)))
    model = qdl.QNN(3, [Rotation("xy"), Entangler("cz"), Rotation("y")], readout=readout)
    params, shots = model.init(KEY), 50
    exact = np.asarray(simulator.distributions(model.circuit, params, None))[None]
    bases = simulator.bases(model.measured)
    rng = np.random.default_rng(0)
    found = simulator.drawn_values(bases, np.repeat(exact, 20_000, 0), shots, rng)
    noisy = model.on(statevector(shots=shots))
    keys = jax.random.split(KEY, 20_000)
    other = np.asarray(jax.vmap(lambda key: noisy.apply(params, key=key))(keys))
    np.testing.assert_allclose(
        found.mean(0), model.apply(params), atol=4 * 1.5 / (50 * 20_000) ** 0.5
    )
    np.testing.assert_allclose(np.cov(found.T), np.cov(other.T), atol=0.05 * np.cov(other.T).max())
    assert np.isnan(simulator.drawn_values(bases, exact * np.nan, shots, rng)).all()


PLACES = {
    "statevector": statevector(shots=1000),
    "aer": aer(shots=1000),
    "fake": fake("manila", shots=500),
}


def test_structure_certifies_zeros_before_anything_runs():
    exact = gradient_variance(brick(), key=KEY).certified_zero
    for place in PLACES.values():
        np.testing.assert_array_equal(certified(Task(brick().on(place), KEY)), exact)
    tied_brick = qdl.QNN(4, [Template(tied, shape=(1,)), Rotation("zx")], readout=qdl.ExpZ(0))
    found = certified(
        Task(tied_brick, KEY)
    )  # RX; then z and x on each wire, only the first is read
    assert found.tolist() == [False] * 3 + [True] * 6


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_structure_certifies_zeros_on_every_place(name):
    exact = gradient_variance(brick(), key=KEY)
    row = gradient_variance(brick().on(PLACES[name]), key=KEY, samples=60)
    np.testing.assert_array_equal(row.certified_zero, exact.certified_zero)
    assert row.certified_zero.sum() == 10 and (row.method, exact.floor) == ("sampled", None)
    assert np.isfinite(row.variance).all() and row.limit < row.floor < row.naive.max()
    assert 0.5 * exact.shots_needed < row.shots_needed < 2 * exact.shots_needed
    if name != "fake":
        off = np.abs(row.variance - exact.variance) / np.maximum(row.standard_error, 1e-9)
        assert off[~row.certified_zero].max() < 4


def test_a_sweep_draws_components_and_one_alone_can_be_asked_for():
    place = statevector(shots=200)
    build = lambda n: brick(n).on(place)  # noqa: E731
    exact = gradient_variance(brick(), key=KEY)
    drawn = gradient_variance(build, (4,), key=KEY, samples=1500)[4]
    assert drawn.sampling.drawn and drawn.sampling.evaluations == 1500 * 2 * 3
    assert abs(drawn.squared_norm - exact.squared_norm) < 4 * drawn.squared_norm_error
    assert np.isnan(drawn.variance[~drawn.certified_zero]).all() and np.isnan(drawn.maximum)
    one = gradient_variance(build, (4,), parameter=8, key=KEY, samples=1500)
    row = one[4]
    assert abs(row.variance[8] - exact.variance[8]) < 4 * row.standard_error[8]
    assert np.isnan(row.squared_norm) and "not measured" not in one.table()
    with pytest.raises(ValueError, match="no parameter 99 on 4 wires, expected an index below 16"):
        gradient_variance(build, (4,), parameter=99, key=KEY, samples=10)


@pytest.mark.slow
def test_angles_with_other_rules_are_drawn_too():
    """Four terms of a controlled rotation, a factor before an angle; the mean is that of all."""
    layers = [AngleEncoding(scale=0.5), Rotation("x"), Entangler("crx", "chain"), Rotation("y")]
    model = qdl.QNN(3, layers, readout=qdl.ExpZ(2))
    exact = gradient_variance(model, method="statevector", samples=3000, key=KEY)
    row = gradient_variance(
        lambda n: model.on(statevector(shots=500)), (3,), key=KEY, samples=3000
    )[3]
    gap = np.hypot(row.squared_norm_error, exact.squared_norm_error)
    assert row.sampling.drawn and abs(row.squared_norm - exact.squared_norm) < 4 * gap
    assert row.sampling.evaluations == 3000 * 2 * 5


@pytest.mark.parametrize("place", [None, statevector(shots=200)], ids=["statevector", "sampled"])
def test_draws_go_on_until_the_interval_is_narrow(place):
    """In parts of 100; every draw counts, and the answer is right."""
    build = brick if place is None else lambda n: brick(n).on(place)
    method = "statevector" if place is None else "auto"

    def row(**options):
        return gradient_variance(build, (2,), key=KEY, method=method, **options)[2]

    exact = gradient_variance(brick(2), key=KEY)
    wide, narrow = (row(interval=each) for each in (0.5, 0.1))
    for found, wanted in ((wide, 0.5), (narrow, 0.1)):
        assert found.draws % 100 == 0 and not any("asked for" in t for t in found.warnings)
        assert 1.96 * found.squared_norm_error <= wanted * found.squared_norm
        assert abs(found.squared_norm - exact.squared_norm) < 4 * found.squared_norm_error
    assert wide.draws < narrow.draws < 5000
    short = row(interval=0.01, samples=200)
    assert short.draws == 200 and "200 draws the interval is within" in short.warnings[-1]
    k = int(np.argmax(exact.variance))
    one = row(interval=0.3, parameter=k)
    assert 1.96 * one.standard_error[k] <= 0.3 * one.variance[k]


def test_an_interval_is_priced_and_sent_part_by_part():
    task = Task(brick(2).on(aer(shots=50)), KEY, samples=350, components="drawn", interval=1e-3)
    asked, seconds = price(task)
    assert asked == 350 * 2 * 3 and seconds == pytest.approx(4 * 2 + asked * 50 * 0.00035)
    row = gradient_variance(
        lambda n: brick(n).on(aer(shots=50)), (2,), interval=1e-3, samples=350, key=KEY
    )[2]
    assert (row.sampling.evaluations, row.sampling.jobs) == (asked, 4)  # 100, 100, 100, 50
    assert row.sampling.qpu_seconds == seconds
    for wrong in (0, -0.1, "narrow", np.nan):
        with pytest.raises(ValueError, match="interval must be a number > 0, got"):
            gradient_variance(brick(), interval=wrong, key=KEY)


def test_walks_go_on_until_the_interval_is_narrow():
    model = hardware_efficient(6)
    exact = gradient_variance(model, method="dense_moment", key=KEY)
    rows = [
        gradient_variance(model, method="pauli_walk", interval=each, key=KEY)
        for each in (0.1, 0.01)
    ]
    assert rows[0].draws < rows[1].draws and not any("asked for" in t for t in rows[1].warnings)
    for row in rows:
        assert abs(row.squared_norm - exact.squared_norm) < 4 * row.squared_norm_error


def tied(params, x, wires):
    return [qp.RX(params[0], w) for w in wires]


def test_tied_angles_are_measured_whole():
    """C = cos(t)^2: E C'^2 = E sin(2t)^2 = 1/2, of one angle of two gates."""
    model = qdl.QNN(2, Template(tied, shape=(1,)), readout=qdl.Expval(word(2)))
    row = gradient_variance(
        lambda n: model.on(statevector(shots=200)), (2,), key=KEY, samples=1000
    )[2]
    assert not row.sampling.drawn and abs(row.squared_norm - 0.5) < 4 * row.squared_norm_error


def test_features_are_given_or_drawn_with_each_start():
    """C = cos(x + t): given or drawn, E sin^2 = 1/2, by both ways of measuring."""
    model = qdl.QNN(2, [AngleEncoding("x"), Rotation("x")], readout=qdl.ExpZ(0))
    model = model.on(statevector(shots=200))
    for x in (None, np.array([0.3, 0.4])):
        whole = gradient_variance(model, x=x, key=KEY, samples=300)
        drawn = gradient_variance(lambda n: model, (2,), x=x, key=KEY, samples=300)[2]
        for row in (whole, drawn):
            assert abs(row.squared_norm - 0.5) < 4 * row.squared_norm_error < 0.2


@pytest.mark.parametrize(
    "law", [uniform(-1.0, 2.0), small_angle(0.3), gaussian(0.5), beta(0.5, 2.0)], ids=repr
)
def test_starts_in_numpy_are_those_of_the_model(law):
    """Where laws are known: the same distribution as ``init``, in the same tree; others as they are drawn."""
    model = qdl.QNN(2, [AngleEncoding("x"), Rotation("xy"), Entangler("cz")], initializer=law)
    flat, features, layout = starts(model, None, KEY, 4000, np.random.default_rng(0))
    drawn = np.asarray(law(KEY, (20_000,)))
    assert flat.shape == (4000, model.n_params) and features.shape == (4000, 2)
    assert flat[:, -1].mean() == pytest.approx(drawn.mean(), abs=0.05)
    assert flat[:, -1].std() == pytest.approx(drawn.std(), rel=0.05)
    tree, wanted = layout.tree(flat[0]), model.init(KEY)
    assert jax.tree.map(np.shape, tree) == jax.tree.map(np.shape, wanted)
    np.testing.assert_allclose(ravel_pytree(tree)[0], flat[0], rtol=1e-6)
    tied = qdl.QNN(2, Mirrored(Rotation("x")), initializer=identity_blocks())
    flat, _, layout = starts(tied, None, KEY, 3, np.random.default_rng(0))
    np.testing.assert_allclose(
        tied.apply(layout.tree(flat[1]), key=KEY), 1.0, atol=1e-6
    )  # blocks that undo themselves


def test_halves_know_their_noise():
    """Signal and noise that are known: what is subtracted, what is left, and how sure that is."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        signal = rng.normal(0, 0.1, (200, 3))
        a, b = (signal + rng.normal(0, [0.5, 1.0, 0.2], (200, 3)) for _ in range(2))
        found.append(halves.squared_norm(a, b, 1.0))
    values = np.array([f.value for f in found])
    assert abs(values.mean() - 0.03) < 4 * values.std() / 300**0.5
    assert np.mean([f.noise.floor for f in found]) == pytest.approx(0.25 + 1 + 0.04, rel=0.02)
    assert np.mean([f.error for f in found]) == pytest.approx(values.std(), rel=0.1)
    without = (0.5**4 + 1 + 0.2**4) ** 0.5  # the root of the trace of the squared covariance
    assert np.mean([f.noise.limit for f in found]) == pytest.approx(
        1.96 * without / 200**0.5, rel=0.05
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        mitigated(aer(shots=400), readout=True),
        aer(shots=400, gradient="spsa"),
        trajectories(samples=50),
    ],
    ids=["mitigated", "spsa", "trajectories"],
)
def test_other_places(place):
    layers = [Rotation("xy"), Noise("depolarizing", 0.05)]
    layers = layers if isinstance(place, type(trajectories(1))) else [Rotation("xy")]
    model = qdl.QNN(2, layers, readout=qdl.ExpZ(0))
    where = density_matrix() if len(layers) > 1 else statevector()
    exact = gradient_variance(model.on(where), key=KEY, method="statevector", samples=2000)
    row = gradient_variance(model.on(place), key=KEY, samples=400)
    gap = np.hypot(row.squared_norm_error, exact.squared_norm_error)
    assert row.method == "sampled" and abs(row.squared_norm - exact.squared_norm) < 4 * gap + 0.02


def test_noise_without_draws_is_no_state_vector():
    model = qdl.QNN(2, [Rotation("x"), Noise("depolarizing", 0.1)]).on(density_matrix())
    row = gradient_variance(model, key=KEY, samples=20, method="statevector")
    assert row.floor is None
    assert row.method == "starts on DensityMatrix"


def test_engines_say_who_sees_shots():
    model = product(2).on(statevector(shots=10))
    with pytest.raises(qdl.Refused, match="only method='sampled' can see"):
        gradient_variance(model, method="statevector", key=KEY)
    with pytest.raises(qdl.Refused, match="no means of draws"):
        gradient_variance(product(2), method="sampled", key=KEY)
