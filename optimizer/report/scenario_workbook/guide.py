"""The first sheet: what to fill in, what to mind, and how to run it."""

from __future__ import annotations

import math

from openpyxl.styles import Font
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from models.files.tabs import Tab, tabs
from models.language import tr
from optimizer.report.scenario_workbook import style
from optimizer.report.scenario_workbook.sheets import about_tab

REQUIRED_TABS = ("settings", "materials")
USUAL_TABS = ("consumers", "demand", "damage", "supply", "projects", "funders",
              "funders.instruments", "stockpiles", "hazards", "hazards.effects")  # fmt: skip


def draw_guide(sheet: Worksheet, title: str) -> None:
    """Write the guide for the workbook of a scenario of this title."""
    sheet.sheet_view.showGridLines = False
    for letter, width in zip("ABCD", (3, 26, 74, 20), strict=True):
        sheet.column_dimensions[letter].width = width
    page = _Page(sheet)
    page.line(tr("A scenario for Vorrat"), style.TITLE, 30)
    page.line(title, style.BOLD)
    page.next(8)
    page.text(
        tr(
            "Vorrat finds out which projects to help build, who pays how much of each, what to "
            "store, and when. This workbook holds all that it needs to know. Every sheet is a "
            "list; every row below its grey line is an entry."
        ),
        2,
        124,
    )
    page.heading(tr("In four steps"))
    for number, (label, text) in enumerate(_steps(), start=1):
        page.step(f"{number}. {label}", text)
    page.heading(tr("Sheets"))
    for tab in tabs():
        page.link(tab)
    page.heading(tr("Please note"))
    for label, text in _hints():
        page.step(label, text)
    page.heading(tr("Colours"))
    for fill, text in (
        (style.REQUIRED_HEAD, tr("has to be filled in (marked * as well)")),
        (style.OPTIONAL_HEAD, tr("may stay empty; what holds then is in the note")),
        (style.REMARK_HEAD, tr("source, confidence and note of the figure to the left")),
        (style.TECHNICAL, tr("for the program: technical names, please leave them")),
    ):
        style.at(sheet, page.row, 2).fill = fill
        page.text(text, 3, 70, across=False)
    style.fit_paper(sheet, "portrait")


def _steps() -> list[tuple[str, str]]:
    return [
        (tr("Fill in"), tr(
            "Replace the figures by yours, sheet after sheet, in the order of the list below. Add "
            "rows at the end of a sheet; delete rows you do not need. Each header explains itself: "
            "point at it with the mouse.")),
        (tr("Say where it comes from"), tr(
            "Beside each figure there is room for its source, how much it is to be trusted (high, "
            "medium, low) and a note. On wide sheets these columns are folded away: the plus signs "
            "above the columns, or the 2 at their left end, unfold them.")),
        (tr("Save and run"), tr(
            "Save and close the workbook, then drop it onto vorrat-run.cmd. In a terminal: "
            "vorrat run, followed by the name of this file.")),
        (tr("Read the answer"), tr(
            "The report opens by itself; it lies beside this workbook, and so do the results as a "
            "workbook. If something is wrong, a list of faults opens instead: each line names a "
            "cell, and a click leads to it.")),
    ]  # fmt: skip


def _hints() -> list[tuple[str, str]]:
    return [
        (tr("Numbers"), tr(
            "Write numbers as your Excel does. A number that stands at the left edge of its cell "
            "is a text for Excel, and refused: format the cell as a number and enter it again.")),
        (tr("Percent"), tr("Shares and rates are shown as percent. Type 25% for a quarter.")),
        (tr("Years"), tr(
            "A quantity that changes has a column for each year named. Between two of them it "
            "runs in a straight line, before the first and after the last it stays. For another "
            "year, copy a column and change the year in its grey technical name, for example "
            "t_per_year.2030.")),
        (tr("Ids"), tr(
            "Ids are short names by which sheets refer to each other. A drop-down offers them. "
            "An id that is renamed has to be renamed everywhere.")),
        (tr("Formulas"), tr("Formulas are welcome; their last stored value is read.")),
        (tr("Own sheets"), tr(
            "Sheets whose name begins with _ are yours and are not read, nor are columns whose "
            "technical name begins with _. All else that is not known is refused, so that "
            "nothing is overlooked.")),
        (tr("Language"), tr("Words are understood in German and in English.")),
    ]  # fmt: skip


class _Page:
    """Writes the guide from top to bottom."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet, self.row = sheet, 1

    def next(self, height: int) -> None:
        self.sheet.row_dimensions[self.row].height = height
        self.row += 1

    def line(self, text: str, font: Font, height: int = 18) -> None:
        style.put(style.at(self.sheet, self.row, 2), text).font = font
        self.next(height)

    def heading(self, text: str) -> None:
        self.next(8)
        self.line(text, style.HEADING, 22)

    def text(self, text: str, column: int, width: int, across: bool = True) -> None:
        """Write a paragraph that takes as many lines as its letters need, and go on below it."""
        if across:
            self.sheet.merge_cells(None, self.row, column, self.row, 4)
        style.write(self.sheet, self.row, column, text, style.TEXT, style.WRAP)
        self.next(4 + 15 * math.ceil(len(text) / width))

    def step(self, label: str, text: str) -> None:
        style.write(self.sheet, self.row, 2, label, style.BOLD, style.WRAP)
        self.text(text, 3, 96)

    def link(self, tab: Tab) -> None:
        name = tab.title
        usual = tr("usual") if tab.key in USUAL_TABS else tr("optional")
        need = tr("required") if tab.key in REQUIRED_TABS else usual
        cell = style.write(self.sheet, self.row, 2, name, style.LINK)
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{name}'!A1", display=name)
        style.write(self.sheet, self.row, 4, need, style.SMALL)
        self.text(about_tab(tab), 3, 84, across=False)
