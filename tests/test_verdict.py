"""Verdicts, intervals, shots, executors, and what a sweep prints and saves."""

import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import jax
import matplotlib
import numpy as np
import pennylane as qp
import pytest
from typer.testing import CliRunner

import qdl
from qdl.cli import app
from qdl.diagnostics import (
    compare_initializers,
    debiased_variance,
    depth_sweep,
    gradient_variance,
    split_variance,
)
from qdl.diagnostics.result.intervals import (
    clopper_pearson,
    empirical_bernstein,
    log_delta,
)
from qdl.diagnostics.result.structure import Bounds
from qdl.diagnostics.result.verdict import judge
from qdl.layers import Entangler, Mirrored, Noise, Repeat, Rotation

matplotlib.use("Agg")
KEY = jax.random.key(5)
N = np.arange(2, 11)
EVEN = np.arange(2, 11, 2)
MCCLEAN_100 = np.array([0.088889, 0.020916, 5.2234e-3, 1.3450e-3, 3.9401e-4])
MCCLEAN_50 = np.array([0.088889, 0.021125, 6.2878e-3, 3.1133e-3, 2.5067e-3])
QCNN = np.array([0.00901374, 7.56e-4, 7.3e-5, 7.7e-6, 4.9e-7])
ROWS = [
    (N, 0.125 * 0.375 ** (N - 1.0), 0.05, "exponential", -1.415),
    (N, 0.125 * 0.375 ** (N - 1.0), 0.3, "exponential", -1.415),
    (N, 1 / (8 * N**2.0), 0.05, "polynomial", 2.0),
    (N, 1 / (8 * N**2.0), 0.3, "inconclusive", None),
    (N, 1 / (2 * N - 1.0), 0.05, "polynomial", None),
    (N, 1 / (2 * N - 1.0), 0.3, "inconclusive", None),
    (EVEN, MCCLEAN_100, 0.05, "exponential", -0.981),
    (EVEN, MCCLEAN_50, 0.05, "inconclusive", None),
    (EVEN, MCCLEAN_50, 0.3, "inconclusive", None),
    (2 ** np.arange(3, 8), QCNN, 0.05, "inconclusive", None),
    (2 ** np.arange(3, 8), QCNN, 0.3, "polynomial", 3.49),
    (N, np.full(9, 0.1), 0.05, "constant", None),
    (N[:4], np.full(4, 0.1), 0.05, "inconclusive", None),
    (N[:4], 0.125 * 0.375 ** (N[:4] - 1.0), 0.01, "inconclusive", None),
]


@pytest.mark.parametrize(("sizes", "values", "error", "kind", "rate"), ROWS)
def test_verdicts(sizes, values, error, kind, rate):
    verdict = judge(sizes, values, error * values, context="c")
    assert verdict == kind and str(verdict).startswith(kind) and verdict.context == "c"
    if rate is not None:
        assert verdict.rate == pytest.approx(rate, abs=0.01)
        assert verdict.low < verdict.rate < verdict.high


def test_what_was_not_resolved_is_left_out_of_the_fit():
    values = np.array([0.1, 0.05, 0.025, 0.0125, 0.00625, 0.0])
    verdict = judge(np.arange(2, 8), values, 0.02 * values)
    assert verdict == "exponential" and "1 unresolved left out" in verdict.reason


# E |grad C|^2 of n layers of RX, RY and CZ, Z on all wires: it tends to n^2 2^-n, and bends on the way there.
DEEP = np.array([1.125, 1.1907, 1.0194, 0.78995, 0.56781, 0.38653, 0.25275, 0.16014, 0.098963])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (DEEP, "exponential"),
        (N**4 * 4.0**-N, "exponential"),
        (1 / (N * (2 * N - 1.0)), "polynomial"),
        ((1 + 5 / N) / N**2, "polynomial"),
        (0.1 + 2.0**-N, None),
    ],
)
@pytest.mark.parametrize("error", [0.03, 0.06])
def test_laws_that_bend(values, kind, error):
    """Over 20 keys: the law, or none; for exponentials the law nearly always."""
    found = []
    for seed in range(20):
        noisy = values * (1 + error * np.random.default_rng(seed).normal(size=9))
        found.append(judge(N, noisy, error * values).kind)
    wrong = set(found) - {kind, "inconclusive"}
    assert not wrong - ({"polynomial"} if kind is None else set())
    assert "exponential" not in found or kind == "exponential"
    if kind == "exponential":
        assert found.count(kind) >= 18


