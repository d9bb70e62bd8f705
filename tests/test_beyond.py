"""Places above the state vector: equal to it where it reaches, refused by name where they do not."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest
from catalogue import ROWS

import qdl
from qdl.backends import classical, cone, pauli_propagation, tensor_network
from qdl.layers import (
    AmplitudeEncoding,
    AngleEncoding,
    Convolution,
    Entangler,
    MPSEncoding,
    Noise,
    Pooling,
    Repeat,
    Rotation,
    Template,
)
from qdl.reading import light_cone

EXACT = {"cone": cone(), "network": tensor_network(), "words": pauli_propagation(weight=None)}


def inputs(model, batch=3, seed=0):
    params = model.init(jax.random.key(seed))
    x = np.random.default_rng(seed).uniform(0.1, 1.4, (batch, model.n_features))
    return params, x if model.n_features else None


def read(model, params, x):
    """The readout values, and the gradient of a weighted sum of them."""
    weights = np.random.default_rng(1).normal(size=model.size)

    def total(params):
        values = jnp.atleast_2d(model.apply(params, x))
        return (values @ weights).sum(), values

    (_, values), slopes = jax.jit(jax.value_and_grad(total, has_aux=True))(params)
    return [np.ravel(leaf) for leaf in (values, *jax.tree.leaves(slopes))]


def equal(model, place, params, x, room=1e-10):
    pairs = zip(read(model.on(place), params, x), read(model, params, x), strict=True)
    assert all(np.abs(a - b).max() < room for a, b in pairs)


# ---- equal to the state vector


MIXED = [
    AngleEncoding(),
    Rotation("zyx"),
    Convolution("ttn", shared=False),
    AngleEncoding("x", trainable=True),  # features behind entangling gates
    Entangler("crx", "ring"),
    Template(
        lambda p, x, wires: [qp.MultiRZ(p[0] * p[1], wires), qp.PauliRot(p[1], "XYZI", wires)], (2,)
    ),
    Pooling("yz", shared=False),
]
READ = qdl.Expval([qp.Z(0) @ qp.X(2) - 0.3 * qp.Z(0), qp.Projector([1], 2)])


@pytest.mark.parametrize(
    "place", ["cone", pytest.param("network", marks=pytest.mark.slow), "words"]
)
def test_equal_to_the_state_vector(place):
    model = qdl.QNN(4, MIXED, READ)
    equal(model, EXACT[place], *inputs(model))


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("place", EXACT)
def test_every_layer_of_the_catalogue(place, name):
    row = ROWS[name]
    model = qdl.QNN(3, [Rotation("yz"), row.layer] if not row.layer.first_only else [row.layer])
    params, x = inputs(model, 2)
    if name == "basis":
        x = np.round(x)
    if (name == "amplitude" and place != "cone") or (name[:3] == "mps" and place == "words"):
        with pytest.raises(qdl.Refused, match="one-wire states"):
            model.on(EXACT[place]).apply(params, x)
        return
    equal(model, EXACT[place], params, x)


def test_noise_is_exact_too():
    layers = [AngleEncoding(), Entangler("cnot"), Noise("amplitude_damping", 0.2), Rotation("xz")]
    model = qdl.QNN(3, [*layers, Entangler("crx"), Noise("depolarizing", 0.1)])
    params, x = inputs(model, 2)
    true = model.on(qdl.backends.density_matrix()).apply(params, x)
    for name in ("cone", "words"):
        assert np.abs(model.on(EXACT[name]).apply(params, x) - true).max() < 1e-10


def test_single_samples_and_no_features():
    model = qdl.models.mcclean(3, 2)
    params = model.init(jax.random.key(0))
    for name in ("cone", "words"):
        assert abs(model.on(EXACT[name]).apply(params)[0] - model.apply(params)[0]) < 1e-10
    model = qdl.models.qcnn(4, pattern="pairs")
    params, x = inputs(model)
    for place in (EXACT["network"], EXACT["words"]):
        assert abs(model.on(place).apply(params, x[0])[0] - model.apply(params, x[0])[0]) < 1e-10


# ---- trees and chains


@pytest.mark.parametrize("n, block", [(5, "su4"), (16, "ttn")])
def test_trees(n, block):
    model = qdl.models.qcnn(n, block, pattern="pairs", shared=False)
    place = tensor_network()
    assert place.explain(model).engine == "tree"
    equal(model, place, *inputs(model, 2))


def test_a_tree_of_a_thousand_wires_is_a_product_of_what_is_known():
    """All angles zero: the readout is the cosine of the first feature."""
    model = qdl.models.qcnn(300, "so4", pattern="pairs").on(classical())
    params = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0)))
    x = np.random.default_rng(0).uniform(0, 3, (2, 300))
    assert np.allclose(model.apply(params, x)[:, 0], np.cos(x[:, 0]), atol=1e-12)


def test_patterns_of_pairs():
    wires = (3, 1, 4, 7)
    assert Convolution().pairs(wires) == [(3, 1), (4, 7), (1, 4), (7, 3)]
    assert Convolution(pattern="chain").pairs(wires) == [(3, 1), (4, 7), (1, 4)]
    assert Convolution(pattern="pairs").pairs(wires) == [(3, 1), (4, 7)]
    assert (
        Pooling(shared=False).shape(wires) == (2, 2)
        and Pooling("", shared=False).shape(wires) is None
    )
    with pytest.raises(ValueError, match="got pattern 'star': expected one of ring, chain, pairs"):
        Convolution(pattern="star")


def test_options_of_before_are_described_as_before():
    """Files of models that know no patterns stay equal."""
    from qdl.describe import describe

    assert describe(Convolution("ttn"), {})["fields"] == {"block": "ttn", "shared": True}
    assert describe(Pooling(), {})["fields"] == {"axes": "zx", "kind": "controlled"}


@pytest.mark.parametrize("pattern", ["chain", pytest.param("ring", marks=pytest.mark.slow)])
def test_contraction(pattern, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = qdl.models.qcnn(6, "ttn", pattern=pattern)
    place = tensor_network(seconds=1.5 if pattern == "ring" else 1)
    assert place.explain(model).engine == "contraction"
    equal(model, place, *inputs(model, 2))
    assert list(tmp_path.rglob("*.json")), "the path is kept"


# ---- matrix product states as data


def chains(n, bond, real, rows=2):
    """Random states as rows of x, and as vectors."""
    rng, layer, x, psi = np.random.default_rng(n), MPSEncoding(bond, real), [], []
    bonds = [1, *[min(bond, 2**i, 2 ** (n - i)) for i in range(1, n)], 1]
    for _ in range(rows):
        shapes = [(bonds[i], 2, bonds[i + 1]) for i in range(n)]
        tensors = [rng.normal(size=s) + (0 if real else 1j) * rng.normal(size=s) for s in shapes]
        x.append(layer.features(tensors))
        whole = tensors[0]
        for tensor in tensors[1:] if n <= 20 else ():
            whole = np.tensordot(whole, tensor, 1)
        psi.append(whole.ravel() / np.linalg.norm(whole))
    return layer, np.stack(x), np.stack(psi)


@pytest.mark.parametrize("real", [True, False])
def test_a_matrix_product_state_is_prepared(real):
    layer, x, psi = chains(6, 3, real)
    model = qdl.QNN(6, layer, qdl.Probs())
    found = model.state([None], x)
    assert np.abs(np.abs((found.conj() * psi).sum(-1)) - 1).max() < 1e-12
    assert np.allclose(
        model.on(qp.device("default.qubit", wires=6)).apply([None], x), abs(psi) ** 2
    )
    assert np.allclose(layer.features([t for t in _tensors(layer, x[0], 6)]), x[0])


def _tensors(layer, row, n):
    bonds = [1, *[min(3, 2**i, 2 ** (n - i)) for i in range(1, n)], 1]
    whole = layer._tensors(row, range(n))
    return [whole[i, : bonds[i], :, : bonds[i + 1]] for i in range(n)]


def test_pennylane_prepares_the_same():
    """A bond of two, one sample, with its work wire."""
    layer, x, psi = chains(3, 2, True, 1)
    tensors = [x[0].reshape(3, 2, 2, 2)[i] for i in range(3)]
    given = [tensors[0][0], tensors[1], tensors[2][:, :, 0]]

    @qp.qnode(qp.device("default.qubit", wires=4))
    def circuit():
        qp.MPSPrep(given, wires=[1, 2, 3], work_wires=[0], right_canonicalize=True)
        return qp.probs([1, 2, 3])

    assert np.allclose(circuit(), qdl.QNN(3, layer, qdl.Probs()).apply([None], x)[0], atol=1e-7)
    assert np.allclose(circuit(), psi[0] ** 2, atol=1e-7)


@pytest.mark.parametrize("place", ["cone", pytest.param("network", marks=pytest.mark.slow)])
def test_places_that_take_matrix_product_states(place, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    layer, x, _ = chains(7, 2, False)
    readout = qdl.Expval([qp.Z(2) @ qp.X(3), qp.Y(6)])
    model = qdl.QNN(
        7,
        [layer, Rotation("zy"), Entangler("cz", "chain"), AngleEncoding(features=tuple(range(7)))],
        readout,
    )
    params = model.init(jax.random.key(0))
    there = {"cone": cone(), "network": tensor_network(seconds=1)}[place]
    equal(model, there, params, x)
    one = model.on(there).apply(params, x[0])
    assert np.abs(one - model.apply(params, x[0])).max() < 1e-10


def test_the_cone_of_a_wide_matrix_product_state_is_narrow():
    """40 wires, of which the readout sees some: a window, and the bond on both sides."""
    layer, x, _ = chains(40, 3, True)
    layers = [layer, Rotation("zy"), Entangler("cz", "chain"), Rotation("xy")]
    model = qdl.QNN(40, layers, qdl.Expval(qp.Z(20) @ qp.X(21)))
    params = model.init(jax.random.key(0))
    assert cone().explain(model).wires == 8
    shown = model.on(cone()).apply(params, x)
    psi = layer._tensors(x, range(40))
    left, right = np.ones((2, 1, 1)), np.ones((2, 1, 1))  # environments, by transfer matrices
    for i in range(19):
        a = psi[:, i, : left.shape[1]]
        left = np.einsum("nab,nasc,nbsd->ncd", left, a, a)
    for i in reversed(range(23, 40)):
        a = psi[:, i, :, :, : right.shape[1]]
        right = np.einsum("ncd,nasc,nbsd->nab", right, a, a)
    inner = np.einsum("nasb,nbtc,ncud,ndve->nastuve", *(psi[:, i] for i in range(19, 23)))
    rho = np.einsum(
        "nab,nasf,nbtg,nfg->nst",
        left,
        inner.reshape(2, 3, 16, 3),
        inner.reshape(2, 3, 16, 3),
        right,
    )
    rho = rho / np.trace(rho, axis1=1, axis2=2)[:, None, None]
    small = qdl.QNN(4, layers[1:], qdl.Expval(qp.Z(1) @ qp.X(2)))
    cut = [p if p is None else p[19:23] for p in params[1:]]
    columns = np.linalg.eigh(rho)
    first = qdl.QNN(4, [AmplitudeEncoding(), *layers[1:]], small.readout)
    vectors = np.swapaxes(columns[1], 1, 2)
    values = first.apply([None, *cut], vectors.reshape(-1, 16)).reshape(2, 16)
    assert np.allclose(shown[:, 0], (columns[0] * values).sum(1), atol=1e-10)
    with pytest.raises(ValueError, match="40 wires need"):
        model.apply(params, x)


def test_bad_matrix_product_states():
    layer = MPSEncoding(2)
    good = np.ones((1, 2, 2)), np.ones((2, 2, 1))
    for tensors, text in (
        ((good[0], np.ones((3, 2, 1))), r"tensor 1 has shape \(3, 2, 1\), expected \(2, 2, 1\)"),
        ((np.ones((1, 2, 3)), np.ones((3, 2, 1))), "bond_dimension=2. Use MPSEncoding.3."),
        ((1j * good[0], good[1]), "tensor 0 is complex, .* real=False"),
    ):
        with pytest.raises(ValueError, match=text):
            layer.features(tensors)
    with pytest.raises(ValueError, match="needs the 16 numbers of its tensors, got x of shape"):
        qdl.QNN(2, layer).apply([None], np.ones(4))
    with pytest.raises(ValueError, match="a state of norm zero: got one in row 1"):
        qdl.QNN(2, layer).apply([None], np.stack([layer.features(good), np.zeros(16)]))
    for bond in (0, 2.5):
        with pytest.raises(ValueError, match="bond_dimension to be a whole number >= 1"):
            MPSEncoding(bond)


# ---- samples


def test_samples_are_drawn_apart():
    """Two trees that a gate joins are drawn from one state, a third by itself."""
    model = qdl.models.qcnn(12, "ttn", pattern="pairs", shared=False, stop_at=3, head=False)
    layers = [*model.layers.layers, Entangler("crx", ((0, 1),))]
    asked = qdl.Expval([qp.Z(0), qp.Z(4), qp.Z(8), qp.Z(0) @ qp.Z(4), qp.Z(4) @ qp.Z(8)])
    wide, true = qdl.QNN(12, layers), qdl.QNN(12, layers, asked)
    params = wide.init(jax.random.key(0))
    x = np.random.default_rng(0).uniform(0, 3, (2, 12))
    assert cone().explain(wide).wires == 8
    for place in (tensor_network(), cone()):
        bits = wide.on(place).sample(params, x, 4000, jax.random.key(1))
        assert bits.shape == (2, 4000, 3)
        s = 1.0 - 2 * np.asarray(bits)
        seen = [s[..., 0], s[..., 1], s[..., 2], s[..., 0] * s[..., 1], s[..., 1] * s[..., 2]]
        seen = np.stack([each.mean(-1) for each in seen], -1)
        assert np.abs(seen - true.apply(params, x)).max() < 5 / 4000**0.5


def test_samples_that_are_refused():
    ring = qdl.models.qcnn(64, "ttn", stop_at=2)
    params, x = ring.init(jax.random.key(0)), np.ones(64)
    with pytest.raises(qdl.Refused, match="the circuit is no tree"):
        ring.on(tensor_network()).sample(params, x, 10, jax.random.key(0))
    with pytest.raises(qdl.Refused, match="sees 64 of 64 wires, whose state vectors need"):
        ring.on(cone()).sample(params, x, 10, jax.random.key(0))


# ---- onward


def test_check_above_the_state_vector():
    model = qdl.models.qcnn(32, "ttn", pattern="pairs", shared=False)
    assert qdl.check(model, tensor_network()).ok


@pytest.mark.slow
def test_check_finds_a_truncation_above_the_state_vector():
    model = qdl.models.qcnn(32, "ttn", pattern="pairs", shared=False)
    cut = qdl.check(model, pauli_propagation(weight=1))
    assert not cut.ok and "NOT equal" in str(cut)
    dense = qdl.QNN(
        40, [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cnot", "all")], 3)], qdl.ExpZ([0])
    )
    with pytest.raises(qdl.Refused, match="no exact engine|no classical engine"):
        qdl.check(dense, pauli_propagation(weight=1))


# ---- light cones


def test_the_cone_of_diagonal_gates_is_narrow():
    layers = [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cz", "chain")], 2)]
    wide = qdl.QNN(60, layers, qdl.Expval(qp.Z(29) @ qp.Z(30)))
    assert cone().explain(wide).wires == 6
    small = qdl.QNN(6, layers, qdl.Expval(qp.Z(2) @ qp.Z(3)))
    params, x = inputs(wide, 2)
    cut = [None, [p[:, 27:33] if p is not None else None for p in params[1]]]
    assert np.allclose(wide.on(cone()).apply(params, x), small.apply(cut, x[:, 27:33]), atol=1e-12)


def test_a_cone_keeps_what_does_not_commute():
    gates = [qp.CNOT([0, 1]), qp.RY(0.1, 1), qp.CZ([0, 1]), qp.CZ([1, 2]), qp.CZ([2, 3])]
    diagonal = lambda gate: gate.name == "CZ"  # noqa: E731
    assert light_cone(gates, [3], diagonal) == ([4], {2, 3})
    assert light_cone(gates, [2], diagonal) == ([0, 1, 3, 4], {0, 1, 2, 3})


def test_a_template_need_not_say_how_many_features_it_reads():
    gates = Template(
        lambda p, x, wires: [qp.RY(p[0] * x[..., 2], 0), qp.CRX(x[..., 0], wires)], (1,)
    )
    model = qdl.QNN(2, [Rotation("xy"), gates])
    params, x = model.init(jax.random.key(0)), np.random.default_rng(0).uniform(0, 2, (3, 3))
    for place in EXACT.values():
        assert np.abs(model.on(place).apply(params, x) - model.apply(params, x)).max() < 1e-10


# ---- truncation


def test_truncated_values_belong_to_no_state():
    model = qdl.models.qcnn(4).on(pauli_propagation(weight=1))
    assert not model.place.exact and pauli_propagation(weight=None).exact
    with pytest.raises(qdl.Refused, match="there is nothing to sample"):
        model.sample(model.init(jax.random.key(0)), np.zeros(4), 10, jax.random.key(1))


def test_truncation_tells_what_it_drops():
    model = qdl.models.qcnn(8, "ttn")
    place = pauli_propagation(weight=2)
    params, x = inputs(model, 4)
    found = place.propagated(model.circuit, params, x)
    error = np.abs(found.values - model.apply(params, x)).max()
    assert 1e-3 < error <= found.bound[0, 0]
    assert found.dropped[0, 0] <= found.bound[0, 0]
    assert place.penalty(model.circuit, params, x) is None
    punished = pauli_propagation(weight=2, penalty=0.3).penalty(model.circuit, params, x)
    assert np.allclose(punished, 0.3 * found.dropped**2)


def test_the_slope_of_a_penalty():
    model = qdl.models.qcnn(6, "ttn")
    place = pauli_propagation(weight=1, penalty=1.0)
    params, x = inputs(model, 2)

    def penalty(t):
        moved = jax.tree.map(lambda leaf: leaf + t, params)
        return place.penalty(model.circuit, moved, x)

    numeric = (penalty(1e-5) - penalty(-1e-5)) / 2e-5
    assert abs(jax.grad(penalty)(0.0) - numeric) < 1e-6 * abs(numeric) + 1e-9


def test_verdicts():
    model = qdl.models.qcnn(6, "ttn")
    params, x = inputs(model, 4)
    exact = qdl.certify(model.on(pauli_propagation(weight=None)), params, x)
    assert str(exact).startswith("exact at this size") and not exact.bound.any()
    cut = qdl.certify(model.on(pauli_propagation(weight=1)), params, x)
    assert cut.verdict == "not certified" and cut.spot.shape == (3, 1)
    true = np.abs(cut.values - model.apply(params, x))
    assert np.allclose(cut.spot, true[:3], atol=1e-10) and (true <= cut.bound).all()
    # CNOTs make one heavy word of the readout: the weights agree on nothing, and that certifies nothing.
    still = jax.tree.map(lambda leaf: 1e-3 * leaf, params)
    found = qdl.certify(model.on(pauli_propagation(weight=1)), still, 0 * x)
    assert found.difference.max() < 1e-4 < 0.9 < found.spot.max()
    assert found.verdict == "not certified"


@pytest.mark.slow
def test_a_start_near_the_identity_is_certified():
    model = qdl.models.qcnn(6, "u13").on(pauli_propagation(weight=1))
    params, x = inputs(model, 4)
    found = qdl.certify(model, jax.tree.map(lambda leaf: 1e-4 * leaf, params), 0 * x)
    assert found.verdict == "certified at this theta" and found.bound.max() > 0


def test_epsilon_and_max_words_drop_more():
    model = qdl.models.qcnn(6, "ttn")
    params, x = inputs(model, 2)
    all_words = pauli_propagation(weight=None).words(model.circuit)
    for place in (pauli_propagation(None, epsilon=0.05), pauli_propagation(None, max_words=40)):
        assert place.words(model.circuit) < all_words
        found = place.propagated(model.circuit, params, x)
        assert (np.abs(found.values - model.apply(params, x)) <= found.bound + 1e-12).all()
        assert found.bound.max() > 0


def test_words_of_the_readout_that_are_dropped_at_once_count():
    readout = qdl.Expval(0.3 * qp.Z(0) + 2.3 * qp.Z(2) + 4.3 * qp.Z(4))
    model = qdl.QNN(6, Entangler("crx", ((0, 1), (2, 3), (4, 5))), readout)
    params = model.init(jax.random.key(0))
    found = qdl.certify(model.on(pauli_propagation(None, max_words=1)), params)
    assert found.values == pytest.approx(4.3) and found.bound == pytest.approx(2.6)
    assert found.verdict == "not certified"


def test_a_matrix_that_is_computed_may_become_anything():
    """With equal parameters, as the stand-ins are, the matrix is the identity."""

    def gates(params, x, wires):
        c, s = jnp.cos(params[0] - params[1]), jnp.sin(params[0] - params[1])
        yield from (qp.RY(0.7, wires[0]), qp.RX(0.4, wires[1]), qp.CZ(wires))
        yield qp.QubitUnitary(jnp.array([[c, -s], [s, c]]), wires[0])

    model = qdl.QNN(2, Template(gates, (2,)), qdl.ExpZ([0]))
    equal(model, EXACT["words"], [np.array([0.3, 0.9])], None)


# ---- the chooser


def test_the_chooser_says_why():
    tree = classical().explain(qdl.models.qcnn(64, pattern="pairs", shared=False))
    assert tree.engine == "tree" and tree.wires == 64 and "is a tree" in str(tree)
    layers = [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cz", "chain")], 2)]
    local = classical().explain(qdl.QNN(50, layers, qdl.ExpZ([20])))
    assert (
        local.engine in ("cone", "tree")
        and local.wires <= 5
        and str(local).startswith(local.engine)
    )


# ---- bad input


def test_refusals_before_any_work():
    wide = qdl.QNN(60, [AngleEncoding(), Repeat([Rotation("yz"), Entangler("cnot", "ring")], 8)])
    params, x = inputs(wide, 2)
    with pytest.raises(qdl.Refused, match="sees 60 of 60 wires, whose state vectors need"):
        wide.on(cone()).apply(params, x)
    heavy = qdl.QNN(4, [Rotation("y")], qdl.Expval(qp.Z(0) @ qp.Z(1) @ qp.Z(2)))
    with pytest.raises(qdl.Refused, match="a Pauli word on 3 wires, but .*weight=2.*Use weight=3"):
        heavy.on(pauli_propagation()).apply(heavy.init(jax.random.key(0)))
    probs = qdl.QNN(8, [Rotation("y"), Entangler("crx")], qdl.Probs())
    for place in (tensor_network(), pauli_propagation(weight=None)):
        with pytest.raises(qdl.Refused, match="the probabilities of 8 wires"):
            probs.on(place).apply(probs.init(jax.random.key(0)))
    states = qdl.QNN(3, [AmplitudeEncoding(), Rotation("y")])
    with pytest.raises(qdl.Refused, match="no product of one-wire states"):
        states.on(tensor_network()).apply(states.init(jax.random.key(0)), np.ones((1, 8)))
    matrix = Template(lambda p, x, wires: [qp.QFT(wires), qp.BlockEncode(0.3 * np.eye(4), wires)])
    with pytest.raises(qdl.Refused, match="has no decomposition into gates on two wires"):
        qdl.QNN(3, [matrix]).on(tensor_network()).apply([None])


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: pauli_propagation(weight=0), "weight as a whole number >= 1"),
        (lambda: pauli_propagation(weight=2.0), "weight as a whole number >= 1"),
        (lambda: pauli_propagation(penalty=-1), "a finite penalty >= 0"),
        (lambda: pauli_propagation(epsilon=float("nan")), "a finite epsilon >= 0"),
        (lambda: pauli_propagation(tolerance=0), "a tolerance > 0"),
        (lambda: classical(tolerance=-1), "a tolerance > 0"),
        (lambda: tensor_network(seconds=0), "seconds > 0"),
    ],
)
def test_bad_fields(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_no_cotengra(monkeypatch):
    import sys

    from qdl.backends.beyond import paths

    monkeypatch.setitem(sys.modules, "cotengra", None)
    with pytest.raises(ImportError, match="pip install 'qdl\\[tensor\\]'"):
        paths.contraction(((0,), (0,)))


def test_places_are_saved(tmp_path):
    for place in (classical(), cone(), tensor_network(), pauli_propagation(3, penalty=0.3)):
        model = qdl.models.qcnn(4, pattern="pairs", shared=False).on(place)
        qdl.save(tmp_path / type(place).__name__, model, model.init(jax.random.key(0)))
        assert qdl.load(tmp_path / type(place).__name__)[0] == model


def test_fit_holds_the_penalty_and_says_what_is_dropped():
    model = qdl.models.qcnn(6, "ttn").on(pauli_propagation(weight=1, penalty=0.5))
    params, x = inputs(model, 8)
    options = {"loss": "mse", "steps": 3, "key": jax.random.key(0), "params": params}
    with pytest.warns(
        RuntimeWarning, match="weight=1. drops words of L2 norm .* 0.01 is tolerated"
    ):
        found = qdl.fit(model, x, np.ones(8), **options)
    penalty, dropped = found.history["penalty"], found.history["dropped"]
    assert len(penalty) == 3 and np.allclose(penalty, 0.5 * dropped**2)
    lost = model.place.propagated(model.circuit, params, x).dropped
    assert np.allclose(dropped[0], np.sqrt((lost**2).sum(-1).mean()))
    free = qdl.models.qcnn(6, "ttn").on(pauli_propagation(weight=None))
    assert "dropped" not in qdl.fit(free, x, np.ones(8), **options).history


@pytest.mark.slow
def test_values_that_no_state_has_are_reported():
    """A truncated model reaches targets that are none of any state's values."""
    model = qdl.models.qcnn(6, "u13", head=False, shared=False).on(pauli_propagation(weight=2))
    x = np.random.default_rng(0).uniform(0, 1, (4, 6))
    options = {"loss": "mse", "optimizer": optax.adam(0.1), "steps": 150, "key": jax.random.key(0)}
    with pytest.warns(RuntimeWarning, match="4 of 4 values that no state has, up to 1.3"):
        found = qdl.fit(model, x, 2 * np.ones(4), **options)
    assert qdl.certify(model, found.params, x).outside == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*drops words of L2 norm:RuntimeWarning")
