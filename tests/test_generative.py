"""The table of models of bits, and their pictures."""

import numpy as np
import pytest

from benchmarks import generative
from qdl.ising import plot_images, plot_log_likelihood


@pytest.mark.parametrize("name", generative.SMALL)
def test_every_model_of_nine_bits_gives_all_probabilities(name):
    """In the order of binary numbers: bits that are mostly 1 or 0 say which is which."""
    rng = np.random.default_rng(0)
    X = (rng.random((100, 9)) < np.linspace(0.1, 0.9, 9)).astype(float)
    p = generative.SMALL[name](X, 0.02, 0)
    assert p.shape == (512,) and p.min() > 0 and p.sum() == pytest.approx(1)
    means = p @ generative.rows(9)
    assert means[0] < means[4] + 0.2 < means[8] + 0.4 or name.startswith("scikit")
    assert means[0] < 0.45 < 0.55 < means[8] or name.startswith("scikit")


def test_scores_of_the_table():
    train, patterns = generative.bars()
    assert patterns.shape == (14, 9) and train.shape == (1400, 9)
    index = patterns.astype(int) @ 2 ** np.arange(8, -1, -1)
    p = np.zeros(512)
    p[index] = 1 / 14
    assert generative.scored(p, patterns) == pytest.approx(0)
    assert generative.scored(np.full(512, 1 / 512), patterns) == pytest.approx(np.log(512 / 14))
    test = generative.small_digits()[1]
    assert generative.scored(np.full(512, 1 / 512), test) == pytest.approx(-np.log(512))


def test_scikit_learns_machine_is_scored_as_ours():
    train, test = generative.digits()
    model, epochs = generative.scikit_learn(train[:200], 0.05, 4, 3e-3)
    assert epochs >= 1 and model.hidden == 4
    assert -80 < model.score(test) < -15


def test_the_clock_counts_training_alone():
    clock = generative.Clock(0.05)
    clock.pause(lambda: sum(range(10**6)))
    assert clock.used < 0.02
    while not clock.over:
        sum(range(10**4))
    assert clock.used >= 0.05


def test_images():
    X = np.random.default_rng(0).integers(2, size=(5, 6))
    grid = plot_images(X, (2, 3), columns=2).images[0].get_array()
    assert grid.shape == (8, 7)  # three lines of 2 and two columns of 3, with gaps
    np.testing.assert_array_equal(grid[3:5, 0:3], X[2].reshape(2, 3))
    assert np.ma.getmaskarray(np.ma.masked_invalid(grid))[2].all()
    weights = plot_images(-X - 1.0, (2, 3)).images[0]
    assert weights.get_clim() == (-2, 2)
    with pytest.raises(
        ValueError, match=r"images of 2 x 2 are rows of 4 numbers, got shape \(5, 6\)"
    ):
        plot_images(X, (2, 2))


def test_curves_have_their_spread():
    axes = plot_log_likelihood(
        {"two": ([1, 2], [[0.0, 1.0], [2.0, 3.0]]), "one": ([1, 2], [0.0, 1.0], 0.5)}
    )
    assert len(axes.lines) == 2 and len(axes.collections) == 2
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1, 2])
    low, high = axes.collections[1].get_datalim(axes.transData).intervaly
    assert (low, high) == (-0.5, 1.5)
