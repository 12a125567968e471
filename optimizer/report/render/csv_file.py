"""Tables of a page as CSV files.

Excel reads such files by its language settings: for German they have semicolons and decimal commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from models.language import LANGUAGES, conventions, current_language, localize_number
from optimizer.report.document import Table
from optimizer.report.figure_columns import figure_columns, header_with_unit
from optimizer.report.number_format import NO_VALUE, sanitize

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
