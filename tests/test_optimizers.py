"""Optimizers for circuits: SPSA, QN-SPSA, the natural gradient, Rotosolve, layer by layer."""

import itertools
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest
from jax.flatten_util import ravel_pytree

import qdl
from qdl.layers import (
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    Mirrored,
    Pooling,
    Repeat,
    Rotation,
)
from qdl.training import (
    ValuesOnly,
    layer_masks,
    layerwise,
    metric_tensor,
    natural_gradient,
    qnspsa,
    rotosolve,
    spsa,
)
from qdl.training.optimizers.qnspsa import fidelity, sampled_metric
from qdl.training.optimizers.rotosolve import lowest
from qdl.training.optimizers.spsa import estimate

KEY = jax.random.key(7)
CLUSTER = qp.sum(-qp.X(0) @ qp.Z(1), -qp.Z(0) @ qp.X(1) @ qp.Z(2), -qp.Z(1) @ qp.X(2))
GROUND = -3.0  # the cluster state: RY(pi/2) on all wires, CZ along the chain
NOTHING = np.zeros((1, 1))  # fit wants rows; a circuit without data reads none


def energy_model(place=None):
    block = [Rotation("y"), Entangler("cz")]
    model = qdl.QNN(3, [Repeat(block, 2), Rotation("yz")], readout=qdl.Expval([CLUSTER]))
    return model if place is None else model.on(place)


def linear(outputs, y):
    return outputs.mean()


def minimise(optimizer, steps, model=None, **options):
    model = model or energy_model()
    return qdl.fit(
        model, NOTHING, np.zeros(1), loss=linear, optimizer=optimizer, steps=steps,
        key=jax.random.key(3), **options,
    )  # fmt: skip


def descend(optimizer, value_fn, params, steps, gradient=None, **extra):
    """A user's own loop, outside of jit."""
    state = optimizer.init(params)
    for _ in range(steps):
        slope = jax.tree.map(jnp.zeros_like, params) if gradient is None else gradient(params)
        updates, state = optimizer.update(slope, state, params, value_fn=value_fn, **extra)
        params = optax.apply_updates(params, updates)
    return params


# ---- the metric tensor

CIRCUITS = {
    "hardware-efficient": [Repeat([Rotation("yz"), Entangler("cz", "ring")], 2)],
    "encoded": [AngleEncoding(), Rotation("zyz"), Entangler("crx"), IQPEncoding(), Rotation("xy")],
    "trainable-scales": [Repeat([AngleEncoding(trainable=True), Entangler("isingxx")], 2)],
    "shared": [Rotation("y"), Convolution("u9"), Mirrored([Rotation("xz"), Entangler("cnot")])],
    "pooled": [AngleEncoding("x"), Convolution("ttn"), Pooling(), Adjoint(Rotation("zy"))],
    "amplitudes": [AmplitudeEncoding(), Rotation("xy"), Entangler("cry", "ring")],
}


def by_measurement(tape, **options):
    """PennyLane's metric from measured circuits; a wire more, for its Hadamard tests."""
    tapes, together = qp.metric_tensor(tape, **options)
    device = qp.device("default.qubit", wires=len(tape.wires) + 1)
    return together(qp.execute(tapes, device, diff_method=None))


def pennylane_metric(model, params, x, transform=qp.adjoint_metric_tensor):
    """The same by PennyLane for one sample: its metric of the angles, and their derivatives.

    PennyLane's own chain rule does not run with this JAX. Here all angles are linear in the
    parameters, so that a difference is the derivative.
    """
    flat, unravel = ravel_pytree(params)

    def tape(flat):
        operators = model.operators(jax.tree.map(np.asarray, unravel(flat)), x)
        found = qp.tape.QuantumScript(operators, [qp.expval(qp.Z(0))])
        if isinstance(operators[0], qp.StatePrep):
            found.trainable_params = range(1, len(found.get_parameters(trainable_only=False)))
        return found

    angles = np.array(tape(flat).get_parameters())
    moved = [np.array(tape(row).get_parameters()) for row in flat + np.eye(flat.size)]
    slopes = np.stack([row - angles for row in moved], axis=1)
    return slopes.T @ np.asarray(transform(tape(flat))) @ slopes