def test_the_trap_of_training_a_truncated_model():
    """Labels survive, values do not: the certificate says so, and a penalty mends most of it."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images[digits.target < 2].reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    order = np.random.default_rng(0).permutation(len(images))
    X, y = images[order] / 16 * np.pi, digits.target[digits.target < 2][order]
    ring = qdl.models.qcnn(16, shared=False, head=False)

    def trained(penalty, seed):
        model = ring.on(pauli_propagation(weight=2, penalty=penalty))
        keys = iter(jax.random.split(jax.random.key(seed), 99))
        params = jax.tree.map(
            lambda a: 0.1 * jax.random.normal(next(keys), a.shape), model.init(jax.random.key(0))
        )
        options = {"loss": "cross_entropy", "optimizer": optax.adam(0.02), "steps": 150}
        options |= {"params": params, "key": jax.random.key(seed)}
        params = qdl.fit(model, X[:252], y[:252], **options).params
        found = qdl.certify(model, params, X[252:])
        return found, np.abs(np.asarray(ring.apply(params, X[252:])) - found.values)

    def rms(a):
        return float(np.sqrt(np.mean(np.asarray(a) ** 2)))

    for seed in range(3):
        found, error = trained(0.0, seed)
        assert found.verdict == "not certified" and rms(error) > 0.4 and found.outside > 20
        assert (error <= found.bound + 1e-5).all() and np.allclose(found.spot, error[:3], atol=1e-4)
        mended, less = trained(0.3, seed)
        assert mended.verdict == "not certified" and mended.dropped < 0.65 * found.dropped
        assert rms(less) < 0.7 * rms(error)
        assert rms(less) <= 2 * rms(mended.difference)
        assert less.max() <= 2 * mended.difference.max()
