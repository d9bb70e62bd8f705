import dataclasses
import sys
from dataclasses import dataclass

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.initializers import gaussian, identity_blocks
from qdl.layers import (
    Adjoint,
    AmplitudeEncoding,
    AngleEncoding,
    Composite,
    Convolution,
    Entangler,
    Mirrored,
    Noise,
    Pooling,
    RandomRotation,
    Repeat,
    Rotation,
    Sequential,
    Template,
)

WIRES = (0, 1, 2)


def same(got, expected):
    got, expected = list(got), list(expected)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        qp.assert_equal(a, b)


def test_wires_flow_and_pooled_ones_are_never_touched_again(key):
    layers = [
        Convolution("ttn"),
        Pooling("x"),
        Rotation("z"),
        Convolution("ttn"),
        Pooling(""),
        Rotation("y"),
    ]
    model = qdl.QNN(5, [*layers, Sequential(layers[4:])])
    operators = model.operators(model.init(key))
    after = [op for op in operators if op.name in ("RZ", "RY") and op.wires[0] in (1, 3)]
    first_pool = next(i for i, op in enumerate(operators) if op.name == "CRX")
    assert all(operators.index(op) < first_pool for op in after)
    assert model.active == (0,)


def test_repeat_uses_a_slice_of_the_parameters_each_time(key):
    block = Sequential([Rotation("xy"), Entangler("crx")])
    layer = Repeat(block, 3)
    params = layer.init(key, WIRES)
    slices = [jax.tree.map(lambda p, t=t: p[t], params) for t in range(3)]
    same(layer.gates(params, None, WIRES), [g for p in slices for g in block.gates(p, None, WIRES)])
    assert layer.shape(WIRES) == [(3, 3, 2), (3, 2)]
    assert len(np.unique(params[0])) == 18, "every repetition draws its own"


def test_repeated_encoding_sees_the_same_features_each_time(key):
    model = qdl.QNN(1, [Repeat([AngleEncoding("x")], 3)])
    assert model.n_features == 1
    np.testing.assert_allclose(
        model.apply(model.init(key), np.array([0.4])), [np.cos(1.2)], atol=1e-12
    )


@pytest.mark.parametrize(
    "block",
    [
        [Rotation("zyz"), Entangler("iswap", "ring")],
        [Convolution("hur_su4"), Entangler("ch")],
        [Template(lambda p, x, w: qp.QFT(wires=w)), RandomRotation()],
        Adjoint([Rotation("xz"), Entangler("cry")]),
    ],
)
def test_adjoint_undoes_its_block(block, key):
    model = qdl.QNN(
        3,
        [block[0] if len(block) == 1 else Sequential(block)]
        if isinstance(block, list)
        else [block],
    )
    params = model.init(key)
    undone = [*model.layers.gates(params, None, WIRES)]
    undone += [*Adjoint(model.layers).gates(params, None, WIRES)]
    matrix = qp.matrix(qp.tape.QuantumScript(undone), wire_order=WIRES)
    np.testing.assert_allclose(matrix, np.eye(8), atol=1e-12)


def test_mirrored_starts_as_the_identity_with_identity_blocks_only(key):
    layers = [AngleEncoding(), Repeat(Mirrored([Rotation("zyz"), Entangler("cz")]), 2)]
    x = np.array([0.3, 0.9, 1.7])
    model = qdl.QNN(3, layers, initializer=identity_blocks())
    np.testing.assert_allclose(model.apply(model.init(key), x), np.cos(x), atol=1e-12)
    params = model.init(key)[1]
    assert len(np.unique(params["block"][0])) == 18, "each block draws its own"
    other = qdl.QNN(3, layers)
    assert np.abs(other.apply(other.init(key), x) - np.cos(x)).max() > 0.1


def test_identity_blocks_use_their_base(key):
    model = qdl.QNN(3, Mirrored(Rotation("y")), initializer=identity_blocks(gaussian(1e-3)))
    assert np.abs(model.init(key)[0]["block"]).max() < 0.01


def test_template_takes_functions_generators_and_single_operators(key):
    single = Template(lambda p, x, w: qp.BasicEntanglerLayers(p, w), shape=lambda w: (2, len(w)))
    assert single.shape(WIRES) == (2, 3)
    assert [op.name for op in single.gates(np.ones((2, 3)), None, WIRES)] == [
        "BasicEntanglerLayers"
    ]
    several = Template(lambda p, x, w: [qp.RX(p[0], w[0]), qp.CNOT(w[:2])], shape=(1,))
    assert len(list(several.gates(np.ones(1), None, WIRES))) == 2


