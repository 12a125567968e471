"""Charts of a workbook itself, which follow its cells."""

from __future__ import annotations

from typing import Any

from optimizer.report.document import SheetChart
from optimizer.report.workbook.book import Sheet
from optimizer.report.workbook.formulas import Placed

ROWS, COLUMNS = 28, 9
"""Rows and columns that a chart takes."""
DASHES = ("solid", "dash", "long_dash", "round_dot")


def draw(sheet: Sheet, placed: Placed, wanted: SheetChart) -> None:
    """Draw a chart below what stands on the sheet, or beside a long table; leave room for it."""
    long, scatter = placed.count > ROWS, wanted.kind == "scatter"
    lines = "straight" if long else "straight_with_markers"
    kind = ("scatter", lines) if scatter else ("column", "stacked")
    chart = sheet.book.workbook.add_chart(dict(zip(("type", "subtype"), kind, strict=True)))
    for series in (_scatter if scatter else _bars)(sheet, placed, wanted):
        chart.add_series(series)
    chart.set_title({"name": wanted.title, "name_font": {"size": 11}})
    if wanted.x_title:
        x = placed.at(wanted.across) if wanted.across else 0
        share = placed.columns[x].column.form == "share"
        chart.set_x_axis({"name": wanted.x_title, **({"num_format": "0%"} if share else {})})
    whole = sheet.book.styles.outcome_places == 1
    chart.set_y_axis({"num_format": "#,##0" if whole else "General"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 760, "height": 400})
    # Below the header, which each page repeats with all that touches it.
    row, column = (placed.header_row + 1, len(placed.columns)) if long else (sheet.row + 1, 0)
    place = {"description": wanted.title, "x_offset": 12 if long else 0, "y_offset": 6}
    sheet.worksheet.insert_chart(row, column, chart, place)
    if long:
        sheet.printed_columns = max(sheet.printed_columns, column + COLUMNS)
    else:
        sheet.row += ROWS
        sheet.lowest = max(sheet.lowest, sheet.row)


def _scatter(sheet: Sheet, placed: Placed, wanted: SheetChart) -> list[dict[str, Any]]:
    head, x, first = placed.header_row, placed.at(wanted.across), placed.at(wanted.series[0])
    places = [(placed.at(key), list(range(placed.count))) for key in wanted.series]
    lines: list[tuple[Any, int, list[int]]] = [([sheet.tab, head, at], at, n) for at, n in places]
    if wanted.lines:
        some = [
            (name, [n for n, row in enumerate(placed.table.rows) if chosen(row)])
            for name, chosen in wanted.lines
        ]
        lines = [(name, first, rows) for name, rows in some if rows]
    return [
        {
            "name": name,
            "categories": [sheet.tab, head + 1 + rows[0], x, head + 1 + rows[-1], x],
            "values": [sheet.tab, head + 1 + rows[0], at, head + 1 + rows[-1], at],
            "line": {"dash_type": dash, "width": 2},
        }
        for (name, at, rows), dash in zip(lines, DASHES, strict=False)
    ]


def _bars(sheet: Sheet, placed: Placed, wanted: SheetChart) -> list[dict[str, Any]]:
    first, last = placed.at(wanted.series[0]), placed.at(wanted.series[-1])
    head = placed.header_row
    return [
        {
            "name": [sheet.tab, head + 1 + n, 0],
            "categories": [sheet.tab, head, first, head, last],
            "values": [sheet.tab, head + 1 + n, first, head + 1 + n, last],
        }
        for n, row in enumerate(placed.table.rows)
        if wanted.rows is None or wanted.rows(row)
    ]
