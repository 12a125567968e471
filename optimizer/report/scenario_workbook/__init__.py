"""A scenario as an Excel workbook that people fill in and Vorrat reads."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from models.base import named
from models.faults import ScenarioError, Step
from models.files import read_case
from models.files.tabs import GUIDE, Tab, tabs
from models.language import language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook.columns import Columns, Content
from optimizer.report.scenario_workbook.guide import draw_guide
from optimizer.report.scenario_workbook.sheets import FIRST, ROOM, draw_items, draw_settings
from optimizer.report.scenario_workbook.validation import add_ids, add_lists
from optimizer.report.scenario_workbook.variants import variants_content

Route = tuple[Step, ...]
"""Keys and positions that lead to a value of a scenario."""

_COLOURS = {"settings": "1F4E79", "variants": "7B8794", "sources": "7B8794"}


def scenario_workbook(case: Case) -> bytes:
    """The workbook of a scenario, explained in the current language.

    Reading it gives the same case, with all sources and variants.
    """
    book = Workbook()
    guide = book.worksheets[0]
    guide.title = tr(GUIDE)
    columns = Columns(case)
    contents = [(tab, _content(tab, columns)) for tab in tabs()]
    lists = {tab.path[0] for tab, _ in contents if tab.has_ids and tab.owner is None}
    lists = {name for name in lists if name != "variants"}
    for tab, content in contents:
        sheet = book.create_sheet(tab.title)
        sheet.sheet_properties.tabColor = _COLOURS.get(tab.key, "2E86AB")
        if tab.kind == "settings":
            draw_settings(sheet, content, lists)
        else:
            draw_items(sheet, content, lists)
        if tab.path and tab.path[0] in lists and tab.owner is None:
            number = next(n for n, one in enumerate(content.columns, 1) if one.path == ("id",))
            letter = get_column_letter(number)
            add_ids(book, tab.path[0], tab.title, letter, FIRST, FIRST + len(content.rows) + ROOM)
    add_lists(book)
    title = named(case.title, "", language())
    draw_guide(guide, title, [(tab, tab.title) for tab, _ in contents])
    book.properties.creator = "Vorrat"
    book.properties.title = title
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _content(tab: Tab, columns: Columns) -> Content:
    if tab.kind == "settings":
        return columns.settings()
    if tab.kind == "variants":
        return variants_content(columns.data.get("variants", {}))
    return columns.of(tab)


def first_difference(case: Case, workbook: bytes) -> Route | None:
    """The path of the first value that reads back otherwise; None where all is the same."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.xlsx"
        file.write_bytes(workbook)
        try:
            again = read_case(file).case
        except ScenarioError as error:
            return error.faults[0].path
    before, after = (one.model_dump(mode="json", by_alias=True) for one in (case, again))
    return next(iter(_differences(before, after, ())), None)


def _differences(before: Any, after: Any, path: Route) -> list[Route]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [
            found
            for key in keys
            for found in _differences(before.get(key), after.get(key), (*path, key))
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [found for n, pair in pairs for found in _differences(*pair, (*path, n))]
    truth = isinstance(before, bool) is isinstance(after, bool)
    return [] if before == after and truth else [path]