def test_lists_become_sequences_and_equal_trees_are_equal():
    block = [Rotation("y"), Entangler("cz")]
    assert Repeat(block, 2) == Repeat(Sequential(block), 2)
    assert hash(Repeat(block, 2)) == hash(Repeat(tuple(block), 2))
    assert Repeat(block, 2) != Repeat(block, 3)
    assert Mirrored(block) != Adjoint(block)


@pytest.mark.parametrize(
    "build, error, text",
    [
        (
            lambda: qdl.QNN(4, Mirrored(Pooling())),
            ValueError,
            "Mirrored needs a block that keeps its wires.*4 .*2",
        ),
        (
            lambda: qdl.QNN(4, Repeat([Pooling()], 2)),
            ValueError,
            "Repeat needs a block that keeps its wires",
        ),
        (
            lambda: qdl.QNN(4, Adjoint([Convolution(), Pooling()])),
            ValueError,
            "Adjoint needs a block",
        ),
        (
            lambda: Repeat(Rotation(), 0),
            ValueError,
            "Repeat needs a whole number of times >= 1, got 0",
        ),
        (
            lambda: Repeat(Rotation(), 2.0),
            ValueError,
            "Repeat needs a whole number of times >= 1, got 2.0",
        ),
        (
            lambda: Repeat(AmplitudeEncoding(), 2),
            ValueError,
            "Repeat cannot hold a layer that prepares",
        ),
        (
            lambda: Mirrored([AmplitudeEncoding()]),
            ValueError,
            "Mirrored cannot hold a layer that prepares",
        ),
        (
            lambda: qdl.QNN(2, [Rotation("y"), AmplitudeEncoding()]),
            ValueError,
            r"AmplitudeEncoding\(pad=True\) prepares the state, so it must be the first layer, but "
            "it comes after Rotation",
        ),
        (
            lambda: qdl.QNN(2, [Rotation("y"), Sequential([AmplitudeEncoding(), Rotation("x")])]),
            ValueError,
            "must be the first layer",
        ),
        (lambda: Sequential([Rotation(), "cz"]), TypeError, "Sequential takes layers, got 'cz'"),
        (
            lambda: Template(lambda p, x, w: [], shape=np.ones(2)),
            TypeError,
            "must be plain Python values",
        ),
    ],
)
def test_errors_of_construction(build, error, text):
    with pytest.raises(error, match=text):
        build()


def test_state_preparation_may_open_a_nested_sequence():
    inner = Sequential([AmplitudeEncoding(), Rotation("y")])
    assert qdl.QNN(3, [inner, Entangler("cz")]).n_features == 8


def test_errors_of_gates(key):
    with pytest.raises(ValueError, match="Template nothing gave None instead of operators"):
        qdl.QNN(2, Template(nothing)).apply([None])
    with pytest.raises(ValueError, match="unitary gates, got the channel BitFlip"):
        list(Mirrored(Noise("bit_flip", 0.1)).gates({"block": None, "adjoint": None}, None, WIRES))
    for layers in ([Rotation("y")], [Mirrored(Rotation("y")), RandomRotation()]):
        with pytest.raises(
            ValueError, match="identity_blocks.*Mirrored.*but R.*has parameters outside"
        ):
            qdl.QNN(2, layers, initializer=identity_blocks()).init(key)


def nothing(params, x, wires):
    pass


def first_is_lost(params, x, wires):
    qp.Hadamard(wires[0])
    yield qp.RY(0.3, wires[0])


def returns_the_last(params, x, wires):
    qp.Hadamard(wires[0])
    return qp.RY(0.3, wires[0])


def expects(params, x, wires):
    yield qp.RY(0.3, wires[0])
    qp.expval(qp.Z(wires[0]))


def all_is_there(params, x, wires):
    yield qp.ctrl(qp.RX(0.3, wires[0]), control=wires[1])
    yield qp.adjoint(qp.S(wires[0])) @ qp.T(wires[1])
    yield qp.pow(qp.RX(0.3, wires[0]), 2)
    with qp.QueuingManager.stop_recording():
        matrix = qp.matrix(qp.RX(0.3, wires[0]))
    yield qp.QubitUnitary(matrix, wires[0])
    yield from qp.Rot(0.1, 0.2, 0.3, wires[1]).decomposition()


