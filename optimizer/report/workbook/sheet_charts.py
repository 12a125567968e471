"""Charts of a workbook itself, which follow its cells."""

from __future__ import annotations

from typing import Any

from optimizer.report.document import SheetChart
from optimizer.report.workbook.book import Sheet
from optimizer.report.workbook.formulas import Placed

SIZE = {"width": 760, "height": 400}
ROWS = 28
"""Rows that a chart takes."""
DASHES = ("solid", "dash", "long_dash", "round_dot")


def draw(sheet: Sheet, placed: Placed, wanted: SheetChart) -> None:
    """Draw a chart below what stands on the sheet, and leave room for it."""
    book = sheet.book
    subtype = "straight_with_markers" if wanted.kind == "scatter" else "stacked"
    kind = "scatter" if wanted.kind == "scatter" else "column"
    chart = book.workbook.add_chart({"type": kind, "subtype": subtype})
    for series in (
        _scatter(sheet, placed, wanted) if kind == "scatter" else _bars(sheet, placed, wanted)
    ):
        chart.add_series(series)
    chart.set_title({"name": wanted.title, "name_font": {"size": 11}})
    if wanted.x_title:
        chart.set_x_axis({"name": wanted.x_title})
    chart.set_y_axis({"num_format": book.styles.axis})
    chart.set_legend({"position": "bottom"})
    chart.set_size(SIZE)
    sheet.worksheet.insert_chart(sheet.row + 1, 0, chart, {"description": wanted.title})
    sheet.row += ROWS
    sheet.lowest = max(sheet.lowest, sheet.row)


def _scatter(sheet: Sheet, placed: Placed, wanted: SheetChart) -> list[dict[str, Any]]:
    top, bottom = placed.header_row + 1, placed.header_row + placed.count
    x = placed.at(wanted.across)
    return [
        {
            "name": [sheet.tab, placed.header_row, placed.at(key)],
            "categories": [sheet.tab, top, x, bottom, x],
            "values": [sheet.tab, top, placed.at(key), bottom, placed.at(key)],
            "line": {"dash_type": dash, "width": 2},
        }
        for key, dash in zip(wanted.series, DASHES, strict=False)
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
