"""Photonic networks against closed forms, Gaussian states, and PennyLane; both precisions."""

from dataclasses import replace
from math import comb, factorial, pi

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
import scipy.linalg

import qdl
from qdl.backends import fock, gaussian
from qdl.layers import Adjoint, Entangler, Repeat, Rotation, Template
from qdl.modes import elements
from qdl.photonic import (
    CrossKerr,
    Displacement,
    DisplacementEncoding,
    FockProbs,
    Interferometer,
    Kerr,
    PhotonNumber,
    Quadrature,
    Squeezing,
)

KEY = jax.random.key(0)
BLOCK = [Interferometer(), Squeezing(), Interferometer(), Displacement(), Kerr()]
GAUSSIAN = [DisplacementEncoding(), Repeat([Interferometer(), Squeezing(True), Displacement()], 2)]


@pytest.fixture(params=[True, False], ids=["float64", "float32"])
def room(request):
    """The error that a precision leaves."""
    with jax.enable_x64(request.param):
        yield 1e-11 if request.param else 3e-6


def value(layers, readout, place, params, x=None, modes=1):
    model = qdl.QNN(modes, layers, readout=readout).on(place)
    return np.asarray(model.apply(params, x))


# ---- matrix elements


def lowered(levels):
    return np.diag(np.sqrt(np.arange(1, levels)), 1)


@pytest.mark.parametrize("levels", [7, 20, 50])
def test_displacements_and_squeezers_are_those_of_infinite_matrices(levels, room):
    a = lowered(levels + 150)
    for alpha in (0.3 + 0.1j, -1.5j, 2.5, 4.0 * np.exp(0.3j)):
        exact = scipy.linalg.expm(alpha * a.T - np.conj(alpha) * a)[:levels, :levels]
        found = elements.displacement(jnp.asarray([alpha]), levels)[0]
        assert np.abs(found - exact).max() < 4 * room, alpha
    for r in (0.1, -0.4, 0.9):
        exact = scipy.linalg.expm(r * (a @ a - a.T @ a.T) / 2)[:levels, :levels]
        found = elements.squeezing(jnp.asarray([r]), levels)[0]
        assert np.abs(found - exact).max() < 4 * room, r


def test_the_cubic_phase_is_that_of_the_infinite_matrix(room):
    a = lowered(2000)
    x, vectors = np.linalg.eigh(a + a.T)
    for gamma in (0.05, -0.15):
        exact = (vectors[:15] * np.exp(1j * gamma * x**3 / 6)) @ vectors[:15].T
        found = elements.cubic_phase(jnp.asarray([gamma]), 15)[0]
        assert np.abs(found - exact).max() < 4 * room
    assert np.isnan(elements.cubic_phase(jnp.asarray([1.5]), 15)).all()  # not resolved by its grid


# ---- closed forms


@pytest.mark.parametrize("alpha, levels", [(0.5, 10), (1.0, 20), (2.0, 40)])
def test_coherent_states(alpha, levels, room):
    n = np.arange(levels)
    exact = np.exp(-(alpha**2)) * alpha ** (2 * n) / np.array([float(factorial(k)) for k in n])
    x = np.array([alpha])
    encoded = DisplacementEncoding()
    assert np.abs(value(encoded, FockProbs(), fock(levels), [None], x) - exact).max() < room
    bias = [{"re": np.zeros(1), "im": np.array([alpha])}]
    assert np.abs(value(Displacement(), FockProbs(), fock(levels), bias) - exact).max() < room
    place = fock(levels)
    assert abs(value(encoded, Quadrature(), place, [None], x) - 2 * alpha) < 2 * room
    turned = value(Displacement(), Quadrature(phi=pi / 2), place, bias)
    assert abs(turned - 2 * alpha) < 2 * room
    assert abs(value(encoded, PhotonNumber(), place, [None], x) - alpha**2) < 2 * room