def test_values_that_noise_hides_enter_a_fit_with_their_errors():
    """4^-n, below the noise from n = 8 on: what was measured there agrees, and must not be left out."""
    noise, values = 2e-5, 4.0 ** -np.arange(2, 12)
    error, limits = np.hypot(noise, 0.05 * values), np.full(10, 1.96 * noise)
    for seed in range(10):
        noisy = values + error * np.random.default_rng(seed).normal(size=10)
        found = judge(np.arange(2, 12), noisy, error, limits=limits, shots=100)
        assert found == "exponential" and found.rate == pytest.approx(-2, abs=0.1)
        assert "unresolved, with their errors" in found.reason
    alone = judge(np.arange(2, 8), noisy[:6], error[:6], limits=limits[:6], shots=100)
    assert found.high - found.low < alone.high - alone.low


def test_exact_values_of_the_same_circuits_decide_where_they_agree():
    noisy = DEEP * (1 + 0.1 * np.random.default_rng(0).normal(size=9))
    given = {
        "limits": np.full(9, 0.02),
        "shots": 100,
        "bounds": Bounds(widths=(10, 20), angles=(1, 4)),
    }
    alone = judge(N, noisy, 0.1 * DEEP, **given)
    known = judge(N, noisy, 0.1 * DEEP, predicted=np.append(DEEP[:8], np.nan), **given)
    assert alone.argument == "fit" and known == "exponential"
    assert known.argument == "moments and data" and "agree with the exact ones" in known.reason
    other = judge(N, noisy, 0.1 * DEEP, predicted=np.append(3 * DEEP[:8], np.nan), **given)
    assert other == alone


def test_clopper_pearson_covers():
    rng = np.random.default_rng(0)
    for p in (0.001, 0.02, 0.5):
        low, high = clopper_pearson(rng.binomial(20_000, p, 400), 20_000)
        assert np.mean((low <= p) & (p <= high)) >= 0.93
    low, high = clopper_pearson(0, 1000)
    assert low == 0 and high == pytest.approx(1 - 0.025 ** (1 / 1000))  # the closed form of no hits


def test_median_and_largest_of_a_model_have_intervals():
    model = qdl.models.hardware_efficient(4, depth=3)
    exact = gradient_variance(model, method="dense_moment", key=jax.random.key(0))
    row = gradient_variance(model, method="statevector", samples=400, key=jax.random.key(1))
    for name in ("median", "maximum"):
        low, high = getattr(row, f"{name}_interval")
        assert low <= getattr(row, name) <= high
    low, high = row.median_interval
    assert low < exact.median < high and exact.median_interval is None
    assert "median" in row.table() and f"[{low:.2e}, {high:.2e}]" in row.table()


def test_empirical_bernstein_and_log_delta_cover():
    rng = np.random.default_rng(1)
    scores = rng.beta(0.05, 1.0, (300, 4000))
    low, high = empirical_bernstein(scores.mean(1), scores.var(1, ddof=1), 4000, 1.0)
    assert np.mean((low < 0.05 / 1.05) & (0.05 / 1.05 < high)) >= 0.95
    draws = rng.normal(size=(400, 300))
    low, high = log_delta(draws.var(1, ddof=1), 3.0, 300)
    assert 0.91 < np.mean((low < 1) & (high > 1)) < 0.98


def product_projector(n):
    observable = qp.Projector([0] * n, wires=range(n))
    return qdl.QNN(n, Rotation("x"), readout=qdl.Expval(observable))


def test_walk_intervals_cover():
    model = qdl.QNN(3, [Repeat([Rotation("xy"), Entangler("cz")], 2)], readout=qdl.ExpZ(1))
    exact = gradient_variance(model, method="dense_moment", key=KEY).variance
    k = int(np.argmax(exact))
    inside = 0
    for seed in range(200):
        own = jax.random.key(seed)
        row = gradient_variance(model, method="pauli_walk", samples=1024, key=own)
        inside += row.low[k] <= exact[k] <= row.high[k]
    assert inside >= 186


def test_heavy_tails_are_warned_of():
    row = gradient_variance(product_projector(12), method="statevector", samples=100, key=KEY)
    assert any("heavy tails" in text and "too narrow" in text for text in row.warnings)