@pytest.mark.parametrize(
    "fn, text",
    [
        (first_is_lost, r"first_is_lost makes Hadamard on wires \[.\] without yielding it"),
        (returns_the_last, r"Hadamard on wires \[.\] without yielding it"),
        (expects, r"ExpectationMP on wires \[.\] without yielding it"),
    ],
)
@pytest.mark.parametrize("around", [lambda b: b, lambda b: Repeat(b, 2), Mirrored, Adjoint])
def test_a_gate_that_is_made_and_not_yielded_is_named(fn, text, around):
    model = qdl.QNN(2, around(Template(fn)))
    params = model.init(jax.random.key(0))
    for call in (model.apply, model.operators, model.state):
        with pytest.raises(ValueError, match=text):
            call(params)
    with pytest.raises(AssertionError, match=text):
        qdl.testing.check_layer(Template(fn), 2)


def test_parts_of_operators_that_are_yielded_are_not_lost():
    assert len(qdl.QNN(2, Template(all_is_there)).operators([None])) == 7


@dataclass(frozen=True)
class Own(Composite):
    """Two named parts of which the first pools."""

    def parts(self, wires):
        return {"pool": Pooling("x"), "turn": [Rotation("y"), AngleEncoding(features=(4, 2))]}


def test_a_composite_is_what_its_parts_are(key):
    assert Own().shape((0, 1, 2)) == {"pool": (1,), "turn": [(2, 1), None]}
    assert Own().active((0, 1, 2)) == (0, 2) and Own().n_features((0, 1, 2)) == 5
    written = Sequential(
        [Pooling("x"), Sequential([Rotation("y"), AngleEncoding(features=(4, 2))])]
    )
    params, x = Own().init(key, WIRES), np.linspace(0, 1, 5)
    same(
        Own().gates(params, x, WIRES),
        written.gates([params["pool"], params["turn"]], x, WIRES),
    )
    with pytest.raises(ValueError, match=r"features=\(4, 2\), but x has shape \(3,\)"):
        qdl.QNN(3, Own()).apply([params], x[:3])
    with pytest.raises(NotImplementedError, match=r"Composite must define parts\(wires\)"):
        Composite().shape(WIRES)


def test_a_model_prints_all_parts_of_a_composite():
    printed = str(qdl.QNN(3, [Own(), Mirrored(Rotation("x"))]))
    for line in (
        "Own, 3 parameters",
        "pool: Pooling(axes='x', kind='controlled', shared=True)  wires 0-2, 1 parameters",
        "turn: Sequential, 2 parameters",
        "Rotation(axes='y', initializer=None)  wires 0,2, 2 parameters",
        "block: Rotation(axes='x', initializer=None)  wires 0,2, 2 parameters",
        "adjoint: Adjoint, 2 parameters",
    ):
        assert line in printed, printed


def test_every_layer_takes_the_initializer_of_its_model(key):
    small = qdl.initializers.small_angle(1e-3)
    wires = (0, 1, 2)
    assert AngleEncoding(trainable=True, scale=2.0).init(key, wires, small).tolist() == [2.0] * 3
    for layer in (Entangler("crx"), Convolution(), Pooling(), Rotation()):
        assert np.abs(layer.init(key, wires, small)).max() < 1e-3
        own = dataclasses.replace(layer, initializer=gaussian(1e-6))
        assert np.abs(own.init(key, wires, small)).max() < 1e-4 and own != layer


def test_nesting_costs_no_more_than_its_parameters():
    """Fourteen levels of Mirrored are 16,384 arrays; every walk sees each of them a few times."""
    layer = Rotation("y")
    for _ in range(14):
        layer = Mirrored(layer)
    calls = []

    def counted(frame, event, arg):
        calls.append(event)

    sys.setprofile(counted)
    try:
        model = qdl.QNN(1, layer)
    finally:
        sys.setprofile(None)
    assert model.n_params == 2**14
    assert calls.count("call") < 60 * 2**14


@pytest.mark.parametrize(
    "parts", [lambda: (p for p in [Rotation("x"), Rotation("y")]), lambda: Rotation("x")]
)
def test_parts_may_be_yielded_or_one(parts):
    @dataclass(frozen=True)
    class Loose(Composite):
        def parts(self, wires):
            return parts()

    assert Loose().shape(WIRES)[0] == (3, 1)


def test_parts_that_are_no_layers_are_named():
    @dataclass(frozen=True)
    class Forgot(Composite):
        def parts(self, wires):
            return [Rotation("x"), AngleEncoding]

    with pytest.raises(TypeError, match=r"Forgot.parts: .*Write AngleEncoding\(\), with brackets"):
        qdl.QNN(2, Forgot())
