"""Random models against dense matrices on all places: a few here, thousands by ``python -m tests.fuzz``."""

from dataclasses import dataclass

import dense
import numpy as np
import pennylane as qp
import pytest
from fuzz.run import PLACES_AND_OTHERS, Tally, cases
from fuzz.trees import draw
from fuzz.where import PLACES, Where

from qdl.backends import statevector
from qdl.backends.native.statevector import Statevector

QUICK = ["statevector", "lightning.qubit", "aer", "aer, shots", "a NumPy place", "OpenQASM 3", "to_qiskit",
         "save and load"]  # fmt: skip


def run(models, places, seed=0):
    tally = Tally(seed, say=lambda *words, **options: None)
    for index in models:
        for case in cases(seed, index, places):
            tally.add(case)
    return tally


def test_random_models_are_right_on_quick_places():
    tally = run(range(4), QUICK)
    assert not tally.different, tally.different
    kinds = [kind for _, _, kind in tally.counts.elements()]
    assert len(kinds) > 40 and kinds.count("right") > 0.6 * len(kinds), str(tally)


@pytest.mark.slow
def test_random_models_are_right_on_all_places():
    tally = run(range(100, 120), list(PLACES_AND_OTHERS))
    assert not tally.different, tally.different


@pytest.mark.filterwarnings("ignore:Casting complex")  # the Y that PennyLane builds for an "XZ"
def test_the_reference_is_default_mixed():
    for index in range(60):
        drawn = draw(1, index)
        if "lost=True" in repr(drawn.model):
            continue
        row = dense.rows(drawn.x)[0]
        ask = drawn.model.readout.measurements(drawn.model.active)
        operators = dense.operators(drawn.model, drawn.params, row)
        tape = qp.tape.QuantumScript(operators, ask)
        device = qp.device("default.mixed", wires=drawn.model.n_wires)
        [wanted] = qp.execute([tape], device, diff_method=None)
        found = dense.values(drawn.model, drawn.params, row)
        np.testing.assert_allclose(found, np.ravel(wanted), atol=1e-10)


def test_a_model_is_drawn_again_from_its_number():
    one, again = draw(5, 7), draw(5, 7)
    assert one.model == again.model
    np.testing.assert_array_equal(dense.values(*one[:3]), dense.values(*again[:3]))


def test_a_wrong_place_is_found(monkeypatch):
    """A number and a derivative that are off by little, and a raw error."""

    @dataclass(frozen=True)
    class Off(Statevector):
        how: str = ""

        def values(self, circuit, params, x, key):
            if self.how == "raw":
                raise ValueError("operands could not be broadcast together with shapes (2,) (3,).")
            found = statevector().values(circuit, params, x, key)
            return found + 1e-4 if self.how == "value" else found * self.how_much(params)

        def how_much(self, params):
            import jax

            angle = sum(leaf.sum() for leaf in jax.tree.leaves(params))
            return 1 + 1e-2 * (angle - jax.lax.stop_gradient(angle))

    for how, said in (("value", "values"), ("slope", "slope"), ("raw", "could not be broadcast")):
        monkeypatch.setitem(PLACES, "statevector", lambda rng, drawn, how=how: Where(Off(how=how)))
        found = [d.verdict.text for d in run(range(4), ["statevector"]).different]
        assert found and all(said in text for text in found), found