def test_debiased_estimates_do_not_see_the_floor():
    # C = cos(t1) cos(t2): v = 1/4; S = 100 adds up to 1/200
    rng = np.random.default_rng(2)
    shots, plain, debiased, halves = 20, [], [], []
    for _ in range(300):
        t = rng.uniform(0, 2 * np.pi, (2, 400)) * [
            [0.02],
            [1.0],
        ]  # a small gradient: E sin^2(t1) = .0053
        plus, minus = (np.cos(t[0] + s) * np.cos(t[1]) for s in (np.pi / 2, -np.pi / 2))
        f = [(rng.binomial(shots, (1 + e) / 2) * 2 / shots - 1) for e in (plus, minus, plus, minus)]
        plain.append(((f[0] - f[1]) / 2).var(ddof=1))
        debiased.append(debiased_variance(f[0], f[1], shots))
        halves.append(split_variance((f[0] - f[1]) / 2, (f[2] - f[3]) / 2))
    angle = 0.04 * np.pi
    mean = (np.cos(angle) - 1) / angle  # of -sin, times the mean of cos over a turn, which is 0
    truth = (0.5 - np.sin(2 * angle) / (4 * angle)) / 2
    assert abs(mean) > 0.01 and np.mean(plain) > truth + 0.4 / shots
    for estimate in (debiased, halves):
        assert abs(np.mean(estimate) - truth) < 3 * np.std(estimate) / np.sqrt(300)


def small(n):
    return qdl.QNN(n, [Repeat([Rotation("xy"), Entangler("cz")], 2)], readout=qdl.ExpZ(0))


def test_results_do_not_depend_on_the_executor():
    model = small(3)
    options = {"samples": 300, "key": KEY}
    with ThreadPoolExecutor(2) as threads:
        for method in ("statevector", "pauli_walk"):
            here = gradient_variance(model, method=method, **options)
            there = gradient_variance(model, method=method, executor=threads, **options)
            np.testing.assert_array_equal(here.variance, there.variance)
            np.testing.assert_array_equal(here.high, there.high)


@pytest.mark.slow
def test_results_do_not_depend_on_processes():
    from multiprocessing import get_context

    here = gradient_variance(small(3), method="statevector", samples=300, key=KEY)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        there = gradient_variance(
            small(3), method="statevector", samples=300, key=KEY, executor=processes
        )
    np.testing.assert_allclose(here.variance, there.variance, rtol=1e-12)


@pytest.mark.slow
def test_results_do_not_depend_on_a_dask_cluster():
    distributed = pytest.importorskip("distributed")
    options = {"samples": 2**18, "method": "pauli_walk", "key": KEY}
    here = gradient_variance(small(3), **options)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        there = gradient_variance(small(3), executor=client, **options)
        starts = gradient_variance(
            small(3), method="statevector", samples=300, key=KEY, executor=client
        )
    np.testing.assert_array_equal(here.variance, there.variance)
    again = gradient_variance(small(3), method="statevector", samples=300, key=KEY)
    np.testing.assert_allclose(starts.variance, again.variance, rtol=1e-12)


def test_a_sweep_prints_draws_and_saves(tmp_path):
    sweep = gradient_variance(product_projector, range(2, 7), key=KEY, parameter="median")
    table = sweep.table()
    assert (
        "verdict: exponential" in table
        and "variance of the median component" in table
        and "depth as in build" in table
    )
    saved = json.loads(sweep.to_json())
    assert saved["verdict"]["kind"] == "exponential" and len(saved["rows"]) == 5
    assert saved["rows"][0]["variance"] == pytest.approx([3 / 64, 3 / 64])
    axes = sweep.plot(label="product")
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "wires"
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert said == [f"product: exponential, $2^{{{sweep.verdict.rate:.2f}\\,n}}$"]
    law = next(line for line in axes.lines if line.get_linestyle() == "--").get_ydata()
    assert np.log2(law[-1] / law[0]) == pytest.approx(4 * sweep.verdict.rate)
    row = sweep[3]
    assert (
        # a projector's one shot has the variance E f (1 - f), E f = 1/2^n and E f^2 = (3/8)^n
        row.shots_needed == np.ceil((1 / 8 - 27 / 512) / (2 * row.median))
        and json.loads(row.to_json())["n_wires"] == 3
    )
    with pytest.raises(KeyError, match=r"no row for n_wires = 9: the sweep has \[2, 3, 4, 5, 6\]"):
        sweep[9]


