"""The gradient of the very loss that ``fit`` minimises, over random starts."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

import qdl
from qdl import datasets
from qdl.backends import statevector
from qdl.cli import app
from qdl.commands.start import ROWS, start_line, typical
from qdl.diagnostics import data as rows_of_data
from qdl.diagnostics import gradient_variance
from qdl.layers import AngleEncoding, Entangler, Rotation

KEY = jax.random.key(2)
X = np.random.default_rng(0).uniform(0, np.pi, (7, 3))
Y = np.array([0, 1, 1, 0, 1, 0, 1])
MODEL = qdl.QNN(3, [AngleEncoding(), Rotation("xy"), Entangler("cz"), Rotation("y")], qdl.ExpZ([0]))


@pytest.mark.parametrize(("loss", "y"), [("mse", 1.0 - 2 * Y), ("cross_entropy", Y)])
def test_equals_the_first_step_of_a_fit(loss, y):
    """One draw is the start of one fit: its loss and gradient norm are those of the fit's first step."""
    row = gradient_variance(MODEL, data=(X, y), loss=loss, samples=5, key=KEY)
    norms, costs = [], []
    for key in jax.random.split(jax.random.fold_in(KEY, 0), 5):
        start = MODEL.init(jax.random.split(key, 3)[0])
        history = qdl.fit(MODEL, X, y, loss=loss, params=start, steps=1, key=KEY).history
        norms.append(float(history["grad_norm"][0]) ** 2)
        costs.append(float(history["loss"][0]))
    assert row.squared_norm == pytest.approx(np.mean(norms), rel=1e-9)
    assert row.cost_mean == pytest.approx(np.mean(costs), rel=1e-9)
    assert row.method == "statevector" and f"the loss {loss} on 7 rows of data" in row.table()


def test_rows_in_blocks_are_the_same(monkeypatch):
    def run():
        return gradient_variance(
            MODEL, data=(X, 1.0 * Y), loss=lambda out, y: jnp.abs(out[:, 0] - y).max(), samples=4, key=KEY
        )  # fmt: skip

    whole = run()
    monkeypatch.setattr(rows_of_data, "STATES", 2**3 * 3)  # three rows at a time
    np.testing.assert_allclose(run().variance, whole.variance, rtol=1e-12)


def test_one_row_of_a_linear_loss_is_exact():
    row = gradient_variance(
        MODEL, data=(X[:1], 2.0 * Y[1:2]), loss=lambda out, y: (out[:, 0] * y).mean(), key=KEY
    )
    exact = gradient_variance(MODEL, x=X[0], cost=lambda values: 2 * values[0], key=KEY)
    assert row.method == "dense_moment"
    np.testing.assert_allclose(row.variance, exact.variance, rtol=1e-12)


@pytest.mark.slow
def test_a_loss_with_shots():
    exact = gradient_variance(MODEL, data=(X, 1.0 - 2 * Y), loss="mse", samples=2000, key=KEY)
    model = MODEL.on(statevector(shots=500))
    row = gradient_variance(model, data=(X, 1.0 - 2 * Y), loss="mse", samples=300, key=KEY)
    gap = np.hypot(row.squared_norm_error, exact.squared_norm_error)
    assert row.method == "sampled" and abs(row.squared_norm - exact.squared_norm) < 4 * gap
    assert (row.certified_zero == exact.certified_zero).all()


def test_a_sweep_takes_data_of_each_width():
    def build(n):
        return qdl.QNN(n, [AngleEncoding(), Rotation("x")], qdl.ExpZ([0]))

    sweep = gradient_variance(
        build, (2, 3), data=lambda n: (X[:, :n], 1.0 * Y), loss="mse", samples=20, key=KEY
    )
    assert sweep.n_wires == (2, 3) and sweep[2].squared_norm > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": (X, Y)}, "needs the loss that fit is to minimise"),
        ({"loss": "mse"}, r"needs rows to be a loss of: pass data=\(X, y\)"),
        ({"data": (X, Y), "loss": "mse", "x": X[0]}, "Leave x and cost out"),
        ({"data": X, "loss": "mse"}, r"data must be a pair \(X, y\), got ndarray"),
        ({"data": (X, Y[:3]), "loss": "mse"}, "X has 7 rows, but y has shape"),
        ({"data": (X, Y), "loss": "hinge"}, "loss must be 'mse', 'cross_entropy' or a function"),
        ({"data": (X, Y), "loss": "mse", "method": "dense_moment"}, "several rows of data"),
        ({"data": (X, Y), "loss": "mse", "method": "light_cone"}, "several rows of data"),
        ({"data": (X, Y), "loss": "mse", "method": "pauli_walk"}, "several rows of data"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        gradient_variance(MODEL, key=KEY, **options)


def test_command_on_a_data_set(tmp_path):
    run = CliRunner().invoke
    arguments = ["variance", "data_reuploading", "--dataset", "iris", "--samples", "5"]
    result = run(app, [*arguments, "--depth", "1", "--json", str(tmp_path / "a.json")])
    assert result.exit_code == 0, result.output
    assert "the loss cross_entropy on" in result.output and "expected squared norm" in result.output
    refused = run(app, [*arguments, "--widths", "2-4"])
    assert refused.exit_code == 2 and "says the width: one wire a feature" in refused.output


def test_command_on_a_machine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import qdl\nfrom qdl.layers import Rotation\n"
        "def build(n):\n    return qdl.QNN(n, Rotation('y'), readout=qdl.ExpZ(0))\n"
    )
    words = ["--place", "fake_manila", "--shots", "200", "--samples", "20", "--widths"]
    result = CliRunner().invoke(app, ["variance", f"{file}:build", *words, "2,3"])
    assert result.exit_code == 0, result.output
    # one angle matters: two shifts and the value, in two runs, at 20 starts of two widths
    assert "240 expectation values; a QPU would take 21 s" in result.output
    assert "sampled, 20 draws" in result.output and "is not told from none" in result.output
    until = CliRunner().invoke(app, ["variance", f"{file}:build", "--interval", "0.9", *words, "2"])
    assert "at most 120 expectation values; a QPU would take at most 10 s" in until.output
    refused = CliRunner().invoke(app, ["variance", f"{file}:build", *words, "4,9"])
    assert refused.exit_code == 2 and "the circuit needs 9" in refused.output


def test_what_train_says_of_its_start():
    data = datasets.iris(features=2, classes=(0, 1), seed=0)
    model = replace(qdl.models.data_reuploading(2, 1), readout=qdl.ExpZ([0]))
    line = start_line(model, data, 0)
    fitted = qdl.fit(
        model, data.X_train[:ROWS], data.y_train[:ROWS], loss="cross_entropy", steps=1, batch_size=ROWS,
        key=jax.random.key(0),
    )  # fmt: skip
    norm = float(fitted.history["grad_norm"][0]) ** 2
    assert f"at the start {norm:.3g};" in line
    assert "over 20 random starts" in line and "this start is typical" in line


def test_a_start_of_another_size_is_not_typical():
    """Also one that is far smaller: within two standard deviations of the mean, but not of the logarithm."""
    others = np.array([0.02, 0.05, 0.1, 0.3, 0.04, 0.2])
    assert typical(0.1, others) and typical(0.5, others)
    assert not typical(1e-4, others) and not typical(5.0, others) and not typical(0.0, others)
