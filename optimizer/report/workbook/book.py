"""A workbook as sheets of tables, each cell with where its figure comes from.

Whoever fills a sheet gets expressions back for what was written, and writes formulas over these;
the text of a formula and the result stored beside it are made from the same cells.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from models.results.reservations import NONE, Doubts
from optimizer.report.figures import clean, unbroken
from optimizer.report.workbook.expressions import Area, Expression, Scalar, control
from optimizer.report.workbook.styles import Form, Origin, Styles

LONGEST_TEXT = 32_767
"""Characters that a cell holds."""
_ROW = 13.5
"""Height of a row of one line, in points."""
_BLOCKS = 40
"""Blocks that one formula reads: it may have 8,192 characters."""
_WIDTH = 9.0
"""Of a column that has no other."""
INSET = "  "
"""What a text begins with that belongs to the row above."""


class Book:
    """A workbook in the making; ``doubts`` are to be said of the results that it shows."""

    def __init__(
        self, title: str, money_places: int = 1, outcome_places: int = 1, doubts: Doubts = NONE
    ) -> None:
        from xlsxwriter import Workbook

        self._file = BytesIO()
        # Texts stay texts: a name that begins like a formula or an address is nothing else.
        literal = {f"strings_to_{what}": False for what in ("formulas", "urls", "numbers")}
        self.workbook = Workbook(self._file, {"in_memory": True, **literal})
        self.styles = Styles(self.workbook, money_places, outcome_places)
        self.title = clean(title)
        self.sheets: list[Sheet] = []
        self.doubts = doubts
        self.workbook.set_properties({"title": self.title, "comments": "Vorrat"})

    def name(self, name: str, cell: Expression) -> None:
        """Give a cell a name that formulas and other files can use."""
        self.workbook.define_name(name, f"={cell.text}")

    def finished(self) -> bytes:
        """The file. What people read is printed: keys, at the right end, stay on the screen."""
        for sheet in self.sheets:
            bottom = max(sheet.row, sheet.lowest)
            sheet.worksheet.print_area(0, 0, bottom, sheet.printed_columns - 1)
        self.workbook.close()
        return self._file.getvalue()


class Sheet:
    """A sheet in the making behind those that a book has, filled from the top."""

    def __init__(self, book: Book, tab: str, title: str) -> None:
        self.book, self.tab, self.title = book, tab, title
        book.sheets.append(self)
        self.worksheet: Any = book.workbook.add_worksheet(tab)
        self.prefix = "'" + tab.replace("'", "''") + "'!"
        """What stands before a cell of this sheet in a formula of another."""
        self._own = re.compile(re.escape(self.prefix) + r"(\$[A-Z]+\$\d+(?::\$[A-Z]+\$\d+)?)")
        self.row, self.lowest = 2, 0
        """The next row to fill, and the last one that a chart takes."""
        self.printed_columns = 1
        self.widths: dict[int, float] = {}
        self.given: dict[tuple[int, int], float] = {}
        """Figures of the optimizer and the scenario, which no formula stands behind."""
        self._lines: dict[int, int] = {}
        page = self.worksheet
        page.hide_gridlines(2)
        page.set_landscape()
        page.set_paper(9)  # A4
        page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        page.fit_to_pages(1, 0)
        name = book.title.replace("&", "&&")
        name = name if len(name) <= 90 else name[:89] + "…"
        page.set_footer(f"&L&8{name}&C&8&A&R&8&P / &N")
        page.set_default_row(_ROW)
        page.write_string(0, 0, title, book.styles.shape("title"))
        page.set_row(0, 24)

    def put(
        self, row: int, column: int, value: Scalar | Expression | None, origin: Origin, form: Form,
        **flags: bool,
    ) -> Expression:  # fmt: skip
        """Write one cell; nothing, and what is no number at all, stays empty."""
        cell, page = self.book.styles.cell, self.worksheet
        shown: Scalar = ""
        if isinstance(value, Expression):
            # A formula names no sheet where it means its own, and is relative there.
            formula = self._own.sub(lambda found: found[1].replace("$", ""), value.text)
            style, shown = cell("formula", form, **flags), value.value
            page.write_formula(row, column, f"={formula}", style, shown)
        elif value is None:
            if flags.get("last") or flags.get("ruled") or origin not in ("words", "key"):
                flags["wrap"] = False
                page.write_blank(row, column, None, cell("words", form, **flags))
        elif isinstance(value, str):
            shown = clean(value)[:LONGEST_TEXT]
            flags["inset"] = value.startswith(INSET)
            flags["quoted"] = shown.startswith(("=", "+", "-", "@"))
            lines = lines_of(shown, self.widths.get(column, _WIDTH) - 1)
            if flags.get("wrap") and lines > self._lines.get(row, 1):
                self._lines[row] = lines
                page.set_row(row, _ROW * lines)
            page.write_string(row, column, shown, cell(origin, form, **flags))
        else:
            shown, flags["wrap"] = float(value), False
            if not math.isfinite(shown):
                raise ValueError(f"{shown} cannot stand in a cell")
            page.write_number(row, column, shown, cell(origin, form, **flags))
            if origin in ("optimizer", "scenario"):
                self.given[row, column] = shown
        return Expression(f"{self.prefix}{address(row, column)}", shown)

    def note(self, text: str, across: int, shape: str = "note") -> None:
        """A paragraph across some columns, and an empty row behind it."""
        text, style = unbroken(text), self.book.styles.shape(shape)
        self.printed_columns = max(self.printed_columns, across)
        width = sum(self.widths.get(column, _WIDTH) for column in range(across))
        size = 1.25 if shape == "lead" else 1.0
        lines = max(1, math.ceil(1.08 * size * len(text) / max(width, 10)))
        if across > 1:
            self.worksheet.merge_range(self.row, 0, self.row, across - 1, "", style)
        self.worksheet.write_string(self.row, 0, text, style)
        self.worksheet.set_row(self.row, 14.0 * size * lines)
        self.row += 1

    def heading(self, text: str) -> None:
        """The title of a part of the sheet."""
        self.row += 1
        self.worksheet.write_string(self.row, 0, text, self.book.styles.shape("heading"))
        self.worksheet.set_row(self.row, 20)
        self.row += 1

    def widen(self, position: int, width: float) -> None:
        """Make a column so wide; the widest of several tables holds."""
        if width > self.widths.get(position, 0):
            self.widths[position] = width
            self.worksheet.set_column(position, position, width)

    def header(self, row: int, headers: Sequence[str | int], right: Sequence[bool]) -> None:
        """Write the headers of a table: texts, or years as numbers; ``right`` says which figures
        stand below."""
        shape, lines = self.book.styles.shape, 1
        for position, (header, figures) in enumerate(zip(headers, right, strict=True)):
            is_year = isinstance(header, int)
            aligned = {"align": "right", "indent": 0} if figures or is_year else {}
            style = shape("header", **aligned, **({"num_format": "0"} if is_year else {}))
            if isinstance(header, int):
                self.worksheet.write_number(row, position, header, style)
            else:
                self.worksheet.write_string(row, position, clean(header), style)
                lines = max(lines, lines_of(header, self.widths.get(position, _WIDTH), 1.15))
        self.worksheet.set_row(row, _ROW * lines + 2)

    def controls(self) -> Iterator[Expression]:
        """Control figures over all cells of the sheet that no formula stands behind."""
        parts = []
        for (top, left), (bottom, right) in blocks(set(self.given)):
            cells = [(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)]
            text = f"{self.prefix}{address(top, left)}:{address(bottom, right)}"
            parts.append(Area(text, tuple(self.given[cell] for cell in cells)))
        for start in range(0, len(parts), _BLOCKS):
            yield control(parts[start : start + _BLOCKS])


def address(row: int, column: int) -> str:
    """A cell as formulas write it, absolute; rows and columns count from 0."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    address: str = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    return address


def lines_of(text: str, width: float, letter: float = 1.0) -> int:
    """Lines that a text takes, broken between words; ``letter`` is the width of one."""
    lines, used = 1, 0.0
    for word in text.split():
        length = letter * len(word)
        if used and used + 1 + length > width:
            lines, used = lines + 1, 0.0
        used += length + 1
    return lines


def blocks(cells: set[tuple[int, int]]) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
    """Rectangles that cover each of these cells once, and no other."""
    left = set(cells)
    for row, column in sorted(cells, key=lambda cell: (cell[1], cell[0])):
        if (row, column) not in left:
            continue
        bottom, right = row, column
        while (bottom + 1, column) in left:
            bottom += 1
        while all((r, right + 1) in left for r in range(row, bottom + 1)):
            right += 1
        left -= {(r, c) for r in range(row, bottom + 1) for c in range(column, right + 1)}
        yield (row, column), (bottom, right)
