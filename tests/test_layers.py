import dataclasses
from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qp
import pytest
from catalogue import BLOCKS, FIXED, NOISE, ROWS

import qdl
from qdl.initializers import gaussian, identity_blocks
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    BasisEncoding,
    Convolution,
    Entangler,
    IQPEncoding,
    Layer,
    Noise,
    Pooling,
    RandomRotation,
    Rotation,
    Template,
)
from qdl.testing import check_layer

ALL = {**ROWS, **NOISE}


def cases():
    """Every row at n = 1..5; by default n = 3, and the cheap ones at n = 1 and 5."""
    for name, row in ALL.items():
        for n in range(row.least, 6):
            cheap = n == 3 or (n == 1 and name in ("angle", "rotation"))
            cheap = cheap or (n == 5 and name in ("angle", "entangler-cz-ring"))
            marks = [] if cheap and not row.slow else [pytest.mark.slow]
            yield pytest.param(row.layer, n, id=f"{name}-{n}", marks=marks)


@pytest.mark.parametrize("layer, n", list(cases()))
def test_layer_keeps_the_contract(layer, n, key):
    check_layer(layer, n, key)


@pytest.mark.parametrize("name", ["amplitude", "convolution-u9"])
def test_layer_keeps_the_contract_in_float32(name, key):
    with jax.enable_x64(False):
        check_layer(ALL[name].layer, 3, key)


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ALL.items()])
def test_shape_features_and_active_wires(row):
    wires = (0, 1, 2)
    assert row.layer.shape(wires) == row.shape
    assert row.layer.n_features(wires) == row.columns
    assert row.layer.active(wires) == row.left
    assert row.layer.active((4, 7, 9)) == tuple((4, 7, 9)[w] for w in row.left)


def test_different_layers_are_different():
    for (a, first), (b, second) in combinations(ALL.items(), 2):
        assert first.layer != second.layer, (a, b)
    assert Rotation("zyz") == Rotation("ZYZ", initializer=None)
    assert Rotation("zyz", initializer=gaussian(0.1)) == Rotation("zyz", gaussian(0.1))
    assert Rotation("zyz", initializer=gaussian(0.1)) != Rotation("zyz")
    assert dataclasses.replace(Rotation("zyz", gaussian(0.1)), axes="x") == Rotation(
        "x", gaussian(0.1)
    )


# Encodings


@pytest.mark.parametrize("axis", "xy")
def test_angle_encoding_closed_form(axis):
    x = jnp.array([[0.1, 0.7, 2.0], [1.0, -0.4, 0.0]])
    model = qdl.QNN(3, [AngleEncoding(axis, scale=1.5)])
    np.testing.assert_allclose(model.apply([None], x), np.cos(1.5 * x), atol=1e-12)


def test_angle_encoding_reads_chosen_columns():
    x = jnp.array([9.0, 9.0, 0.3, 9.0, 0.8, 0.1])
    model = qdl.QNN(3, [AngleEncoding(features=[4, 2, 5])])
    assert model.n_features == 6
    np.testing.assert_allclose(model.apply([None], x), np.cos([0.8, 0.3, 0.1]), atol=1e-12)


def test_angles_that_are_entries_arrive_untouched():
    """The simulator and the diagnostics recognise such angles by value."""
    rng = np.random.default_rng(0)
    for layer in [
        Rotation("zyx"),
        Entangler("crx", "all"),
        Convolution("u5", shared=False),
        Pooling(),
    ]:
        params = rng.uniform(size=layer.shape((0, 1, 2)))
        angles = {float(a) for gate in layer.gates(params, None, (0, 1, 2)) for a in gate.data}
        assert angles == set(params.ravel())
    x = rng.uniform(size=3)
    assert [float(g.data[0]) for g in AngleEncoding().gates(None, x, (0, 1, 2))] == list(x)