@pytest.mark.parametrize("name", CIRCUITS)
def test_the_metric_is_that_of_pennylane_on_average_over_the_rows(name):
    model = qdl.QNN(3, CIRCUITS[name])
    params = model.init(jax.random.key(1))
    x = (
        np.random.default_rng(2).uniform(0.1, 3, (2, model.n_features))
        if model.n_features
        else None
    )
    wanted = [pennylane_metric(model, params, row) for row in ([None] if x is None else x)]
    assert np.allclose(metric_tensor(model, params, x), np.mean(wanted, axis=0), atol=1e-9)
    if name == "encoded":
        assert np.allclose(metric_tensor(model, params, x[0]), wanted[0], atol=1e-9)


def test_blocks_are_those_of_the_block_diagonal_approximation():
    """PennyLane calls a layer what can be measured at once: here, one Rotation."""
    layers = [Rotation("y"), Entangler("cz"), Repeat([Rotation("x"), Entangler("cnot")], 2)]
    model = qdl.QNN(3, [*layers, Rotation("z")])
    params = model.init(jax.random.key(1))
    wanted = pennylane_metric(model, params, None, partial(by_measurement, approx="block-diag"))
    block, full = (metric_tensor(model, params, None, a) for a in ("block", "full"))
    assert np.allclose(block, wanted, atol=1e-9) and not np.allclose(full, wanted, atol=1e-3)
    wanted = pennylane_metric(model, params, None, partial(by_measurement, approx=None))
    assert np.allclose(full, wanted, atol=1e-9)


@pytest.mark.parametrize("n", [1, 3, 4])
def test_the_metric_of_product_states_is_known(n):
    """RY then RZ on every wire: a quarter, and a quarter of sin^2; nothing in between."""
    model = qdl.QNN(n, [Rotation("yz")])
    angles = np.random.default_rng(n).uniform(0, 3, (n, 2))
    metric = metric_tensor(model, [jnp.asarray(angles)])
    wanted = np.stack([np.full(n, 0.25), np.sin(angles[:, 0]) ** 2 / 4], axis=1)
    assert np.allclose(metric, np.diag(wanted.ravel()), atol=1e-14)


def test_the_metric_in_float32():
    model = qdl.QNN(4, [Repeat([AngleEncoding(), Rotation("zyz"), Entangler("cz", "ring")], 3)])
    params, x = model.init(KEY), np.random.default_rng(0).normal(size=(20, 4))
    wanted = metric_tensor(model, params, x)
    with jax.enable_x64(False):
        got = metric_tensor(model, jax.tree.map(jnp.float32, params), jnp.float32(x))
        assert got.dtype == jnp.float32
    assert np.allclose(got, wanted, atol=2e-6)


# ---- the natural gradient


@pytest.mark.parametrize("approximation", ["full", "block"])
def test_a_step_solves_the_damped_metric(approximation):
    model = qdl.QNN(3, CIRCUITS["encoded"])
    params, x = model.init(KEY), np.random.default_rng(1).normal(size=(4, 3))
    slope = jax.grad(lambda params: model.apply(params, x).sum())(params)
    optimizer = natural_gradient(model, 0.1, approximation=approximation, damping=0.01)
    updates, _ = optimizer.update(slope, optimizer.init(params), params, x=x, value=1.0)
    metric = np.mean([pennylane_metric(model, params, row) for row in x], axis=0)
    if approximation == "block":
        layer = np.repeat([0, 1, 2], [9, 2, 6])
        metric = np.where(layer[:, None] == layer, metric, 0)
    step = np.linalg.solve(metric + 0.01 * np.eye(17), ravel_pytree(slope)[0])
    assert np.allclose(ravel_pytree(updates)[0], -0.1 * step, atol=1e-9)


def test_it_reaches_the_ground_state_long_before_gradient_descent():
    natural = minimise(natural_gradient(energy_model(), 0.05, damping=1e-2), 60)
    plain = minimise(optax.sgd(0.05), 60)
    assert natural.history["loss"][-1] == pytest.approx(GROUND, abs=1e-9)
    assert plain.history["loss"][-1] > GROUND + 1e-3


