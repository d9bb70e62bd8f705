"""Gradient variance from random starts against closed forms and a plain loop."""

import jax
import numpy as np
import pennylane as qp
import pytest

import qdl
from qdl.diagnostics import gradient_variance
from qdl.layers import AngleEncoding, Entangler, RandomRotation, Rotation
from qdl.pauli.observables import observable

STATEVECTOR = {"method": "statevector"}


def test_closed_form_of_one_rotation(key):
    # C = cos(angle): the variance of sin over a uniform angle is 1/2, for any width
    sweep = gradient_variance(
        lambda n: qdl.QNN(n, Rotation("y")), (3,), key=key, samples=2000, **STATEVECTOR
    )
    assert sweep.n_wires == (3,) and len(sweep) == 1
    for row in sweep:
        assert abs(row.variance[0] - 0.5) < 5 * row.standard_error[0]
        # a sample variance of sin has variance (mu4 - mu2^2)/m = (3/8 - 1/4)/m
        assert row.standard_error[0] == pytest.approx(np.sqrt(0.125 / 2000), rel=0.05)
        assert row.low[0] < 0.5 < row.high[0] and row.draws == 2000
        assert row.certified_zero.tolist() == [False] + [True] * (row.n_wires - 1)


def test_the_whole_gradient_is_followed_or_one_component(key):
    layers = [Rotation("zy"), Rotation("y")]
    follow = {}
    for parameter in (None, "largest", "median", 1):
        sweep = gradient_variance(
            lambda n: qdl.QNN(n, layers, readout=qdl.Expval(2 * qp.Z(0))), (3,),
            parameter=parameter, key=key,
        )  # fmt: skip
        follow[parameter] = sweep.followed()
    # C = 2 cos(a + b): two components of variance 2, and z rotations of |0> that change nothing
    assert follow[None]["index"] == [-1] and follow[None]["value"] == pytest.approx([4])
    for each in ("largest", "median"):
        assert follow[each]["index"] in (1, 6) and follow[each]["value"] == pytest.approx([2])
    assert follow[1]["index"] == [1]
    assert sweep.subject == "variance of component 1" and "parameter " in sweep.table()


def test_equals_a_loop_over_draws(key):
    layers = [AngleEncoding(), Rotation("zy"), Entangler("cnot"), Rotation("y")]
    model, x, samples = qdl.QNN(3, layers), np.array([0.3, 1.0, 2.0]), 6
    row = gradient_variance(model, key=key, x=x, samples=samples, **STATEVECTOR)
    gradients, costs = [], []
    for k in jax.random.split(jax.random.fold_in(key, 0), samples):
        params = model.init(jax.random.split(k, 3)[0])
        flat, unravel = jax.flatten_util.ravel_pytree(params)
        cost = lambda p, unravel=unravel: model.apply(unravel(p), x)[0]  # noqa: E731
        costs.append(cost(flat))
        # the parameter-shift rule, exact for these gates
        shifts = np.eye(flat.size) * np.pi / 2
        gradients.append([(cost(flat + s) - cost(flat - s)) / 2 for s in shifts])
    np.testing.assert_allclose(row.variance, np.var(gradients, axis=0, ddof=1), atol=1e-12)
    assert row.cost_variance == pytest.approx(np.var(costs, ddof=1))


def test_cost_is_a_function_of_the_readout(key):
    model = qdl.QNN(2, Rotation("x"), readout=qdl.ExpZ([0, 1]))
    row = gradient_variance(
        model, key=key, cost=lambda z: (z.sum() - 1) ** 2, samples=4000, **STATEVECTOR
    )
    # C = (a + b - 1)^2, a = cos, b = cos: Var[2 (a + b - 1) sin] = 4 (1/8 + 1/4 + 1/2)
    assert row.variance == pytest.approx([3.5, 3.5], rel=0.1)


def test_only_angles_of_random_rotations_are_reported(key):
    model = qdl.QNN(3, [RandomRotation(), Entangler("cz"), Rotation("x")])
    row = gradient_variance(model, key=key, samples=20, **STATEVECTOR)
    np.testing.assert_array_equal(
        row.certified_zero, gradient_variance(model, key=key).certified_zero
    )
    assert row.variance.shape == (6,)
    assert row.layers == ("0 RandomRotation",) * 3 + ("2 Rotation",) * 3


def test_init_replaces_the_models(key):
    model = qdl.QNN(1, Rotation("y"))
    row = gradient_variance(
        model, key=key, initializer=qdl.initializers.gaussian(0.3), samples=4000, **STATEVECTOR
    )
    assert row.variance[0] == pytest.approx((1 - np.exp(-2 * 0.09)) / 2, rel=0.1)  # E sin^2


def test_depth_goes_to_build_and_is_stated(key):
    def build(n, depth):
        return qdl.QNN(n, [Rotation("y")] * depth)

    sweep = gradient_variance(build, (1, 2), depth=lambda n: n + 1, key=key)
    assert [row.depth for row in sweep] == [2, 3] and "depth 2, 3" in sweep.table()
    assert "depth 2, 3" in str(sweep.verdict)


def test_float32_gradients_that_vanish_are_seen_as_zero(key):
    with jax.enable_x64(False):
        model = qdl.QNN(3, [Rotation("yz"), Entangler("cnot"), Rotation("zy")])
        row = gradient_variance(model, key=jax.random.key(1), samples=50, **STATEVECTOR)
    # <Z_0> looks back through one CNOT: the third wire, and the last layer elsewhere, never enter
    assert np.flatnonzero(~row.certified_zero).tolist() == [0, 1, 2, 3, 6, 7]


