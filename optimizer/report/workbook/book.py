"""A workbook as sheets of cells, each of which is marked with the origin of its figure.

Writing a cell returns an expression that formulas can use. The text of a formula and its stored
value are computed from the same cells.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from optimizer.report.expressions import CellArea, Expression, Scalar, control_figure
from optimizer.report.number_format import sanitize, sanitize_keep_nbsp
from optimizer.report.workbook.styles import CellForm, Origin, Styles

MAX_CELL_LETTERS = 32_767
"""Maximal number of characters in a cell."""
_ROW_HEIGHT = 13.5
"""Height of a row with one line, in points."""
_MAX_BLOCKS = 40
"""Maximal number of blocks of cells in one formula, which may have 8,192 characters."""
_DEFAULT_WIDTH = 9.0
"""Width of a column that has no other."""
INDENT = "  "
"""Prefix of a text that belongs to the row above."""


class Book:
    """A workbook that is being written."""

    def __init__(self, title: str, money_decimals: int = 1, outcome_decimals: int = 1) -> None:
        from xlsxwriter import Workbook

        self._file = BytesIO()
        # Texts stay texts, even if they look like formulas, addresses or numbers.
        text_options = {f"strings_to_{kind}": False for kind in ("formulas", "urls", "numbers")}
        self.workbook = Workbook(self._file, {"in_memory": True, **text_options})
        self.styles = Styles(self.workbook, money_decimals, outcome_decimals)
        self.title = sanitize(title)
        self.sheets: list[Sheet] = []
        self.workbook.set_properties({"title": self.title, "comments": "Vorrat"})

    def define_name(self, name: str, cell: Expression) -> None:
        """Give a cell a name that formulas and other files can use."""
        self.workbook.define_name(name, f"={cell.text}")

    def to_bytes(self) -> bytes:
        """Close the workbook and return the content of the file.

        The columns of keys, which are rightmost, are outside the print area.
        """
        for sheet in self.sheets:
            bottom = max(sheet.next_row, sheet.last_chart_row)
            sheet.worksheet.print_area(0, 0, bottom, sheet.printed_columns - 1)
        self.workbook.close()
        return self._file.getvalue()


class Sheet:
    """A sheet that is filled from top to bottom; the constructor appends it to the sheets of
    ``book``."""

    def __init__(self, book: Book, tab: str, title: str) -> None:
        self.book, self.tab, self.title = book, tab, title
        book.sheets.append(self)
        self.worksheet: Any = book.workbook.add_worksheet(tab)
        self.prefix = "'" + tab.replace("'", "''") + "'!"
        """Prefix of a cell of this sheet in formulas of other sheets."""
        self._local_reference = re.compile(
            re.escape(self.prefix) + r"(\$[A-Z]+\$\d+(?::\$[A-Z]+\$\d+)?)"
        )
        self.next_row, self.last_chart_row = 2, 0
        """Next row to fill, and last row that a chart takes."""
        self.printed_columns = 1
        self.widths: dict[int, float] = {}
        self.input_cells: dict[tuple[int, int], float] = {}
        """Figures of the optimizer and the scenario, which are not formulas."""
        self._lines_by_row: dict[int, int] = {}
        page = self.worksheet
        page.hide_gridlines(2)
        page.set_landscape()
        page.set_paper(9)  # A4
        page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        page.fit_to_pages(1, 0)
        name = book.title.replace("&", "&&")
        name = name if len(name) <= 90 else name[:89] + "…"
        page.set_footer(f"&L&8{name}&C&8&A&R&8&P / &N")
        page.set_default_row(_ROW_HEIGHT)
        page.write_string(0, 0, title, book.styles.text_format("title"))
        page.set_row(0, 24)

    def write_cell(
        self, row: int, column: int, value: Scalar | Expression | None, origin: Origin,
        form: CellForm, **flags: bool,
    ) -> Expression:  # fmt: skip
        """Write a value or formula into a cell and return an expression that refers to the cell.

        None leaves the cell empty. ``flags`` are those of :meth:`Styles.cell_format`. Raises
        ValueError for a number that is not finite.
        """
        cell_format, page = self.book.styles.cell_format, self.worksheet
        shown_value: Scalar = ""
        if isinstance(value, Expression):
            # References to the formula's own sheet are relative, and without its name.
            formula = self._local_reference.sub(lambda match: match[1].replace("$", ""), value.text)
            style, shown_value = cell_format("formula", form, **flags), value.value
            page.write_formula(row, column, f"={formula}", style, shown_value)
        elif value is None:
            if flags.get("last") or flags.get("ruled") or origin not in ("words", "key"):
                flags["wrap"] = False
                page.write_blank(row, column, None, cell_format("words", form, **flags))
        elif isinstance(value, str):
            shown_value = sanitize(value)[:MAX_CELL_LETTERS]
            flags["inset"] = value.startswith(INDENT)
            flags["quoted"] = shown_value.startswith(("=", "+", "-", "@"))
            line_count = count_lines(shown_value, self.widths.get(column, _DEFAULT_WIDTH) - 1)
            if flags.get("wrap") and line_count > self._lines_by_row.get(row, 1):
                self._lines_by_row[row] = line_count
                page.set_row(row, _ROW_HEIGHT * line_count)
            page.write_string(row, column, shown_value, cell_format(origin, form, **flags))
        else:
            shown_value, flags["wrap"] = float(value), False
            if not math.isfinite(shown_value):
                raise ValueError(f"{shown_value} cannot stand in a cell")
            page.write_number(row, column, shown_value, cell_format(origin, form, **flags))
            if origin in ("optimizer", "scenario"):
                self.input_cells[row, column] = shown_value
        return Expression(f"{self.prefix}{cell_address(row, column)}", shown_value)

    def write_paragraph(self, text: str, columns: int, style_name: str = "note") -> None:
        """Write a paragraph across ``columns`` columns."""
        text, style = sanitize_keep_nbsp(text), self.book.styles.text_format(style_name)
        self.printed_columns = max(self.printed_columns, columns)
        width = sum(self.widths.get(column, _DEFAULT_WIDTH) for column in range(columns))
        size = 1.25 if style_name == "lead" else 1.0
        line_count = max(1, math.ceil(1.08 * size * len(text) / max(width, 10)))
        if columns > 1:
            self.worksheet.merge_range(self.next_row, 0, self.next_row, columns - 1, "", style)
        self.worksheet.write_string(self.next_row, 0, text, style)
        self.worksheet.set_row(self.next_row, 14.0 * size * line_count)
        self.next_row += 1

    def write_heading(self, text: str) -> None:
        """Write a heading within the sheet."""
        self.next_row += 1
        self.worksheet.write_string(self.next_row, 0, text, self.book.styles.text_format("heading"))
        self.worksheet.set_row(self.next_row, 20)
        self.next_row += 1

    def widen_column(self, position: int, width: float) -> None:
        """Widen a column to at least ``width``; of several tables, the largest width applies."""
        if width > self.widths.get(position, 0):
            self.widths[position] = width
            self.worksheet.set_column(position, position, width)

    def write_header(
        self, row: int, headers: Sequence[str | int], right_aligned: Sequence[bool]
    ) -> None:
        """Write the headers of a table: texts, or years as numbers; ``right_aligned`` marks
        columns of figures."""
        text_format, line_count = self.book.styles.text_format, 1
        for position, (header, is_right_aligned) in enumerate(
            zip(headers, right_aligned, strict=True)
        ):
            is_year = isinstance(header, int)
            alignment = {"align": "right", "indent": 0} if is_right_aligned or is_year else {}
            style = text_format("header", **alignment, **({"num_format": "0"} if is_year else {}))
            if isinstance(header, int):
                self.worksheet.write_number(row, position, header, style)
            else:
                self.worksheet.write_string(row, position, sanitize(header), style)
                line_count = max(
                    line_count, count_lines(header, self.widths.get(position, _DEFAULT_WIDTH), 1.15)
                )
        self.worksheet.set_row(row, _ROW_HEIGHT * line_count + 2)

    def control_figures(self) -> Iterator[Expression]:
        """Yield control figures, which together cover all figures of the sheet that are not
        formulas."""
        areas = []
        for (top, left), (bottom, right) in cover_with_blocks(set(self.input_cells)):
            cells = [(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)]
            text = f"{self.prefix}{cell_address(top, left)}:{cell_address(bottom, right)}"
            areas.append(CellArea(text, tuple(self.input_cells[cell] for cell in cells)))
        for start in range(0, len(areas), _MAX_BLOCKS):
            yield control_figure(areas[start : start + _MAX_BLOCKS])


def cell_address(row: int, column: int) -> str:
    """Return the absolute address of a cell, such as ``$A$1``; row and column count from 0."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    address: str = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    return address


def count_lines(text: str, width: float, letter_width: float = 1.0) -> int:
    """Return the number of lines that a text takes when it is wrapped between words.

    ``letter_width`` is the width of a character, in the unit of ``width``.
    """
    line_count, used_width = 1, 0.0
    for word in text.split():
        length = letter_width * len(word)
        if used_width and used_width + 1 + length > width:
            line_count, used_width = line_count + 1, 0.0
        used_width += length + 1
    return line_count


def cover_with_blocks(
    cells: set[tuple[int, int]],
) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield disjoint rectangles, as (top, left) and (bottom, right), that together cover exactly
    these cells."""
    uncovered = set(cells)
    for row, column in sorted(cells, key=lambda cell: (cell[1], cell[0])):
        if (row, column) not in uncovered:
            continue
        bottom, right = row, column
        while (bottom + 1, column) in uncovered:
            bottom += 1
        while all((r, right + 1) in uncovered for r in range(row, bottom + 1)):
            right += 1
        uncovered -= {(r, c) for r in range(row, bottom + 1) for c in range(column, right + 1)}
        yield (row, column), (bottom, right)