def test_fit_passes_the_features_of_each_batch():
    model = qdl.QNN(2, [AngleEncoding(), Rotation("yz")], readout=qdl.ExpZ([0]))
    X, y = np.random.default_rng(0).normal(size=(6, 2)), np.zeros(6)
    start = model.init(KEY)
    seen = []

    def watch(updates, state, params, *, x, **extra):
        jax.debug.callback(lambda rows: seen.append(np.asarray(rows)), x)
        return updates, state

    watching = optax.GradientTransformationExtraArgs(optax.init_empty_state, watch)
    optimizer = optax.chain(natural_gradient(model, 0.1), watching)
    options = {"optimizer": optimizer, "params": start, "steps": 1, "batch_size": 3, "key": KEY}
    result = qdl.fit(model, X, y, loss=linear, **options)
    (rows,) = seen
    slope, unravel = ravel_pytree(jax.grad(lambda p: model.apply(p, rows).mean())(start))
    step = jnp.linalg.solve(metric_tensor(model, start, rows) + 1e-3 * jnp.eye(4), slope)
    wanted = optax.apply_updates(start, unravel(-0.1 * step))
    assert np.allclose(result.params[1], wanted[1], atol=1e-10)


# ---- SPSA


def test_over_all_signs_the_estimate_is_the_gradient_of_a_quadratic():
    rng = np.random.default_rng(0)
    A, b, at = rng.normal(size=(4, 4)), rng.normal(size=4), jnp.asarray(rng.normal(size=4))
    f = lambda v: v @ A @ v + b @ v  # noqa: E731
    found = {}
    draw = jax.jit(jax.vmap(lambda key: estimate(f, at, 0.5, key[None])))
    for one in np.asarray(draw(jax.random.split(KEY, 400))):  # every pattern of signs comes up
        found.setdefault(tuple(np.sign(one / one[0]).tolist()), one)
    assert len(found) == 8  # a direction and its opposite give the same estimate
    assert np.allclose(np.mean(list(found.values()), axis=0), jax.grad(f)(at), atol=1e-12)


def test_the_estimate_of_a_circuit_is_unbiased_up_to_the_square_of_the_perturbation():
    model, size = energy_model(), 0.05
    start, unravel = ravel_pytree(model.init(KEY))
    f = jax.jit(lambda flat: model.apply(unravel(flat))[0])
    samples = jax.jit(lambda keys: jax.lax.map(lambda k: estimate(f, start, size, k[None]), keys))
    drawn = np.asarray(samples(jax.random.split(KEY, 4000)))
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - jax.grad(f)(start)) < 5 * error + size**2).all()
    assert np.abs(jax.grad(f)(start)).max() > 20 * error.max()  # so that the above says something


def test_the_bias_is_the_one_of_the_closed_form():
    """For f = cos a cos b, over all signs: -sin a cos b times sin(c) cos(c) / c."""
    at, size = jnp.array([0.4, 1.1]), 0.3
    f = lambda v: jnp.cos(v[0]) * jnp.cos(v[1])  # noqa: E731
    both = [np.array(d) for d in itertools.product([-1, 1], repeat=2)]
    by_hand = np.mean(
        [(f(at + size * d) - f(at - size * d)) / (2 * size) * d for d in both], axis=0
    )
    drawn = jax.jit(partial(estimate, f, at, size))(jax.random.split(KEY, 3000))
    factor = np.sin(size) * np.cos(size) / size
    assert np.allclose(by_hand, factor * jax.grad(f)(at), atol=1e-12)
    assert np.allclose(drawn, by_hand, atol=0.05)


def test_spsa_reaches_the_ground_state_with_the_gains_of_spall():
    optimizer = spsa(lambda k: 1.0 / (k + 20) ** 0.602, lambda k: 0.1 / (k + 1) ** 0.101, key=KEY)
    result = minimise(optimizer, 1000)
    assert result.history["loss"][-1] == pytest.approx(GROUND, abs=1e-3)
    assert np.isnan(result.history["grad_norm"]).all() and result.stopped == "finished"


def test_resamples_are_averaged():
    f = lambda v: (v**2).sum()  # noqa: E731
    at, keys = jnp.arange(3.0), jax.random.split(KEY, 5)
    one_by_one = [estimate(f, at, 0.1, k[None]) for k in keys]
    assert np.allclose(estimate(f, at, 0.1, keys), np.mean(one_by_one, axis=0), atol=1e-14)


# ---- QN-SPSA


