"""The tables of a document as pandas frames: figures and not texts, to be reckoned with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from models.language import tr
from models.spelling import unknown_name_hint
from optimizer.errors import UnknownName
from optimizer.report import cells
from optimizer.report.document import SHEET, Document, DropDown, Table
from optimizer.report.workbook.expressions import Expression, Scalar
from optimizer.report.workbook.placed_tables import (
    PlacedTable,
    SheetColumn,
    WorkbookTables,
    sheet_columns,
)

if TYPE_CHECKING:
    import pandas as pd


class DataFrames(Mapping[str, "pd.DataFrame"]):
    """The tables that a workbook of a document has, by name; each is made when it is asked for.

    What a sheet calculates is a figure here. A range and an estimate have two columns each. A
    column of money, damage or tonnes has its unit in its name; shares are fractions of one. Totals
    are left out. ``attrs`` of a frame hold its ``caption`` and its ``note``.
    """

    def __init__(self, document: Document) -> None:
        self._units = document.units
        self._placed_tables: dict[str, PlacedTable] = {}
        formulas = WorkbookTables()
        for section in document.sections_for(SHEET):
            for part in section.parts:
                if isinstance(part, DropDown):
                    formulas.choices[part.name] = Expression("", part.options[0])
                elif isinstance(part, Table):
                    placed = PlacedTable(part, sheet_columns(part), "", 0, formulas)
                    if part.name:
                        formulas.tables[part.name] = placed
                    if part.rows:
                        self._placed_tables[
                            _unique_name(part.name or section.id, self._placed_tables, "-")
                        ] = placed

    def __getitem__(self, name: str) -> pd.DataFrame:
        # pandas takes a good part of a second to import: only those who want a table wait for it.
        import pandas as pd

        if name not in self._placed_tables:
            hint = unknown_name_hint(str(name), self._placed_tables)
            raise UnknownName(tr("there is no table '{name}'; {hint}", name=name, hint=hint))
        placed = self._placed_tables[name]
        columns: dict[str, list[Any]] = {}
        for position, one in enumerate(placed.columns):
            content = _column_content(placed, position)
            if one.header != "" or any(x is not None and x == x for x in content):  # NaN is not x
                header = header_with_unit(one, position, self._units)
                columns[_unique_name(header, columns, " ")] = content
        frame = pd.DataFrame(columns)
        frame.attrs |= {"caption": placed.table.caption, "note": placed.table.note}
        return frame

    def __repr__(self) -> str:
        return f"<tables {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._placed_tables)

    def __len__(self) -> int:
        return len(self._placed_tables)


def header_with_unit(column: SheetColumn, position: int, units: Mapping[str, str]) -> str:
    """The header of a column, with its own unit or that of its figures by their form."""
    header, of = str(column.header) or (tr("Figure") if position else tr("What")), column.column
    unit = of.unit or ("" if callable(of.form) else units.get(of.form, ""))
    if unit and not re.search(rf"(?<!\w){re.escape(unit)}(?!\w)", header):
        header = f"{header} ({unit})"
    return header


def _column_content(placed: PlacedTable, position: int) -> list[Any]:
    """What stands in a column: figures, with NaN where there is none, or texts."""
    column = placed.columns[position].column
    found: list[Scalar | None] = []
    for row, of in enumerate(placed.table.rows):
        value = placed.cell_value(row, position)
        whole = isinstance(value, float) and cells.value_form(column, of) in ("count", "year")
        whole = whole and float(value or 0).is_integer()
        found.append(int(value or 0) if whole else None if value == "" else value)
    if column.form == "text" or any(isinstance(value, str) for value in found):
        return found
    return [math.nan if value is None else value for value in found]


def _unique_name(name: str, taken: Mapping[str, Any], separator: str) -> str:
    """A name that is not taken: with a number behind it where it would be."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{separator}{number}"
    return free
