"""The tables of a document as pandas data frames, with figures instead of texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from models.language import mark_translatable, tr
from models.spelling import unknown_name_hint
from optimizer.errors import UnknownName
from optimizer.report import cells
from optimizer.report.document import SHEET, Document, Table
from optimizer.report.figure_columns import (
    FigureColumn,
    figure_columns,
    header_with_unit,
    unique_name,
)

if TYPE_CHECKING:
    import pandas as pd


FORM_UNITS = {
    **dict.fromkeys(("share", "gap", "ratio", "count"), "1"),
    **dict.fromkeys(("year", "mean_year"), mark_translatable("year")),
}
"""Units of figures that have the same one in all results, by form."""
STATED_UNITS = (
    mark_translatable("t"),
    mark_translatable("t a year"),
    mark_translatable("days"),
    mark_translatable("years"),
)
"""Units that headers and texts of rows state."""


class DataFrames(Mapping[str, "pd.DataFrame"]):
    """The tables of a document's workbook as pandas frames by name, each built on request.

    A range has two columns, and an estimate one more for its error. Names of columns of money,
    damage or tonnes have their unit; shares are fractions of one. Totals are left out. ``attrs`` of
    a frame hold its ``caption`` and its ``note``.
    """

    def __init__(self, document: Document) -> None:
        self._units = document.units
        self._tables: dict[str, Table] = {}
        for section in document.sections_for(SHEET):
            for part in section.parts:
                if isinstance(part, Table) and part.rows:
                    self._tables[unique_name(part.name or section.id, self._tables, "-")] = part

    def __getitem__(self, name: str) -> pd.DataFrame:
        # Imported on request, as the import of pandas is slow.
        import pandas as pd

        if name not in self._tables:
            hint = unknown_name_hint(str(name), self._tables)
            raise UnknownName(tr("there is no table '{name}'; {hint}", name=name, hint=hint))
        table = self._tables[name]
        columns: dict[str, list[Any]] = {}
        for position, column in enumerate(figure_columns(table)):
            content = _column_content(table, column)
            # x == x is false for NaN.
            if column.header != "" or any(x is not None and x == x for x in content):
                header = header_with_unit(column, position, self._units)
                columns[unique_name(header, columns, " ")] = content
        frame = pd.DataFrame(columns)
        frame.attrs |= {"caption": table.caption, "note": table.note}
        return frame

    def long(self, name: str) -> pd.DataFrame:
        """Return a table in long form: one row for each figure.

        Columns of texts identify the row. ``figure`` is the header of the figure's column without
        its unit; where columns are years, it is the caption or name of the table.
        ``unit`` is the unit of ``value``: "1" for shares and counts, and empty if neither the table
        nor a text in the row states it. Cells without a figure are left out. Raise UnknownName if
        there is no such table.
        """
        import pandas as pd

        frame = self[name]
        table, year_header = self._tables[name], tr("Year")
        texts: dict[str, list[Any]] = {}
        figures: list[tuple[FigureColumn, str, list[Any]]] = []
        years: list[Any] | None = None
        for position, column in enumerate(figure_columns(table)):
            content = _column_content(table, column)
            if str(column.header) == year_header:
                years = content
            elif any(isinstance(value, str) for value in content) or column.column.form == "text":
                if str(column.header) and any(value is not None for value in content):
                    header = header_with_unit(column, position, {})
                    texts[unique_name(header, texts, " ")] = content
            else:
                figures.append((column, header_with_unit(column, position, {}), content))
        rows: list[dict[str, Any]] = []
        for index, row in enumerate(table.rows):
            fixed = {header: content[index] for header, content in texts.items()}
            for figure_column, header, content in figures:
                value = content[index]
                if value is None or value != value:  # NaN
                    continue
                form = cells.value_form(figure_column.column, row)
                in_row = filter(None, map(self._stated_unit, filter(None, fixed.values())))
                own_unit = figure_column.column.unit
                unit = (
                    (own_unit(row) if callable(own_unit) else own_unit)
                    or self._stated_unit(header)
                    or self._units.get(form)
                    or next(in_row, "")
                    or tr(FORM_UNITS.get(form, ""))
                )
                figure = _without_unit(header, unit)
                year = None if years is None else years[index]
                if re.fullmatch(r"\d{4}", figure):
                    year, figure = figure, table.caption or name
                labels = {"figure": figure, "year": None if year is None else int(year)}
                rows.append({**fixed, **labels, "unit": unit, "value": float(value)})
        long = pd.DataFrame(rows, columns=[*texts, "figure", "year", "unit", "value"])
        long["year"] = long["year"].astype("Int64")
        long.attrs |= frame.attrs
        return long

    def _stated_unit(self, text: str) -> str:
        """Return the unit with which a header or a text ends, as in ``Bought, t``; empty if none
        is known."""
        units = {*self._units.values(), *map(tr, STATED_UNITS)}
        last_part = str(text).rpartition(", ")[2]
        return last_part if last_part in units else ""

    def __repr__(self) -> str:
        return f"<tables {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def _without_unit(header: str, unit: str) -> str:
    """Return a header without its unit at the end."""
    pattern = rf"[,:]?\s*\(?{re.escape(unit)}\)?$"
    return re.sub(pattern, "", header) or header if unit else header


def _column_content(table: Table, figure_column: FigureColumn) -> list[Any]:
    """Return the cells of a column: texts, or figures with NaN for empty cells."""
    column = figure_column.column
    content: list[Any] = []
    for row, value in zip(table.rows, figure_column.figures(table), strict=True):
        is_integer = cells.value_form(column, row) in ("count", "year")
        is_whole = isinstance(value, float) and value.is_integer()
        content.append(int(value or 0) if is_integer and is_whole else value)
    if column.form == "text" or any(isinstance(value, str) for value in content):
        return content
    return [math.nan if value is None else value for value in content]
