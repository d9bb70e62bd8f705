"""The conformance checks accept what is sound and name what is not."""

from dataclasses import dataclass

import jax
import pennylane as qp
import pytest

import qdl
from qdl.backends import aer, density_matrix, fake, statevector
from qdl.backends.place import PennyLaneDevice
from qdl.readout import Readout
from qdl.testing import check_place, check_readout


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(statevector(shots=500), marks=pytest.mark.slow),
        pytest.param(statevector(), marks=pytest.mark.slow),
        pytest.param(density_matrix(), marks=pytest.mark.slow),
        pytest.param(qp.device("lightning.qubit", wires=3), marks=pytest.mark.slow),
        aer(shots=500),
    ],
    ids=lambda place: type(place).__name__,
)
def test_our_places_keep_the_contract(place, key):
    check_place(place)


def test_a_noisy_machine_keeps_it_too(key):
    check_place(fake("manila", shots=200), noisy=True, gradient=False)


@dataclass(frozen=True)
class Broken(PennyLaneDevice):
    """``default.qubit``, spoilt."""

    device: object = qp.device("default.qubit")
    how: str = ""

    shots = None
    noisy = False

    def evaluate(self, operators, observables, key):
        if self.how == "turned":
            operators = [qp.map_wires(o, {0: 2, 1: 1, 2: 0}) for o in operators]
        values = super().evaluate(operators, observables, key)
        if self.how == "squeezed":
            return values[..., 0]
        return values + (0.01 if self.how == "shifted" else 0.0)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("turned", "NOT equal; .*\n.*wires are reversed"),
        ("shifted", "Broken with ExpZ: NOT equal"),
        ("squeezed", r"shape \(.*\), expected \("),
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
