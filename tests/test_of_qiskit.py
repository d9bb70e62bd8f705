"""Circuits of Qiskit and OpenQASM text as layers, compared with Qiskit's own state vectors and unitaries."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm3
from qiskit.circuit import Gate, Parameter, ParameterVector, library
from qiskit.quantum_info import Operator, Statevector

import qdl
from qdl.layers import OpenQASM, Rotation, from_qasm, from_qiskit
from qdl.layers.of_qiskit import DEFINED
from qdl.layers.openqasm import SAME

ROTATIONS = ("rx", "ry", "rz", "p")


def random_circuit(seed, n=3, size=12):
    """Twelve parameters and more, whose names sort otherwise as text, in sums and multiples."""
    rng = np.random.default_rng(seed)
    weights = [Parameter(f"p{i}") for i in range(size)]
    x = ParameterVector("x", 3)
    circuit = QuantumCircuit(n, global_phase=weights[0] / 7 + 0.2)
    for i, weight in enumerate(weights):
        other = weights[rng.integers(size)]
        angle = weight * rng.normal() + x[rng.integers(3)] / 3 - 2 * other + rng.normal()
        if i % 4 == 3:
            angle = weight * x[i % 3]
        getattr(circuit, ROTATIONS[rng.integers(4)])(angle, rng.integers(n))
        circuit.cx(*(int(q) for q in rng.permutation(n)[:2]))
    return circuit


def state(circuit, values):
    """Qiskit's, wire 0 most significant; ``values`` by the names of the parameters."""
    circuit = circuit.remove_final_measurements(inplace=False)
    bound = circuit.assign_parameters({p: values[p.name] for p in circuit.parameters})
    return Statevector(bound.reverse_bits()).data


def values(layer, params, x=None):
    named = dict(zip(layer.weights, [] if params is None else np.asarray(params), strict=True))
    return named | dict(zip(layer.inputs, [] if x is None else np.asarray(x), strict=True))


def numbers(layer, rows=3, seed=0):
    rng = np.random.default_rng(seed)
    params = rng.normal(size=len(layer.weights)) if layer.weights else None
    return params, rng.normal(size=(rows, len(layer.inputs))) if layer.inputs else None


@pytest.mark.parametrize("seed, n, size", [(0, 3, 12), (1, 4, 13)])
def test_states_of_a_batch_are_those_of_qiskit(seed, n, size):
    circuit = random_circuit(seed, n, size)
    layer = from_qiskit(circuit, inputs="x")
    assert layer.inputs == ("x[0]", "x[1]", "x[2]")
    assert layer.weights == tuple(
        sorted(f"p{i}" for i in range(size))
    )  # p1, p10, p11, p2: Qiskit's order
    params, x = numbers(layer)
    found = qdl.QNN(n, layer).state([params], x)
    for row, sample in zip(found, x, strict=True):
        np.testing.assert_allclose(row, state(circuit, values(layer, params, sample)), atol=1e-10)
    bound = circuit.assign_parameters(
        list(np.concatenate([params, x[0]]))
    )  # a list, in Qiskit's own order
    np.testing.assert_allclose(found[0], Statevector(bound.reverse_bits()).data, atol=1e-10)


def test_float32():
    circuit = random_circuit(2)
    layer = from_qiskit(circuit, inputs="x")
    params, x = numbers(layer)
    with jax.enable_x64(False):
        found = qdl.QNN(3, layer).state([jnp.asarray(params)], x)
        assert found.dtype == jnp.complex64
    for row, sample in zip(found, x, strict=True):
        np.testing.assert_allclose(row, state(circuit, values(layer, params, sample)), atol=1e-5)


