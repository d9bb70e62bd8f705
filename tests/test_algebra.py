"""Dimensions of dynamical Lie algebras against closed forms and explicit matrices."""

import numpy as np
import pennylane as qp
import pytest
from sim_circuits import sim_circuit

import qdl
from qdl.diagnostics import dynamical_lie_algebra
from qdl.layers import Entangler, Noise, Pooling, Repeat, Rotation, Template
from qdl.pauli.generators import read_generators


@pytest.mark.parametrize("n", [3, 4, 7, 40])
def test_ising_chain_and_ring(n):
    chain = [qp.Z(i) for i in range(n)] + [qp.X(i) @ qp.X(i + 1) for i in range(n - 1)]
    found = dynamical_lie_algebra(chain)
    assert (found.dimension, found.bound) == (n * (2 * n - 1), "equal")
    ring = [*chain, qp.X(n - 1) @ qp.X(0)]
    assert dynamical_lie_algebra(ring).dimension == 2 * n * (2 * n - 1)


@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_universal_circuits(n):
    found = dynamical_lie_algebra(qdl.models.strongly_entangling(n, 2))
    assert (found.dimension, found.observable_inside) == (4**n - 1, True)


def ising(params, x, wires):
    n = len(wires)
    for k in range(n - 1):
        yield qp.IsingXX(params[k], wires=wires[k : k + 2])
    for k in range(n):
        yield qp.RZ(params[n - 1 + k], wires=wires[k])


def test_a_model_and_its_observable():
    n = 5
    layers = Repeat(Template(ising, (2 * n - 1,)), 2)
    inside = dynamical_lie_algebra(qdl.QNN(n, layers))
    assert (inside.dimension, inside.observable_inside) == (45, True)
    outside = qdl.QNN(n, layers, readout=qdl.Expval(qp.X(0)))
    assert dynamical_lie_algebra(outside).observable_inside is False


def symmetric(params, x, wires):
    """Equivariant under permutations of the wires: three angles a layer, each of many gates."""
    for wire in wires:
        yield qp.RX(params[0], wires=wire)
    for wire in wires:
        yield qp.RY(params[1], wires=wire)
    for i, a in enumerate(wires):
        for b in wires[i + 1 :]:
            yield qp.IsingZZ(params[2], wires=[a, b])


@pytest.mark.parametrize(("n", "dimension"), [(2, 9), (3, 19), (4, 33)])
def test_permutation_symmetric_circuits(n, dimension):
    found = dynamical_lie_algebra(qdl.QNN(n, Repeat(Template(symmetric, (3,)), 2)))
    assert (found.dimension, found.bound, found.method) == (
        dimension, "equal", "pennylane.lie_closure",
    )  # fmt: skip


@pytest.mark.slow
def test_permutation_symmetric_circuits_on_five_wires():
    assert dynamical_lie_algebra(qdl.QNN(5, Template(symmetric, (3,)))).dimension == 54


def twice(params, x, wires):
    yield qp.RX(params[0], wires=wires[0])
    yield qp.RZ(params[1], wires=wires[0])
    yield qp.RX(params[0], wires=wires[0])


def test_a_shared_angle_that_cannot_be_brought_together():
    found = dynamical_lie_algebra(qdl.QNN(1, Template(twice, (2,))))
    assert (found.dimension, found.bound) == (3, "at most")
    assert "1 parameters enter gates that do not commute" in found.notes[0]


def conjugated(model):
    """Traceless generators as matrices, each conjugated by the fixed gates before it."""
    n, rng = model.n_wires, np.random.default_rng(0)
    params = [None if s is None else rng.uniform(size=s) for s in model.layers.shape(model.wires)]
    before, generators = np.eye(2**n), []
    drawn = {float(number) for leaf in params if leaf is not None for number in leaf.ravel()}
    for gate in model.operators(params):
        if drawn.intersection(map(float, gate.data)):
            g = qp.matrix(qp.generator(gate, format="observable"), wire_order=range(n))
            generators.append(before.conj().T @ g @ before)
        else:
            before = qp.matrix(gate, wire_order=range(n)) @ before
    return [g - np.trace(g) / 2**n * np.eye(2**n) for g in generators]


