"""A scenario as an Excel workbook that people fill in and Vorrat reads."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from models.base import named
from models.faults import ScenarioError, Step
from models.files import read_case
from models.files.tabs import GUIDE, tabs
from models.language import language, tr
from models.scenario.case import Case
from optimizer.report.scenario_workbook.columns import Columns
from optimizer.report.scenario_workbook.guide import draw_guide
from optimizer.report.scenario_workbook.sheets import FIRST, ROOM, draw_items, draw_settings
from optimizer.report.scenario_workbook.validation import add_ids, add_lists
from optimizer.report.scenario_workbook.variants import variants_content

_COLOURS = {"settings": "1F4E79", "variants": "7B8794", "sources": "7B8794"}


def scenario_workbook(case: Case) -> bytes:
    """The workbook of a scenario, explained in the current language.

    Reading it gives the same case, with all sources and variants.
    """
    book = Workbook()
    guide = book.worksheets[0]
    guide.title = tr(GUIDE)
    columns, variants = Columns(case), ("variants",)
    lists = {t.path[0] for t in tabs() if t.has_ids and t.owner is None and t.path != variants}
    for tab in tabs():
        of_variants = tab.path == variants
        content = variants_content(tab, columns.data) if of_variants else columns.of(tab)
        sheet = book.create_sheet(tab.title)
        sheet.sheet_properties.tabColor = _COLOURS.get(tab.key, "2E86AB")
        (draw_settings if tab.kind == "settings" else draw_items)(sheet, content, lists)
        if tab.path and tab.path[0] in lists and tab.owner is None:
            number = [column.path for column in content.columns].index(("id",)) + 1
            last = FIRST + len(content.rows) + ROOM
            add_ids(book, tab.path[0], tab.title, get_column_letter(number), FIRST, last)
    add_lists(book)
    title = named(case.title, "", language())
    draw_guide(guide, title)
    book.properties.creator, book.properties.title = "Vorrat", title
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


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
