"""Export to Qiskit and OpenQASM 3, angles left open: simulated by Qiskit, compared with qdl's state."""

import re

import jax
import numpy as np
import pennylane as qp
import pytest
from catalogue import ROWS
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit import ParameterExpression
from qiskit.quantum_info import Pauli, Statevector

import qdl
from qdl.layers import (
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    Mirrored,
    Noise,
    Pooling,
    Repeat,
    Rotation,
    Template,
)
from qdl.layers.base import is_shape


def model_of(layers, n=3, **options):
    return qdl.QNN(n, layers, **options)


def drawn(model, seed=0):
    rng = np.random.default_rng(seed)
    shape = model.layers.shape(model.wires)
    params = jax.tree.map(lambda leaf: rng.uniform(0.1, 3, leaf), shape, is_leaf=is_shape)
    return params, rng.uniform(0.1, 3, model.n_features) if model.n_features else None


def state_of(circuit):
    """Amplitudes with wire 0, which is qubit 0, most significant."""
    return Statevector(circuit.reverse_bits()).data


def assert_same_state(got, wanted):
    assert got.shape == wanted.shape
    assert abs(np.vdot(got, np.asarray(wanted))) == pytest.approx(1, abs=1e-10)


REUPLOADING = [
    Repeat([AngleEncoding(trainable=True), Rotation("zyz"), Entangler("crx", "ring")], 2),
    Mirrored([Rotation("xy"), Entangler("isingxy")]),
]
POOLED = [IQPEncoding(), Convolution("su4"), Pooling(), Adjoint([Rotation("zy"), Entangler("ch")])]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.slow])
def test_every_layer_is_the_same_state_in_qiskit(name, default_qubit):
    row = ROWS[name]
    layers = [row.layer] if row.layer.first_only else [Rotation("yx"), row.layer]
    model = model_of(layers)
    params, x = drawn(model)
    x = np.round(x / 3) if name == "basis" else x
    circuit, angles = model.to_qiskit()
    assert circuit.num_parameters == len(angles.sources)
    bound = circuit.assign_parameters(angles(params, x))
    assert_same_state(state_of(bound), default_qubit(model, params, x, state=True))


@pytest.mark.parametrize("layers", [REUPLOADING, POOLED], ids=["reuploading", "pooled"])
def test_one_circuit_serves_all_numbers(layers):
    model = model_of(layers, 4)
    circuit, angles = model.to_qiskit()
    for seed in range(2):
        params, x = drawn(model, seed)
        bound = circuit.assign_parameters(angles(params, x))
        assert_same_state(state_of(bound), model.state(params, x))


def test_the_sources_name_the_entries():
    """Values by eye: what a source names is what the map gives."""
    model = model_of(REUPLOADING)
    params, x = drawn(model)
    circuit, angles = model.to_qiskit()
    kinds = {"entry": 0, "negative": 0, "computed": 0}
    for parameter, value in angles(params, x).items():
        source = angles.sources[parameter]
        if source == "computed":
            kinds["computed"] += 1
            continue
        kinds["negative" if source.startswith("-") else "entry"] += 1
        name, index = re.fullmatch(r"-?(.*?)\[([\d, ]+)\]", source).groups()
        entry = np.asarray(eval(name, {"params": params, "x": x}))[eval(f"({index},)")]
        assert value == pytest.approx(-entry if source.startswith("-") else entry, abs=1e-7)
    # scale * x is computed; CRX is its own; the mirrored half is negative, isingxy decomposed
    assert kinds["computed"] >= 6 and kinds["entry"] >= 24 and kinds["negative"] >= 6


def test_a_shared_entry_is_one_parameter_for_each_angle():
    model = model_of([Convolution("u9")], 4)
    circuit, angles = model.to_qiskit()
    sources = list(angles.sources.values())
    assert circuit.num_parameters == 8 and sources.count("params[0][0]") == 4
    assert not any(
        isinstance(p, ParameterExpression) and len(p.parameters) != 1
        for instruction in circuit.data for p in instruction.operation.params
    )  # fmt: skip


def test_more_than_ten_angles_keep_their_places():
    """Qiskit sorts by name, so that names have as many digits as the last one: a list binds them too."""
    model = model_of(
        [Rotation("y"), Entangler("cnot"), Rotation("zyx"), Entangler("cz", "ring")], 5
    )
    params, _ = drawn(model)
    circuit, angles = model.to_qiskit()
    assert circuit.num_parameters == 20
    for bound in (angles(params), list(angles(params).values())):
        assert_same_state(state_of(circuit.assign_parameters(bound)), model.state(params))


def test_qubit_i_is_wire_i():
    model = model_of([Pooling("x"), Entangler("cnot")], 3)
    circuit, _ = model.to_qiskit()
    pairs = [[circuit.find_bit(q).index for q in i.qubits] for i in circuit.data]
    assert pairs == [[1, 0], [0, 2]] and circuit.num_qubits == 3


# ---- OpenQASM 3