def test_gradients_are_finite_differences_of_qiskit():
    circuit = random_circuit(3)
    layer = from_qiskit(circuit, inputs="x")
    model = qdl.QNN(3, [layer], readout=qdl.Expval(qp.Z(0) @ qp.X(2)))
    params, x = numbers(layer, 1)

    def value(params, x):
        psi = state(circuit, values(layer, params, x))
        matrix = np.kron(np.kron(np.diag([1, -1]), np.eye(2)), [[0, 1], [1, 0]])
        return (psi.conj() @ matrix @ psi).real

    got = jax.grad(lambda p, x: model.apply([p], x)[0], (0, 1))(
        jnp.asarray(params), jnp.asarray(x[0])
    )
    for which, at in enumerate((params, x[0])):
        for i in range(len(at)):
            step = 1e-5 * np.eye(len(at))[i]
            moved = [
                (params + s * step, x[0]) if which == 0 else (params, x[0] + s * step)
                for s in (1, -1)
            ]
            expected = (value(*moved[0]) - value(*moved[1])) / 2e-5
            assert got[which][i] == pytest.approx(expected, abs=1e-7)


def every_gate():
    """All gates that are written as they are, and some that must be taken apart."""
    t, names = ParameterVector("t", 12), list(SAME.values())
    standard = library.get_standard_gate_name_mapping()
    circuit, used = QuantumCircuit(3), 0
    for name in names:
        gate = standard[name]
        n = len(gate.params)
        gate = type(gate)(*(t[(used + i) % 12] for i in range(n)))
        circuit.append(gate, [2, 0, 1][: gate.num_qubits])
        used += n
    return circuit


def test_every_gate_that_is_written_is_its_own():
    """Nothing is taken apart, and the definitions in the text are those of Qiskit's gates."""
    circuit = every_gate()
    layer = from_qiskit(circuit)
    assert [o.name for o in qdl.QNN(3, layer).operators([np.ones(12)])] == list(SAME)
    params, _ = numbers(layer)
    wanted = Operator(circuit.assign_parameters(list(params)))
    text = qasm3.loads(layer.text)
    again = text.assign_parameters({p: params[int(p.name[2:])] for p in text.parameters})
    assert set(DEFINED) <= set(text.count_ops())
    assert Operator(again) == wanted
    found, angles = qdl.QNN(3, layer).to_qiskit()
    assert Operator(found.assign_parameters(angles([params]))).equiv(wanted)
    np.testing.assert_allclose(
        qdl.QNN(3, layer).state([params]), state(circuit, values(layer, params)), atol=1e-10
    )


def own_gate():
    inner = QuantumCircuit(2, name="mine", global_phase=0.3)
    a = Parameter("a")
    inner.rzx(2 * a, 0, 1)
    inner.append(library.CXGate(ctrl_state=0), [1, 0])
    inner.append(library.UnitaryGate(Operator(library.SXGate()).data), [0])
    return inner.to_gate(), a


def controlled_and_inverse():
    gate, _ = own_gate()
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.append(gate, [0, 2])
    circuit.append(gate.inverse(), [1, 0])
    circuit.append(gate.control(1, ctrl_state=0), [2, 0, 1])
    return circuit


def several_registers():
    a, b = QuantumRegister(1, "late"), QuantumRegister(2, "early")
    bits = ClassicalRegister(3, "m")
    circuit = QuantumCircuit(b, a, bits)
    p = Parameter("p")
    circuit.rx(p, a[0])
    circuit.barrier()
    circuit.cry(p / 2 + 0.1, b[0], a[0])
    circuit.cx(b[0], b[1])
    circuit.measure([2, 0, 1], bits)
    return circuit


def multi_controlled():
    circuit = QuantumCircuit(5)  # an idle qubit, which is not known to be in 0
    circuit.ry(0.4, range(5))
    circuit.mcx([0, 1, 2], 3)
    return circuit


