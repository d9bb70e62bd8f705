"""Reverse mode, twice where it is right; forward mode and other second derivatives refused by name."""

import warnings

import jax
import numpy as np
import pennylane as qp
import pytest
from jax.flatten_util import ravel_pytree

import qdl
from qdl.layers import AngleEncoding, BasisEncoding, Entangler, Noise, Rotation, Template

MODEL = qdl.QNN(3, [AngleEncoding(), Rotation("y"), Entangler("cz"), Rotation("x")])
X = np.random.default_rng(0).uniform(-1, 1, (2, 3))
backends = qdl.backends
REVERSE = {
    "statevector": backends.statevector(),
    "shots": backends.statevector(shots=100),
    "trajectories": backends.trajectories(5),
    "cone": backends.cone(),
    "propagation": backends.pauli_propagation(3),
    "aer": backends.aer(),
    "lightning": qp.device("lightning.qubit", wires=3),
}
FORWARD = {
    "jvp": lambda f, p: jax.jvp(f, (p,), (p,)),
    "jvp of jit": lambda f, p: jax.jvp(jax.jit(f), (p,), (p,)),
    "jit of jvp": lambda f, p: jax.jit(lambda p: jax.jvp(f, (p,), (p,)))(p),
}


def loss(place, key=None):
    """A function of one vector of numbers, and such a vector."""
    model = MODEL.on(place)
    flat, unravel = ravel_pytree(MODEL.init(jax.random.key(0)))
    return lambda flat: (model.apply(unravel(flat), X, key) ** 2).sum(), flat


def key_of(name):
    return jax.random.key(1) if name in ("shots", "trajectories") else None


@pytest.mark.parametrize("how", FORWARD)
@pytest.mark.parametrize("name", REVERSE)
def test_forward_mode_names_what_there_is_instead(how, name):
    f, flat = loss(REVERSE[name], key_of(name))
    with pytest.raises(TypeError, match=r"reverse mode alone.*jax.jacrev\(jax.grad\(f\)\)"):
        FORWARD[how](f, flat)


@pytest.mark.parametrize("name", ["statevector", "shots", "aer", "lightning"])
def test_forward_over_reverse_is_refused_too(name):
    f, flat = loss(REVERSE[name], key_of(name))
    with pytest.raises(TypeError, match=r"reverse mode alone|first derivatives alone"):
        jax.hessian(jax.jit(f))(flat)


@pytest.mark.parametrize("name", ["aer", "lightning"])
def test_places_without_second_derivatives_refuse_them(name):
    f, flat = loss(REVERSE[name])
    with pytest.raises(TypeError, match=r"first derivatives alone.*statevector\(\)"):
        jax.jacrev(jax.grad(f))(flat)


PLACES = {
    "propagation": backends.pauli_propagation(3),
    "lightning": qp.device("lightning.qubit", wires=3),
}
COSTLY = {  # to compile
    "cone": backends.cone(),
    "contraction": backends.tensor_network(),
    "density": backends.density_matrix(),
    "trajectories": backends.trajectories(3),
    "default.qubit": qp.device("default.qubit", wires=3),
    "default.mixed": qp.device("default.mixed", wires=3),
    "qdl.jax": qp.device("qdl.jax", wires=3),
}


@pytest.mark.parametrize(
    "name", [*PLACES, *(pytest.param(name, marks=pytest.mark.slow) for name in COSTLY)]
)
def test_derivatives_are_those_of_the_state_vector(name):
    exact, flat = loss(backends.statevector())
    f, _ = loss((PLACES | COSTLY)[name], key_of(name))
    np.testing.assert_allclose(jax.grad(f)(flat), jax.grad(exact)(flat), atol=1e-10)
    if name != "lightning":
        found, expected = jax.jacrev(jax.grad(f))(flat), jax.jacrev(jax.grad(exact))(flat)
        np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.slow
def test_the_second_derivative_of_shots_is_that_of_their_mean():
    exact, flat = loss(backends.statevector())
    _, unravel = ravel_pytree(MODEL.init(jax.random.key(0)))
    many = MODEL.on(backends.statevector(shots=100_000))

    def mean(model, key=None):
        return lambda flat: model.apply(unravel(flat), X, key).sum()

    found = jax.jacrev(jax.grad(mean(many, jax.random.key(1))))(flat)
    expected = jax.jacrev(jax.grad(mean(MODEL)))(flat)
    np.testing.assert_allclose(found, expected, atol=0.05)


