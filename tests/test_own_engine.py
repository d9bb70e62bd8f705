"""Engines of one's own: the contract, what breaks it, and faults that are no refusals."""

import jax
import numpy as np
import pytest

import qdl
from qdl.diagnostics import Engine, gradient_variance
from qdl.diagnostics.engines import choose
from qdl.layers import Rotation
from qdl.testing import check_engine

MODEL = qdl.QNN(2, Rotation("xy"))


class Differences(Engine):
    """Central differences at random starts, from the simulator."""

    factor = 1.0

    def measure(self, task):
        starts = [task.start(key) for key in jax.random.split(task.key, task.samples or 60)]
        costs, gradients, value = [], [], jax.jit(task.value)
        for params, x in starts:
            flat, tree = jax.flatten_util.ravel_pytree(params)
            costs.append(value(params, x))
            pairs = [
                (value(tree(flat + s), x), value(tree(flat - s), x))
                for s in 1e-5 * np.eye(flat.size)
            ]
            gradients.append(self.factor * np.array([(up - down) / 2e-5 for up, down in pairs]))
        return self.summarise(task, costs, gradients)


class Returns(Engine):
    """What it is told."""

    def __init__(self, reason=None, row=None, error=None):
        self.reason, self.row, self.error = reason, row, error

    def valid(self, task):
        return self.reason

    def measure(self, task):
        if self.error is not None:
            raise self.error
        return self.row


@pytest.mark.parametrize("name", [name for name in choose.ENGINES if name != "sampled"])
def test_ours_keep_the_contract(name):
    check_engine(choose.ENGINES[name], samples=None if "walk" in name else 200)


def test_one_of_ones_own_keeps_it():
    check_engine(Differences())
    row = gradient_variance(MODEL, method=Differences(), samples=5, key=jax.random.key(0))
    assert (row.method, row.draws, row.variance.shape) == ("Differences", 5, (4,))


class TooLarge(Differences):
    """Not the gradient."""

    factor = 3.0


class FewRows(Differences):
    """A parameter is missing."""

    def summarise(self, task, costs, gradients, statement=""):
        row = super().summarise(task, costs, gradients)
        return qdl.diagnostics.GradientVariance(**{**vars(row), "variance": row.variance[1:]})


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (TooLarge(), "TooLarge, one rotation: variance of parameter 0 is 5.* exact 0.5"),
        (FewRows(), r"variance has shape \(0,\), expected \(1,\)"),
        (Returns(reason=True), "valid gave True, expected None or the reason as a string"),
        (Returns(reason="Not here."), "is valid for none of one rotation, a product state"),
        (Differences, "is no instance of a qdl.diagnostics.Engine"),
    ],
)
def test_what_breaks_it(engine, said):
    with pytest.raises(AssertionError, match=said):
        check_engine(engine)


def test_refusals_carry_the_reason_and_other_answers_are_named():
    with pytest.raises(qdl.Refused, match="^Not here.$"):
        gradient_variance(MODEL, method=Returns(reason="Not here."), key=jax.random.key(0))
    with pytest.raises(TypeError, match="Returns.measure gave float, expected a GradientVariance"):
        gradient_variance(MODEL, method=Returns(row=1.0), key=jax.random.key(0))


def test_a_fault_of_an_engine_is_no_refusal(monkeypatch):
    def faulty(self, task):
        return np.zeros(2) + np.zeros(3)  # a ValueError of NumPy's

    monkeypatch.setattr(choose.DenseMoment, "measure", faulty)
    with pytest.raises(ValueError, match="could not be broadcast") as caught:
        gradient_variance(MODEL, key=jax.random.key(0))
    assert not isinstance(caught.value, qdl.Refused)
    refusing = Returns(error=qdl.Refused("Too wide."))
    monkeypatch.setitem(choose.AUTO, "moments", refusing)
    row = gradient_variance(MODEL, key=jax.random.key(0), samples=2**10)
    assert row.method == "pauli_walk" and row.reason == "not moments: Too wide"
