"""A document as an Excel workbook: a sheet a section, live formulas, and checks that it adds up.

Written with XlsxWriter, which stores the result of each formula beside it: who only previews the
file, or reads it with pandas, sees figures and not empty cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.language import tr
from models.results.reservations import NONE, Doubts
from optimizer.report import cells
from optimizer.report import document as doc
from optimizer.report.document import Column, Table
from optimizer.report.workbook import styles
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.formulas import NARROW, Formulas, Placed, columns_of, printed
from optimizer.report.workbook.verdicts import check_section, contents, legend, show_verdict

LONGEST_TAB = 31
LINK = re.compile(r"(?=.{1,2000}$)https?://[^ ]*")
NO_TAB = re.compile(r"[\[\]:*?/\\']")
YEAR, FACTS, WIDE, NAMES = 9.0, 20.0, 60.0, 34.0
"""Widths of columns: of years, of large figures, of texts at most, and of names."""
ACROSS = 7
"""Columns that a paragraph runs across."""
CHART_ROWS, CHART_COLUMNS = 28, 9
"""Rows and columns that a chart takes."""
DASHES = ("solid", "dash", "long_dash", "round_dot")
MANY = 100
"""Rows of which a reader wants to see some only: such a table can be filtered."""


def render(document: doc.Document, doubts: Doubts = NONE) -> bytes:
    """The workbook of a document, in the current language.

    ``doubts`` stand on the first sheet, before all else.
    """
    # Below 100 million, amounts are shown with two decimals.
    money = 2 if max(map(abs, document.amounts), default=100) < 100 else 1
    book = Book(document.title, money, styles.places(document.outcomes), doubts)
    writer = Writer(book)
    answer, *more = document.on(doc.SHEET, tr("Answer"))
    answer = replace(answer, title=document.title, tab=answer.title)
    for section in (answer, *more):
        writer.place(section, document.subtitle)
    writer.fill()
    if not writer.sheets:
        return book.finished()
    given = [(check, writer.sheets[check.table]) for check in document.checks]
    writer.place(check_section(book, writer.formulas, given))
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
    verdict_row: int = 0  # the row of the first sheet that says whether all adds up
    sheets: dict[str, Sheet] = field(default_factory=dict)  # by the names of tables
    _waiting: list[tuple[Sheet, Placed]] = field(default_factory=list)
    _tabs: set[str] = field(default_factory=set)

    def place(self, section: doc.Section, subtitle: str = "") -> None:
        """A new sheet with all parts of a section; its tables are filled later."""
        sheet = Sheet(self.book, self._tab(section.tab or section.title), section.title)
        parts = [_as_table(part) for part in section.parts]
        tables = [part for part in section.parts if isinstance(part, Table)]
        widest = max((printed(columns_of(table)) for table in tables), default=0)
        for table in parts:
            if isinstance(table, Table):
                _set_widths(sheet, table, widest)
        front = sheet is self.book.sheets[0]
        if front:
            if subtitle:
                sheet.row = 1
                sheet.note(subtitle, ACROSS)
            doubts = self.book.doubts
            for look, said in (("warning", doubts.against), ("unconfirmed", doubts.unconfirmed)):
                for sentence in said:
                    sheet.note(sentence, ACROSS, look)
            self.verdict_row = sheet.row
            sheet.row += 2
        across = max(3, min(ACROSS, widest or ACROSS))
        for part in parts:
            if isinstance(part, str):
                sheet.note(part, across, "lead" if front else "note")
            elif isinstance(part, doc.Heading):
                sheet.heading(part.text)
            elif isinstance(part, doc.Bullets | doc.Caution):
                for item in part.items:
                    sheet.note(item, across)
            elif isinstance(part, doc.Choice):
                self._choose(sheet, part)
            elif isinstance(part, Table):
                self._table(sheet, part, across, widest)
        if tables:
            self._freeze(sheet, tables)

    def _freeze(self, sheet: Sheet, tables: Sequence[Table]) -> None:
        """Keep a header and first columns in view, and the header on every page if it is that of
        the last table."""
        table = next((table for table in tables if table.freeze), tables[-1])
        if not table.headed or table.name not in self.formulas:
            return
        placed = self.formulas[table.name]
        head, across = placed.header_row, table.freeze
        if not across and sheet is not self.book.sheets[0]:
            across = int(len(tables) == 1)
        if across:
            sheet.worksheet.freeze_panes(head + 1, across)
            if table is tables[-1]:
                sheet.worksheet.repeat_rows(head)
            if len(tables) == 1 and placed.count > MANY and table.sheet_chart is None:
                last = len(placed.columns) - 1
                sheet.worksheet.autofilter(head, 0, head + placed.count, last)

    def _table(self, sheet: Sheet, table: Table, across: int, widest: int) -> None:
        if table.caption and table.caption != sheet.title:
            sheet.heading(table.caption)
        head = sheet.row if table.headed else sheet.row - 1
        placed = Placed(table, columns_of(table, widest), sheet.prefix, head, self.formulas)
        if table.name:
            self.formulas.tables[table.name] = placed
            self.sheets[table.name] = sheet
        self._waiting.append((sheet, placed))
        # One row of a table without any says so; formulas find nothing in it.
        sheet.row = head + 1 + (len(table.rows) + bool(table.total) if table.rows else 1)
        if table.rows and table.note:
            sheet.note(table.note, across)
        if table.rows and table.sheet_chart is not None:
            _draw(sheet, placed, table.sheet_chart)
        sheet.row += 1

    def _choose(self, sheet: Sheet, choice: doc.Choice) -> None:
        """A cell in which the reader chooses one of several texts."""
        row, listed = sheet.row, {"validate": "list", "source": list(choice.options)}
        sheet.put(row, 0, choice.label, "words", "text")
        cell = sheet.put(row, 1, choice.options[0], "scenario", "text")
        sheet.worksheet.data_validation(row, 1, row, 1, listed)
        self.formulas.choices[choice.name] = cell
        sheet.row += 2

    def fill(self) -> None:
        """Write the cells of all tables that were placed."""
        for sheet, placed in self._waiting:
            _fill(sheet, placed)
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


def _as_table(part: doc.Part) -> doc.Part:
    """Large figures and terms as tables of texts; all other parts as they are."""
    if isinstance(part, doc.Facts):
        label = Column(tr("What"), "label", "text", width=NAMES)
        figure = Column(tr("Figure"), "figure", "text", width=FACTS)
        return Table("", part.facts, [label, figure, Column("", "beside", "text", width=FACTS)])
    if isinstance(part, doc.Terms):
        term = Column(tr("Term"), "0", "text", width=NAMES)
        return Table("", part.entries, [term, Column(tr("Meaning"), "1", "text", width=WIDE)])
    return part


def _set_widths(sheet: Sheet, table: Table, widest: int) -> None:
    for position, one in enumerate(columns_of(table, widest)):
        width = one.column.width
        if width is None and one.column.form == "text":
            texts = [2.0 + len(str(value or "")) for value in cells.values_of(table, one.column)]
            width = min(WIDE, max([NARROW if position else NAMES, *texts]))
        if width is None:
            width = YEAR if isinstance(one.header, int) else NARROW
        sheet.widen(position, width)


def _fill(sheet: Sheet, placed: Placed) -> None:
    """Write a table at its place: header, rows and totals."""
    table = placed.table
    if table.headed:
        right = [one.column.form not in ("text", "year") for one in placed.columns]
        sheet.header(placed.header_row, [one.header for one in placed.columns], right)
    sheet.printed_columns = max(sheet.printed_columns, printed(placed.columns))
    if not table.rows:
        sheet.put(placed.header_row + 1, 0, table.empty, "words", "text")
        return
    for n, row in enumerate(table.rows):
        at = placed.header_row + 1 + n
        ruled = table.ruled is not None and table.ruled(row)
        for position, one in enumerate(placed.columns):
            content, column = placed.content(n, position), one.column
            origin: styles.Origin = column.origin
            look = "text" if isinstance(content, str) else _look(placed, n, position)
            if isinstance(content, str) and origin == "optimizer":
                origin = "words"
            wrap = isinstance(content, str) and column.wrap and origin != "key"
            written = sheet.put(at, position, content, origin, look, wrap=wrap, ruled=ruled)
            url = column.link(row) if column.link is not None and isinstance(content, str) else ""
            if LINK.fullmatch(url):
                link = sheet.book.styles.shape("link")
                sheet.worksheet.write_url(at, position, url, link, string=content)
            name = column.name(row) if column.name is not None else ""
            if name and not one.end:
                sheet.book.name(name, written)
    if table.total:
        for position in range(len(placed.columns)):
            look = _look(placed, 0, position) if position else "text"
            shows = placed.in_total(position) if position else table.total
            at = placed.header_row + 1 + placed.count
            sheet.put(at, position, shows, "words", look, last=True)


def _look(placed: Placed, n: int, position: int) -> styles.Form:
    """How a figure is written: like the others of its kind in its column, or in its row where rows
    are figures of different kinds."""
    column, row = placed.columns[position].column, placed.table.rows[n]
    form = cells.form_of(column, row)
    if form not in ("tonnes", "objective", "number", "range", "estimate"):
        return {"exact": "figure", "mean_year": "first"}.get(form, form)
    if callable(column.form):
        across = [at for at, one in enumerate(placed.columns)
                  if callable(one.column.form) and one.column.form(row) == form]  # fmt: skip
        values = [placed.value(n, at) for at in across]
    else:
        values = [placed.value(other, position) for other in range(placed.count)]
    figures = [float(v) for v in values if not isinstance(v, str)]
    looks = {"tonnes": styles.tonnes, "objective": styles.objective}
    return looks.get(form, styles.figure)(figures)


def _draw(sheet: Sheet, placed: Placed, wanted: doc.SheetChart) -> None:
    """Draw a chart below what stands on the sheet, or beside a long table; leave room for it."""
    long, scatter = placed.count > CHART_ROWS, wanted.kind == "scatter"
    lines = "straight" if long else "straight_with_markers"
    kind = ("scatter", lines) if scatter else ("column", "stacked")
    chart = sheet.book.workbook.add_chart(dict(zip(("type", "subtype"), kind, strict=True)))
    for series in (_scatter if scatter else _bars)(sheet, placed, wanted):
        chart.add_series(series)
    chart.set_title({"name": wanted.title, "name_font": {"size": 11}})
    if wanted.x_title:
        x = placed.at(wanted.across) if wanted.across else 0
        share = placed.columns[x].column.form == "share"
        chart.set_x_axis({"name": wanted.x_title, **({"num_format": "0%"} if share else {})})
    whole = sheet.book.styles.outcome_places == 1
    chart.set_y_axis({"num_format": "#,##0" if whole else "General"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 400})
    # Below the header, which each page repeats with all that touches it.
    row, column = (placed.header_row + 1, len(placed.columns)) if long else (sheet.row + 1, 0)
    place = {"description": wanted.title, "x_offset": 12 if long else 0, "y_offset": 6}
    sheet.worksheet.insert_chart(row, column, chart, place)
    if long:
        sheet.printed_columns = max(sheet.printed_columns, column + CHART_COLUMNS)
    else:
        sheet.row += CHART_ROWS
        sheet.lowest = max(sheet.lowest, sheet.row)


def _scatter(sheet: Sheet, placed: Placed, wanted: doc.SheetChart) -> list[dict[str, Any]]:
    head, x, first = placed.header_row, placed.at(wanted.across), placed.at(wanted.series[0])
    places = [(placed.at(key), list(range(placed.count))) for key in wanted.series]
    lines: list[tuple[Any, int, list[int]]] = [([sheet.tab, head, at], at, n) for at, n in places]
    if wanted.lines:
        some = [
            (name, [n for n, row in enumerate(placed.table.rows) if chosen(row)])
            for name, chosen in wanted.lines
        ]
        lines = [(name, first, rows) for name, rows in some if rows]
    return [
        {
            "name": name,
            "categories": [sheet.tab, head + 1 + rows[0], x, head + 1 + rows[-1], x],
            "values": [sheet.tab, head + 1 + rows[0], at, head + 1 + rows[-1], at],
            "line": {"dash_type": dash, "width": 2},
        }
        for (name, at, rows), dash in zip(lines, DASHES, strict=False)
    ]


def _bars(sheet: Sheet, placed: Placed, wanted: doc.SheetChart) -> list[dict[str, Any]]:
    first, last = placed.at(wanted.series[0]), placed.at(wanted.series[-1])
    head = placed.header_row
    return [
        {
            "name": [sheet.tab, head + 1 + n, 0],
            "categories": [sheet.tab, head, first, head, last],
            "values": [sheet.tab, head + 1 + n, first, head + 1 + n, last],
        }
        for n, row in enumerate(placed.table.rows)
        if wanted.rows is None or wanted.rows(row)
    ]
