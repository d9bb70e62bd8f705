"""Expressibility, frame potential and entanglement against closed forms and published values."""

import jax
import numpy as np
import pennylane as qp
import pytest
from sim_circuits import hadamards, sim_circuit

import qdl
from qdl.diagnostics import entangling_capability, expressibility, frame_potential, meyer_wallach
from qdl.diagnostics.expressivity import haar_bias, haar_histogram
from qdl.layers import AngleEncoding, Entangler, Noise, Repeat, Rotation, Template

# Sim et al. (2019), figure 3, one layer, 5000 samples: rounded values as tabulated from the paper.
PUBLISHED = {
    9: 0.6773, 1: 0.2999, 2: 0.2860, 16: 0.2602, 3: 0.2396, 18: 0.2340, 10: 0.2286, 12: 0.1984,
    15: 0.1892, 17: 0.1359, 4: 0.1343, 11: 0.1312, 7: 0.0977, 8: 0.0858, 19: 0.0809, 5: 0.0602,
    13: 0.0516, 14: 0.0144, 6: 0.0061,
}  # fmt: skip
EXACT_Q = {2: 159 / 256, 15: 729 / 1024, 9: 1.0, 1: 0.0}


def tilt(params, x, wires):
    """Fixed rotations that are no Cliffords."""
    return [qp.RY(0.7, wires=wire) for wire in wires]


def test_a_state_that_never_changes(key):
    found = expressibility(qdl.QNN(3, Rotation("z")), key=key, samples=200)
    assert found.value == pytest.approx(7 * np.log(75), rel=1e-12)
    assert -np.log(haar_histogram(1)[-1]) == pytest.approx(4.3175, abs=5e-5)  # the paper's value
    assert found.counts[-1] == 200 and found.frame_potential().value == pytest.approx(1)


def test_features_are_shared_by_the_two_of_a_pair(key):
    model = qdl.QNN(2, [Rotation("z"), AngleEncoding()])  # the parameters do nothing, features do
    assert expressibility(model, key=key, samples=50).counts[-1] == 50


def test_one_rotation_about_z(key):
    # F = cos^2 of half a uniform angle: P(F < f) = 2/pi asin(sqrt(f)), against Haar's uniform F
    edges = np.arcsin(np.sqrt(np.linspace(0, 1, 76))) * 2 / np.pi
    exact = np.diff(edges) @ np.log(np.diff(edges) * 75)
    assert exact == pytest.approx(0.1961, abs=5e-5)
    model = qdl.QNN(1, [Template(hadamards), Rotation("z")])
    found = expressibility(model, key=key, samples=100_000)
    assert abs(found.value - exact) < 4 * found.standard_error < 0.02
    short = expressibility(model, key=key, samples=7)
    assert short.counts.sum() == len(short.fidelities) == 7


def test_haar_bias_is_what_haar_histograms_show():
    haar = haar_histogram(4)
    assert haar.sum() == pytest.approx(1)
    counts = np.random.default_rng(0).multinomial(5000, haar / haar.sum(), size=4000)
    p = counts / 5000
    values = np.where(counts > 0, p * np.log(np.maximum(p, 1e-9) / haar), 0).sum(axis=1)
    error = values.std() / np.sqrt(len(values))
    assert abs(haar_bias(haar, 5000) - values.mean()) < 4 * error < 1e-4


def chunked(number, key, chunks):
    """The mean over several histograms of 5000 pairs each: published values are of one such."""
    pairs = expressibility(sim_circuit(number), key=key, samples=5000 * chunks)
    haar, values = pairs.haar, []
    for part in pairs.fidelities.reshape(chunks, 5000):
        p = np.histogram(part, 75, (0, 1))[0] / 5000
        values.append(p[p > 0] @ np.log(p[p > 0] / haar[p > 0]))
    return np.mean(values)


def check_published(number, key, chunks):
    wanted = PUBLISHED[number]
    assert chunked(number, key, chunks) == pytest.approx(wanted, rel=0.1 if wanted >= 0.1 else 0.25)


def test_published_expressibility(key):
    check_published(9, key, 10)


@pytest.mark.slow
@pytest.mark.parametrize("number", PUBLISHED)
def test_all_published_expressibilities(key, number):
    check_published(number, key, 40)


def test_frame_potential_of_three_wires(key):
    model = qdl.QNN(3, Repeat([Rotation("xyx"), Entangler("cz")], 2))
    found = frame_potential(model, key=key)
    assert found.value == pytest.approx(0.029269, abs=5e-7) and found.method == "dense_moment"
    assert found.haar == pytest.approx(1 / 36)


def test_exact_moments_where_words_interfere(key):
    # fixed rotations and controlled ones: pairs of different Pauli words matter here
    layers = [
        Rotation("xy"), Entangler("crx"), Template(tilt), Rotation("z"), Entangler("cry", "ring"),
    ]  # fmt: skip
    model = qdl.QNN(3, layers)
    for exact, sampled in (
        (
            frame_potential(model, key=key),
            frame_potential(model, key=key, samples=40_000, method="statevector"),
        ),
        (
            entangling_capability(model, key=key),
            entangling_capability(model, key=key, samples=40_000, method="statevector"),
        ),
    ):
        assert exact.method == "dense_moment" and exact.standard_error == 0
        assert abs(sampled.value - exact.value) < 4 * sampled.standard_error


