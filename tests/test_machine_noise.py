"""Noise models of Aer on the wires and gates they name: against closed forms and Qiskit itself."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Pauli
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, pauli_error
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qdl
from qdl.backends import aer, fake, mitigated
from qdl.layers import AngleEncoding, Rotation, Template

KEY = jax.random.key(0)
FLIP = pauli_error([("X", 0.2), ("I", 0.8)])


# Qubit i is wire i, whichever wires occur


def late(params, x, wires):
    yield qp.RY(0.0 if x is None else x[..., 0], wires[2])


@pytest.mark.parametrize(
    "readout, wanted",
    [(qdl.ExpZ([1, 2]), [0.8, 1.0]), (qdl.Probs([2, 1]), [0.9, 0.1, 0, 0])],
)
def test_errors_of_a_qubit_are_those_of_its_wire(readout, wanted, key):
    """Wire 2 has a gate, wire 1 is read alone, wire 0 and 3 are idle."""
    noise = NoiseModel()
    noise.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [1])
    model = qdl.QNN(4, Template(late), readout)
    for place in (aer(noise=noise, shots=40_000), mitigated(aer(noise=noise, shots=40_000), False)):
        np.testing.assert_allclose(model.on(place).apply([None], key=key), wanted, atol=0.01)


@pytest.mark.parametrize("shots", [None, 40_000])
def test_a_layout_says_which_qubit_a_wire_is(shots, key):
    noise = NoiseModel()
    noise.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [3])
    noise.add_quantum_error(FLIP, ["ry"], [1])
    model = qdl.QNN(3, Template(late), qdl.ExpZ([0, 1, 2]))
    held = replace(aer(noise=noise, shots=shots), layout=(3, 0, 1))
    found = model.on(held).apply([None], np.zeros((1, 1)), key)
    np.testing.assert_allclose(found, [[0.8, 1.0, 0.6]], atol=1e-6 if shots is None else 0.02)


def test_a_layout_has_a_qubit_for_idle_wires_too(key):
    model = qdl.QNN(4, Template(late), qdl.ExpZ([1, 2]))
    held = replace(fake("manila", shots=200), layout=(3, 1, 2, 0))
    for place in (held, mitigated(held)):
        values = model.on(place).apply([None], jnp.zeros((2, 1)), key)
        np.testing.assert_allclose(values, 1.0, atol=0.2)
    assert qdl.backends.transpile_report(model, held).layout == {0: 3, 1: 1, 2: 2, 3: 0}
    assert held.program(model.circuit, (1,)).wires == (0, 1, 2, 3)


# Errors belong to the gates that are named, as they are written


def noise_on(*names, flip=FLIP, **options):
    model = NoiseModel(**options)
    for name in names:
        model.add_all_qubit_quantum_error(flip, [name])
    return model


def values_of(gates, noise, n=2, shots=None, readout=None):
    model = qdl.QNN(n, Template(partial(yields, gates=gates)), readout)
    return np.asarray(model.on(aer(noise=noise, shots=shots)).apply([None], key=KEY))


def yields(params, x, wires, gates):
    yield from gates()


NAMES = {"CNOT": "cx", "Hadamard": "h", "PauliX": "x", "Identity": "id"}


def written(gates, n):
    """The same circuit, by Qiskit's own hand: its gates as they are, no transpiler."""
    circuit = QuantumCircuit(n)
    for gate in gates():
        name = NAMES.get(gate.name, gate.name.lower())
        if name in ("ch", "crx", "cry"):  # which Aer does not run
            circuit.unitary(qp.matrix(gate), [*gate.wires][::-1])
        else:
            getattr(circuit, name)(*map(float, gate.data), *gate.wires)
    return circuit


def by_qiskit(gates, noise, n=2):
    circuit = written(gates, n)
    circuit.save_density_matrix()
    rho = AerSimulator(noise_model=noise, method="density_matrix").run(circuit).result().data()
    rho = DensityMatrix(rho["density_matrix"])
    return [rho.expectation_value(Pauli("Z"), [q]).real for q in range(n)]


