"""Tables that have their places in a workbook, and what formulas see of them.

All tables are placed before any is filled, so that a formula may refer to cells that come later; a
cell is worked out when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.language import tr
from optimizer.report import cells
from optimizer.report.document import Column, Shown, Table, nothing
from optimizer.report.workbook.book import address
from optimizer.report.workbook.expressions import Area, Expression, Scalar, of, total

NARROW = 12.0
"""Width of a column that has no other."""


@dataclass(frozen=True)
class SheetColumn:
    """A column of a sheet: one of a document's table, or one ``end`` of it, which is an attribute
    of its values."""

    column: Column
    header: str | int
    end: str = ""

    @property
    def key(self) -> str:
        """The word by which formulas find it; ends of a range have theirs behind a dot."""
        return f"{self.column.key}.{self.end}" if self.end else self.column.key

    def content(self, value: Any) -> Scalar | None:
        """What stands in a cell of it: a figure, a text, or nothing."""
        if isinstance(value, Shown):
            value = value.text if value.value is None else value.value
        elif self.end == "error":
            value = cells.error(value) or None
        elif self.end and not isinstance(value, str) and value is not None:
            value = getattr(value, self.end)
        return value or None if value is None or isinstance(value, str) else float(value)


_GAP = SheetColumn(Column("", nothing, "text", empty="", width=NARROW), "")
"""Stands before the keys of a table that has fewer columns than another one of its sheet."""


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
            if any(map(cells.error, values)):
                found.append(SheetColumn(column, tr("± (95 %)"), "error"))
        else:
            found.append(SheetColumn(column, header))
    before = printed(found)
    gaps = [_GAP] * (widest - before) if before < len(found) else []
    return [*found[:before], *gaps, *found[before:]]


def printed(columns: Sequence[SheetColumn]) -> int:
    """How many columns stand before the first that holds keys."""
    keys = (n for n, one in enumerate(columns) if one.column.origin == "key")
    return next(keys, len(columns))


@dataclass
class Placed:
    """A table at its place: ``prefix`` names the sheet, rows count from 0."""

    table: Table
    columns: Sequence[SheetColumn]
    prefix: str
    header_row: int
    book: Formulas
    _found: dict[tuple[int, int], Expression | Scalar | None] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many rows it has, that of totals apart."""
        return len(self.table.rows)

    @cached_property
    def _values(self) -> list[list[Any]]:
        return [cells.values_of(self.table, one.column) for one in self.columns]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {one.key: n for n, one in reversed(list(enumerate(self.columns)))}

    @cached_property
    def _lines(self) -> dict[str, int]:
        assert self.table.key is not None
        found = [self.table.key(row) for row in self.table.rows]
        return {key: n for n, key in reversed(list(enumerate(found)))}

    def line(self, row_key: str) -> int | None:
        """The row of a key, counted from 0; None where there is none."""
        return self._lines.get(row_key)

    def at(self, key: str) -> int:
        """Where a column stands; KeyError where there is none."""
        return self._places[key]

    def has(self, key: str) -> bool:
        """Whether there is such a column."""
        return key in self._places

    def content(self, row: int, position: int) -> Expression | Scalar | None:
        """What stands in a cell: a formula, a figure, a text, or nothing."""
        if (row, position) not in self._found:
            one = self.columns[position]
            formula = one.column.formula if not one.end else None
            made = formula(Line(self, row)) if formula is not None else None
            plain = one.content(self._values[position][row]) if made is None else None
            self._found[row, position] = plain if made is None else made
        return self._found[row, position]

    def value(self, row: int, position: int) -> Scalar:
        """What a cell comes to; an empty text where there is nothing."""
        content = self.content(row, position)
        if isinstance(content, Expression):
            return content.value
        return "" if content is None else content

    def cell(self, row: int, key: str) -> Expression:
        """A cell of a row, counted from 0, as formulas refer to it."""
        return self._cell(row, self.at(key), self.value(row, self.at(key)))

    def _cell(self, row: int, position: int, value: Scalar) -> Expression:
        return Expression(f"{self.prefix}{address(self.header_row + 1 + row, position)}", value)

    def find(self, row_key: str, key: str) -> Expression:
        """A cell by the key of its row and of its column; KeyError where there is no such row."""
        return self.cell(self._lines[row_key], key)

    def area(self, first: str, last: str | None = None) -> Area:
        """All rows of a column, or of all columns from one to another."""
        return self.part(0, max(self.count, 1), first, last)

    def part(self, start: int, stop: int, first: str, last: str | None = None) -> Area:
        """Some rows of a column, or of all columns from one to another."""
        return self._area(start, stop, self.at(first), self.at(last or first))

    def span(self, row: int, first: str, last: str) -> Area:
        """Cells of a row from one column to another."""
        return self.part(row, row + 1, first, last)

    def _area(self, start: int, stop: int, first: int, last: int) -> Area:
        top = self.header_row + 1
        text = f"{self.prefix}{address(top + start, first)}:{address(top + stop - 1, last)}"
        rows, places = range(start, stop), range(first, last + 1)
        known = self.count  # One row of a table without any says so, and holds nothing.
        return Area(
            text, tuple(self.value(r, p) if r < known else "" for r in rows for p in places)
        )

    def head(self, first: str, last: str) -> Area:
        """The headers from one column to another."""
        start, stop, row = self.at(first), self.at(last), self.header_row
        text = f"{self.prefix}{address(row, start)}:{address(row, stop)}"
        return Area(text, tuple(one.header for one in self.columns[start : stop + 1]))

    def header(self, key: str) -> Expression:
        """The header of a column, such as a year."""
        return self._cell(-1, self.at(key), self.columns[self.at(key)].header)

    def total(self, key: str) -> Expression:
        """The sum of a column: the cell of the row of totals, or 0 where there are no rows."""
        if not self.count:
            return of(0)
        summed = self.in_total(self.at(key))
        return (
            self._cell(self.count, self.at(key), summed.value) if summed else total(self.area(key))
        )

    def in_total(self, position: int) -> Expression | None:
        """What the row of totals calculates in a column, if it calculates anything there."""
        one = self.columns[position]
        if not self.table.total or not one.column.total or one.end:
            return None
        if callable(one.column.total):
            return one.column.total(self)
        return total(self._area(0, max(self.count, 1), position, position))


@dataclass(frozen=True)
class Line:
    """A row of a table, counted from 0, as the formulas of its cells see it."""

    table: Placed
    place: int

    @property
    def row(self) -> Any:
        """The row of the document's table."""
        return self.table.table.rows[self.place]

    @property
    def book(self) -> Formulas:
        """All tables of the workbook."""
        return self.table.book

    def __getitem__(self, key: str) -> Expression:
        return self.table.cell(self.place, key)

    def span(self, first: str, last: str) -> Area:
        """Cells of this row from one column to another."""
        return self.table.span(self.place, first, last)

    def before(self, key: str) -> Expression | None:
        """The cell above, None in the first row."""
        return self.table.cell(self.place - 1, key) if self.place else None


@dataclass
class Formulas:
    """The tables and choices of a workbook by their names."""

    tables: dict[str, Placed] = field(default_factory=dict)
    choices: dict[str, Expression] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Placed:
        return self.tables[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tables