@pytest.mark.parametrize("layers", [REUPLOADING, POOLED, [AmplitudeEncoding(), Rotation("zy")]])
def test_symbolic_qasm_comes_back_as_the_same_circuit(layers):
    model = model_of(layers)
    params, x = drawn(model)
    text = model.to_qasm(version=3)
    circuit, angles = model.to_qiskit()
    assert text.startswith("OPENQASM 3.0;")
    assert re.findall(r"input float\[64\] (\w+);", text) == [p.name for p in circuit.parameters]
    again = qasm3.loads(text)
    assert {p.name for p in again.parameters} == {p.name for p in angles.sources}
    values = {parameter.name: value for parameter, value in angles(params, x).items()}
    bound = again.remove_final_measurements(inplace=False).assign_parameters(values)
    assert_same_state(state_of(bound), model.state(params, x))


def test_bound_qasm_measures_the_active_wires():
    model = model_of(POOLED, 4, readout=qdl.Probs())
    params, x = drawn(model)
    for version, loads in ((3, qasm3.loads), (2, QuantumCircuit.from_qasm_str)):
        text = model.to_qasm(params, x, version=version)
        assert "input" not in text
        circuit = loads(text)
        assert circuit.num_parameters == 0 and circuit.count_ops()["measure"] == 2
        if version == 3:  # the register reads as the index into Probs
            order = [
                circuit.find_bit(i.qubits[0]).index for i in circuit.data if i.name == "measure"
            ]
            probs = Statevector(circuit.remove_final_measurements(inplace=False)).probabilities(
                order
            )
            assert np.allclose(probs, model.apply(params, x), atol=1e-10)


# ---- OpenQASM 2


def reversed_touch(params, x, wires):
    yield qp.RY(2.5, wires[1])
    yield qp.RY(0.4, wires[0])


def with_phases(params, x, wires):
    yield from (qp.SX(wires[2]), qp.SISWAP(wires[:2]), qp.GlobalPhase(0.3), qp.SWAP(wires[1:]))
    yield from (
        qp.QubitUnitary(np.diag([1, 1j]), wires[0]),
        qp.CSWAP(wires),
        qp.IsingXX(0.2, wires[1:]),
    )
    yield from (
        qp.CRX(0.4, wires[1:]),
        qp.CRY(params[0], wires[:2]),
        qp.ctrl(qp.S(wires[0]), wires[2]),
    )


@pytest.mark.parametrize("version, loads", [(2, qasm2.loads), (3, qasm3.loads)])
def test_qasm_measures_the_active_wires_whichever_gate_comes_first(version, loads):
    model = qdl.QNN(2, [Template(reversed_touch), Pooling("")])
    circuit = loads(model.to_qasm([None, None], version=version))
    [read] = [circuit.find_bit(i.qubits[0]).index for i in circuit.data if i.name == "measure"]
    circuit.remove_final_measurements()
    value = Statevector(circuit).expectation_value(Pauli("Z"), [read]).real
    assert value == pytest.approx(np.cos(0.4)) and read == 0


def test_bits_of_qasm_2_count_the_active_wires_from_the_first():
    model = qdl.QNN(3, [Template(reversed_touch)])
    circuit = qasm2.loads(model.to_qasm([None]))
    pairs = [
        (circuit.find_bit(i.qubits[0]).index, circuit.find_bit(i.clbits[0]).index)
        for i in circuit.data
        if i.name == "measure"
    ]
    assert pairs == [(0, 0), (1, 1), (2, 2)]
    program = qdl.backends.aer().program(model.circuit, None)
    assert program.to_qasm([]) == model.to_qasm([None])


def test_qasm_2_holds_gates_that_every_reader_knows():
    """Of the standard library alone, and no global phase, which version 2 does not have."""
    model = qdl.QNN(3, [Template(with_phases, shape=(1,))])
    params = [np.array([0.7])]
    names = {line.split("(")[0].split()[0] for line in model.to_qasm(params).splitlines()[2:]}
    # qelib1.inc in the appendix of Cross, Bishop, Smolin, Gambetta, arXiv:1707.03429
    library = "u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3".split()
    assert names <= {*library, "qreg", "creg", "measure"}
    for circuit in (
        qasm2.loads(model.to_qasm(params)),
        QuantumCircuit.from_qasm_str(model.to_qasm(params)),
    ):
        circuit.remove_final_measurements()
        assert_same_state(state_of(circuit), model.state(params))


# ---- refusals


def test_what_cannot_be_exported_is_said():
    model = model_of([AngleEncoding(), Rotation("y")])
    params, x = drawn(model)
    circuit, angles = model.to_qiskit()
    with pytest.raises(ValueError, match=r"got x of shape \(1, 3\). Pass one, x\[0\]"):
        angles(params, x[None])
    with pytest.raises(ValueError, match="params are not of this model"):
        angles(params[:1], x)
    with pytest.raises(ValueError, match="got version=4, params=given. Pass params, or version=3"):
        model.to_qasm(params, x, version=4)
    with pytest.raises(ValueError, match="got version=2, params=None"):
        model.to_qasm()
    noisy = model_of([Rotation("y"), Noise("depolarizing", 0.1)])
    for export in (noisy.to_qiskit, lambda: noisy.to_qasm(drawn(noisy)[0])):
        with pytest.raises(ValueError, match="got the channel DepolarizingChannel. Leave Noise"):
            export()
