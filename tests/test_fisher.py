"""Fisher information against finite differences on default.qubit, bounds and closed forms."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pennylane as qp
import pytest
from jax.flatten_util import ravel_pytree

import qdl
from benchmarks.evidence.effective_dimension import quantum
from qdl.diagnostics import (
    classical_fisher,
    dynamical_lie_algebra,
    effective_dimension,
    effective_dimension_of,
    fisher_spectrum,
    quantum_fisher,
)
from qdl.layers import AngleEncoding, Entangler, RandomRotation, Repeat, Rotation, Template


def by_differences(run, params, step=1e-5):
    """Central differences of a function of the flattened parameters, ``(rows, p)``."""
    flat, unravel = ravel_pytree(params)
    columns = []
    for one in np.eye(flat.size):
        up, down = (run(unravel(flat + s * step * one)) for s in (1, -1))
        columns.append((up - down) / (2 * step))
    return np.stack(columns, axis=-1)


def test_equals_finite_differences(key, default_qubit):
    layers = [AngleEncoding(), Rotation("zy"), Entangler("crx", "ring"), Rotation("x")]
    model = qdl.QNN(3, layers, readout=qdl.ExpZ([0, 2]))
    params, x = model.init(key), np.array([0.3, 1.1, 2.0])
    state = default_qubit(model, params, x, state=True).ravel()
    slopes = by_differences(lambda p: default_qubit(model, p, x, state=True).ravel(), params)
    slopes = slopes - np.outer(state, state.conj() @ slopes)
    wanted = 4 * (slopes.conj().T @ slopes).real
    np.testing.assert_allclose(quantum_fisher(model, params, x), wanted, atol=1e-8)

    probs = qdl.QNN(3, layers, readout=qdl.Probs([0, 2]))
    p = default_qubit(probs, params, x).ravel()
    dp = by_differences(lambda q: default_qubit(probs, q, x).ravel(), params)
    found = classical_fisher(model, params, x)
    np.testing.assert_allclose(found, (dp / p[:, None]).T @ dp, atol=1e-7)
    np.testing.assert_allclose(found, classical_fisher(probs, params, x), atol=1e-12)
    assert np.linalg.eigvalsh(wanted - found).min() > -1e-7  # measuring never adds information


def parity(bits):
    return bits.sum(axis=1) % 2


@pytest.mark.parametrize("float64", [True, False])
def test_the_information_of_an_output_is_that_of_its_distribution(key, default_qubit, float64):
    """Of the parity, of a weighted sum of two wires, and of a label; differences on default.qubit."""
    layers = [AngleEncoding(), Rotation("zy"), Entangler("crx", "ring"), Rotation("x")]
    whole = qdl.QNN(3, layers, readout=qdl.Probs())
    params, x = whole.init(key), np.array([0.3, 1.1, 2.0])
    p = default_qubit(whole, params, x).ravel()
    dp = by_differences(lambda q: default_qubit(whole, q, x).ravel(), params)
    bits = (np.arange(8)[:, None] >> np.array([2, 1, 0])) & 1
    signs = 1 - 2 * bits
    three = qp.Z(0) @ qp.Z(1) @ qp.Z(2)
    cases = [
        (qdl.Expval(three), "output", parity(bits)),
        (qdl.ExpZ(), parity, parity(bits)),
        (qdl.Probs(), parity, parity(bits)),
        (qdl.Expval(qp.Z(0) + 0.5 * qp.Z(2)), "output", signs[:, 0] + 0.5 * signs[:, 2]),
        (qdl.Expval([qp.Z(0) @ qp.Z(1), three]), "output", parity(bits[:, :2]) + 2 * bits[:, 2]),
        (qdl.ExpZ(), lambda b: np.array(["a", "b"])[b[:, 1]], bits[:, 1]),
        (qdl.ExpZ(), "output", np.arange(8)),
        (qdl.Probs(), "output", np.arange(8)),
    ]
    kind = np.float64 if float64 else np.float32
    params = jax.tree.map(lambda leaf: np.asarray(leaf, kind), params)
    with jax.enable_x64(float64):
        for readout, of, labels in cases:
            found = classical_fisher(replace(whole, readout=readout), params, x, of=of)
            merged = np.array([labels == label for label in np.unique(labels)]).astype(float)
            q, dq = merged @ p, merged @ dp
            wanted = (dq / q[:, None]).T @ dq
            np.testing.assert_allclose(found, wanted, atol=1e-7 if float64 else 2e-5)


def test_less_is_known_of_a_function_of_the_bits(key):
    model = qdl.QNN(3, Repeat([Rotation("zy"), Entangler("cz", "ring")], 2))
    params = model.init(key)
    less = classical_fisher(model, params, of=parity)
    more = classical_fisher(model, params)
    assert np.linalg.matrix_rank(less, tol=1e-9) == 1 < np.linalg.matrix_rank(more, tol=1e-9)
    assert np.linalg.eigvalsh(more - less).min() > -1e-10
    spectrum = fisher_spectrum(model, "classical", key=key, draws=2, of=parity)
    assert spectrum.rank == 1


def test_the_circuits_of_abbas_et_al_give_the_dimensions_of_qiskit_machine_learning():
    """Its ``EffectiveDimension`` 0.9.1 on ``zz_feature_map`` and ``real_amplitudes``, exact derivatives."""
    rng = np.random.default_rng(0)
    angles, X = rng.uniform(-1, 1, (4, 9)), rng.normal(size=(3, 3))
    model = quantum(3, 2)
    trees = [[[None, None], w[:3, None], [None, w[3:].reshape(2, 3, 1)]] for w in angles]
    matrices = np.array(
        [np.mean([classical_fisher(model, p, x, of=parity) for x in X], axis=0) for p in trees]
    )
    theirs = {1000: 3.8778863523820504, 10_000: 3.523514141184972, 100_000: 3.3719010689541795}
    for n, wanted in theirs.items():
        assert effective_dimension_of(matrices, n) == pytest.approx(wanted, rel=1e-12)


def test_spectra_are_drawn_into_one_picture(key):
    model = qdl.QNN(2, Rotation("xyzx"))
    found = fisher_spectrum(model, key=key, draws=3)
    axes = found.plot(label="four turns")
    fisher_spectrum(model, "classical", key=key, draws=3).plot(axes)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == f"four turns: rank {found.rank} of 8" and len(labels) == 2
    relative = found.eigenvalues / found.eigenvalues.mean()
    drawn = axes.patches[0].get_path().vertices
    assert drawn[:, 0].max() == pytest.approx(relative.max())
    assert drawn[:, 1].max() == pytest.approx((relative <= relative.max() / 20).mean())


def test_dimensions_at_several_sizes_and_of_given_features(key):
    model = quantum(2, 1)
    X = np.random.default_rng(0).normal(size=(3, 2))
    found = effective_dimension(model, key=key, draws=3, x=X, n_data=[1000, 10_000], of=parity)
    params = [model.init(k) for k, _ in jax.random.split(key, (3, 2))]
    matrices = np.array(
        [np.mean([classical_fisher(model, p, x, of=parity) for x in X], axis=0) for p in params]
    )
    wanted = [effective_dimension_of(matrices, n) for n in (1000, 10_000)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("kind", ["quantum", "classical"])
def test_matrices_are_averaged_over_inputs_at_the_same_parameters(key, kind):
    """They were once drawn anew for every input, which mixes their directions too."""
    model = quantum(2, 1)
    X = np.random.default_rng(0).normal(size=(3, 2))
    of, fisher = (
        ("bits", quantum_fisher)
        if kind == "quantum"
        else (parity, partial(classical_fisher, of=parity))
    )
    keys = jax.random.split(key, (2, 2))
    drawn = [jax.random.uniform(k, (3, 2), maxval=2 * np.pi) for _, k in keys]
    for x, rows in ((X, [X, X]), (None, drawn)):
        found = fisher_spectrum(model, kind, key=key, draws=2, inputs=3, x=x, of=of).eigenvalues
        matrices = [
            np.mean([fisher(model, model.init(k), row) for row in each], axis=0)
            for (k, _), each in zip(keys, rows, strict=True)
        ]
        np.testing.assert_allclose(found, np.linalg.eigvalsh(matrices)[:, ::-1], atol=1e-9)
        if kind == "classical":
            dimension = effective_dimension(model, key=key, draws=2, inputs=3, x=x, of=of)
            assert dimension == pytest.approx(effective_dimension_of(matrices, 1000), rel=1e-9)


def test_one_geometry(key):
    layers = [AngleEncoding(), Rotation("zy"), Entangler("crx", "ring"), RandomRotation()]
    model = qdl.QNN(3, layers, readout=qdl.ExpZ([0, 2]))
    params, x = model.init(key), np.array([0.3, 1.1, 2.0])
    metric = qdl.training.metric_tensor(model, params, x)
    angles = np.array([True] * 12 + [False] * 9)  # drawn axes have no derivative
    wanted = 4 * np.asarray(metric)[np.ix_(angles, angles)]
    np.testing.assert_allclose(quantum_fisher(model, params, x), wanted, atol=1e-12)
    np.testing.assert_allclose(np.asarray(metric)[~angles], 0, atol=1e-12)


def test_rotations_of_separate_wires(key):
    model = qdl.QNN(3, Rotation("x"))
    params = model.init(key)
    for matrix in (quantum_fisher(model, params), classical_fisher(model, params)):
        np.testing.assert_allclose(matrix, np.eye(3), atol=1e-12)
    values = fisher_spectrum(model, key=key, draws=2)
    assert values.rank == 3 and np.allclose(values.eigenvalues, 1)


def test_only_angles_are_reported(key):
    model = qdl.QNN(2, [RandomRotation(), Entangler("cz")])
    assert quantum_fisher(model, model.init(key)).shape == (2, 2)


def ising(params, x, wires):
    """The transverse-field Ising ansatz, an angle for every gate."""
    n = len(wires)
    for k in range(n - 1):
        yield qp.IsingXX(params[k], wires=wires[k : k + 2])
    for k in range(n):
        yield qp.RZ(params[n - 1 + k], wires=wires[k])


def test_rank_stays_below_all_bounds(key):
    # overparametrisation: the rank stops at the algebra's dimension or at that of the sphere
    n = 3
    few = qdl.QNN(n, [Rotation("x"), Template(ising, (2 * n - 1,))])
    many = qdl.QNN(n, Repeat([Rotation("x"), Template(ising, (2 * n - 1,))], 3))
    for model, wanted in ((few, 8), (many, 14)):
        most = min(model.n_params, dynamical_lie_algebra(model).dimension, 2 ** (n + 1) - 2)
        assert fisher_spectrum(model, key=key, draws=2).rank == wanted <= most
    free = qdl.QNN(2, Repeat(Template(ising, (3,)), 4))  # dim g = 6, and |00> meets half of it
    assert dynamical_lie_algebra(free).dimension == 6
    assert fisher_spectrum(free, key=key, draws=2).rank < 6 < free.n_params


@pytest.mark.parametrize(
    ("p", "n_data", "gamma"), [(1, 100, 1.0), (5, 1000, 1.0), (40, 10**5, 0.3)]
)
def test_effective_dimension_of_constant_matrices(p, n_data, gamma):
    kappa = gamma * n_data / (2 * np.pi * np.log(n_data))
    wanted = p * np.log(1 + kappa) / np.log(kappa)
    same = np.repeat(7.0 * np.eye(p)[None], 3, axis=0)
    assert effective_dimension_of(same, n_data, gamma) == pytest.approx(wanted)
    flat = np.zeros((1, p, p))
    flat[0, 0, 0] = 2.0  # one direction that matters has all of the trace
    wanted = np.log(1 + p * kappa) / np.log(kappa)
    assert effective_dimension_of(flat, n_data, gamma) == pytest.approx(wanted)


def test_effective_dimension_averages_inputs_before_the_determinant(key):
    model = qdl.QNN(2, [AngleEncoding(), Rotation("y")], readout=qdl.ExpZ(0))
    # one angle on the measured wire: F = diag(1, 0) for every input
    kappa = 1000 / (2 * np.pi * np.log(1000))
    wanted = np.log(1 + 2 * kappa) / np.log(kappa)
    for inputs in (1, 3):
        found = effective_dimension(model, key=key, draws=3, inputs=inputs)
        assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, k: fisher_spectrum(m, "bures", key=k), "unknown kind 'bures'"),
        (lambda m, k: fisher_spectrum(m, key=k, draws=0), "expected draws >= 1, got 0"),
        (lambda m, k: effective_dimension_of(np.eye(2)[None], 3), "kappa = 0.435"),
        (lambda m, k: effective_dimension_of(np.eye(2)[None], 100, 2.0), r"gamma in \(0, 1\]"),
        (lambda m, k: effective_dimension_of(np.zeros((1, 2, 2)), 1000), "all vanish"),
        (
            lambda m, k: classical_fisher(
                qdl.QNN(2, Rotation("y"), readout=qdl.Expval(qp.X(0))), [np.zeros((2, 1))]
            ),
            "bits measured along Z, got X",
        ),
        (lambda m, k: classical_fisher(m, m.init(k), of="values"), "of must be 'bits', 'output'"),
        (lambda m, k: classical_fisher(m, m.init(k), of=lambda b: 0), "expected a label for"),
        (lambda m, k: fisher_spectrum(m, key=k, of=parity), "is of the state"),
    ],
)
def test_refusals(key, call, said):
    with pytest.raises(ValueError, match=said):
        call(qdl.QNN(2, Rotation("y")), key)
