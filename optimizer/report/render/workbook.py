"""A document as an Excel workbook: a sheet for each section, and an Excel table for each table.

Figures are unrounded numbers, with their units in the headers. Totals and differences are formulas;
XlsxWriter stores their results with them, so that previews and pandas show figures as well.
"""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from models.language import tr
from optimizer.report import cells, document as doc
from optimizer.report.document import Check, Column, Section, Table
from optimizer.report.figure_columns import (
    FigureColumn,
    figure_columns,
    header_with_unit,
    unique_name,
)
from optimizer.report.number_format import decimals_needed, is_whole, sanitize

MAX_TAB_LETTERS = 31
FORBIDDEN_IN_TAB = re.compile(r"[\[\]:*?/\\']")
MAX_CELL_LETTERS = 32_767
"""Maximal number of characters in a cell."""
PARAGRAPH_LETTERS, MIN_WIDTH, MAX_WIDTH = 120, 11, 60
"""Characters of a line of a paragraph, and of the narrowest and the widest column."""
MIN_FILTER_ROWS = 20
"""Number of rows above which a table gets filters."""
MAX_FROZEN_ROWS = 12
"""Number of rows up to which the rows above a table stay in view."""
STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 16},
    "heading": {"bold": True, "font_size": 12},
    "header": {"bold": True, "text_wrap": True, "valign": "top"},
    "caution": {"bold": True, "font_color": "#B3261E"},
    "text": {"text_wrap": True, "valign": "top"},
    "paragraph": {},
}
FORMATS_BY_FORM = {
    "share": "0.0%",
    "gap": "0.0000%",
    "year": "0",
    "mean_year": "0.0",
    "count": "#,##0",
    "ratio": "#,##0.00",
    "exact": "General",
}


def render_workbook(document: doc.Document) -> bytes:
    """Return a document as an Excel workbook in the current language."""
    answer, *sections = document.sections_for(doc.SHEET, tr("Answer"))
    head: list[doc.Part] = [document.subtitle]
    if document.checks:
        head.append(_verdict(document.checks))
        checks_title = tr("Do the figures add up?")
        checks_table = _checks_table(document.checks)
        sections.append(Section("checks", checks_title, [checks_table], sheet_name=tr("Checks")))
    parts = [*head, *answer.parts]
    writer = _WorkbookWriter(document)
    for section in (
        replace(answer, title=document.title, sheet_name=answer.title, parts=parts),
        *sections,
    ):
        writer.write_section(section)
    return writer.to_bytes()


def _verdict(checks: Sequence[Check]) -> doc.Part:
    """Return a sentence, or a caution, on whether all checks hold."""
    failing_count = sum(not check.holds for check in checks)
    if failing_count == 0:
        return tr("The figures add up: all {count} checks hold.", count=len(checks))
    text = tr(
        "WARNING: figures do not add up. Checks that fail: {failing} of {count}; see the last "
        "sheet.",
        failing=failing_count,
        count=len(checks),
    )
    return doc.Caution([text])


def _checks_table(checks: Sequence[Check]) -> Table:
    good_text, bad_text = tr("adds up"), tr("DOES NOT ADD UP")
    columns = [
        Column(tr("Check"), "statement", "text"),
        Column(tr("Figure"), "value", "objective"),
        Column(tr("Must equal"), "expected", "objective"),
        Column(tr("Result"), lambda check: good_text if check.holds else bad_text, "text"),
    ]
    return Table("", checks, columns, "checks")


def _text_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    columns = [Column(header, str(n), "text", empty_text="") for n, header in enumerate(headers)]
    return Table("", list(rows), columns)