def test_meyer_wallach_of_known_states():
    ghz = np.zeros(16)
    ghz[[0, -1]] = 0.5**0.5
    product = np.kron([0.6, 0.8j], np.kron([1, 1], [0.8, -0.6])) / 2**0.5
    assert meyer_wallach(ghz) == pytest.approx(1) and abs(meyer_wallach(product)) < 1e-12
    rng = np.random.default_rng(0)
    haar = rng.normal(size=(4000, 16)) + 1j * rng.normal(size=(4000, 16))
    q = np.asarray(meyer_wallach(haar / np.linalg.norm(haar, axis=1, keepdims=True)))
    assert abs(q.mean() - 14 / 17) < 4 * q.std() / 4000**0.5
    one = rng.normal(size=8) + 1j * rng.normal(size=8)
    one /= np.linalg.norm(one)
    purity = [qp.math.purity(np.outer(one, one.conj()), [q]) for q in range(3)]
    assert meyer_wallach(one) == pytest.approx(2 * (1 - np.mean(purity)))


@pytest.mark.parametrize("number", EXACT_Q)
def test_exact_entangling_capability(key, number):
    model, wanted = sim_circuit(number), EXACT_Q[number]
    found = entangling_capability(model, key=key)
    assert found.value == pytest.approx(wanted, abs=1e-12) and found.method == "dense_moment"
    walked = entangling_capability(model, key=key, method="pauli_walk")
    assert abs(walked.value - wanted) <= 4 * walked.standard_error < 0.01


def test_states_that_share_features_do_not_count_twice():
    """Here Q is a function of the features alone."""
    model = qdl.QNN(2, [AngleEncoding(), Entangler("cnot"), Rotation("z")])
    found = [
        entangling_capability(model, key=jax.random.key(seed), samples=50, method="statevector")
        for seed in range(200)
    ]
    scatter = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.standard_error for each in found]) == pytest.approx(scatter, rel=0.2)


def test_entangling_capability_beyond_state_vectors(key):
    wide = qdl.models.hardware_efficient(50, 4)
    found = entangling_capability(wide, key=key)
    assert found.method == "pauli_walk" and 0.9 < found.value < 1 and found.standard_error < 1e-3
    # a chain of blocks of 4 wires entangles like one block
    blocks = [(4 * b + i, 4 * b + i + 1) for b in range(5) for i in range(3)]
    layers = lambda pairs: [Rotation("xz"), Entangler("cnot", pairs), Rotation("y")]  # noqa: E731
    one = entangling_capability(qdl.QNN(4, layers(tuple(blocks[:3]))), key=key)
    many = entangling_capability(qdl.QNN(20, layers(tuple(blocks))), key=key)
    assert many.method == "pauli_walk"
    assert abs(many.value - one.value) < 4 * many.standard_error


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_random_circuits_agree_in_all_methods(seed):
    rng = np.random.default_rng(seed)
    draw = lambda options: rng.choice(options).item()  # noqa: E731
    layers = []
    for _ in range(rng.integers(1, 4)):
        axes = "".join(rng.choice(list("xyz"), size=rng.integers(1, 4)))
        gate = draw(["cnot", "cz", "crx", "isingxx", "iswap"])
        layers += [Rotation(axes), Entangler(gate, draw(["chain", "ring", "brick"]))]
    model, key = qdl.QNN(4, layers), jax.random.key(seed)
    exact = entangling_capability(model, key=key, method="dense_moment").value
    for method, samples in (("pauli_walk", 2**18), ("statevector", 20_000)):
        other = entangling_capability(model, key=key, method=method, samples=samples)
        assert abs(other.value - exact) <= 4.5 * other.standard_error + 1e-9, (layers, method)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, k: expressibility(m, key=k, samples=1), "expected samples >= 2, got 1"),
        (lambda m, k: expressibility(m, key=k, bins=0), "expected bins >= 2, got 0"),
        (
            lambda m, k: expressibility(m, key=k, x=[[1.0]]),
            r"one sample of shape \(0,\), got shape",
        ),
        (lambda m, k: frame_potential(m, 0, key=k), "an order t >= 1"),
        (lambda m, k: frame_potential(m, 3, key=k, method="dense_moment"), "of order 2 at fixed"),
        (lambda m, k: entangling_capability(m, key=k, method="walk"), "unknown method 'walk'"),
        (
            lambda m, k: entangling_capability(
                qdl.QNN(2, [Rotation("y"), Noise("bit_flip", 0.1)]), key=k, method="dense_moment"
            ),
            "states of a circuit with noise are mixed",
        ),
        (
            lambda m, k: entangling_capability(
                qdl.QNN(20, Template(lambda p, x, w: [qp.RY(p[0], wires=i) for i in w], (1,))),
                key=k,
            ),
            "is the angle of 20 gates",
        ),
    ],
)
def test_refusals(key, call, said):
    with pytest.raises(ValueError, match=said):
        call(qdl.QNN(2, Rotation("y")), key)
