"""The native simulator against PennyLane's default.qubit: random circuits, every pass, every derivative."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import qdl
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Template,
)
from qdl.simulator import Passes, evaluate, state
from qdl.simulator.trigonometry import cos_sin

ONE = ("RX", "RY", "RZ", "PhaseShift")
FIXED = ("Hadamard", "S", "T", "PauliX", "PauliY", "SX")
TWO = ("CNOT", "CZ", "SWAP", "ISWAP", "CY")
TWO_ANGLE = ("CRX", "CRY", "CRZ", "IsingXX", "IsingYY", "IsingZZ", "SingleExcitation")
OTHER = (
    "Toffoli",
    "CCZ",
    "MultiRZ",
    "Rot",
    "adjoint",
    "ctrl",
    "prod",
    "unitary",
    "data_y",
    "data_z",
)
RANDOM = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # every example compiles: shrinking one would take minutes
    suppress_health_check=list(HealthCheck),
)
PLAIN = Passes(*[False] * len(Passes()))
GATES = ONE + FIXED + TWO + TWO_ANGLE + OTHER


def gates(draw, n):
    """A list of (name, three distinct wires, constant)."""
    name = st.sampled_from(GATES)
    wires = st.permutations(range(n)).map(lambda p: tuple(p[:3]))
    return draw(st.lists(st.tuples(name, wires, st.floats(0.1, 6.0)), min_size=4, max_size=16))


def random_layer(chosen):
    """Gates as a layer with one parameter each, some used twice, some scaled by data."""

    def fn(params, x, wires):
        for k, (name, (a, b, c), constant) in enumerate(chosen):
            angle = params[k]
            if name in ONE:
                yield getattr(qp, name)(angle, a)
            elif name in FIXED:
                yield getattr(qp, name)(a)
            elif name in TWO:
                yield getattr(qp, name)([a, b])
            elif name in TWO_ANGLE:
                yield getattr(qp, name)(angle, [a, b])
            elif name in ("Toffoli", "CCZ"):
                yield getattr(qp, name)([a, b, c])
            elif name == "MultiRZ":
                yield qp.MultiRZ(angle, [a, b, c])
            elif name == "Rot":
                yield qp.Rot(angle, constant, params[0], a)
            elif name == "adjoint":
                yield qp.adjoint(qp.S(a))
            elif name == "ctrl":
                yield qp.ctrl(qp.RX(angle, a), control=[b, c], control_values=[0, 1])
            elif name == "prod":
                yield qp.prod(getattr(qp, ONE[int(constant) % 3])(angle, a), qp.RY(constant, b))
            elif name == "unitary":
                yield qp.QubitUnitary(qp.Rot.compute_matrix(constant, 1.0, 2.0), a)
            elif name == "data_y" and x is not None:
                yield qp.RY(x[..., 0], a)
            elif name == "data_z" and x is not None:
                yield qp.RZ(x[..., 1] * angle, a)

    return Template(fn, shape=(len(chosen),))


def features(batch):
    rng = np.random.default_rng(7)
    return None if batch is None else jnp.asarray(rng.uniform(0, 3, (batch, 2) if batch else 2))


def reference_state(model, params, x):
    operators = model.operators(jax.tree.map(np.asarray, params), x)

    @qp.qnode(qp.device("default.qubit", wires=model.n_wires))
    def circuit():
        for operator in operators:
            qp.apply(operator)
        return qp.state()

    found = np.asarray(circuit())
    return np.broadcast_to(found, (*(() if x is None else x.shape[:-1]), found.shape[-1]))


@st.composite
def circuits(draw):
    n = draw(st.integers(3, 5))
    return n, gates(draw, n), draw(st.sampled_from([None, 0, 3, 17]))


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(circuits())
def test_states_of_random_circuits(case):
    n, chosen, batch = case
    model = qdl.QNN(n, [random_layer(chosen)])
    params, x = model.init(jax.random.key(0)), features(batch)
    wanted = reference_state(model, params, x)
    for passes in (Passes(), PLAIN):
        found = jax.jit(lambda p, s=passes: state(model.circuit, p, x, passes=s))(params)
        np.testing.assert_allclose(found, wanted, atol=1e-10)


OBSERVABLES = [
    qp.Z(0) @ qp.Z(1),
    qp.X(0) @ qp.Y(2) + 0.5 * qp.Z(1),
    qp.Projector([0, 1], wires=[2, 0]),
    qp.Hermitian(np.array([[1, 2 - 1j], [2 + 1j, 0.3]]), 1),
    0.3 * qp.Projector([1], wires=[1]) + qp.Z(0),
]
READOUTS = [
    qdl.ExpZ([1]),
    qdl.ExpZ(),
    qdl.Probs([2, 0]),
    qdl.Expval(OBSERVABLES),
    qdl.Expval(OBSERVABLES[::2]),
]


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(circuits(), st.sampled_from(READOUTS), st.booleans())
def test_gradients_of_random_circuits(case, readout, repeated):
    n, chosen, batch = case
    layer = random_layer(chosen)
    layers = [AngleEncoding(features=[0] * n), *([Repeat(layer, 9)] if repeated else [layer])]
    model = qdl.QNN(n, layers[1:] if batch is None else layers, readout)
    params, x = model.init(jax.random.key(1)), features(batch)
    device = model.on(qp.device("default.qubit", wires=n))
    wanted = device.apply(params, x)
    weights = jnp.asarray(np.random.default_rng(1).normal(size=wanted.shape))
    wanted_grad = jax.grad(lambda p: jnp.sum(weights * device.apply(p, x)))(params)
    found_grad = jax.grad(lambda p: jnp.sum(weights * model.apply(p, x)))(params)
    np.testing.assert_allclose(model.apply(params, x), wanted, atol=1e-10)
    np.testing.assert_allclose(ravel_pytree(found_grad)[0], ravel_pytree(wanted_grad)[0], atol=1e-9)


MODELS = {
    "qcnn": (
        5,
        [AngleEncoding(), Convolution("su4"), Pooling(), Convolution("u9"), Pooling("zyz")],
        qdl.ExpZ(),
    ),
    "reuploading": (
        3,
        [Repeat([AngleEncoding("x"), Rotation("zyz"), Entangler("cnot", "ring")], 9)],
        qdl.ExpZ([1]),
    ),
    "iqp": (3, [IQPEncoding(2), Rotation("xy"), Entangler("cry", "all")], qdl.Probs()),
    "random axes": (
        3,
        [AngleEncoding(), Repeat([RandomRotation(), Entangler("cz")], 9)],
        qdl.Expval(qp.X(1) @ qp.Z(2)),
    ),
    "amplitude": (3, [AmplitudeEncoding(), Convolution("so4"), Rotation("y")], qdl.ExpZ([0])),
}


def compare_passes(name, combinations):
    """Values and gradients under each setting of the passes against the plain operator list."""
    n, layers, readout = MODELS[name]
    model = qdl.QNN(n, layers, readout)
    params = model.init(jax.random.key(0))
    width = 8 if name == "amplitude" else n
    x = jnp.asarray(np.random.default_rng(3).uniform(0.1, 3, (3, width)))

    @partial(jax.jit, static_argnums=1)
    def both(params, passes):
        def weighed(p):
            out = evaluate(model.circuit, p, x, passes=passes)
            return jnp.sum(jnp.cos(jnp.arange(out.size)) * out.ravel()), out

        grad, out = jax.grad(weighed, has_aux=True)(params)
        return out, ravel_pytree(grad)[0]

    wanted, wanted_grad = both(params, PLAIN)
    device = model.on(qp.device("default.qubit", wires=n))
    np.testing.assert_allclose(wanted, device.apply(params, x), atol=1e-10)
    for combination in combinations:
        found, grad = both(params, Passes(*combination))
        np.testing.assert_allclose(found, wanted, atol=1e-10, err_msg=str(combination))
        np.testing.assert_allclose(grad, wanted_grad, atol=1e-10, err_msg=str(combination))


EACH = range(len(Passes()))


@pytest.mark.parametrize(
    "name", ["qcnn", pytest.param("reuploading", marks=pytest.mark.slow), "amplitude"]
)
def test_each_pass_alone_and_all_but_it(name):
    alone = [[i == j for j in EACH] for i in EACH]
    without = [[i != j for j in EACH] for i in EACH]
    compare_passes(name, [[True] * len(EACH), *without[::2], *alone[1::2]])


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_combination_of_passes(name):
    compare_passes(name, itertools.product([True, False], repeat=len(EACH)))


def ring(n, depth):
    return qdl.QNN(
        n,
        [AngleEncoding(), Repeat([Rotation("zyz"), Entangler("cnot", "ring")], depth)],
        qdl.ExpZ([0, n - 1]),
    )


@pytest.mark.parametrize("n, depth, batch", [(10, 2, 3), (9, 3, 20)])
def test_wide_registers(n, depth, batch, key):
    """More than eight wires: index arithmetic that fits a byte no longer does."""
    model = ring(n, depth)
    params = model.init(key)
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 3, (batch, n)))
    device = qp.device("lightning.qubit", wires=n)
    wanted = jnp.stack([model.on(device).apply(params, row) for row in x])
    np.testing.assert_allclose(model.apply(params, x), wanted, atol=1e-10)


def test_maps_over_parameters_data_and_both(key):
    """vmap plans anew: draws of parameters become a batch, gradients stay each draw's own."""
    model = ring(3, 9)
    draws = jax.vmap(model.init)(jax.random.split(key, 18))
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 3, (5, 3)))
    one = lambda p, row: model.apply(p, row)[0] ** 2  # noqa: E731
    each = [jax.tree.map(lambda leaf, i=i: leaf[i], draws) for i in range(18)]

    mapped = jax.jit(jax.vmap(jax.value_and_grad(one), (0, None)))(draws, x[0])
    looped = [jax.value_and_grad(one)(p, x[0]) for p in each]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), mapped, stacked)

    per_sample = jax.vmap(jax.grad(one), (None, 0))(each[0], x)
    looped = jax.tree.map(lambda *g: jnp.stack(g), *(jax.grad(one)(each[0], row) for row in x))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), per_sample, looped)

    both = jax.vmap(lambda p: model.apply(p, x))(draws)
    np.testing.assert_allclose(both, jnp.stack([model.apply(p, x) for p in each]), atol=1e-10)
    grads = jax.vmap(jax.grad(lambda p: jnp.sum(model.apply(p, x) ** 2)))(draws)
    wanted = jax.grad(lambda p: jnp.sum(model.apply(p, x) ** 2))(each[4])
    got = jax.tree.map(lambda leaf: leaf[4], grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), got, wanted)


