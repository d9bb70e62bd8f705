"""README.md: its Python runs, its commands exist, its links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def test_python_blocks_run_in_order(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    assert len(blocks("python")) >= 4
    for number, code in enumerate(blocks("python"), 1):
        exec(compile(code, f"README.md, python block {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "(5, 2)" in printed
    assert names["result"].history["val_accuracy"][-1] > 0.9
    assert abs(names["exact"] - names["device"]).max() < 1e-10
    assert names["again"] == names["model"]


def test_toml_block_is_a_configuration(tmp_path):
    from qdl.commands.train import read_config

    (block,) = blocks("toml")
    path = tmp_path / "experiment.toml"
    path.write_text(block)
    config = read_config(path, {})
    assert {name: getattr(config, name) for name in tomllib.loads(block)} == tomllib.loads(block)


def test_shell_blocks_use_options_that_exist():
    import typer

    from qdl.cli import app

    commands = typer.main.get_command(app).commands
    lines = [line.split("#")[0].split() for line in "\n".join(blocks("sh")).splitlines()]
    lines = [words for words in lines if words[:1] == ["qdl"]]
    assert len(lines) > 5
    for _, command, *words in lines:
        known = {option for parameter in commands[command].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_commands_that_ci_extracts_make_their_own_environment(name):
    match = re.search(rf"^<!-- {name} -->\n```sh\n(.*)\n```$", README, re.M)
    assert match and match[1].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_links_lead_to_files():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets and not [t for t in targets if "://" not in t and not (ROOT / t).exists()]
