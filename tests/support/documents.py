"""What tests ask of a document: its text, page and workbook, and that all of them are whole."""

from __future__ import annotations

from io import BytesIO
from typing import Any, TypeVar

import pytest
from empty_charts import empty_svg
from openpyxl import load_workbook
from pages import Table, read, shows, tables

from models.language import Language, using
from models.results import Result
from optimizer.analyses.registry import build_result_document
from optimizer.report.charts.drawing import Chart
from optimizer.report.render import html, terminal, workbook
from optimizer.report.render.terminal import MIN_WIDTH, PIPE_WIDTH, Screen

_svg = Chart.svg  # tests have it replaced

ResultType = TypeVar("ResultType", bound=Result)


def text_of(
    found: Result, language: Language = "en", width: int = PIPE_WIDTH, **beside: Any
) -> str:
    """The document of a result as a terminal shows it."""
    with using(language):
        return terminal.render_text(build_result_document(found, **beside), Screen(width))


def one_line(found: Result, language: Language = "en", **beside: Any) -> str:
    """The same on one line, so that a sentence can be looked for."""
    return " ".join(text_of(found, language, **beside).split())


def page_of(found: Result, language: Language = "en", *, drawn: bool = False, **beside: Any) -> str:
    """The document of a result as a page, in which charts are drawn where that is asked for."""
    with using(language), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chart, "svg", _svg if drawn else empty_svg)
        return html.render_page(build_result_document(found, **beside))


def tables_in(found: Result, language: Language = "en", **beside: Any) -> dict[str, Table]:
    """The tables of the page."""
    return tables(read(page_of(found, language, **beside)))


def workbook_of(found: Result, language: Language = "en", **beside: Any) -> bytes:
    """The document of a result as a workbook."""
    with using(language):
        return workbook.render_workbook(build_result_document(found, **beside))


def is_whole_in_all_media(
    found: Result, language: Language, untranslated: set[str], **beside: Any
) -> None:
    """Every text is translated and filled in, every figure of the page shows what it holds, lines
    fit, English charts are drawn the same each time, and the workbook opens with no error in a
    cell."""
    text = text_of(found, language, MIN_WIDTH, **beside)
    assert "{" not in text
    assert "None" not in text
    page = page_of(found, language, drawn=True, **beside)
    cells = [
        cell
        for table in tables(read(page)).values()
        for row in table.rows
        for cell in row
        if "data-value" in cell.attributes
    ]
    assert all(map(shows, cells))
    assert "{" not in page.split("</style>")[1].split("<svg")[0]
    book = load_workbook(BytesIO(workbook_of(found, language, **beside)), data_only=True)
    held = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [value for value in held if isinstance(value, str) and value.startswith("#")]
    assert not [value for value in held if isinstance(value, str) and "{" in value]
    with using(language):
        drawn = html.document_charts(build_result_document(found, **beside))
        assert page.count('<div class="drawing">') == len(drawn)
        assert language != "en" or all(_svg(chart) in page for chart in drawn)
    assert untranslated == set(), untranslated


def tampered(found: ResultType, path: str, change: float) -> ResultType:
    """A result whose document is changed in one place."""
    inside: Any = (raw := found.model_dump(mode="json"))
    *steps, last = path.split(".")
    for step in steps:
        inside = inside[int(step) if isinstance(inside, list) else step]
    inside[last] += change
    return type(found).model_validate(raw)