@pytest.mark.parametrize(
    "noise", [[], [Noise("depolarizing", 0.0)], [Noise("amplitude_damping", 0.0)]]
)
def test_maps_over_rows_are_what_trajectories_give_for_rows(noise):
    silent = qdl.QNN(3, [AngleEncoding(), Rotation("yz"), Entangler("cnot")])
    model = qdl.QNN(3, [AngleEncoding(), Rotation("yz"), *noise, Entangler("cnot")])
    angles = silent.init(jax.random.key(0))
    params = [*angles[:2], *[None] * len(noise), angles[2]]
    there = model.on(backends.trajectories(4))
    found = jax.vmap(lambda row: there.apply(params, row, jax.random.key(1)))(X)
    np.testing.assert_allclose(found, silent.apply(angles, X), atol=1e-6)


class Unread(qdl.Layer):
    """A layer that asks for a feature and has no use for it."""

    def n_features(self, wires):
        return 1

    def gates(self, params, x, wires):
        yield qp.RY(0.3, wires=wires[0])


@pytest.mark.parametrize("name", ["statevector", "trajectories", "propagation", "aer", "density"])
def test_maps_over_parameters_of_a_model_that_does_not_read_its_features(name):
    place = backends.density_matrix() if name == "density" else REVERSE[name]
    model, key = qdl.QNN(3, [Unread(), Rotation("yx")]).on(place), key_of(name)
    flat, unravel = ravel_pytree(model.init(jax.random.key(0)))
    many, rows = flat + np.linspace(-0.5, 0.5, 3)[:, None], np.zeros((4, 1))

    def f(flat):
        return model.apply(unravel(flat), rows, key)

    np.testing.assert_allclose(jax.vmap(f)(many), [f(one) for one in many], atol=1e-10)
    slopes = [jax.grad(lambda flat: f(flat).sum())(one) for one in many]
    inside = jax.grad(lambda many: jax.vmap(f)(many).sum())(many)
    np.testing.assert_allclose(inside, slopes, atol=1e-10)


def two_wire_errors(params, x, wires):
    yield qp.PauliError("XZ", 0.1, wires=wires)


class Fixed(qdl.Layer):
    """A matrix of NumPy between gates with angles."""

    def gates(self, params, x, wires):
        yield qp.QubitUnitary(np.array([[0, 1j], [1, 0]]), wires=wires[1])


def test_matrices_of_numpy_reach_devices_as_they_are():
    model = qdl.QNN(3, [Rotation("y"), Fixed(), Rotation("x")])
    params = model.init(jax.random.key(0))
    there = model.on(qp.device("lightning.qubit", wires=3))
    np.testing.assert_allclose(there.apply(params), model.apply(params), atol=1e-7)
    slopes = [jax.grad(lambda p, m=m: m.apply(p).sum())(params) for m in (there, model)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), *slopes)


@pytest.mark.parametrize(
    "name", ["statevector", "shots", "trajectories", "propagation", "aer", "lightning"]
)
def test_gradients_of_maps_are_maps_of_gradients(name):
    f, flat = loss(REVERSE[name], key_of(name))
    many = flat + np.linspace(-0.5, 0.5, 3)[:, None]
    outside = jax.vmap(jax.grad(f))(many)
    inside = jax.grad(lambda many: jax.vmap(f)(many).sum())(many)
    compiled = jax.jit(jax.grad(lambda many: jax.vmap(jax.jit(f))(many).sum()))(many)
    alone = [jax.grad(f)(one) for one in many]
    if name != "shots":  # whose random numbers differ
        np.testing.assert_allclose(outside, alone, atol=1e-10)
        np.testing.assert_allclose(inside, outside, atol=1e-10)
        np.testing.assert_allclose(compiled, outside, atol=1e-10)


@pytest.mark.parametrize("how", [jax.jit, lambda f: lambda p: jax.vmap(f)(p[None])])
@pytest.mark.parametrize("name", ["depolarizing", "amplitude_damping", "pauli"])
def test_a_device_refuses_a_channel_in_its_own_words_inside_of_programs_too(how, name):
    noise = Noise(name, 0.1) if name != "pauli" else Template(two_wire_errors)
    model = qdl.QNN(2, [Rotation("y"), noise])
    flat, unravel = ravel_pytree(model.init(jax.random.key(0)))
    there = model.on(qp.device("lightning.qubit", wires=2))
    with pytest.raises(qp.exceptions.DeviceError, match="Channel|Damping|PauliError"):
        how(lambda flat: there.apply(unravel(flat)))(flat)


@pytest.mark.parametrize("kind", [int, bool, "int8", "float32"])
@pytest.mark.parametrize("name", ["statevector", "trajectories", "cone", "aer", "lightning"])
def test_features_of_any_kind_of_numbers_inside_of_programs(name, kind):
    bits = np.array([[0, 1, 1], [1, 0, 1]])
    model = qdl.QNN(3, [BasisEncoding(), Rotation("yx"), AngleEncoding("y", scale=0.7)])
    params, there = model.init(jax.random.key(0)), model.on(REVERSE[name])
    found = jax.vmap(lambda row: there.apply(params, row, key_of(name)))(bits.astype(kind))
    np.testing.assert_allclose(found, model.apply(params, bits), atol=1e-5)


