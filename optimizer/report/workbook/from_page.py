"""A page as a workbook: a sheet for each section, its texts and tables, figures as numbers.

For results whose figures do not add up to one another, so that there is nothing for live formulas
to show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from models.language import tr
from models.results.reservations import NONE, Doubts
from optimizer.report.html.parts import (
    Bullets,
    Caution,
    Cell,
    Column,
    Facts,
    Figure,
    Heading,
    Part,
    Section,
    Table,
    Terms,
)
from optimizer.report.workbook import book as sheets
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.guide import contents
from optimizer.report.workbook.styles import Form

LONGEST_TAB = 31
NO_TAB = re.compile(r"[\[\]:*?/\\']")
NARROW, FACTS, WIDE, NAMES = 12.0, 20.0, 60.0, 34.0
ACROSS = 6
"""Columns that a paragraph runs across."""


def write_page(title: str, sections: Sequence[Section], doubts: Doubts = NONE) -> bytes:
    """The sections of a page as an Excel workbook, in the current language."""
    book = Book(title, doubts=doubts)
    taken: set[str] = set()
    for section in sections:
        sheet = book.sheet(_tab(section.title, taken), section.title)
        if sheet is book.sheets[0]:
            sheet.warn(ACROSS)
        for part in section.parts:
            _part(sheet, part)
    contents(book.sheets[0])
    return book.finished()


def _tab(title: str, taken: set[str]) -> str:
    """A name that a sheet can have: short, without signs that Excel refuses, and once."""
    plain = NO_TAB.sub(" ", title)[:LONGEST_TAB].strip()
    name, count = plain, 1
    while name.casefold() in taken:
        count += 1
        name = f"{plain[: LONGEST_TAB - 3]} {count}"
    taken.add(name.casefold())
    return name


def _part(sheet: Sheet, part: Part) -> None:
    if isinstance(part, str):
        sheet.note(part, ACROSS)
    elif isinstance(part, Heading):
        sheet.heading(part.text)
    elif isinstance(part, Bullets | Caution):
        for item in part.items:
            sheet.note(item, ACROSS)
    elif isinstance(part, Facts):
        rows = [(fact.label, fact.figure, fact.beside) for fact in part.facts]
        # Narrow, since tables with many columns stand below.
        _words(sheet, (tr("What"), tr("Figure"), ""), rows, FACTS)
    elif isinstance(part, Terms):
        _words(sheet, (tr("Term"), tr("Meaning")), part.entries, WIDE)
    else:
        _table(sheet, part.table if isinstance(part, Figure) else part)


def _words(
    sheet: Sheet, header: Sequence[str], rows: Iterable[Sequence[str]], width: float
) -> None:
    widths = [NAMES, *(width for _ in header[1:])]
    columns = [
        sheets.Column(str(n), text, width=width)
        for n, (text, width) in enumerate(zip(header, widths, strict=True))
    ]
    table = sheet.table(columns)
    for row in rows:
        line = table.line()
        for n, text in enumerate(row):
            line.words(str(n), text, wrap=True)
    sheet.row += 1


def _table(sheet: Sheet, table: Table) -> None:
    sheet.heading(table.caption)
    columns = [
        sheets.Column(str(n), _header(column), "text", _width(column, n == 0))
        for n, column in enumerate(table.columns)
    ]
    written = sheet.table(columns)
    forms = [_form(column) for column in table.columns]
    for row in table.rows:
        line = written.line()
        for n, (cell, form) in enumerate(zip(row, forms, strict=True)):
            if cell.value is None or not math.isfinite(cell.value):
                line.words(str(n), cell.text, wrap=True)
            else:
                line.optimizer(str(n), cell.value, form)
    if table.note:
        sheet.note(table.note, max(ACROSS, len(columns)))
    sheet.row += 1


def _header(column: Column) -> str:
    return f"{column.group}: {column.header}" if column.group else column.header


def _width(column: Column, names: bool) -> float:
    if column.kind == "figures":
        return NARROW
    longest = max((len(cell.text) for cell in column.cells), default=0)
    return min(WIDE, max(NAMES if names else NARROW, longest + 2.0))


def _form(column: Column) -> Form:
    """How the figures of a column are written, as their texts on the page show it."""
    shown = [cell for cell in column.cells if cell.value is not None]
    if any(cell.text.endswith("%") for cell in shown):
        tiny = max((abs(cell.value or 0.0) for cell in shown), default=0.0) < 1e-3
        return "gap" if tiny else "share"
    if shown and all(_is_year(cell) for cell in shown):
        return "year"
    return "value"


def _is_year(cell: Cell) -> bool:
    return cell.value is not None and cell.text == f"{cell.value:.0f}" and 1000 <= cell.value < 3000
