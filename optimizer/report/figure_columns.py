"""Tables as columns of unrounded figures, as workbooks, data frames and CSV files have them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.report import cells
from optimizer.report.document import Column, DisplayedValue, Table


@dataclass(frozen=True)
class FigureColumn:
    """A column of a document's table, or one part of its ranges or estimates.

    ``part`` is ``low``, ``high``, ``value`` or ``error`` (half width of the confidence interval);
    it is empty for the whole value.
    """

    column: Column
    header: str | int
    part: str = ""

    def figures(self, table: Table) -> list[float | str | None]:
        """Return what the column holds in each row: a figure, a text, or None."""
        return list(map(self.figure, cells.column_values(table, self.column)))

    def figure(self, value: Any) -> float | str | None:
        """Return what a cell with this value holds."""
        if isinstance(value, DisplayedValue):
            value = value.text if value.value is None else value.value
        elif self.part == "error":
            value = cells.half_width_95(value) or None
        elif self.part and not isinstance(value, str) and value is not None:
            value = getattr(value, self.part)
        return value or None if value is None or isinstance(value, str) else float(value)


def figure_columns(table: Table) -> list[FigureColumn]:
    """Return the columns of a table: two for a column of ranges, or of estimates with errors."""
    columns: list[FigureColumn] = []
    for column in table.columns:
        header = column.header
        if column.group:
            header = f"{column.group}: {header}" if header else column.group
        values = cells.column_values(table, column)
        if any(hasattr(value, "low") for value in values):
            for end, text in (("low", tr("at least")), ("high", tr("at most"))):
                columns.append(FigureColumn(column, f"{header}, {text}", end))
        elif any(hasattr(value, "standard_error") for value in values):
            columns.append(FigureColumn(column, header, "value"))
            if any(map(cells.half_width_95, values)):
                columns.append(FigureColumn(column, tr("± (95 %)"), "error"))
        else:
            columns.append(FigureColumn(column, header))
    return columns


def header_with_unit(column: FigureColumn, position: int, units: Mapping[str, str]) -> str:
    """Return the header of a column with its unit; ``units`` has the units of kinds of figures."""
    header = str(column.header) or (tr("Figure") if position else tr("What"))
    form, unit = column.column.form, column.column.unit
    unit = unit or ("" if callable(form) else units.get(form, ""))
    if isinstance(unit, str) and unit and not re.search(rf"(?<!\w){re.escape(unit)}(?!\w)", header):
        header = f"{header} ({unit})"
    return header


def unique_name(name: str, taken_names: Mapping[str, Any], separator: str) -> str:
    """Return ``name``, with a number appended if ``taken_names`` has it, in whatever case."""
    taken = {taken_name.casefold() for taken_name in taken_names}
    number, candidate = 1, name
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}{separator}{number}"
    return candidate