def test_trainable_scales_start_at_scale_whatever_the_model_says(key):
    for init in (gaussian(5.0), identity_blocks()):
        model = qdl.QNN(3, [AngleEncoding(scale=0.5, trainable=True)], initializer=init)
        np.testing.assert_array_equal(model.init(key)[0], [0.5, 0.5, 0.5])


def test_amplitude_encoding_pads_and_normalises():
    x = np.array([[3.0, 0.0, -4.0, 0.0, 12.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    state = qdl.QNN(3, [AmplitudeEncoding()]).state([None], x)
    expected = np.zeros((2, 8))
    expected[:, :5] = x / [[13.0], [1.0]]
    np.testing.assert_allclose(state, expected, atol=1e-15)


def test_zero_vector_inside_jit_gives_ground_state_and_zero_gradient():
    model = qdl.QNN(3, [AmplitudeEncoding()])
    x = jnp.array([[0.0] * 8, [1.0, 2.0] * 4])
    value, gradient = jax.jit(jax.value_and_grad(lambda x: model.apply([None], x).sum()))(x)
    alone = model.apply([None], x[1]).sum()
    assert float(value) == pytest.approx(3.0 + float(alone))
    assert not gradient[0].any()
    assert np.isfinite(gradient).all() and gradient[1].any()


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
def test_gradient_of_amplitudes_scales_as_the_loss_in_float32(size):
    """The mean over a batch makes every number small: none may vanish on the way."""
    model = qdl.QNN(2, [AmplitudeEncoding(), Rotation("x")])
    x = np.array([0.9, 0.4, -0.2, 0.1]) * size

    scales = np.logspace(-15, 0, 301)

    def slopes(dtype):
        params = [None, np.array([[0.3], [0.8]], dtype)]
        loss = jax.grad(lambda x, scale: scale * model.apply(params, x)[0])
        many = jax.jit(jax.vmap(loss, (None, 0)))(x.astype(dtype), scales.astype(dtype))
        return np.asarray(many, float) * size / scales[:, None]

    exact = slopes(np.float64)
    with jax.enable_x64(False):
        np.testing.assert_allclose(slopes(np.float32), exact, atol=2e-6)


def test_basis_encoding_wire_0_is_the_most_significant_bit():
    bits = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 1]])
    state = qdl.QNN(3, [BasisEncoding()]).state([None], bits)
    np.testing.assert_allclose(np.abs(state) ** 2, np.eye(8)[[4, 3, 5]], atol=1e-15)


@pytest.mark.parametrize("repeats", [1, 2])
def test_iqp_encoding_is_pennylanes(repeats):
    x = np.array([0.3, 1.1, -0.7])
    expected = qp.matrix(qp.IQPEmbedding(x, range(3), n_repeats=repeats), wire_order=range(3))[:, 0]
    state = qdl.QNN(3, [IQPEncoding(repeats)]).state([None], x)
    np.testing.assert_allclose(state, expected, atol=1e-12)


# Rotations


def test_rotation_axes_are_in_time_order():
    params = np.arange(6.0).reshape(2, 3)
    gates = [
        (g.name, float(g.data[0]), g.wires[0]) for g in Rotation("xyz").gates(params, None, (3, 5))
    ]
    assert gates[:3] == [("RX", 0.0, 3), ("RY", 1.0, 3), ("RZ", 2.0, 3)]
    assert gates[3:] == [("RX", 3.0, 5), ("RY", 4.0, 5), ("RZ", 5.0, 5)]


def test_random_rotation_is_the_rotation_about_its_axis():
    params = {"angle": np.array([0.3, 0.5, 0.7]), "axis": np.eye(3)}
    gates = list(RandomRotation().gates(params, None, (0, 1, 2)))
    for gate, kind in zip(gates, [qp.RX, qp.RY, qp.RZ], strict=True):
        angle = params["angle"][gate.wires[0]]
        np.testing.assert_allclose(gate.matrix(), kind(angle, 0).matrix(), atol=1e-15)
        assert all(isinstance(a, np.floating) for a in gate.data), "NumPy in, NumPy out"


