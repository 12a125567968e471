"""A document as one self-contained page: no scripts, no network, a strict security policy."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from models.language import language, tr
from models.results.reservations import NONE, Doubts
from optimizer.report.cells import grid
from optimizer.report.charts.drawing import Chart
from optimizer.report.document import PAGE, Document, Part, Section, Table
from optimizer.report.figures import clean
from optimizer.report.render import csv_file

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded and nothing runs; one style sheet applies, known by its hash."""


class _Part(NamedTuple):
    """A part as templates take it, with the numbers of its chart and of its table."""

    part: Any
    kind: str
    chart: Chart | None = None
    figure: int = 0
    table: int = 0
    folded: bool = False
    data: str = ""  # the figures of the chart, as the address of a file
    file: str = ""  # the name of that


class _Section(NamedTuple):
    """A section as templates take it, and how it is set in print."""

    id: str
    title: str
    parts: list[_Part]
    classes: str
    hint: str


def render(document: Document, doubts: Doubts = NONE) -> str:
    """The page of a document, in the current language.

    ``doubts`` stand at its head, before all else, in a box.
    """
    style = (files("optimizer.report") / "templates" / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # No hash of the scenario: a reader who knows all figures but one could find it by trial.
    version = document.versions.get("vorrat", "")
    closing = tr("Made by Vorrat {version}.", version=version) if version else tr("Made by Vorrat.")
    caution = tr("Not confirmed to be as it was written")
    if doubts.against:
        caution = tr("Not to be relied on as it stands")
    template = templates_of("optimizer.report").get_template("report.html.j2")
    page = template.render(
        document=document,
        language=language(),
        policy=POLICY.format(style=f"sha256-{digest}"),
        style=style,
        closing=closing,
        caution=caution,
        doubts=[clean(sentence) for sentence in doubts.all],
        sections=list(_numbered(_sections(document), document.units)),
    )
    return f"{page}\n"


def fragment(document: Document) -> str:
    """A document as a piece of a page, such as the output of a notebook, in the current language.

    It shows the answer, and the tables of each section when that is opened. It holds no scripts,
    no charts and nothing that may be there once only; its style reaches nothing beside it.
    """
    answer, *more = _sections(document)
    tables = [(s.title, [p for p in s.parts if isinstance(p, Table) and p.rows]) for s in more]
    return (
        templates_of("optimizer.report")
        .get_template("fragment.html.j2")
        .render(
            language=language(),
            document=document,
            answer=list(map(_finished, answer.parts)),
            sections=[(title, list(map(_finished, some))) for title, some in tables if some],
        )
    )


def pieces(sections: Iterable[Section], units: Mapping[str, str]) -> str:
    """Sections as a piece of a page that has the style sheet of reports; with their charts."""
    numbered = list(_numbered(sections, units))
    template = templates_of("optimizer.report").get_template("pieces.html.j2")
    return template.render(sections=numbered, language=language(), told=True)


def charts(document: Document) -> list[Chart]:
    """The charts of the page, in order."""
    tables = (p for s in _sections(document) for p in s.parts if isinstance(p, Table))
    return [table.chart for table in tables if table.chart is not None]


def _sections(document: Document) -> list[Section]:
    return document.on(PAGE, tr("The answer on one page"))


def _finished(part: Part) -> _Part:
    """A part for a template; a table has its cells, and one without rows is what it says then."""
    if isinstance(part, Table):
        return _Part(grid(part, PAGE), "Table") if part.rows else _Part(part.empty, "Paragraph")
    return _Part(part, "Paragraph" if isinstance(part, str) else type(part).__name__)


def _numbered(sections: Iterable[Section], units: Mapping[str, str]) -> Iterator[_Section]:
    """Sections with the numbers that their figures and tables have."""
    figures = tables = 0
    for position, section in enumerate(sections):
        parts: list[_Part] = []
        for part in section.parts:
            made = _finished(part)
            if made.kind == "Table" and isinstance(part, Table):
                tables += not part.folded
                figures += part.chart is not None
                caption = part.caption or section.title
                if part.chart is not None and part.chart.title == caption:
                    caption = tr("The figures of figure {number}", number=figures)
                made = _Part(
                    replace(made.part, caption=caption), "Table", part.chart, figures,
                    0 if part.folded else tables, part.folded,
                )  # fmt: skip
                if part.chart is not None:
                    data, file = _data(part, units), f"{part.chart.name}.csv"
                    made = made._replace(data=data, file=re.sub("[^a-z0-9.-]+", "-", file.lower()))
            parts.append(made)
        classes = ["one-page"] if section.one_page else []
        # The first section begins the first page, and the contents begin the second.
        if position > 0 and section.one_page:
            classes.append("new-page")
        yield _Section(section.id, section.title, parts, " ".join(classes), section.hint)


def _data(table: Table, units: Mapping[str, str]) -> str:
    """The figures of a table as an address that holds a whole file."""
    content = base64.b64encode(csv_file.render(table, units)).decode()
    return f"data:text/csv;charset=utf-8;base64,{content}"


@cache
def templates_of(package: str) -> Environment:
    """Load the templates of a package: values are escaped, and a missing one is an error."""
    # Jinja takes a moment to import: only those who want a page wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = str(files(package) / "templates")
    made = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    made.globals["tr"] = tr
    return made