def test_the_sampled_metric_is_the_metric_on_average():
    model = qdl.QNN(3, [AngleEncoding(), Rotation("yz"), Entangler("cz", "ring"), Rotation("y")])
    params, x, size = model.init(KEY), np.random.default_rng(0).normal(size=(2, 3)), 0.05
    sample = lambda key: sampled_metric(model, params, x, size, key)  # noqa: E731
    drawn = np.asarray(jax.jit(partial(jax.lax.map, sample))(jax.random.split(KEY, 4000)))
    wanted, error = metric_tensor(model, params, x), drawn.std(axis=0) / np.sqrt(len(drawn))
    assert np.allclose(drawn, np.swapaxes(drawn, 1, 2))
    assert (np.abs(drawn.mean(axis=0) - wanted) < 5 * error + 3 * size**2).all()
    assert np.abs(wanted).max() > 10 * error.max()


@pytest.mark.parametrize("name", ["hardware-efficient", "encoded", "shared"])
def test_the_fidelity_is_the_same_by_states_and_by_going_there_and_back(name):
    model = qdl.QNN(3, CIRCUITS[name])
    one, two = (model.init(jax.random.key(k)) for k in (1, 2))
    x = np.random.default_rng(0).normal(size=(4, 3)) if model.n_features else None
    a, b = (np.atleast_2d(model.state(p, x)) for p in (one, two))
    wanted = np.mean([abs(np.vdot(u, v)) ** 2 for u, v in zip(a, b, strict=True)])
    device = model.on(qp.device("default.qubit", wires=3))
    assert float(fidelity(model, one, two, x, KEY)) == pytest.approx(wanted, abs=1e-12)
    assert float(fidelity(device, one, two, x, KEY)) == pytest.approx(wanted, abs=1e-10)
    shots = model.on(qdl.backends.statevector(shots=20000))
    assert float(fidelity(shots, one, two, x, KEY)) == pytest.approx(wanted, abs=0.02)


def test_qnspsa_reaches_the_ground_state():
    optimizer = qnspsa(energy_model(), 0.02, 0.05, key=KEY, resamples=2, regularization=0.05)
    result = minimise(optimizer, 600)
    assert result.history["loss"][-1] == pytest.approx(GROUND, abs=1e-3)


# ---- Rotosolve


@pytest.mark.parametrize("frequencies", [1, 2, 3])
def test_one_parameter_is_solved_exactly(frequencies):
    rng = np.random.default_rng(frequencies)
    for _ in range(20):
        waves = rng.normal(size=frequencies) + 1j * rng.normal(size=frequencies)
        orders = np.arange(1, frequencies + 1)
        f = lambda t, w=waves, m=orders: 3 + (w * np.exp(1j * m * t)).real.sum()  # noqa: E731
        points = 2 * np.pi * np.arange(2 * frequencies + 1) / (2 * frequencies + 1)
        at = float(lowest(jnp.array([f(point) for point in points])))
        fine = np.linspace(-np.pi, np.pi, 20001)
        assert f(at) <= min(f(point) for point in fine) + 1e-12
        if frequencies == 1:
            closed = np.angle(-waves[0].conj())
            assert abs(np.exp(1j * at) - np.exp(1j * closed)) < 1e-9


def test_the_closed_form_of_the_paper():
    """Theorem of Ostaszewski et al.: -pi/2 - atan2(2 M(0) - M(+) - M(-), M(+) - M(-))."""
    model = qdl.QNN(3, [Rotation("y"), Entangler("cz"), Rotation("x")])
    start, unravel = ravel_pytree(model.init(KEY))
    value = lambda flat: model.apply(unravel(flat))[1]  # noqa: E731
    for i in range(start.size):
        moved = [value(start.at[i].set(a)) for a in (0, np.pi / 2, -np.pi / 2)]
        middle, plus, minus = (float(v) for v in moved)
        if abs(plus - minus) + abs(2 * middle - plus - minus) < 1e-6:
            continue  # it does nothing for this readout
        wanted = -np.pi / 2 - np.arctan2(2 * middle - plus - minus, plus - minus)
        shifts = 2 * np.pi * np.arange(3) / 3
        at = start[i] + lowest(jnp.stack([value(start.at[i].add(s)) for s in shifts]))
        assert abs(np.exp(1j * at) - np.exp(1j * wanted)) < 1e-9


@pytest.mark.parametrize("n", [3, 5])
def test_one_sweep_solves_a_product_problem(n):
    model = qdl.QNN(n, [Rotation("y")], readout=qdl.Expval([qp.sum(*(qp.Z(i) for i in range(n)))]))
    result = minimise(rotosolve(), 1, model)
    assert float(model.apply(result.params)[0]) == pytest.approx(-n, abs=1e-12)


