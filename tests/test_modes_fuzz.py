"""Random circuits of modes against exponentiated generators; more by ``python -m tests.modes_fuzz``."""

import jax
import modes_fuzz
import pytest

from qdl.modes import elements


def wrong(models, seed, slope=True):
    found = []
    for index in models:
        found += [(index, *each) for each in modes_fuzz.differs(seed, index, slope)[0]]
        modes_fuzz.let_go()
    return found


def test_random_circuits_are_right():
    assert wrong(range(1), 1) == []


@pytest.mark.slow
def test_many_random_circuits_are_right():
    assert wrong(range(100, 140), 2) == []


def test_a_wrong_element_is_found(monkeypatch):
    """Squeezers that are one percent too strong."""
    drawn = ((i, modes_fuzz.draw(3, i).model) for i in range(100))
    index = next(i for i, m in drawn if m.n_wires == 1 and "Squeezing" in repr(m.layers.layers[-1]))
    right = elements.squeezing
    monkeypatch.setattr(elements, "squeezing", lambda r, levels: right(1.01 * r, levels))
    jax.clear_caches()
    assert wrong([index], 3, slope=False)
