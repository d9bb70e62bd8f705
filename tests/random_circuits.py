"""Random circuits of Pauli rotations and Cliffords, and a reference simulator of a few lines."""

from dataclasses import dataclass

import numpy as np
import pennylane as qp

import qdl
from qdl.layers import Template

LETTERS = {
    "I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}  # fmt: skip
CLIFFORDS = (qp.H, qp.S, qp.SX, qp.CNOT, qp.CZ, qp.ISWAP, qp.CY)


@dataclass(frozen=True)
class Circuit:
    """Gates ("rotation", word, wires) with an angle each, or ("clifford", class, wires), on ``n`` wires."""

    n: int
    gates: tuple
    observable: tuple  # (coefficient, word on all wires)

    @property
    def size(self):
        return sum(kind == "rotation" for kind, _, _ in self.gates)

    def operators(self, params, x, wires):
        angles = iter(range(self.size))
        for kind, what, on in self.gates:
            on = [wires[i] for i in on]
            yield qp.PauliRot(params[next(angles)], what, on) if kind == "rotation" else what(on)

    def model(self, **options):
        terms = [c * qp.pauli.string_to_pauli_word(word) for c, word in self.observable]
        total = qp.sum(*terms) if len(terms) > 1 else terms[0]
        layer = Template(self.operators, (self.size,))
        return qdl.QNN(self.n, [layer], readout=qdl.Expval(total), **options)

    def cost(self, angles, derivative=None):
        """C for angles ``(size,)``, or its derivative by one of them: matrices and nothing else."""
        state = np.zeros(2**self.n, complex)
        state[0] = 1
        bra, k = state.copy(), 0
        for kind, what, on in self.gates:
            if kind == "clifford":
                gate = full(qp.matrix(what(list(on))), on, self.n)
                state, bra = gate @ state, gate @ bra
                continue
            word = full(product(what), on, self.n)
            gate = np.cos(angles[k] / 2) * np.eye(2**self.n) - 1j * np.sin(angles[k] / 2) * word
            state, bra = gate @ state, gate @ bra
            if k == derivative:
                state = -0.5j * word @ state
            k += 1
        observable = sum(c * product(word) for c, word in self.observable)
        value = bra.conj() @ observable @ state
        return value.real if derivative is None else 2 * value.real


def product(word):
    out = np.ones((1, 1))
    for letter in word:
        out = np.kron(out, LETTERS[letter])
    return out


def full(matrix, on, n):
    """A matrix on some wires as one on all; wire 0 is the most significant bit."""
    out = np.kron(matrix, np.eye(2 ** (n - len(on)))).reshape((2,) * (2 * n))
    order = [*on, *(w for w in range(n) if w not in on)]
    place = [order.index(w) for w in range(n)]
    return out.transpose([*place, *(n + p for p in place)]).reshape(2**n, 2**n)


def draw(seed, most_wires=8, rotations=(6, 40), terms=1):
    """Rotations about words of weight 1 to 3, random Cliffords between, words of weight 1 to 4 measured."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, most_wires + 1))

    def word(most, length):
        weight = int(rng.integers(1, min(most, length) + 1))
        on = rng.choice(length, weight, replace=False)
        return "".join(str(rng.choice(list("XYZ"))) if i in on else "I" for i in range(length))

    gates = []
    for _ in range(int(rng.integers(*rotations))):
        weight = int(rng.integers(1, min(3, n) + 1))
        on = tuple(int(w) for w in rng.choice(n, weight, replace=False))
        gates.append(("rotation", "".join(rng.choice(list("XYZ"), weight)), on))
        for _ in range(int(rng.integers(0, 3))):
            clifford = CLIFFORDS[int(rng.integers(len(CLIFFORDS)))]
            pair = tuple(int(w) for w in rng.choice(n, clifford.num_wires, replace=False))
            gates.append(("clifford", clifford, pair))
    found = {word(4, n): float(rng.normal()) for _ in range(terms)}
    observable = tuple((1.0 if terms == 1 else c, w) for w, c in found.items())
    return Circuit(n, tuple(gates), observable)
