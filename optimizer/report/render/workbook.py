"""A document as an Excel workbook: a sheet a section, live formulas, and checks that it adds up.

Written with XlsxWriter, which stores the result of each formula beside it: who only previews the
file, or reads it with pandas, sees figures and not empty cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from models.language import tr
from models.results.reservations import NONE, Doubts
from optimizer.report import cells
from optimizer.report.document import (
    SHEET,
    Bullets,
    Caution,
    Choice,
    Column,
    Document,
    Facts,
    Heading,
    Part,
    Section,
    Table,
    Terms,
    nothing,
    shown,
)
from optimizer.report.workbook import styles
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.formulas import Formulas, Placed, SheetColumn, printed
from optimizer.report.workbook.sheet_charts import draw
from optimizer.report.workbook.verdicts import check_section, contents, legend, show_verdict

LONGEST_TAB = 31
NO_TAB = re.compile(r"[\[\]:*?/\\']")
YEAR, NARROW, FACTS, WIDE, NAMES = 9.0, 12.0, 20.0, 60.0, 34.0
ACROSS = 7
"""Columns that a paragraph runs across."""
TOP, LONG = 16, 30
"""A table of more than ``LONG`` rows, with less than ``TOP`` above, keeps its header in view."""
SMALL = 100
"""Below so many million, amounts are shown with two decimals."""
MANY = 100
"""Rows of which a reader wants to see some only: such a table can be filtered."""
LONGEST_LINK = 2000
_GAP = SheetColumn(Column("", nothing, "text", empty="", width=NARROW), "")
"""Stands before the keys of a table that has fewer columns than another one of its sheet."""


def render(document: Document, doubts: Doubts = NONE) -> bytes:
    """The workbook of a document, in the current language.

    ``doubts`` stand on the first sheet, before all else.
    """
    money = 2 if max(map(abs, document.amounts), default=SMALL) < SMALL else 1
    book = Book(document.title, money, styles.places(document.outcomes), doubts)
    writer = Writer(book)
    title = document.answer_title or tr("Answer")
    first = Section("answer", document.title, document.answer, tab=title)
    for section in (first, *document.sections):
        if SHEET in section.on and (parts := shown(section.parts, SHEET)):
            writer.place(section, parts, document.subtitle)
    writer.fill()
    if not writer.written:
        return book.finished()
    given = [(check, writer.sheet_of(check.table)) for check in document.checks]
    made = check_section(book, writer.formulas, given)
    writer.place(made, made.parts)
    writer.fill()
    front = book.sheets[0]
    show_verdict(book, writer.formulas, writer.verdict_row, ACROSS)
    legend(front, ACROSS)
    contents(front)
    front.worksheet.fit_to_pages(1, 1)
    return book.finished()


@dataclass
class Writer:
    """A workbook in the making: tables are placed first, and filled when all have their places."""

    book: Book
    formulas: Formulas = field(default_factory=Formulas)
    verdict_row: int = 0
    """The row of the first sheet that says whether all adds up."""
    written: bool = False
    """Whether there is any table of figures."""
    _waiting: list[tuple[Sheet, Placed]] = field(default_factory=list)
    _sheets: dict[str, Sheet] = field(default_factory=dict)
    _tabs: set[str] = field(default_factory=set)

    def sheet_of(self, table: str) -> Sheet:
        """The sheet that a table stands on."""
        return self._sheets[table]

    def place(self, section: Section, parts: Sequence[Part], subtitle: str = "") -> None:
        """A new sheet with all parts of a section; its tables are filled later."""
        sheet = self.book.sheet(self._tab(section.tab or section.title), section.title)
        tables = [part for part in parts if isinstance(part, Table)]
        widest = max((printed(columns_of(table)) for table in tables), default=0)
        for table in tables:
            _set_widths(sheet, table, columns_of(table, widest))
        if sheet is self.book.sheets[0]:
            if subtitle:
                sheet.row = 1
                sheet.note(subtitle, ACROSS)
            sheet.warn(ACROSS)
            self.verdict_row = sheet.row
            sheet.row += 2
        across = max(3, min(ACROSS, widest or ACROSS))
        for part in parts:
            if isinstance(part, Table):
                self._table(sheet, part, across, section.title, widest)
            else:
                self._place(sheet, part, across)
        if tables:
            self._freeze(sheet, tables)

    def _freeze(self, sheet: Sheet, tables: Sequence[Table]) -> None:
        """Keep a header and first columns in view, and the header on every page if it is that of
        the last table."""
        table = next((table for table in tables if table.freeze), tables[-1])
        if not table.headed or table.name not in self.formulas:
            return
        placed = self.formulas[table.name]
        across = table.freeze
        if not across and sheet is not self.book.sheets[0]:
            long = placed.header_row < TOP and placed.count > LONG
            across = int(long or len(tables) == 1)
        if across:
            sheet.worksheet.freeze_panes(placed.header_row + 1, across)
            if table is tables[-1]:
                sheet.worksheet.repeat_rows(placed.header_row)
            if len(tables) == 1 and placed.count > MANY and table.sheet_chart is None:
                head, last = placed.header_row, len(placed.columns) - 1
                sheet.worksheet.autofilter(head, 0, head + placed.count, last)

    def _place(self, sheet: Sheet, part: Part, across: int) -> None:
        if isinstance(part, str):
            sheet.note(part, across, "lead" if sheet is self.book.sheets[0] else "note")
        elif isinstance(part, Heading):
            sheet.heading(part.text)
        elif isinstance(part, Bullets | Caution):
            for item in part.items:
                sheet.note(item, across)
        elif isinstance(part, Facts):
            self._words(sheet, (tr("What"), tr("Figure"), ""),
                        [(f.label, f.figure, f.beside) for f in part.facts])  # fmt: skip
        elif isinstance(part, Terms):
            self._words(sheet, (tr("Term"), tr("Meaning")), part.entries)
        elif isinstance(part, Choice):
            self._choose(sheet, part)

    def _table(self, sheet: Sheet, table: Table, across: int, title: str, widest: int) -> None:
        if table.caption and table.caption != title:
            sheet.heading(table.caption)
        columns = columns_of(table, widest)
        head = sheet.row if table.headed else sheet.row - 1
        placed = Placed(table, columns, sheet.prefix, head, self.formulas)
        if table.name:
            self.formulas.tables[table.name] = placed
            self._sheets[table.name] = sheet
        self._waiting.append((sheet, placed))
        # One row of a table without any says so; formulas find nothing in it.
        sheet.row = head + 1 + (len(table.rows) + bool(table.total) if table.rows else 1)
        if table.rows and table.note:
            sheet.note(table.note, across)
        if table.rows and table.sheet_chart is not None:
            draw(sheet, placed, table.sheet_chart)
        sheet.row += 1

    def _words(self, sheet: Sheet, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A small table of texts."""
        # Texts that stand alone may be wide; beside figures, tables with many columns stand below.
        widths = [NAMES, WIDE] if len(header) == 2 else [NAMES, *(FACTS for _ in header[1:])]
        sheet.printed_columns = max(sheet.printed_columns, len(header))
        for position, width in enumerate(widths):
            sheet.widen(position, width)
        sheet.header(sheet.row, header)
        for row in rows:
            sheet.row += 1
            for position, text in enumerate(row):
                sheet.put(sheet.row, position, text, "words", "text", wrap=True)
        sheet.row += 2

    def _choose(self, sheet: Sheet, choice: Choice) -> None:
        """A cell in which the reader chooses one of several texts."""
        row = sheet.row
        sheet.put(row, 0, choice.label, "words", "text")
        cell = sheet.put(row, 1, choice.options[0], "scenario", "text")
        listed = {"validate": "list", "source": list(choice.options)}
        sheet.worksheet.data_validation(row, 1, row, 1, listed)
        self.formulas.choices[choice.name] = cell
        sheet.row += 2

    def fill(self) -> None:
        """Write the cells of all tables that were placed."""
        for sheet, placed in self._waiting:
            self.written = True
            _fill(self.book, sheet, placed)
        self._waiting = []

    def _tab(self, title: str) -> str:
        """A name that a sheet can have: short, without signs that Excel refuses, and once."""
        plain = NO_TAB.sub(" ", title)[:LONGEST_TAB].strip()
        name, count = plain, 1
        while name.casefold() in self._tabs:
            count += 1
            name = f"{plain[: LONGEST_TAB - 3]} {count}"
        self._tabs.add(name.casefold())
        return name


