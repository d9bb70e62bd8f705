"""What structure proves about gradients, against exact moments; and verdicts that are never wrong."""

import math
from dataclasses import replace

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from benchmarks.truths import TRUTHS
from qdl.diagnostics import gradient_variance
from qdl.diagnostics.bounds.above import first_gates, noise, projector
from qdl.diagnostics.bounds.cones import Seen, operators_of, seen
from qdl.diagnostics.bounds.family import _certified, _with_laws, bounds
from qdl.diagnostics.bounds.growth import growth
from qdl.diagnostics.bounds.orbits import orbit, whole
from qdl.diagnostics.bounds.paths import mass
from qdl.diagnostics.bounds.shared import _peak, few_angles
from qdl.diagnostics.bounds.symmetry import permutation_invariant
from qdl.diagnostics.result.structure import Bound, Bounds
from qdl.diagnostics.result.verdict import UNRESOLVED, judge
from qdl.initializers import gaussian
from qdl.layers import Entangler, Noise, RandomRotation, Repeat, Rotation, Template
from qdl.pauli.circuit import PauliCircuit, pauli_circuit, read_elements
from qdl.pauli.observables import observable
from qdl.pauli.operators import AxisRotation
from qdl.pauli.parameters import parameters

KEY = jax.random.key(0)
UNDECIDED = ("inconclusive", UNRESOLVED)


def layered(n, depth, readout, block=("xy", "cz", "chain"), **options):
    axes, gate, pattern = block
    layers = Repeat([Rotation(axes), Entangler(gate, pattern)], depth)
    return qdl.QNN(n, layers, readout=readout, **options)


def word(letters):
    return qdl.Expval(qp.prod(*[getattr(qp, p)(w) for w, p in letters]))


CIRCUITS = [
    layered(3, 1, qdl.ExpZ(1)),
    layered(4, 2, qdl.ExpZ(2)),
    layered(4, 4, word([(1, "Z"), (2, "X")])),
    layered(5, 3, qdl.ExpZ(0), ("zy", "cnot", "chain")),
    layered(4, 3, qdl.ExpZ(1), initializer=gaussian(0.3)),
    layered(4, 2, word([(w, "Z") for w in range(4)])),
    qdl.QNN(3, [RandomRotation(), Entangler("cz"), RandomRotation()], readout=qdl.ExpZ(1)),
]


@pytest.mark.parametrize("model", CIRCUITS)
def test_bounds_hold(model):
    """From below for the squared norm and Var C, from above for Var C: against exact moments."""
    exact = gradient_variance(model, method="dense_moment", key=KEY)
    circuit = pauli_circuit(model)
    found = mass(circuit)
    assert 2**found.gradient <= exact.squared_norm * (1 + 1e-9)
    assert 2**found.gradient > exact.squared_norm / 30  # few paths carry most
    assert 2**found.cost <= exact.cost_variance * (1 + 1e-9)
    if not any(isinstance(element, AxisRotation) for element in circuit.elements):
        assert 2**found.cost > exact.cost_variance / 30
    if circuit.independent:
        assert 2 ** first_gates(circuit) >= exact.cost_variance * (1 - 1e-9)


def test_bounds_of_products_are_closed_forms():
    """RX on every wire: Var of the product of Z is 2^-n and of the projector (3/8)^n - 4^-n."""
    for n in (3, 5):
        everywhere = qdl.QNN(n, Rotation("x"), readout=word([(w, "Z") for w in range(n)]))
        circuit = pauli_circuit(everywhere)
        assert first_gates(circuit) == pytest.approx(-n)
        assert mass(circuit).gradient == pytest.approx(math.log2(n * 2.0**-n))
        zeros = qdl.Expval(0.5 * qp.Projector([0] * n, wires=range(n)))
        model = qdl.QNN(n, Rotation("x"), readout=zeros)
        elements = read_elements(model.layers, model.wires, None, None)
        assert projector(model, elements, None) == pytest.approx(-n - 2)
        assert 2 ** (-n - 2) >= ((3 / 8) ** n - 4.0**-n) / 4


def test_projectors_that_are_not_bounded():
    """A wire without a turn, a turn that is shared, a gate that makes superpositions."""
    zeros = qdl.Expval(qp.Projector([0, 0, 0], wires=range(3)))
    for layers in (
        [Rotation("z")],
        [qdl.layers.Convolution("so4")],
        [Rotation("x"), Entangler("crx")],
    ):
        model = qdl.QNN(3, layers, readout=zeros)
        elements = read_elements(model.layers, model.wires, None, None)
        assert projector(model, elements, None) == 0
    behind = qdl.QNN(3, [Rotation("x"), Entangler("cnot")], readout=zeros)
    elements = read_elements(behind.layers, behind.wires, None, None)
    assert projector(behind, elements, None) == -3


