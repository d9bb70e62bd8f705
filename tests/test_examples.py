"""The examples of images and sequences: they train, each beside its classical twin."""

import runpy
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_quanvolution(capsys):
    scores = runpy.run_path(str(EXAMPLES / "quanvolution.py"))["main"](seeds=1, steps=60)
    assert list(scores) == ["quanvolution", "convolution", "logistic regression"]
    assert min(values[0] for values in scores.values()) > 0.8
    assert "quanvolution           89 parameters" in capsys.readouterr().out


def test_recurrent(capsys):
    example = runpy.run_path(str(EXAMPLES / "recurrent.py"))
    X, y, scale = example["windows"]()
    assert X.shape == (131, 12) and np.array_equal(X[1:, -1], y[:-1])
    assert np.isclose(
        np.exp(scale * y[0]), 126 / 115
    )  # January to February 1950, after twelve months
    naive, errors = example["main"](seeds=1, steps=60)
    assert list(errors) == ["circuit", "tanh"] and naive > 0
    assert max(value[0] for value in errors.values()) < 25
    assert "a year before" in capsys.readouterr().out