def test_sweeps_reach_the_ground_state_and_never_go_up():
    losses = minimise(rotosolve(), 20).history["loss"]
    assert losses[-1] == pytest.approx(GROUND, abs=1e-9) and (np.diff(losses) < 1e-12).all()


def test_a_squared_error_needs_two_frequencies():
    """The loss of one angle has orders 1 and 2: with R = 2 no sweep goes up."""
    model = qdl.QNN(2, [AngleEncoding(), Rotation("zy"), Entangler("cz"), Rotation("xy")])
    X = np.random.default_rng(0).normal(size=(8, 2))
    y = np.asarray(model.apply(model.init(jax.random.key(11)), X))
    options = {"loss": "mse", "batch_size": 8, "key": KEY}
    exact = qdl.fit(model, X, y, optimizer=rotosolve(2), steps=80, **options).history["loss"]
    assert (np.diff(exact) < 1e-12).all() and exact[-1] < 1e-3
    fitted = qdl.fit(model, X, y, optimizer=rotosolve(1), steps=5, **options).history["loss"]
    assert not np.allclose(fitted, exact[:5], atol=1e-3)


def test_a_parameter_that_does_nothing_stays():
    f = lambda v: jnp.cos(v[0]) + 1e6  # noqa: E731
    end = descend(rotosolve(), f, jnp.array([0.3, 0.7]), 1)
    assert end[1] == 0.7 and abs(abs(end[0]) - np.pi) < 1e-4


# ---- values only: no gradient, a place without one, under jit and not


@dataclass(frozen=True, eq=False)
class Counted:
    """A model that counts its evaluations outside of JAX, where no derivative is to be had."""

    model: object
    calls: list

    def init(self, key):
        return self.model.init(key)

    def apply(self, params, x):
        def count(value):
            self.calls.append(1)
            return value

        values = self.model.apply(params, x)
        shape = jax.ShapeDtypeStruct(values.shape, values.dtype)
        return jax.pure_callback(count, shape, values, vmap_method="sequential")


@pytest.mark.parametrize(
    "optimizer, values",
    [
        (spsa(0.1, key=KEY), 2),
        (spsa(0.1, key=KEY, resamples=3), 6),
        (qnspsa(energy_model(), 0.01, key=KEY), 2),
        (rotosolve(), 3 * 12),
        (layerwise(spsa(0.1, key=KEY), layer_masks(energy_model()), every=2), 2),
        (ValuesOnly(*optax.chain(spsa(1.0, key=KEY), optax.scale_by_adam(), optax.scale(0.1))), 2),
    ],
    ids=["spsa", "spsa-3", "qnspsa", "rotosolve", "layerwise", "chain"],
)
def test_no_gradient_is_asked_for(optimizer, values):
    counted = Counted(energy_model(), [])
    result = minimise(optimizer, 3, counted)
    assert len(counted.calls) == 3 * (values + 1)  # one for the history
    assert result.step == 3 and isinstance(optimizer, optax.GradientTransformationExtraArgs)


def test_the_counter_has_no_gradient():
    counted = Counted(energy_model(), [])
    with pytest.raises(ValueError, match="JVP"):
        minimise(optax.chain(spsa(0.1, key=KEY), optax.identity()), 3, counted)


