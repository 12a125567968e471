"""The first sheet: what to fill in, what to mind, and how to run it."""

from __future__ import annotations

from openpyxl.cell import Cell
from openpyxl.styles import Font
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from models.files.tabs import tabs
from models.files.wording import worded
from models.language import tr
from optimizer.report.scenario_workbook import style
from optimizer.report.scenario_workbook.fields import WORDS
from optimizer.report.scenario_workbook.sheets import about_tab

REQUIRED_TABS = ("settings", "materials")
USUAL_TABS = ("consumers", "demand", "damage", "supply", "projects", "funders",
              "funders.instruments", "stockpiles", "hazards", "hazards.effects")  # fmt: skip


def draw_guide(sheet: Worksheet, title: str) -> None:
    """Write the guide for the workbook of a scenario of this title."""
    sheet.sheet_view.showGridLines = False
    for letter, width in zip("ABCD", (3, 26, 94, 12), strict=True):
        sheet.column_dimensions[letter].width = width
    _line(sheet, tr("A scenario for Vorrat"), font=style.TITLE)
    _line(sheet, title)
    about = tr(
        "Vorrat finds out which projects to help build, who pays how much of each, what to store, "
        "and when. This workbook holds all that it needs to know. Every sheet is a list; every row "
        "below its grey line is an entry."
    )
    _line(sheet, "", about)
    _heading(sheet, tr("In four steps"))
    for number, said in WORDS["steps"].items():
        label, text = worded(said).split(": ", 1)
        _line(sheet, f"{number}. {label}", text)
    _heading(sheet, tr("Sheets"))
    for tab in tabs():
        usual = tr("usual") if tab.key in USUAL_TABS else tr("optional")
        need = tr("required") if tab.key in REQUIRED_TABS else usual
        cell = _line(sheet, tab.title, about_tab(tab), need, style.LINK)
        place = f"'{tab.title}'!A1"
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=place, display=tab.title)
    _heading(sheet, tr("Please note"))
    for said in WORDS["hints"].values():
        _line(sheet, *worded(said).split(": ", 1))
    _heading(sheet, tr("Colours"))
    for fill, text in (
        (style.REQUIRED_HEAD, tr("has to be filled in (marked * as well)")),
        (style.OPTIONAL_HEAD, tr("may stay empty; what holds then is in the note")),
        (style.REMARK_HEAD, tr("source, confidence and note of the figure to the left")),
        (style.TECHNICAL, tr("for the program: technical names, please leave them")),
    ):
        _line(sheet, "", text).fill = fill
    style.fit_paper(sheet, "portrait")


def _line(
    sheet: Worksheet, label: str, text: str = "", need: str = "", font: Font = style.BOLD
) -> Cell:
    """A row below the others; a program that opens it makes it as high as its text needs."""
    row = sheet.max_row + 1
    cell = style.write(sheet, row, 2, label, font)
    for column, said, look in ((3, text, style.TEXT), (4, need, style.SMALL)):
        if said:
            style.write(sheet, row, column, said, look, style.WRAP)
    return cell


def _heading(sheet: Worksheet, text: str) -> None:
    _line(sheet, "")
    _line(sheet, text, font=style.HEADING)
