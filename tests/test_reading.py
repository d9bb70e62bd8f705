"""The one reading of a circuit: sources of angles, loops at any depth, the light cone."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.layers import (
    Adjoint,
    AngleEncoding,
    Composite,
    Entangler,
    Layer,
    Mirrored,
    RandomRotation,
    Repeat,
    Rotation,
    Sequential,
    Template,
)
from qdl.reading import (
    Computed,
    Constant,
    Entry,
    Feature,
    leaves,
    light_cone,
    read_gates,
    unfold,
    visits,
)
from qdl.reading.gates import Array
from qdl.simulator.execute import Execution
from qdl.simulator.measure import head
from qdl.simulator.read import read

BLOCK = [Rotation("zyz"), Entangler("cnot", "ring")]


@dataclass(frozen=True)
class Sandwich(Composite):
    times: int = 9

    def parts(self, wires):
        return {
            "top": Rotation("xy"),
            "middle": Repeat(BLOCK, self.times),
            "bottom": [Rotation("x")],
        }


def many(params, x, wires):
    yield qp.RX(params[0], wires[0])
    yield qp.RY(-params[1], wires[0])
    yield qp.RZ(params[2] / 3, wires[0])
    yield qp.RX(2 * np.pi * x[..., 1], wires[0])
    yield qp.RX(0.25, wires[0])
    yield qp.RY(params[0] * x[..., 0], wires[0])
    yield qp.RZ(params[0] + params[1], wires[0])
    yield qp.RX(abs(params[0]), wires[0])
    yield qp.RY(jnp.clip(x[..., 0], 0.0, np.pi), wires[0])
    yield qp.QubitUnitary(np.diag([1, 1j]), wires[0])


@pytest.mark.parametrize("features", [(2,), (3, 2)], ids=["sample", "batch"])
def test_every_angle_has_its_source(features):
    found = [gate.sources[0] for gate in read_gates(Template(many, (3,)), (0,), features, one)]
    batch = len(features) == 2
    assert found[:2] == [Entry(0, 1.0), Entry(1, -1.0)]
    assert found[2].index == 2 and found[2].factor == pytest.approx(1 / 3, rel=1e-15)
    assert found[3] == Feature(1, 2 * np.pi) and found[4] == Constant(0.25)
    # abs and clip are multiples for some numbers only
    assert found[5:9] == [
        Computed(0, batch),
        Computed(0 if batch else 1, False),
        Computed(1 if batch else 2, False),
        Computed(1 if batch else 3, batch),
    ]
    assert found[9] == Array(computed=False)


def one(operator):
    return [operator]


def test_what_is_no_multiple_everywhere_is_computed_right(key):
    model = qdl.QNN(1, [Template(many, (3,))])
    params = [jnp.array([-0.7, 0.4, -2.0])]
    x = np.array([[-0.5, 0.2], [4.0, -1.0]])
    wanted = model.on(qp.device("default.qubit")).apply(params, x)
    np.testing.assert_allclose(model.apply(params, x), wanted, atol=1e-12)


def frozen(params, x, wires):
    yield qp.RX(params[0], wires[0])
    yield qp.RX(0.5 * jax.lax.stop_gradient(params[1]), wires[0])


def test_a_stopped_gradient_stays_stopped():
    model = qdl.QNN(1, [Template(frozen, (2,))])
    slope = jax.grad(lambda p: model.apply(p).sum())([jnp.array([0.3, 0.8])])[0]
    assert slope[0] == pytest.approx(-np.sin(0.7)) and slope[1] == 0.0


LOOPS = {
    "repeat": (Repeat(BLOCK, 32), 32),
    "adjoint": (Adjoint(Repeat(BLOCK, 32)), 32),
    "mirrored": (Mirrored(Repeat(BLOCK, 16)), 32),
    "nested": (Repeat(Repeat(BLOCK, 4), 8), 32),
    "composite": (Sandwich(32), 32),
    "mixed": (Repeat([Rotation("x"), Repeat(BLOCK, 4)], 8), 32),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_block_is_planned_once_however_it_is_repeated(name):
    """What is compiled are the stages of loop bodies: few, whatever the number of repetitions."""
    layer, times = LOOPS[name]
    circuit = qdl.Circuit(4, layer)
    params = jax.tree.map(np.zeros, circuit.shape, is_leaf=lambda leaf: isinstance(leaf, tuple))
    reading = read(circuit.layers, circuit.wires, params, None)
    program = Execution(reading, circuit.wires, head(circuit.measured)).ready((False,), 1).program
    compiled = sum(len(body) for body, _ in program.runs)
    executed = sum(len(body) * turns for body, turns in program.runs)
    assert executed >= times - 1 and compiled <= 26, (compiled, executed)
    assert len(reading.pieces) == 1, "every angle is a multiple of a parameter: none is traced"


@pytest.mark.parametrize("name", LOOPS)
def test_loops_give_the_numbers_of_the_operator_list(name, key):
    layer, _ = LOOPS[name]
    model = qdl.QNN(3, [AngleEncoding(), layer])
    params, x = model.init(key), np.array([[0.3, 0.7, -1.1], [2.0, 0.1, 0.4]])
    wanted = model.on(qp.device("default.qubit")).apply(params, x)
    np.testing.assert_allclose(model.apply(params, x), wanted, atol=1e-12)

    def reference(p):
        operators = model.operators(jax.tree.map(np.asarray, p), x[0])
        tape = qp.tape.QuantumScript(operators, [qp.expval(qp.Z(w)) for w in range(3)])
        return np.sum(qp.execute([tape], qp.device("default.qubit"), diff_method=None)[0])

    slope = jax.grad(lambda p: model.apply(p, x[0]).sum())(params)
    way = jax.tree.map(lambda leaf: np.cos(np.arange(leaf.size).reshape(leaf.shape)), params)
    up, down = (jax.tree.map(lambda p, w, s=s: p + s * 1e-5 * w, params, way) for s in (1, -1))
    expected = (reference(up) - reference(down)) / 2e-5
    pairs = zip(jax.tree.leaves(slope), jax.tree.leaves(way), strict=True)
    assert float(sum(np.sum(a * b) for a, b in pairs)) == pytest.approx(expected, abs=1e-6)


def test_leaves_and_visits_in_time_order():
    tree = unfold(
        Sequential([Adjoint([Rotation("x"), Repeat(Rotation("y"), 2)]), Sandwich(2)]), (0, 1)
    )
    assert [leaf.path for leaf in leaves(tree)] == [
        (0, 1),
        (0, 0),
        (1, "top"),
        (1, "middle", 0),
        (1, "middle", 1),
        (1, "bottom", 0),
    ]
    runs = [(visit.leaf.path, visit.run) for visit in visits(tree)]
    assert runs[:3] == [((0, 1), 1), ((0, 1), 0), ((0, 0), 0)]
    assert runs[4:8] == [
        ((1, "middle", 0), 0),
        ((1, "middle", 1), 0),
        ((1, "middle", 0), 1),
        ((1, "middle", 1), 1),
    ]


def test_drawn_choices_get_no_gradient_wherever_they_stand(key):
    model = qdl.QNN(2, [Adjoint(Repeat(RandomRotation(), 2)), Sequential([RandomRotation()])])
    slope = jax.grad(lambda p: model.apply(p).sum())(model.init(key))
    assert not slope[0]["axis"].any() and not slope[1][0]["axis"].any()
    assert slope[1][0]["angle"].any()


def test_gates_that_depend_on_numbers_are_refused():
    class Fickle(Layer):
        def shape(self, wires):
            return (1,)

        def gates(self, params, x, wires):
            yield qp.RX(params[0], wires[0]) if params[0] > 0 else qp.RY(params[0], wires[0])

    with pytest.raises(ValueError, match="Fickle yields other gates for other numbers"):
        read_gates(Fickle.__new__(Fickle), (0,), None, one)


def test_light_cone_of_random_gates_is_what_can_be_seen():
    rng = np.random.default_rng(0)
    for _ in range(20):
        gates = [qp.CZ(rng.choice(6, 2, replace=False).tolist()) for _ in range(8)]
        seen, reached = light_cone(gates, [0])
        influences = {0}
        for i in reversed(range(8)):  # brute force, gate by gate
            assert (i in seen) == bool(influences & set(gates[i].wires))
            influences |= set(gates[i].wires) if i in seen else set()
        assert reached == influences


@jax.custom_vjp
def reversed_gradient(angle):
    return angle


reversed_gradient.defvjp(lambda angle: (angle, None), lambda _, slope: (-slope,))

# Two draws of numbers cannot tell these from constants and multiples; JAX's trace does.
IN_PIECES = {
    "where": lambda p, x: jnp.where(p > 4, 1.0, 2.0),
    "where of a feature": lambda p, x: jnp.where(x > 4, 1.0, 2.0),
    "wide clip": lambda p, x: jnp.clip(p, -200.0, 200.0),
    "relu": lambda p, x: jax.nn.relu(x - 2.5),
    "own derivative": lambda p, x: reversed_gradient(p),
    "saturating": lambda p, x: jnp.tanh(p),
}


@pytest.mark.parametrize("gate", [qp.RY, qp.RZ, qp.PhaseShift, qp.IsingZZ, qp.CRX], ids=str)
@pytest.mark.parametrize("name", IN_PIECES)
def test_functions_in_pieces_are_computed(name, gate):
    def gates(params, x, wires):
        yield qp.Hadamard(wires[0])
        angle = IN_PIECES[name](params[0], x[..., 0])
        yield gate(angle, wires=wires[: gate.num_wires])
        yield qp.RX(0.3, wires[0])

    model = qdl.QNN(2, [AngleEncoding("x"), Template(gates, (1,))])
    device = model.on(qp.device("default.qubit"))
    for value in (5.0, 250.0, -0.4):
        params, x = [None, jnp.array([value])], np.array([[9.0, 1.0], [0.3, 0.2]])
        for rows in (x, x[0]):
            np.testing.assert_allclose(
                model.apply(params, rows), device.apply(params, rows), atol=1e-9
            )
        slope, wanted = (
            jax.grad(lambda p, m=m, x=x: m.apply(p, x).sum())(params)[1] for m in (model, device)
        )
        np.testing.assert_allclose(slope, wanted, atol=1e-9)


@pytest.mark.parametrize(
    "angle", [lambda p: 1.0 if p > 5 else 2.0, lambda p: np.sin(p)], ids=["branch", "numpy"]
)
def test_a_layer_that_looks_at_values_is_refused_by_name(angle):
    def gates(params, x, wires):
        yield qp.RY(angle(params[0]), wires[0])

    with pytest.raises(
        ValueError, match="Template cannot be traced by JAX: it looks at the values"
    ):
        qdl.QNN(1, Template(gates, (1,))).apply([jnp.array([9.0])])
