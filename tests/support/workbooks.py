"""Scenario workbooks for tests: written, changed by hand, and read again."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from openpyxl import Workbook, load_workbook

from models.files import read_case, read_case_text
from models.language import using
from optimizer.cli.scenario_files import starter_scenario_text
from optimizer.report.scenario_workbook.sheets import build_scenario_workbook

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"


def starter(language="en"):
    return read_case_text(starter_scenario_text(language)).case


def written(case, language="en"):
    with using(language):
        return build_scenario_workbook(case)


@cache
def _tutorial():
    return written(read_case(TUTORIAL).case)


def tutorial_book(folder, change=lambda book: None, name="book.xlsx"):
    """The tutorial as a workbook in a folder, with a change made to it."""
    book = load_workbook(io.BytesIO(_tutorial()))
    change(book)
    path = folder / name
    book.save(path)
    return path


def column(sheet, name):
    """The number of a column, by its technical name."""
    return next(cell.column for row in sheet.iter_rows(max_row=4) for cell in row
                if cell.value == name)  # fmt: skip


def set_cell(book: Workbook, sheet: str, name: str, row: int, value):
    cell = book[sheet].cell(row, column(book[sheet], name))
    cell.value = value
    return cell


def setting(book: Workbook, path: str):
    """The cell of a setting's value."""
    return next(row[1] for row in book["Settings"].iter_rows() if row[7].value == path)
