"""What else a model gives: its state, bits, kernel, circuits for other programs, a file."""

from __future__ import annotations

import tempfile

import dense
import jax
import numpy as np
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import Statevector

import qdl
from fuzz.compare import RARE, numbers, rounding, same
from fuzz.losses import loss
from fuzz.own import OWN

SHOTS = 2000


def states(drawn):
    return [dense.rho(drawn.model, drawn.params, row) for row in dense.rows(drawn.x)]


def room(drawn):
    return rounding(drawn, 1, 1)


def state(drawn, key):
    params, x = numbers(drawn)
    found = np.asarray(drawn.model.state(params, x))
    lead = () if x is None else x.shape[:-1]
    if found.shape != (*lead, 2**drawn.model.n_wires):
        return f"state of shape {found.shape}"
    found = found.reshape(-1, found.shape[-1])
    for psi, rho in zip(found, states(drawn), strict=True):
        if wrong := same("state", np.outer(psi, psi.conj()), dense.matrix(rho), room(drawn)):
            return wrong
    return None


def sample(drawn, key):
    params, x = numbers(drawn)
    model = drawn.model
    bits = np.asarray(model.sample(params, x, SHOTS, key))
    lead = () if x is None else x.shape[:-1]
    if bits.shape != (*lead, SHOTS, len(model.active)):
        return f"bits of shape {bits.shape}"
    bits = bits.reshape(-1, SHOTS, len(model.active))
    for one, rho in zip(bits, states(drawn), strict=True):
        p = dense.probabilities(rho, model.active).clip(0, 1)
        index = one.astype(int) @ (2 ** np.arange(len(model.active))[::-1])
        found = np.bincount(index, minlength=len(p)) / SHOTS
        chance = np.log(2 / RARE)
        allowed = np.sqrt(2 * p * (1 - p) * chance / SHOTS) + 2 * chance / (3 * SHOTS)
        if wrong := same("frequencies of bits", found, p, allowed + room(drawn)):
            return wrong
    return None


def kernel(drawn, key):
    if drawn.x is None:
        return None
    params, x = numbers(drawn)
    x = x.reshape(-1, x.shape[-1])
    rhos = [dense.matrix(rho) for rho in states(drawn)]
    wanted = np.array([[np.trace(a @ b).real for b in rhos] for a in rhos])
    return same("kernel", qdl.kernel(drawn.model, params)(x), wanted, 2 * room(drawn))


def one(drawn):
    """Parameters, the first sample, and its probabilities of the active wires."""
    params, x = numbers(drawn)
    x = None if x is None else x.reshape(-1, x.shape[-1])[0]
    rho = dense.rho(drawn.model, drawn.params, dense.rows(drawn.x)[0])
    return params, x, rho


def qasm(drawn, version):
    """OpenQASM read back by Qiskit: the bits that it measures are the active wires."""
    params, x, rho = one(drawn)
    text = drawn.model.to_qasm(params, x, version=version)
    circuit = QuantumCircuit.from_qasm_str(text) if version == 2 else qasm3.loads(text)
    qubit = {
        circuit.find_bit(i.clbits[0]).index: circuit.find_bit(i.qubits[0]).index
        for i in circuit.data
        if i.operation.name == "measure"
    }
    order = sorted(qubit, reverse=version == 3)  # bit 0 is the first wire in 2, the last one in 3
    bare = circuit.remove_final_measurements(inplace=False)
    found = Statevector(bare).probabilities([qubit[c] for c in order][::-1])
    wanted = dense.probabilities(rho, drawn.model.active)
    return same(f"OpenQASM {version}", found, wanted, room(drawn))


def qiskit(drawn, key):
    params, x, rho = one(drawn)
    circuit, angles = drawn.model.to_qiskit()
    bound = circuit.assign_parameters(angles(params, x))
    psi = Statevector(bound.reverse_bits()).data
    return same("Qiskit's state", np.outer(psi, psi.conj()), dense.matrix(rho), room(drawn))


def saved(drawn, key):
    params, _ = numbers(drawn)
    with tempfile.TemporaryDirectory() as folder:
        qdl.save(folder, drawn.model, params)
        needs = "Template(" in repr(drawn.model) or "Expval(" in repr(drawn.model)
        model, again = qdl.load(folder, layers=OWN, model=drawn.model if needs else None)
    if model != drawn.model:
        return f"loaded {model!r}"
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(again), strict=True)
    return None if all(np.array_equal(a, b) for a, b in pairs) else "other parameters are loaded"


OTHERS = {
    "state": state,
    "sample": sample,
    "kernel": kernel,
    "loss, shots": loss,
    "OpenQASM 2": lambda drawn, key: qasm(drawn, 2),
    "OpenQASM 3": lambda drawn, key: qasm(drawn, 3),
    "to_qiskit": qiskit,
    "save and load": saved,
}