@pytest.mark.parametrize("build", [controlled_and_inverse, several_registers, multi_controlled])
def test_what_qiskit_takes_apart_is_the_same_unitary(build):
    circuit = build()
    n = circuit.num_qubits
    layer = from_qiskit(circuit)
    assert layer.inputs == ()
    params, _ = numbers(layer)
    model = qdl.QNN(n, layer)
    np.testing.assert_allclose(
        model.state([params]), state(circuit, values(layer, params)), atol=1e-10
    )
    assert qdl.check(model, qp.device("default.qubit"), key=jax.random.key(0))
    found, angles = model.to_qiskit()
    wanted = circuit.remove_final_measurements(inplace=False)
    wanted = wanted.assign_parameters({p: values(layer, params)[p.name] for p in wanted.parameters})
    assert Operator(found.assign_parameters(angles([params]))).equiv(Operator(wanted))


def test_functions_of_parameters():
    a, b = Parameter("lambda"), Parameter("S")  # words that computer algebra takes for its own
    circuit = QuantumCircuit(2)
    angles = [
        a.sin() * b**2,
        (a + b).exp() / 3,
        1 / b,
        (a * a).arctan() - b,
        (1 + a * a).log(),
        a**0.5,
    ]
    for i, angle in enumerate([*angles, (a / 9).arcsin(), a.tan(), a.cos(), 1e-3 * (a - 0.1)]):
        circuit.ry(angle, i % 2)
        circuit.cz(0, 1)
    layer = from_qiskit(circuit, inputs=[b])
    params, x = np.array([0.7]), np.array([[0.3], [1.9]])
    found = qdl.QNN(2, layer).state([params], x)
    for row, sample in zip(found, x, strict=True):
        np.testing.assert_allclose(row, state(circuit, values(layer, params, sample)), atol=1e-10)


def test_wires_that_are_left_over_are_left_alone_and_the_layer_may_stand_anywhere():
    circuit = several_registers()
    layer = from_qiskit(circuit)
    model = qdl.QNN(4, [Rotation("y"), qdl.layers.Repeat(layer, 2), qdl.layers.Adjoint(layer)])
    params = model.init(jax.random.key(0))
    assert [p.shape for p in params] == [(4, 1), (2, 1), (1,)]
    assert {w for o in layer.gates(np.ones(1), None, (1, 3, 5)) for w in o.wires} == {1, 3, 5}
    np.testing.assert_allclose(
        model.apply(params), model.on(qp.device("default.qubit")).apply(params), atol=1e-10
    )
    with pytest.raises(ValueError, match="the circuit has 3 qubits, and there are 2 wires"):
        qdl.QNN(2, layer)


def test_saved_as_text(tmp_path):
    layer = from_qiskit(random_circuit(0), inputs="x")
    model = qdl.QNN(3, [layer, Rotation("y")])
    qdl.save(tmp_path, model, model.init(jax.random.key(0)))
    assert qdl.load(tmp_path)[0] == model
    assert "rx(" in (tmp_path / "model.json").read_text()
    assert from_qiskit(random_circuit(0), inputs="x") == layer and "12 weights" not in str(model)
    assert (
        "OpenQASM(3 qubits, 24 gates, inputs=['x[0]', 'x[1]', 'x[2]'], weights=['p0', ..., 'p9'])"
        in str(model)
    )


# ---- which parameters are what


def test_vectors_keep_their_order_beyond_ten_and_their_elements_that_are_not_used():
    theta, x = ParameterVector("θ", 12), ParameterVector("x", 4)
    circuit = QuantumCircuit(3)
    for i in range(12):
        circuit.rx(theta[i] * (i + 1), i % 3)
        circuit.ry(x[2], i % 3)
        circuit.cx(i % 3, (i + 1) % 3)
    layer = from_qiskit(circuit, inputs=[x])
    assert layer.weights == tuple(f"θ[{i}]" for i in range(12)) and len(layer.inputs) == 4
    params, x = numbers(layer)
    found = qdl.QNN(3, layer).state([params], x)
    np.testing.assert_allclose(found[0], state(circuit, values(layer, params, x[0])), atol=1e-10)


