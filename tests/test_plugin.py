"""The native simulator as a PennyLane device: PennyLane's own suite, and its own default.qubit."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest

from qdl.backends.native.plugin import JaxDevice

ROOT = Path(__file__).parent.parent
WIRES = ("a", 3, 1)  # a device takes any labels
DEVICES = (JaxDevice(wires=WIRES), qp.device("default.qubit", wires=WIRES))
HERMITIAN = np.array([[1, 2 - 1j], [2 + 1j, 0.3]])
UNITARY = qp.matrix(qp.IsingXY(0.3, (0, 1)) @ qp.RX(1.2, 0))


def random_gates(seed, a, b):
    """Eight gates on random wires; their angles are functions of two numbers."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(17)[:8]
    for kind in kinds:
        u, v, w = (WIRES[i] for i in rng.permutation(3))
        c = rng.uniform(0.5, 2)
        match kind:
            case 0:
                qp.RX(c * a, u)
            case 1:
                qp.Rot(a, c * b, 0.4, u)
            case 2:
                qp.CRY(a * b, (u, v))
            case 3:
                qp.adjoint(qp.IsingXY(c * b, (u, v)))
            case 4:
                qp.ctrl(qp.RZ(c * a, u), (v, w), control_values=(0, 1))
            case 5:
                qp.QubitUnitary(UNITARY, (u, v))
            case 6:
                qp.evolve(qp.X(u) @ qp.Y(v) + 0.3 * qp.Z(v), c)
            case 7:
                qp.evolve(qp.s_prod(a, qp.Y(u)), c)
            case 8:
                qp.DiagonalQubitUnitary(qp.math.exp(1j * c * np.arange(4)), (u, v))
            case 9:
                qp.pow(qp.RX(a, u), 0.7)
            case 10:
                qp.MultiRZ(c * b, (u, v, w))
            case 11:
                qp.QFT((u, v, w))
            case 12:
                qp.PauliRot(c * a, "XYZ", (u, v, w))
            case 13:
                qp.Toffoli((u, v, w))
            case 14:
                qp.StronglyEntanglingLayers(a * rng.uniform(size=(1, 3, 3)), (u, v, w))
            case 15:
                qp.GlobalPhase(a, u)
            case _:
                qp.SISWAP((u, v))


def prepare(seed):
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        qp.BasisState(rng.integers(2, size=2), WIRES[1:])
    elif seed % 3 == 1:
        psi = rng.normal(size=4) + 1j * rng.normal(size=4)
        qp.StatePrep(psi, WIRES[:2], normalize=True)


def measurements():
    return (
        qp.expval(qp.Z("a") @ qp.X(3) + 0.5 * qp.Y(1)),
        qp.expval(qp.Hermitian(HERMITIAN, 1)),
        qp.var(qp.X("a") @ qp.Y(1)),
        qp.probs(wires=(1, "a")),
        qp.probs(op=qp.Y(3)),
        qp.state(),
        qp.density_matrix(wires=(3,)),
        qp.purity(wires=(3, 1)),
        qp.vn_entropy(wires=(1,)),
    )


def on_both(build, **options):
    return [qp.QNode(build, device, **options) for device in DEVICES]


@pytest.mark.parametrize("seed", range(4))
def test_random_circuits_equal_default_qubit(seed):
    """Numbers of NumPy, one and a batch: every kind of measurement."""

    def circuit(a, b):
        prepare(seed)
        random_gates(seed, a, b)
        return measurements()

    found, wanted = (node(0.7, 1.1) for node in on_both(circuit))
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, atol=1e-10)
        assert not isinstance(f, jax.Array)


def test_a_batch_equals_default_qubit():
    """One operator with a batch, several, a computed matrix with one, a state with one."""
    rng = np.random.default_rng(0)
    psi = rng.normal(size=(5, 8)) + 1j * rng.normal(size=(5, 8))
    psi /= np.linalg.norm(psi, axis=1, keepdims=True)

    def circuit(a, b):
        qp.StatePrep(psi, WIRES)
        qp.RX(a, "a")
        qp.CRY(0.3, ("a", 3))
        qp.adjoint(qp.Rot(0.2, b, 0.1, 1))
        qp.QubitUnitary(qp.RY.compute_matrix(a), 1)
        return qp.expval(qp.Z("a") @ qp.Y(3)), qp.probs(wires=(1, 3)), qp.state()

    a = rng.normal(size=5)
    for b in (0.3, rng.normal(size=5)):
        found, wanted = (node(a, b) for node in on_both(circuit))
        for f, w in zip(found, wanted, strict=True):
            np.testing.assert_allclose(f, w, atol=1e-10)


def test_jit_grad_and_vmap_equal_default_qubit():
    def circuit(a, b):
        qp.RX(a, "a")
        qp.CRY(a * b, ("a", 3))
        qp.evolve(qp.s_prod(a, qp.Y(1)), b)
        qp.CNOT((3, 1))
        return qp.expval(qp.Hamiltonian([a, 0.5], [qp.Z("a") @ qp.X(3), qp.Y(1)]))

    found, wanted = on_both(circuit)
    a, b = jnp.array([0.7, 0.2, 1.0]), jnp.asarray(1.1)

    def same(make, *numbers):
        pairs = zip(*(jax.tree.leaves(make(f)(*numbers)) for f in (found, wanted)), strict=True)
        for f, w in pairs:
            np.testing.assert_allclose(f, w, atol=1e-10)

    same(lambda f: jax.jit(jax.value_and_grad(f, (0, 1))), a[0], b)
    same(lambda f: jax.vmap(jax.grad(f), (0, None)), a, b)