CIRCUITS = {
    "after a cz": (lambda: [qp.CZ([0, 1]), qp.RY(0.0, 0)], ["ry"]),
    "none but ry": (lambda: [qp.Hadamard(0), qp.CRX(0.7, [0, 1]), qp.RX(0.3, 1)], ["ry"]),
    "merged": (lambda: [qp.RX(0.3, 0), qp.RX(0.4, 0), qp.RX(-0.7, 0)], ["rx"]),
    "undone": (lambda: [qp.CNOT([0, 1]), qp.CNOT([0, 1]), qp.X(0), qp.X(0)], ["x"]),
    "swapped": (lambda: [qp.SWAP([0, 1]), qp.RX(0.4, 1), qp.CH([1, 0])], ["rx", "rz"]),
    "waits": (lambda: [qp.Identity(0), qp.RY(0.2, 0), qp.CZ([0, 1])], ["id"]),
    "controlled": (lambda: [qp.X(0), qp.CRY(0.4, [0, 1]), qp.RY(0.2, 1)], ["ry", "rz"]),
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_errors_belong_to_the_gates_as_they_are_written(name):
    gates, named = CIRCUITS[name]
    noise = noise_on(*named)
    np.testing.assert_allclose(values_of(gates, noise), by_qiskit(gates, noise), atol=1e-7)


def test_errors_of_a_qubit_do_not_move_with_a_swap():
    noise = NoiseModel()
    noise.add_quantum_error(FLIP, ["rx"], [1])
    gates = CIRCUITS["swapped"][0]
    wanted = by_qiskit(gates, noise)
    np.testing.assert_allclose(values_of(gates, noise), wanted, atol=1e-7)
    np.testing.assert_allclose(values_of(gates, noise, shots=40_000), wanted, atol=0.025)
    assert values_of(CIRCUITS["after a cz"][0], noise_on("ry"))[0] == pytest.approx(0.6)


def test_turning_an_axis_for_the_readout_has_errors_only_if_its_gate_is_named():
    gates = lambda: [qp.Hadamard(0)]  # noqa: E731
    found = values_of(gates, noise_on("ry"), 1, 4000, qdl.Expval(qp.X(0)))
    np.testing.assert_allclose(found, 1.0)


def test_the_model_of_a_machine_has_circuits_translated_into_its_gates():
    noise = NoiseModel.from_backend(FakeManilaV2())
    values = values_of(lambda: [qp.RY(0.0, 0), qp.CZ([0, 1])], noise)
    assert (values < 0.99).all()
    bell = values_of(
        lambda: [qp.CRY(np.pi, [0, 1])], noise_on("sx", "x", basis_gates=["sx", "cx", "rz", "x"])
    )
    assert bell[1] < 0.9
    with pytest.warns(UserWarning, match="errors on sx, but the circuit is made of ry: none of"):
        values_of(lambda: [qp.RY(0.3, 0)], noise_on("sx"))


@pytest.mark.parametrize(
    "noise, text",
    [
        (noise_on("u3"), "errors on u3, and no gate that Aer runs here is called so"),
        (noise_on("measure"), "a quantum error on 'measure', but exact values measure nothing"),
    ],
)
def test_errors_that_would_never_act_are_refused(noise, text):
    with pytest.raises(ValueError, match=text):
        aer(noise=noise)


def test_a_joint_readout_error_is_refused():
    noise = NoiseModel()
    noise.add_readout_error(ReadoutError(np.eye(4)[::-1]), [0, 1])
    with pytest.raises(
        ValueError, match=r"several qubits at once, \[0, 1\], but every qubit is measured"
    ):
        aer(noise=noise, shots=10)


# Errors of readout are in exact values, too


@pytest.mark.parametrize(
    "readout",
    [qdl.ExpZ(), qdl.Probs([2, 0]), qdl.Expval([qp.Z(0) @ qp.X(2), qp.Y(1) - 2 * qp.Z(2)])],
)
def test_exact_values_are_read_with_errors(readout, key):
    noise = NoiseModel()
    noise.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [0])
    noise.add_readout_error(ReadoutError([[0.95, 0.05], [0.2, 0.8]]), [2])
    gates = lambda: [qp.RY(1.1, 0), qp.CNOT([0, 2]), qp.RX(0.7, 1), qp.RY(0.4, 2)]  # noqa: E731
    exact, drawn = (values_of(gates, noise, 3, shots, readout) for shots in (None, 40_000))
    np.testing.assert_allclose(exact, drawn, atol=0.04)
    assert np.abs(exact - values_of(gates, None, 3, None, readout)).max() > 0.04