def test_noise_bounds_the_cost():
    """Depolarizing noise p keeps 1 - 4p/3 of every letter in every layer."""
    block = [Rotation("xy"), Entangler("cz"), Noise("depolarizing", 0.075)]
    model = qdl.QNN(3, Repeat(block, 5), readout=qdl.ExpZ(1))
    elements = read_elements(model.layers, model.wires, None, None)
    assert noise(elements, 3) == pytest.approx(10 * math.log2(0.9) + math.log2(3))
    exact = gradient_variance(model, method="dense_moment", key=KEY)
    assert exact.cost_variance <= 2 ** noise(elements, 3)
    damped = qdl.QNN(3, Repeat([*block[:2], Noise("amplitude_damping", 0.1)], 5))
    assert noise(read_elements(damped.layers, damped.wires, None, None), 3) == 0


def test_cones_of_gates_that_commute():
    """One layer of a chain of CZ shows a wire its neighbours; one of CNOTs all that come before it too."""
    chain = layered(8, 1, qdl.ExpZ(4))
    assert seen(operators_of(chain), [4]) == Seen(wires=3, angles=6, gates=8)
    cnots = layered(8, 1, qdl.ExpZ(4), ("xy", "cnot", "chain"))
    assert seen(operators_of(cnots), [4]).wires == 6
    deep = seen(operators_of(layered(32, 3, qdl.ExpZ(16))), [16])
    assert deep.wires == 7


def test_growth():
    assert growth([-4, -4, -4.1]) == "constant" and growth([1, 2, 3]) == "constant"
    assert growth([-9, -4 - 9, -15, -15, -15]) == "constant"
    assert growth([-3, -5, -7, -9]) == "polynomial"
    assert growth([-2, -4, -8, -16]) == "exponential"
    assert growth([-9, -16, -25, -36]) is None  # n^(-log n)
    assert growth([-1, -2]) is None


def test_small_spaces():
    assert all(
        permutation_invariant(*parts(TRUTHS["all wires alike"].build(n)), n) for n in (3, 4, 5)
    )
    assert not permutation_invariant(*parts(layered(3, 1, qdl.ExpZ(1))), 3)
    for n in (3, 4, 6):  # 2 and 4 of 2n Majorana operators
        assert len(orbit(*parts(TRUTHS["matchgates, Z"].build(n)))) == math.comb(2 * n, 2)
    assert len(orbit(*parts(TRUTHS["matchgates, Z Z"].build(4)))) == math.comb(8, 4)


def parts(model):
    return read_elements(model.layers, model.wires, None, None), observable(model, None)


@pytest.mark.parametrize("law", [None, gaussian(0.4)])
@pytest.mark.parametrize("name", ["matchgates, Z", "matchgates, Z Z"])
def test_few_words_give_the_moments_themselves(name, law):
    model = TRUTHS[name].build(4)
    model = model if law is None else replace(model, initializer=law)
    exact = gradient_variance(model, method="dense_moment", key=KEY)
    circuit = pauli_circuit(model)
    found = whole(circuit, orbit(circuit.elements, circuit.observable))
    assert 2**found.gradient == pytest.approx(exact.squared_norm, rel=1e-9)
    assert 2**found.cost == pytest.approx(exact.cost_variance, rel=1e-9)


@pytest.mark.parametrize("length", [0.5 * np.pi, np.pi, 1.5 * np.pi, 2 * np.pi, 3 * np.pi])
def test_peaks_of_trigonometric_polynomials(length):
    """The largest square over the mean square is that of the reproducing kernel."""
    x, weights = np.polynomial.legendre.leggauss(200)
    x, weights = (x + 1) * length / 2, weights / 2
    for degree in (1, 2, 3, 5):
        basis = np.exp(1j * np.outer(np.arange(-degree, degree + 1), x))
        orthogonal, _ = np.linalg.qr((basis * np.sqrt(weights)).T)
        kernel = (abs(orthogonal) ** 2).sum(1) / weights
        assert kernel.max() <= _peak(degree, length) * (1 + 1e-9)


def alike(gate, wires):
    return Template(lambda p, x, w: [gate(p[0], on) for on in wires], shape=(1,))


