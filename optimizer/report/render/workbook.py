"""A document as an Excel workbook: a sheet a section, live formulas, and checks that it adds up.

Written with XlsxWriter, which stores the result of each formula beside it: who only previews the
file, or reads it with pandas, sees figures and not empty cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.language import tr
from models.results.reservations import NONE, Doubts
from optimizer.report import cells
from optimizer.report.document import (
    SHEET,
    Bullets,
    Caution,
    Choice,
    Document,
    Facts,
    Form,
    Heading,
    Part,
    Section,
    Table,
    Terms,
    shown,
)
from optimizer.report.workbook import styles
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.expressions import Scalar, total
from optimizer.report.workbook.formulas import Formulas, Placed, SheetColumn
from optimizer.report.workbook.guide import contents, legend
from optimizer.report.workbook.sheet_charts import draw
from optimizer.report.workbook.verdicts import check_section, show_verdict

LONGEST_TAB = 31
NO_TAB = re.compile(r"[\[\]:*?/\\']")
NARROW, FACTS, WIDE, NAMES = 12.0, 20.0, 60.0, 34.0
ACROSS = 7
"""Columns that a paragraph runs across."""
TOP, LONG = 16, 30
"""A table of more than ``LONG`` rows, with less than ``TOP`` above, keeps its header in view."""
SMALL = 100
"""Below so many million, amounts are shown with two decimals."""


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
            writer.place(section, parts)
    writer.fill()
    if not writer.written:
        return book.finished()
    given = [(check, writer.sheet_of(check.table)) for check in document.checks]
    made = check_section(book, writer.formulas, given)
    writer.place(made, made.parts)
    writer.fill()
    show_verdict(book, writer.formulas, writer.verdict_row, ACROSS)
    legend(book.sheets[0], ACROSS)
    contents(book.sheets[0])
    book.sheets[0].worksheet.fit_to_pages(1, 1)
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

    def place(self, section: Section, parts: Sequence[Part]) -> None:
        """A new sheet with all parts of a section; its tables are filled later."""
        sheet = self.book.sheet(self._tab(section.tab or section.title), section.title)
        tables = [part for part in parts if isinstance(part, Table)]
        for table in tables:
            _set_widths(sheet, table, columns_of(table))
        if sheet is self.book.sheets[0]:
            sheet.warn(ACROSS)
            self.verdict_row = sheet.row
            sheet.row += 2
        across = min(ACROSS, max((len(columns_of(t)) for t in tables), default=ACROSS))
        for part in parts:
            self._place(sheet, part, max(across, 3), section.title)
        if tables and tables[-1].name in self.formulas and sheet is not self.book.sheets[0]:
            last = self.formulas[tables[-1].name]
            if len(tables) == 1 and last.count:
                sheet.worksheet.repeat_rows(last.header_row)
            if (len(tables) == 1 and last.count) or (last.header_row < TOP and last.count > LONG):
                sheet.worksheet.freeze_panes(last.header_row + 1, 1)

    def _place(self, sheet: Sheet, part: Part, across: int, title: str) -> None:
        if isinstance(part, str):
            sheet.note(part, across)
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
        elif isinstance(part, Table):
            self._table(sheet, part, across, title)

    def _table(self, sheet: Sheet, table: Table, across: int, title: str) -> None:
        if table.caption and table.caption != title:
            sheet.heading(table.caption)
        if not table.rows:
            sheet.note(table.empty, across)
        columns = columns_of(table)
        head = sheet.row if table.headed else sheet.row - 1
        placed = Placed(table, columns, sheet.prefix, head, self.formulas)
        if table.name:
            self.formulas.tables[table.name] = placed
            self._sheets[table.name] = sheet
        if table.rows:
            self._waiting.append((sheet, placed))
            sheet.row = head + len(table.rows) + 1 + bool(table.total)
            if table.note:
                sheet.note(table.note, across)
            if table.sheet_chart is not None:
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


def columns_of(table: Table) -> list[SheetColumn]:
    """The columns of a sheet: a range has two, and so has an estimate."""
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
    return found


def _set_widths(sheet: Sheet, table: Table, columns: Sequence[SheetColumn]) -> None:
    for position, one in enumerate(columns):
        width = one.column.width
        if width is None and one.column.form == "text":
            texts = [len(str(value or "")) for value in cells.values_of(table, one.column)]
            least = NAMES if position == 0 else NARROW
            width = min(WIDE, max([least, *(2.0 + length for length in texts)]))
        sheet.widen(position, NARROW if width is None else width)


def _fill(book: Book, sheet: Sheet, placed: Placed) -> None:
    """Write a table at its place: header, rows and totals."""
    table = placed.table
    if table.headed:
        headers = [one.header for one in placed.columns]
        right = [one.column.form not in ("text", "year") for one in placed.columns]
        sheet.header(placed.header_row, headers, right)
    printed = sum(one.column.origin != "key" for one in placed.columns)
    sheet.printed_columns = max(sheet.printed_columns, printed)
    looks = [_look(placed, position) for position in range(len(placed.columns))]
    for n, row in enumerate(table.rows):
        at = placed.header_row + 1 + n
        ruled = table.ruled is not None and table.ruled(row)
        for position, one in enumerate(placed.columns):
            content = placed.content(n, position)
            kind = cells.form_of(one.column, row)
            by_row = callable(one.column.form)
            form = _sized(kind, placed.by_row(n)) if by_row else _form(kind, looks[position])
            if isinstance(content, str):
                origin: styles.Origin = "key" if one.column.origin == "key" else "words"
                written = sheet.put(at, position, content, origin, "text",
                                    wrap=origin == "words", ruled=ruled)  # fmt: skip
            else:
                written = sheet.put(at, position, content, one.column.origin, form, ruled=ruled)
            name = one.column.name(row) if one.column.name is not None else ""
            if name and not one.end:
                book.name(name, written)
    if table.total and table.rows:
        _totals(sheet, placed, looks)


def _totals(sheet: Sheet, placed: Placed, looks: Sequence[styles.Form]) -> None:
    for position, one in enumerate(placed.columns):
        if position == 0:
            sheet.put(placed.total_row, 0, placed.table.total, "words", "text", last=True)
        elif one.column.total and not one.end:
            summed = total(placed.column(position))
            form = _form("number", looks[position])
            sheet.put(placed.total_row, position, summed, "formula", form, last=True)
        else:
            sheet.put(placed.total_row, position, None, "words", "text", last=True)


def _look(placed: Placed, position: int) -> styles.Form:
    """How the figures of a column are written, where all of them are of one kind."""
    form = placed.columns[position].column.form
    values = [placed.value(n, position) for n in range(placed.count)]
    return "value" if callable(form) else _sized(form, values)


def _sized(form: Form, values: Sequence[Scalar]) -> styles.Form:
    """The number format of figures of one kind, as far as it depends on their size."""
    figures = [float(v) for v in values if not isinstance(v, str)]
    if form == "tonnes":
        return styles.tonnes(figures)
    if form == "objective":
        return styles.objective(figures)
    return _form(form, "value")


_FORMS: dict[Form, styles.Form] = {
    "text": "text",
    "money": "money",
    "outcome": "outcome",
    "count": "count",
    "year": "year",
    "mean_year": "first",
    "share": "share",
    "gap": "gap",
    "ratio": "ratio",
    "signed": "signed",
    "signed_outcome": "signed_outcome",
    "control": "control",
    "deviation": "deviation",
    "tolerance": "tolerance",
}


def _form(form: Form, otherwise: styles.Form) -> styles.Form:
    """The number format of a kind of figure; ``otherwise`` that of its column."""
    return _FORMS.get(form, otherwise)
