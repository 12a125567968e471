"""A document for Word, from a template that docxtpl fills.

Output is deterministic: the same document and template give the same bytes. Templates of others may
be faulty or hostile: they see texts and pictures only, in a sandbox without functions.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from models.language import conventions, tr
from optimizer.errors import Misuse
from optimizer.report import document as doc
from optimizer.report.cells import build_grid
from optimizer.report.charts.drawing import Chart
from optimizer.report.document import PAGE, Document, Part, Table
from optimizer.report.number_format import sanitize

if TYPE_CHECKING:
    from docx.document import Document as File
    from docxtpl import DocxTemplate
    from jinja2.sandbox import SandboxedEnvironment

FACTS_PER_ROW = 3
FIGURES_STYLE = "Figures"
"""Style of the tables whose columns get widths by their texts."""
MAX_COLUMN_LETTERS = 40
"""Characters of a cell beyond which its column gets no wider."""
MAX_TITLE_LETTERS = 255
"""Characters of a title in a file's properties."""
_INVALID_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold."""
_FIXED_TIME = datetime.datetime(2000, 1, 1)
"""Replaces the time at which a file is made, so that output is deterministic."""


def render_word(document: Document, template: bytes | None = None) -> bytes:
    """Return a document as a Word file in the current language.

    ``template`` is the content of a Word file that replaces the template of Vorrat. Raise Misuse if
    it cannot be filled.
    """
    from docxtpl import DocxTemplate

    if template is None:
        template = (files("optimizer.report") / "templates" / "brief.docx").read_bytes()
    stream = io.BytesIO()
    try:
        filled = DocxTemplate(io.BytesIO(template))
        filled.init_docx()
        filled.render(_context(document, filled), _environment(), autoescape=True)
        _finish(filled.docx, document.title)
        filled.save(stream)
    except Exception as error:  # a template by others can raise anything
        reason = sanitize(str(error))[:MAX_TITLE_LETTERS] or type(error).__name__
        raise Misuse(f"The Word template cannot be filled: {reason}") from error
    return _without_timestamps(stream.getvalue())


def _environment() -> SandboxedEnvironment:
    """Return an environment in which templates reach data only, and no function runs for long."""
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**", "%"})

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return isinstance(obj, Mapping) and super().is_safe_attribute(obj, attr, value)

        def call_binop(self, _context: Any, operator: str, _left: Any, _right: Any) -> Any:
            raise SecurityError(f"{operator} is not allowed in a template")

    environment = Environment(undefined=StrictUndefined)
    environment.globals.clear()
    return environment


def _context(document: Document, template: DocxTemplate) -> dict[str, Any]:
    """Return what a template can show: texts, tables of texts, and pictures."""
    sections = document.sections_for(PAGE, tr("The answer on one page"))
    context = {
        "kind": document.document_kind,
        "title": document.title,
        "subtitle": document.subtitle,
        "please_note": tr("Please note"),
        "sections": [
            {"title": x.title, "parts": [_part_context(part, template) for part in x.parts]}
            for x in sections
        ],
    }
    cleaned: dict[str, Any] = _xml_safe(context)
    return cleaned


def _part_context(part: Part, template: DocxTemplate) -> dict[str, Any]:
    match part:
        case doc.Heading():
            return {"kind": "heading", "text": part.text}
        case doc.Bullets() | doc.Caution():
            kind = "bullets" if isinstance(part, doc.Bullets) else "caution"
            return {"kind": kind, "lines": list(part.items)}
        case doc.Facts():
            facts = [{**vars(fact)} for fact in part.facts]
            empty = {"label": "", "figure": "", "remark": ""}
            facts += [empty] * (-len(facts) % FACTS_PER_ROW)
            rows = [facts[n : n + FACTS_PER_ROW] for n in range(0, len(facts), FACTS_PER_ROW)]
            return {"kind": "facts", "rows": rows}
        case doc.Terms():
            entries = [{"term": term, "meaning": meaning} for term, meaning in part.entries]
            return {"kind": "terms", "entries": entries}
        case Table():
            return _table_context(part, template)
    return {"kind": "text", "text": part}


def _table_context(table: Table, template: DocxTemplate) -> dict[str, Any]:
    grid, chart = build_grid(table, PAGE), table.chart
    names = [[text for text, span in grid.groups for _ in range(span)]] if grid.groups else []
    names.append([column.header for column in grid.columns])
    header = names if grid.has_header else []
    is_text = [column.is_text for column in grid.columns]
    last_row = len(grid.rows) - 1
    rows = [
        {
            "is_total": grid.has_total and index == last_row,
            "cells": _cells([cell.text for cell in row], is_text),
        }
        for index, row in enumerate(grid.rows)
    ]
    return {
        "kind": "table",
        "caption": grid.caption,
        "picture_title": "" if chart is None else chart.title,
        "picture": "" if chart is None else _picture(chart, template),
        "header": [_cells(texts, is_text) for texts in header],
        "rows": [] if table.is_collapsed else rows,
        "note": grid.note,
        "empty_text": "" if table.rows else table.empty_text,
    }


def _cells(texts: Sequence[str], is_text: Sequence[bool]) -> list[dict[str, Any]]:
    return [{"text": str(t), "is_text": x} for t, x in zip(texts, is_text, strict=True)]


def _picture(chart: Chart, template: DocxTemplate) -> Any:
    """Return the picture of a chart with an alternative text, as wide as the text of the page."""
    from docxtpl import InlineImage

    class Picture(InlineImage):  # type: ignore[misc]  # docxtpl has no types
        def __html__(self) -> str:
            title, description = (
                escape(_xml_safe(text))
                for text in (chart.title, f"{chart.title}. {chart.description}")
            )
            about = f'<wp:docPr descr="{description}" title="{title}" '
            return str(super().__html__()).replace("<wp:docPr ", about, 1)

    return Picture(template, io.BytesIO(chart.png_file()), width=_text_width(template.docx))


def _text_width(file: File) -> int:
    page = file.sections[0]
    return int((page.page_width or 0) - (page.left_margin or 0) - (page.right_margin or 0))


def _xml_safe(content: Any) -> Any:
    """Return texts, or what is made of texts, with a space for each character that XML cannot
    hold."""
    if isinstance(content, str):
        return _INVALID_IN_XML.sub(" ", content)
    if isinstance(content, dict):
        return {key: _xml_safe(value) for key, value in content.items()}
    return [*map(_xml_safe, content)] if isinstance(content, list) else content


def _finish(file: File, title: str) -> None:
    """Set widths of columns, the language, and properties that do not state who made the file and
    when."""
    from docx.oxml.ns import qn

    for table in file.tables:
        if table.style is not None and table.style.name == FIGURES_STYLE:
            _fit_columns(table, _text_width(file))
    for language in file.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), conventions().tag)
    properties: Any = file.core_properties
    properties.title = _xml_safe(title)[:MAX_TITLE_LETTERS]
    properties.language = conventions().tag
    properties.author = properties.last_modified_by = "Vorrat"
    properties.created = properties.modified = properties.last_printed = _FIXED_TIME
    properties.comments, properties.revision = "", 1


def _fit_columns(table: Any, table_width: int) -> None:
    """Set the widths of columns in proportion to their longest texts.

    Only the words of a header count, since headers may wrap.
    """
    columns = list(zip(*(row.cells for row in table.rows), strict=True))
    is_header = [bool(row._tr.xpath("./w:trPr/w:tblHeader")) for row in table.rows]
    lengths = []
    for column in columns:
        texts = [
            word
            for cell, in_header in zip(column, is_header, strict=True)
            for word in (cell.text.split(" ") if in_header else [cell.text])
        ]
        lengths.append(2 + min(MAX_COLUMN_LETTERS, max(map(len, texts), default=0)))
    for column, cells, length in zip(table.columns, columns, lengths, strict=True):
        # Some programs use the width of the column, others that of its cells.
        for target in (column, *cells):
            target.width = int(table_width * length / sum(lengths))


def _without_timestamps(zip_content: bytes) -> bytes:
    """Return a zip file with the times of its entries removed."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(zip_content)) as old_archive,
        zipfile.ZipFile(stream, "w") as new_archive,
    ):
        for name in old_archive.namelist():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
            new_archive.writestr(info, old_archive.read(name))
    return stream.getvalue()
