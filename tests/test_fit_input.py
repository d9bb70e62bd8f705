"""What ``fit`` refuses, and that it does so before anything is compiled."""

import jax
import numpy as np
import pytest

import qdl
from qdl.layers import AngleEncoding, IQPEncoding, Repeat, Rotation

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X @ [1.0, -2.0] + 0.5
CLASSES = (Y > 0).astype(int)


def attempt(**changes):
    given = {"model": qdl.Hybrid([qdl.Dense(2, 1)]), "X": X, "y": Y} | changes
    options = {"loss": "mse", "steps": 5, "key": jax.random.key(0)} | given
    return qdl.fit(options.pop("model"), options.pop("X"), options.pop("y"), **options)


def qnn(n=3):
    return qdl.QNN(n, [AngleEncoding(), Rotation("zyz")], readout=qdl.ExpZ([0]))


def bad(array, where, value):
    array = np.array(array, dtype=float)
    array[where] = value
    return array


@pytest.mark.parametrize(
    "changes,error,text",
    [
        ({"X": bad(X, (3, 1), np.nan)}, ValueError, "X must be finite, got nan in column 1, row 3"),
        ({"X": bad(X, (0, 0), np.inf)}, ValueError, r"got inf in column 0, row 0 \(1 such"),
        ({"y": bad(Y, 7, np.nan)}, ValueError, "y must be finite, got nan in row 7"),
        ({"y": Y[:-1]}, ValueError, r"X has 40 rows, but y has shape \(39,\)"),
        ({"X": X[:, 0]}, ValueError, r"got \(40,\). For a single feature pass X\[:, None\]"),
        ({"X": np.ones((40, 3))}, ValueError, "takes 2 features, but X has 3 columns"),
        ({"X": X.astype(str)}, TypeError, "X must be real numbers, got dtype <U"),
        ({"X": X * 1j}, TypeError, "X must be real numbers, got dtype complex128"),
        ({"X": X.astype(object)}, TypeError, r"leave such columns out; then X.astype\(float\)"),
        ({"model": qnn()}, ValueError, r"got x of shape \(40, 2\) for 3 wires"),
        ({"y": np.ones((40, 2))}, ValueError, r"outputs of shape \(40, 1\) with y .* \(40, 2\)"),
        ({"y": CLASSES[:, None] * [1, 1]}, ValueError, "For labels take loss='cross_entropy'"),
        ({"steps": 0}, ValueError, "steps to be a whole number >= 1, got 0"),
        ({"batch_size": 2.5}, ValueError, "batch_size to be a whole number >= 1, got 2.5"),
        ({"patience": 3}, ValueError, "patience=3 watches the validation loss"),
        ({"patience": 0, "validation": (X, Y)}, ValueError, "patience to be a whole number >= 1"),
        ({"validation": X}, ValueError, r"got ndarray. Example: validation=\(X_test"),
        ({"validation": (bad(X, (1, 0), np.nan), Y)}, ValueError, "validation X must be finite"),
        (
            {"model": qnn(2), "validation": (X[:, :1], Y)}, ValueError,
            r"validation X: AngleEncoding needs one feature per wire: got x of shape \(40, 1\)",
        ),
        ({"validation": (X, Y[:3])}, ValueError, "validation X has 40 rows, but validation y"),
        ({"key": None}, TypeError, r"needs a JAX key, got None. Pass key=jax.random.key\(0\)"),
        ({"key": 3}, TypeError, "needs a JAX key, got 3"),
        ({"optimizer": "adam"}, TypeError, r"an Optax transformation, got 'adam'. Pass optax.adam"),
        ({"optimizer": 0.01}, TypeError, "an Optax transformation, got 0.01"),
        ({"model": 3}, TypeError, r"needs a model with init\(key\) and apply\(params, x\), got 3"),
        ({"callback": 3}, TypeError, "callback must be a function of a qdl.training.Report, got 3"),
        ({"loss": "hinge"}, ValueError, "'mse', 'cross_entropy' or a function .* got 'hinge'"),
        ({"checkpoint": __file__}, OSError, "is a file, expected a folder"),
        ({"skip_nan": -1}, ValueError, "skip_nan to be a whole number >= 0, got -1"),
        ({"loss": "cross_entropy"}, ValueError, r"integer labels for cross .* in row 0"),
        ({"loss": "cross_entropy", "y": 2 * CLASSES - 1}, ValueError, r"label -1 in row \d+"),
        ({"loss": "cross_entropy", "y": CLASSES + 1}, ValueError, r"label 2 .* apart.* readout=qdl.ExpZ\(\["),
        ({"loss": "cross_entropy", "y": bad(CLASSES, 5, np.nan)}, ValueError, "nan in row 5"),
        ({"loss": "cross_entropy", "y": 0 * CLASSES + 1}, ValueError, "label 1 in all 40 rows"),
        ({"loss": "cross_entropy", "y": np.eye(2)[CLASSES]}, ValueError, "pass y.argmax"),
        ({"loss": "cross_entropy", "y": CLASSES.astype(str)}, TypeError, "return_inverse=True"),
        ({"params": [{"weight": np.ones((3, 1)), "bias": 1.0}]}, ValueError, "not of this Dense"),
    ],
)  # fmt: skip
def test_bad_input(changes, error, text, monkeypatch):
    jitted = type("NeverCompiles", (), {"lower": lambda *_: pytest.fail("it was compiled")})
    if "params" not in changes:  # those are looked at when the model is traced
        monkeypatch.setattr("qdl.training.run.train", jitted)
    with pytest.raises(error, match=text):
        attempt(**changes)


@pytest.mark.parametrize("encoding", [AngleEncoding(), IQPEncoding()])
def test_features_that_nobody_scaled_are_noticed(encoding):
    model = qdl.QNN(2, Repeat([encoding, Rotation("y")], 2), readout=qdl.ExpZ([0]))
    said = r"X goes from 0 to 100 in column 1: .* 16 turns.* look the same to .*MinMaxScaler\(\(0, numpy.pi"
    with pytest.warns(UserWarning, match=said) as caught:
        attempt(model=model, X=np.linspace([0, 0], [3, 100], 40))
    assert caught[0].filename == __file__  # it points to the call of fit


@pytest.mark.parametrize(
    "layer", [AngleEncoding(), AngleEncoding(scale=0.03), AngleEncoding(features=(0, 0))]
)
def test_features_of_a_turn_or_two_are_taken_in_silence(layer, recwarn):
    wide = 100 if layer != AngleEncoding() else 2 * np.pi
    attempt(
        model=qdl.QNN(2, [layer, Rotation("y")], qdl.ExpZ([0])),
        X=np.linspace([0, 0], [3, wide], 40),
    )
    assert not recwarn.list


def test_parameters_of_another_qnn_are_refused_by_name():
    with pytest.raises(ValueError, match=r"params are not of this model|has shape"):
        attempt(model=qnn(), X=np.ones((40, 3)), params=qnn(n=4).init(jax.random.key(0)))


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ValueError, match="no parameters to train"):
        attempt(model=qdl.QNN(2, [AngleEncoding()]))


def test_a_result_prints_its_last_figures_in_a_line():
    history = {
        "loss": np.array([0.7, 0.25]),
        "val_step": np.array([2]),
        "val_loss": np.array([0.3]),
        "val_accuracy": np.array([0.9]),
    }
    fit = qdl.training.Fit([np.zeros(100)], history, "patience", 2)
    assert str(fit) == "patience at step 2, loss 0.25, val_loss 0.3, val_accuracy 0.9"
    assert repr(fit) == f"<Fit {fit}>"