def test_random_rotation_draws_all_axes_and_the_model_starts_its_angles(key):
    model = qdl.QNN(3, [RandomRotation()], initializer=gaussian(0.01))
    draws = jax.vmap(model.init)(jax.random.split(key, 300))[0]
    assert np.abs(draws["angle"]).max() < 0.1
    np.testing.assert_array_equal(draws["axis"].sum(-1), 1.0)
    shares = draws["axis"].mean((0, 1))  # 900 draws: five standard errors are 0.08
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)
    values = jax.vmap(lambda p: model.apply([p]))(draws)
    np.testing.assert_allclose(values, np.where(draws["axis"][..., 2], 1, np.cos(draws["angle"])))


# Two-qubit layers


@pytest.mark.parametrize(
    "pattern, n, pairs",
    [
        ("chain", 4, [(0, 1), (1, 2), (2, 3)]),
        ("ring", 4, [(0, 1), (1, 2), (2, 3), (3, 0)]),
        ("ring", 3, [(0, 1), (1, 2), (2, 0)]),
        ("ring", 2, [(0, 1)]),
        ("brick", 5, [(0, 1), (2, 3), (1, 2), (3, 4)]),
        ("brick", 4, [(0, 1), (2, 3), (1, 2)]),
        ("all", 3, [(0, 1), (0, 2), (1, 2)]),
        ([[2, 0], [1, 2]], 3, [(2, 0), (1, 2)]),
        ("ring", 1, []),
    ],
)
def test_entangler_pairs(pattern, n, pairs):
    wires = tuple(10 + i for i in range(n))
    layer = Entangler("cry", pattern)
    expected = [(10 + i, 10 + j) for i, j in pairs]
    gates = list(layer.gates(np.arange(1.0, 9.0), None, wires))
    assert [tuple(gate.wires) for gate in gates] == expected
    assert [float(gate.data[0]) for gate in gates] == list(range(1, len(pairs) + 1))
    assert layer.shape(wires) == ((len(pairs),) if pairs else None)


def test_gate_names_ignore_case():
    assert Entangler("IsingZZ", "ring") == Entangler("isingzz", "ring")
    assert Convolution("SU4") == Convolution()


@pytest.mark.parametrize("gate", FIXED)
def test_fixed_gates_have_no_parameters(gate):
    assert Entangler(gate, "ring").shape((0, 1, 2)) is None


@pytest.mark.parametrize(
    "n, pairs",
    [
        (2, [(0, 1)]),
        (3, [(0, 1), (1, 2)]),
        (4, [(0, 1), (2, 3), (1, 2), (3, 0)]),
        (5, [(0, 1), (2, 3), (1, 2), (3, 4)]),
        (6, [(0, 1), (2, 3), (4, 5), (1, 2), (3, 4), (5, 0)]),
    ],
)
def test_convolution_pairs(n, pairs):
    wires = tuple(range(n))
    assert Convolution().pairs(wires) == pairs
    assert Convolution("u13", shared=False).shape(wires) == (len(pairs), 6)
    assert Convolution("u13").shape(wires) == (6,)


def angled(names, controlled, p):
    """RX/RY/RZ columns on both wires around one controlled rotation up, one down."""
    queue = iter(p)
    gates = []
    for name in names:
        if name == "up":
            gates.append(controlled(next(queue), wires=(1, 0)))
        elif name == "down":
            gates.append(controlled(next(queue), wires=(0, 1)))
        else:
            gates += [getattr(qp, name)(next(queue), wires=w) for w in (0, 1)]
    return gates


