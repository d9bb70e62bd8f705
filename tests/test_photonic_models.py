"""Photonic models where any model goes: files, checkpoints, estimators, pictures, the command line."""

import doctest
import importlib
import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qp
import pytest
from catalogue import OF_MODES
from typer.testing import CliRunner

import qdl
from qdl.backends import fock, gaussian
from qdl.photonic import (
    CrossKerr,
    CubicPhase,
    Displacement,
    DisplacementEncoding,
    FockProbs,
    Interferometer,
    Kerr,
    PhotonNumber,
    Quadrature,
    Squeezing,
    haar,
    normal,
    plot_photon_numbers,
    plot_wavefunction,
    plot_wigner,
)
from qdl.photonic.pictures import density, wigner

KEY = jax.random.key(0)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("photonic.pictures", "certified")]


@pytest.mark.parametrize(
    "name",
    ["photonic.layers", "photonic.readouts", "photonic.starts", "modes.gates", "backends.native.fock",
     "backends.native.gaussian", *SLOW],
)  # fmt: skip
def test_examples_in_docstrings_run(name):
    with jax.enable_x64(False):
        assert doctest.testmod(importlib.import_module(f"qdl.{name}")).failed == 0


# ---- every layer, readout, place and start


@pytest.mark.parametrize("name", OF_MODES)
def test_every_layer_is_shaped_printed_and_drawn(name):
    row = OF_MODES[name]
    assert (
        row.layer.shape((0, 1, 2)) == row.shape and row.layer.n_features((0, 1, 2)) == row.columns
    )
    model = qdl.QNN(3, [DisplacementEncoding(0.3, features=(0, 0, 0)), row.layer], Quadrature())
    params, x = model.init(KEY), 0.2 * np.ones((2, model.n_features))
    assert type(row.layer).__name__ in str(model) and "Quadrature" in str(model)
    assert all(isinstance(o, qp.operation.CV) for o in model.operators(params, x[0]))
    drawn = model.draw(params, x[0])
    assert all(f"{mode}: " in drawn for mode in range(3)) and "D(" in drawn


def models():
    for name, row in OF_MODES.items():
        yield name, qdl.QNN(3, row.layer, Quadrature(), place=fock(4))
    block = [DisplacementEncoding(), Kerr()]
    for readout in (
        Quadrature([1, 0], phi=0.3), PhotonNumber(), PhotonNumber([1]), FockProbs(), FockProbs([1, 0]),
    ):  # fmt: skip
        yield repr(readout), qdl.QNN(2, block, readout, place=fock(4))
    for place in (
        fock(7), fock(7, 100), fock(5, total=True), fock(20, penalty=10.0, tolerance=1e-2),
        gaussian(), gaussian(50),
    ):  # fmt: skip
        yield repr(place), qdl.QNN(2, [DisplacementEncoding(), Squeezing()], Quadrature()).on(place)
    for start in (normal(), normal(0.2, 1e-3), haar(), haar(2.0, 0.1)):
        own = [Interferometer(initializer=start), CubicPhase(), CrossKerr()]
        yield repr(start), qdl.QNN(2, own, Quadrature(), initializer=start, place=fock(4))
    yield "cvqnn", qdl.models.cvqnn(2, 3, cutoff=5)
    yield "hybrid", qdl.Hybrid([qdl.Dense(4, 2), qdl.models.cvqnn(2, 1, cutoff=5), "tanh"])


@pytest.mark.parametrize("model", [pytest.param(m, id=name) for name, m in models()])
def test_every_model_comes_back_from_its_file(model, tmp_path):
    params = model.init(KEY)
    qdl.save(tmp_path / "m", model, params)
    again, read = qdl.load(tmp_path / "m")
    assert again == model and hash(again) == hash(model) and str(again) == str(model)
    for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(read), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


# ---- training


