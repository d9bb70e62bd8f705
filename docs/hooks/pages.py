"""Pages whose text lives elsewhere in the repository: docstrings, notebooks, changelog, benchmarks."""

from functools import cache
from pathlib import Path

import griffe
import nbformat
from mkdocs.structure.files import File
from nbconvert import MarkdownExporter

import qdl

ROOT = Path(__file__).parents[2]
TEXTS = {
    "benchmarks.md": "benchmarks/README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
# What `qdl` itself offers and no room does; the rest of its index is in the rooms.
ALONE = {name: home for name, home in qdl._HOMES.items() if home not in qdl._ROOMS}


def on_config(config):
    """The navigation of what is found, not listed."""
    rooms = [{"qdl": "reference/qdl.md"}]
    rooms += [{f"qdl.{room}": f"reference/{room}.md"} for room in sorted(qdl._ROOMS)]
    notebooks = [f"notebooks/{path.stem}.md" for path in notebook_files()]
    config.nav[1:1] = [{"Notebooks": notebooks}, {"Reference": rooms}]
    return config


def on_files(files, config):
    """The pages themselves, and their pictures."""

    def add(uri, **content):
        files.append(File.generated(config, uri, **content))

    for uri, path in TEXTS.items():
        add(uri, abs_src_path=str(ROOT / path))
    for picture in (ROOT / "benchmarks").glob("*.png"):
        add(picture.name, abs_src_path=str(picture))
    add("reference/qdl.md", content=index())
    for room in qdl._ROOMS:
        add(f"reference/{room}.md", content=reference(room))
    for path in notebook_files():
        text, outputs = markdown(path)
        add(f"notebooks/{path.stem}.md", content=text)
        for name, data in outputs.items():
            add(f"notebooks/{name}", content=data)
    return files


def on_page_markdown(markdown, page, config, files):
    """Links that are right in the repository, right on the site too."""
    return markdown.replace("](../docs/", "](") if page.file.src_uri in TEXTS else markdown


def notebook_files():
    """Those that there are, by number."""
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def markdown(path):
    """An executed notebook as a page, and its pictures by name."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
    text, resources = MarkdownExporter().from_notebook_node(notebook, resources)
    return text, resources["outputs"]


def reference(room):
    """The page of a room, with the functions that griffe takes for the file of the same name."""
    members = griffe_tree()[room].members
    lines = [f"# qdl.{room}", "", f"::: qdl.{room}"]
    for name in getattr(getattr(qdl, room), "__all__", ()):
        found = members[name].final_target if members[name].is_alias else members[name]
        if found.is_module:
            lines += [
                "",
                anchor(f"qdl.{room}.{name}"),
                "",
                *documented(f"{found.path}.{name}", name),
            ]
    return "\n".join(lines)


@cache
def griffe_tree():
    """The package as griffe reads it, without importing it."""
    return griffe.load("qdl", search_paths=[str(ROOT)])


def anchor(name):
    """A place that ``[name][]`` leads to, beside those that headings are."""
    return f"[](){{ #{name} }}"


def documented(path, heading):
    """The documentation of an object, under a heading."""
    return [
        f"::: {path}",
        f"    options: {{show_root_heading: true, heading: {heading}, show_root_toc_entry: true}}",
    ]


def index():
    """Every name that ``qdl`` offers: where it is documented, or its documentation."""
    lines = [
        "# qdl",
        "",
        "`import qdl` takes a moment only: each name is imported on first use.",
        "",
    ]
    for name, home in qdl._HOMES.items():
        lines.append(f"- {anchor(f'qdl.{name}')}[`qdl.{name}`][qdl.{home}.{name}]")
    for name, home in ALONE.items():
        lines += ["", *documented(f"qdl.{home}.{name}", f"qdl.{name}")]
    return "\n".join(lines)