def test_gradient_with_respect_to_data_and_second_derivatives(key):
    model = qdl.QNN(3, [AngleEncoding(), Rotation("zyz"), Entangler("cz", "ring"), Rotation("y")])
    params, x = model.init(key), jnp.array([0.3, 1.1, 2.0])
    device = model.on(qp.device("default.qubit", wires=3))
    for f in (jax.jacrev, lambda f: jax.jacrev(jax.jacrev(f))):
        wanted = f(lambda v: device.apply(params, v)[0])(x)
        np.testing.assert_allclose(f(lambda v: model.apply(params, v)[0])(x), wanted, atol=1e-9)


@pytest.mark.parametrize("name", ["qcnn", "reuploading", "random axes"])
def test_float32(name, key):
    n, layers, readout = MODELS[name]
    model = qdl.QNN(n, layers, readout)
    params = model.init(key)
    x = np.random.default_rng(3).uniform(0.1, 3, (17, n))
    loss = lambda p, x: jnp.sum(model.apply(p, x) ** 2)  # noqa: E731
    wanted, wanted_grad = jax.value_and_grad(loss)(params, jnp.asarray(x))
    with jax.enable_x64(False):
        low = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float32), params)
        found, grad = jax.value_and_grad(loss)(low, jnp.asarray(x, jnp.float32))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(ravel_pytree(grad)[0], ravel_pytree(wanted_grad)[0], atol=2e-4)


