"""A workbook as sheets of tables, each cell with where its figure comes from.

Whoever fills a sheet gets expressions back for what was written, and writes formulas over these;
the text of a formula and the result stored beside it are made from the same cells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from models.results.reservations import NONE, Doubts
from optimizer.report.figures import NO_BREAK, clean
from optimizer.report.workbook.expressions import Area, Expression, Scalar, control
from optimizer.report.workbook.styles import Form, Origin, Styles

LONGEST_TEXT = 32_767
"""Characters that a cell holds."""
_PAPER_A4 = 9
_ROW = 13.5
"""Height of a row of one line, in points."""
_BLOCKS = 40
"""Blocks that one formula reads: it may have 8,192 characters."""
_LIKE_A_FORMULA = ("=", "+", "-", "@")
INSET = "  "
"""What a text begins with that belongs to the row above."""


class Book:
    """A workbook in the making."""

    def __init__(
        self,
        title: str,
        money_places: int = 1,
        outcome_places: int = 1,
        doubts: Doubts = NONE,
    ) -> None:
        from xlsxwriter import Workbook

        self._file = BytesIO()
        # Texts stay texts: a name that begins like a formula or an address is nothing else.
        literal = dict.fromkeys(("formulas", "urls", "numbers"), False)
        options = {"in_memory": True, **{f"strings_to_{what}": no for what, no in literal.items()}}
        self.workbook = Workbook(self._file, options)
        self.styles = Styles(self.workbook, money_places, outcome_places)
        self.title = clean(title)
        self.sheets: list[Sheet] = []
        self.names: dict[str, Expression] = {}
        self.doubts = doubts
        """What is to be said of the results that it shows."""
        self.workbook.set_properties({"title": self.title, "comments": "Vorrat"})

    def sheet(self, tab: str, title: str) -> Sheet:
        """A new sheet behind the others."""
        sheet = Sheet(self, tab, title)
        self.sheets.append(sheet)
        return sheet

    def name(self, name: str, cell: Expression) -> Expression:
        """Give a cell a name that formulas and other files can use."""
        self.workbook.define_name(name, f"={cell.text}")
        self.names[name] = cell
        return Expression(name, cell.value)

    def finished(self) -> bytes:
        """The file."""
        for sheet in self.sheets:
            sheet.finish()
        self.workbook.close()
        return self._file.getvalue()


class Sheet:
    """A sheet in the making, filled from the top."""

    def __init__(self, book: Book, tab: str, title: str) -> None:
        self.book, self.tab, self.title = book, tab, title
        self.worksheet: Any = book.workbook.add_worksheet(tab)
        self.row = 0
        self.lowest = 0
        """Last row that a chart takes."""
        self.printed_columns = 1
        self.widths: dict[int, float] = {}
        self.given: dict[tuple[int, int], float] = {}
        """Figures of the optimizer and the scenario, which no formula stands behind."""
        self._lines: dict[int, int] = {}
        self._values: dict[tuple[int, int], Scalar] = {}
        self._own = re.compile(
            re.escape(f"{self.prefix}") + r"\$([A-Z]+)\$(\d+)(?::\$([A-Z]+)\$(\d+))?"
        )
        self._set_up()
        self.worksheet.write_string(0, 0, title, book.styles.shape("title"))
        self.worksheet.set_row(0, 24)
        self.row = 2

    @property
    def prefix(self) -> str:
        """What stands before a cell of this sheet in a formula of another."""
        return "'" + self.tab.replace("'", "''") + "'!"

    def _set_up(self) -> None:
        page = self.worksheet
        page.hide_gridlines(2)
        page.set_landscape()
        page.set_paper(_PAPER_A4)
        page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        page.fit_to_pages(1, 0)
        title = self.book.title.replace("&", "&&")
        title = title if len(title) <= 90 else title[:89] + "…"
        page.set_footer(f"&L&8{title}&C&8&A&R&8&P / &N")
        page.set_default_row(_ROW)

    def put(
        self,
        row: int,
        column: int,
        value: Scalar | Expression | None,
        origin: Origin,
        form: Form,
        *,
        last: bool = False,
        wrap: bool = False,
        ruled: bool = False,
    ) -> Expression:
        """Write one cell; nothing, and what is no number at all, stays empty."""
        styles = self.book.styles
        here = Expression(f"{self.prefix}{address(row, column)}", "")
        if isinstance(value, Expression):
            style = styles.cell("formula", form, last=last, wrap=wrap, ruled=ruled)
            formula = "=" + self._local(value.text)
            self.worksheet.write_formula(row, column, formula, style, value.value)
            return self._keep(row, column, here, value.value)
        if value is None:
            if last or ruled or origin not in ("words", "key"):
                style = styles.cell("words", form, last=last, ruled=ruled)
                self.worksheet.write_blank(row, column, None, style)
            return here
        if isinstance(value, str):
            text = clean(value)[:LONGEST_TEXT]
            quoted = text.startswith(_LIKE_A_FORMULA)
            style = styles.cell(
                origin, form, last=last, wrap=wrap, quoted=quoted, ruled=ruled,
                inset=value.startswith(INSET),
            )  # fmt: skip
            if wrap:
                self._make_room(row, lines_of(text, self.widths.get(column, 9.0) - 1))
            self.worksheet.write_string(row, column, text, style)
            return self._keep(row, column, here, text)
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"{number} cannot stand in a cell")
        style = styles.cell(origin, form, last=last, ruled=ruled)
        self.worksheet.write_number(row, column, number, style)
        if origin in ("optimizer", "scenario"):
            self.given[row, column] = number
        return self._keep(row, column, here, number)

    def _make_room(self, row: int, lines: int) -> None:
        """Make a row high enough for a text that is broken."""
        if lines > self._lines.get(row, 1):
            self._lines[row] = lines
            self.worksheet.set_row(row, _ROW * lines)

    def _keep(self, row: int, column: int, here: Expression, value: Scalar) -> Expression:
        self._values[row, column] = value
        return Expression(here.text, value)

    def _local(self, formula: str) -> str:
        """A formula as its own sheet writes it: without the sheet's name, and relative."""

        def shortened(found: re.Match[str]) -> str:
            first, last = found[1] + found[2], (found[3] or "") + (found[4] or "")
            return f"{first}:{last}" if last else first

        return self._own.sub(shortened, formula)

    def area(self, first: tuple[int, int], last: tuple[int, int]) -> Area:
        """The block of cells between two corners."""
        rows, columns = range(first[0], last[0] + 1), range(first[1], last[1] + 1)
        values = tuple(self._values.get((r, c), "") for r in rows for c in columns)
        return Area(f"{self.prefix}{address(*first)}:{address(*last)}", values)

    def note(self, text: str, across: int, shape: str = "note") -> None:
        """A paragraph across some columns, and an empty row behind it."""
        styles = self.book.styles
        # No-break spaces hold numbers together: a line must not end inside of one.
        text = NO_BREAK.join(map(clean, text.split(NO_BREAK)))
        self.printed_columns = max(self.printed_columns, across)
        width = sum(self.widths.get(column, 9.0) for column in range(across))
        size = 1.25 if shape == "lead" else 1.0
        lines = max(1, math.ceil(1.08 * size * len(text) / max(width, 10)))
        style = styles.shape(shape)
        if across > 1:
            self.worksheet.merge_range(self.row, 0, self.row, across - 1, "", style)
        self.worksheet.write_string(self.row, 0, text, style)
        self.worksheet.set_row(self.row, 14.0 * size * lines)
        self.row += 1

    def warn(self, across: int) -> None:
        """What is to be said of the results of the book: in red what speaks against them."""
        for sentence in self.book.doubts.against:
            self.note(sentence, across, "warning")
        for sentence in self.book.doubts.unconfirmed:
            self.note(sentence, across, "unconfirmed")

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

    def header(
        self, row: int, headers: Sequence[str | int], right: Sequence[bool] | None = None
    ) -> None:
        """Write the headers of a table: texts, or years as numbers; ``right`` says which figures
        stand below."""
        styles, lines = self.book.styles, 1
        for position, header in enumerate(headers):
            if isinstance(header, int):
                style = styles.shape("header", right=True, form="year")
                self.worksheet.write_number(row, position, header, style)
                continue
            style = styles.shape("header", right=right is not None and right[position])
            self.worksheet.write_string(row, position, clean(header), style)
            lines = max(lines, lines_of(header, self.widths.get(position, 9.0), 1.15))
        self.worksheet.set_row(row, _ROW * lines + 2)

    def finish(self) -> None:
        """Print what people read: columns of keys, at the right end, stay on the screen."""
        self.worksheet.print_area(0, 0, max(self.row, self.lowest), self.printed_columns - 1)

    def controls(self) -> Iterator[Expression]:
        """Control figures over all cells of the sheet that no formula stands behind."""
        parts = [self.area(*block) for block in blocks(set(self.given))]
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
        bottom = row
        while (bottom + 1, column) in left:
            bottom += 1
        right = column
        while all((r, right + 1) in left for r in range(row, bottom + 1)):
            right += 1
        left -= {(r, c) for r in range(row, bottom + 1) for c in range(column, right + 1)}
        yield (row, column), (bottom, right)