OPTIMIZERS = {
    "spsa": lambda model: spsa(0.1, key=KEY),
    "qnspsa": lambda model: qnspsa(model, 0.02, key=KEY),
    "rotosolve": lambda model: rotosolve(),
    "natural": lambda model: natural_gradient(model, 0.05),
    "layerwise": lambda model: layerwise(optax.adam(0.1), layer_masks(model), every=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_device_gives_what_the_simulator_gives(name):
    place = qp.device("default.qubit", wires=3)
    native, device = (
        minimise(OPTIMIZERS[name](energy_model(p)), 3, energy_model(p)) for p in (None, place)
    )
    assert np.allclose(native.history["loss"], device.history["loss"], atol=1e-8)
    pairs = zip(*(jax.tree.leaves(r.params) for r in (native, device)), strict=True)
    assert all(np.allclose(a, b, atol=1e-8) for a, b in pairs)


@pytest.mark.parametrize("name", ["spsa", "rotosolve"])
def test_a_device_outside_of_jax_gives_it_too(name):
    place = qp.device("lightning.qubit", wires=3)
    native, device = (
        minimise(OPTIMIZERS[name](energy_model(p)), 2, energy_model(p)) for p in (None, place)
    )
    assert np.allclose(native.history["loss"], device.history["loss"], atol=1e-8)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_your_own_loop_gives_what_fit_gives(name):
    model = energy_model()
    f = lambda params: model.apply(params).mean()  # noqa: E731
    start = model.init(jax.random.key(5))
    by_hand = descend(OPTIMIZERS[name](model), f, start, 3, gradient=jax.jit(jax.grad(f)))
    result = minimise(OPTIMIZERS[name](model), 3, params=start)
    pairs = zip(jax.tree.leaves(by_hand), jax.tree.leaves(result.params), strict=True)
    assert all(np.allclose(a, b, atol=1e-9) for a, b in pairs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_taken_apart_and_put_together_goes_on_to_the_same_bits(name):
    """What a checkpoint does: plain arrays out and in, into an optimizer made anew."""
    model = energy_model()
    f = lambda params: model.apply(params).mean()  # noqa: E731

    def run(optimizer, params, state, steps):
        @jax.jit
        def step(params, state):
            value, slope = jax.value_and_grad(f)(params)
            updates, state = optimizer.update(slope, state, params, value=value, value_fn=f)
            return optax.apply_updates(params, updates), state

        for _ in range(steps):
            params, state = step(params, state)
        return params, state

    optimizer, params = OPTIMIZERS[name](model), model.init(KEY)
    whole = run(optimizer, params, optimizer.init(params), 5)
    half = run(optimizer, params, optimizer.init(params), 3)
    leaves, tree = jax.tree.flatten(half)
    saved = [np.array(leaf) for leaf in leaves]
    assert all(leaf.dtype.kind in "fiub" for leaf in saved)
    again = run(OPTIMIZERS[name](model), *jax.tree.unflatten(tree, map(jnp.asarray, saved)), 2)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(again), strict=True):
        assert np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


def test_the_restored_key_counts_not_the_new_one():
    f = lambda v: (v**2).sum()  # noqa: E731
    first, other = spsa(0.1, key=jax.random.key(0)), spsa(0.1, key=jax.random.key(1))
    params = jnp.array([1.0, 2.5, 4.2, 7.1])
    state = first.init(params)
    a, _ = first.update(params, state, params, value_fn=f)
    b, _ = other.update(params, state, params, value_fn=f)
    c, _ = other.update(params, other.init(params), params, value_fn=f)
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_float32_stays_float32():
    with jax.enable_x64(False):
        for name in OPTIMIZERS:
            params = minimise(OPTIMIZERS[name](energy_model()), 2).params
            assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype("float32")}, name


# ---- layer by layer


def test_masks_share_out_the_parameters_in_time_order():
    layers = [Rotation("y"), Repeat([Rotation("xz"), Entangler("cz"), Entangler("crx")], 3)]
    model = qdl.QNN(3, [AngleEncoding(), *layers, Mirrored(Rotation("z"))])
    masks = layer_masks(model)
    flat = np.stack([ravel_pytree(mask)[0] for mask in masks])
    assert len(masks) == 8 and (flat.sum(axis=0) == 1).all()
    assert flat.sum(axis=1).tolist() == [3, 6, 2, 6, 2, 6, 2, 6]
    assert np.asarray(masks[3][2][0])[1].all() and not np.asarray(masks[3][2][0])[[0, 2]].any()
    pairs = np.stack([ravel_pytree(mask)[0] for mask in layer_masks(model, size=3)])
    assert np.array_equal(pairs, [flat[:3].any(0), flat[3:6].any(0), flat[6:].any(0)])


@pytest.mark.parametrize("inner", [optax.adam(0.1), optax.adamw(0.1), spsa(0.1, key=KEY)])
def test_only_the_layer_whose_turn_it_is_moves(inner):
    model = energy_model()
    masks = layer_masks(model)
    optimizer = layerwise(inner, masks, every=2)
    assert isinstance(optimizer, ValuesOnly) == isinstance(inner, ValuesOnly)
    f = lambda params: model.apply(params)[0]  # noqa: E731
    params = model.init(KEY)
    state = optimizer.init(params)
    for step in range(8):
        slope = jax.grad(f)(params)
        updates, state = optimizer.update(slope, state, params, value_fn=f)
        moved = ravel_pytree(updates)[0] != 0
        assert np.array_equal(moved, ravel_pytree(masks[step // 2 % 3])[0]), step
        params = optax.apply_updates(params, updates)


def test_every_turn_starts_its_optimizer_anew():
    """Two turns of one layer, as two runs of plain Adam on its parameters alone."""
    f = lambda p: ((p["a"] - 1) ** 2 + p["a"] * p["b"] + p["b"] ** 2).sum()  # noqa: E731
    start = {"a": jnp.array([0.3, 2.0]), "b": jnp.array([1.0, -1.0])}
    masks = [{"a": jnp.full(2, k == 0), "b": jnp.full(2, k == 1)} for k in range(2)]
    optimizer = layerwise(optax.adam(0.1), masks, every=3)
    got = descend(optimizer, f, start, 9, gradient=jax.grad(f))
    wanted = dict(start)
    for name in ("a", "b", "a"):
        part = lambda v, name=name: f(wanted | {name: v})  # noqa: E731
        wanted[name] = descend(optax.with_extra_args_support(optax.adam(0.1)), part, wanted[name], 3,
                               gradient=jax.grad(part))  # fmt: skip
    assert all(np.allclose(got[name], wanted[name], atol=1e-12) for name in got)


def test_layers_to_come_are_absent_at_zero_angles():
    zeros = lambda key, shape, dtype: jnp.zeros(shape, dtype)  # noqa: E731
    block = [Rotation("xy", initializer=zeros), Entangler("cz", "ring")]
    deep = qdl.QNN(3, [AngleEncoding(), Rotation("zyz"), Repeat(block, 4)])
    shallow = qdl.QNN(3, [AngleEncoding(), Rotation("zyz")])
    x, params = np.random.default_rng(0).normal(size=(5, 3)), deep.init(KEY)
    assert np.allclose(deep.apply(params, x), shallow.apply(params[:2], x), atol=1e-14)


def test_growing_then_sweeping_reaches_the_ground_state():
    model = energy_model()
    masks = layer_masks(model) + layer_masks(model, size=2)
    losses = minimise(layerwise(optax.adam(0.1), masks, every=40), 320).history["loss"]
    assert losses[-1] == pytest.approx(GROUND, abs=1e-3)


def test_what_is_frozen_is_not_tried():
    """Rotosolve in one layer: the best of that layer with the others as they are."""
    model = qdl.QNN(3, [Rotation("y"), Rotation("y")], readout=qdl.Expval([qp.Z(0) + qp.Z(1)]))
    masks = layer_masks(model)[1:]
    start = model.init(KEY)
    end = descend(layerwise(rotosolve(), masks, every=1), lambda p: model.apply(p)[0], start, 1)
    assert np.array_equal(end[0], start[0])
    assert float(model.apply(end)[0]) == pytest.approx(-2, abs=1e-12)


# ---- refusals


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: spsa(0.0, key=KEY), ValueError, "spsa needs learning_rate > 0, got 0.0"),
        (lambda: spsa(0.1, -1.0, key=KEY), ValueError, "needs perturbation > 0, got -1.0"),
        (lambda: spsa(0.1, key=KEY, resamples=0), ValueError, "resamples to be a whole number"),
        (lambda: spsa(0.1, key=0), TypeError, "needs a JAX key, got 0. Pass key=jax.random.key"),
        (lambda: qnspsa(qdl.Hybrid([qdl.Dense(2, 1)]), 0.1, key=KEY), TypeError, "got Hybrid"),
        (lambda: qnspsa(energy_model(), 0.1, key=KEY, regularization=0), ValueError, "got 0"),
        (
            lambda: natural_gradient(energy_model(), 0.1, damping=0),
            ValueError,
            "damping > 0, got 0",
        ),
        (lambda: natural_gradient(energy_model(), 0.1, approximation="diag"), ValueError, "'diag'"),
        (lambda: metric_tensor("model", None), TypeError, "of a QNN, got str"),
        (lambda: rotosolve(0), ValueError, "frequencies to be a whole number >= 1, got 0"),
        (lambda: layerwise(optax.sgd(1.0), [], 3), ValueError, "at least one mask, got none"),
        (lambda: layerwise(optax.sgd(1.0), [jnp.ones(2)], 0), ValueError, "every to be a whole"),
        (lambda: layer_masks(energy_model(), 0), ValueError, "size to be a whole number"),
    ],
)
def test_nonsense_is_refused_when_the_optimizer_is_made(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_loop_that_passes_too_little_is_told_so():
    params = jnp.ones(2)
    for optimizer in (spsa(0.1, key=KEY), rotosolve()):
        with pytest.raises(ValueError, match="value_fn=None. Call optimizer.update"):
            optimizer.update(params, optimizer.init(params), params)
    model = energy_model()
    optimizer, params = natural_gradient(model, 0.1), model.init(KEY)
    with pytest.raises(ValueError, match="needs the parameters at which the metric is taken"):
        optimizer.update(params, optimizer.init(params))
    with pytest.raises(ValueError, match="masks have the shapes .* but the parameters"):
        layerwise(optax.sgd(1.0), layer_masks(model), every=1).init([jnp.ones(2)])


def test_old_style_keys_are_taken():
    f = lambda v: (v**2).sum()  # noqa: E731
    one, two = (
        descend(spsa(0.1, key=key), f, jnp.ones(3), 2)
        for key in (jax.random.key(4), jax.random.PRNGKey(4))
    )
    assert np.array_equal(one, two)


def test_a_checkpointed_run_goes_on_to_the_same_bits(tmp_path):
    whole = minimise(spsa(0.1, key=KEY), 6)
    minimise(spsa(0.1, key=KEY), 3, checkpoint=tmp_path)
    resumed = minimise(spsa(0.1, key=KEY), 6, checkpoint=tmp_path)
    pairs = zip(jax.tree.leaves(whole.params), jax.tree.leaves(resumed.params), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs) and resumed.step == 6
    assert np.isnan(resumed.history["grad_norm"]).all()


# Optax transformations that are called in other ways than most


UNUSUAL = {
    "sam": optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.05)),
    "opaque sam": optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.05), opaque_mode=True),
    "lookahead": optax.lookahead(optax.sgd(0.1), sync_period=3, slow_step_size=0.5),
}