@pytest.mark.slow
def test_global_observable_is_a_plateau(key):
    def build(n):
        observable = qp.Projector([0] * n, wires=range(n))
        return qdl.QNN(n, Rotation("x"), readout=qdl.Expval(observable))

    sweep = gradient_variance(build, range(2, 7), key=key, samples=2000, **STATEVECTOR)
    assert sweep.verdict == "exponential"
    assert sweep.verdict.low < np.log2(3 / 8) < sweep.verdict.high


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"samples": 1}, "a variance needs samples >= 2, got 1"),
        ({"samples": 2.5}, "a variance needs samples >= 2, got 2.5"),
        (
            {"parameter": "mean"},
            "parameter='mean' is none to follow: expected None for the whole gradient, 'median'",
        ),
        ({"parameter": -1}, "parameter=-1 is none to follow"),
        ({"parameter": 3}, "no parameter 3 on 3 wires, expected an index below 3"),
        ({"n_wires": ()}, "at least one"),
        ({"n_wires": (2, 2)}, r"distinct widths for build\(n\), at least one; got \[2, 2\]"),
        ({"key": 0}, r"needs a JAX key, got 0. Pass key=jax.random.key\(0\)"),
        ({"depth": 3}, "depth must be a function of the width, got 3"),
        ({"x": [np.nan] * 3}, "x must be finite, got nan in column 0"),
        ({"method": "magic"}, "unknown method 'magic': expected one of auto, "),
        ({"model_or_build": qdl.QNN(2, Rotation("y"))}, "with one model of 2 wires"),
        (
            {"model_or_build": qdl.QNN(2, Rotation("y")), "n_wires": None, "depth": abs},
            "depth=.* was given with one model of 2 wires",
        ),
        ({"n_wires": 3}, r"at least one; got 3. Example: n_wires=\(2, 4, 6\)"),
        (
            {"x": np.ones((5, 3))},
            r"one sample of shape \(n_features,\), got shape \(5, 3\). Pass one row",
        ),
        (
            {"model_or_build": lambda n: qdl.QNN(3, Rotation("y")), "n_wires": (2, 3)},
            r"gave models of 3, 3 wires for the widths \[2, 3\]: .* Use n in it",
        ),
        ({"model_or_build": lambda n: qdl.QNN(n, Entangler("cz"))}, "on 3 wires has no parameters"),
        ({"model_or_build": lambda n: None}, r"build\(3\) gave NoneType, expected a QNN"),
    ],
)
def test_bad_input(key, arguments, said):
    """Before anything is drawn."""
    arguments = {
        "model_or_build": lambda n: qdl.QNN(n, Rotation("y")), "n_wires": (3,), "samples": 10,
        "key": key, **arguments,
    }  # fmt: skip
    with pytest.raises((TypeError, ValueError), match=said):
        gradient_variance(**arguments)


def test_a_product_is_known_by_its_factors(key):
    """One projector on all wires, or a product of those on each; and a product of other sums."""
    for n in (3, 9):
        factors = [qp.Projector([0], wires=w) for w in range(n)]
        model = qdl.QNN(n, Rotation("x"), readout=qdl.Expval(qp.prod(*factors)))
        found = gradient_variance(model, key=key)
        assert found.method == "dense_moment"
        np.testing.assert_allclose(found.variance, (1 / 8) * (3 / 8) ** (n - 1), rtol=1e-9)
    other = qp.prod(
        qp.Hermitian(np.array([[2.0, 1j], [-1j, 0.0]]), wires=2), qp.Z(0) + 0.5 * qp.X(0)
    )
    words = observable(qdl.QNN(3, Rotation("xy"), readout=qdl.Expval(other)), None)
    letters = [qp.I, qp.X, qp.Y, qp.Z]
    total = words.offset * np.eye(8, dtype=complex)
    for value, (x, z) in words.terms:
        word = qp.prod(*[letters[(x >> w & 1) ^ (z >> w & 1) * 3](w) for w in range(3)])
        total += value * qp.matrix(word, wire_order=range(3))
    np.testing.assert_allclose(total, qp.matrix(other, wire_order=range(3)), atol=1e-12)


def test_what_is_no_circuit_is_refused(key):
    hybrid = qdl.Hybrid([qdl.Dense(5, 2), qdl.QNN(2, [AngleEncoding(), Rotation("y")])])
    with pytest.raises(TypeError, match=r"got Hybrid. Of a Hybrid pass .* model.stages\[1\]"):
        gradient_variance(hybrid, key=key)
    with pytest.raises(TypeError, match="gradient_variance needs a JAX key, got 0. Pass key="):
        gradient_variance(hybrid.stages[1], key=0)


def test_zeros_do_not_count_in_a_layer_and_a_notebook_shows_the_table(key):
    layers = [Rotation("y"), Rotation("zz")]  # the readout sees one wire, and no z rotation
    row = gradient_variance(qdl.QNN(3, layers, qdl.ExpZ([0])), key=key, samples=200, **STATEVECTOR)
    assert row.certified_zero.tolist() == [False] + [True] * 8
    assert row.by_layer() == {row.layers[0]: row.variance[0], row.layers[-1]: 0.0}
    assert repr(row) == row.table() and "one model has no verdict" in repr(row)
