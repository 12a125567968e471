"""The whole workbook of a scenario, and whether one read back is the same."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from models.base import named
from models.faults import ScenarioError, Step
from models.files import read_case
from models.files.tabs import GUIDE, tabs, worded
from models.language import language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook import sheets, style
from optimizer.report.scenario_workbook.columns import Columns, variants_content
from optimizer.report.scenario_workbook.fields import WORDS

COLOURS = {"settings": "1F4E79", "variants": "7B8794", "assumptions": "7B8794", "sources": "7B8794"}
REQUIRED_TABS = ("settings", "materials")
USUAL_TABS = ("consumers", "demand", "damage", "supply", "projects", "funders",
              "funders.instruments", "stockpiles", "hazards", "hazards.effects")  # fmt: skip


def scenario_workbook(case: Case) -> bytes:
    """The workbook of a scenario, explained in the current language.

    Reading it gives the same case, with all sources and variants.
    """
    book = Workbook()
    guide, title = book.worksheets[0], named(case.title, "", language())
    guide.title = tr(GUIDE)
    _draw_guide(guide, title)
    columns = Columns(case)
    lists = {t.path[0] for t in tabs() if t.has_ids and t.owner is None and t.kind == "items"}
    for tab in tabs():
        of_changes = tab.kind == "variants"
        content = variants_content(tab, columns.data) if of_changes else columns.of(tab)
        sheet = book.create_sheet(tab.title)
        sheet.sheet_properties.tabColor = COLOURS.get(tab.key, "2E86AB")
        if tab.kind == "settings":
            sheets.draw_settings(sheet, content, lists)
            continue
        sheets.draw_items(sheet, content, lists)
        if tab.path[0] in lists and tab.owner is None:
            number = [column.path for column in content.columns].index(("id",)) + 1
            last = sheets.FIRST + len(content.rows) + sheets.ROOM
            sheets.add_ids(book, tab.path[0], tab.title, get_column_letter(number), last)
    sheets.add_lists(book)
    book.properties.creator, book.properties.title = "Vorrat", title
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _draw_guide(sheet: Worksheet, title: str) -> None:
    """The first sheet: what to fill in, what to mind, and how to run it."""
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
    _line(sheet, text=about)
    _heading(sheet, tr("In four steps"))
    for number, said in WORDS["steps"].items():
        label, text = worded(said).split(": ", 1)
        _line(sheet, f"{number}. {label}", text)
    _heading(sheet, tr("Sheets"))
    for tab in tabs():
        usual = tr("usual") if tab.key in USUAL_TABS else tr("optional")
        need = tr("required") if tab.key in REQUIRED_TABS else usual
        cell = _line(sheet, tab.title, sheets.about_tab(tab), need, style.LINK)
        place = f"'{tab.title}'!A1"
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=place, display=tab.title)
    _heading(sheet, tr("Please note"))
    for said in WORDS["hints"].values():
        label, text = worded(said).split(": ", 1)
        _line(sheet, label, text)
    _heading(sheet, tr("Colours"))
    for fill, text in (
        (style.REQUIRED_HEAD, tr("has to be filled in (marked * as well)")),
        (style.OPTIONAL_HEAD, tr("may stay empty; what holds then is in the note")),
        (style.REMARK_HEAD, tr("source, confidence and note of the figure to the left")),
        (style.TECHNICAL, tr("for the program: technical names, please leave them")),
    ):
        _line(sheet, text=text).fill = fill


def _line(
    sheet: Worksheet, label: str = "", text: str = "", need: str = "", font: Font = style.BOLD
) -> Cell:
    """A row below the others; a program that opens it makes it as high as its text needs."""
    row = sheet.max_row + 1
    cell = style.write(sheet, row, 2, label or None, font)
    for column, said, look in ((3, text, style.TEXT), (4, need, style.SMALL)):
        if said:
            style.write(sheet, row, column, said, look, style.WRAP)
    return cell


def _heading(sheet: Worksheet, text: str) -> None:
    _line(sheet)
    _line(sheet, text, font=style.HEADING)


def first_difference(case: Case, workbook: bytes) -> tuple[Step, ...] | None:
    """The path of the first value that reads back otherwise; None where all is the same."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.xlsx"
        file.write_bytes(workbook)
        try:
            again = read_case(file).case
        except ScenarioError as error:
            return error.faults[0].path
    before, after = (one.model_dump(mode="json", by_alias=True) for one in (case, again))
    return next(_differences(before, after, ()), None)


def _differences(before: Any, after: Any, path: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _differences(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, pair in enumerate(zip(before, after, strict=True)):
            yield from _differences(*pair, (*path, n))
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield path
