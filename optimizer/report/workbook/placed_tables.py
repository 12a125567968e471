"""Tables with their positions in a workbook, so that formulas can refer to their cells.

All tables are placed before any is filled, so that a formula may refer to cells below it or on
later sheets. A cell is evaluated when it is first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.language import tr
from optimizer.report import cells
from optimizer.report.document import Column, DisplayedValue, Table, no_value
from optimizer.report.expressions import CellArea, Expression, Scalar, as_expression, sum_of
from optimizer.report.workbook.book import cell_address

NARROW_WIDTH = 12.0
"""Width of a column that has no other."""


@dataclass(frozen=True)
class SheetColumn:
    """A column of a sheet: a column of a document's table, or one part of its ranges or estimates.

    ``range_end`` is ``low``, ``high``, ``value`` or ``error`` (half width of the confidence
    interval); it is empty for the whole value.
    """

    column: Column
    header: str | int
    range_end: str = ""

    @property
    def key(self) -> str:
        """The key of the column for formulas; ``range_end`` is appended after a dot."""
        return f"{self.column.key}.{self.range_end}" if self.range_end else self.column.key

    def cell_content(self, value: Any) -> Scalar | None:
        """Return what a cell with this value holds: a figure, a text, or None."""
        if isinstance(value, DisplayedValue):
            value = value.text if value.value is None else value.value
        elif self.range_end == "error":
            value = cells.half_width_95(value) or None
        elif self.range_end and not isinstance(value, str) and value is not None:
            value = getattr(value, self.range_end)
        return value or None if value is None or isinstance(value, str) else float(value)


_GAP_COLUMN = SheetColumn(Column("", no_value, "text", empty_text="", width=NARROW_WIDTH), "")
"""Fills the gap before the keys of a table that is narrower than another one of its sheet."""


def sheet_columns(table: Table, max_columns: int = 0) -> list[SheetColumn]:
    """Return the sheet columns of a table: two for a column of ranges, or of estimates with errors.

    Columns of keys are moved to the right of the widest table of the sheet, which has
    ``max_columns`` columns.
    """
    columns: list[SheetColumn] = []
    for column in table.columns:
        header = column.header
        if column.group:
            header = f"{column.group}: {header}" if header else column.group
        values = cells.column_values(table, column)
        if any(hasattr(value, "low") for value in values):
            for end, text in (("low", tr("at least")), ("high", tr("at most"))):
                columns.append(SheetColumn(column, f"{header}, {text}", end))
        elif any(hasattr(value, "standard_error") for value in values):
            columns.append(SheetColumn(column, header, "value"))
            if any(map(cells.half_width_95, values)):
                columns.append(SheetColumn(column, tr("± (95 %)"), "error"))
        else:
            columns.append(SheetColumn(column, header))
    printed_columns = count_printed_columns(columns)
    gap_columns = (
        [_GAP_COLUMN] * (max_columns - printed_columns) if printed_columns < len(columns) else []
    )
    return [*columns[:printed_columns], *gap_columns, *columns[printed_columns:]]


def count_printed_columns(columns: Sequence[SheetColumn]) -> int:
    """Return the number of columns to the left of the first column of keys."""
    key_positions = (n for n, column in enumerate(columns) if column.column.origin == "key")
    return next(key_positions, len(columns))


@dataclass
class PlacedTable:
    """A table with its position in a workbook: sheet and header row, counted from 0."""

    table: Table
    columns: Sequence[SheetColumn]
    sheet_prefix: str
    header_row: int
    tables: WorkbookTables
    _cell_cache: dict[tuple[int, int], Expression | Scalar | None] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """The number of rows, without the row of totals."""
        return len(self.table.rows)

    @cached_property
    def _column_values(self) -> list[list[Any]]:
        return [cells.column_values(self.table, column.column) for column in self.columns]

    @cached_property
    def _column_positions(self) -> dict[str, int]:
        return {column.key: n for n, column in reversed(list(enumerate(self.columns)))}

    @cached_property
    def _row_indexes(self) -> dict[str, int]:
        assert self.table.row_key is not None
        keys = [self.table.row_key(row) for row in self.table.rows]
        return {key: n for n, key in reversed(list(enumerate(keys)))}

    def row_index(self, row_key: str) -> int | None:
        """Return the index of the row with a key, counted from 0; None if there is no such row."""
        return self._row_indexes.get(row_key)

    def column_position(self, key: str) -> int:
        """Return the index of the column with a key; raise KeyError if there is no such column."""
        return self._column_positions[key]

    def has_column(self, key: str) -> bool:
        """Return whether the table has a column with this key."""
        return key in self._column_positions

    def cell_content(self, row: int, position: int) -> Expression | Scalar | None:
        """Return what a cell holds: a formula, a figure, a text, or None."""
        if (row, position) not in self._cell_cache:
            column = self.columns[position]
            formula = column.column.formula if not column.range_end else None
            expression = formula(FormulaRow(self, row)) if formula is not None else None
            content = (
                column.cell_content(self._column_values[position][row])
                if expression is None
                else None
            )
            self._cell_cache[row, position] = content if expression is None else expression
        return self._cell_cache[row, position]

    def cell_value(self, row: int, position: int) -> Scalar:
        """Return the value of a cell; an empty cell gives an empty text."""
        content = self.cell_content(row, position)
        if isinstance(content, Expression):
            return content.value
        return "" if content is None else content

    def cell_reference(self, row: int, key: str) -> Expression:
        """Return a reference to the cell of a column in row ``row``, counted from 0."""
        return self._reference(
            row, self.column_position(key), self.cell_value(row, self.column_position(key))
        )

    def _reference(self, row: int, position: int, value: Scalar) -> Expression:
        return Expression(
            f"{self.sheet_prefix}{cell_address(self.header_row + 1 + row, position)}", value
        )

    def find_cell(self, row_key: str, key: str) -> Expression:
        """Return a reference to the cell with these keys of its row and column.

        Raises KeyError if there is no such row or column.
        """
        return self.cell_reference(self._row_indexes[row_key], key)

    def column_area(self, first_key: str, last_key: str | None = None) -> CellArea:
        """Return all rows of the columns ``first_key`` to ``last_key``, or of column ``first_key``
        only."""
        return self.row_range_area(0, max(self.row_count, 1), first_key, last_key)

    def row_range_area(
        self, start: int, stop: int, first_key: str, last_key: str | None = None
    ) -> CellArea:
        """Return the cells in rows ``start`` to ``stop`` (exclusive) of the columns ``first_key``
        to ``last_key``.

        Without ``last_key``, they are those of the column ``first_key`` alone.
        """
        return self._area_at(
            start,
            stop,
            self.column_position(first_key),
            self.column_position(last_key or first_key),
        )

    def row_area(self, row: int, first_key: str, last_key: str) -> CellArea:
        """Return the cells of a row in the columns from ``first_key`` to ``last_key``."""
        return self.row_range_area(row, row + 1, first_key, last_key)

    def _area_at(self, start: int, stop: int, first_position: int, last_position: int) -> CellArea:
        first_row = self.header_row + 1
        first_address, last_address = (
            cell_address(first_row + start, first_position),
            cell_address(first_row + stop - 1, last_position),
        )
        rows, positions = range(start, stop), range(first_position, last_position + 1)
        count = self.row_count  # a table without rows has one row with a text only
        return CellArea(
            f"{self.sheet_prefix}{first_address}:{last_address}",
            tuple(self.cell_value(r, p) if r < count else "" for r in rows for p in positions),
        )

    def header_area(self, first_key: str, last_key: str) -> CellArea:
        """Return the header cells of the columns from ``first_key`` to ``last_key``."""
        start, stop, row = (
            self.column_position(first_key),
            self.column_position(last_key),
            self.header_row,
        )
        text = f"{self.sheet_prefix}{cell_address(row, start)}:{cell_address(row, stop)}"
        return CellArea(text, tuple(column.header for column in self.columns[start : stop + 1]))

    def header_cell(self, key: str) -> Expression:
        """Return a reference to the header cell of a column, such as a year."""
        return self._reference(
            -1, self.column_position(key), self.columns[self.column_position(key)].header
        )

    def column_total(self, key: str) -> Expression:
        """Return the sum of a column: a reference to its cell in the row of totals if there is one.

        A table without rows gives 0.
        """
        if not self.row_count:
            return as_expression(0)
        total_expression = self.total_expression(self.column_position(key))
        if total_expression:
            return self._reference(
                self.row_count, self.column_position(key), total_expression.value
            )
        return sum_of(self.column_area(key))

    def total_expression(self, position: int) -> Expression | None:
        """Return the formula that the row of totals has in a column; None if it has none."""
        column = self.columns[position]
        if not self.table.total_label or not column.column.total or column.range_end:
            return None
        if callable(column.column.total):
            return column.column.total(self)
        return sum_of(self._area_at(0, max(self.row_count, 1), position, position))


@dataclass(frozen=True)
class FormulaRow:
    """A row of a placed table, passed to the functions that build the formulas of its cells."""

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

    def row_area(self, first_key: str, last_key: str) -> CellArea:
        """Return the cells of this row in the columns from ``first_key`` to ``last_key``."""
        return self.table.row_area(self.row_index, first_key, last_key)


@dataclass
class WorkbookTables:
    """The placed tables of a workbook, and the cells of its drop-down choices, both by name."""

    tables: dict[str, PlacedTable] = field(default_factory=dict)
    choices: dict[str, Expression] = field(default_factory=dict)

    def __getitem__(self, name: str) -> PlacedTable:
        return self.tables[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tables
