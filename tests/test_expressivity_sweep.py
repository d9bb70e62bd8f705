"""Expressibility and entangling capability over depth against exact moments of the circuits of each depth."""

import doctest
import importlib

import jax
import numpy as np
import pytest

import qdl
from qdl.diagnostics import entangling_capability, expressivity_sweep, frame_potential
from qdl.layers import AngleEncoding, Entangler, Noise, Repeat, Rotation

X = np.array([0.4, -1.2, 0.9])


def build(n, depth):
    """Something before and behind the loop, features in it."""
    block = [Rotation("zy"), Entangler("cz"), AngleEncoding("x")]
    return qdl.QNN(n, [Rotation("x"), Repeat(block, depth), Rotation("y"), Entangler("cnot")])


def plain(n, depth):
    return qdl.QNN(n, Repeat([Rotation("y"), Entangler("cz", "ring")], depth))


def test_rows_are_those_of_each_depth(key, compiled):
    found = expressivity_sweep(build, 3, (1, 3, 2), key=key, samples=1500, x=X)
    assert compiled.count("_block") == 1 and found.depths == (1, 2, 3)
    for depth, e, q in found:
        model = build(3, depth)
        exact = entangling_capability(model, key=key, x=X, method="dense_moment")
        assert abs(q.value - exact.value) < 5 * q.standard_error and q.haar == exact.haar
        second, sampled = frame_potential(model, key=key, x=X), e.frame_potential()
        assert second.method == "dense_moment"
        assert abs(sampled.value - second.value) < 5 * sampled.standard_error
        assert e.fidelities.shape == (1500,) and q.samples == 3000


@pytest.mark.parametrize("float64", [True, False])
def test_a_circuit_that_begins_with_its_loop(key, float64):
    with jax.enable_x64(float64):
        found = expressivity_sweep(plain, 2, (1, 2), key=key, samples=400)
    for depth, _, q in found:
        exact = entangling_capability(plain(2, depth), key=key, method="dense_moment").value
        assert abs(q.value - exact) < 5 * q.standard_error + 1e-5
    assert "Haar" in repr(found) and len(repr(found).splitlines()) == 4
    axes = found.plot()
    assert [line.get_ydata() for line in axes.lines][0].tolist() == [
        e.value for e in found.expressibility
    ]


def other_entangler(n, depth):
    return qdl.QNN(n, Repeat([Rotation("y"), Entangler("cz" if depth > 1 else "cnot")], depth))


def two(n, depth):
    return qdl.QNN(n, [Repeat(Rotation("y"), depth), Repeat(Rotation("x"), depth)])


@pytest.mark.parametrize(
    ("given", "depths", "said"),
    [
        (lambda n, d: qdl.QNN(n, [Rotation("y")] * d), (1, 2), "with 0 of 2 turns"),
        (two, (1, 2), "with 2 of 2 turns"),
        (other_entangler, (1, 2), "differ in more than the turns"),
        (plain, (), "depths is empty"),
        (plain, (0, 2), "depth"),
        (lambda n, d: qdl.QNN(n, Repeat(Noise("bit_flip", 0.1), d)), (1,), "BitFlip|channel|noise"),
    ],
)
def test_what_has_no_such_sweep_is_refused(given, depths, said, key):
    with pytest.raises((ValueError, TypeError), match=said):
        expressivity_sweep(given, 2, depths, key=key, samples=10)


def test_examples_in_docstrings_run():
    result = doctest.testmod(importlib.import_module("qdl.diagnostics.expressivity_sweep"))
    assert result.failed == 0 and result.attempted > 0