def explicit(model):
    """The dimension of the algebra of these matrices."""
    return len(qp.lie_closure(conjugated(model), matrix=True))


def no_inverse_of_themselves(params, x, wires):
    for wire in wires:
        yield qp.S(wires=wire)
    yield qp.ISWAP(wires=wires[:2])
    yield qp.T(wires=wires[1])


def test_generators_are_those_matrices():
    fixed = Template(no_inverse_of_themselves)
    model = qdl.QNN(2, [Rotation("x"), fixed, Entangler("crx"), fixed, Rotation("y")])
    letters = {(0, 0): "I", (1, 0): "X", (0, 1): "Z", (1, 1): "Y"}
    found = []
    for sentence in read_generators(model).sentences:
        total = np.zeros((4, 4), complex)
        for (x, z), coefficient in sentence:
            word = "".join(letters[x >> w & 1, z >> w & 1] for w in range(2))
            total += coefficient * qp.pauli.string_to_pauli_word(word).matrix(wire_order=range(2))
        found.append(total / np.linalg.norm(total))
    for wanted in conjugated(model):
        wanted = wanted / np.linalg.norm(wanted)
        overlaps = [abs(np.trace(wanted @ one)) for one in found]
        assert max(overlaps) == pytest.approx(1)
    assert len(found) == 5


@pytest.mark.parametrize("number", [2, 9, 10, 11, 15])
def test_fixed_gates_are_moved_away(number):
    model = sim_circuit(number)
    assert dynamical_lie_algebra(model).dimension == explicit(model)


def fixed(params, x, wires):
    """Gates that are no Cliffords between the others."""
    yield qp.T(wires=wires[0])
    yield qp.RY(0.4, wires=wires[1])
    yield qp.CNOT(wires=wires[:2])


@pytest.mark.parametrize("layers", [
    [Rotation("x"), Template(fixed), Rotation("z")],
    [Rotation("z"), Entangler("crx"), Template(fixed), Entangler("cphase")],
])  # fmt: skip
def test_any_fixed_gate_and_sums_of_words(layers):
    model = qdl.QNN(2, layers)
    assert dynamical_lie_algebra(model).dimension == explicit(model)


def test_generators_of_controlled_rotations():
    model = qdl.QNN(2, Entangler("crz"))
    (sentence,) = read_generators(model).sentences  # (Z1 - Z0 Z1)/4, here up to a factor
    assert dict(sentence) in ({(0, 2): 1.0, (0, 3): -1.0}, {(0, 3): 1.0, (0, 2): -1.0})


def test_bounds_where_the_search_would_be_long():
    found = dynamical_lie_algebra(qdl.models.hardware_efficient(8, 2), max_dimension=1000)
    assert (found.bound, found.observable_inside) == ("at least", None)
    assert 1000 <= found.dimension < 4**8 - 1
    pooled = dynamical_lie_algebra(qdl.QNN(7, [Rotation("y"), Pooling()]))
    assert pooled.bound == "at most" and "sums of Pauli words were split" in pooled.notes[-1]


def test_refusals():
    with pytest.raises(ValueError, match="noise has no Lie algebra of unitaries"):
        dynamical_lie_algebra(qdl.QNN(2, [Rotation("y"), Noise("bit_flip", 0.1), Rotation("y")]))
    with pytest.raises(ValueError, match="has no angles, so no Lie algebra"):
        dynamical_lie_algebra(qdl.QNN(2, Entangler("cz")))
    squared = Template(lambda p, x, w: [qp.RX(p[0] ** 2, wires=w[0])], (1,))
    with pytest.raises(
        ValueError, match="generators of the model cannot be read. Template computes"
    ):
        dynamical_lie_algebra(qdl.QNN(1, squared))