def test_unresolved_points_are_drawn_as_upper_bounds():
    def whole(n):
        observable = qp.prod(*[qp.X(i) for i in range(n)])
        return qdl.QNN(n, Rotation("y"), readout=qdl.Expval(observable))

    sweep = gradient_variance(whole, (2, 40), method="pauli_walk", samples=1024, key=KEY)
    axes = sweep.plot()
    marks = [line for line in axes.get_lines() if line.get_marker() == "v"]
    assert [line.get_xdata().tolist() for line in marks] == [[40]]
    assert marks[0].get_ydata()[0] == pytest.approx(sweep[40].squared_norm_interval[1])
    assert "never hit" in sweep.table() and sweep[40].shots_needed > 100


def test_noise_decays_with_depth():
    # damping lambda of every letter, at every layer: at least 2 log2(1 / lambda) a layer
    def build(n, depth):
        block = [Rotation("xy"), Entangler("cz"), Noise("depolarizing", 0.075)]
        return qdl.QNN(n, Repeat(block, depth), readout=qdl.Expval(qp.Z(1) @ qp.Z(2)))

    noisy = depth_sweep(build, 4, (10, 12, 14, 16, 18, 20), key=KEY)
    assert noisy.axis == "depth" and noisy.verdict == "exponential"
    assert noisy.verdict.rate < 2 * np.log2(1 - 4 * 0.075 / 3)
    assert "per layer" not in noisy.table().splitlines()[0] and noisy[12].depth == 12


def test_initialisers_side_by_side():
    def build(n):
        layers = [Mirrored([Rotation("xy"), Entangler("cz")])]
        return qdl.QNN(n, layers, readout=qdl.ExpZ(0))

    found = compare_initializers(build(2), key=KEY, samples=50)
    assert set(found.results) == {"uniform", "small_angle", "gaussian", "beta", "identity_blocks"}
    assert found["identity_blocks"].method == "statevector"
    assert found["small_angle"].cost_variance < found["uniform"].cost_variance
    assert found.table().count("\n") == 5


def test_command(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import qdl\nfrom qdl.layers import Rotation\n"
        "def build(n):\n    return qdl.QNN(n, Rotation('y'), readout=qdl.ExpZ(0))\n"
        "one = build(2)\n"
    )
    run = CliRunner().invoke
    picture, numbers = tmp_path / "a.png", tmp_path / "a.json"
    arguments = [
        f"{file}:build",
        "--widths",
        "1-3,5,6",
        "--plot",
        str(picture),
        "--json",
        str(numbers),
    ]
    result = run(app, ["variance", *arguments])
    assert result.exit_code == 0, result.output
    assert "verdict: constant" in result.output and picture.read_bytes().startswith(b"\x89PNG")
    assert [row["n_wires"] for row in json.loads(numbers.read_text())["rows"]] == [1, 2, 3, 5, 6]
    assert "2 wires, 2 parameters" in run(app, ["variance", f"{file}:one"]).output
    depth = ["--widths", "2,3", "--depth", "5", "--parameter", "0"]
    family = run(app, ["variance", "mcclean", *depth])
    assert "depth 5, 5" in family.output and "8.913e-02" in family.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "model must be one of"),
        (["mcclean", "--widths", "2;3"], "widths must be as 2-10 or 4,8,16"),
        (["mcclean", "--depth", "n2"], "depth must be a number"),
        (["qcnn", "--depth", "3"], "qcnn has no depth, got depth = 3"),
        (["mcclean", "--parameter", "mean"], "parameter='mean' is none to follow"),
        (["mcclean", "--method", "magic"], "unknown method 'magic'"),
    ],
)
def test_command_says_what_is_wrong(arguments, said):
    result = CliRunner().invoke(app, ["variance", *arguments])
    assert result.exit_code == 2 and said in result.output


def test_the_picture_of_less_than_a_decade_has_numbers_on_both_axes():
    sweep = gradient_variance(
        lambda n: qdl.models.hardware_efficient(n, 2 * n), (2, 3, 4, 5), key=KEY
    )
    axes = sweep.plot()
    axes.figure.canvas.draw()
    assert all(float(x).is_integer() for x in axes.get_xticks())
    low, high = axes.get_ylim()
    minor = zip(axes.get_yticks(minor=True), axes.get_yticklabels(minor=True), strict=True)
    assert sum(low < y < high and text.get_text() != "" for y, text in minor) >= 2
