"""The matrix of quantities and places: no hole, nothing wrong, and the page of the docs is what is there."""

import matrix
import pytest
from matrix import ELSEWHERE, PAGE, PLACES, QUANTITIES, cell, printed, public, signed

QUICK = (
    "statevector",
    "aer",
    "aer with errors of qubits",
    "a NumPy place",
)  # all kinds of reference


def agree(quantity, place):
    verdict = cell(quantity, place)
    assert verdict is None or verdict.kind != "different", verdict.text
    assert signed(verdict) == printed()[quantity, place], (
        f"python -m tests.matrix writes {PAGE.name} again"
    )


def test_whatever_takes_a_model_has_a_row():
    rows = {name for row in QUANTITIES.values() for name in row.names}
    missing = public() - rows - set(ELSEWHERE)
    assert not missing, f"{missing} take a model: say in tests/quantities.py what is right for them"
    assert not (rows | set(ELSEWHERE)) - public(), "these names are gone"


def test_a_new_name_or_place_without_a_row_is_found(monkeypatch):
    monkeypatch.setattr(matrix.qdl.diagnostics, "__all__", ["new"])
    monkeypatch.setattr(matrix.qdl.diagnostics, "new", lambda model: 0.0, raising=False)
    assert "diagnostics.new" in public()
    monkeypatch.setattr(matrix.qdl.QNN, "entropy", lambda self, params: 0.0, raising=False)
    assert "QNN.entropy" in public()


def test_the_page_has_every_cell():
    wanted = {(quantity, place) for quantity in QUANTITIES for place in PLACES}
    assert set(printed()) == wanted, "python -m tests.matrix writes the page again"
    assert set(printed().values()) <= {"right", "refused", "-"}


@pytest.mark.parametrize("place", QUICK)
def test_quick_cells(place):
    for quantity, row in QUANTITIES.items():
        if row.quick:
            agree(quantity, place)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_cell(quantity, place):
    agree(quantity, place)


def test_a_wrong_number_is_no_cell(monkeypatch):
    """The right number of another place is wrong: without errors, and with errors where there are none."""
    for place, other in (
        ("aer with errors of qubits", "aer"),
        ("aer", "aer with errors of qubits"),
    ):
        row = PLACES[place]._replace(errors=PLACES[other].errors)
        monkeypatch.setitem(PLACES, place, row)
        assert cell("`apply`", place).kind == "different"
        monkeypatch.undo()
