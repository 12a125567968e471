"""Tables as columns of unrounded figures, as workbooks, data frames and CSV files have them.

Excel reads CSV files by its language settings: for German they have semicolons and decimal commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.language import LANGUAGES, conventions, current_language, localize_number, tr
from optimizer.report import cells
from optimizer.report.document import Column, DisplayedValue, Table
from optimizer.report.number_format import NO_VALUE, sanitize


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


FORMULA_PREFIXES = "=+-@＝＋－＠"
"""First characters of texts that spreadsheets take for formulas."""
SHARE_UNITS = dict.fromkeys(("share", "gap"), "1 = 100 %")
"""Units of fractions of one, by form."""
SIGNIFICANT_DIGITS = 15
"""Digits that a spreadsheet keeps; further ones are rounding errors of sums."""


def render_csv(table: Table, units: Mapping[str, str]) -> bytes:
    """Return a table as a CSV file with unrounded figures, without its totals.

    ``units`` has the unit of each kind of figure; headers state it. The file is UTF-8 with a byte
    order mark, which Excel needs. Texts that a spreadsheet would take for formulas begin with an
    apostrophe.
    """
    columns = figure_columns(table)
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=conventions().separator)
    units_by_form = {**units, **SHARE_UNITS}
    writer.writerow(
        [_formula_safe_text(header_with_unit(c, n, units_by_form)) for n, c in enumerate(columns)]
    )
    figures = [column.figures(table) for column in columns]
    writer.writerows([_cell_text(value) for value in row] for row in zip(*figures, strict=True))
    return stream.getvalue().encode("utf-8-sig")


def _cell_text(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _formula_safe_text(value)
    return localize_number(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _formula_safe_text(value: str) -> str:
    text = sanitize(value)
    # A spreadsheet in the other language begins a new cell after its own separator.
    other_separators = "".join(
        other.separator for language, other in LANGUAGES.items() if language != current_language()
    )
    pattern = rf"(^|[{other_separators}\t]\s*)(?=[{re.escape(FORMULA_PREFIXES)}])"
    return text if text == NO_VALUE else re.sub(pattern, r"\1'", text)