def columns_of(table: Table, widest: int = 0) -> list[SheetColumn]:
    """The columns of a sheet: a range has two, and so has an estimate; keys stand apart, behind the
    ``widest`` table of the sheet."""
    found: list[SheetColumn] = []
    for column in table.columns:
        header = column.header
        if column.group:
            header = f"{column.group}: {header}" if header else column.group
        values = cells.values_of(table, column)
        if any(hasattr(value, "low") for value in values):
            for end, text in (("low", tr("at least")), ("high", tr("at most"))):
                found.append(SheetColumn(column, f"{header}, {text}", end))
        elif any(hasattr(value, "standard_error") for value in values):
            found.append(SheetColumn(column, header, "value"))
            if any(cells.error(value) for value in values):
                found.append(SheetColumn(column, tr("± (95 %)"), "error"))
        else:
            found.append(SheetColumn(column, header))
    before = printed(found)
    gaps = [_GAP] * (widest - before) if before < len(found) else []
    return [*found[:before], *gaps, *found[before:]]


def _set_widths(sheet: Sheet, table: Table, columns: Sequence[SheetColumn]) -> None:
    for position, one in enumerate(columns):
        width = one.column.width
        if width is None and one.column.form == "text":
            texts = [len(str(value or "")) for value in cells.values_of(table, one.column)]
            least = NAMES if position == 0 else NARROW
            width = min(WIDE, max([least, *(2.0 + length for length in texts)]))
        if width is None:
            width = YEAR if isinstance(one.header, int) else NARROW
        sheet.widen(position, width)


