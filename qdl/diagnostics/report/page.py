"""The page itself: conclusions first; Markdown, HTML with its pictures inside, JSON."""

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
from .conclusions import conclusions
from .section import Section

TITLE = "Trainability report"
NOTE = (
    "Every number was computed for this page, by the method and in the time given under it. Random starts "
    "are the model's own. Initialisation moves the start, not the landscape."
)
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em;color:#222;"
    "overflow-wrap:anywhere}"
    "table{border-collapse:collapse;margin:.8em 0;max-width:100%}"
    "th,td{padding:.15em .8em .15em 0;text-align:left}"
    "th{border-bottom:1px solid #999}pre{background:#f5f5f5;padding:.8em;white-space:pre-wrap}"
    ".how,.missing{color:#666;font-size:90%}img{max-width:100%}"
)


@dataclass(frozen=True, eq=False, repr=False)
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

    @property
    def conclusions(self) -> tuple[str, ...]:
        """Three sentences: whether it trains, what its states are like, whether it is classically easy."""
        return conclusions(self.sections)

    def __str__(self) -> str:
        return self.to_markdown()

    def __repr__(self) -> str:
        return " ".join(self.conclusions)

    def _repr_html_(self) -> str:
        """What a notebook shows: the page without the style of its own file."""
        return "\n".join(self._body())

    def to_markdown(self, pictures: bool = False) -> str:
        """The page as Markdown; ``pictures`` links the files that ``save`` writes beside it."""
        lines = [f"# {TITLE}", "", *(f"- {said}" for said in self.conclusions), "", NOTE, ""]
        lines += ["```text", self.model, "```"]
        for section in self.sections:
            lines += ["", f"## {section.title}", "", *_markdown(section)]
            if pictures and section.draw:
                lines += ["", f"![{section.title}]({section.name}.svg)"]
        return "\n".join(lines) + "\n"

    def to_html(self) -> str:
        """The page as one HTML file, pictures inside."""
        head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{TITLE}</title>"
        return "\n".join([head, f"<style>{STYLE}</style>", *self._body(), "</html>"]) + "\n"

    def _body(self) -> Iterator[str]:
        first = "".join(f"<li>{html.escape(said)}</li>" for said in self.conclusions)
        yield f"<h1>{TITLE}</h1><ul>{first}</ul><p>{html.escape(NOTE)}</p>"
        yield f"<pre>{html.escape(self.model)}</pre>"
        for section in self.sections:
            yield f"<h2>{html.escape(section.title)}</h2>"
            yield from _html(section)
            if section.draw:
                data = base64.b64encode(_picture(section, "svg")).decode()
                kind = "data:image/svg+xml;base64"
                yield f'<img alt="{html.escape(section.title)}" src="{kind},{data}">'

    def to_dict(self) -> dict[str, Any]:
        """The numbers: for each section its values, method, seconds, or why it is missing."""
        keys = ("findings", "values", "method", "seconds", "missing")
        sections = {s.name: {key: jsonable(getattr(s, key)) for key in keys} for s in self.sections}
        return {"conclusions": self.conclusions, "model": self.model, "sections": sections}

    def to_json(self) -> str:
        """The numbers as JSON; infinities become null."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def save(self, folder: str | Path) -> Path:
        """Write ``report.md``, ``report.html``, ``report.json`` and the pictures into a folder.

        Each picture is there as SVG, which the page shows, and as PDF, for papers.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for section in self.sections:
            if section.draw:
                for kind in ("svg", "pdf"):
                    (folder / f"{section.name}.{kind}").write_bytes(_picture(section, kind))
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


def _picture(section: Section, kind: str) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    # A Figure of its own, not pyplot's: no window, no global state, nothing to close.
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    assert section.draw is not None
    section.draw(axes)
    buffer = io.BytesIO()
    # Letters of an SVG as outlines, whatever fonts are there to show them; tight, so that none is cut off.
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, facecolor="white", bbox_inches="tight")
    return buffer.getvalue()
