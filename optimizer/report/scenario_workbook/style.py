"""Colors, fonts and number formats of a scenario workbook."""

from typing import Any

from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

INK, PALE_INK, WHITE = "1F2933", "7B8794", "FFFFFF"
BLUE, SOFT_BLUE, GREY, PALE_GREY = "1F4E79", "D6E4F0", "E4E7EB", "F5F7FA"


def _font(size: float, color: str, **options: Any) -> Font:
    return Font(name="Calibri", size=size, color=color, **options)


TEXT_FONT = _font(11, INK)
BOLD_FONT = _font(11, INK, bold=True)
HEADER_FONT = _font(11, WHITE, bold=True)
TITLE_FONT, HEADING_FONT = _font(18, BLUE, bold=True), _font(13, BLUE, bold=True)
SMALL_FONT, LINK_FONT = _font(9, PALE_INK), _font(11, "0563C1", underline="single")

REQUIRED_FILL, OPTIONAL_FILL, REMARK_FILL, TECHNICAL_FILL = (
    PatternFill("solid", fgColor=color) for color in (BLUE, SOFT_BLUE, GREY, PALE_GREY)
)
HAIR_LINE, THIN_LINE = Side(style="hair", color="9AA5B1"), Side(style="thin", color=WHITE)
BOTTOM_BORDER, SIDE_BORDERS = Border(bottom=HAIR_LINE), Border(left=THIN_LINE, right=THIN_LINE)
BOX_BORDER = Border(left=HAIR_LINE, right=HAIR_LINE, top=HAIR_LINE, bottom=HAIR_LINE)

WRAPPED = Alignment(wrap_text=True, vertical="top")
CENTERED = Alignment(wrap_text=True, vertical="center", horizontal="center")
INDENTED = Alignment(vertical="top", horizontal="left", indent=1)
TOP_ALIGNED = Alignment(vertical="top")

PERCENT_FORMAT, WHOLE_FORMAT, GENERAL_FORMAT = "0.0##%", "#,##0", "General"


def get_cell(sheet: Worksheet, row: int, column: int) -> Cell:
    """Return a cell of a sheet, which must not be part of a merged one."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)
    return cell


def set_cell_value(cell: Cell, value: Any) -> Cell:
    """Write a value into a cell and return the cell; a text stays text even if it begins like a
    formula."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        if value[:1] in ("=", "+", "-", "@", "'"):
            cell.quotePrefix = True
    return cell


def write_cell(
    sheet: Worksheet, row: int, column: int, value: Any, font: Font,
    alignment: Alignment = TOP_ALIGNED, fill: PatternFill | None = None,
) -> Cell:  # fmt: skip
    """Write a value with font, alignment and fill into a cell, and return the cell."""
    cell = set_cell_value(get_cell(sheet, row, column), value)
    cell.font, cell.alignment = font, alignment
    if fill is not None:
        cell.fill = fill
    return cell