class _WorkbookWriter:
    """Writer of a workbook; sheets are filled from top to bottom."""

    def __init__(self, document: doc.Document) -> None:
        # Imported on request, as the import is slow.
        from xlsxwriter import Workbook

        self._stream = BytesIO()
        # Texts stay texts, even if they look like formulas, addresses or numbers.
        text_options = {f"strings_to_{kind}": False for kind in ("formulas", "urls", "numbers")}
        self._workbook = Workbook(self._stream, {"in_memory": True, **text_options})
        self._workbook.set_properties({"title": sanitize(document.title), "comments": "Vorrat"})
        self._units = document.units
        self._formats: dict[Any, Any] = {}
        self._tabs: dict[str, None] = {}
        self._row = 0
        self._sheet: Any = None
        self._widths: dict[int, int] = {}  # letters, by position of the column
        self._first_rows: list[int] = []  # of the tables of the sheet

    def to_bytes(self) -> bytes:
        """Close the workbook and return the content of the file."""
        self._workbook.close()
        return self._stream.getvalue()

    def write_section(self, section: Section) -> None:
        """Add a sheet with the title and the parts of a section."""
        title = sanitize(section.sheet_name or section.title)
        tab = FORBIDDEN_IN_TAB.sub(" ", title)[: MAX_TAB_LETTERS - 3].strip()
        tab = unique_name(tab, self._tabs, " ")
        self._tabs[tab] = None
        self._sheet, self._row = self._workbook.add_worksheet(tab), 0
        self._widths, self._first_rows = {}, []
        self._sheet.set_landscape()
        self._sheet.set_paper(9)  # A4
        self._sheet.fit_to_pages(1, 0)
        self._sheet.hide_gridlines(2)
        self._write_paragraph(section.title, "title")
        for part in section.parts:
            self._write_part(part)
        if len(self._first_rows) == 1 and self._first_rows[0] <= MAX_FROZEN_ROWS:
            self._sheet.freeze_panes(self._first_rows[0], 1)
        for position, width in self._widths.items():
            self._sheet.set_column(position, position, max(MIN_WIDTH, min(width + 2, MAX_WIDTH)))

    def _write_part(self, part: doc.Part) -> None:
        match part:
            case str():
                self._write_paragraph(part)
            case doc.Heading():
                self._row += 1
                self._write_paragraph(part.text, "heading")
            case doc.Bullets():
                for item in part.items:
                    self._write_paragraph(f"• {item}")
            case doc.Caution():
                for item in part.items:
                    self._write_paragraph(item, "caution")
            case doc.Facts():
                rows = [(fact.label, fact.figure, fact.remark) for fact in part.facts]
                self._write_table(_text_table([tr("What"), tr("Figure"), tr("Remark")], rows))
            case doc.Terms():
                self._write_table(_text_table([tr("Term"), tr("Meaning")], part.entries))
            case Table():
                self._write_table(part)

    def _write_paragraph(self, text: str, style: str = "paragraph") -> None:
        """Write a text in lines that extend over the columns to the right."""
        for line in textwrap.wrap(sanitize(text), PARAGRAPH_LETTERS):
            self._sheet.write_string(self._row, 0, line, self._format(style, line))
            self._row += 1

    def _write_table(self, table: Table) -> None:
        self._row += 1
        if table.caption:
            self._write_paragraph(table.caption, "heading")
        if not table.rows:
            self._write_paragraph(table.empty_text)
            return
        columns, headers = figure_columns(table), dict[str, None]()
        for position, column in enumerate(columns):
            header = sanitize(header_with_unit(column, position, self._units))
            headers[unique_name(header, headers, " ")] = None
        first_row, figures = self._row + table.has_header, [c.figures(table) for c in columns]
        last_row = first_row + len(table.rows) - 1
        options = [
            {"header": header, "header_format": self._format("header", header)}
            for header in headers
        ]
        self._sheet.add_table(
            self._row, 0, last_row, len(columns) - 1,
            {"columns": options, "header_row": table.has_header, "style": "Table Style Light 9",
             "autofilter": len(table.rows) > MIN_FILTER_ROWS},
        )  # fmt: skip
        for position, header in enumerate(headers):
            self._widen(position, max(map(len, header.split()), default=0))
        self._first_rows.append(first_row)
        formats = _number_formats(table, columns, figures)
        for position, column in enumerate(columns):
            for index, value in enumerate(figures[position]):
                formula = _difference_formula(columns, column, figures, index, first_row + index)
                number_format = formats[position][index]
                self._write_cell(first_row + index, position, value, number_format, formula)
        self._row = last_row + 1
        if table.total_label:
            self._write_totals(table, columns, figures, formats)
        self._write_paragraph(table.note)

    def _write_totals(
        self, table: Table, columns: Sequence[FigureColumn], figures: Sequence[Sequence[Any]],
        formats: Sequence[Sequence[str]],
    ) -> None:  # fmt: skip
        """Write the row of totals below a table, with a sum of each column that has a total."""
        self._write_cell(self._row, 0, table.total_label, "", bold=True)
        for position, column in enumerate(columns[1:], 1):
            numbers = [value for value in figures[position] if isinstance(value, float)]
            formula, value = "", None
            if column.column.text_total is not None:
                value = column.figure(column.column.text_total(table.rows))
            elif column.column.total and not column.part and numbers:
                first_cell = _address(self._row - len(table.rows), position)
                area = f"{first_cell}:{_address(self._row - 1, position)}"
                formula, value = f"SUM({area})", math.fsum(numbers)
            self._write_cell(self._row, position, value, formats[position][0], formula, bold=True)
        self._row += 1

    def _write_cell(
        self, row: int, position: int, value: float | str | None, number_format: str,
        formula: str = "", bold: bool = False,
    ) -> None:  # fmt: skip
        options: dict[str, Any] = {"bold": True, "top": 1} if bold else {}
        if isinstance(value, str):
            text = sanitize(value)[:MAX_CELL_LETTERS]
            self._widen(position, len(text))
            self._sheet.write_string(row, position, text, self._format("text", text, **options))
        elif value is not None:
            style = self._format("paragraph", num_format=number_format, valign="top", **options)
            if formula:
                self._sheet.write_formula(row, position, f"={formula}", style, value)
            else:
                self._sheet.write_number(row, position, value, style)

    def _widen(self, position: int, letters: int) -> None:
        self._widths[position] = max(self._widths.get(position, 0), letters)

    def _format(self, style: str, text: str = "", **options: Any) -> Any:
        """Return a format; a text that looks like a formula stays text when its cell is edited."""
        properties = {"font_size": 10, **STYLES[style], **options}
        if text.startswith(("=", "+", "-", "@")):
            properties["quote_prefix"] = True
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(properties)
        return self._formats[key]


