"""README.md and the pages of docs/: their Python runs, their commands exist, their links lead somewhere."""

import re
import sys
import tomllib
import types
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def run_python_blocks(text, name, monkeypatch):
    """Runs the blocks one after another, as a module, and returns what they have defined."""
    matplotlib.use("agg")
    module = types.ModuleType(f"page_{name}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # so that its classes can be pickled
    for number, code in enumerate(blocks("python", text), 1):
        exec(compile(code, f"{name}, python block {number}", "exec"), vars(module))
    return vars(module)


def test_python_blocks_run_in_order(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(blocks("python")) >= 4
    names = run_python_blocks(README, "README", monkeypatch)
    printed = capsys.readouterr().out
    assert "(5, 2)" in printed
    assert names["result"].history["val_accuracy"][-1] > 0.9
    assert abs(names["exact"] - names["device"]).max() < 1e-10
    assert names["again"] == names["model"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_run_and_print_what_they_show(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.stem == "pytorch":
        pytest.importorskip("torch")
    text = page.read_text(encoding="utf-8")
    run_python_blocks(text, page.stem, monkeypatch)
    printed = capsys.readouterr().out
    assert [shown for shown in blocks("text", text) if shown not in printed] == []


def test_layers_page_shows_every_layer_with_its_circuit():
    from qdl import layers

    text = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    sections = re.split(r"^##+ (\w+)\b.*$", text, flags=re.M)
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))  # of two of a name the later one
    assert set(layers.__all__) <= set(shown)
    for name in set(layers.__all__) - {"Layer", "Composite"}:  # bases have no circuit
        assert f"{name}(" in shown[name] and "](circuits/" in shown[name], name
        assert f"[Reference][qdl.layers.{name}]" in shown[name], name


def test_toml_block_is_a_configuration(tmp_path):
    from qdl.commands.configuration import read_config

    (block,) = blocks("toml")
    path = tmp_path / "experiment.toml"
    path.write_text(block)
    config = read_config(path, {})
    assert {name: getattr(config, name) for name in tomllib.loads(block)} == tomllib.loads(block)


def test_commands_shown_are_understood():
    """In shell blocks and in running text, of the notebooks too: names, arguments and options."""
    import typer

    from qdl.cli import app

    commands = typer.main.get_command(app).commands
    notebooks = sorted((ROOT / "notebooks").glob("*.py"))
    texts = [README, *(page.read_text(encoding="utf-8") for page in [*PAGES, *notebooks])]
    lines = [line for text in texts for block in blocks("sh", text) for line in block.splitlines()]
    lines += [line for text in texts for line in re.findall(r"`(qdl [^`\n]+)`", text)]
    shown = [line.split("#")[0].split() for line in lines]
    shown = [words for words in shown if words[:1] == ["qdl"] and words[1:2] != ["--help"]]
    assert len(shown) > 10
    for _, name, *words in shown:
        commands[name].make_context(name, words)  # raises what the user would be told


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_commands_that_ci_extracts_make_their_own_environment(name):
    match = re.search(rf"^<!-- {name} -->\n```sh\n(.*)\n```$", README, re.M)
    assert match and match[1].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_links_lead_to_files():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets and not [t for t in targets if "://" not in t and not (ROOT / t).exists()]
