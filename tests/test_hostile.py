"""A small number of hostile files on each run; ``python -m tests.hostile`` does thousands."""

import warnings

import pytest
from hostile.kinds import KINDS
from hostile.run import attack


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cases", [15, pytest.param(1500, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_in_sentences_or_give_what_is_right(kind, cases):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tally = attack(kind, KINDS[kind], cases, seed=cases)
    assert tally.counts["refused"] and not tally.findings, str(tally)
