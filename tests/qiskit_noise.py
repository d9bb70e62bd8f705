"""Qiskit's noise models, and circuits transpiled for a machine, as what ``dense`` takes."""

import dense
import numpy as np
import pennylane as qp
from dense import Noise
from qiskit.quantum_info import Kraus, Operator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    pauli_error,
)

# The name of a gate in Qiskit; noise of a gate that is not here belongs to no gate as it is written.
NAMES = {"RX": "rx", "RY": "ry", "RZ": "rz", "Hadamard": "h", "PauliX": "x", "S": "s", "Adjoint(S)": "sdg",
         "CNOT": "cx", "CZ": "cz", "PauliZ": "z", "T": "t", "SX": "sx", "SWAP": "swap", "Adjoint(T)": "tdg",
         "Adjoint(SX)": "sxdg"}  # fmt: skip


def named(operators):
    """Whether each gate has a name in a noise model."""
    return all(o.name in NAMES or o.name == "Barrier" for o in operators)


def of(model):
    """A noise model on gates as they are written, qubit i being wire i."""

    def after(operator):
        return errors(model, NAMES[operator.name], list(operator.wires)) if operator.wires else []

    readout = {qubits[0]: e.probabilities for qubits, e in model._local_readout_errors.items()}
    return Noise(after, readout)


def errors(model, name, qubits):
    """What follows a gate: that of its qubits, or else that of all. Qiskit's first qubit is the last bit."""
    own = model._local_quantum_errors.get(name, {}).get(tuple(qubits))
    error = own or model._default_quantum_errors.get(name)
    return [] if error is None else [(list(map(np.asarray, Kraus(error).data)), qubits[::-1])]


def drawn(rng, n, readout=True, one_qubit=True):
    """A noise model with errors on some gates of some qubits."""
    found = NoiseModel()
    for _ in range(int(rng.integers(1, 4))):
        kind, q = int(rng.integers(4)), int(rng.integers(n))
        p = float(rng.choice([0.1, 0.3, 0.6]))
        if kind == 3 or not one_qubit:
            if n > 1:
                pair = [int(i) for i in rng.permutation(n)[:2]]
                local = [depolarizing_error(p, 2), pauli_error([("XZ", p), ("II", 1 - p)])]
                name = str(rng.choice(["cx", "cz"]))
                if name not in found.noise_instructions:
                    found.add_quantum_error(local[int(rng.integers(2))], name, pair)
            continue
        flip, damp = pauli_error([("X", p), ("I", 1 - p)]), amplitude_damping_error(p)
        error = [flip, damp, depolarizing_error(p, 1)][kind % 3]
        names = sorted({str(g) for g in rng.choice(["rx", "ry", "rz", "h", "x"], 2)})
        names = [g for g in names if g not in found.noise_instructions]
        if names and rng.random() < 0.3:
            found.add_all_qubit_quantum_error(error, names)
        elif names:
            found.add_quantum_error(error, names, [q])
    if readout:
        for q in {int(q) for q in rng.integers(0, n, 2)}:
            a, b = (float(v) for v in rng.choice([0.02, 0.1, 0.3], 2))
            found.add_readout_error(ReadoutError([[1 - a, a], [b, 1 - b]]), [q])
    return found


def turns(observables):
    """Whether an observable is not along Z, so that gates come before it is read."""
    words = [o.pauli_rep for o in observables]
    return any(each is None or {s for w in each for s in w.values()} - {"Z"} for each in words)


def two_kinds():
    """Errors of a gate on one qubit, of a pair, and of the readout of a qubit that may be idle."""
    found = NoiseModel()
    found.add_quantum_error(pauli_error([("X", 0.2), ("I", 0.8)]), ["ry"], [2])
    found.add_quantum_error(amplitude_damping_error(0.15), ["rx"], [0])
    found.add_quantum_error(pauli_error([("XZ", 0.1), ("II", 0.9)]), ["cx"], [2, 0])
    found.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [1])
    found.add_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]), [0])
    return found


def folded(noise):
    """``dense.measure`` at one and three times the length, extrapolated to no errors by a line."""

    def measure(gates, n, asked):
        with qp.QueuingManager.stop_recording():
            back = [qp.adjoint(g, lazy=False) for g in gates[::-1]]
        once, _, width = dense.measure(gates, n, asked, noise)
        thrice = dense.measure(gates + back + gates, n, asked, noise)[0]
        return (3 * once - thrice) / 2, 0 * width, width

    return measure


def on_machine(place):
    """``dense.measure`` of the circuit that a place compiled, on the machine's qubits with its errors."""
    from qdl import Expval, Probs
    from qdl.backends.rows import circuit_of

    model = NoiseModel.from_backend(place.backend)
    readout = of(model).readout

    def measure(gates, n, asked):
        ask = Probs(asked) if isinstance(asked, tuple) else Expval(asked)
        circuit, params, x = circuit_of(gates, ask)
        program = place.program(circuit, None if x is None else x.shape)
        lowered = place.lowered(program)
        compiled = place.compiled(lowered)
        [row] = np.asarray(program.table(program.numbers(params, x)), float)
        at = dict(zip(lowered.names, row, strict=True))
        bound = compiled.circuit.assign_parameters(
            {p: at[p.name] for p in compiled.circuit.parameters}
        )
        used = sorted(
            {*compiled.qubits, *(bound.find_bit(q).index for i in bound for q in i.qubits)}
        )
        rho = dense.rho_of([], len(used))
        for each in bound:
            name, qubits = each.operation.name, [bound.find_bit(q).index for q in each.qubits]
            if name in ("barrier", "measure"):
                continue
            on = [used.index(q) for q in qubits]
            rho = dense.channel([Operator(each.operation).data], rho, on[::-1])
            for matrices, wires in errors(model, name, qubits):
                rho = dense.channel(matrices, rho, [used.index(q) for q in wires])
        wire = {w: used.index(compiled.qubits[i]) for i, w in enumerate(lowered.wires)}
        seen = Noise(readout={used.index(q): m for q, m in readout.items() if q in used})
        if isinstance(asked, tuple):
            return dense.read(rho, tuple(wire[w] for w in asked), seen)
        with qp.QueuingManager.stop_recording():
            return dense.read(rho, [qp.map_wires(o, wire) for o in asked], seen)

    return measure
