"""Colours, fonts and number formats of a scenario workbook."""

from typing import Any

from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

INK, PALE_INK, WHITE = "1F2933", "7B8794", "FFFFFF"
BLUE, SOFT_BLUE, GREY, PALE_GREY = "1F4E79", "D6E4F0", "E4E7EB", "F5F7FA"


def _font(size: float, color: str, **more: Any) -> Font:
    return Font(name="Calibri", size=size, color=color, **more)


TEXT, BOLD, HEAD = _font(11, INK), _font(11, INK, bold=True), _font(11, WHITE, bold=True)
TITLE, HEADING = _font(18, BLUE, bold=True), _font(13, BLUE, bold=True)
SMALL, LINK = _font(9, PALE_INK), _font(11, "0563C1", underline="single")

REQUIRED_HEAD, OPTIONAL_HEAD, REMARK_HEAD, TECHNICAL = (
    PatternFill("solid", fgColor=colour) for colour in (BLUE, SOFT_BLUE, GREY, PALE_GREY)
)
HAIR, THIN = Side(style="hair", color="9AA5B1"), Side(style="thin", color=WHITE)
BELOW, EDGE = Border(bottom=HAIR), Border(left=THIN, right=THIN)
BOX = Border(left=HAIR, right=HAIR, top=HAIR, bottom=HAIR)

WRAP = Alignment(wrap_text=True, vertical="top")
CENTRE = Alignment(wrap_text=True, vertical="center", horizontal="center")
INDENTED = Alignment(vertical="top", horizontal="left", indent=1)
TOP = Alignment(vertical="top")

PERCENT, WHOLE, PLAIN = "0.0##%", "#,##0", "General"


def at(sheet: Worksheet, row: int, column: int) -> Cell:
    """A cell that is no part of a merged one."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)
    return cell


def put(cell: Cell, value: Any) -> Cell:
    """Write a value; a text stays a text, whatever it begins with."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        if value[:1] in ("=", "+", "-", "@", "'"):
            cell.quotePrefix = True
    return cell


def write(
    sheet: Worksheet, row: int, column: int, value: Any, font: Font,
    alignment: Alignment = TOP, fill: PatternFill | None = None,
) -> Cell:  # fmt: skip
    """Write a value into a cell in this look."""
    cell = put(at(sheet, row, column), value)
    cell.font, cell.alignment = font, alignment
    if fill is not None:
        cell.fill = fill
    return cell