def test_depth_does_not_cost_memory():
    """The backward pass undoes the circuit: 100 layers more need less than 2 MiB more."""

    def temporary(depth):
        model = ring(10, depth)
        params = jax.eval_shape(model.init, jax.random.key(0))
        x = jax.ShapeDtypeStruct((8, 10), jnp.float32)
        loss = jax.jit(jax.grad(lambda p, x: jnp.sum(model.apply(p, x) ** 2)))
        return loss.lower(params, x).compile().memory_analysis().temp_size_in_bytes

    assert temporary(150) - temporary(50) < 2 * 2**20


def test_refusals():
    measured = Template(lambda p, x, w: [qp.measure(w[0])])
    with pytest.raises((TypeError, ValueError), match="operators|mid-circuit"):
        qdl.QNN(2, [measured]).apply([None])
    with pytest.raises(ValueError, match="50 wires need 16 PiB for one statevector"):
        qdl.QNN(50, [Rotation("y")]).apply([jnp.zeros((50, 1))])
    late = qdl.layers.Template(lambda p, x, w: [qp.StatePrep(np.array([1, 0]), w[:1])])
    with pytest.raises(ValueError, match="prepared on wires .0. after gates on"):
        qdl.QNN(2, [Rotation("y"), late]).apply([jnp.zeros((2, 1)), None])
    fickle = Template(
        lambda p, x, w: [qp.RX(p[0], 0)] if p[0] < 1 else [qp.RY(p[0], 0)], shape=(1,)
    )
    with pytest.raises(ValueError, match="other gates for other numbers"):
        qdl.QNN(1, [Template(fickle.fn, shape=(1,))]).apply([jnp.ones(1)])