def by_hand(name, slope, p, steps):
    """The same in a loop of three lines: a step up, or a step half of the way back."""
    slow, start = p, p
    for step in range(steps):
        if name == "opaque sam":
            p = p - 0.1 * slope(p + 0.05 * slope(p))
        elif name == "sam":
            p = start - 0.1 * slope(p) if step % 2 else p + 0.05 * slope(p)
            start = p if step % 2 else start
        else:
            p = p - 0.1 * slope(p)
            if step % 3 == 2:
                p = slow = slow + 0.5 * (p - slow)
    return p


@pytest.mark.parametrize("name", UNUSUAL)
def test_sam_and_lookahead_take_their_steps(name, key):
    model = qdl.QNN(1, [AngleEncoding(), Rotation("y")])
    x, y = np.array([[0.4], [1.3]]), np.array([0.2, -0.4])
    start = [None, jnp.array([[0.7]])]
    result = qdl.fit(
        model,
        x,
        y,
        loss="mse",
        optimizer=UNUSUAL[name],
        steps=6,
        batch_size=2,
        params=start,
        key=key,
    )

    def slope(p):
        values = np.cos(x[:, 0] + p)
        return np.mean(2 * (values - y) * -np.sin(x[:, 0] + p))

    assert float(result.params[1][0, 0]) == pytest.approx(by_hand(name, slope, 0.7, 6), abs=1e-9)


INSIDE = {
    "sam": optax.chain(optax.clip_by_global_norm(1.0), UNUSUAL["sam"]),
    "a sam that is watched": optax.apply_if_finite(UNUSUAL["sam"], 3),
    "lookahead": optax.chain(optax.clip(1.0), UNUSUAL["lookahead"]),
}


@pytest.mark.parametrize("name", INSIDE)
def test_sam_and_lookahead_inside_another_say_where_they_belong(name, key):
    model, x = qdl.QNN(1, [AngleEncoding(), Rotation("y")]), np.ones((2, 1))
    with pytest.raises(
        TypeError, match="must be the outermost transformation.*Put the others into it"
    ):
        qdl.fit(model, x, x[:, 0], loss="mse", optimizer=INSIDE[name], steps=3, key=key)
