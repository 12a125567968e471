"""Building the workbook of a scenario, and checking that it is read back unchanged."""

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

from models.base import display_name
from models.faults import PathStep, ScenarioError
from models.files import read_case
from models.files.tabs import GUIDE_SHEET, all_tabs, translate_label
from models.language import current_language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook import sheets, style
from optimizer.report.scenario_workbook.columns import (
    ContentBuilder,
    build_variants_content,
    note_units,
)
from optimizer.report.scenario_workbook.fields import ENGLISH_TEXTS

TAB_COLORS = {
    "settings": "1F4E79",
    "variants": "7B8794",
    "assumptions": "7B8794",
    "sources": "7B8794",
}
REQUIRED_TABS = ("settings", "materials")
USUAL_TABS = ("consumers", "demand", "damage", "supply", "projects", "funders",
              "funders.instruments", "stockpiles", "hazards", "hazards.effects")  # fmt: skip


def build_scenario_workbook(case: Case) -> bytes:
    """Return the scenario as an Excel workbook, with explanations in the current language.

    The workbook is read back as the same case, with all its sources and variants.
    """
    book = Workbook()
    guide, title = book.worksheets[0], display_name(case.title, "", current_language())
    guide.title = tr(GUIDE_SHEET)
    _write_guide(guide, title)
    builder = ContentBuilder(case)
    id_sections = {
        t.path[0] for t in all_tabs() if t.has_ids and t.owner is None and t.kind == "items"
    }
    for tab in all_tabs():
        is_variants = tab.kind == "variants"
        content = (
            build_variants_content(tab, builder.data) if is_variants else builder.build_content(tab)
        )
        sheet = book.create_sheet(tab.title)
        sheet.sheet_properties.tabColor = TAB_COLORS.get(tab.key, "2E86AB")
        if tab.kind == "settings":
            sheets.write_settings_sheet(sheet, content, id_sections)
            continue
        sheets.write_items_sheet(sheet, content, id_sections)
        if tab.path[0] in id_sections and tab.owner is None:
            id_column = [column.path for column in content.columns].index(("id",)) + 1
            last_row = sheets.FIRST_ITEM_ROW + len(content.rows) + sheets.SPARE_ROWS
            sheets.add_id_list(book, tab.path[0], tab.title, get_column_letter(id_column), last_row)
    sheets.add_choice_lists(book)
    book.properties.creator, book.properties.title = "Vorrat", title
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _write_guide(sheet: Worksheet, title: str) -> None:
    """Write the first sheet: what to fill in, what to note, and how to run it."""
    sheet.sheet_view.showGridLines = False
    for letter, width in zip("ABCD", (3, 26, 94, 12), strict=True):
        sheet.column_dimensions[letter].width = width
    _write_line(sheet, tr("A scenario for Vorrat"), font=style.TITLE_FONT)
    _write_line(sheet, title)
    introduction = tr(
        "Vorrat finds out which projects to help build, who pays how much of each, what to store, "
        "and when. This workbook holds all that it needs to know. Every sheet is a list; every row "
        "below its grey line is an entry."
    )
    _write_line(sheet, text=introduction)
    _write_heading(sheet, tr("In four steps"))
    for number, entry in ENGLISH_TEXTS["steps"].items():
        label, text = translate_label(entry).split(": ", 1)
        _write_line(sheet, f"{number}. {label}", text)
    _write_heading(sheet, tr("Sheets"))
    for tab in all_tabs():
        optional_text = tr("usual") if tab.key in USUAL_TABS else tr("optional")
        requirement = tr("required") if tab.key in REQUIRED_TABS else optional_text
        cell = _write_line(
            sheet, tab.title, sheets.tab_description(tab), requirement, style.LINK_FONT
        )
        location = f"'{tab.title}'!A1"
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=location, display=tab.title)
    _write_heading(sheet, tr("Please note"))
    for entry in ENGLISH_TEXTS["hints"].values():
        label, text = translate_label(entry).split(": ", 1)
        _write_line(sheet, label, text)
    _write_heading(sheet, tr("Colors"))
    for fill, text in (
        (style.REQUIRED_FILL, tr("has to be filled in (marked * as well)")),
        (style.OPTIONAL_FILL, tr("may stay empty; what holds then is in the note")),
        (style.REMARK_FILL, tr("source, confidence and note of the figure to the left")),
        (style.TECHNICAL_FILL, tr("for the program: technical names, please leave them")),
    ):
        _write_line(sheet, text=text).fill = fill


def _write_line(
    sheet: Worksheet,
    label: str = "",
    text: str = "",
    requirement: str = "",
    font: Font = style.BOLD_FONT,
) -> Cell:
    """Write a new last row of the guide and return the cell of its label; spreadsheet programs
    adapt the row height."""
    row = sheet.max_row + 1
    cell = style.write_cell(sheet, row, 2, label or None, font)
    for column, content, content_font in (
        (3, text, style.TEXT_FONT),
        (4, requirement, style.SMALL_FONT),
    ):
        if content:
            style.write_cell(sheet, row, column, content, content_font, style.WRAPPED)
    return cell


def _write_heading(sheet: Worksheet, text: str) -> None:
    _write_line(sheet)
    _write_line(sheet, text, font=style.HEADING_FONT)


def first_roundtrip_difference(case: Case, workbook: bytes) -> tuple[PathStep, ...] | None:
    """Return the path of the first value that is read back differently from a workbook, or that is
    faulty there; None if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.xlsx"
        file.write_bytes(workbook)
        try:
            read_back = read_case(file).case
        except ScenarioError as error:
            return error.faults[0].path
    data_before, data_after = (
        note_units(c.model_dump(mode="json", by_alias=True)) for c in (case, read_back)
    )
    return next(_value_differences(data_before, data_after, ()), None)


def _value_differences(
    value_before: Any, value_after: Any, path: tuple[PathStep, ...]
) -> Iterator[tuple[PathStep, ...]]:
    if isinstance(value_before, dict) and isinstance(value_after, dict):
        for key in dict.fromkeys([*value_before, *value_after]):
            yield from _value_differences(value_before.get(key), value_after.get(key), (*path, key))
    elif (
        isinstance(value_before, list)
        and isinstance(value_after, list)
        and len(value_before) == len(value_after)
    ):
        for n, pair in enumerate(zip(value_before, value_after, strict=True)):
            yield from _value_differences(*pair, (*path, n))
    elif value_before != value_after or isinstance(value_before, bool) is not isinstance(
        value_after, bool
    ):
        yield path
