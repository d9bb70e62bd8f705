"""The table of quantities on places of modes: no hole, and what it says is so."""

import jax
import pytest
import quantities
from modes_matrix import PLACES, QUANTITIES, QUICK, cell, printed

NOT_OF_MODES = ("`Mitigated.both`",)  # a method of mitigated machines


def agree(quantity, place):
    with jax.enable_x64(True):
        verdict = cell(quantity, place)
    assert verdict.kind != "different", verdict.text
    assert verdict.kind == printed()[quantity, place], (
        "python -m tests.modes_matrix writes the table"
    )


def test_every_quantity_has_a_row():
    assert set(quantities.QUANTITIES) - set(NOT_OF_MODES) == set(QUANTITIES)
    assert set(printed()) == {(q, p) for q in QUANTITIES for p in PLACES}
    assert set(printed().values()) <= {"right", "refused"}


@pytest.mark.parametrize("place", ["fock", "gaussian"])
def test_quick_cells(place):
    for quantity in QUICK:
        agree(quantity, place)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_cell(quantity, place):
    agree(quantity, place)