def test_a_full_flip_turns_the_value_over():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0, 1], [1, 0]]))
    assert values_of(lambda: [qp.RY(0.0, 0)], noise, 1).tolist() == [-1.0]
    np.testing.assert_allclose(
        values_of(lambda: [qp.X(0)], noise, 2, None, qdl.Probs()), [0, 1, 0, 0]
    )


# What is not a readout value: samples, and quantities of the pure state


def test_samples_are_those_of_the_place(key):
    """X error 0.2 after each rx, then a readout that reads 1 for 0 with 0.1 on wire 1."""
    noise = noise_on("rx")
    noise.add_readout_error(ReadoutError([[0.9, 0.1], [0, 1]]), [1])
    model = qdl.QNN(2, [AngleEncoding("x")])
    p = (1 - 0.6 * np.cos([0.3, 1.1])) / 2
    wanted = [p[0], p[1] + 0.1 * (1 - p[1])]
    for place in (aer(noise=noise), aer(noise=noise, shots=10)):
        bits = model.on(place).sample([None], np.array([[0.3, 1.1]] * 2), 4000, key)
        assert bits.shape == (2, 4000, 2) and set(np.unique(bits)) == {0, 1}
        np.testing.assert_allclose(bits.mean(1), [wanted] * 2, atol=0.04)
    one = model.on(aer(noise=noise)).sample([None], np.array([0.3, 1.1]), 5, key)
    assert one.shape == (5, 2)


NOISY = {
    "aer": lambda: aer(noise=noise_on("ry")),
    "aer with shots": lambda: aer(noise=noise_on("ry"), shots=10),
    "fake": lambda: fake("manila", shots=10),
    "mitigated": lambda: mitigated(fake("manila", shots=10)),
    "readout of default.mixed": lambda: qp.device("default.mixed", wires=2, readout_prob=0.1),
    "noise added": lambda: qp.add_noise(
        qp.device("default.mixed", wires=2),
        qp.NoiseModel({qp.noise.op_eq(qp.RY): qp.noise.partial_wires(qp.BitFlip, 0.2)}),
    ),
}


@pytest.mark.parametrize("place", NOISY)
def test_quantities_of_the_pure_state_are_refused_where_there_are_errors(place, key):
    model = qdl.QNN(2, Rotation("y")).on(NOISY[place]())
    params, ask = model.init(key), qdl.diagnostics
    calls = {
        "state": lambda: model.state(params),
        "expressibility": lambda: ask.expressibility(model, key=key),
        "frame_potential": lambda: ask.frame_potential(model, key=key),
        "entangling_capability": lambda: ask.entangling_capability(model, key=key),
        "the Fisher information": lambda: ask.quantum_fisher(model, params),
        "the classical Fisher": lambda: ask.classical_fisher(model, params),
        "the Fisher inf": lambda: ask.fisher_spectrum(model, key=key),
        "the classical Fisher i": lambda: ask.effective_dimension(model, key=key),
    }
    for name, call in calls.items():
        with pytest.raises(
            qdl.Refused, match=f"{name}.* is that of a pure state, but .* has errors"
        ):
            call()


def test_corrected_values_have_no_samples(key):
    model = qdl.QNN(2, Rotation("y")).on(NOISY["mitigated"]())
    with pytest.raises(qdl.Refused, match="mitigation corrects mean values"):
        model.sample(model.init(key), None, 10, key)
    there = qdl.QNN(2, Rotation("y")).on(NOISY["noise added"]())
    bits = there.sample([np.zeros((2, 1))], None, 4000, key)
    np.testing.assert_allclose(bits.mean(0), 0.2, atol=0.03)
