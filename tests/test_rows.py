"""Places of rows: one NumPy call for values and derivatives, against the exact simulator."""

import subprocess
import sys
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from places import OneByOne

import qdl
from qdl.backends import estimate
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    Mirrored,
    Repeat,
    Rotation,
    Template,
)

X = jax.random.uniform(jax.random.key(3), (3, 3), minval=0.2, maxval=1.5)


@dataclass(frozen=True)
class Counting(OneByOne):
    """Every call leaves how many rows it had."""

    gradient: str = "auto"

    def run_rows(self, program, rows, key):
        SEEN.append((program, rows))
        return super().run_rows(program, rows, key)


SEEN = []


@pytest.fixture(autouse=True)
def nothing_seen():
    SEEN.clear()


def same(tree, other, atol=1e-8):
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def test_tied_and_scaled_angles_have_columns_of_their_own(key):
    """A shared block, a mirrored one and a factor: the chain rule adds up the uses."""

    def doubled(params, x, wires):
        yield qp.RX(2 * x[..., 0], wires[0])
        yield qp.RY(-0.5 * params[0], wires[1])
        yield qp.RZ(params[0] * x[..., 1], wires[1])

    layers = [Template(doubled, (1,)), Convolution("ttn"), Mirrored(Rotation("y"))]
    model = qdl.QNN(3, layers, qdl.Expval([qp.X(1), qp.Z(0) @ qp.Z(2)]))
    params, there = model.init(key), model.on(Counting())
    loss = lambda m: lambda p, x: (m.apply(p, x) ** 2).sum()  # noqa: E731
    found = jax.jit(jax.value_and_grad(loss(there), (0, 1)))(params, X)
    same(found, jax.value_and_grad(loss(model), (0, 1))(params, X))
    assert len(SEEN) == 1
    sources = SEEN[0][0].sources
    assert sources[:3] == ("2.0*x[0]", "-0.5*params[0][0]", "computed")
    assert sources.count("params[1][0]") == 2
    assert [s for s in sources if s.startswith("-params[2]")]


def test_what_is_not_differentiated_is_not_shifted(key):
    model = qdl.QNN(
        3, [AngleEncoding(), Repeat([Rotation("y"), Entangler("cz")], 2)], qdl.ExpZ([0])
    )
    params, there = model.init(key), model.on(Counting())
    jax.grad(lambda p: there.apply(p, X).sum())(params)
    jax.grad(lambda x: there.apply(params, x).sum())(X)
    # Of the second turn only wires 0 and 1 are seen, by wire 0 through one gate; all of the first.
    assert [len(rows) for _, rows in SEEN] == [3 * (1 + 2 * 5), 3 * (1 + 2 * 3)]
    held = lambda p: there.apply(jax.lax.stop_gradient(p), X).sum()  # noqa: E731
    assert not np.any(jax.tree.leaves(jax.grad(held)(params))[0])
    cost = there.place.cost(there.circuit, 3)
    assert (cost.jobs, cost.circuits) == (1, 33)
    assert there.place.cost(there.circuit, 3, through_features=True).circuits == 3 * (1 + 2 * 8)
    assert there.place.cost(there.circuit, 3, gradient=False).circuits == 3


def test_a_map_over_parameters_and_a_jacobian_are_one_call(key):
    model = qdl.QNN(
        3, [AngleEncoding(), Entangler("crx", "ring"), Rotation("x")], qdl.Probs([2, 0])
    )
    there, many = model.on(Counting()), jax.vmap(model.init)(jax.random.split(key, 4))
    same(jax.vmap(lambda p: there.apply(p, X))(many), jax.vmap(lambda p: model.apply(p, X))(many))
    assert [rows.shape for _, rows in SEEN] == [(12, 9)]
    one = jax.tree.map(lambda leaf: leaf[0], many)
    jacobian = lambda m: jax.jacrev(lambda p: m.apply(p, X[0]))(one)  # noqa: E731
    same(jacobian(there), jacobian(model))
    assert len(SEEN) == 2