def test_other_derivatives_equal_backpropagation():
    def circuit(a, b):
        qp.RX(a, "a")
        qp.CRY(b, ("a", 3))
        return qp.expval(qp.Z(3))

    wanted = jax.grad(on_both(circuit)[1], (0, 1))(0.7, 1.1)
    hessians = [jax.jit(jax.jacrev(jax.grad(node)))(0.7, 1.1) for node in on_both(circuit)]
    np.testing.assert_allclose(*hessians, atol=1e-10)
    shifted, _ = on_both(circuit, diff_method="parameter-shift")
    np.testing.assert_allclose(jax.jit(jax.grad(shifted, (0, 1)))(0.7, 1.1), wanted, atol=1e-10)
    autograd = qp.grad(on_both(circuit)[0])(qp.numpy.array(0.7), qp.numpy.array(1.1))
    np.testing.assert_allclose(autograd, wanted, atol=1e-10)


def test_numpy_is_computed_in_float64_whatever_jax_is_set_to():
    def circuit(a):
        qp.RX(a, "a")
        return qp.expval(qp.Z("a"))

    node = on_both(circuit)[0]
    with jax.enable_x64(False):
        np.testing.assert_allclose(node(0.7), np.cos(0.7), atol=1e-14)
        assert node(jnp.asarray(0.7)).dtype == jnp.float32
        np.testing.assert_allclose(jax.jit(node)(0.7), np.cos(0.7), atol=1e-6)


def test_one_compilation_for_all_numbers(monkeypatch):
    """A loop over NumPy numbers reads and plans its circuit once."""
    import qdl.simulator

    calls, state = [], qdl.simulator.state
    monkeypatch.setattr(qdl.simulator, "state", lambda *a: calls.append(1) or state(*a))

    def circuit(a):
        qp.RX(a, "a")
        qp.QubitUnitary(qp.RY.compute_matrix(3 * a), 3)
        return qp.probs(wires=("a", 3))

    node = on_both(circuit)[0]
    for a in (0.1, 0.2, 0.3):
        node(a)
    assert len(calls) == 1


def test_shots_scatter_around_the_exact_values():
    def circuit(a):
        qp.RX(a, "a")
        qp.CNOT(("a", 3))
        return qp.expval(qp.Z("a") @ qp.Z(3)), qp.expval(qp.Y("a")), qp.probs(wires=(3,))

    shots = 4000
    exact = np.hstack(on_both(circuit)[1](0.7))
    bound = 5 / np.sqrt(shots)
    for device in (JaxDevice(wires=WIRES, seed=1), JaxDevice(wires=WIRES, seed=jax.random.key(1))):
        node = qp.QNode(circuit, device, shots=shots)
        first, second = np.hstack(node(0.7)), np.hstack(node(jnp.asarray(0.7)))
        assert np.abs(first - exact).max() < bound and np.abs(second - exact).max() < bound
        assert not np.array_equal(first, second)
        assert np.abs(np.hstack(jax.jit(node)(0.7)) - exact).max() < bound

    @jax.jit
    def fresh(key):
        return qp.QNode(circuit, JaxDevice(wires=WIRES, seed=key), shots=shots)(0.7)[1]

    assert fresh(jax.random.key(0)) != fresh(jax.random.key(1))


def test_measurement_in_the_middle_is_deferred():
    def circuit(a):
        qp.RX(a, "a")
        bit = qp.measure("a")
        qp.cond(bit, qp.RY)(0.4, wires=3)
        return qp.expval(qp.X(3))

    found, wanted = on_both(circuit)
    np.testing.assert_allclose(found(0.7), wanted(0.7), atol=1e-12)
    with pytest.raises(qp.exceptions.DeviceError, match="mcm_method='tree-traversal'. Use 'def"):
        on_both(circuit, mcm_method="tree-traversal")[0](0.7)


def test_noise_is_refused():
    @qp.qnode(DEVICES[0])
    def circuit():
        qp.BitFlip(0.1, "a")
        return qp.expval(qp.Z("a"))

    with pytest.raises(qp.exceptions.DeviceError, match="BitFlip.*not supported with qdl.jax"):
        circuit()


def suite(folder, *chosen):
    """PennyLane's tests for devices, told of the device by pyproject.toml's own entry point."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plugins = project["entry-points"]["pennylane.plugins"]
    info = folder / "plugin_of_qdl-0.dist-info"
    info.mkdir()
    lines = [f"{name} = {target}" for name, target in plugins.items()]
    (info / "entry_points.txt").write_text("\n".join(["[pennylane.plugins]", *lines, ""]))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-of-qdl\nVersion: 0\n")
    tests = Path(qp.__file__).parent / "devices" / "tests"
    paths = os.pathsep.join([str(ROOT), str(folder), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += [str(tests / name) for name in chosen or ("",)]
    command += ["--device", "qdl.jax", "--shots", "None", "--no-flaky-report"]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    return run.stdout.splitlines()[-1]


def test_some_of_pennylanes_device_tests_pass(tmp_path):
    chosen = ("test_wires.py", "test_tracker.py", "test_return_system.py")
    assert "passed" in suite(tmp_path, *chosen)


@pytest.mark.slow
def test_all_of_pennylanes_device_tests_pass(tmp_path):
    summary = suite(tmp_path)
    assert int(summary.split(" passed")[0].split()[-1]) > 350, summary
