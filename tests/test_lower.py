"""Lowering to Qiskit: checked against the native simulator on every layer of the catalogue."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from catalogue import NOISE, ROWS
from qiskit.quantum_info import Operator, Statevector

import qdl
from qdl.backends.machines.lower import GATES, gates, lower, sparse_pauli, with_measurement
from qdl.backends.opened import program_of
from qdl.backends.rows import circuit_of
from qdl.layers import AmplitudeEncoding, Rotation, Template


def lowered_of(operators, measured=(0,), wires=None):
    """The circuit of operators, and its rows of angles."""
    least = 1 if wires is None else len(wires)
    circuit, params, x = circuit_of(operators, qdl.Probs(list(measured)), least)
    program = program_of(circuit, None if x is None else x.shape, gates)
    return lower(program), program.table(program.numbers(params, x))


def qiskit_state(lowered, row):
    """The final state with wire 0 most significant."""
    values = dict(zip(lowered.names, np.asarray(row), strict=True))
    state = Statevector(lowered.circuit.assign_parameters(values))
    return state.reverse_qargs().data


def equal_up_to_phase(a, b):
    return abs(np.vdot(a, b)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if ROWS[n].slow else n for n in ROWS]
)
def test_the_circuit_prepares_the_state_of_the_simulator(name, key):
    row = ROWS[name]
    model = qdl.QNN(3, [row.layer])
    params = model.init(key)
    x = jax.random.uniform(key, (2, model.n_features)).round(1 - ("basis" in name) or 0)
    x = x if model.n_features else None
    program = program_of(model, None if x is None else x.shape, gates)
    lowered = lower(program)
    states = np.atleast_2d(model.state(params, x))
    for i, angles in enumerate(program.table(program.numbers(params, x))):
        assert equal_up_to_phase(qiskit_state(lowered, angles), states[i])


@pytest.mark.parametrize("name", GATES)
def test_every_gate_of_the_table_has_pennylanes_matrix_and_frequencies(name):
    gate = qp.adjoint(getattr(qp, name[8:-1])) if "(" in name else getattr(qp, name)
    base = getattr(qp, name[8:-1]) if "(" in name else gate
    wires = list(range(base.num_wires))
    angles = np.random.default_rng(0).uniform(0.1, 3, base.num_params).tolist()
    operator = gate(*angles, wires=wires)
    assert operator.name == name
    found = Operator(lowered_of([operator], wires=tuple(wires))[0].circuit.reverse_bits()).data
    np.testing.assert_allclose(found, qp.matrix(operator, wires), atol=1e-12)
    assert len(operator.data) == 0 or len(operator.parameter_frequencies) == len(angles)


@pytest.mark.parametrize("dtype", [float, complex])
def test_a_batch_of_prepared_states_is_one_circuit(dtype):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(3, 8)).astype(dtype)
    if dtype is complex:
        vectors = vectors + 1j * rng.normal(size=(3, 8))
    vectors[0, :5] = 0  # halves without any weight
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lowered, rows = lowered_of([qp.StatePrep(vectors, wires=[2, 0, 1])], (0, 1, 2))
    for i, vector in enumerate(vectors):
        wanted = vector.reshape(2, 2, 2).transpose(1, 2, 0).ravel()  # wires 2, 0, 1 -> 0, 1, 2
        assert equal_up_to_phase(qiskit_state(lowered, rows[i]), wanted)
    assert set(lowered.program.rules) == {None}
    assert len(lowered.names) == (7 if dtype is float else 14)


def test_amplitudes_are_lowered_while_traced():
    model = qdl.QNN(3, [AmplitudeEncoding(), Rotation("y")])
    params = model.init(jax.random.key(0))
    shapes = []

    @jax.jit
    def trace(x):
        program = program_of(model, x.shape, gates)
        shapes.append(len(lower(program).names))
        return program.table(program.numbers(params, x))

    assert trace(jnp.eye(8)[:5]).shape == (5, 10) and shapes == [10]


def test_random_circuits_have_the_same_expectation_values():
    rng = np.random.default_rng(2)
    names = [n for n in GATES if "(" not in n]
    for n_wires in (3, 4):
        operators = []
        for name in rng.choice(names, 40):
            gate = getattr(qp, name)
            wires = rng.permutation(n_wires)[: gate.num_wires].tolist()
            angles = [np.asarray(a) for a in rng.uniform(-3, 3, gate.num_params)]
            operators.append(gate(*angles, wires=wires))
        unitary = np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))[0]
        operators.append(qp.QubitUnitary(unitary, wires=[2, 0]))
        wanted = [
            qp.expval(qp.Z(0) @ qp.X(2) - 0.3 * qp.Y(1)),
            qp.expval(qp.Hermitian(np.array([[1, 2 - 1j], [2 + 1j, -1]]), 1)),
            qp.expval(qp.Projector([1, 0], wires=[2, 0])),
            qp.expval(0 * qp.Z(1)),
        ]
        tape = qp.tape.QuantumScript(operators, wanted)
        exact = qp.execute([tape], qp.device("default.qubit", wires=n_wires), None)[0]
        lowered, [row] = lowered_of(operators)
        values = dict(zip(lowered.names, row.tolist(), strict=True))
        state = Statevector(lowered.circuit.assign_parameters(values))
        paulis = [sparse_pauli(m.obs, lowered.wires) for m in wanted]
        found = [state.expectation_value(o).real for o in paulis]
        np.testing.assert_allclose(found, exact, atol=1e-10)


def test_measured_bits_are_the_index_of_probs():
    lowered, _ = lowered_of([qp.X(0), qp.Identity(2)], wires=(0, 1, 2))
    from qiskit.primitives import StatevectorSampler

    for wires, index in [((0, 1, 2), 4), ((2, 0), 1), ((0, 1), 2)]:
        job = StatevectorSampler().run([with_measurement(lowered, wires)], shots=10)
        assert list(job.result()[0].data.c.get_int_counts()) == [index]


def test_python_numbers_are_constants_and_arrays_are_parameters():
    angle = np.float64(0.3)
    lowered, rows = lowered_of(
        [qp.RX(0.25, 0), qp.RY(angle, 0), qp.CRX(np.array([0.1, 0.2]), [0, 1])]
    )
    assert lowered.names == ("angle_0", "angle_1")
    np.testing.assert_array_equal(rows, [[0.3, 0.1], [0.3, 0.2]])


def test_rules_have_two_or_four_terms_and_none_outside_of_the_light_cone():
    one = np.asarray(0.1)
    operators = [qp.CRX(one, [0, 1]), qp.RY(one, 1), qp.RY(one, 2), qp.CNOT([1, 2]), qp.RZ(one, 0)]
    lowered, _ = lowered_of(operators, [1])
    assert [len(rule) for rule in lowered.program.rules] == [4, 2, 2, 0]  # the CNOT reaches wire 2
    lowered, _ = lowered_of(operators, [0, 1, 2])
    assert [len(rule) for rule in lowered.program.rules] == [4, 2, 2, 2]


def matrix_of(params, x, wires):
    c, s = jnp.cos(params[0]), jnp.sin(params[0])
    yield qp.QubitUnitary(jnp.array([[c, -s], [s, c]]), wires=wires[0])


def test_what_cannot_be_lowered_is_named():
    with pytest.raises(ValueError, match="run gates, got the channel BitFlip"):
        program_of(qdl.QNN(3, [NOISE["noise-bit_flip"].layer]), None, gates)
    model = qdl.QNN(1, [Template(matrix_of, (1,))])
    with pytest.raises(ValueError, match="QubitUnitary has a matrix that is computed from"):
        program_of(model, None, gates)
    with qp.queuing.AnnotatedQueue() as queue:
        qp.measure(0, reset=True)
    with pytest.raises(ValueError, match="plain measurements .* Leave out reset and postselect"):
        lowered_of(queue.queue)