def test_the_order_that_is_asked_for_is_kept():
    circuit = random_circuit(0)
    order = [f"p{i}" for i in range(12)]
    layer = from_qiskit(circuit, inputs=["x[2]", "x[0]", "x[1]"], weights=order)
    assert layer.weights == tuple(order) and layer.inputs[0] == "x[2]"
    params, x = numbers(layer)
    found = qdl.QNN(3, layer).state([params], x)
    np.testing.assert_allclose(found[1], state(circuit, values(layer, params, x[1])), atol=1e-10)


def test_all_are_inputs_and_no_parameters_at_all():
    circuit = random_circuit(0)
    layer = from_qiskit(circuit, inputs=circuit.parameters)
    assert (layer.shape((0, 1, 2)), layer.n_features((0, 1, 2))) == (None, 15)
    _, x = numbers(layer)
    np.testing.assert_allclose(
        qdl.QNN(3, layer).state([None], x)[2], state(circuit, values(layer, None, x[2])), atol=1e-10
    )
    fixed = from_qiskit(multi_controlled())
    assert (fixed.shape(tuple(range(5))), fixed.n_features((0, 1, 2))) == (None, 0)


@pytest.mark.parametrize(
    "options, text",
    [
        (
            {"inputs": ["p20"]},
            r"inputs names 'p20', which the circuit has not. It has 'p0', .*Did you mean",
        ),
        ({"inputs": [Parameter("p0")]}, "inputs names 'p0', which the circuit has not"),
        ({"inputs": "x", "weights": ["p0"]}, "'p1', 'p10', .*is in neither inputs nor weights"),
        ({"inputs": ["p0"], "weights": ["p0"]}, "'p0' is named more than once"),
    ],
)
def test_names_that_do_not_fit_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        from_qiskit(random_circuit(0), **options)


def test_features_that_do_not_fit_are_refused():
    model = qdl.QNN(3, from_qiskit(random_circuit(0), inputs="x"))
    params = model.init(jax.random.key(0))
    for x in (None, np.ones((4, 2))):
        with pytest.raises(
            ValueError, match=r"the circuit has 3 inputs.*expected x of shape \(3,\)"
        ):
            model.apply(params, x)


# ---- what is no gate


def refused(name):
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    if name == "reset":
        circuit.reset(0)
    elif name == "measure":
        circuit.measure(0, 0)
        circuit.h(0)
    elif name == "if_else":
        circuit.measure(0, 0)
        with circuit.if_test((0, 1)):
            circuit.x(1)
    elif name == "for_loop":
        with circuit.for_loop(range(2)):
            circuit.x(1)
    elif name == "initialize":
        circuit.initialize([1, 0, 0, 0])
    elif name == "delay":
        circuit.delay(10, 0)
    elif name == "sealed":
        circuit.append(Gate("sealed", 2, []), [0, 1])
    elif name in ("abs", "sign", "conjugate"):
        a = Parameter("a")
        circuit.rx(abs(a) if name == "abs" else getattr(a, name)(), 0)
    return circuit


NO_GATES = ["reset", "measure", "if_else", "for_loop", "initialize", "delay", "sealed"]


@pytest.mark.parametrize("name", [*NO_GATES, "abs", "sign", "conjugate"])
def test_what_is_no_gate_is_refused_by_name(name):
    with pytest.raises(
        qdl.Refused, match={"abs": "Abs", "measure": "a measurement before h"}.get(name, name)
    ):
        from_qiskit(refused(name))


def test_other_things_than_circuits_are_refused():
    with pytest.raises(TypeError, match="takes a QuantumCircuit, got str. Text goes to"):
        from_qiskit("OPENQASM 3.0;")
    with pytest.raises(TypeError, match="from_qasm takes text, got QuantumCircuit"):
        from_qasm(QuantumCircuit(1))
    with pytest.raises(ValueError, match="the circuit has no qubits"):
        from_qiskit(QuantumCircuit())


# ---- OpenQASM


