"""A document as an Excel workbook: a sheet for each section, live formulas, and checks.

XlsxWriter stores the result of each formula with it, so that previews and pandas show figures.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.language import tr
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
    count_printed_columns,
    sheet_columns,
)

MAX_TAB_LETTERS = 31
LINK_PATTERN = re.compile(r"(?=.{1,2000}$)https?://[^ ]*")
FORBIDDEN_IN_TAB = re.compile(r"[\[\]:*?/\\']")
YEAR_WIDTH, FACTS_WIDTH, MAX_TEXT_WIDTH, NAMES_WIDTH = 9.0, 20.0, 60.0, 34.0
"""Widths of columns: of years, of large figures, of texts at most, and of names."""
PARAGRAPH_COLUMNS = 7
"""Columns that a paragraph extends over."""
CHART_ROWS, CHART_COLUMNS = 28, 9
"""Rows and columns that a chart takes."""
DASH_TYPES = ("solid", "dash", "long_dash", "round_dot")
MIN_FILTER_ROWS = 100
"""Number of rows above which a table gets filters."""


def render_workbook(document: doc.Document) -> bytes:
    """Return a document as an Excel workbook in the current language."""
    # Below 100 million, amounts are shown with two decimals.
    money_decimals = 2 if max(map(abs, document.money_amounts), default=100) < 100 else 1
    book = Book(document.title, money_decimals, styles.decimals_for(document.outcome_amounts))
    writer = WorkbookWriter(book)
    answer, *sections = document.sections_for(doc.SHEET, tr("Answer"))
    answer = replace(answer, title=document.title, sheet_name=answer.title)
    for section in (answer, *sections):
        writer.place_section(section, document.subtitle)
    writer.fill_tables()
    if not writer.sheets_by_table:
        return book.to_bytes()
    sheet_checks = [(check, writer.sheets_by_table[check.table_name]) for check in document.checks]
    writer.place_section(build_checks_section(book, writer.formulas, sheet_checks))
    writer.fill_tables()
    first_sheet = book.sheets[0]
    write_verdict(book, writer.formulas, writer.verdict_row, PARAGRAPH_COLUMNS)
    write_legend(first_sheet, PARAGRAPH_COLUMNS)
    write_contents(first_sheet)
    first_sheet.worksheet.fit_to_pages(1, 1)
    return book.to_bytes()


@dataclass
class WorkbookWriter:
    """Writer of a workbook: it places all tables before it fills any, so that formulas can refer to
    later tables."""

    book: Book
    formulas: WorkbookTables = field(default_factory=WorkbookTables)
    verdict_row: int = 0  # row of the first sheet with the result of all checks
    sheets_by_table: dict[str, Sheet] = field(default_factory=dict)  # by name of the table
    _unfilled: list[tuple[Sheet, PlacedTable]] = field(default_factory=list)
    _used_tabs: set[str] = field(default_factory=set)

    def place_section(self, section: doc.Section, subtitle: str = "") -> None:
        """Add a sheet for a section and write its parts; its tables get their places and are filled
        later."""
        sheet = Sheet(
            self.book, self._unique_tab_name(section.sheet_name or section.title), section.title
        )
        sheet_parts = [_as_table(part) for part in section.parts]
        tables = [part for part in section.parts if isinstance(part, Table)]
        max_columns = max(
            (count_printed_columns(sheet_columns(table)) for table in tables), default=0
        )
        for part in sheet_parts:
            if isinstance(part, Table):
                _set_column_widths(sheet, part, max_columns)
        is_first = sheet is self.book.sheets[0]
        if is_first:
            if subtitle:
                sheet.next_row = 1
                sheet.write_paragraph(subtitle, PARAGRAPH_COLUMNS)
            self.verdict_row = sheet.next_row
            sheet.next_row += 2
        paragraph_columns = max(3, min(PARAGRAPH_COLUMNS, max_columns or PARAGRAPH_COLUMNS))
        for part in sheet_parts:
            if isinstance(part, str):
                sheet.write_paragraph(part, paragraph_columns, "lead" if is_first else "note")
            elif isinstance(part, doc.Heading):
                sheet.write_heading(part.text)
            elif isinstance(part, doc.Bullets | doc.Caution):
                for item in part.items:
                    sheet.write_paragraph(item, paragraph_columns)
            elif isinstance(part, doc.DropDown):
                self._add_drop_down(sheet, part)
            elif isinstance(part, Table):
                self._place_table(sheet, part, paragraph_columns, max_columns)
        if tables:
            self._freeze_header(sheet, tables)

    def _freeze_header(self, sheet: Sheet, tables: Sequence[Table]) -> None:
        """Freeze the header and the first columns of a table.

        The header is repeated on printed pages if it is the header of the sheet's last table.
        """
        table = next((table for table in tables if table.frozen_columns), tables[-1])
        if not table.has_header or table.name not in self.formulas:
            return
        placed = self.formulas[table.name]
        header_row, frozen_columns = placed.header_row, table.frozen_columns
        if not frozen_columns and sheet is not self.book.sheets[0]:
            frozen_columns = int(len(tables) == 1)
        if frozen_columns:
            sheet.worksheet.freeze_panes(header_row + 1, frozen_columns)
            if table is tables[-1]:
                sheet.worksheet.repeat_rows(header_row)
            if (
                len(tables) == 1
                and placed.row_count > MIN_FILTER_ROWS
                and table.sheet_chart is None
            ):
                last_column = len(placed.columns) - 1
                sheet.worksheet.autofilter(
                    header_row, 0, header_row + placed.row_count, last_column
                )

    def _place_table(
        self, sheet: Sheet, table: Table, paragraph_columns: int, max_columns: int
    ) -> None:
        if table.caption and table.caption != sheet.title:
            sheet.write_heading(table.caption)
        header_row = sheet.next_row if table.has_header else sheet.next_row - 1
        placed = PlacedTable(
            table, sheet_columns(table, max_columns), sheet.prefix, header_row, self.formulas
        )
        if table.name:
            self.formulas.tables[table.name] = placed
            self.sheets_by_table[table.name] = sheet
        self._unfilled.append((sheet, placed))
        # A table without rows has one row with its empty text, which formulas ignore.
        sheet.next_row = (
            header_row + 1 + (len(table.rows) + bool(table.total_label) if table.rows else 1)
        )
        if table.rows and table.note:
            sheet.write_paragraph(table.note, paragraph_columns)
        if table.rows and table.sheet_chart is not None:
            _add_sheet_chart(sheet, placed, table.sheet_chart)
        sheet.next_row += 1

    def _add_drop_down(self, sheet: Sheet, choice: doc.DropDown) -> None:
        """Add a cell in which the reader chooses one of several texts."""
        row, validation = sheet.next_row, {"validate": "list", "source": list(choice.options)}
        sheet.write_cell(row, 0, choice.label, "words", "text")
        cell = sheet.write_cell(row, 1, choice.options[0], "scenario", "text")
        sheet.worksheet.data_validation(row, 1, row, 1, validation)
        self.formulas.choices[choice.name] = cell
        sheet.next_row += 2

    def fill_tables(self) -> None:
        """Write the cells of all tables that were placed."""
        for sheet, placed in self._unfilled:
            _fill_table(sheet, placed)
        self._unfilled = []

    def _unique_tab_name(self, title: str) -> str:
        """Return a valid tab name for a title that no other tab has."""
        base = FORBIDDEN_IN_TAB.sub(" ", title)[:MAX_TAB_LETTERS].strip()
        name, count = base, 1
        while name.casefold() in self._used_tabs:
            count += 1
            name = f"{base[: MAX_TAB_LETTERS - 3]} {count}"
        self._used_tabs.add(name.casefold())
        return name


def _as_table(part: doc.Part) -> doc.Part:
    """Return facts and terms as tables of texts, and other parts unchanged."""
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


def _set_column_widths(sheet: Sheet, table: Table, max_columns: int) -> None:
    for position, sheet_column in enumerate(sheet_columns(table, max_columns)):
        width = sheet_column.column.width
        if width is None and sheet_column.column.form == "text":
            texts = [
                2.0 + len(str(value or ""))
                for value in cells.column_values(table, sheet_column.column)
            ]
            width = min(MAX_TEXT_WIDTH, max([NARROW_WIDTH if position else NAMES_WIDTH, *texts]))
        if width is None:
            width = YEAR_WIDTH if isinstance(sheet_column.header, int) else NARROW_WIDTH
        sheet.widen_column(position, width)


def _fill_table(sheet: Sheet, placed: PlacedTable) -> None:
    """Write the header, rows and totals of a placed table into its sheet."""
    table = placed.table
    if table.has_header:
        right_aligned = [c.column.form not in ("text", "year") for c in placed.columns]
        sheet.write_header(placed.header_row, [c.header for c in placed.columns], right_aligned)
    sheet.printed_columns = max(sheet.printed_columns, count_printed_columns(placed.columns))
    if not table.rows:
        sheet.write_cell(placed.header_row + 1, 0, table.empty_text, "words", "text")
        return
    for row_index, row in enumerate(table.rows):
        sheet_row = placed.header_row + 1 + row_index
        has_rule = table.has_rule_above is not None and table.has_rule_above(row)
        for position, sheet_column in enumerate(placed.columns):
            content, column = placed.cell_content(row_index, position), sheet_column.column
            origin: styles.Origin = column.origin
            form = "text" if isinstance(content, str) else _cell_form(placed, row_index, position)
            if isinstance(content, str) and origin == "optimizer":
                origin = "words"
            wrap = isinstance(content, str) and column.wraps_text and origin != "key"
            cell = sheet.write_cell(
                sheet_row, position, content, origin, form, wrap=wrap, ruled=has_rule
            )
            url = column.link(row) if column.link is not None and isinstance(content, str) else ""
            if LINK_PATTERN.fullmatch(url):
                link = sheet.book.styles.text_format("link")
                sheet.worksheet.write_url(sheet_row, position, url, link, string=content)
            name = column.cell_name(row) if column.cell_name is not None else ""
            if name and not sheet_column.range_end:
                sheet.book.define_name(name, cell)
    if table.total_label:
        for position in range(len(placed.columns)):
            form = _cell_form(placed, 0, position) if position else "text"
            total_value = placed.total_expression(position) if position else table.total_label
            sheet_row = placed.header_row + 1 + placed.row_count
            sheet.write_cell(sheet_row, position, total_value, "words", form, last=True)


def _cell_form(placed: PlacedTable, row_index: int, position: int) -> styles.CellForm:
    """Return the cell form of a figure, which determines its number format.

    All figures of a column share it, or all figures of a row if the kind of figure depends on the
    row.
    """
    column, row = placed.columns[position].column, placed.table.rows[row_index]
    form = cells.value_form(column, row)
    if form not in ("tonnes", "objective", "number", "range", "estimate"):
        return {"exact": "figure", "mean_year": "first"}.get(form, form)
    if callable(column.form):
        positions = [index for index, c in enumerate(placed.columns)
                  if callable(c.column.form) and c.column.form(row) == form]  # fmt: skip
        column_values = [placed.cell_value(row_index, index) for index in positions]
    else:
        column_values = [placed.cell_value(other, position) for other in range(placed.row_count)]
    figures = [float(v) for v in column_values if not isinstance(v, str)]
    form_functions = {"tonnes": styles.tonnes_form, "objective": styles.objective_form}
    return form_functions.get(form, styles.figure_form)(figures)


def _add_sheet_chart(sheet: Sheet, placed: PlacedTable, spec: doc.SheetChart) -> None:
    """Add a chart below the content of the sheet, or to the right of a long table."""
    is_long, is_scatter = placed.row_count > CHART_ROWS, spec.kind == "scatter"
    subtype = "straight" if is_long else "straight_with_markers"
    kind = ("scatter", subtype) if is_scatter else ("column", "stacked")
    chart = sheet.book.workbook.add_chart(dict(zip(("type", "subtype"), kind, strict=True)))
    for series in (_scatter_series if is_scatter else _bar_series)(sheet, placed, spec):
        chart.add_series(series)
    chart.set_title({"name": spec.title, "name_font": {"size": 11}})
    if spec.x_title:
        x_position = placed.column_position(spec.x_key) if spec.x_key else 0
        is_share = placed.columns[x_position].column.form == "share"
        chart.set_x_axis({"name": spec.x_title, **({"num_format": "0%"} if is_share else {})})
    has_one_decimal = sheet.book.styles.outcome_decimals == 1
    chart.set_y_axis({"num_format": "#,##0" if has_one_decimal else "General"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 400})
    # Below the header row, which printing repeats on each page with all that touches it.
    row, column = (
        (placed.header_row + 1, len(placed.columns)) if is_long else (sheet.next_row + 1, 0)
    )
    options = {"description": spec.title, "x_offset": 12 if is_long else 0, "y_offset": 6}
    sheet.worksheet.insert_chart(row, column, chart, options)
    if is_long:
        sheet.printed_columns = max(sheet.printed_columns, column + CHART_COLUMNS)
    else:
        sheet.next_row += CHART_ROWS
        sheet.last_chart_row = max(sheet.last_chart_row, sheet.next_row)


def _scatter_series(
    sheet: Sheet, placed: PlacedTable, spec: doc.SheetChart
) -> list[dict[str, Any]]:
    header_row, x_position = placed.header_row, placed.column_position(spec.x_key)
    first_position = placed.column_position(spec.series_keys[0])
    rows_by_position = [
        (placed.column_position(key), list(range(placed.row_count))) for key in spec.series_keys
    ]
    lines: list[tuple[Any, int, list[int]]] = [
        ([sheet.tab, header_row, position], position, n) for position, n in rows_by_position
    ]
    if spec.line_filters:
        filtered_rows = [
            (name, [n for n, row in enumerate(placed.table.rows) if row_filter(row)])
            for name, row_filter in spec.line_filters
        ]
        lines = [(name, first_position, rows) for name, rows in filtered_rows if rows]
    return [
        {
            "name": name,
            "categories": [
                sheet.tab,
                header_row + 1 + rows[0],
                x_position,
                header_row + 1 + rows[-1],
                x_position,
            ],
            "values": [
                sheet.tab,
                header_row + 1 + rows[0],
                position,
                header_row + 1 + rows[-1],
                position,
            ],
            "line": {"dash_type": dash, "width": 2},
        }
        for (name, position, rows), dash in zip(lines, DASH_TYPES, strict=False)
    ]


def _bar_series(sheet: Sheet, placed: PlacedTable, spec: doc.SheetChart) -> list[dict[str, Any]]:
    first_position = placed.column_position(spec.series_keys[0])
    last_position = placed.column_position(spec.series_keys[-1])
    header_row = placed.header_row
    return [
        {
            "name": [sheet.tab, header_row + 1 + series_index, 0],
            "categories": [sheet.tab, header_row, first_position, header_row, last_position],
            "values": [
                sheet.tab,
                header_row + 1 + series_index,
                first_position,
                header_row + 1 + series_index,
                last_position,
            ],
        }
        for series_index, row in enumerate(placed.table.rows)
        if spec.row_filter is None or spec.row_filter(row)
    ]
