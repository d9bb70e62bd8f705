"""Noise: density matrices against PennyLane's default.mixed, trajectories against density matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from jax.flatten_util import ravel_pytree

import qdl
from qdl.backends import density_matrix, trajectories
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    Noise,
    Pooling,
    Repeat,
    Rotation,
    Template,
)

KRAUS = [np.sqrt(0.7) * np.eye(4), np.sqrt(0.3) * np.kron([[0, 1], [1, 0]], [[1, 0], [0, -1]])]
NOISE = {
    "both": [Noise("depolarizing", 0.13), Noise("amplitude_damping", 0.2)],
    "phase damping, bit flip": [Noise("phase_damping", 0.3), Noise("bit_flip", 0.1)],
    "phase flip, generalized": [
        Template(lambda p, x, w: [qp.PhaseFlip(0.2, w[1])]),
        Template(lambda p, x, w: [qp.GeneralizedAmplitudeDamping(0.2, 0.6, v) for v in w]),
    ],
    "thermal, reset": [
        Template(lambda p, x, w: [qp.ThermalRelaxationError(0.1, 1.2, 1.3, 0.4, w[0])]),
        Template(lambda p, x, w: [qp.ResetError(0.1, 0.3, w[0])]),
    ],
    "two wires": [
        Template(lambda p, x, w: [qp.PauliError("YX", 0.2, wires=[w[1], w[0]])]),
        Template(lambda p, x, w: [qp.QubitChannel(KRAUS, wires=[w[1], w[0]])]),
    ],
}
READOUTS = [
    qdl.ExpZ(),
    qdl.ExpZ([1]),
    qdl.Probs([1, 0]),
    qdl.Expval(
        [qp.X(0) @ qp.Y(1), qp.Hermitian(np.array([[1, 2 - 1j], [2 + 1j, 0.3]]), 1) + qp.Z(0)]
    ),
]


def random_gates(seed, n):
    """A layer of random gates, some of them complex, computed, or with a computed matrix."""
    rng = np.random.default_rng(seed)
    names = ("RX", "RZ", "Rot", "CNOT", "CRY", "IsingXY", "S", "SX", "unitary", "global")
    drawn = [(*rng.permutation(n)[:2].tolist(), str(rng.choice(names))) for _ in range(8)]

    def fn(params, x, wires):
        for k, (a, b, name) in enumerate(drawn):
            if name in ("RX", "RZ"):
                yield getattr(qp, name)(params[k] * (1 if x is None else x[..., 0]), a)
            elif name == "Rot":
                yield qp.Rot(params[k], 0.4, params[k - 1], a)
            elif name in ("S", "SX"):
                yield getattr(qp, name)(a)
            elif name == "unitary":
                yield qp.QubitUnitary(qp.Rot.compute_matrix(params[k], 1.0, 2.0), a)
            elif name == "global":
                yield qp.GlobalPhase(params[k])
            else:
                yield getattr(qp, name)(*([] if name == "CNOT" else [params[k]]), [a, b])

    return Template(fn, shape=(8,))


STENCIL = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}  # the derivative of an analytic function, to h^6


def mixed(model, params, x=None):
    """The values on default.mixed, in NumPy, sample by sample."""
    params = jax.tree.map(np.asarray, params)
    device = qp.device("default.mixed", wires=model.n_wires)
    rows = [None] if x is None else np.atleast_2d(np.asarray(x))
    measured = model.readout.measurements(model.active)
    tapes = [qp.tape.QuantumScript(model.operators(params, row), measured) for row in rows]
    values = np.array([np.ravel(r) for r in qp.execute(tapes, device, diff_method=None)])
    return values if x is not None and x.ndim == 2 else values[0]


def same_as_mixed(model, params, x=None):
    """Values, and the derivative along a random direction, are those of default.mixed."""
    flat, tree = ravel_pytree(params)
    wanted = mixed(model, params, x)
    ct = np.cos(np.arange(wanted.size)).reshape(wanted.shape)

    def weighed(v):
        out = on_density(model, tree(v), x)
        return jnp.sum(ct * out), out

    (_, found), gradient = jax.jit(jax.value_and_grad(weighed, has_aux=True))(flat)
    np.testing.assert_allclose(found, wanted, atol=1e-10)
    direction = np.random.default_rng(9).normal(size=flat.shape)
    direction *= 1e-2 / np.linalg.norm(direction)
    at = lambda k: mixed(model, tree(flat + k * direction), x)  # noqa: E731
    slope = sum(w * (at(k) - at(-k)) for k, w in STENCIL.items())
    np.testing.assert_allclose(gradient @ direction, np.sum(ct * slope), atol=1e-12)


def on_density(model, params, x=None):
    return model.on(density_matrix()).apply(params, x)


@pytest.mark.parametrize("number, name", list(enumerate(NOISE)))
def test_random_circuits_equal_default_mixed(number, name, key):
    n, batch = 2 + number % 2, (None, 0, 2)[number % 3]
    gates = [random_gates(10 * number + i, n) for i in range(2)]
    model = qdl.QNN(n, [gates[0], *NOISE[name], gates[1], *NOISE[name]], READOUTS[number % 4])
    rng = np.random.default_rng(number)
    x = None if batch is None else jnp.asarray(rng.uniform(0, 2, (batch, 2) if batch else 1))
    same_as_mixed(model, model.init(key), x)


def test_gradient_equals_the_one_of_default_mixed(key):
    model = qdl.QNN(2, [Rotation("xz"), Noise("amplitude_damping", 0.1), Entangler("crx")])
    device = model.on(qp.device("default.mixed", wires=2))
    gradient = jax.grad(lambda p, m: jnp.sum(jnp.cos(m.apply(p))))
    found = jax.jit(gradient, static_argnums=1)(model.init(key), model.on(density_matrix()))
    wanted = gradient(model.init(key), device)
    np.testing.assert_allclose(ravel_pytree(found)[0], ravel_pytree(wanted)[0], atol=1e-10)


def strengths(params, x, wires):
    """Channels whose strengths are parameters, functions of them, features, and fields."""
    p = jnp if isinstance(params, jax.Array) else np
    yield qp.AmplitudeDamping(p.sin(params[0]) ** 2, wires[0])
    yield qp.RX(params[1], wires[1])
    yield qp.GeneralizedAmplitudeDamping(0.3, p.cos(params[1]) ** 2, wires[1])
    if x is not None:
        yield qp.DepolarizingChannel(p.sin(params[2] * x[..., 0]) ** 2, wires[0])
    yield qp.QubitChannel(
        [p.sqrt(0.2) * qp.RY.compute_matrix(params[2]), p.sqrt(0.8) * np.eye(2)], wires[0]
    )
    yield qp.CNOT(wires[:2])


LAYERS = {
    "strengths": [Rotation("yx"), Template(strengths, shape=(3,)), Rotation("xy")],
    "amplitude": [AmplitudeEncoding(), Noise("amplitude_damping", 0.2), Rotation("yz")],
    "repeat": [
        Repeat([AngleEncoding(features=[0, 1, 2]), Rotation("zy"), Entangler(), *NOISE["both"]], 9)
    ],
    "qcnn": [
        AngleEncoding(features=[0, 1, 2]),
        Convolution("u5"),
        Noise("bit_flip", 0.1),
        Pooling(),
        Rotation("y"),
    ],
}


@pytest.mark.parametrize(
    "name, batch",
    [
        ("strengths", None),
        ("strengths", 17),
        ("amplitude", 0),
        ("amplitude", 2),
        ("repeat", 2),
        ("qcnn", 17),
    ],
)
def test_layers_equal_default_mixed(name, batch, key):
    model = qdl.QNN(3, LAYERS[name], qdl.ExpZ([0]))
    x = (
        None
        if batch is None
        else jnp.asarray(np.random.default_rng(1).uniform(0.1, 2, (batch, 8) if batch else 8))
    )
    same_as_mixed(model, model.init(key), x if x is None or name == "amplitude" else x[..., :3])


def test_no_noise_gives_the_numbers_of_the_statevector(key):
    layers = [AngleEncoding(), Rotation("xyz"), Entangler("crx", "ring"), Rotation("y")]
    model = qdl.QNN(3, layers, READOUTS[3])
    params, x = model.init(key), jax.random.normal(key, (3, 3))
    loss = lambda p, m: jnp.sum(jnp.sin(m.apply(p, x)))  # noqa: E731
    both = jax.jit(jax.value_and_grad(loss), static_argnums=1)
    found, wanted = (ravel_pytree(both(params, m))[0] for m in (model.on(density_matrix()), model))
    np.testing.assert_allclose(found, wanted, atol=1e-10)


def test_a_sweep_over_parameters(key):
    model = qdl.QNN(
        2, [Rotation("xy"), Noise("amplitude_damping", 0.3), Entangler("crx"), Rotation("z")]
    )
    draws = jax.vmap(model.init)(jax.random.split(key, 3))
    gradient = jax.grad(lambda p: jnp.sum(on_density(model, p) ** 2))
    found = jax.jit(jax.vmap(gradient))(draws)
    alone = jax.jit(gradient)
    for i in range(3):
        one = lambda tree, i=i: jax.tree.map(lambda leaf: leaf[i], tree)  # noqa: E731
        np.testing.assert_allclose(
            ravel_pytree(one(found))[0], ravel_pytree(alone(one(draws)))[0], atol=1e-12
        )


PAULI = [
    Noise("depolarizing", 0.15),
    Noise("bit_flip", 0.1),
    Noise("phase_damping", 0.3),
    NOISE["phase flip, generalized"][0],
    NOISE["two wires"][0],
]


def test_trajectories_scatter_around_the_density_matrix(key):
    """Values and gradients of 200 means of 50 trajectories: within 5 standard errors."""
    layers = [
        AngleEncoding(),
        Rotation("yx"),
        *PAULI[:2],
        Entangler("cnot"),
        *PAULI[2:],
        Rotation("x"),
    ]
    model = qdl.QNN(3, layers, qdl.Expval([qp.Z(0), qp.X(1) @ qp.Y(2), qp.Y(0)]))
    params, x = model.init(key), jax.random.normal(key, (3, 3))

    def both(place, key=None):
        def weighed(p):
            out = model.on(place).apply(p, x, key)
            return jnp.sum(jnp.cos(jnp.arange(out.size)) * out.ravel()), out

        (_, out), gradient = jax.value_and_grad(weighed, has_aux=True)(params)
        return jnp.concatenate([out.ravel(), ravel_pytree(gradient)[0]])

    wanted = jax.jit(lambda: both(density_matrix()))()
    several = jax.jit(lambda keys: jax.lax.map(lambda k: both(trajectories(samples=50), k), keys))
    found = np.asarray(several(jax.random.split(key, 200)))
    error = found.std(0) / np.sqrt(len(found))
    assert error.max() < 0.02
    assert np.all(np.abs(found.mean(0) - wanted) < 5 * error + 1e-12)


def test_trajectories_of_amplitude_damping_are_unbiased(key):
    layers = [AngleEncoding(), Noise("amplitude_damping", 0.2), Rotation("xz")]
    model = qdl.QNN(3, [*layers, Entangler("crx"), Noise("amplitude_damping", 0.1), Rotation("y")])
    params, x = model.init(key), jax.random.normal(key, (2, 3))

    def both(place, key=None):
        loss = lambda p: (model.on(place).apply(p, x, key) @ jnp.array([1.0, -2.0, 0.5])).sum()  # noqa: E731
        return jnp.concatenate(
            [model.on(place).apply(params, x, key).ravel(), ravel_pytree(jax.grad(loss)(params))[0]]
        )

    wanted = jax.jit(lambda: both(density_matrix()))()
    several = jax.jit(lambda keys: jax.lax.map(lambda k: both(trajectories(samples=50), k), keys))
    found = np.asarray(several(jax.random.split(key, 200)))
    error = found.std(0) / np.sqrt(len(found))
    assert error.max() < 0.03
    assert np.all(np.abs(found.mean(0) - wanted) < 5 * error + 1e-12)


@pytest.mark.filterwarnings("ignore:Casting complex")  # PennyLane casts the Y that "XZ" has not
def test_certain_errors_are_exact(key):
    """Probabilities 0 and 1, one wire and two: no scatter at all."""
    certain = Template(
        lambda p, x, w: [qp.PauliError("XZ", 1.0, wires=[w[2], w[0]]), qp.BitFlip(0.0, w[0])]
    )
    model = qdl.QNN(3, [Rotation("yx"), certain, Rotation("xy")], qdl.Probs())
    found = model.on(trajectories(samples=2)).apply(model.init(key), key=key)
    np.testing.assert_allclose(found, on_density(model, model.init(key)), atol=1e-10)


@pytest.mark.parametrize("place", ["density_matrix", "trajectories"])
def test_samples_have_the_errors_of_the_channels(place, key):
    there = {"density_matrix": density_matrix(), "trajectories": trajectories(samples=3)}[place]
    model = qdl.QNN(3, [AngleEncoding("x"), Noise("bit_flip", 0.2), Pooling("")]).on(there)
    x = np.array([[0.3, 1.1, 2.0], [0.0, 0.4, 0.9]])
    bits = model.sample([None] * 3, x, 2000, key)
    assert bits.shape == (2, 2000, 2)
    wires = list(model.active)
    np.testing.assert_allclose(bits.mean(1), (1 - 0.6 * np.cos(x[:, wires])) / 2, atol=0.05)


def test_refusals(key):
    noisy = qdl.QNN(2, [Rotation("y"), Noise("amplitude_damping", 0.1)])
    with pytest.raises(
        ValueError, match=r"channel AmplitudeDamping. Use model.on\(qdl.backends.density"
    ):
        noisy.apply(noisy.init(key))
    wide = qdl.QNN(25, [Rotation("y"), Noise("bit_flip", 0.1)])
    with pytest.raises(
        ValueError, match="25 wires need 16 PiB for one density matrix.*trajectories"
    ):
        on_density(wide, [jnp.zeros((25, 1)), None])
    trained = qdl.QNN(1, [Template(lambda p, x, w: [qp.BitFlip(p[0], w[0])], shape=(1,))])
    with pytest.raises(
        ValueError, match="fixed probabilities, but a parameter or a feature enters BitFlip"
    ):
        trained.on(trajectories(samples=2)).apply([jnp.ones(1)], key=key)
    with pytest.raises(ValueError, match="2 trajectories need a key"):
        noisy.on(trajectories(samples=2)).apply(noisy.init(key))
    with pytest.raises(ValueError, match="samples >= 1, got 0"):
        trajectories(samples=0)
    many = qdl.QNN(20, [Rotation("y")])
    with pytest.raises(ValueError, match="fewer than 1000000 samples"):
        many.on(trajectories(samples=10**6)).apply(many.init(key), key=key)
