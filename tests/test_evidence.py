"""The accuracy table: its arithmetic, what it must not leak, and every study in small."""

import importlib
import sys
from inspect import signature

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.evidence import few_samples, hur, iris, reuploading
from benchmarks.evidence.row import Row, spread, table, verdict

ROW = Row(
    "a task", "a model", (90.0, 94.0), "93", {"one": (95.0, 98.0), "two": (80.0, 81.0)}, seconds=2.5
)


def test_a_row_knows_its_best_rival_and_who_is_ahead():
    assert ROW.best_classical == ("one", (95.0, 98.0))
    assert spread(ROW.ours) == "92.0 ± 2.8" and spread((90.0,)) == "90.0 (one run)"
    assert ROW.ahead == "classical"  # behind by 5 and by 4
    assert Row("t", "m", (90.0, 99.0), classical={"one": (95.0, 98.0)}).ahead == "level"
    assert Row("t", "m", (96.0, 99.0), classical={"one": (95.0, 98.0)}).ahead == "quantum"
    assert Row("t", "m", (90.0,), classical={"one": (95.0,)}).ahead == ""  # no spread, no winner
    assert Row("t", "m", (90.0, 94.0)).best_classical == ("none", ())


def test_where_lower_is_better_the_lower_is_ahead():
    beside = {"one": (300.0, 320.0), "two": (500.0, 600.0)}
    fast = Row("t", "m", (200.0, 210.0), classical=beside, lower_is_better=True)
    slow = Row("t", "m", (400.0, 410.0), classical=beside, lower_is_better=True)
    assert fast.best_classical == ("one", (300.0, 320.0))
    assert (fast.ahead, slow.ahead) == ("quantum", "classical")
    assert "better mean in 1." in verdict([fast, slow])


def test_a_part_of_the_table_is_not_written_over_the_whole(monkeypatch, capsys):
    for some in (["--seeds", "1"], ["--studies", "iris"]):
        monkeypatch.setattr(sys, "argv", ["accuracy", "--write", *some])
        with pytest.raises(SystemExit):
            accuracy.main()
        assert "Leave out --studies and --seeds, or --write." in capsys.readouterr().err


def test_every_study_says_how_it_was_chosen_and_draws_alike():
    for name in accuracy.STUDIES:
        study = importlib.import_module(f"benchmarks.evidence.{name}")
        assert study.NOTE.startswith("**") and study.SEEDS >= 3
        if hasattr(study, "picture"):
            assert list(signature(study.picture).parameters)[:2] == ["rows", "folder"]


def test_table_and_verdict():
    line = table([ROW]).splitlines()[-1]
    assert line == (
        "| a task (% test accuracy) | a model | 93 | 92.0 ± 2.8 | one 96.5 ± 2.1 | classical "
        "| one 96.5 ± 2.1, two 80.5 ± 0.7 | 2 | 2.5 |"
    )
    assert "Of 1 rows" in verdict([ROW, Row("t", "m", (1.0,))])
    assert "the classical one is ahead in 1, the quantum one in 0" in verdict([ROW])
    assert verdict([ROW]).endswith("The quantum model has the better mean in 0.")
    page = accuracy.page([ROW], ["**a task**: nothing was searched."], 0.25, 60.0)
    assert "load average at the start 0.25; 60 s in all" in page
    assert line in page and page.endswith("- **a task**: nothing was searched.")


def test_principal_components_learn_nothing_from_test_images():
    draw = np.random.default_rng(0)
    train, test = draw.random((40, 30)), draw.random((10, 30))
    X_train, X_test = hur.angles(train, test)
    assert X_train.min() == pytest.approx(0) and X_train.max() == pytest.approx(np.pi)
    stretched = test.copy()
    stretched[1:] *= 100
    same, other = hur.angles(train, stretched)
    np.testing.assert_array_equal(same, X_train)
    np.testing.assert_allclose(other[0], X_test[0], atol=1e-12)
    assert not np.allclose(other[1], X_test[1])
    assert not np.allclose(hur.angles(train, test, own_range=True)[1], X_test)  # as the paper's


def test_images_are_those_of_the_paper():
    data = hur.images()
    assert data.X_train.shape == (3000, 8) and data.X_test.shape == (2115, 8)
    assert data.y_train.sum() == 1500 and data.y_test.sum() == 980  # zeros among the test images
    sizes = [hur.model(block).n_params for block in hur.BLOCKS]
    assert sizes == [12, 36, 36, 12, 24, 24, 18, 24, 51]  # of the paper's table


def test_samples_are_balanced_and_apart_from_the_test():
    small, large = few_samples.samples(5, seed=3), few_samples.samples(80, seed=3)
    np.testing.assert_array_equal(small.X_train, large.X_train[:5])
    np.testing.assert_array_equal(small.X_test, large.X_test)
    assert small.y_train.tolist() == [0, 1, 0, 1, 0] and large.y_train.sum() == 40
    seen = {row.tobytes() for row in large.X_train}
    assert len(large.X_test) == 280 and not any(row.tobytes() in seen for row in large.X_test)


def test_the_tutorials_circuit_is_the_tutorials():
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import real_amplitudes, zz_feature_map
    from qiskit.quantum_info import Statevector

    draw = np.random.default_rng(0)
    x, angles = draw.random(4), draw.random(16)
    features, rotations = zz_feature_map(4, reps=1), real_amplitudes(4, reps=3)
    circuit = QuantumCircuit(4)
    circuit.compose(features.assign_parameters(x), inplace=True)
    circuit.compose(rotations.assign_parameters(angles), inplace=True)
    found = Statevector(circuit).probabilities()
    wanted = [found[label::3].sum() for label in range(3)]

    params = [None, angles[:4].reshape(4, 1), [None, angles[4:].reshape(3, 4, 1)]]
    np.testing.assert_allclose(iris.tutorial().apply(params, x), wanted, atol=1e-7)


SMALL = {
    "hur": lambda: hur.rows(1, blocks=["ttn"], steps=60),
    "few_samples": lambda: few_samples.rows(1, sizes=[20], steps=30),
    "iris": lambda: iris.rows(1, steps=60),
    "reuploading": lambda: reuploading.rows(1, dimensions=[2], steps=60, trials=1),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name != "hur" else ()) for name in SMALL]
)
def test_every_study_in_small_is_better_than_chance(name, capsys):
    rows = SMALL[name]()
    chance = 100 / 3 if name == "iris" else 50
    for row in rows:
        assert len(row.ours) == 1 and chance + 5 < row.ours[0] <= 100, row
        assert row.seconds > 0 and row.best_classical[1][0] > chance + 5
    assert capsys.readouterr().out.count("\n") == len(rows)  # a line a row


def test_the_picture_is_drawn(tmp_path):
    rows = [
        Row(f"digits 0/1 from {n} samples", "QCNN", (90.0, 92.0), classical={"SVC": (91.0, 99.0)})
        for n in (2, 80)
    ]
    few_samples.picture(rows, tmp_path)
    assert (tmp_path / "few_samples.png").stat().st_size > 5000