@pytest.mark.parametrize("which", ["params", "x"])
def test_complex_numbers_are_refused_inside_of_programs_too(which):
    flat, unravel = ravel_pytree(MODEL.init(jax.random.key(0)))
    given = {"params": unravel(flat), "x": X}
    given[which] = jax.tree.map(lambda leaf: leaf + 0.5j, given[which])
    with pytest.raises(TypeError, match=f"{which}.*must be real numbers"):
        jax.jit(MODEL.apply)(given["params"], given["x"])


class Scaled(qdl.Layer):
    """Multiples of parameters, which are no whole numbers where these are."""

    def shape(self, wires):
        return (len(wires),)

    def gates(self, params, x, wires):
        for i, wire in enumerate(wires):
            yield qp.RY(0.7 * params[i], wire)


@pytest.mark.parametrize("how", [lambda f: f, jax.jit])
@pytest.mark.parametrize("name", [*REVERSE, "density"])
def test_parameters_that_are_whole_numbers(name, how):
    place = backends.density_matrix() if name == "density" else REVERSE[name]
    model = qdl.QNN(3, [Scaled(), Entangler("crx"), Rotation("y")])
    whole = jax.tree.map(lambda a: np.ones(np.shape(a), int), model.init(jax.random.key(0)))
    wanted = model.apply(jax.tree.map(np.float64, whole))
    found = how(lambda params: model.on(place).apply(params, key=key_of(name)))(whole)
    np.testing.assert_allclose(found, wanted, atol=0.5 if name == "shots" else 1e-6)


@pytest.mark.parametrize("how", [lambda f: f, jax.jit])
@pytest.mark.parametrize("shots", [None, 20_000])
@pytest.mark.parametrize("name", ["lightning.qubit", "default.qubit"])
def test_devices_that_shift_parameters_take_batches(name, shots, how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shots belong to the QNode in newer PennyLane
        device = qp.device(name, wires=3, shots=shots, **({} if shots is None else {"seed": 3}))
    weights = np.arange(4.0).reshape(2, 2)

    def slopes(model):
        def weighed(params, x):
            return (model.apply(params, x) * weights).sum()

        return how(jax.grad(weighed, (0, 1)))(params, X)

    model = qdl.QNN(3, MODEL.layers, qdl.Probs([1]))
    params = model.init(jax.random.key(0))
    found = slopes(model.on(device))
    room = 1e-8 if shots is None else 0.1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=room), found, slopes(model))


class Phased(qdl.Layer):
    """A phase of the whole, of each sample."""

    def gates(self, params, x, wires):
        yield qp.RY(0.3, wires[-1])
        yield qp.SWAP(wires[:2])
        yield qp.GlobalPhase(x[..., 1])
        yield qp.adjoint(qp.GlobalPhase(2 * x[..., 2]))


@pytest.mark.parametrize("readout", [qdl.Expval([qp.Z(0) @ qp.Z(2)]), qdl.Probs([1, 2])])
@pytest.mark.parametrize("name", ["default.mixed", "default.qubit", "lightning.qubit"])
def test_devices_take_phases_of_each_sample(name, readout):
    model = qdl.QNN(3, [Phased()], readout)
    params = model.init(jax.random.key(0))
    found = model.on(qp.device(name, wires=3)).apply(params, X)
    np.testing.assert_allclose(found, model.apply(params, X), atol=1e-6)


class Together(qdl.Layer):
    """A rotation of many wires, whose copies keep the batch size of the first in PennyLane 0.45."""

    def gates(self, params, x, wires):
        yield from (qp.Hadamard(wire) for wire in wires)
        yield qp.MultiRZ(x[..., 0], wires)
        yield qp.CRY(x[..., 1], wires[:2])


@pytest.mark.parametrize("how", ["batch", "rows", "batches of one"])
def test_devices_differentiate_rotations_of_many_wires(how):
    model = qdl.QNN(3, [Together(), Rotation("y")])
    params, x = model.init(jax.random.key(0)), X[:, None] if how == "batches of one" else X

    def slopes(model):
        def total(params, x):
            run = model.apply if how == "batch" else jax.vmap(model.apply, (None, 0))
            return (run(params, x) ** 2).sum()

        return jax.grad(total, (0, 1))(params, x)

    found = slopes(model.on(qp.device("lightning.qubit", wires=3)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-8), found, slopes(model))
