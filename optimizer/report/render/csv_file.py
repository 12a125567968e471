"""A table of a page as a file of comma-separated values, for the spreadsheet of its reader.

Excel reads such a file by the settings of its language: German has semicolons and decimal commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from models.language import current_language
from optimizer.report import cells
from optimizer.report.document import Table
from optimizer.report.number_format import NO_VALUE, sanitize
from optimizer.report.render.data_frames import header_with_unit
from optimizer.report.workbook.expressions import Scalar
from optimizer.report.workbook.placed_tables import sheet_columns

FORMULA_SIGNS = "=+-@＝＋－＠"
"""What spreadsheets take for a formula at the head of a text."""
SEPARATORS = {"en": ",", "de": ";"}
SHARE_UNITS = dict.fromkeys(("share", "gap"), "1 = 100 %")
"""What a fraction of one is in, by its form."""
SIGNIFICANT_DIGITS = 15
"""As many as a spreadsheet keeps; those behind them are noise of sums."""


def render_csv(table: Table, units: Mapping[str, str]) -> bytes:
    """The columns of a table as they are, without totals: its figures are not rounded.

    ``units`` are those of figures by their form; the header of a column says its unit. In UTF-8
    with a mark, by which Excel knows it. A text that a spreadsheet would take for a formula has an
    apostrophe before it.
    """
    columns = sheet_columns(table)
    written = io.StringIO()
    writer = csv.writer(written, delimiter=SEPARATORS[current_language()])
    named = {**units, **SHARE_UNITS}
    writer.writerow(
        [_formula_safe_text(header_with_unit(one, n, named)) for n, one in enumerate(columns)]
    )
    held = [list(map(one.cell_content, cells.column_values(table, one.column))) for one in columns]
    writer.writerows([_cell_text(value) for value in row] for row in zip(*held, strict=True))
    return written.getvalue().encode("utf-8-sig")


def _cell_text(value: Scalar | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _formula_safe_text(value)
    number = f"{value:.{SIGNIFICANT_DIGITS}g}"
    return number.replace(".", ",") if current_language() == "de" else number


def _formula_safe_text(value: str) -> str:
    text = sanitize(value)
    # A spreadsheet of the other language begins a cell behind its own separator.
    ends = "".join(sign for spoken, sign in SEPARATORS.items() if spoken != current_language())
    pattern = rf"(^|[{ends}\t]\s*)(?=[{re.escape(FORMULA_SIGNS)}])"
    return text if text == NO_VALUE else re.sub(pattern, r"\1'", text)