def test_angles_that_gates_share():
    """cos(t)^n: the variance is that of n tosses; and pooling, whose gates turn by half a period."""
    for n in (2, 3, 5):
        model = qdl.QNN(n, alike(qp.RX, range(n)), readout=word([(w, "Z") for w in range(n)]))
        found = few_angles(tied(model))
        exact = math.comb(2 * n, n) / 4**n - (0 if n % 2 else (math.comb(n, n // 2) / 2**n) ** 2)
        assert found.angles == 1 and found.degree == n
        deviation = -2 if n % 2 == 0 else 0  # half of 1 - 0, or of 1 - (-1)
        assert 2**found.cost <= exact and found.value == deviation
        assert found.cost == pytest.approx(deviation - math.log2(2 * n + 1))
    model = qdl.models.qcnn(4)
    found = few_angles(tied(model))
    row = gradient_variance(model, method="statevector", samples=100, key=KEY)
    assert found.angles == 37 and 2**found.cost < row.cost_variance and found.value > -4
    still = qdl.QNN(3, alike(qp.RZ, range(3)), readout=word([(0, "Z")]))
    assert few_angles(tied(still)) is None  # no angle changes the cost
    assert few_angles(tied(replace(model, initializer=gaussian(0.1)))) is None


def tied(model):
    elements, measured = parts(model)
    laws = parameters(model).laws
    return PauliCircuit(model.n_wires, tuple(_with_laws(elements, laws)), measured, 0, (), False)


def test_terms_that_cancel_are_no_bound():
    """Z - Z Z on a wire that stays as it is: nothing is measured."""
    model = qdl.QNN(2, alike(qp.RX, [0]), readout=qdl.Expval(qp.Z(0) - qp.Z(0) @ qp.Z(1)))
    assert _certified(pauli_circuit(model), {}) == (-np.inf, -np.inf)


def test_cones_whose_gates_change_are_no_constant():
    """One wire is seen at every width, behind an angle or a part of the observable that shrinks."""
    turn = lambda n: lambda p, x, w: [qp.RX(p[0], 0), qp.RY(np.pi / 2 - 2.0**-n, 0)]  # noqa: E731
    tilted = lambda n: qdl.QNN(n, Template(turn(n), shape=(1,)), readout=qdl.ExpZ(0))  # noqa: E731
    part = lambda n: qdl.Expval(2.0**-n * qp.Z(0) + (1 - 2.0**-n) * qp.Z(1))  # noqa: E731
    for build in (tilted, lambda n: qdl.QNN(n, alike(qp.RX, [0]), readout=part(n))):
        found = bounds(build, (4, 8))
        assert found.lower is None and found.cone is None and found.lower_cost is None


@pytest.mark.parametrize(
    ("name", "lower", "upper"),
    [
        ("product, Z on all", None, "exponential"),
        ("product, projector", None, "exponential"),
        ("product, mean of Z", "polynomial", None),
        ("bricks, depth 2", "constant", None),
        ("bricks, depth log2 n", "polynomial", None),
        ("bricks, depth 2, Z on all", None, "exponential"),
        ("bricks, depth n", None, None),
    ],
)
def test_families(name, lower, upper):
    found = bounds(TRUTHS[name].build, (2, 4, 8))
    assert (found.lower and found.lower.law) == lower, found.lower
    assert (found.upper and found.upper.law) == upper, found.upper
    assert found.widths[-1] >= 32


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lower", "upper"),
    [
        ("QCNN, own weights", "polynomial", None),
        ("noise in every layer, depth n", None, "exponential"),
        ("chain, depth n, projector", None, "exponential"),
        ("gaussian starts, 1/sqrt(4n)", "constant", None),
        ("QCNN, shared weights", "n^-log n", None),
        ("matchgates, Z Z", "polynomial", None),
        ("hardware_efficient(n, 2n)", None, None),
    ],
)
def test_larger_families(name, lower, upper):
    test_families(name, lower, upper)


def test_a_coefficient_that_shrinks_is_no_constant():
    """One wire is seen, but 2^-n of it."""
    found = bounds(
        lambda n: qdl.QNN(n, Rotation("x"), readout=qdl.Expval(2.0**-n * qp.Z(0))), (4, 8)
    )
    assert found.lower is None and found.cone is None


def test_a_family_that_cannot_be_read_beyond_what_was_measured():
    def build(n):
        if n > 8:
            raise RuntimeError("no more wires")
        return layered(n, 2, qdl.ExpZ(0))

    assert bounds(build, (2, 4, 8)) == Bounds()


N = np.arange(2, 11)
EVEN = np.arange(2, 11, 2)
EXACT = [
    (EVEN, 2.0**-EVEN, "exponential"),
    (EVEN, EVEN**2 * 2.0**-EVEN, "exponential"),
    (EVEN, 1 / (2.0**EVEN + 1), "exponential"),
    (
        EVEN,
        [0.088889, 0.020916, 5.2234e-3, 1.3450e-3, 3.9401e-4],
        "exponential",
    ),  # McClean, L = 100
    (EVEN, [0.088889, 0.021125, 6.2878e-3, 3.1133e-3, 2.5067e-3], "levels off"),  # L = 50
    (N, 1 / (8 * N**2.0), "polynomial"),
    (EVEN, 1 / (2 * EVEN - 1), "polynomial"),
    (EVEN[1:], [1 / 35, 15 / 495, 28 / 1820, 45 / 4845], "inconclusive"),  # four sizes
    (2 ** np.arange(2, 7), (2.0 ** np.arange(2, 7)) ** -3.4, "polynomial"),
    (N, np.full(9, 0.1), "constant"),
    (N, 0.1 * N, "constant"),
    (N, 0.1 + 2.0**-N, "levels off"),
    (EVEN, [0.1, 0.05, 0.06, 0.02, 0.03], "inconclusive"),
]


@pytest.mark.parametrize(("sizes", "values", "kind"), EXACT)
def test_exact_values_are_judged_by_their_slopes(sizes, values, kind):
    found = judge(sizes, values, np.zeros(len(sizes)), exact=True)
    assert found == kind, str(found)
    assert (found.argument == "slopes") == (kind != "inconclusive")


def test_majorana_laws():
    """Of k = 2 and 4 Majorana operators: (n choose k/2) / (2n choose k)."""
    for sizes in (EVEN, np.arange(4, 10), 2 ** np.arange(2, 7)):
        for half in (1, 2):
            values = [math.comb(n, half) / math.comb(2 * n, 2 * half) for n in map(int, sizes)]
            found = judge(sizes, values, np.zeros(len(sizes)), exact=True)
            assert found in ("polynomial", "inconclusive"), (sizes, half, str(found))


def test_without_a_reason_a_power_is_not_believed():
    known = Bounds(widths=(8, 16, 32), angles=(20, 80, 320))
    values = 1 / (8 * N**2.0)
    found = judge(N, values, np.zeros(9), exact=True, bounds=known)
    assert (
        found == "inconclusive" and "nothing in the circuits says that it stays so" in found.reason
    )
    reason = Bound("polynomial", "a reason", (8, 16, 32))
    given = Bounds(reason=reason, widths=(8, 16, 32), angles=(20, 80, 320))
    found = judge(N, values, np.zeros(9), exact=True, bounds=given)
    assert found == "polynomial" and found.argument == "structure and data"
    found = judge(N, 2.0**-N, np.zeros(9), exact=True, bounds=given)
    assert found == "inconclusive"  # it disagrees


def test_flat_is_no_constant_without_a_bound_that_stays():
    """RX by one angle on all wires: Var cos^n is flat up to ten wires, and goes as n^(-1/2)."""
    power = Bound("polynomial", "why", (8, 16, 32))
    values = [math.comb(2 * n, n) / 4**n - (math.comb(n, n // 2) / 2**n) ** 2 for n in EVEN]
    error = 0.04 * np.array(values)
    for given in (Bounds(lower_cost=power, widths=(8, 16, 32), angles=(1, 1, 1)),
                  Bounds(reason=power, widths=(8, 16, 32), angles=(1, 1, 1))):  # fmt: skip
        for exact in (True, False):
            found = judge(
                EVEN,
                values,
                0 * error if exact else error,
                exact=exact,
                bounds=given,
                subject="cost",
            )
            assert found == "inconclusive", str(found)
            rising = judge(
                EVEN,
                0.1 * EVEN,
                0.002 * EVEN * (not exact),
                exact=exact,
                bounds=given,
                subject="cost",
            )
            assert rising == "constant", str(rising)
    stays = Bounds(
        lower=Bound("constant", "why", (8, 16, 32)), widths=(8, 16, 32), angles=(1, 1, 1)
    )
    assert judge(EVEN, values, error, bounds=stays) == "constant"


def test_slower_than_any_exponential():
    """With a reason for a power it is one; alone it says what it excludes."""
    slow, reason = (Bound(law, "why", (8, 16, 32)) for law in ("n^-log n", "polynomial"))
    values = 2.0**-EVEN
    known = Bounds(lower=slow, reason=reason, widths=(8, 16, 32), angles=(9, 99, 999))
    found = judge(EVEN, values, 0.1 * values, bounds=known)
    assert found == "polynomial" and found.argument == "bound, structure and data"
    alone = judge(EVEN, values, 0.1 * values, bounds=replace(known, reason=None))
    assert alone == "inconclusive" and "slower than any exponential" in alone.reason


def test_bounds_come_first():
    """Two sizes are enough where the law is proven."""
    upper = Bound("exponential", "why", (8, 16, 32))
    found = judge(
        (2, 4), (0.25, 0.06), (0.01, 0.01), bounds=Bounds(upper=upper, widths=(8, 16, 32))
    )
    assert found == "exponential" and found.argument == "bound" and found.reason.startswith("why")
    lower = Bound("constant", "why", (8, 16, 32), (-2.0, -2.0, -2.0))
    given = Bounds(lower=lower, cone=None, widths=(8, 16, 32), angles=(1, 1, 1))
    falling = 0.25 + 0.5**N
    assert judge(N, falling, np.zeros(9), exact=True, bounds=given) == "levels off"
    assert judge(N, np.full(9, 0.3), np.zeros(9), exact=True, bounds=given) == "constant"
    found = judge(N, np.full(9, 0.3), np.zeros(9), exact=True, bounds=given, subject=0)
    assert (
        found == "constant" and found.argument == "structure and data"
    )  # proven of the whole alone


def test_values_below_the_floor():
    """Exact values 4^-n with shots whose limit is 1e-3: nothing is left but to say so."""
    sizes = np.arange(2, 9)
    values = 4.0**-sizes + 1e-4 * np.array([1, -1, 1, -1, 1, -1, -1])
    found = judge(sizes, values, np.full(7, 5e-4), limits=np.full(7, 1e-3), shots=100)
    assert found == UNRESOLVED, str(found)
    assert "from 5 on it takes more than 100 shots, at least" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, truth in TRUTHS.items() if not truth.slow])
def test_never_a_wrong_word(name):
    """Exact, and 20 keys each with the noise of 100, 1,000 and 10,000 shots, debiased."""
    truth = TRUTHS[name]
    widths = [n for n in truth.widths if n <= 10]
    sweep = gradient_variance(truth.build, widths, key=KEY)
    for subject, words in ((None, truth.words), ("cost", truth.cost or truth.words)):
        assert sweep.verdict_of(subject).kind in (*words, "inconclusive")
        points = sweep.points(subject)
        values = np.array([p.value for p in points])
        params = np.array([len(row.variance) for row in sweep]) if subject is None else 1.0
        for shots in (100, 1000, 10_000):
            draws = 100
            floor = params / (2 * shots)
            error = floor * math.sqrt(2 / draws) + values * math.sqrt(2 / draws)
            limit = 1.96 * floor * math.sqrt(2 / draws)
            for seed in range(20):
                noisy = values + error * np.random.default_rng(seed).normal(size=len(values))
                found = judge(
                    sweep.sizes, noisy, error, limits=limit * np.ones(len(values)), shots=shots,
                    bounds=sweep.bounds, subject=subject, seed=seed,
                )  # fmt: skip
                assert found.kind in (*words, *UNDECIDED), (subject, shots, seed, str(found))


def test_words_are_counted_from_small_widths_on():
    """Of two Majorana pairs there are (2n choose 4), too many to count where sweeps end."""
    truth = TRUTHS["matchgates, Z Z"]
    reason = bounds(truth.build, truth.widths).reason
    assert reason.law == "polynomial" and "70 words of the observable at 4 wires" in reason.argument


@pytest.mark.parametrize("known", [False, True])
def test_slopes_that_fall_and_rise_are_on_no_law(known):
    """E|grad C|^2 and Var C of matchgates, exact; the latter is about (n choose 2) / (2n choose 4)."""
    reason = Bound("polynomial", "a reason", (4, 8, 16))
    given = Bounds(reason=reason, widths=(10, 20, 40), angles=(400, 1600, 6400)) if known else None
    sizes = (4, 5, 6, 7, 8, 10)
    for values in (
        (2.215, 2.015, 1.633, 1.463, 1.436, 1.038),
        (0.1077, 0.04756, 0.02781, 0.02046, 0.01732, 0.009089),
    ):
        found = judge(sizes, values, 1e-12 * np.array(values), exact=True, bounds=given)
        assert found == "inconclusive"