def _address(row: int, position: int) -> str:
    from xlsxwriter.utility import xl_rowcol_to_cell

    address: str = xl_rowcol_to_cell(row, position)
    return address


def _difference_formula(
    columns: Sequence[FigureColumn],
    column: FigureColumn,
    figures: Sequence[Sequence[Any]],
    index: int,
    sheet_row: int,
) -> str:
    """Return the formula of a cell that is the difference of two others; empty if it is none."""
    positions = {other.column.key: n for n, other in enumerate(columns) if not other.part}
    operands = [positions[key] for key in column.column.difference if key in positions]
    if len(operands) < 2 or not all(isinstance(figures[n][index], float) for n in operands):
        return ""
    return "-".join(_address(sheet_row, n) for n in operands)


def _number_formats(
    table: Table, columns: Sequence[FigureColumn], figures: Sequence[Sequence[Any]]
) -> list[list[str]]:
    """Return the number format of each cell, as a list for each column.

    Figures of a column share their decimals, or those of a row if the kind of figure depends on the
    row.
    """
    by_row = [
        [values[index] for values, column in zip(figures, columns, strict=True)
         if callable(column.column.form)]
        for index in range(len(table.rows))
    ]  # fmt: skip
    return [
        [
            _number_format(cells.value_form(column.column, row), by_row[index])
            for index, row in enumerate(table.rows)
        ]
        if callable(column.column.form)
        else [_number_format(column.column.form, figures[position])] * len(table.rows)
        for position, column in enumerate(columns)
    ]


def _number_format(form: doc.ValueForm, values: Sequence[Any]) -> str:
    if form in FORMATS_BY_FORM:
        return FORMATS_BY_FORM[form]
    numbers = [value for value in values if isinstance(value, float)]
    decimals = 0 if all(map(is_whole, numbers)) else max(1, decimals_needed(numbers))
    decimals = max(4, decimals) if form == "objective" else decimals
    text = "#,##0." + "0" * decimals if decimals else "#,##0"
    return f"+{text};-{text};{text}" if form.startswith("signed") else text
