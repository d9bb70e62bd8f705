"""One circuit in another library, for ``benchmarks.beyond``; runs in an environment of its own.

``python beyond_peer.py NAME`` reads one JSON line: wires, gates ``[name, wires, angle]``, the wires of the
product of Zs that is measured, positions of gates whose derivatives are wanted. It answers one JSON line:
version, value, CPU seconds of the first value and of a later one, derivatives, and the CPU seconds of the
whole gradient where the library has one; None where it is left to shifts of one angle after another.
"""

import json
import math
import sys
import time

import numpy as np


def aer(task):
    """Matrix product states of qiskit-aer, exact here: no bond is cut."""
    import qiskit_aer
    from qiskit import QuantumCircuit

    simulator = qiskit_aer.AerSimulator(
        method="matrix_product_state", matrix_product_state_truncation_threshold=1e-16
    )
    from qiskit.quantum_info import Pauli

    def value(angles):
        circuit = QuantumCircuit(task["wires"])
        for (name, wires, _), angle in zip(task["gates"], angles, strict=True):
            getattr(circuit, name.lower())(*([] if angle is None else [angle]), *wires)
        circuit.save_expectation_value(Pauli("Z" * len(task["measured"])), task["measured"])
        return simulator.run(circuit).result().data()["expectation_value"]

    return qiskit_aer.__version__, value, None


def default_tensor(task):
    """PennyLane's ``default.tensor``, matrix product states by quimb."""
    import pennylane as qp

    device = qp.device("default.tensor", wires=task["wires"], method="mps")

    def value(angles):
        operators = [
            getattr(qp, name)(*([] if angle is None else [angle]), wires=wires)
            for (name, wires, _), angle in zip(task["gates"], angles, strict=True)
        ]
        word = qp.prod(*(qp.Z(w) for w in task["measured"]))
        tape = qp.tape.QuantumScript(operators, [qp.expval(word)])
        return float(qp.execute([tape], device, diff_method=None)[0])

    return qp.__version__, value, None


def pauli_prop(task):
    """Qiskit's pauli-prop, no term dropped."""
    from importlib.metadata import version

    import pauli_prop
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

    def value(angles):
        circuit = QuantumCircuit(task["wires"])
        for (name, wires, _), angle in zip(task["gates"], angles, strict=True):
            getattr(circuit, name.lower())(*([] if angle is None else [angle]), *wires)
        clifford, rotations = pauli_prop.evolve_through_cliffords(circuit)
        word = SparsePauliOp.from_sparse_list(
            [("Z" * len(task["measured"]), task["measured"], 1.0)], task["wires"]
        )
        found, _ = pauli_prop.propagate_through_circuit(word, rotations, 10**6, 0.0, "h")
        found = found.evolve(clifford, frame="h") if hasattr(found, "evolve") else found
        paulis = found.paulis.evolve(clifford, frame="h")
        signs = (-1.0) ** (paulis.phase // 2)
        return float(np.sum(found.coeffs.real * signs * ~paulis.x.any(1)))

    return version("pauli-prop"), value, None


def tensorcircuit(task, weight=2):
    """The Pauli engine of TensorCircuit-NG: all words of at most ``weight`` wires, JAX, with its gradient."""
    import jax
    import tensorcircuit as tc
    from tensorcircuit.pauliprop import PauliPropagationEngine

    tc.set_backend("jax")
    engine = PauliPropagationEngine(task["wires"], weight)
    word = np.zeros((1, task["wires"]), int)
    word[0, task["measured"]] = 3
    at = [i for i, (_, _, angle) in enumerate(task["gates"]) if angle is not None]
    place = {i: k for k, i in enumerate(at)}

    def total(angles):
        state = engine.get_initial_state(word, [1.0])
        for i in reversed(range(len(task["gates"]))):
            name, wires, _ = task["gates"][i]
            theta = None if i not in place else {"theta": angles[place[i]]}
            state = engine.apply_gate(state, name, wires, theta)
        return engine.expectation(state)

    both = jax.jit(jax.value_and_grad(total))

    def gradient(angles):
        value, slopes = both(np.array([angles[i] for i in at]))
        return float(value), {i: float(slopes[k]) for i, k in place.items()}

    return tc.__version__, lambda angles: gradient(angles)[0], gradient


def main():
    """Answer one task."""
    task = json.loads(sys.stdin.readline())
    version, value, gradient = globals()[sys.argv[1]](task)
    angles = [angle for _, _, angle in task["gates"]]

    def timed(call, *args):
        start = time.process_time()
        found = call(*args)
        return found, time.process_time() - start

    found, first = timed(value, angles)
    found, later = timed(value, angles)
    slopes, whole = [], None
    if gradient is not None:
        (_, every), whole = timed(gradient, angles)
        slopes = [every[i] for i in task["asked"]]
    else:
        for i in task["asked"]:
            ends = [
                value([a + s if k == i else a for k, a in enumerate(angles)])
                for s in (math.pi / 2, -math.pi / 2)
            ]
            slopes.append((ends[0] - ends[1]) / 2)
    answer = {"version": version, "value": found, "first": first, "later": later}
    print(json.dumps(answer | {"slopes": slopes, "whole": whole}), flush=True)


if __name__ == "__main__":
    main()
