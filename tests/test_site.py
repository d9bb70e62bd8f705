"""The site and tab completion: every public name is there, by its own name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import qdl

ROOT = Path(__file__).parent.parent
ROOMS = {room: getattr(qdl, room).__all__ for room in qdl._ROOMS}


def test_every_public_name_is_in_dir():
    assert set(qdl.__all__) <= set(dir(qdl))
    for room, names in ROOMS.items():
        assert set(names) <= set(dir(getattr(qdl, room))), room
    assert {"fake", "ibm", "aer", "estimate"} <= set(dir(qdl.backends))


def test_the_version_is_semantic_and_the_changelog_keeps_its_form():
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", qdl.__version__)
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.*)$", text, re.M)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v) for v in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= kinds


def test_the_front_page_is_one_click_from_what_it_promises():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = set(re.findall(r"\]\(([a-z_]+\.md)", text))
    doors = {"table.md", "benchmarks.md", "start.md", "bill.md"}
    assert doors | {"matrix.md", "promises.md", "trainability.md"} <= pages
    shown = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```dockerfile\n(.*?)^```$", shown, re.M | re.S)
    assert block == (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_public_name_has_an_anchor_on_a_site_without_warnings(tmp_path):
    pytest.importorskip("mkdocs", reason="it comes with the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    pages = {room: [f"qdl.{room}.{name}" for name in names] for room, names in ROOMS.items()}
    pages["qdl"] = [f"qdl.{name}" for name in qdl._HOMES]
    missing = []
    for page, names in pages.items():
        html = (tmp_path / "reference" / page / "index.html").read_text(encoding="utf-8")
        anchors = set(re.findall(r'id="([^"]+)"', html))
        missing += [name for name in names if name not in anchors]
    assert missing == []