def test_an_interrupted_training_goes_on_with_the_same_bits(tmp_path):
    model = qdl.models.cvqnn(1, 2, cutoff=7).on(fock(7, penalty=5.0))
    X = np.linspace(-0.5, 0.5, 12)[:, None]
    options = {
        "loss": "mse", "steps": 12, "batch_size": 4, "key": KEY, "optimizer": optax.adam(0.05),
    }  # fmt: skip

    def stop(report):
        if report.step == 6:
            raise KeyboardInterrupt

    whole = qdl.fit(model, X, X[:, 0], **options)
    folder = {"checkpoint": tmp_path, "checkpoint_every": 3}
    qdl.fit(model, X, X[:, 0], callback=stop, **options, **folder)
    resumed = qdl.fit(model, X, X[:, 0], **options, **folder)
    assert resumed.step == 12
    for a, b in zip(jax.tree.leaves(whole.params), jax.tree.leaves(resumed.params), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 12 and all(line["penalty"] >= 0 for line in lines)
    with pytest.raises(ValueError, match="cutoff"):  # another place is another run
        qdl.fit(model.on(fock(8, penalty=5.0)), X, X[:, 0], **options, **folder)


def test_a_photonic_stage_between_others():
    """Features of the modes come from a dense stage, through which the gradient goes; qubits follow."""
    photonic = qdl.models.cvqnn(1, 1, cutoff=4).on(fock(4, penalty=2.0))
    qubits = qdl.QNN(1, [qdl.layers.AngleEncoding(), qdl.layers.Rotation("y")])
    model = qdl.Hybrid([qdl.Dense(3, 1), "tanh", photonic, qubits])
    X = np.random.default_rng(0).normal(size=(8, 3))
    params = model.init(KEY)

    @jax.jit
    def loss(p):
        return model.apply(p, X).sum()

    slopes = jax.grad(loss)(params)
    step = 1e-5
    moved = [jax.tree.map(lambda p, g, s=s: p + s * step * g, params, slopes) for s in (1.0, -1.0)]
    slow = (loss(moved[0]) - loss(moved[1])) / (2 * step)
    assert float(optax.tree.norm(slopes)) ** 2 == pytest.approx(float(slow), rel=1e-6)
    assert np.abs(slopes[0]["weight"]).max() > 1e-4
    with pytest.warns(RuntimeWarning, match="cut-off of 4 photons leaves out"):
        found = qdl.fit(model, X, X[:, 0], loss="mse", steps=3, batch_size=8, key=KEY)
    assert (found.history["penalty"] > 0).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the cut-off of")
def test_estimators_learn_with_modes():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(60, 1))
    model = qdl.models.cvqnn(1, 3, cutoff=10).on(fock(10, penalty=1.0))
    found = qdl.QNNRegressor(model, steps=150, batch_size=60).fit(X, X[:, 0] ** 2)
    assert found.score(X, X[:, 0] ** 2) > 0.97
    y = np.where(np.abs(X[:, 0]) < 0.5, "in", "out")  # no line tells them apart
    found = qdl.QNNClassifier(model, steps=150, batch_size=60).fit(X, y)
    assert found.score(X, y) > 0.9 and found.predict_proba(X).shape == (60, 2)
    assert list(found.classes_) == ["in", "out"]