def expected_block(block, p):
    if block in ("u5", "u6"):
        names = ["RX", "RZ", "up", "down", "RX", "RZ"]
        return angled(names, {"u5": qp.CRZ, "u6": qp.CRX}[block], p)
    if block in ("u13", "u14"):
        return angled(["RY", "up", "RY", "down"], {"u13": qp.CRZ, "u14": qp.CRX}[block], p)

    def columns(*directions):
        gates = []
        for i, direction in enumerate(directions):
            gates += [qp.RY(p[2 * i], 0), qp.RY(p[2 * i + 1], 1)]
            gates += [qp.CNOT((0, 1))] if direction == "down" else []
            gates += [qp.CNOT((1, 0))] if direction == "up" else []
        return gates

    if block == "u9":
        return [qp.H(0), qp.H(1), qp.CZ((0, 1)), qp.RX(p[0], 0), qp.RX(p[1], 1)]
    return columns(*{"ttn": ["down"], "u15": ["up", "down"], "so4": ["down", "down", ""]}[block])


def unitary(gates):
    return qp.matrix(qp.prod(*reversed(list(gates))), wire_order=(0, 1))


@pytest.mark.parametrize("block", [b for b in BLOCKS if not b.endswith("su4")])
def test_block_is_the_circuit_of_the_figure(block):
    p = np.random.default_rng(0).uniform(0, 6, BLOCKS[block])
    np.testing.assert_allclose(
        unitary(Convolution(block).gates(p, None, (0, 1))),
        unitary(expected_block(block, p)),
        atol=1e-14,
    )


def test_hur_su4_is_the_circuit_of_the_figure():
    p = np.random.default_rng(0).uniform(0, 6, 15)
    gates = [
        *(qp.U3(*p[:3], 0), qp.U3(*p[3:6], 1), qp.CNOT((0, 1)), qp.RY(p[6], 0), qp.RZ(p[7], 1)),
        *(qp.CNOT((1, 0)), qp.RY(p[8], 0), qp.CNOT((0, 1)), qp.U3(*p[9:12], 0), qp.U3(*p[12:], 1)),
    ]
    block = Convolution("hur_su4").gates(p, None, (0, 1))
    np.testing.assert_allclose(unitary(block), unitary(gates), atol=1e-14)


def test_the_core_of_hur_su4_is_the_one_of_vatan_and_williams():
    """Their Fig. 6, wires exchanged: e^{i(aXX + bYY + cZZ)} from three CNOTs and three rotations."""
    a, b, c = np.random.default_rng(2).uniform(0, 6, 3)
    core = [qp.IsingXX(-2 * a, (0, 1)), qp.IsingYY(-2 * b, (0, 1)), qp.IsingZZ(-2 * c, (0, 1))]
    p = np.zeros(15)
    p[6:9] = np.pi / 2 - 2 * a, np.pi / 2 - 2 * c, 2 * b - np.pi / 2
    block = list(Convolution("hur_su4").gates(p, None, (0, 1)))
    gates = [qp.RZ(np.pi / 2, 0), *block, qp.RZ(-np.pi / 2, 1)]
    overlap = np.trace(unitary(gates).conj().T @ unitary(core)) / 4
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("block, dimension", [("su4", 15), ("hur_su4", 15), ("so4", 6), ("u9", 2)])
def test_block_reaches_its_group(block, dimension):
    """The Jacobian's rank, phase removed: 15 for all of SU(4), 6 and a real matrix for SO(4)."""
    p = np.random.default_rng(1).uniform(0, 6, BLOCKS[block])
    base = unitary(Convolution(block).gates(p, None, (0, 1)))
    rows = []
    for k in range(len(p)):
        moved = unitary(Convolution(block).gates(p + 1e-6 * np.eye(len(p))[k], None, (0, 1)))
        generator = (moved - base) @ base.conj().T * 1e6
        generator -= np.trace(generator) / 4 * np.eye(4)
        rows.append(np.concatenate([generator.real.ravel(), generator.imag.ravel()]))
    assert np.linalg.matrix_rank(np.array(rows), tol=1e-3) == dimension
    if block == "so4":
        assert np.abs(base.imag).max() == 0
        assert np.linalg.det(base.real) == pytest.approx(1.0)


