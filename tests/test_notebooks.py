"""Each notebook has its source beside it, with the same cells, and keeps the outputs of its last run."""

from pathlib import Path

import jupytext
import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(notebook):
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells if cell.source]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_and_source_are_in_step(path):
    source = path.with_suffix(".py")
    assert source.exists(), f"jupytext --sync notebooks/{path.name} writes the source of it"
    notebook = nbformat.read(path, as_version=4)
    assert cells(jupytext.read(source)) == cells(notebook), "see CONTRIBUTING.md, Change a notebook"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_was_run_in_order_and_is_small(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    errors = [o for cell in code for o in cell.outputs if o.output_type == "error"]
    assert not errors and path.stat().st_size < 300_000
