"""The page itself: Markdown, HTML with its pictures inside, JSON."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import jsonable
from .section import Section

TITLE = "Trainability report"
NOTE = (
    "Every number was computed for this page, by the method and in the time given under it. Random starts "
    "are the model's own. Initialisation moves the start, not the landscape."
)
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:.8em 0}th,td{padding:.15em .8em .15em 0;text-align:left}"
    "th{border-bottom:1px solid #999}pre{background:#f5f5f5;padding:.8em;overflow:auto}"
    ".how,.missing{color:#666;font-size:90%}img{max-width:100%}"
)


@dataclass(frozen=True, eq=False)
class TrainabilityReport:
    """What ``trainability_report`` found.

    Attributes:
        model: the model's tree as text.
        sections: the parts, in the order of the page; ``report["expressibility"]`` is one of them.
    """

    model: str
    sections: tuple[Section, ...]

    def __getitem__(self, name: str) -> Section:
        for section in self.sections:
            if section.name == name:
                return section
        names = ", ".join(section.name for section in self.sections)
        raise KeyError(f"the report has no section {name!r}. It has {names}.")

    def __str__(self) -> str:
        return self.to_markdown()

    def to_markdown(self, pictures: bool = False) -> str:
        """The page as Markdown; ``pictures`` links the files that ``save`` writes beside it."""
        lines = [f"# {TITLE}", "", NOTE, "", "```text", self.model, "```"]
        for section in self.sections:
            lines += ["", f"## {section.title}", "", *_markdown(section)]
            if pictures and section.draw:
                lines += ["", f"![{section.title}]({section.name}.png)"]
        return "\n".join(lines) + "\n"

    def to_html(self) -> str:
        """The page as one HTML file, pictures inside."""
        parts = [
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{TITLE}</title>",
            f"<style>{STYLE}</style><h1>{TITLE}</h1><p>{html.escape(NOTE)}</p>",
            f"<pre>{html.escape(self.model)}</pre>",
        ]
        for section in self.sections:
            parts.append(f"<h2>{html.escape(section.title)}</h2>")
            parts += _html(section)
            if section.draw:
                data = base64.b64encode(_png(section)).decode()
                parts.append(
                    f'<img alt="{html.escape(section.title)}" src="data:image/png;base64,{data}">'
                )
        return "\n".join(parts) + "\n</html>\n"

    def to_dict(self) -> dict[str, Any]:
        """The numbers: for each section its values, method, seconds, or why it is missing."""
        keys = ("findings", "values", "method", "seconds", "missing")
        sections = {s.name: {key: jsonable(getattr(s, key)) for key in keys} for s in self.sections}
        return {"model": self.model, "sections": sections}

    def to_json(self) -> str:
        """The numbers as JSON; infinities become null."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def save(self, folder: str | Path) -> Path:
        """Write ``report.md``, ``report.html``, ``report.json`` and the pictures into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for section in self.sections:
            if section.draw:
                (folder / f"{section.name}.png").write_bytes(_png(section))
        texts = {
            "report.md": self.to_markdown(pictures=True),
            "report.html": self.to_html(),
            "report.json": self.to_json() + "\n",
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder


def _markdown(section: Section) -> Iterator[str]:
    if section.missing:
        yield f"Not computed: {section.missing}"
        return
    for finding in section.findings:
        yield f"- {finding}"
    if section.table:
        header, *rows = section.table
        yield ""
        yield f"| {' | '.join(header)} |"
        yield "|---" * len(header) + "|"
        for row in rows:
            yield f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |"
    yield ""
    yield f"*{_how(section)}*"


def _html(section: Section) -> Iterator[str]:
    if section.missing:
        yield f"<p class=missing>Not computed: {html.escape(section.missing)}</p>"
        return
    yield "<ul>" + "".join(f"<li>{html.escape(f)}</li>" for f in section.findings) + "</ul>"
    if section.table:
        header, *rows = section.table
        yield "<table><tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in header) + "</tr>"
        for row in rows:
            yield "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        yield "</table>"
    yield f"<p class=how>{html.escape(_how(section))}</p>"


def _how(section: Section) -> str:
    return f"{section.method.rstrip('.')}. {section.seconds:.2g} s."


def _png(section: Section) -> bytes:
    from matplotlib.figure import Figure

    # A Figure of its own, not pyplot's: no window, no global state, nothing to close.
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    assert section.draw is not None
    section.draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=130, facecolor="white")
    return buffer.getvalue()