@pytest.mark.parametrize("n, keep", [(2, (0,)), (3, (0, 2)), (4, (0, 2)), (5, (0, 2, 4))])
def test_pooling_keeps_every_second_wire(n, keep):
    wires = tuple(range(n))
    gates = list(Pooling("zx").gates(np.array([0.1, 0.2]), None, wires))
    assert Pooling().active(wires) == keep
    expected = [(kind, (d, d - 1)) for d in range(1, n, 2) for kind in ("CRZ", "CRX")]
    assert [(gate.name, tuple(gate.wires)) for gate in gates] == expected


def test_pooling_is_measurement_and_feed_forward():
    """By deferred measurement: the kept wire's state is the average over the outcomes."""
    p, start = [0.8, 2.1], np.array([0.3, 0.5j, -0.6, 0.2 + 0.5j])
    start = start / np.linalg.norm(start)
    turn = qp.RX(p[1], 0).matrix() @ qp.RZ(p[0], 0).matrix()
    amplitudes = start.reshape(2, 2)  # (keep, drop)
    branches = [amplitudes[:, 0], turn @ amplitudes[:, 1]]
    expected = sum(abs(b[0]) ** 2 - abs(b[1]) ** 2 for b in branches)
    prepare = Template(lambda params, x, wires: qp.StatePrep(start, wires))
    for kind in ("controlled", "measured"):
        value = qdl.QNN(2, [prepare, Pooling("zx", kind)]).apply([None, jnp.array(p)])
        np.testing.assert_allclose(value, [expected], atol=1e-12)


# Noise


@pytest.mark.parametrize(
    "channel, operator",
    [
        ("depolarizing", qp.DepolarizingChannel),
        ("amplitude_damping", qp.AmplitudeDamping),
        ("phase_damping", qp.PhaseDamping),
        ("bit_flip", qp.BitFlip),
    ],
)
def test_noise_puts_one_channel_on_each_wire(channel, operator):
    for got, wire in zip(Noise(channel, 0.2).gates(None, None, (1, 4)), (1, 4), strict=True):
        qp.assert_equal(got, operator(0.2, wires=wire))


# Errors

FOUR = tuple(range(4))


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: AngleEncoding("w"), "AngleEncoding got axis 'w': expected one of 'x', 'y', 'z'"),
        (lambda: AngleEncoding("xy"), "AngleEncoding got axis 'xy'"),
        (lambda: AngleEncoding(features=[0, -1]), r"column numbers >= 0, got \(0, -1\)"),
        (lambda: AngleEncoding(features=2), "column numbers >= 0, got 2"),
        (lambda: IQPEncoding(0), "repeats >= 1, a whole number, got 0"),
        (lambda: Rotation("zq"), "Rotation got axis 'zq': expected letters among 'x', 'y', 'z'"),
        (lambda: Rotation(""), "Rotation needs at least one axis"),
        (
            lambda: Entangler("cxx"),
            "Entangler got gate 'cxx': expected one of cnot, cy, cz, .*isingxy",
        ),
        (
            lambda: Entangler(pattern="star"),
            "got pattern 'star': expected one of chain, ring, brick, all",
        ),
        (
            lambda: Entangler(pattern=[(0, 0)]),
            r"got pattern \(\(0, 0\),\): .*two different positions",
        ),
        (
            lambda: Entangler(pattern=[(0, 4)]).shape(FOUR),
            r"pair \(0, 4\) is out of range: 4 wires",
        ),
        (
            lambda: Convolution("su5"),
            "Convolution got block 'su5': expected one of su4, ttn, u5, .*hur_su4",
        ),
        (
            lambda: Convolution().shape((3,)),
            r"Convolution needs at least 2 active wires, got 1: \[3\]",
        ),
        (lambda: Pooling().shape((3,)), "Pooling needs at least 2 active wires, got 1"),
        (lambda: Pooling().active((3,)), "Pooling needs at least 2 active wires, got 1"),
        (lambda: qdl.QNN(1, [Pooling()]), "Pooling needs at least 2 active wires, got 1"),
        (lambda: Pooling("q"), "Pooling got axis 'q'"),
        (
            lambda: Pooling(kind="lost"),
            "Pooling got kind 'lost': expected one of controlled, measured",
        ),
        (
            lambda: Noise("pink", 0.1),
            "Noise got channel 'pink': expected one of depolarizing, amplitude",
        ),
        (lambda: Noise("bit_flip", 1.5), r"strength in \[0, 1\], got 1.5"),
        (lambda: qdl.QNN(4, AngleEncoding(features=(0, 1))), r"got features=\(0, 1\) for 4 wires"),
    ],
)
def test_errors_of_construction(build, text):
    with pytest.raises(ValueError, match=text):
        build()


