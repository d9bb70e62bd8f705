"""Weight truncation against Pauli propagation at every point of the Clifford grid."""

from itertools import product

import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.diagnostics import gradient_variance, resources, weight_truncation
from qdl.diagnostics.walk.paths import walk_paths
from qdl.layers import Entangler, Repeat, Rotation, Template
from qdl.pauli.circuit import pauli_circuit

CNOT = {"II": "II", "XI": "XX", "IX": "IX", "ZI": "ZI", "IZ": "ZZ", "YI": "YX", "IY": "ZY",
        "XX": "XI", "XY": "YZ", "XZ": "YY", "YX": "YI", "YY": "XZ", "YZ": "XY", "ZX": "ZX",
        "ZY": "IY", "ZZ": "IZ"}  # fmt: skip
PRODUCT = {"XY": "Z", "YX": "Z", "YZ": "X", "ZY": "X", "ZX": "Y", "XZ": "Y"}


def square_lost(gates, word, angles, k):
    """C - C_k, squared: 1 if the one word that is left became heavier than k and is seen at the end.

    At multiples of a quarter turn a word stays one word; signs do not matter for the square.
    """
    heavy = sum(p != "I" for p in word) > k
    angles = list(angles)
    for name, wires in reversed(gates):
        letters = [word[w] for w in wires]
        if name == "CNOT":
            letters = CNOT["".join(letters)]
        else:
            quarter = angles.pop()
            (letter,) = letters
            if letter not in ("I", name) and quarter % 2:
                letters = PRODUCT[letter + name]
        word = list(word)
        for wire, letter in zip(wires, letters, strict=True):
            word[wire] = letter
        heavy = heavy or sum(p != "I" for p in word) > k
    return float(heavy and not set(word) & {"X", "Y"})


@pytest.mark.parametrize("seed", range(5))
def test_equals_propagation_over_the_whole_grid(key, seed):
    rng = np.random.default_rng(seed)
    n, gates = 3, []
    for letter in rng.choice(list("XYZ"), size=6):
        gates.append((str(letter), [int(rng.integers(n))]))
        gates.append(("CNOT", [int(w) for w in rng.choice(n, 2, replace=False)]))
    rotation = {"X": qp.RX, "Y": qp.RY, "Z": qp.RZ}

    def circuit(params, x, wires):
        angles = iter(range(6))
        for name, on in gates:
            yield qp.CNOT(on) if name == "CNOT" else rotation[name](params[next(angles)], on[0])

    word = "".join(rng.permutation(["I", *rng.choice(list("IXYZ"), size=1), "Y"]))
    observable = qp.pauli.string_to_pauli_word(word)
    model = qdl.QNN(n, Template(circuit, (6,)), readout=qdl.Expval(observable))
    found = weight_truncation(model, key=key)
    grid = list(product(range(4), repeat=6))
    for k in range(n + 1):
        wanted = np.mean([square_lost(gates, word, angles, k) for angles in grid])
        error = found.error[k] if k < len(found.error) else 0.0
        assert abs(error - wanted) < 4.5 * np.sqrt(wanted / found.samples) + 1e-12, (word, gates)


def test_nothing_is_lost_at_the_full_weight_and_everything_at_none(key):
    model = qdl.models.hardware_efficient(6, 4)
    found = weight_truncation(model, key=key)
    row = gradient_variance(model, key=key, method="dense_moment")
    assert found.error[0] == pytest.approx(found.second_moment)
    assert abs(found.second_moment - row.cost_variance) < 4.5 * found.standard_error[0]
    assert found.error[-1] == 0 and (np.diff(found.error) <= 0).all()
    assert found.weight_for(1.0) == 0 and found.weight_for(0.0) == len(found.error) - 1
    assert found.cone == len(resources(model).light_cones[0].wires) == 5
    assert found.words(2) == 3 * 5 + 9 * 10 and found.words(5) == 4**5 - 1


def test_several_terms_and_wide_circuits(key):
    two = qp.Z(0) @ qp.Z(1) + 0.5 * qp.X(2)
    model = qdl.QNN(3, [Rotation("xy"), Entangler("cz"), Rotation("yx")], readout=qdl.Expval(two))
    found = weight_truncation(model, key=key)
    assert found.error[0] == pytest.approx(found.second_moment)
    row = gradient_variance(model, key=key, method="dense_moment")
    assert abs(found.second_moment - row.cost_variance - row.cost_mean**2) < 5e-3
    wide = qdl.QNN(
        200, Repeat([Rotation("xy"), Entangler("cz", "brick")], 2), readout=qdl.ExpZ(100)
    )
    assert weight_truncation(wide, key=key).cone <= 8


def test_scores_are_those_of_the_walk(key):
    model = qdl.models.hardware_efficient(4, 3)
    circuit = pauli_circuit(model)
    scores, weights = walk_paths(circuit, circuit.observable.terms, 2**16, key)
    exact = gradient_variance(model, key=key, method="dense_moment").cost_variance
    assert abs(scores.mean() - exact) < 4.5 * scores.std() / 2**8
    assert weights.min() >= 1 and weights.max() <= 4 and len(scores) == 2**16


def test_refuses_what_the_walk_refuses(key):
    tied = Template(lambda p, x, w: [qp.RY(p[0], wires=i) for i in w], (1,))
    with pytest.raises(ValueError, match="is the angle of 2 gates"):
        weight_truncation(qdl.QNN(2, tied), key=key)