@pytest.mark.parametrize(
    "r, levels, cut", [(0.2, 10, 2e-6), (0.5, 20, 2e-6), (0.5, 40, 5e-13), (1.0, 40, 1.6e-4)]
)
def test_squeezed_vacuum(r, levels, cut, room):
    """And what the cut-off takes from the number of photons and from the squeezed variance."""
    exact = np.zeros(levels)
    for k in range((levels + 1) // 2):
        exact[2 * k] = comb(2 * k, k) * (np.tanh(r) / 2) ** (2 * k) / np.cosh(r)
    params, place = [{"r": np.array([r])}], fock(levels)
    assert np.abs(value(Squeezing(), FockProbs(), place, params) - exact).max() < room
    number = value(Squeezing(), PhotonNumber(), place, params)
    assert abs(number - np.sinh(r) ** 2) < cut + room
    model = qdl.QNN(1, Squeezing(), readout=Quadrature())
    psi = np.asarray(model.on(place).state(params))
    moved = (lowered(levels) + lowered(levels).T) @ psi
    assert abs(np.vdot(moved, moved).real - np.exp(-2 * r)) < 4 * levels * cut + room
    _, covariance = gaussian().moments(
        qdl.QNN(1, Squeezing(), readout=Quadrature()).circuit, params, None
    )
    assert np.allclose(np.diag(covariance), [np.exp(-2 * r), np.exp(2 * r)], rtol=1e-5)


def test_two_photons_at_a_beamsplitter(room):
    """Hong, Ou and Mandel: they leave together."""
    theta = jnp.array([pi / 4, 0.3])
    two = elements.beamsplitter(theta, 4)[:, 2, :, 1]  # from |1, 1>
    assert np.abs(two[:, 1] ** 2 - np.cos(2 * theta) ** 2).max() < room
    assert np.abs(two[:, 2] ** 2 - np.sin(2 * theta) ** 2 / 2).max() < room


@pytest.mark.parametrize("kappa", [0.1, pi / 2, pi])
def test_kerr_on_a_coherent_state(kappa, room):
    alpha, layers = 1.2, [DisplacementEncoding(), Kerr()]
    exact = alpha * np.exp(1j * kappa) * np.exp(alpha**2 * (np.exp(2j * kappa) - 1))
    params, x = [None, np.array([kappa])], np.array([alpha])
    found = [value(layers, Quadrature(phi=phi), fock(30), params, x)[0] for phi in (0, pi / 2)]
    assert np.abs(np.array(found) - 2 * np.array([exact.real, exact.imag])).max() < 10 * room


def test_cross_kerr_turns_by_the_other_modes_photons(room):
    """exp(i kappa n_a n_b) on two coherent states: the first is turned by each number of the second."""
    kappa, a, b = 0.4, 0.7, 0.9
    exact = a * np.exp(b**2 * (np.exp(1j * kappa) - 1))
    layers, params = [DisplacementEncoding(), CrossKerr()], [None, np.array([kappa])]
    for place in (fock(20), fock(25, total=True)):
        p = value(layers, Quadrature([0], phi=pi / 2), place, params, np.array([a, b]), 2)
        assert p[0] == pytest.approx(2 * exact.imag, abs=10 * room)


def test_derivatives_at_zero(room):
    def x_of(a, phi):
        model = qdl.QNN(1, Template(displaced, (2,)), readout=Quadrature()).on(fock(10))
        return model.apply([jnp.stack([a, phi])])[0]

    for phi in (0.3, 1.0):
        slope = jax.grad(x_of)(jnp.asarray(0.0), jnp.asarray(phi))
        assert float(slope) == pytest.approx(2 * np.cos(phi), abs=room)
        assert np.isfinite(jax.jacrev(jax.grad(x_of))(jnp.asarray(0.0), jnp.asarray(phi)))


def displaced(params, x, wires):
    yield qp.Displacement(params[0], params[1], wires=wires[0])


@pytest.mark.parametrize("modes, total", [(1, False), (2, False), (3, True)])
def test_gradients_are_finite_at_zero(modes, total, room):
    model = qdl.QNN(modes, [DisplacementEncoding(), Repeat(BLOCK, 2)], readout=PhotonNumber())
    model = model.on(fock(5, total=total))
    zeros = jax.tree.map(jnp.zeros_like, model.init(KEY))
    found = jax.grad(lambda p: model.apply(p, np.zeros((2, modes))).sum())(zeros)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


# ---- against Gaussian states and PennyLane


def test_fock_and_phase_space_agree(room):
    model = qdl.QNN(3, GAUSSIAN, readout=Quadrature(phi=0.3))
    params = model.init(KEY)
    x = 0.2 * np.random.default_rng(0).normal(size=(2, 2, 3))
    exact = model.on(gaussian()).apply(params, x)
    for place in (fock(8), fock(11, total=True)):
        found = model.on(place).apply(params, x)
        assert found.shape == exact.shape and np.abs(found - exact).max() < 1e-6 + 3 * room


def test_photon_numbers_and_gradients_of_both_agree():
    model = qdl.QNN(2, GAUSSIAN, readout=PhotonNumber([1, 0]))
    weights, x = np.array([1.0, -0.5]), np.array([0.3, -0.2])
    with jax.enable_x64(True):
        params = model.init(KEY)
        slopes = [
            jax.grad(lambda p, place=place: model.on(place).apply(p, x) @ weights)(params)
            for place in (gaussian(), fock(16), fock(18, total=True))
        ]
        for one, *others in zip(*map(jax.tree.leaves, slopes), strict=True):
            assert all(np.abs(one - other).max() < 1e-7 for other in others)


@pytest.mark.parametrize("modes", [1, 2, 5])
def test_phase_space_equals_pennylane(modes):
    device = qp.device("default.gaussian", wires=modes)
    with jax.enable_x64(True):
        for readout in (
            Quadrature(),
            Quadrature(phi=pi / 2),
            Quadrature([0], phi=0.4),
            PhotonNumber(),
        ):
            model = qdl.QNN(modes, GAUSSIAN, readout=readout)
            params = model.init(jax.random.key(modes))
            x = np.random.default_rng(0).normal(size=(2, modes))
            exact = model.on(device).apply(params, x)
            assert np.abs(model.on(gaussian()).apply(params, x) - exact).max() < 1e-12
        _, covariance = gaussian().moments(model.circuit, params, x[0])
        assert np.linalg.det(np.asarray(covariance)) == pytest.approx(1, abs=1e-10)


def test_pennylane_differentiates_its_own_device():
    with jax.enable_x64(True):
        model = qdl.QNN(
            2, [DisplacementEncoding(), Interferometer(), Displacement()], readout=Quadrature()
        )
        params, x = model.init(KEY), np.array([0.3, -0.2])
        there = model.on(qp.device("default.gaussian", wires=2))
        for place in (gaussian(), fock(12)):
            slopes = [
                jax.grad(lambda p, m=m: m.apply(p, x).sum())(params)
                for m in (there, model.on(place))
            ]
            for one, two in zip(*map(jax.tree.leaves, slopes), strict=True):
                assert np.abs(one - two).max() < 1e-8


def test_templates_and_two_mode_squeezing():
    def both(params, x, wires):
        yield qp.TwoModeSqueezing(params[0], params[1], wires=wires)

    with jax.enable_x64(True):
        model = qdl.QNN(2, Template(both, (2,)), readout=PhotonNumber())
        for place in (gaussian(), fock(25)):
            n = model.on(place).apply([np.array([0.3, 0.8])])
            assert np.allclose(n, np.sinh(0.3) ** 2, atol=1e-9)
        # And its sign: what a displacement of one mode does to the other.
        lit = qdl.QNN(
            2, [DisplacementEncoding(), Template(both, (2,))], readout=Quadrature(phi=0.7)
        )
        params, x = [None, np.array([0.3, 0.8])], np.array([0.5, 0.0])
        exact = lit.on(qp.device("default.gaussian", wires=2)).apply(params, x)
        assert abs(exact[1]) > 0.1
        for place in (gaussian(), fock(25)):
            assert np.abs(lit.on(place).apply(params, x) - exact).max() < 1e-8
        shapes = qp.CVNeuralNetLayers.shape(n_layers=2, n_wires=2)
        sizes = [int(np.prod(s)) for s in shapes]

        def whole(params, x, wires):
            parts = [
                p.reshape(s)
                for p, s in zip(jnp.split(params, np.cumsum(sizes)[:-1]), shapes, strict=True)
            ]
            yield qp.CVNeuralNetLayers(*parts, wires=wires)

        model = qdl.QNN(2, Template(whole, (sum(sizes),)), readout=Quadrature()).on(fock(10))
        params = [0.1 * np.random.default_rng(0).normal(size=sum(sizes))]
        t1, p1, v1, r, pr, t2, p2, v2, a, pa, k = (
            np.asarray(p).reshape(2, -1) for p in np.split(params[0], np.cumsum(sizes)[:-1])
        )
        mine = qdl.QNN(
            2, Repeat([Interferometer(), Squeezing(True), Interferometer(), Displacement(), Kerr()], 2),
            readout=Quadrature(),
        ).on(fock(10))  # fmt: skip
        own = [[
            {"theta": t1, "phi": p1, "rotation": v1},
            {"r": r, "phi": pr},
            {"theta": t2, "phi": p2, "rotation": v2},
            {"re": a * np.cos(pa), "im": a * np.sin(pa)},
            k,
        ]]  # fmt: skip
        # PennyLane's mesh has the same pairs in another order from three modes on.
        assert np.abs(model.apply(params) - mine.apply(own)).max() < 1e-10


def test_adjoints_undo():
    layers = [DisplacementEncoding(), Repeat(BLOCK, 2), Adjoint(Repeat(BLOCK, 2))]
    with jax.enable_x64(True):
        model = qdl.QNN(2, layers, readout=Quadrature()).on(fock(16))
        block = model.init(KEY)[1]
        x = np.array([[0.3, -0.1], [0.0, 0.2]])
        assert np.abs(model.apply([None, block, block], x) - 2 * x).max() < 1e-4
        assert (
            np.abs(model.on(fock(22, total=True)).apply([None, block, block], x) - 2 * x).max()
            < 1e-4
        )


def test_odd_cutoffs_and_reuploading():
    """A gate that depends on x inside of a loop; one sample equals a batch, and loops their parts."""
    layers = [Repeat([DisplacementEncoding(0.2, trainable=True), Interferometer(), Kerr()], 3)]
    with jax.enable_x64(True):
        for modes, place in ((1, fock(7)), (2, fock(9)), (3, fock(7, total=True))):
            model = qdl.QNN(modes, layers, readout=Quadrature([0])).on(place)
            params, x = model.init(KEY), np.random.default_rng(0).normal(size=(4, modes))
            found = model.apply(params, x)
            assert np.allclose(found[1], model.apply(params, x[1]), atol=1e-13)
            assert np.allclose(
                found.reshape(2, 2, 1), model.apply(params, x.reshape(2, 2, -1)), atol=1e-13
            )
            unrolled = qdl.QNN(modes, [layers[0].block] * 3, readout=Quadrature([0])).on(place)
            each = [jax.tree.map(lambda p, t=t: p[t], params[0]) for t in range(3)]
            assert np.allclose(found, unrolled.apply(each, x), atol=1e-13)


# ---- against another program

# Amplitudes of Piquasso 8.0.2, NumPy, for the weights of ``weights``; it cuts two modes by their total.
PIQUASSO = {
    1: {
        (0,): 0.9869456977366 + 0.003092707907634j,
        (1,): 0.1285437969347 + 0.00922977708493j,
        (2,): -0.09201054598344 + 0.01663473807614j,
        (3,): -0.02151594677779 - 0.003928867385673j,
        (4,): 0.009372283957262 + 0.0001708968277512j,
        (5,): 0.002410267633692 + 0.002046420188103j,
        (6,): -0.0007243938263366 - 0.0005773804838979j,
        (7,): 3.550166058299e-05 - 0.0004078063583678j,
        (8,): -1.375256881529e-05 + 8.305970737266e-05j,
        (9,): -4.534436586032e-05 + 2.151448822961e-06j,
    },
    2: {
        (0, 0): 0.9977865218584 + 0.002469190714965j,
        (1, 0): -0.001444766603486 - 0.012005729241j,
        (0, 1): 0.04048566057841 + 0.009109810377709j,
        (1, 1): 0.003752838981445 - 0.004823301589593j,
        (2, 0): 0.009083569492423 + 0.03778379923799j,
        (0, 2): 0.02769892859591 + 0.0138096268769j,
        (3, 1): 0.00109982985355 + 0.0002966955324027j,
        (2, 3): -0.0001104524652976 + 2.363899707179e-05j,
    },
}


def weights(modes, layers):
    """Piquasso's array, and the same as parameters: its meshes lack the last rotation."""
    pairs, rotations = modes * (modes - 1) // 2, max(1, modes - 1)
    k = 2 * pairs + rotations
    flat = 0.1 * np.cos(np.arange(layers * (2 * k + 4 * modes)) ** 2 + 1.0).reshape(layers, -1)
    sizes = np.cumsum([k, modes, k, modes, modes])
    first, r, second, length, phi, kappa = np.split(flat, sizes, axis=1)

    def mesh(part):
        rotation = np.pad(part[:, 2 * pairs :], [(0, 0), (0, modes - rotations)])
        theta, phi = part[:, :pairs], part[:, pairs : 2 * pairs]
        return ({"theta": theta, "phi": phi} if pairs else {}) | {"rotation": rotation}

    moved = {"re": length * np.cos(phi), "im": length * np.sin(phi)}
    return [None, [mesh(first), {"r": r}, mesh(second), moved, kappa]]


@pytest.mark.parametrize("modes, layers, cutoff", [(1, 3, 10), (2, 2, 14)])
def test_states_of_networks_are_those_of_another_program(modes, layers, cutoff, room):
    model, params = qdl.models.cvqnn(modes, layers, cutoff=cutoff), weights(modes, layers)
    psi = np.asarray(model.state(params, np.zeros(modes))).reshape((cutoff,) * modes)
    moved = params[1][3]
    psi = psi * np.exp(-1j * np.sum(moved["re"] * moved["im"]))  # D(iv) D(u) = e^(iuv) D(u + iv)
    for photons, exact in PIQUASSO[modes].items():
        assert abs(psi[photons] - exact) < 10 * room, photons


# ---- many modes


def test_a_hundred_modes_in_phase_space():
    """An interferometer keeps photons; 40 modes here, hundreds in the same few columns of a loop."""
    model = qdl.QNN(40, [DisplacementEncoding(), Interferometer()], readout=PhotonNumber()).on(
        gaussian()
    )
    params = model.init(KEY)
    x = np.zeros((2, 40))
    x[:, 3] = 1.5
    assert np.allclose(model.apply(params, x).sum(-1), 2.25, rtol=1e-4)


def test_interferometers_lose_nothing_below_a_total():
    model = qdl.QNN(3, [DisplacementEncoding(), Interferometer(initializer=qdl.photonic.haar())])
    model = replace(model, readout=PhotonNumber())
    params, x = model.init(KEY), np.array([0.5, -0.3, 0.1])
    only = qdl.QNN(3, DisplacementEncoding(), readout=PhotonNumber())
    with jax.enable_x64(True):
        place = fock(6, total=True)
        before, after = (place.leak(m.circuit, p, x) for m, p in ((only, [None]), (model, params)))
        assert float(after) == pytest.approx(float(before), rel=1e-9)
        assert float(fock(4).leak(model.circuit, params, x)) > 1.5 * float(
            fock(4).leak(only.circuit, [None], x)
        )


# ---- the certificate and the leak


def test_the_bound_holds_and_is_near():
    model = qdl.models.cvqnn(1, 4, cutoff=10)
    model = replace(model, initializer=qdl.photonic.normal(active=0.2))
    x = np.linspace(-0.5, 0.5, 5)[:, None]
    for seed in range(2):
        params = model.init(jax.random.key(seed))
        found = qdl.certify(model, params, x)
        with jax.enable_x64(True):
            p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
            cut = np.asarray(model.state(p, x))
            far = np.asarray(model.on(fock(60)).state(p, x))
        off = np.linalg.norm(np.pad(cut, [(0, 0), (0, 50)]) - far, axis=-1).max()
        assert off <= found.state_error < 30 * off
        assert found.leak == pytest.approx(
            1 - (np.abs(cut) ** 2).sum(-1).min(), rel=1e-6, abs=1e-12
        )
        exact = model.on(fock(60)).apply(params, x)
        assert (np.abs(found.values - exact) <= found.errors + 1e-6).all()
        assert found.verdict == (
            "certified at this theta" if found.error <= 1e-3 else "not certified"
        )
    if found.cutoff is not None:
        assert qdl.certify(model.on(fock(found.cutoff)), params, x).state_error < 2e-3


def test_bounded_readouts_have_a_rigorous_bound():
    model = qdl.models.cvqnn(2, 2, cutoff=8, readout=FockProbs())
    params, x = model.init(KEY), np.zeros((2, 2))
    found = qdl.certify(model, params, x)
    assert found.verdict == "certified at this theta" and found.values.shape == (2, 64)
    wide = np.asarray(model.on(fock(14)).apply(params, x)).reshape(2, 14, 14)[:, :8, :8]
    assert (np.abs(wide.reshape(2, 64) - found.values) <= found.errors + 1e-6).all()
    assert "rigorous" in str(found)
    with pytest.raises(qdl.Refused, match="shots are random"):
        qdl.certify(model.on(fock(8, shots=10)), params, x)
    exact = qdl.certify(
        qdl.QNN(1, Displacement(), readout=Quadrature()).on(gaussian()),
        [{"re": np.ones(1), "im": np.ones(1)}],
    )
    assert exact.verdict == "exact at this size" and exact.error == 0


def test_fit_warns_of_a_leak_and_the_penalty_holds_it_small():
    model = qdl.models.cvqnn(1, 1, cutoff=4)
    X, y = np.full((4, 1), 0.1), np.full(4, 3.0)
    import optax

    def fit(place):
        return qdl.fit(
            model.on(place),
            X,
            y,
            loss="mse",
            steps=60,
            batch_size=4,
            key=KEY,
            optimizer=optax.adam(0.05),
        )

    with pytest.warns(
        RuntimeWarning, match="cut-off of 4 photons leaves out .* (does not|would) do"
    ):
        free = fit(fock(4))
    held = fit(fock(4, penalty=1000.0))
    leaks = [float(fock(4).leak(model.circuit, r.params, X).max()) for r in (free, held)]
    assert leaks[1] < 1e-3 < leaks[0]
    assert held.history["penalty"][-1] == pytest.approx(1000 * leaks[1], rel=0.3)


# ---- shots


def test_shots_of_photons_and_quadratures():
    layers = [DisplacementEncoding(), Squeezing(), Interferometer(initializer=qdl.photonic.haar())]
    x, shots = np.array([[0.5, -0.2], [0.1, 0.3]]), 4000
    keys = jax.random.split(jax.random.key(4), 30)
    for readout, scale in (
        (Quadrature(phi=0.4), 1.3),
        (PhotonNumber(), 0.9),
        (FockProbs([1]), 0.5),
    ):
        model = qdl.QNN(2, layers, readout=readout)
        params = model.init(KEY)
        exact = model.on(fock(8)).apply(params, x)
        found = jax.vmap(lambda k, m=model, p=params: m.on(fock(8, shots=shots)).apply(p, x, k))(
            keys
        )
        assert np.abs(found.mean(0) - exact).max() < 6 * scale / np.sqrt(shots * 30)
        spread = np.asarray(found.std(0))
        if isinstance(readout, Quadrature):
            several = jax.vmap(lambda k, m=model, p=params: m.on(gaussian(shots)).apply(p, x, k))(
                keys
            )
            assert np.allclose(spread, several.std(0), rtol=0.6)
            assert np.abs(several.mean(0) - exact).max() < 6 * scale / np.sqrt(shots * 30)
        assert spread.max() < 2 * scale / np.sqrt(shots)
    with pytest.raises(qdl.Refused, match="no gradient here"):
        jax.grad(lambda p: model.on(fock(8, shots=10)).apply(p, x, KEY).sum())(params)
    with pytest.raises(qdl.Refused, match="homodyne detection alone"):
        replace(model, readout=PhotonNumber()).on(gaussian(10)).apply(params, x, KEY)


# ---- refused by name


def test_what_does_not_fit_is_refused_by_name():
    photonic = qdl.models.cvqnn(2, 1, cutoff=5)
    params, x = photonic.init(KEY), np.zeros(2)
    mixed = qdl.QNN(2, [Interferometer(), Rotation("x")], readout=Quadrature())
    qubits = qdl.QNN(2, [Rotation("x"), Entangler("cz")])
    for place, name in (
        (fock(5), "RX"),
        (gaussian(), "RX"),
        (qdl.backends.statevector(), "Beamsplitter"),
    ):
        with pytest.raises(qdl.Refused, match=f"{name} is .*(cannot be mixed)"):
            mixed.on(place).apply(mixed.init(KEY))
    with pytest.raises(qdl.Refused, match="RX is no gate of modes"):
        qubits.on(fock(5)).apply(qubits.init(KEY))
    with pytest.raises(qdl.Refused, match="Kerr is not Gaussian.*fock"):
        photonic.on(gaussian()).apply(params, x)
    with pytest.raises(
        qdl.Refused, match="PhotonProbabilities is not read from mean and covariance"
    ):
        qdl.QNN(1, Squeezing(), readout=FockProbs()).on(gaussian()).apply([{"r": np.ones(1)}])
    with pytest.raises(qdl.Refused, match="Displacement is a gate of modes of light.*fock"):
        photonic.on(qdl.backends.statevector()).apply(params, x)
    with pytest.raises(qdl.Refused, match="is no observable of modes"):
        replace(photonic, readout=qdl.ExpZ()).apply(params, x)
    with pytest.raises(qdl.Refused, match="Probs gives the probabilities of bits"):
        replace(photonic, readout=qdl.Probs()).apply(params, x)
    with pytest.raises(qdl.Refused, match="QuadX is an observable of modes"):
        replace(qubits, readout=Quadrature()).apply(qubits.init(KEY))
    with pytest.raises(qdl.Refused, match="FockProbs gives probabilities of photon numbers"):
        replace(qubits, readout=FockProbs()).apply(qubits.init(KEY))
    with pytest.raises(qdl.Refused, match="sample gives the bits of qubits"):
        photonic.sample(params, x, 10, KEY)
    with pytest.raises(
        qdl.Refused, match="8 modes with cutoff=20 are 25600000000 amplitudes, .* GiB a sample"
    ):
        big = qdl.models.cvqnn(8, 1, cutoff=20)
        big.apply(big.init(KEY), np.zeros(8))
    with pytest.raises(qdl.Refused, match="asks for 7 photons, beyond cutoff=5"):
        seven = qdl.Expval(qp.FockStateProjector(np.array([7]), wires=0))
        replace(photonic, readout=seven).apply(params, x)
    for wrong in (
        lambda: fock(1),
        lambda: fock(4, penalty=-1.0),
        lambda: fock(4, shots=0),
        lambda: gaussian(0),
    ):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(ValueError, match="one feature per mode"):
        photonic.apply(params, np.zeros(3))
    with pytest.raises(ValueError, match="starts the layers of qdl.photonic alone"):
        replace(qubits, initializer=qdl.photonic.normal()).init(KEY)
