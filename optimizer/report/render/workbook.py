"""A document as an Excel workbook: a sheet a section, live formulas, and checks that it adds up.

Written with XlsxWriter, which stores the result of each formula beside it: who only previews the
file, or reads it with pandas, sees figures and not empty cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.language import tr
from models.results.caveats import NO_CAVEATS, Caveats
from optimizer.report import cells
from optimizer.report import document as doc
from optimizer.report.document import Column, Table
from optimizer.report.workbook import styles
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.checks import (
    build_checks_section,
    write_contents,
    write_legend,
    write_verdict,
)
from optimizer.report.workbook.placed_tables import (
    NARROW_WIDTH,
    PlacedTable,
    WorkbookTables,
    printed_count,
    sheet_columns,
)

MAX_TAB_LETTERS = 31
LINK_PATTERN = re.compile(r"(?=.{1,2000}$)https?://[^ ]*")
FORBIDDEN_IN_TAB = re.compile(r"[\[\]:*?/\\']")
YEAR_WIDTH, FACTS_WIDTH, MAX_TEXT_WIDTH, NAMES_WIDTH = 9.0, 20.0, 60.0, 34.0
"""Widths of columns: of years, of large figures, of texts at most, and of names."""
PARAGRAPH_COLUMNS = 7
"""Columns that a paragraph runs across."""
CHART_ROWS, CHART_COLUMNS = 28, 9
"""Rows and columns that a chart takes."""
DASH_TYPES = ("solid", "dash", "long_dash", "round_dot")
MIN_FILTER_ROWS = 100
"""Rows of which a reader wants to see some only: such a table can be filtered."""


def render_workbook(document: doc.Document, doubts: Caveats = NO_CAVEATS) -> bytes:
    """The workbook of a document, in the current language.

    ``doubts`` stand on the first sheet, before all else.
    """
    # Below 100 million, amounts are shown with two decimals.
    money = 2 if max(map(abs, document.money_amounts), default=100) < 100 else 1
    book = Book(document.title, money, styles.decimals_for(document.outcome_amounts), doubts)
    writer = WorkbookWriter(book)
    answer, *more = document.sections_for(doc.SHEET, tr("Answer"))
    answer = replace(answer, title=document.title, sheet_name=answer.title)
    for section in (answer, *more):
        writer.place_section(section, document.subtitle)
    writer.fill_tables()
    if not writer.sheets_by_table:
        return book.to_bytes()
    given = [(check, writer.sheets_by_table[check.table_name]) for check in document.checks]
    writer.place_section(build_checks_section(book, writer.formulas, given))
    writer.fill_tables()
    front = book.sheets[0]
    write_verdict(book, writer.formulas, writer.verdict_row, PARAGRAPH_COLUMNS)
    write_legend(front, PARAGRAPH_COLUMNS)
    write_contents(front)
    front.worksheet.fit_to_pages(1, 1)
    return book.to_bytes()


@dataclass
class WorkbookWriter:
    """A workbook in the making: tables are placed first, and filled when all have their places."""

    book: Book
    formulas: WorkbookTables = field(default_factory=WorkbookTables)
    verdict_row: int = 0  # the row of the first sheet that says whether all adds up
    sheets_by_table: dict[str, Sheet] = field(default_factory=dict)  # by the names of tables
    _unfilled: list[tuple[Sheet, PlacedTable]] = field(default_factory=list)
    _used_tabs: set[str] = field(default_factory=set)

    def place_section(self, section: doc.Section, subtitle: str = "") -> None:
        """A new sheet with all parts of a section; its tables are filled later."""
        sheet = Sheet(
            self.book, self._unique_tab_name(section.sheet_name or section.title), section.title
        )
        parts = [_as_table(part) for part in section.parts]
        tables = [part for part in section.parts if isinstance(part, Table)]
        widest = max((printed_count(sheet_columns(table)) for table in tables), default=0)
        for table in parts:
            if isinstance(table, Table):
                _set_column_widths(sheet, table, widest)
        front = sheet is self.book.sheets[0]
        if front:
            if subtitle:
                sheet.next_row = 1
                sheet.write_paragraph(subtitle, PARAGRAPH_COLUMNS)
            doubts = self.book.doubts
            for look, said in (
                ("warning", doubts.contradictions),
                ("unconfirmed", doubts.unconfirmed),
            ):
                for sentence in said:
                    sheet.write_paragraph(sentence, PARAGRAPH_COLUMNS, look)
            self.verdict_row = sheet.next_row
            sheet.next_row += 2
        across = max(3, min(PARAGRAPH_COLUMNS, widest or PARAGRAPH_COLUMNS))
        for part in parts:
            if isinstance(part, str):
                sheet.write_paragraph(part, across, "lead" if front else "note")
            elif isinstance(part, doc.Heading):
                sheet.write_heading(part.text)
            elif isinstance(part, doc.Bullets | doc.Caution):
                for item in part.items:
                    sheet.write_paragraph(item, across)
            elif isinstance(part, doc.DropDown):
                self._add_drop_down(sheet, part)
            elif isinstance(part, Table):
                self._place_table(sheet, part, across, widest)
        if tables:
            self._freeze_header(sheet, tables)

    def _freeze_header(self, sheet: Sheet, tables: Sequence[Table]) -> None:
        """Keep a header and first columns in view, and the header on every page if it is that of
        the last table."""
        table = next((table for table in tables if table.frozen_columns), tables[-1])
        if not table.has_header or table.name not in self.formulas:
            return
        placed = self.formulas[table.name]
        head, across = placed.header_row, table.frozen_columns
        if not across and sheet is not self.book.sheets[0]:
            across = int(len(tables) == 1)
        if across:
            sheet.worksheet.freeze_panes(head + 1, across)
            if table is tables[-1]:
                sheet.worksheet.repeat_rows(head)
            if (
                len(tables) == 1
                and placed.row_count > MIN_FILTER_ROWS
                and table.sheet_chart is None
            ):
                last = len(placed.columns) - 1
                sheet.worksheet.autofilter(head, 0, head + placed.row_count, last)

    def _place_table(self, sheet: Sheet, table: Table, across: int, widest: int) -> None:
        if table.caption and table.caption != sheet.title:
            sheet.write_heading(table.caption)
        head = sheet.next_row if table.has_header else sheet.next_row - 1
        placed = PlacedTable(table, sheet_columns(table, widest), sheet.prefix, head, self.formulas)
        if table.name:
            self.formulas.tables[table.name] = placed
            self.sheets_by_table[table.name] = sheet
        self._unfilled.append((sheet, placed))
        # One row of a table without any says so; formulas find nothing in it.
        sheet.next_row = head + 1 + (len(table.rows) + bool(table.total_label) if table.rows else 1)
        if table.rows and table.note:
            sheet.write_paragraph(table.note, across)
        if table.rows and table.sheet_chart is not None:
            _add_sheet_chart(sheet, placed, table.sheet_chart)
        sheet.next_row += 1

    def _add_drop_down(self, sheet: Sheet, choice: doc.DropDown) -> None:
        """A cell in which the reader chooses one of several texts."""
        row, listed = sheet.next_row, {"validate": "list", "source": list(choice.options)}
        sheet.write_cell(row, 0, choice.label, "words", "text")
        cell = sheet.write_cell(row, 1, choice.options[0], "scenario", "text")
        sheet.worksheet.data_validation(row, 1, row, 1, listed)
        self.formulas.choices[choice.name] = cell
        sheet.next_row += 2

    def fill_tables(self) -> None:
        """Write the cells of all tables that were placed."""
        for sheet, placed in self._unfilled:
            _fill_table(sheet, placed)
        self._unfilled = []

    def _unique_tab_name(self, title: str) -> str:
        """A name that a sheet can have: short, without signs that Excel refuses, and once."""
        plain = FORBIDDEN_IN_TAB.sub(" ", title)[:MAX_TAB_LETTERS].strip()
        name, count = plain, 1
        while name.casefold() in self._used_tabs:
            count += 1
            name = f"{plain[: MAX_TAB_LETTERS - 3]} {count}"
        self._used_tabs.add(name.casefold())
        return name


def _as_table(part: doc.Part) -> doc.Part:
    """Large figures and terms as tables of texts; all other parts as they are."""
    if isinstance(part, doc.Facts):
        label = Column(tr("What"), "label", "text", width=NAMES_WIDTH)
        figure = Column(tr("Figure"), "figure", "text", width=FACTS_WIDTH)
        return Table(
            "", part.facts, [label, figure, Column("", "remark", "text", width=FACTS_WIDTH)]
        )
    if isinstance(part, doc.Terms):
        term = Column(tr("Term"), "0", "text", width=NAMES_WIDTH)
        return Table(
            "", part.entries, [term, Column(tr("Meaning"), "1", "text", width=MAX_TEXT_WIDTH)]
        )
    return part


def _set_column_widths(sheet: Sheet, table: Table, widest: int) -> None:
    for position, one in enumerate(sheet_columns(table, widest)):
        width = one.column.width
        if width is None and one.column.form == "text":
            texts = [
                2.0 + len(str(value or "")) for value in cells.column_values(table, one.column)
            ]
            width = min(MAX_TEXT_WIDTH, max([NARROW_WIDTH if position else NAMES_WIDTH, *texts]))
        if width is None:
            width = YEAR_WIDTH if isinstance(one.header, int) else NARROW_WIDTH
        sheet.widen_column(position, width)


def _fill_table(sheet: Sheet, placed: PlacedTable) -> None:
    """Write a table at its place: header, rows and totals."""
    table = placed.table
    if table.has_header:
        right = [one.column.form not in ("text", "year") for one in placed.columns]
        sheet.write_header(placed.header_row, [one.header for one in placed.columns], right)
    sheet.printed_columns = max(sheet.printed_columns, printed_count(placed.columns))
    if not table.rows:
        sheet.write_cell(placed.header_row + 1, 0, table.empty_text, "words", "text")
        return
    for n, row in enumerate(table.rows):
        at = placed.header_row + 1 + n
        ruled = table.has_rule_above is not None and table.has_rule_above(row)
        for position, one in enumerate(placed.columns):
            content, column = placed.cell_content(n, position), one.column
            origin: styles.Origin = column.origin
            look = "text" if isinstance(content, str) else _cell_form(placed, n, position)
            if isinstance(content, str) and origin == "optimizer":
                origin = "words"
            wrap = isinstance(content, str) and column.wraps_text and origin != "key"
            written = sheet.write_cell(at, position, content, origin, look, wrap=wrap, ruled=ruled)
            url = column.link(row) if column.link is not None and isinstance(content, str) else ""
            if LINK_PATTERN.fullmatch(url):
                link = sheet.book.styles.text_format("link")
                sheet.worksheet.write_url(at, position, url, link, string=content)
            name = column.cell_name(row) if column.cell_name is not None else ""
            if name and not one.range_end:
                sheet.book.define_name(name, written)
    if table.total_label:
        for position in range(len(placed.columns)):
            look = _cell_form(placed, 0, position) if position else "text"
            shows = placed.total_expression(position) if position else table.total_label
            at = placed.header_row + 1 + placed.row_count
            sheet.write_cell(at, position, shows, "words", look, last=True)


def _cell_form(placed: PlacedTable, row_index: int, position: int) -> styles.CellForm:
    """How a figure is written: like the others of its kind in its column, or in its row where rows
    are figures of different kinds."""
    column, row = placed.columns[position].column, placed.table.rows[row_index]
    form = cells.value_form(column, row)
    if form not in ("tonnes", "objective", "number", "range", "estimate"):
        return {"exact": "figure", "mean_year": "first"}.get(form, form)
    if callable(column.form):
        across = [at for at, one in enumerate(placed.columns)
                  if callable(one.column.form) and one.column.form(row) == form]  # fmt: skip
        values = [placed.cell_value(row_index, at) for at in across]
    else:
        values = [placed.cell_value(other, position) for other in range(placed.row_count)]
    figures = [float(v) for v in values if not isinstance(v, str)]
    looks = {"tonnes": styles.tonnes_form, "objective": styles.objective_form}
    return looks.get(form, styles.figure_form)(figures)


def _add_sheet_chart(sheet: Sheet, placed: PlacedTable, spec: doc.SheetChart) -> None:
    """Draw a chart below what stands on the sheet, or beside a long table; leave room for it."""
    long, scatter = placed.row_count > CHART_ROWS, spec.kind == "scatter"
    lines = "straight" if long else "straight_with_markers"
    kind = ("scatter", lines) if scatter else ("column", "stacked")
    chart = sheet.book.workbook.add_chart(dict(zip(("type", "subtype"), kind, strict=True)))
    for series in (_scatter_series if scatter else _bar_series)(sheet, placed, spec):
        chart.add_series(series)
    chart.set_title({"name": spec.title, "name_font": {"size": 11}})
    if spec.x_title:
        x = placed.column_position(spec.x_key) if spec.x_key else 0
        share = placed.columns[x].column.form == "share"
        chart.set_x_axis({"name": spec.x_title, **({"num_format": "0%"} if share else {})})
    whole = sheet.book.styles.outcome_decimals == 1
    chart.set_y_axis({"num_format": "#,##0" if whole else "General"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 400})
    # Below the header, which each page repeats with all that touches it.
    row, column = (placed.header_row + 1, len(placed.columns)) if long else (sheet.next_row + 1, 0)
    place = {"description": spec.title, "x_offset": 12 if long else 0, "y_offset": 6}
    sheet.worksheet.insert_chart(row, column, chart, place)
    if long:
        sheet.printed_columns = max(sheet.printed_columns, column + CHART_COLUMNS)
    else:
        sheet.next_row += CHART_ROWS
        sheet.last_chart_row = max(sheet.last_chart_row, sheet.next_row)


def _scatter_series(
    sheet: Sheet, placed: PlacedTable, spec: doc.SheetChart
) -> list[dict[str, Any]]:
    head, x, first = (
        placed.header_row,
        placed.column_position(spec.x_key),
        placed.column_position(spec.series_keys[0]),
    )
    places = [
        (placed.column_position(key), list(range(placed.row_count))) for key in spec.series_keys
    ]
    lines: list[tuple[Any, int, list[int]]] = [([sheet.tab, head, at], at, n) for at, n in places]
    if spec.line_filters:
        some = [
            (name, [n for n, row in enumerate(placed.table.rows) if chosen(row)])
            for name, chosen in spec.line_filters
        ]
        lines = [(name, first, rows) for name, rows in some if rows]
    return [
        {
            "name": name,
            "categories": [sheet.tab, head + 1 + rows[0], x, head + 1 + rows[-1], x],
            "values": [sheet.tab, head + 1 + rows[0], at, head + 1 + rows[-1], at],
            "line": {"dash_type": dash, "width": 2},
        }
        for (name, at, rows), dash in zip(lines, DASH_TYPES, strict=False)
    ]


def _bar_series(sheet: Sheet, placed: PlacedTable, spec: doc.SheetChart) -> list[dict[str, Any]]:
    first, last = (
        placed.column_position(spec.series_keys[0]),
        placed.column_position(spec.series_keys[-1]),
    )
    head = placed.header_row
    return [
        {
            "name": [sheet.tab, head + 1 + n, 0],
            "categories": [sheet.tab, head, first, head, last],
            "values": [sheet.tab, head + 1 + n, first, head + 1 + n, last],
        }
        for n, row in enumerate(placed.table.rows)
        if spec.row_filter is None or spec.row_filter(row)
    ]