@pytest.mark.parametrize(
    "layer, x, text",
    [
        (
            AngleEncoding(),
            np.zeros(3),
            r"AngleEncoding needs one feature per wire: got x of shape \(3,\) for 4 wires. "
            r"Pad x, lower n_wires, or project with qdl.Dense\(3, 4\).",
        ),
        (
            AngleEncoding(),
            np.zeros((2, 5)),
            r"shape \(2, 5\) for 4 wires. Raise n_wires, choose columns",
        ),
        (
            AngleEncoding(),
            None,
            r"AngleEncoding needs features, got x=None: expected x of shape \(4,\)",
        ),
        (
            AngleEncoding(features=(0, 1, 2, 6)),
            np.zeros(5),
            r"x has shape \(5,\): expected at least 7",
        ),
        (BasisEncoding(), np.zeros(3), "BasisEncoding needs one feature per wire"),
        (IQPEncoding(), np.zeros(5), "IQPEncoding needs one feature per wire"),
        (
            AmplitudeEncoding(),
            np.ones(17),
            r"x of shape \(17,\) for 4 wires, expected at most 16. Use 5",
        ),
        (
            AmplitudeEncoding(pad=False),
            np.ones(15),
            r"pad=False.*shape \(15,\) for 4 wires, expected 16",
        ),
        (AmplitudeEncoding(), None, "AmplitudeEncoding needs features, got x=None"),
    ],
)
def test_wrong_feature_counts(layer, x, text):
    with pytest.raises(ValueError, match=text):
        list(layer.gates(None, x, FOUR))
    with pytest.raises(ValueError, match=text):
        qdl.QNN(4, [layer]).apply([None], x)


@pytest.mark.parametrize(
    "layer, x, text",
    [
        (AmplitudeEncoding(), np.zeros(4), "cannot normalise a zero vector: got one. Expected"),
        (
            AmplitudeEncoding(),
            np.eye(3, 4)[[0, 1, 2, 0]] * [[1], [1], [0], [1]],
            "got one in row 2",
        ),
        (
            BasisEncoding(),
            np.array([[0, 1], [1, 0.5]]),
            r"features in \{0, 1\}, got 0.5 in column 1, row 1",
        ),
        (BasisEncoding(), np.array([2, 1]), "got 2.0 in column 0. Threshold x"),
    ],
)
def test_wrong_feature_values_are_refused_while_concrete(layer, x, text):
    model = qdl.QNN(2, [layer])
    for call in (model.apply, model.state, model.operators):
        with pytest.raises(ValueError, match=text):
            call([None], x)


def two_states(params, x, wires):
    yield qp.RY(0.3, wires[2])
    yield from AmplitudeEncoding().gates(None, x[..., :4], (wires[3], wires[0]))
    yield from AmplitudeEncoding().gates(None, x[..., 4:], wires[1:2])
    yield qp.CNOT(wires[1:3])