def _fill(book: Book, sheet: Sheet, placed: Placed) -> None:
    """Write a table at its place: header, rows and totals."""
    table = placed.table
    if table.headed:
        headers = [one.header for one in placed.columns]
        right = [one.column.form not in ("text", "year") for one in placed.columns]
        sheet.header(placed.header_row, headers, right)
    sheet.printed_columns = max(sheet.printed_columns, placed.printed)
    if not table.rows:
        sheet.put(placed.header_row + 1, 0, table.empty, "words", "text")
        return
    for n, row in enumerate(table.rows):
        at = placed.header_row + 1 + n
        ruled = table.ruled is not None and table.ruled(row)
        for position, one in enumerate(placed.columns):
            content = placed.content(n, position)
            if isinstance(content, str):
                given = one.column.origin
                origin: styles.Origin = "words" if given == "optimizer" else given
                wrap = one.column.wrap and origin != "key"
                written = sheet.put(at, position, content, origin, "text", wrap=wrap, ruled=ruled)
                _link(sheet, at, position, one.column, row)
            else:
                look = _look(placed, n, position)
                written = sheet.put(at, position, content, one.column.origin, look, ruled=ruled)
            name = one.column.name(row) if one.column.name is not None else ""
            if name and not one.end:
                book.name(name, written)
    if table.total:
        for position in range(len(placed.columns)):
            at, look = placed.total_row, _look(placed, 0, position)
            shows = placed.in_total(position) if position else table.total
            sheet.put(at, position, shows, "words", look if position else "text", last=True)


def _link(sheet: Sheet, at: int, position: int, column: Column, row: object) -> None:
    """Let a cell lead to an address of the web, if it has one that a workbook can hold."""
    url = column.link(row) if column.link is not None else ""
    if url.startswith(("https://", "http://")) and len(url) <= LONGEST_LINK and " " not in url:
        style = sheet.book.styles.shape("link")
        sheet.worksheet.write_url(at, position, url, style, string=url)


def _look(placed: Placed, n: int, position: int) -> styles.Form:
    """How a figure is written: like the others of its kind in its column, or in its row where rows
    are figures of different kinds."""
    column, row = placed.columns[position].column, placed.table.rows[n]
    form = cells.form_of(column, row)
    if form not in ("tonnes", "objective", "number", "range", "estimate"):
        return cast(styles.Form, {"exact": "figure", "mean_year": "first"}.get(form, form))
    if callable(column.form):
        across = [
            at for at, one in enumerate(placed.columns)
            if callable(one.column.form) and one.column.form(row) == form
        ]  # fmt: skip
        values = [placed.value(n, at) for at in across]
    else:
        values = [placed.value(other, position) for other in range(placed.count)]
    figures = [float(v) for v in values if not isinstance(v, str)]
    if form == "tonnes":
        return styles.tonnes(figures)
    return styles.objective(figures) if form == "objective" else styles.figure(figures)