def test_a_parameter_inside_of_a_generator(key, default_qubit):
    """qp.evolve does not list the coefficients of its generator among its data."""

    def evolved(params, x, wires):
        yield qp.Hadamard(wires[0])
        yield qp.evolve(qp.s_prod(params[0], qp.Z(wires[0])), params[1])
        yield qp.CNOT(wires[:2])

    model = qdl.QNN(3, [Template(evolved, shape=(2,))], qdl.Expval([qp.X(0) @ qp.X(1)]))
    params = model.init(key)
    np.testing.assert_allclose(model.apply(params), default_qubit(model, params), atol=1e-10)


@pytest.mark.parametrize("dtype, bound", [(jnp.float32, 1.2e-7), (jnp.float64, 1e-15)])
@pytest.mark.parametrize("reach", [1.0, 50.0, 1e4, 1e6, 1e12])
def test_cosine_and_sine(dtype, bound, reach):
    x = jnp.asarray(np.random.default_rng(0).uniform(-reach, reach, 10_000), dtype)
    if reach > 1e4:  # what is known of x
        bound = np.finfo(dtype).eps * reach
    for got, exact in zip(jax.jit(cos_sin)(x), (np.cos, np.sin), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, exact(np.asarray(x, float)), atol=bound)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_cosine_and_sine_of_what_knows_no_turns_are_of_some_angle(dtype):
    cos, sin = cos_sin(jnp.asarray([1e20, -3e9, 1e30, 3e38], dtype))
    np.testing.assert_allclose(cos**2 + sin**2, 1, rtol=1e-4)
