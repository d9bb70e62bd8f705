"""The engines against enumeration, against each other on random circuits, and what they refuse."""

import itertools

import jax
import numpy as np
import pennylane as qp
import pytest
from random_circuits import draw
from scipy.stats import kstest

import qdl
from qdl.diagnostics import gradient_variance
from qdl.initializers import gaussian, identity_blocks, uniform
from qdl.layers import (
    AngleEncoding,
    Convolution,
    Entangler,
    Mirrored,
    Noise,
    Repeat,
    Rotation,
    Template,
)

KEY = jax.random.key(3)
CLIFFORD_ANGLES = np.array([0, np.pi / 2, np.pi, 3 * np.pi / 2])


def measured(model, method, **options):
    return gradient_variance(model, method=method, key=KEY, **options)


def enumerated(circuit):
    """E C^2 and E (dC)^2 over all Clifford points: exact for angles that are used once."""
    points = list(itertools.product(CLIFFORD_ANGLES, repeat=circuit.size))
    costs = np.mean([circuit.cost(p) ** 2 for p in points])
    slopes = [
        np.mean([circuit.cost(p, derivative=k) ** 2 for p in points]) for k in range(circuit.size)
    ]
    return costs, np.array(slopes)


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_average_over_clifford_points(seed):
    _equals_enumeration(draw(seed, most_wires=4, rotations=(2, 5), terms=1 + seed % 3))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_equals_the_average_over_clifford_points_with_more_angles(seed):
    _equals_enumeration(draw(100 + seed, most_wires=3, rotations=(4, 7), terms=1 + seed % 3))


def _equals_enumeration(circuit):
    row = measured(circuit.model(), "dense_moment")
    square, slopes = enumerated(circuit)
    np.testing.assert_allclose(row.cost_variance + row.cost_mean**2, square, atol=1e-12)
    np.testing.assert_allclose(row.variance, slopes, atol=1e-12)


def z_scores(row, reference):
    """Of the cost and the first live component: components of one run depend on each other."""
    live = np.flatnonzero(row.standard_error > 1e-12)  # random starts leave rounding in a zero
    if not live.size:
        return []
    k = live[-1]
    return [(row.variance[k] - reference.variance[k]) / row.standard_error[k]]


