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
from optimizer.report.document import Column, DisplayedValue, Table, no_value
from optimizer.report.workbook.book import cell_address
from optimizer.report.workbook.expressions import (
    CellArea,
    Expression,
    Scalar,
    as_expression,
    sum_of,
)

NARROW_WIDTH = 12.0
"""Width of a column that has no other."""


@dataclass(frozen=True)
class SheetColumn:
    """A column of a sheet: one of a document's table, or one ``end`` of it, which is an attribute
    of its values."""

    column: Column
    header: str | int
    range_end: str = ""

    @property
    def key(self) -> str:
        """The word by which formulas find it; ends of a range have theirs behind a dot."""
        return f"{self.column.key}.{self.range_end}" if self.range_end else self.column.key

    def cell_content(self, value: Any) -> Scalar | None:
        """What stands in a cell of it: a figure, a text, or nothing."""
        if isinstance(value, DisplayedValue):
            value = value.text if value.value is None else value.value
        elif self.range_end == "error":
            value = cells.half_width_95(value) or None
        elif self.range_end and not isinstance(value, str) and value is not None:
            value = getattr(value, self.range_end)
        return value or None if value is None or isinstance(value, str) else float(value)


_GAP_COLUMN = SheetColumn(Column("", no_value, "text", empty_text="", width=NARROW_WIDTH), "")
"""Stands before the keys of a table that has fewer columns than another one of its sheet."""


def sheet_columns(table: Table, widest: int = 0) -> list[SheetColumn]:
    """The columns of a sheet: a range has two, and so has an estimate; keys stand apart, behind the
    ``widest`` table of the sheet."""
    found: list[SheetColumn] = []
    for column in table.columns:
        header = column.header
        if column.group:
            header = f"{column.group}: {header}" if header else column.group
        values = cells.column_values(table, column)
        if any(hasattr(value, "low") for value in values):
            for end, text in (("low", tr("at least")), ("high", tr("at most"))):
                found.append(SheetColumn(column, f"{header}, {text}", end))
        elif any(hasattr(value, "standard_error") for value in values):
            found.append(SheetColumn(column, header, "value"))
            if any(map(cells.half_width_95, values)):
                found.append(SheetColumn(column, tr("± (95 %)"), "error"))
        else:
            found.append(SheetColumn(column, header))
    before = printed_count(found)
    gaps = [_GAP_COLUMN] * (widest - before) if before < len(found) else []
    return [*found[:before], *gaps, *found[before:]]


def printed_count(columns: Sequence[SheetColumn]) -> int:
    """How many columns stand before the first that holds keys."""
    keys = (n for n, one in enumerate(columns) if one.column.origin == "key")
    return next(keys, len(columns))


