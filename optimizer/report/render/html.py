"""A document as one self-contained page: no scripts, no network, a strict security policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from models.language import language, tr
from models.results.reservations import NONE, Doubts
from optimizer.report.cells import Grid, grid
from optimizer.report.charts.drawing import Chart
from optimizer.report.document import PAGE, Document, Part, Section, Table, shown
from optimizer.report.figures import clean

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded and nothing runs; one style sheet applies, known by its hash."""


@dataclass(frozen=True)
class _Numbered:
    part: Part | Grid
    kind: str
    chart: Chart | None
    figure: int
    table: int


@dataclass(frozen=True)
class _Placed:
    section: Section
    parts: Sequence[_Numbered]
    classes: str
    """How it is set in print."""


def render(document: Document, doubts: Doubts = NONE) -> str:
    """The page of a document, in the current language.

    ``doubts`` stand at its head, before all else, in a box.
    """
    style = (files("optimizer.report") / "templates" / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            tr=tr,
            language=language(),
            policy=POLICY.format(style=f"sha256-{digest}"),
            style=style,
            title=document.title,
            kicker=document.kicker,
            subtitle=document.subtitle,
            closing=_closing(document),
            caution=_caution(doubts),
            doubts=[clean(sentence) for sentence in doubts.all],
            sections=list(_placed(sections_of(document))),
        )
        + "\n"
    )


def fragment(document: Document) -> str:
    """A document as a piece of a page, such as the output of a notebook, in the current language.

    It shows the answer, and the tables of each section when that is opened. It holds no scripts,
    no charts and nothing that may be there once only; its style reaches nothing beside it.
    """
    answer, *more = sections_of(document)
    tables = [(s.title, [p for p in s.parts if isinstance(p, Table) and p.rows]) for s in more]
    return (
        _templates()
        .get_template("fragment.html.j2")
        .render(
            tr=tr,
            language=language(),
            document=document,
            answer=[_unnumbered(part) for part in answer.parts],
            sections=[(title, list(map(_unnumbered, some))) for title, some in tables if some],
        )
    )


def _unnumbered(part: Part) -> _Numbered:
    """A part without a chart, and without a number for its table."""
    if isinstance(part, Table) and not part.rows:
        part = part.empty
    finished = grid(part, PAGE) if isinstance(part, Table) else part
    return _Numbered(finished, _kind(part), None, 0, 0)


def _kind(part: Part) -> str:
    """What a template calls a part."""
    return "Paragraph" if isinstance(part, str) else type(part).__name__


def charts(document: Document) -> list[Chart]:
    """The charts of the page, in order."""
    return [
        part.chart
        for section in sections_of(document)
        for part in section.parts
        if isinstance(part, Table) and part.chart is not None
    ]


def sections_of(document: Document) -> list[Section]:
    """The sections that a page shows, the answer first."""
    title = document.answer_title or tr("The answer on one page")
    first = Section("answer", title, shown(document.answer, PAGE), one_page=True)
    made = [first]
    for section in document.sections:
        parts = shown(section.parts, PAGE) if PAGE in section.on else []
        if parts:
            made.append(Section(section.id, section.title, parts, one_page=section.one_page))
    return made


def _closing(document: Document) -> str:
    """The line at the end of a page: what made it, and from what."""
    version = document.versions.get("vorrat", "")
    if not document.input_sha256 and not version:
        return tr("Made by Vorrat.")
    if not document.input_sha256:
        return tr("Made by Vorrat {version}.", version=version)
    if not version:
        return tr("Of the scenario with SHA-256 {sha}.", sha=document.input_sha256[:16])
    return tr(
        "Made by Vorrat {version} from the scenario with SHA-256 {sha}.",
        version=version,
        sha=document.input_sha256[:16],
    )


def _caution(doubts: Doubts) -> str:
    """What stands above the sentences of the box."""
    if doubts.against:
        return tr("Not to be relied on as it stands")
    return tr("Not confirmed to be as it was written")


def _placed(sections: Sequence[Section]) -> Iterator[_Placed]:
    """Sections with the numbers that their figures and tables have."""
    figures = tables = 0
    for position, section in enumerate(sections):
        parts, drawn = [], False
        for part in section.parts:
            if isinstance(part, Table) and not part.rows:
                part = part.empty
            chart = part.chart if isinstance(part, Table) else None
            drawn = drawn or chart is not None
            figures += chart is not None
            tables += isinstance(part, Table)
            finished: Part | Grid = part
            if isinstance(part, Table):
                caption = part.caption or section.title
                if chart is not None and chart.title == caption:
                    caption = tr("The figures of figure {number}", number=figures)
                finished = replace(grid(part, PAGE), caption=caption)
            parts.append(_Numbered(finished, _kind(part), chart, figures, tables))
        classes = ["one-page"] if section.one_page else []
        # The first section begins the first page, and the contents begin the second.
        if (position > 0 and section.one_page) or (position > 1 and drawn):
            classes.append("new-page")
        yield _Placed(section, parts, " ".join(classes))


@cache
def _templates() -> Environment:
    # Jinja takes a moment to import: only those who want a page wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = files("optimizer.report") / "templates"
    return Environment(
        loader=FileSystemLoader(str(folder)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