@pytest.mark.parametrize("terms", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_walk_agrees_with_exact_moments(terms):
    _walk_agrees(range(12), terms)


@pytest.mark.slow
@pytest.mark.parametrize("terms", [1, 2])
def test_walk_agrees_with_exact_moments_on_many_circuits(terms):
    scores = _walk_agrees(range(50, 100), terms)
    assert kstest(scores, "norm").pvalue > 0.01


def _walk_agrees(seeds, terms):
    scores = []
    for seed in seeds:
        circuit = draw(seed, most_wires=6 if terms > 1 else 8, rotations=(6, 25), terms=terms)
        reference = measured(circuit.model(), "dense_moment")
        for method in ("pauli_walk", "pauli_walk_rb"):
            try:
                row = measured(circuit.model(), method, samples=2**15)
            except ValueError as error:
                assert terms > 1 and "different Pauli words" in str(error)
                continue
            np.testing.assert_allclose(row.cost_mean, reference.cost_mean, atol=1e-12)
            assert (reference.variance[row.certified_zero] < 1e-14).all()
            assert _sandwiched(reference) or not reference.certificate.independent
            scores += z_scores(row, reference)
    assert np.abs(scores).max() < 4.5 and len(scores) > len(seeds) / 2
    return scores


def _sandwiched(row):
    slack = 1 + 1e-9
    return row.maximum <= slack * row.cost_variance + 1e-15 and (
        row.cost_variance <= slack * row.variance.sum() + 1e-15
    )


@pytest.mark.slow
def test_random_starts_agree_with_exact_moments():
    scores = []
    for seed in range(12):
        circuit = draw(200 + seed, most_wires=5, rotations=(6, 15))
        row = measured(circuit.model(), "statevector", samples=20_000)
        reference = measured(circuit.model(), "dense_moment")
        scores += z_scores(row, reference)
        np.testing.assert_array_equal(row.certified_zero, reference.variance < 1e-14)
    assert np.abs(scores).max() < 4.5 and kstest(scores, "norm").pvalue > 0.01


def test_random_starts_and_light_cone_on_one_circuit():
    model = qdl.QNN(
        4,
        [Rotation("xy"), Entangler("cz"), Rotation("y")],
        readout=qdl.ExpZ(1),
        initializer=uniform(0.2, 1.0),
    )
    reference = measured(model, "dense_moment")
    for method in ("statevector", "light_cone"):
        row = measured(model, method, samples=20_000)
        live = ~reference.certified_zero
        z = (row.variance - reference.variance)[live] / row.standard_error[live]
        assert abs(z).max() < 4.5 and (row.certified_zero == reference.certified_zero).all()
        assert row.variance[live] == pytest.approx(reference.variance[live], rel=0.05)


def test_mean_square_hessian_equals_the_variance():
    # independent uniform angles: E (d_k^2 C)^2 = v_k, the second derivative from the shift rule
    circuit = draw(5, most_wires=3, rotations=(4, 6))
    rng = np.random.default_rng(0)
    variance = measured(circuit.model(), "dense_moment").variance
    k = int(variance.argmax())
    turn = np.pi * np.eye(circuit.size)[k]
    points = rng.uniform(0, 2 * np.pi, (2000, circuit.size))
    second = [(circuit.cost(p + turn) - circuit.cost(p)) / 2 for p in points]
    assert np.mean(np.square(second)) == pytest.approx(variance[k], rel=0.15)


def test_noise_by_walk_and_by_exact_moments():
    block = [Rotation("xy"), Entangler("cz"), Noise("depolarizing", 0.05), Noise("bit_flip", 0.02)]
    model = qdl.QNN(4, Repeat(block, 3), readout=qdl.Expval(qp.Z(1) @ qp.Z(2)))
    reference = measured(model, "dense_moment")
    for method in ("pauli_walk", "pauli_walk_rb"):
        row = measured(model, method, samples=2**17)
        live = row.standard_error > 0
        assert (abs(row.variance - reference.variance)[live] < 4.5 * row.standard_error[live]).all()


@pytest.mark.slow
def test_noise_by_random_starts_on_density_matrices():
    block = [Rotation("xy"), Entangler("cz"), Noise("amplitude_damping", 0.1)]
    model = qdl.QNN(3, Repeat(block, 2), readout=qdl.ExpZ(1))
    reference = measured(model, "dense_moment")
    row = measured(model.on(qdl.backends.density_matrix()), "statevector", samples=4000)
    live = reference.variance > 1e-12
    assert (abs(row.variance - reference.variance)[live] < 4.5 * row.standard_error[live]).all()


def test_fixed_angles_inside_by_walk():
    layers = [Rotation("xy"), AngleEncoding(), Rotation("xy"), Entangler("cz"), Rotation("xy")]
    model = qdl.QNN(4, layers, readout=qdl.Expval(qp.Z(1) @ qp.Z(2)))
    reference = measured(model, "dense_moment", x=np.full(4, 0.7))
    row = measured(model, "pauli_walk", x=np.full(4, 0.7), samples=2**17)
    live = row.standard_error > 0
    assert (abs(row.variance - reference.variance)[live] < 4.5 * row.standard_error[live]).all()
    assert (reference.variance[~live] < 1e-4).all()


def shared(p, x, wires):
    for wire in wires:
        yield qp.RX(p[0], wire)


def t_inside(p, x, wires):
    yield qp.RX(p[0], wires[0])
    yield qp.T(wires[0])
    yield qp.T(wires[0])
    yield qp.RX(p[1], wires[0])


def qaoa(p, x, wires):
    for wire in wires:
        yield qp.H(wire)
    for a, b in zip(wires, wires[1:], strict=False):
        yield qp.IsingZZ(p[0], [a, b])
    for wire in wires:
        yield qp.RX(p[1], wire)


def product_of_two(p, x, wires):
    yield qp.RX(p[0] * p[1], wires[0])


def no_law(key, shape, dtype=float):
    return jax.random.normal(key, shape, dtype)


ZZ = qdl.Expval(qp.Z(0) @ qp.Z(1))
REFUSED = {
    "tied": (qdl.QNN(2, Template(shared, (1,)), readout=ZZ), r"the angle of 2 gates.*3/8.*statevector"),
    "qaoa": (qdl.QNN(2, Template(qaoa, (2,)), readout=ZZ), "the angle of 2 gates"),
    "shared convolution": (qdl.QNN(4, [Convolution()]), "the angle of 4 gates"),
    "warm start": (qdl.QNN(2, Rotation("xy", uniform(0.3, 0.9)), readout=ZZ), "symmetric about 0"),
    "half turn": (qdl.QNN(2, Rotation("xy", initializer=uniform(0, np.pi)), readout=ZZ), r"E\[sin\] = 0.637"),
    "unknown law": (qdl.QNN(2, Rotation("xy", initializer=no_law)), "law of an angle is not known.*no_law"),
    "identity blocks": (
        qdl.QNN(2, Mirrored(Rotation("xy")), initializer=identity_blocks()),
        "starts equal to its mirror image",
    ),
    "T inside": (qdl.QNN(1, Template(t_inside, (2,))), "meets itself again at the fixed"),
    "computed": (qdl.QNN(1, Template(product_of_two, (2,))), "no multiple of one parameter"),
    "gaussian terms": (
        qdl.QNN(2, Rotation("y", initializer=gaussian(0.3)), readout=qdl.Expval(qp.Z(0) + qp.Z(1))),
        "different Pauli words.*dense_moment",
    ),
    "amplitude damping": (
        qdl.QNN(2, [Rotation("xy"), Noise("amplitude_damping", 0.1)], readout=ZZ),
        "no mixture of Pauli words|reaches the start",
    ),
    "u3": (qdl.QNN(2, [Convolution("hur_su4", shared=False)], readout=ZZ), "is the angle of 3 gates"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_walk_refuses(name):
    model, said = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s){said}"):
        measured(model, "pauli_walk")


@pytest.mark.parametrize("name", ["tied", "qaoa", "unknown law", "identity blocks", "computed"])
def test_exact_moments_refuse(name):
    model, said = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s){said}"):
        measured(model, "dense_moment")


def test_a_nonlinear_cost_is_refused_by_the_exact_engines():
    model = qdl.QNN(2, Rotation("xy"))
    for method in ("dense_moment", "pauli_walk"):
        with pytest.raises(
            ValueError, match="not a weighted sum of the readout values.*statevector"
        ):
            measured(model, method, cost=lambda z: (z**2).sum())


def test_two_fixed_rotations_in_a_row_are_refused_by_the_walk_and_exact_otherwise():
    first, last = [Rotation("xy"), Entangler("cz")], [Entangler("cz"), Rotation("xy")]
    model = qdl.QNN(2, [*first, AngleEncoding(), AngleEncoding(), *last], readout=ZZ)
    merged = qdl.QNN(2, [*first, AngleEncoding(), *last], readout=ZZ)
    x = np.full(2, 0.7)
    with pytest.raises(ValueError, match="meets itself again at the fixed"):
        measured(model, "pauli_walk", x=x)
    once, twice = measured(merged, "dense_moment", x=2 * x), measured(model, "dense_moment", x=x)
    np.testing.assert_allclose(twice.variance, once.variance, atol=1e-12)


def test_too_large_is_refused_before_anything_is_allocated():
    model = qdl.QNN(40, [Repeat([Rotation("xy"), Entangler("cz")], 40)], readout=qdl.ExpZ(0))
    with pytest.raises(
        ValueError, match="exact second moments on 40 wires need .* GiB.*pauli_walk"
    ):
        measured(model, "dense_moment")
    with pytest.raises(ValueError, match="light cone has 40 of 40 wires, more than the 20"):
        measured(model, "light_cone")


def test_auto_says_why():
    def hea(n, depth, observable):
        block = [Rotation("xy"), Entangler("cz")]
        return qdl.QNN(n, Repeat(block, depth), readout=qdl.Expval(observable))

    assert measured(hea(6, 2, qp.Z(3)), "auto").method == "dense_moment"
    deep = hea(30, 12, qp.Z(14) @ qp.Z(15))
    row = measured(deep, "auto", samples=2**14)
    assert (
        row.method.startswith("pauli_walk")
        and "not moments: exact second moments on 28" in row.reason
    )
    tied = qdl.QNN(
        30, Template(shared, (1,)), readout=qdl.Expval(qp.prod(*[qp.Z(i) for i in range(30)]))
    )
    with pytest.raises(ValueError, match=r"(?s)no engine is valid.*30 gates.*light cone has 30"):
        measured(tied, "auto")