@dataclass
class PlacedTable:
    """A table at its place: ``prefix`` names the sheet, rows count from 0."""

    table: Table
    columns: Sequence[SheetColumn]
    sheet_prefix: str
    header_row: int
    tables: WorkbookTables
    _cell_cache: dict[tuple[int, int], Expression | Scalar | None] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """How many rows it has, that of totals apart."""
        return len(self.table.rows)

    @cached_property
    def _column_values(self) -> list[list[Any]]:
        return [cells.column_values(self.table, one.column) for one in self.columns]

    @cached_property
    def _column_positions(self) -> dict[str, int]:
        return {one.key: n for n, one in reversed(list(enumerate(self.columns)))}

    @cached_property
    def _row_indexes(self) -> dict[str, int]:
        assert self.table.row_key is not None
        found = [self.table.row_key(row) for row in self.table.rows]
        return {key: n for n, key in reversed(list(enumerate(found)))}

    def row_index(self, row_key: str) -> int | None:
        """The row of a key, counted from 0; None where there is none."""
        return self._row_indexes.get(row_key)

    def column_position(self, key: str) -> int:
        """Where a column stands; KeyError where there is none."""
        return self._column_positions[key]

    def has_column(self, key: str) -> bool:
        """Whether there is such a column."""
        return key in self._column_positions

    def cell_content(self, row: int, position: int) -> Expression | Scalar | None:
        """What stands in a cell: a formula, a figure, a text, or nothing."""
        if (row, position) not in self._cell_cache:
            one = self.columns[position]
            formula = one.column.formula if not one.range_end else None
            made = formula(FormulaRow(self, row)) if formula is not None else None
            plain = one.cell_content(self._column_values[position][row]) if made is None else None
            self._cell_cache[row, position] = plain if made is None else made
        return self._cell_cache[row, position]

    def cell_value(self, row: int, position: int) -> Scalar:
        """What a cell comes to; an empty text where there is nothing."""
        content = self.cell_content(row, position)
        if isinstance(content, Expression):
            return content.value
        return "" if content is None else content

    def cell_reference(self, row: int, key: str) -> Expression:
        """A cell of a row, counted from 0, as formulas refer to it."""
        return self._reference(
            row, self.column_position(key), self.cell_value(row, self.column_position(key))
        )

    def _reference(self, row: int, position: int, value: Scalar) -> Expression:
        return Expression(
            f"{self.sheet_prefix}{cell_address(self.header_row + 1 + row, position)}", value
        )

    def find_cell(self, row_key: str, key: str) -> Expression:
        """A cell by the key of its row and of its column; KeyError where there is no such row."""
        return self.cell_reference(self._row_indexes[row_key], key)

    def column_area(self, first: str, last: str | None = None) -> CellArea:
        """All rows of a column, or of all columns from one to another."""
        return self.row_range_area(0, max(self.row_count, 1), first, last)

    def row_range_area(
        self, start: int, stop: int, first: str, last: str | None = None
    ) -> CellArea:
        """Some rows of a column, or of all columns from one to another."""
        return self._area_at(
            start, stop, self.column_position(first), self.column_position(last or first)
        )

    def row_area(self, row: int, first: str, last: str) -> CellArea:
        """Cells of a row from one column to another."""
        return self.row_range_area(row, row + 1, first, last)

    def _area_at(self, start: int, stop: int, first: int, last: int) -> CellArea:
        top = self.header_row + 1
        text = f"{self.sheet_prefix}{cell_address(top + start, first)}:{cell_address(top + stop - 1, last)}"
        rows, places = range(start, stop), range(first, last + 1)
        known = self.row_count  # One row of a table without any says so, and holds nothing.
        return CellArea(
            text, tuple(self.cell_value(r, p) if r < known else "" for r in rows for p in places)
        )

    def header_area(self, first: str, last: str) -> CellArea:
        """The headers from one column to another."""
        start, stop, row = self.column_position(first), self.column_position(last), self.header_row
        text = f"{self.sheet_prefix}{cell_address(row, start)}:{cell_address(row, stop)}"
        return CellArea(text, tuple(one.header for one in self.columns[start : stop + 1]))

    def header_cell(self, key: str) -> Expression:
        """The header of a column, such as a year."""
        return self._reference(
            -1, self.column_position(key), self.columns[self.column_position(key)].header
        )

    def column_total(self, key: str) -> Expression:
        """The sum of a column: the cell of the row of totals, or 0 where there are no rows."""
        if not self.row_count:
            return as_expression(0)
        summed = self.total_expression(self.column_position(key))
        return (
            self._reference(self.row_count, self.column_position(key), summed.value)
            if summed
            else sum_of(self.column_area(key))
        )

    def total_expression(self, position: int) -> Expression | None:
        """What the row of totals calculates in a column, if it calculates anything there."""
        one = self.columns[position]
        if not self.table.total_label or not one.column.total or one.range_end:
            return None
        if callable(one.column.total):
            return one.column.total(self)
        return sum_of(self._area_at(0, max(self.row_count, 1), position, position))


@dataclass(frozen=True)
class FormulaRow:
    """A row of a table, counted from 0, as the formulas of its cells see it."""

    table: PlacedTable
    row_index: int

    @property
    def row(self) -> Any:
        """The row of the document's table."""
        return self.table.table.rows[self.row_index]

    @property
    def tables(self) -> WorkbookTables:
        """All tables of the workbook."""
        return self.table.tables

    def __getitem__(self, key: str) -> Expression:
        return self.table.cell_reference(self.row_index, key)

    def row_area(self, first: str, last: str) -> CellArea:
        """Cells of this row from one column to another."""
        return self.table.row_area(self.row_index, first, last)

    def cell_above(self, key: str) -> Expression | None:
        """The cell above, None in the first row."""
        return self.table.cell_reference(self.row_index - 1, key) if self.row_index else None


@dataclass
class WorkbookTables:
    """The tables and choices of a workbook by their names."""

    tables: dict[str, PlacedTable] = field(default_factory=dict)
    choices: dict[str, Expression] = field(default_factory=dict)

    def __getitem__(self, name: str) -> PlacedTable:
        return self.tables[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tables
