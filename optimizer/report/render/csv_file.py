"""A table of a page as a file of comma-separated values, for the spreadsheet of its reader.

Excel reads such a file by the settings of its language: German has semicolons and decimal commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from models.language import language
from optimizer.report import cells
from optimizer.report.document import Table
from optimizer.report.figures import NONE, clean
from optimizer.report.render.frames import header_of
from optimizer.report.workbook.expressions import Scalar
from optimizer.report.workbook.formulas import columns_of

FORMULA = "=+-@＝＋－＠"
"""What spreadsheets take for a formula at the head of a text."""
SEPARATORS = {"en": ",", "de": ";"}
SHARES = dict.fromkeys(("share", "gap"), "1 = 100 %")
"""What a fraction of one is in, by its form."""
DIGITS = 15
"""As many as a spreadsheet keeps; those behind them are noise of sums."""


def render(table: Table, units: Mapping[str, str]) -> bytes:
    """The columns of a table as they are, without totals: its figures are not rounded.

    ``units`` are those of figures by their form; the header of a column says its unit. In UTF-8
    with a mark, by which Excel knows it. A text that a spreadsheet would take for a formula has an
    apostrophe before it.
    """
    columns = columns_of(table)
    written = io.StringIO()
    writer = csv.writer(written, delimiter=SEPARATORS[language()])
    named = {**units, **SHARES}
    writer.writerow([_text(header_of(one, n, named)) for n, one in enumerate(columns)])
    held = [list(map(one.content, cells.values_of(table, one.column))) for one in columns]
    writer.writerows([_cell(value) for value in row] for row in zip(*held, strict=True))
    return written.getvalue().encode("utf-8-sig")


def _cell(value: Scalar | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _text(value)
    number = f"{value:.{DIGITS}g}"
    return number.replace(".", ",") if language() == "de" else number


def _text(value: str) -> str:
    text = clean(value)
    # A spreadsheet of the other language begins a cell behind its own separator.
    ends = "".join(sign for spoken, sign in SEPARATORS.items() if spoken != language())
    pattern = rf"(^|[{ends}\t]\s*)(?=[{re.escape(FORMULA)}])"
    return text if text == NONE else re.sub(pattern, r"\1'", text)
