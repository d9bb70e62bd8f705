"""The conformance checks accept what is sound and name what is not."""

from dataclasses import dataclass

import jax
import numpy as np
import pennylane as qp
import pytest
from places import PLACES, OneByOne

import qdl
from qdl.backends import RowPlace, as_place
from qdl.backends.device import PennyLaneDevice
from qdl.observables import terms
from qdl.readout import Readout
from qdl.testing import check_place, check_readout


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if PLACES[n].slow else n for n in PLACES]
)
def test_every_place_keeps_the_contract(name):
    row = PLACES[name]
    check_place(row.make(), gradient=row.gradient)


def test_a_place_is_exact_or_says_why_not():
    inexact = {name for name, row in PLACES.items() if not as_place(row.make()).exact}
    assert inexact == {
        "statevector with shots", "trajectories", "classical", "aer with shots", "aer with noise", "fake",
        "aer with errors of qubits", "aer with errors and shots", "mitigated errors",
    }  # fmt: skip


@dataclass(frozen=True)
class Broken(PennyLaneDevice):
    """``default.qubit``, spoilt."""

    device: object = qp.device("default.qubit")
    how: str = ""

    shots = None
    noisy = False

    def evaluate(self, operators, observables, key):
        if self.how == "first term":
            parts = [terms(o)[0] for o in observables]
            observables = [c * (t if hasattr(t, "matrix") else t.operation()) for c, t in parts]
        if self.how == "turned":
            operators = [qp.map_wires(o, {0: 2, 1: 1, 2: 0}) for o in operators]
        values = super().evaluate(operators, observables, key)
        if self.how == "squeezed":
            return values[..., 0]
        if self.how == "turned over":
            return values[..., None]
        if self.how == "first alone":
            return values[..., :1]
        return values + (0.01 if self.how == "shifted" else 0.0)

    def probabilities(self, operators, wires, key):
        if self.how == "sorted wires":
            wires = sorted(wires)
        if self.how == "inverse order":
            ranks = sorted(wires)
            wires = [ranks[i] for i in np.argsort(np.argsort(wires).argsort())]
        return super().probabilities(operators, wires, key)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("turned", "(?s)NOT equal; .*wires are reversed"),
        ("shifted", r"Broken with ExpZ\(.*\): NOT equal"),
        ("squeezed", r"Broken with ExpZ.*shape \(\), expected \(3,\)"),
        ("turned over", r"Broken with ExpZ.*shape \(3, 1\), expected \(3,\)"),
        ("first alone", r"Broken with ExpZ.*shape \(1,\), expected \(3,\)"),
        ("first term", "(?s)Broken with Expval.*NOT equal"),
        ("sorted wires", r"Broken with Probs\(wires=\(2, 0\)\): NOT equal"),
        ("inverse order", r"Broken with Probs\(wires=\(1, 2, 0\)\): NOT equal"),
    ],
)
def test_a_broken_place_is_found_out(how, said):
    with pytest.raises(AssertionError, match=said):
        check_place(Broken(how=how))


def test_a_derivative_is_looked_at():
    check_place(Broken())

    @dataclass(frozen=True)
    class Frozen(Broken):
        def evaluate(self, operators, observables, key):
            return jax.lax.stop_gradient(super().evaluate(operators, observables, key))

    with pytest.raises(AssertionError, match="the derivative differs by"):
        check_place(Frozen())
    check_place(Frozen(), gradient=False, noisy=True)


def test_a_place_of_rows_is_looked_at():
    @dataclass(frozen=True)
    class Turned(OneByOne):
        def run_rows(self, program, rows, key):
            return super().run_rows(program, rows, key).T

    with pytest.raises(AssertionError, match=r"run_rows gave values of shape \(3, 1\), expected"):
        check_place(Turned())

    @dataclass(frozen=True)
    class Deaf(OneByOne):
        def run_rows(self, program, rows, key):
            return super().run_rows(program, np.sort(rows), key)

    with pytest.raises(AssertionError, match="Deaf with ExpZ.*NOT equal"):
        check_place(Deaf())
    with pytest.raises(NotImplementedError, match="RowPlace must define run_rows"):
        check_place(RowPlace())


@pytest.mark.parametrize(
    "readout", [qdl.ExpZ(), qdl.ExpZ([2, 0]), qdl.Expval(qp.X(0) @ qp.Y(2)), qdl.Probs([2, 1])]
)
def test_our_readouts_keep_the_contract(readout):
    check_readout(readout, n_wires=4)


def test_a_broken_readout_is_found_out():
    @dataclass(frozen=True)
    class Wrong(Readout):
        k: int = 2

        def measurements(self, wires):
            return [qp.expval(qp.X(wire)) for wire in wires]

        def size(self, wires):
            return self.k

    check_readout(Wrong(3))
    with pytest.raises(AssertionError, match="Wrong.size gives 2 .* it measures 3 values"):
        check_readout(Wrong(2))
    with pytest.raises(AssertionError, match="float is not a qdl.Readout"):
        check_readout(0.5)