@pytest.mark.filterwarnings("ignore:the cut-off of")
def test_probabilities_of_photons_as_classes():
    """FockProbs: each number of photons a class, cross entropy of probabilities that need not add up to 1."""
    model = qdl.models.cvqnn(1, 2, cutoff=6, readout=FockProbs())
    X, y = np.array([[0.1], [0.9], [0.2], [1.0]]), np.array([0, 1, 0, 1])
    params = model.init(KEY)
    p = np.asarray(model.apply(params, X))
    assert p.shape == (4, 6) and (p.sum(1) < 1).all()
    found = qdl.fit(
        model, X, y, loss="cross_entropy", steps=2, batch_size=4, key=KEY, params=params
    )
    assert found.history["loss"][0] == pytest.approx(-np.log(p[np.arange(4), y]).mean(), rel=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the cut-off of")
def test_the_command_line_trains_modes(tmp_path, monkeypatch):
    from qdl.cli import app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(
        "dataset = 'iris'\nclasses = [0, 1]\nmodel = 'cvqnn'\nfeatures = 2\nsteps = 5\n"
    )
    result = CliRunner().invoke(app, ["train", "a.toml", "--depth", "1"])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "runs" / "iris-cvqnn"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert all(line["penalty"] >= 0 for line in lines) and len(lines) == 5
    model, params = qdl.load(folder)
    assert model.place == fock(8, total=True, penalty=1.0) and model.n_wires == 2
    assert np.isfinite(model.apply(params, np.ones((2, 2)))).all()


# ---- pictures


def test_wigner_functions_are_closed_forms():
    x = np.linspace(-6, 6, 61)
    square = x[None] ** 2 + x[:, None] ** 2
    for n, exact in enumerate((np.exp(-square / 2), (square - 1) * np.exp(-square / 2))):
        found = wigner(np.diag(np.eye(8)[n]), x, x)
        assert np.abs(found - exact / (2 * np.pi)).max() < 1e-12
        assert found.sum() * (x[1] - x[0]) ** 2 == pytest.approx(1, abs=1e-4)
    model = qdl.QNN(2, [DisplacementEncoding(), Squeezing()], Quadrature()).on(fock(30))
    params, at = [None, {"r": np.array([0.4, 0.0])}], np.array([0.5, 1.0])
    found = wigner(density(model, params, at, 0), x, x)  # columns are x, rows p
    spread = np.exp(-0.4)
    exact = np.exp(
        -((x[None] - 1.0 * spread) ** 2) / (2 * spread**2) - x[:, None] ** 2 * spread**2 / 2
    )
    assert np.abs(found - exact / (2 * np.pi)).max() < 1e-5
    assert np.trace(density(model, params, at, 1)).real == pytest.approx(1, abs=1e-5)


def test_pictures_show_what_is_there():
    import matplotlib.pyplot as plt

    model = qdl.models.cvqnn(2, 1, cutoff=8)
    params, x = model.init(KEY), np.array([0.6, -0.2])
    ax = plot_wigner(model, params, x, mode=1, extent=4.0)
    assert ax.get_title() == "Wigner function of mode 1" and ax.get_xlim() == (-4, 4)
    own = plt.figure().subplots()
    assert plot_photon_numbers(model, params, x, ax=own) is own and len(own.patches) == 16
    heights = np.array([bar.get_height() for bar in own.patches]).reshape(2, 8)
    both = replace(model, readout=FockProbs()).apply(params, x).reshape(8, 8)
    assert np.allclose(heights, [both.sum(1), both.sum(0)], atol=1e-6)
    assert len(plot_photon_numbers(model, params, x, modes=1).patches) == 8
    one = qdl.QNN(1, DisplacementEncoding(), Quadrature()).on(fock(20))
    real, _ = plot_wavefunction(one, [None], np.array([0.8])).lines
    points, psi = real.get_data()
    exact = np.exp(-((points - 1.6) ** 2) / 4) / (2 * np.pi) ** 0.25
    assert np.abs(psi - exact).max() < 1e-5
    plt.close("all")
    for wrong, text in (
        (lambda: plot_wigner(qdl.QNN(1, qdl.layers.Rotation("x")), None), "photonic QNN on fock"),
        (lambda: plot_wigner(model.on(gaussian()), params, x), "photonic QNN on fock"),
        (lambda: plot_wigner(model, params, x, mode=2), "mode must be 0 to 1"),
        (lambda: plot_wigner(model, params, x, extent=0), "extent must be a number > 0"),
        (lambda: plot_photon_numbers(model, params, x[None]), "a picture is of one sample"),
        (lambda: plot_photon_numbers(model, params, x, modes=[]), "distinct integer wires"),
        (lambda: plot_wavefunction(model, params, x), "needs a model of one mode, got 2"),
    ):
        with pytest.raises(ValueError, match=text):
            wrong()


# ---- beyond what is resolved


def test_what_would_be_nan_is_refused_by_name():
    def run(layer, params, place, x=None):
        return qdl.QNN(1, layer, Quadrature()).on(place).apply([params], x)

    for wide, place in ((55.0, fock(9)), (19.0, fock(9))):
        with jax.enable_x64(wide > 50), pytest.raises(qdl.Refused, match="not finite.*alpha"):
            run(DisplacementEncoding(), None, place, np.array([wide]))
    with pytest.raises(qdl.Refused, match="gamma"):
        run(CubicPhase(), np.array([1.5]), fock(9))
    with jax.enable_x64(False), pytest.raises(qdl.Refused, match="beyond the range of float32"):
        strong = qdl.QNN(1, Squeezing(), PhotonNumber()).on(gaussian())
        strong.apply([{"r": np.array([50.0])}])
    with pytest.raises(TypeError, match="r and phi are parameters"):
        Squeezing(0.5)
    with pytest.raises(ValueError, match="Quadrature needs a finite number as phi"):
        Quadrature(phi=True)
    assert Quadrature(phi=np.float64(0.3)) == Quadrature(phi=0.3)
    with pytest.raises(TypeError, match="trainable to be True or False, got 'yes'"):
        DisplacementEncoding(trainable="yes")
    with pytest.raises(TypeError, match="Squeezing needs an initializer .* got 0.5"):
        Squeezing(initializer=0.5).init(KEY, (0,))
    with pytest.raises(ValueError, match="Kerr is a gate of modes of light, and Qiskit has qubits"):
        qdl.QNN(1, Kerr(), Quadrature()).to_qiskit()
    with pytest.raises(ValueError, match="CrossKerr got pattern 'star'"):
        CrossKerr("star")
    with pytest.raises(qdl.Refused, match="1 modes with cutoff=1000000 .* matrices of the gates"):
        big = qdl.models.cvqnn(1, 1, cutoff=10**6)
        big.apply(big.init(KEY), np.zeros(1))


def test_probabilities_of_many_modes_are_refused_with_their_number():
    model = qdl.QNN(12, DisplacementEncoding(), FockProbs()).on(fock(8, total=True))
    with pytest.raises(qdl.Refused, match="68719476736 numbers for each state of 12 modes"):
        model.apply([None], np.zeros(12))
    two = replace(model, readout=FockProbs([3, 0]))
    with pytest.raises(qdl.Refused, match="137438953472 numbers for each state"):
        two.state([None], np.zeros(12))
    found = two.apply([None], 0.01 * np.arange(12)).reshape(8, 8)
    assert found[1, 0] / found[0, 0] == pytest.approx(0.0009, rel=1e-5)  # |alpha|^2 of mode 3


def test_parameters_of_another_precision_are_rounded_in_silence():
    model = qdl.models.cvqnn(1, 1, cutoff=5)
    with jax.enable_x64(True):
        params = model.init(KEY)
    with jax.enable_x64(False):  # a warning fails a test
        assert model.apply(params, np.zeros(1)).dtype == np.float32


def test_far_displacements_are_right_in_float32():
    """exp(-|alpha|^2 / 2) is no number in float32 from |alpha| = 13 on; the amplitudes are."""
    with jax.enable_x64(False):
        model = qdl.QNN(1, [DisplacementEncoding(), Squeezing(), Displacement()], PhotonNumber())
        back = [None, {"r": np.zeros(1)}, {"re": np.array([-14.0]), "im": np.zeros(1)}]
        assert float(model.on(fock(330)).apply(back, np.array([15.0]))[0]) == pytest.approx(
            1.0, abs=1e-3
        )


def test_squeezing_has_a_finite_slope_however_strong():
    model = qdl.QNN(1, Squeezing(), PhotonNumber()).on(fock(8))
    for r in (100.0, 1e4):
        slope = jax.grad(lambda r: model.apply([{"r": r}])[0])(jnp.array([r]))
        assert np.isfinite(slope).all()


def test_natural_gradients_train_modes(key):
    model = qdl.QNN(1, [Displacement(), Squeezing(), Kerr()], Quadrature()).on(fock(20))
    found = qdl.fit(
        model, loss=lambda outputs: jnp.mean((outputs - 0.5) ** 2), steps=8, key=key,
        optimizer=qdl.training.natural_gradient(model, 0.1),
    )  # fmt: skip
    assert found.history["loss"][-1] < 1e-6 * found.history["loss"][0]
