"""A document as one self-contained page, without scripts or network access, under a strict security
policy."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from models.language import current_language, tr
from optimizer.report import figure_columns
from optimizer.report.cells import build_grid
from optimizer.report.charts.drawing import Chart
from optimizer.report.document import PAGE, Document, Part, Section, Table

if TYPE_CHECKING:
    from jinja2 import Environment

SECURITY_POLICY = (
    "default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded and nothing runs; one style sheet applies, identified by its hash."""


class _TemplatePart(NamedTuple):
    """A part of a section as templates need it, with the numbers of its figure and table."""

    part: Any
    kind: str
    chart: Chart | None = None
    figure: int = 0
    table: int = 0
    is_collapsed: bool = False
    data: str = ""  # data URL of the CSV file of the chart's figures
    file: str = ""  # name of that file


class _TemplateSection(NamedTuple):
    """A section as templates need it, with its CSS classes for printing."""

    id: str
    title: str
    parts: list[_TemplatePart]
    classes: str
    hint: str


def render_page(document: Document) -> str:
    """Return a document as an HTML page in the current language."""
    style = (files("optimizer.report") / "templates" / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # No hash of the scenario: with it a reader could find a single unknown figure by trial.
    version = document.versions.get("vorrat", "")
    footer = tr("Made by Vorrat {version}.", version=version) if version else tr("Made by Vorrat.")
    template = template_environment("optimizer.report").get_template("report.html.j2")
    page = template.render(
        document=document,
        language=current_language(),
        policy=SECURITY_POLICY.format(style=f"sha256-{digest}"),
        style=style,
        closing=footer,
        sections=list(_numbered_sections(_page_sections(document), document.units)),
    )
    return f"{page}\n"


def render_fragment(document: Document) -> str:
    """Return a document as an HTML fragment in the current language, such as the output of a
    notebook cell.

    It shows the answer, and the tables of a section when the reader opens it. It has no scripts,
    charts or ids, and its style does not affect the surrounding page.
    """
    answer, *sections = _page_sections(document)
    tables = [(s.title, [p for p in s.parts if isinstance(p, Table) and p.rows]) for s in sections]
    return (
        template_environment("optimizer.report")
        .get_template("fragment.html.j2")
        .render(
            language=current_language(),
            document=document,
            answer=list(map(_template_part, answer.parts)),
            sections=[
                (title, list(map(_template_part, section_parts)))
                for title, section_parts in tables
                if section_parts
            ],
        )
    )


def render_sections(sections: Iterable[Section], units: Mapping[str, str]) -> str:
    """Return sections with their charts as an HTML fragment for a page with the style sheet of
    reports."""
    numbered_sections = list(_numbered_sections(sections, units))
    template = template_environment("optimizer.report").get_template("pieces.html.j2")
    language = current_language()
    return template.render(sections=numbered_sections, language=language, with_tooltips=True)


def document_charts(document: Document) -> list[Chart]:
    """Return the charts that the page of a document shows, in order."""
    tables = (p for s in _page_sections(document) for p in s.parts if isinstance(p, Table))
    return [table.chart for table in tables if table.chart is not None]


def _page_sections(document: Document) -> list[Section]:
    return document.sections_for(PAGE, tr("The answer on one page"))


def _template_part(part: Part) -> _TemplatePart:
    """Return a part as templates need it; a table without rows becomes a paragraph."""
    if isinstance(part, Table):
        if part.rows:
            return _TemplatePart(build_grid(part, PAGE), "Table")
        return _TemplatePart(part.empty_text, "Paragraph")
    return _TemplatePart(part, "Paragraph" if isinstance(part, str) else type(part).__name__)


def _numbered_sections(
    sections: Iterable[Section], units: Mapping[str, str]
) -> Iterator[_TemplateSection]:
    """Yield the sections as templates need them, with figures and tables numbered throughout."""
    figures = tables = 0
    for position, section in enumerate(sections):
        template_parts: list[_TemplatePart] = []
        for part in section.parts:
            template_part = _template_part(part)
            if template_part.kind == "Table" and isinstance(part, Table):
                tables += not part.is_collapsed
                figures += part.chart is not None
                caption = part.caption or section.title
                if part.chart is not None and part.chart.title == caption:
                    caption = tr("The figures of figure {number}", number=figures)
                template_part = _TemplatePart(
                    replace(template_part.part, caption=caption), "Table", part.chart, figures,
                    0 if part.is_collapsed else tables, part.is_collapsed,
                )  # fmt: skip
                if part.chart is not None:
                    data_url, file = _csv_data_url(part, units), f"{part.chart.name}.csv"
                    template_part = template_part._replace(
                        data=data_url, file=re.sub("[^a-z0-9.-]+", "-", file.lower())
                    )
            template_parts.append(template_part)
        classes = ["one-page"] if section.fits_one_page else []
        # The first section is on the first page, the contents are on the second.
        if position > 0 and section.fits_one_page:
            classes.append("new-page")
        yield _TemplateSection(
            section.id, section.title, template_parts, " ".join(classes), section.contents_hint
        )


def _csv_data_url(table: Table, units: Mapping[str, str]) -> str:
    """Return a data URL with the CSV file of a table."""
    content = base64.b64encode(figure_columns.render_csv(table, units)).decode()
    return f"data:text/csv;charset=utf-8;base64,{content}"


@cache
def template_environment(package: str) -> Environment:
    """Return a Jinja environment for the templates of a package.

    It escapes HTML and raises an error for undefined variables.
    """
    # Imported on request, as the import of Jinja is slow.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = str(files(package) / "templates")
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
    )
    environment.globals["tr"] = tr
    return environment
