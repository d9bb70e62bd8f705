"""The verdict on truncated values: one rule, and places that have nothing to say."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qdl
from qdl.backends import Place
from qdl.certified import CERTIFIED, EXACT, NOT_CERTIFIED, Certified, judge
from qdl.layers import AngleEncoding, Rotation

MODEL = qdl.QNN(2, [AngleEncoding(), Rotation("x")])


def test_the_rule():
    assert judge(0.1, exact=True) == EXACT
    assert judge(0.1, bound=[0.1, 0.05]) == CERTIFIED
    assert judge(0.1, bound=[0.1, 0.11]) == NOT_CERTIFIED
    assert judge(0.1, difference=[0.05], spot=[0.05]) == CERTIFIED
    assert judge(0.1, difference=[0.051], spot=[0.0]) == NOT_CERTIFIED
    assert judge(0.1, difference=[0.0], spot=[0.051]) == NOT_CERTIFIED
    assert judge(0.1, difference=[0.0]) == judge(0.1, spot=[0.0]) == NOT_CERTIFIED
    assert judge(0.1, bound=[np.nan]) == judge(0.1, bound=[]) == judge(0.1) == NOT_CERTIFIED


def test_the_verdict_comes_first():
    found = Certified(NOT_CERTIFIED, np.ones(2), np.array([0.5, 0.25]), 0.1, "No bound.")
    assert str(found).startswith("not certified: errors of at most 0.5, tolerance 0.1. No bound.")
    assert not found and Certified(EXACT, 1.0, 0.0, 0.1)
    with pytest.raises(ValueError, match="unknown verdict 'fine'; expected 'exact at this size'"):
        Certified("fine", 1.0, 0.0, 0.1)


def test_a_place_of_ones_own():
    @dataclass(frozen=True)
    class Half(Place):
        def values(self, circuit, params, x, key):
            return qdl.backends.statevector().values(circuit, params, x, key) / 2

        def certify(self, circuit, params, x):
            values = self.apply(circuit, params, x, None)
            return Certified(judge(0.1, bound=values), values, jnp.abs(values), 0.1)

    params = MODEL.init(jax.random.key(0))
    found = qdl.certify(MODEL.on(Half()), params, np.zeros((3, 2)))
    assert found.values.shape == found.errors.shape == (3, 2)
    with pytest.raises(ValueError, match="params"):
        qdl.certify(MODEL.on(Half()), params[:1], np.zeros((3, 2)))


def test_what_has_nothing_to_certify():
    params = MODEL.init(jax.random.key(0))
    with pytest.raises(qdl.Refused, match="certify is for places that leave something out"):
        qdl.certify(MODEL, params, np.zeros(2))
    with pytest.raises(TypeError, match="certify takes a circuit on a place, got Hybrid"):
        qdl.certify(qdl.Hybrid([MODEL]), [params], np.zeros(2))