@pytest.mark.parametrize("name", ["native", "density", "aer"])
def test_states_on_groups_of_wires_are_one_start(name, key):
    """In any order of wires, beside gates on others; the gradient in the features too."""
    place = {
        "native": qdl.backends.statevector(),
        "density": qdl.backends.density_matrix(),
        "aer": qdl.backends.aer(),
    }[name]
    model = qdl.QNN(4, [Template(two_states), Rotation("y")], qdl.Probs([2, 0, 1]))
    params, x = model.init(key), jax.random.normal(key, (3, 6))
    reference = model.on(qp.device("default.qubit", wires=4))
    there = model.on(place)
    np.testing.assert_allclose(there.apply(params, x), reference.apply(params, x), atol=1e-8)
    if name == "native":
        loss = lambda m: lambda x: (m.apply(params, x) ** 2).sum()  # noqa: E731
        wanted = jax.grad(loss(reference))(x)
        np.testing.assert_allclose(jax.grad(loss(there))(x), wanted, atol=1e-8)
        sweep = jax.vmap(lambda x: there.apply(params, x))(x)
        np.testing.assert_allclose(sweep, there.apply(params, x), atol=1e-10)


# The conformance check finds what is wrong


@dataclasses.dataclass(frozen=True)
class Broken(Layer):
    how: str = ""

    def shape(self, wires):
        return (len(wires),)

    def init(self, key, wires, initializer=None):
        return jnp.ones((len(wires) + (self.how == "shape"),))

    def gates(self, params, x, wires):
        if self.how == "text":
            yield "RX"
        for i, wire in enumerate(wires):
            angle = 2 * params[i]
            if self.how == "gradient" and isinstance(angle, jax.Array):
                angle = jax.lax.stop_gradient(angle)
            if self.how == "value" and isinstance(angle, jax.Array):
                angle = 2 * angle
            yield qp.RX(angle, wires=i if self.how == "wires" else wire)

    def active(self, wires):
        return (*wires, 99) if self.how == "active" else wires


@pytest.mark.parametrize(
    "how, text",
    [
        ("shape", r"Broken.init gives \(4,\), shape says \(3,\)"),
        ("text", "must yield PennyLane operators, got 'RX'"),
        ("wires", r"acts on wires \[0\] with RX"),
        ("active", "must return a tuple of some of the wires"),
        ("value", "from JAX arrays differs from the same from NumPy arrays by"),
        ("gradient", "the native gradient differs from central differences by"),
    ],
)
def test_check_layer_finds_the_fault(how, text):
    with pytest.raises(AssertionError, match=text):
        check_layer(Broken(how), 3)


def test_check_layer_accepts_the_sound_and_refuses_the_unpicklable():
    check_layer(Broken(), 3)
    with pytest.raises(AssertionError, match="define its functions at module level"):
        check_layer(Template(lambda params, x, wires: []), 2)


@pytest.mark.parametrize("size", [1e3, 1e5, 1e6, 1e12])
def test_turns_of_many_radians(size):
    """Products of features are angles; beyond 3e9 they once gave other values, then NaN."""
    x = size * np.random.default_rng(0).random((5, 3))
    model = qdl.QNN(3, [IQPEncoding(), Rotation("y"), Entangler("cz")], readout=qdl.ExpZ([0, 1]))
    params = model.init(jax.random.key(0))
    if size**2 * jnp.finfo(float).eps > 1:
        with pytest.raises(ValueError, match="IQPEncoding would turn by .* radians"):
            model.apply(params, x)
        return
    values, slopes = jax.value_and_grad(lambda p: model.apply(p, x).sum())(params)
    other = model.on(qp.device("default.qubit"))
    expected, slopes_there = jax.value_and_grad(lambda p: other.apply(p, x).sum())(params)
    room = 1e-9 + 20 * size**2 * jnp.finfo(float).eps  # of sums of such angles
    np.testing.assert_allclose(values, expected, atol=room)
    jax.tree.map(partial(np.testing.assert_allclose, atol=room), slopes, slopes_there)


@pytest.mark.parametrize(
    "layer", [AngleEncoding(scale=2.0), AngleEncoding(features=(0, 1)), IQPEncoding()]
)
def test_features_that_no_angle_resolves_are_refused(layer):
    model = qdl.QNN(2, layer, readout=qdl.ExpZ(0))
    with pytest.raises(ValueError, match=rf"{type(layer).__name__} would turn by .*StandardScaler"):
        model.apply(model.init(jax.random.key(0)), np.array([[1e20, 1.0], [0.0, 1.0]]))