QASM2 = """// written elsewhere
OPENQASM 2.0;
include "qelib1.inc";
gate mine(a, b) u, v { rx(2*a) u; cx u, v; u3(a, -b, pi/3) v; }
qreg left[2];
qreg right[1];
creg c[3];
h left;
mine(0.1, 0.2) left[1], right[0];
rzz(0.3) left[0], right[0];
barrier left, right;
measure left[0] -> c[0];
"""

QASM3 = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] p2;
input float[64] p10;
input float[64] t0;
input float[64] unused;
gate mine(a) u, v { rx(2*a) u; ctrl @ ry(a / 2) u, v; }
qubit[2] q;
qubit anc;
mine(p2 + t0) q[0], q[1];
inv @ mine(p10) q[0], anc;
negctrl @ x q[0], q[1];
gphase(p2);
"""


def test_version_2_with_gates_of_its_own():
    layer = from_qasm(QASM2)
    wanted = QuantumCircuit.from_qasm_str(QASM2)
    np.testing.assert_allclose(qdl.QNN(3, layer).state([None]), state(wanted, {}), atol=1e-10)


def test_version_3_with_inputs():
    layer = from_qasm(QASM3, inputs=["t0"])
    assert (layer.inputs, layer.weights) == (("t0",), ("p10", "p2", "unused"))
    params, x = numbers(layer)
    found = qdl.QNN(3, layer).state([params], x)
    np.testing.assert_allclose(
        found[1], state(qasm3.loads(QASM3), values(layer, params, x[1])), atol=1e-10
    )
    slope = jax.grad(lambda p: qdl.QNN(3, layer).apply([p], x).sum())(jnp.asarray(params))
    assert slope[2] == 0 and abs(slope[1]) > 1e-3


def test_what_qdl_writes_comes_back():
    model = qdl.QNN(3, [Rotation("zyx"), qdl.layers.Entangler("cz"), Rotation("y")])
    params = model.init(jax.random.key(0))
    circuit, angles = model.to_qiskit()
    layer = from_qasm(model.to_qasm(version=3))
    assert layer.weights == tuple(p.name for p in circuit.parameters)
    flat = np.array([float(angles(params)[p]) for p in circuit.parameters])
    overlap = np.vdot(qdl.QNN(3, layer).state([flat]), model.state(params))
    assert abs(overlap) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize(
    "text, error, match",
    [
        (
            "OPENQASM 3.0; qubit[2] q; nothing q[0];",
            ValueError,
            "Qiskit cannot read this OpenQASM text",
        ),
        ("hello;", ValueError, "Qiskit cannot read"),
        ("circuit.qasm", ValueError, r"'circuit.qasm', which has no statement.*read_text"),
        (QASM2.replace("barrier left, right;", "if (c == 1) x right[0];"), qdl.Refused, "if_else"),
        (QASM2.replace("barrier left, right;", "reset right[0];"), qdl.Refused, "reset"),
        (QASM2.replace("h left;", "opaque box a; box left[0];"), qdl.Refused, "box"),
    ],
)
def test_text_that_is_no_layer_is_refused(text, error, match):
    with pytest.raises(error, match=match):
        from_qasm(text)


@pytest.mark.parametrize(
    "text, match",
    [
        ("OPENQASM 3.0; qubit[1] q; reset q[0];", "QuantumReset"),
        ("OPENQASM 3.0; qubit[1] q; mine q[0];", "got mine"),
        ("OPENQASM 3.0; qubit[1] q; rx(a) q[0];", "the angle a, which is none of 0 inputs"),
        ("OPENQASM 3.0; qubit[1] q; rx(floor(1.0)) q[0];", "got FunctionCall floor"),
        ("OPENQASM 3.0;", "declares no qubits"),
        ("rx(((;", "no OpenQASM 3"),
    ],
)
def test_files_that_somebody_changed_are_refused(text, match):
    with pytest.raises(ValueError, match=match):
        OpenQASM(text)