def test_prepared_states_become_angles_and_matrices_are_refused(key):
    model = qdl.QNN(3, [AmplitudeEncoding(), Rotation("y"), Entangler("cnot")])
    params, x = model.init(key), jax.random.normal(key, (2, 8))
    there = model.on(Counting())
    same(jax.jit(there.apply)(params, x), model.apply(params, x))
    with pytest.raises(ValueError, match="no gradient through the features of AmplitudeEncoding"):
        jax.grad(lambda x: there.apply(params, x).sum())(x)

    def matrix(params, x, wires):
        c, s = jnp.cos(params[0]), jnp.sin(params[0])
        yield qp.QubitUnitary(jnp.array([[c, -s], [s, c]]), wires=wires[0])

    mixed = qdl.QNN(1, [Template(matrix, (1,))])
    with pytest.raises(ValueError, match="QubitUnitary has a matrix that is computed from"):
        mixed.on(OneByOne()).apply(mixed.init(key))


def test_angles_without_a_rule_run_and_name_their_gate(key):
    swap = Template(lambda p, x, w: [qp.RY(0.3, w[0]), qp.PSWAP(p[0], w[:2])], shape=(1,))
    model = qdl.QNN(2, swap)
    same(model.on(OneByOne()).apply([jnp.ones(1)]), model.apply([jnp.ones(1)]))
    with pytest.raises(ValueError, match="no gradient through PSWAP: .* Yield its decomposition"):
        jax.grad(lambda p: model.on(OneByOne()).apply(p).sum())([jnp.ones(1)])


def test_operators_and_constants_are_those_of_the_circuit(key):
    """A row of another sample gives its circuit; matrices and numbers of Python stay."""
    unitary = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    fixed = Template(lambda p, x, w: [qp.QubitUnitary(unitary, w[:2]), qp.RX(0.25, w[0])])
    model = qdl.QNN(3, [AngleEncoding(), fixed, Rotation("zy")])
    program = OneByOne().program(model.circuit, X.shape)
    params = model.init(key)
    rows = program.table(program.numbers(params, X))
    for row, x in zip(rows, X, strict=True):
        for a, b in zip(program.operators(row), model.operators(params, x), strict=True):
            assert a.name == b.name and a.wires == b.wires
            np.testing.assert_allclose(qp.matrix(a), qp.matrix(b), atol=1e-12)
    text = OneByOne().program(qdl.QNN(2, Rotation("y")).circuit, None).to_qasm([0.5, 0.25])
    assert "ry(0.5) q[0];" in text and "ry(0.25) q[1];" in text


def test_evaluate_reads_operators_as_a_circuit(key):
    """Numbers with and without a batch, a state and a matrix: as default.qubit."""
    state = np.array([0.6, 0.0, 0.0, 0.8j])
    operators = [
        qp.StatePrep(state, [0, 2]), qp.RX(np.array([0.1, 0.7]), 0), qp.RY(np.array(0.3), 2),
        qp.QubitUnitary(np.array([[0, 1], [1, 0]]), 2), qp.CRZ(0.4, [0, 2]), qp.RX(0.9, 2),
    ]  # fmt: skip
    observables = [qp.Z(0) @ qp.Y(2), qp.X(0)]
    device = qdl.backends.as_place(qp.device("default.qubit"))
    wanted = device.evaluate(operators, observables, None)
    same(OneByOne().evaluate(operators, observables, None), wanted)
    wanted = device.probabilities(operators, [2, 0], None)
    same(OneByOne().probabilities(operators, [2, 0], None), wanted)


def test_random_gradients_need_a_key_and_cost_what_they_say(key):
    model = qdl.QNN(3, [AngleEncoding(), Rotation("y")], qdl.ExpZ([0, 1]))
    there, params = model.on(Counting(gradient="spsa")), model.init(key)
    with pytest.raises(ValueError, match="gradient='spsa' is random, so it needs a key"):
        there.apply(params, X)
    jax.grad(lambda p: there.apply(p, X, key=key).sum())(params)
    assert [len(rows) for _, rows in SEEN] == [9]
    assert estimate(there, batch_size=3, steps=2).circuits == 18
    wrong = model.on(Counting(gradient="adjoint"))
    with pytest.raises(ValueError, match="gradient='adjoint' is not a method of this place"):
        wrong.apply(params, X)


def test_no_qiskit_is_needed():
    script = (
        "import sys, jax, numpy as np, qdl\n"
        "class Zero(qdl.backends.RowPlace):\n"
        "    def run_rows(self, program, rows, key):\n"
        "        return np.zeros((len(rows), program.size))\n"
        "model = qdl.QNN(2, qdl.layers.Rotation('x')).on(Zero())\n"
        "jax.grad(lambda p: model.apply(p).sum())(model.init(jax.random.key(0)))\n"
        "assert not any(name.split('.')[0] == 'qiskit' for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
