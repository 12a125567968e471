"""Tables that have their places in a workbook, and what formulas see of them.

All tables are placed before any is filled, so that a formula may refer to cells that come later; a
cell is worked out when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from optimizer.report import cells
from optimizer.report.document import Column, Shown, Table
from optimizer.report.workbook.book import address
from optimizer.report.workbook.expressions import Area, Expression, Scalar, of, total


@dataclass(frozen=True)
class SheetColumn:
    """A column of a sheet: one of a document's table, or one end of it."""

    column: Column
    header: str | int
    end: str = ""
    """The attribute of a value that stands in it; the value itself if empty."""

    @property
    def key(self) -> str:
        """The word by which formulas find it; ends of a range have theirs behind a dot."""
        return f"{self.column.key}.{self.end}" if self.end else self.column.key

    def content(self, value: Any) -> Scalar | None:
        """What stands in a cell of it: a figure, a text, or nothing."""
        if isinstance(value, Shown):
            value = value.text if value.value is None else value.value
        elif self.end and not isinstance(value, str) and value is not None:
            value = (
                (cells.error(value) or None) if self.end == "error" else getattr(value, self.end)
            )
        if value is None or isinstance(value, str):
            return value or None
        return float(value)


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

    @property
    def total_row(self) -> int:
        """Where the row of totals stands, if there is one."""
        return self.header_row + self.count + 1

    @cached_property
    def _values(self) -> list[list[Any]]:
        return [cells.values_of(self.table, one.column) for one in self.columns]

    def at(self, key: str) -> int:
        """Where a column stands.

        Raises KeyError where there is none.
        """
        for position, one in enumerate(self.columns):
            if one.key == key:
                return position
        raise KeyError(f"table {self.table.name!r} has no column {key!r}")

    @property
    def printed(self) -> int:
        """How many columns are printed: those before the first that holds keys."""
        return printed(self.columns)

    def has(self, key: str) -> bool:
        """Whether there is such a column."""
        return any(one.key == key for one in self.columns)

    def content(self, row: int, position: int) -> Expression | Scalar | None:
        """What stands in a cell: a formula, a figure, a text, or nothing."""
        if (row, position) not in self._found:
            self._found[row, position] = self._content(row, position)
        return self._found[row, position]

    def _content(self, row: int, position: int) -> Expression | Scalar | None:
        one = self.columns[position]
        if one.column.formula is not None and not one.end:
            formula = one.column.formula(Line(self, row))
            if formula is not None:
                return formula
        return one.content(self._values[position][row])

    def value(self, row: int, position: int) -> Scalar:
        """What a cell comes to; an empty text where there is nothing."""
        content = self.content(row, position)
        if isinstance(content, Expression):
            return content.value
        return "" if content is None else content

    def by_row(self, row: int) -> list[Scalar]:
        """What the cells come to of a row whose columns hold figures of the same kind."""
        columns = enumerate(self.columns)
        return [self.value(row, n) for n, one in columns if callable(one.column.form)]

    def cell(self, row: int, key: str) -> Expression:
        """A cell of a row, counted from 0, as formulas refer to it."""
        position = self.at(key)
        text = f"{self.prefix}{address(self.header_row + 1 + row, position)}"
        return Expression(text, self.value(row, position))

    def line(self, row_key: str) -> int | None:
        """The row of a key, counted from 0; None where there is none."""
        assert self.table.key is not None
        for n, row in enumerate(self.table.rows):
            if self.table.key(row) == row_key:
                return n
        return None

    def find(self, row_key: str, key: str) -> Expression:
        """A cell by the key of its row and of its column.

        Raises KeyError where there is no such row.
        """
        row = self.line(row_key)
        if row is None:
            raise KeyError(f"table {self.table.name!r} has no row {row_key!r}")
        return self.cell(row, key)

    def area(self, first: str, last: str | None = None) -> Area:
        """All rows of a column, or of all columns from one to another."""
        return self._area(0, max(self.count, 1), self.at(first), self.at(last or first))

    def column(self, position: int) -> Area:
        """All rows of the column that stands at a position, counted from 0."""
        return self._area(0, max(self.count, 1), position, position)

    def part(self, start: int, stop: int, first: str, last: str | None = None) -> Area:
        """Some rows of a column, or of all columns from one to another."""
        return self._area(start, stop, self.at(first), self.at(last or first))

    def span(self, row: int, first: str, last: str) -> Area:
        """Cells of a row from one column to another."""
        return self._area(row, row + 1, self.at(first), self.at(last))

    def _area(self, start: int, stop: int, first: int, last: int) -> Area:
        top = self.header_row + 1
        text = f"{self.prefix}{address(top + start, first)}:{address(top + stop - 1, last)}"
        values = tuple(
            self.value(row, position) if row < self.count else ""
            for row in range(start, stop)
            for position in range(first, last + 1)
        )
        return Area(text, values)

    def head(self, first: str, last: str) -> Area:
        """The headers from one column to another."""
        start, stop = self.at(first), self.at(last)
        row = self.header_row
        text = f"{self.prefix}{address(row, start)}:{address(row, stop)}"
        return Area(text, tuple(one.header for one in self.columns[start : stop + 1]))

    def header(self, key: str) -> Expression:
        """The header of a column, such as a year."""
        position = self.at(key)
        header = self.columns[position].header
        return Expression(f"{self.prefix}{address(self.header_row, position)}", header)

    def total(self, key: str) -> Expression:
        """The sum of a column: the cell of the row of totals, or 0 where there are no rows."""
        position = self.at(key)
        if not self.count:
            return of(0)
        summed = self.in_total(position)
        if summed is None:
            return total(self.area(key))
        return Expression(f"{self.prefix}{address(self.total_row, position)}", summed.value)

    def in_total(self, position: int) -> Expression | None:
        """What the row of totals calculates in a column, if it calculates anything there."""
        one = self.columns[position]
        if not self.table.total or not one.column.total or one.end:
            return None
        return total(self.column(position)) if one.column.total is True else one.column.total(self)


@dataclass(frozen=True)
class Line:
    """A row of a table, as the formulas of its cells see it."""

    table: Placed
    place: int
    """Which row it is, counted from 0."""

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
