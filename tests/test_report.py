"""The trainability page: its numbers are those of the functions, and what is missing says why."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import jax
import numpy as np
import pennylane as qp
import pytest
from typer.testing import CliRunner

import qdl
from qdl.cli import app
from qdl.diagnostics import gradient_variance, resources, trainability_report
from qdl.diagnostics.report.alternatives import _variants
from qdl.diagnostics.report.conclusions import conclusions
from qdl.diagnostics.report.section import Question
from qdl.layers import Composite, Entangler, Mirrored, Repeat, Rotation

NAMES = (
    "resources", "gradient_variance", "alternatives", "expressibility", "entangling_capability",
    "quantum_fisher", "classical_fisher", "lie_algebra", "weight_truncation", "classical",
)  # fmt: skip


@pytest.fixture(scope="module")
def page():
    """Of a model too wide for state vectors: nothing has to be compiled."""
    layers = Repeat([Rotation("xy"), Entangler("cz")], 2)
    model = qdl.QNN(30, layers, readout=qdl.Expval(qp.Z(3) @ qp.Z(4)))
    return model, trainability_report(model, key=jax.random.key(0))


def test_the_page_asks_whether_the_model_is_classically_easy(page):
    """By running it: here the light cone of two wires."""
    model, report = page
    section = report["classical"]
    assert section.values["engine"] == "cone" and section.values["wires"] < 10
    assert (
        section.values["verdict"] == "exact at this size" and section.values["gradient_seconds"] > 0
    )
    assert "hard" not in " ".join(section.findings)


def test_numbers_are_those_of_the_functions(page):
    model, report = page
    assert tuple(section.name for section in report.sections) == NAMES
    key = jax.random.fold_in(jax.random.key(0), 1)
    row = gradient_variance(model, key=key)
    values = report["gradient_variance"].values
    assert values["variance"] == row.variance.tolist() and values["method"] == row.method
    assert report["resources"].values["depth"] == resources(model).depth
    assert report["lie_algebra"].values["bound"] == "at least"
    assert report["entangling_capability"].values["value"] > 0.5
    assert all(section.seconds >= 0 for section in report.sections)
    with pytest.raises(KeyError, match="no section 'fisher'. It has resources, gradient_variance"):
        report["fisher"]


def test_alternatives_are_computed_again(page):
    model, report = page
    values = report["alternatives"].values
    half, double, local = (
        next(name for name in values if name.startswith(start))
        for start in ("half the depth (1", "twice the depth (4", "reading Z on wire 3")
    )
    for name, other in (
        (half, qdl.QNN(30, Repeat(model.layers.layers[0].block, 1), readout=model.readout)),
        (double, qdl.QNN(30, Repeat(model.layers.layers[0].block, 4), readout=model.readout)),
        (local, qdl.QNN(30, model.layers, readout=qdl.ExpZ(3))),
    ):
        key = jax.random.fold_in(jax.random.key(0), 3)
        found = gradient_variance(other, key=key)
        assert values[name]["squared_norm"] == found.squared_norm
        assert values[name]["median"] == found.median
    assert values["as it is"]["median"] != values[half]["median"]


def test_what_is_not_computed_says_why(page):
    _, report = page
    for name in ("expressibility", "quantum_fisher", "classical_fisher"):
        section = report[name]
        assert "state vectors of 30 wires" in section.missing and not section.values
    text = report.to_markdown()
    assert text.count("Not computed: ") == 3
    # every part that has numbers says by which method and in how many seconds
    assert text.count(" s.*\n") == len(NAMES) - 3


def test_pages_and_numbers_are_written(page, tmp_path):
    _, report = page
    folder = report.save(tmp_path / "new")
    numbers = json.loads((folder / "report.json").read_text())
    assert set(numbers["sections"]) == set(NAMES)
    assert (folder / "gradient_variance.pdf").read_bytes().startswith(b"%PDF")
    assert "<svg" in (folder / "gradient_variance.svg").read_text()
    assert numbers["conclusions"] == list(report.conclusions) and len(report.conclusions) == 3
    markdown = (folder / "report.md").read_text()
    for line in markdown.splitlines():
        if line.startswith("!["):
            assert (folder / line.split("(")[1].rstrip(")")).is_file()
    html = (folder / "report.html").read_text()
    assert html.count("<img") == len(list(folder.glob("*.svg"))) == 3
    assert len(list(folder.glob("*.pdf"))) == 3
    first = markdown.index(report.conclusions[0])
    assert first < markdown.index("## Resources") and html.index("<li>") < html.index("<h2>")
    assert html.count("<h2>") == len(NAMES) and str(report) == report.to_markdown()
    assert "&lt;" in html or "<function" not in html


def test_the_page_begins_with_what_it_concludes(page):
    """From the numbers of its sections, and of a sweep the verdict; what is missing is said."""
    _, report = page
    trains, states, easy = report.conclusions
    values = report["gradient_variance"].values
    assert f"{values['squared_norm']:.3g} on average" in trains and "one width" in trains
    assert (
        "D = " not in states
        and f"Q = {report['entangling_capability'].values['value']:.2g}" in states
    )
    assert "exact at this size" in easy and "(cone)" in easy
    assert repr(report) == " ".join(report.conclusions)
    shown = report._repr_html_()
    assert shown.startswith("<h1>") and "<style>" not in shown and shown.count("<img") == 3
    sweep = SimpleNamespace(missing="", name="scaling", values={"verdict": "exponential, x: why"})
    assert "it is exponential, x." in conclusions((*report.sections, sweep))[0]
    random = {"value": 0.01, "haar_bias": 0.009, "standard_error": 0.002}
    spread = SimpleNamespace(missing="", name="expressibility", values=random)
    assert conclusions((spread,))[1].startswith("Its states cannot be told from Haar-random ones")
    assert "not computed" in conclusions(())[0] and "not found out" in conclusions(())[2]


def test_variants_keep_to_what_a_model_has(key):
    plain = dict(_variants(Question(qdl.QNN(2, Rotation("y")), key)))
    assert list(plain) == [
        "starting with small_angle(scale=0.1)",
        "starting with gaussian(std=0.5)",
    ]
    mirrored = qdl.QNN(2, [Mirrored(Rotation("y"))], initializer=qdl.initializers.gaussian(0.1))
    names = list(dict(_variants(Question(mirrored, key))))
    assert any("identity_blocks" in name for name in names) and "starting with uniform" in names[0]

    @dataclass(frozen=True)
    class Blocks(Composite):
        def parts(self, wires):
            return {"blocks": Repeat([Rotation("y"), Entangler("cz")], 4), "last": Rotation("x")}

    names = list(dict(_variants(Question(qdl.QNN(2, Blocks()), key))))
    assert {"half the depth (2 repetitions)", "twice the depth (8 repetitions)"} < set(names)
    own = qdl.QNN(2, Rotation("y", initializer=qdl.initializers.gaussian(0.1)))
    assert not dict(_variants(Question(own, key)))  # no initialiser of the model reaches that layer


def test_refusals(key):
    with pytest.raises(ValueError, match="about one QNN with parameters, got function"):
        trainability_report(lambda n: None, key=key)
    with pytest.raises(ValueError, match="got QNN without any"):
        trainability_report(qdl.QNN(2, Entangler("cz")), key=key)


@pytest.fixture
def qdl_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_command_writes_a_whole_page(qdl_command, tmp_path):
    """The one test that fills every section: a small family with a sweep over widths."""
    result = qdl_command(
        *("report", "hardware_efficient", "--wires", 2, "--depth", 1, "--widths", "2-3"),
        *("--place", "fake_manila"),
    )
    assert result.exit_code == 0, result.output
    folder = tmp_path / "runs" / "report-hardware_efficient"
    sections = json.loads((folder / "report.json").read_text())["sections"]
    assert not any(section["missing"] for section in sections.values())
    assert sections["scaling"]["values"]["sizes"] == [2, 3]
    assert sections["machine"]["values"]["as it is"]["two_qubit_gates"] == 1
    assert sections["quantum_fisher"]["values"]["rank"] <= 4
    n_images = (folder / "report.html").read_text().count("data:image/svg+xml;base64,")
    assert n_images == len(list(folder.glob("*.svg"))) == 8
    assert "## Expressibility" in result.output
    values = sections["classical_fisher"]["values"]
    assert 0 < values["effective_dimension"] <= 4.5 and np.shape(values["eigenvalues"]) == (10, 4)


def test_command_reports_the_circuit_of_a_saved_hybrid(qdl_command, tmp_path):
    circuit = qdl.QNN(30, Rotation("y"))
    for name, stages in (("one", [circuit, qdl.Dense(30, 1)]), ("none", [qdl.Dense(2, 1)])):
        model = qdl.Hybrid(stages)
        qdl.save(tmp_path / name, model, model.init(jax.random.key(0)))
    result = qdl_command("report", "one", "--out", "page")
    assert result.exit_code == 0, result.output
    assert "QNN  30 wires" in (tmp_path / "page" / "report.md").read_text()
    assert qdl_command("variance", "one", "--out", "variance").exit_code == 0
    result = qdl_command("report", "none")
    assert result.exit_code == 2 and "a Hybrid with 0 circuits, expected one" in result.stderr


def test_command_reads_saved_models_and_refuses_the_rest(qdl_command, tmp_path):
    from qdl.saving import save

    model = qdl.QNN(30, Rotation("y"))
    save(tmp_path / "kept", model, model.init(jax.random.key(0)))
    result = qdl_command("report", "kept", "--out", "page")
    assert result.exit_code == 0 and (tmp_path / "page" / "report.md").is_file(), result.output
    for words, said in (
        (("kept", "--depth", "3"), "kept is one model, so it has no --depth"),
        (("nothing",), "model must be one of"),
        (("mcclean", "--depth", "x"), "depth must be a number"),
        (("qcnn", "--depth", "3"), "qcnn has no depth, got depth = 3"),
        (("kept", "--out", "page"), "page already holds files"),
    ):
        result = qdl_command("report", *words)
        assert result.exit_code == 2 and said in result.stderr
