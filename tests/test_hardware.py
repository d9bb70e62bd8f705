"""Aer and a fake machine against the native simulator: values, derivatives, and the number of jobs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import qdl
from qdl.backends.derivative import SPREAD
from qdl.backends.machines import fake
from qdl.backends.machines.qiskit_place import _once
from qdl.layers import AmplitudeEncoding, AngleEncoding, Entangler, Pooling, Rotation, Template

LAYERS = [AngleEncoding(), Rotation("zyz"), Entangler("crx", "ring"), Rotation("y")]
READOUTS = {
    "expz": qdl.ExpZ(),
    "expval": qdl.Expval([qp.Z(0) @ qp.X(2), 0.5 * qp.Y(1) - 2 * qp.Z(2), qp.Projector([1], 1)]),
    "probs": qdl.Probs([2, 0]),
}
X = jax.random.normal(jax.random.key(7), (3, 3))


@pytest.fixture
def jobs(monkeypatch):
    """How often Aer was called; results of other tests are forgotten."""
    _once.cache_clear()
    calls, run = [], AerSimulator.run

    def counted(*args, **kwargs):
        calls.append(args)
        return run(*args, **kwargs)

    monkeypatch.setattr(AerSimulator, "run", counted)
    return calls


def close(tree, other, atol=1e-8):
    other = np.asarray(other) if isinstance(tree, jax.Array) else other
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("expz", "probs")]


@pytest.mark.parametrize("name", ["expval", *SLOW])
def test_exact_values_and_derivatives_are_the_simulators_in_one_job(name, key, jobs):
    model = qdl.QNN(3, LAYERS, READOUTS[name])
    there = model.on(qdl.backends.aer())
    params = model.init(key)
    close(there.apply(params, X), model.apply(params, X))
    close(there.apply(params, X[0]), model.apply(params, X[0]))
    jobs.clear()
    weights = jax.random.normal(key, model.apply(params, X).shape)
    loss = lambda m: lambda p, x: ((m.apply(p, x) - weights) ** 2).sum()  # noqa: E731
    found = jax.value_and_grad(loss(there), argnums=(0, 1))(params, X)
    assert len(jobs) == 1
    wanted = jax.value_and_grad(loss(model), argnums=(0, 1))(params, X)
    close(found, wanted)
    close(jax.jit(jax.value_and_grad(loss(there), argnums=(0, 1)))(params, X), wanted)
    assert len(jobs) == 1  # the same value and shifts: the same job
    jacobian = jax.jacrev(lambda p: there.apply(p, X))(params)
    close(jacobian, jax.jacrev(lambda p: model.apply(p, X))(params))
    assert len(jobs) == 2  # without the shifts of the data


def test_names_of_parameters_sort_as_their_columns(key):
    """Twelve angles: Qiskit sorts by name, and angle_10 would come before angle_2."""
    model = qdl.QNN(3, [Rotation("zyz"), Entangler("cz"), Rotation("y")])
    place, params = qdl.backends.aer(), model.init(key)
    lowered = place.lowered(place.program(model.circuit, None))
    names = lowered.names
    sorted_by_qiskit = [p.name for p in lowered.circuit.parameters]
    assert sorted_by_qiskit == list(names) and len(names) == 12
    close(model.on(place).apply(params), model.apply(params))


def test_no_tracer_outlives_its_trace(key):
    model = qdl.QNN(2, [AngleEncoding(), Rotation("y")]).on(qdl.backends.aer())
    params = model.init(key)
    with jax.checking_leaks():
        jax.jit(jax.grad(lambda p: model.apply(p, X[:, :2]).sum()))(params)


def test_vmap_over_parameters_is_one_job(key, jobs):
    model = qdl.QNN(3, LAYERS)
    there = model.on(qdl.backends.aer())
    params = jax.vmap(model.init)(jax.random.split(key, 4))
    found = jax.vmap(lambda p: there.apply(p, X))(params)
    assert len(jobs) == 1
    close(found, jax.vmap(lambda p: model.apply(p, X))(params))


def test_data_are_not_shifted(key, monkeypatch):
    rows = []
    place = qdl.backends.aer()
    send = type(place).send
    monkeypatch.setattr(
        type(place), "send", lambda p, rs: rows.extend(len(r.values) for r in rs) or send(p, rs)
    )
    _once.cache_clear()
    model = qdl.QNN(3, [AngleEncoding(), Entangler("crx", "ring"), Rotation("y")], qdl.ExpZ([1]))
    params = model.init(key)
    jax.grad(lambda p: model.on(place).apply(p, X).sum())(params)
    # Three CRX with four terms; RY on wire 1 with two; the others cannot reach what is measured.
    reached = 3 * (1 + 2 * 4 + 2)
    assert rows == [reached]
    jax.grad(lambda x: model.on(place).apply(params, x).sum())(X)
    assert len(rows) == 2 and rows[1] <= 3 * (1 + 3 * 2)


def test_fit_on_aer_is_fit_on_the_simulator(key, jobs):
    model = qdl.QNN(3, LAYERS[:2], qdl.ExpZ([0]))
    y = (X[:, 0] > 0).astype(int)
    options = {"loss": "cross_entropy", "optimizer": optax.adam(0.1), "steps": 4, "key": key}
    wanted = qdl.fit(model, X, y, **options)
    found = qdl.fit(model.on(qdl.backends.aer()), X, y, **options)
    close(found.params, wanted.params)
    close(found.history["loss"], wanted.history["loss"])
    assert len(jobs) == 4  # one a step


def test_hybrid_models_shift_what_comes_out_of_a_classical_stage(key):
    quantum = qdl.QNN(3, LAYERS[:2])
    here = qdl.Hybrid([qdl.Dense(3, 3), quantum])
    there = qdl.Hybrid([qdl.Dense(3, 3), quantum.on(qdl.backends.aer())])
    params = here.init(key)
    gradient = lambda m: jax.grad(lambda p: m.apply(p, X).sum())(params)  # noqa: E731
    close(gradient(there), gradient(here))


def test_amplitudes_reach_aer_as_one_circuit(key, jobs):
    model = qdl.QNN(3, [AmplitudeEncoding(), Rotation("y"), Entangler("cnot"), Pooling()])
    there = model.on(qdl.backends.aer())
    params = model.init(key)
    x = jax.random.normal(key, (5, 7))
    close(jax.jit(there.apply)(params, x), model.apply(params, x))
    assert len(jobs) == 1
    gradient = lambda m: jax.jit(jax.grad(lambda p: m.apply(p, x).sum()))(params)  # noqa: E731
    close(gradient(there), gradient(model))
    with pytest.raises(ValueError, match="no gradient through the features of AmplitudeEncoding"):
        jax.grad(lambda x: there.apply(params, x).sum())(x)


@pytest.mark.parametrize("name", READOUTS)
def test_shots_are_drawn_and_counted(name, key, jobs):
    model = qdl.QNN(3, LAYERS, READOUTS[name])
    there = model.on(qdl.backends.aer(shots=1000))
    params = model.init(key)
    found = there.apply(params, X, key=key)
    assert len(jobs) == 1
    scale = 0.5 if name == "probs" else 2.5  # of the widest observable
    close(found, model.apply(params, X), atol=5 * scale / np.sqrt(1000))
    close(found, there.apply(params, X, key=key), atol=0)
    assert len(jobs) == 1
    assert not np.array_equal(found, there.apply(params, X, key=jax.random.key(1)))
    counts = np.asarray(found)[:, :1] * (500 if name == "expz" else 1000)
    if name != "expval":
        np.testing.assert_allclose(counts, counts.round(), atol=1e-8)
    with pytest.raises(ValueError, match="1000 shots need a key"):
        there.apply(params, X)


def test_an_eigenstate_has_no_shot_noise(key):
    model = qdl.QNN(2, Rotation("x"))
    params = [jnp.array([[0.0], [jnp.pi]])]
    for place in (qdl.backends.aer(shots=100), qdl.backends.aer(method="matrix_product_state")):
        close(model.on(place).apply(params, key=key), [1, -1])


def test_the_gradient_with_shots_is_right_on_average(key, jobs):
    model = qdl.QNN(3, LAYERS, qdl.ExpZ([0]))
    there, params = model.on(qdl.backends.aer(shots=200)), model.init(key)
    keys = jax.random.split(key, 4)
    gradient = lambda k: jax.grad(lambda p: there.apply(p, X, key=k).sum())(params)  # noqa: E731
    found = jax.jit(jax.vmap(gradient))(keys)
    assert len(jobs) == 1
    wanted = jax.grad(lambda p: model.apply(p, X).sum())(params)
    error = np.sqrt(3 * 2 / 4 / 200 / len(keys))  # three samples, two shifts of weight 1/2
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a.mean(0), b, atol=5 * error)
        assert a.std(0).max() > 0


@pytest.mark.parametrize("method", ["stochastic", "spsa"])
def test_random_gradients_are_right_on_average(method, key, jobs):
    model = qdl.QNN(3, LAYERS, qdl.ExpZ([0, 2]))
    place = qdl.backends.aer(gradient=method, random_shifts=3)
    there, params = model.on(place), model.init(key)
    weights = jnp.array([1.0, -0.5])
    keys = jax.random.split(key, 60)
    loss = lambda p, k: (there.apply(p, X[:1], key=k) @ weights).sum()  # noqa: E731
    found = jax.jit(jax.vmap(lambda k: jax.grad(loss)(params, k)))(keys)
    wanted = jax.grad(lambda p: (model.apply(p, X[:1]) @ weights).sum())(params)
    bias = SPREAD**2 if method == "spsa" else 0
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        error = a.std(0) / np.sqrt(len(keys))
        assert np.all(np.abs(a.mean(0) - b) < 5 * error + bias + 1e-12)
    jobs.clear()
    jax.grad(loss)(params, jax.random.key(77))
    assert len(jobs) == 1
    with pytest.raises(ValueError, match=f"gradient='{method}' is random, so it needs a key"):
        there.apply(params, X)


def test_enough_random_shifts_are_the_whole_rule(key):
    model = qdl.QNN(3, LAYERS, qdl.ExpZ([0]))
    place = qdl.backends.aer(gradient="stochastic", random_shifts=1000)
    params = model.init(key)
    found = jax.grad(lambda p: model.on(place).apply(p, X, key=key).sum())(params)
    close(found, jax.grad(lambda p: model.apply(p, X).sum())(params))


def test_noise_of_ones_own(key):
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.2, 1), ["rx"])
    model = qdl.QNN(3, [Rotation("x"), Entangler("crz")])
    params = model.init(key)
    wanted = 0.8 * np.cos(np.ravel(params[0]))
    exact = qdl.backends.aer(noise=noise, method="density_matrix")
    close(model.on(exact).apply(params), wanted)
    shots = qdl.backends.aer(noise=noise, shots=4000)
    close(model.on(shots).apply(params, key=key), wanted, atol=5 / np.sqrt(4000))
    assert shots == qdl.backends.aer(noise=noise, shots=4000) != qdl.backends.aer(shots=4000)
    hash(model.on(shots))
    noise.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), ["crz"])
    with pytest.raises(ValueError, match="noise model has errors on crz, which Aer cannot run"):
        qdl.backends.aer(noise=noise)


def test_noise_of_a_machine_is_the_same_exact_and_drawn(key):
    model = qdl.QNN(3, LAYERS)
    params = model.init(key)
    assert qdl.backends.aer(noise="manila") == qdl.backends.aer(noise="fake_manila")
    exact = model.on(qdl.backends.aer(noise="manila")).apply(params, X)
    drawn = model.on(qdl.backends.aer(noise="fake_manila", shots=4000)).apply(params, X, key=key)
    assert np.abs(exact - model.apply(params, X)).max() > 0.01
    close(exact, drawn, atol=0.15)  # errors of readout are in the drawn ones only


def test_a_fake_machine_takes_the_road_of_the_runtime_in_one_job(key, monkeypatch):
    calls, submit = [], fake.submit
    monkeypatch.setattr(fake, "submit", lambda *a: calls.append(a) or submit(*a))
    _once.cache_clear()
    place = qdl.backends.fake("FakeManila".lower().replace("fake", "fake_"), shots=1000)
    model = qdl.QNN(3, LAYERS[:2], qdl.ExpZ([0, 2]))
    params = model.init(key)
    loss = lambda m: lambda p: m.apply(p, X[:2], key=key).sum()  # noqa: E731
    value, found = jax.jit(jax.value_and_grad(loss(model.on(place))))(params)
    jax.block_until_ready(found)
    assert len(calls) == 1
    wanted = jax.grad(loss(model))(params)
    close(found, wanted, atol=0.5)  # the machine is noisy
    probs = qdl.QNN(3, LAYERS[:2], qdl.Probs([1])).on(place).apply(params, X[:2], key=key)
    close(probs.sum(-1), [1, 1], atol=1e-12)


def test_circuits_without_any_parameter_and_without_data(key):
    layer = Template(lambda params, x, wires: [qp.RX(0.3, wires[0]), qp.CNOT(wires[:2])])
    for readout in (qdl.ExpZ(), qdl.ExpZ([1]), qdl.Probs([1, 0])):
        model = qdl.QNN(3, layer, readout)
        wanted = model.apply(model.init(key), X)
        for place in (qdl.backends.aer(), qdl.backends.aer(shots=4000)):
            found = model.on(place).apply(model.init(key), X, key=key)
            close(found, wanted, atol=1e-8 if place.shots is None else 0.1)


def test_a_device_of_pennylane_qiskit_runs_and_says_that_it_sends_many_jobs(key):
    model = qdl.QNN(2, [AngleEncoding(), Entangler("cz")])
    device = qp.device("qiskit.aer", wires=2, shots=2000)
    with pytest.warns(UserWarning, match="sends one job for every circuit"):
        there = model.on(device)
    close(there.apply([None, None], X[:2, :2]), model.apply([None, None], X[:2, :2]), atol=0.15)


BAD = {
    "no machine 'tornio'. Did you mean torino": lambda b: b.fake("tornio"),
    "no fake machine 'nowhere'.": lambda b: b.aer(noise="nowhere"),
    "no method 'magic': expected one of automatic": lambda b: b.aer(method="magic"),
    "cannot be exact: that method draws": lambda b: b.aer("manila", method="statevector"),
    "gradient='adjoint' is not a method of this place": lambda b: b.aer(gradient="adjoint"),
    "random_shifts must be a whole number >= 1": lambda b: b.aer(random_shifts=0),
    "shots must be a whole number >= 1": lambda b: b.fake("manila", shots=0),
    r"fake\('manila'\) needs shots": lambda b: b.fake("manila", shots=None),
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input_is_refused_when_the_place_is_made(text):
    with pytest.raises(ValueError, match=text.replace("no machine", "no fake machine")):
        BAD[text](qdl.backends)


def test_noise_of_another_type_is_refused():
    with pytest.raises(
        TypeError, match="noise must be None, the name of a fake machine or a Noise"
    ):
        qdl.backends.aer(noise=0.1)


def test_a_circuit_wider_than_the_machine_is_refused(key):
    model = qdl.QNN(6, Rotation("y")).on(qdl.backends.fake("manila"))
    with pytest.raises(ValueError, match="fake_manila has 5 qubits, but the circuit needs 6"):
        model.apply(model.init(key), key=key)


@pytest.mark.slow
def test_a_machine_of_133_qubits(key):
    model = qdl.QNN(4, [AngleEncoding(), Rotation("y"), Entangler("cz")])
    params, x = model.init(key), jnp.ones((2, 4))
    wanted = model.apply(params, x)
    for place in (qdl.backends.fake("torino"), qdl.backends.aer(noise="fake_torino", shots=4000)):
        close(model.on(place).apply(params, x, key=key), wanted, atol=0.25)
