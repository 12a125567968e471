"""Drop-downs and bounds: what Excel itself lets into a cell.

Lists of ids are defined names that grow with their sheet. A validation that named another sheet
itself would be kept by Excel in a form that other programs drop.
"""

from __future__ import annotations

from typing import Any

from openpyxl import Workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from models.files.tabs import OWN
from models.files.wording import word_shown
from models.language import tr
from models.scenario.countries import ALPHA_2
from optimizer.report.scenario_workbook.columns import Column
from optimizer.report.scenario_workbook.fields import Field, section_of

LISTS = f"{OWN}lists"


def add_lists(book: Workbook) -> None:
    """The hidden sheet with the lists that are too long for a validation."""
    sheet = book.create_sheet(LISTS)
    sheet.sheet_state = "hidden"
    codes = sorted(ALPHA_2)
    for row, code in enumerate(codes, start=1):
        sheet.cell(row, 1, code)
    sheet.cell(1, 2, True)
    sheet.cell(2, 2, False)
    _define(book, "list_countries", f"'{LISTS}'!$A$1:$A${len(codes)}")
    _define(book, "list_truth", f"'{LISTS}'!$B$1:$B$2")


def add_ids(book: Workbook, section: str, sheet: str, column: str, first: int, last: int) -> None:
    """The ids of a sheet as a list, as long as there are ids."""
    cells = f"'{sheet}'!${column}${first}:${column}${last}"
    start = f"'{sheet}'!${column}${first}"
    _define(book, f"list_{section}", f"OFFSET({start},0,0,MAX(1,COUNTA({cells})),1)")


def _define(book: Workbook, name: str, formula: str) -> None:
    book.defined_names[name] = DefinedName(name, attr_text=formula)


def validate_cells(sheet: Worksheet, column: Column, cells: str, lists: set[str]) -> None:
    """Put a column's validation on cells; none where anything may stand."""
    kind, name = column.shape.kind, column.path[-1]
    section = section_of(name)
    made: DataValidation | None = None
    if kind == "choice":
        words = ",".join(word_shown(word) for word in column.shape.choices)
        made = _made("list", tr("Choose one of the list."), formula1=f'"{words}"')
    elif kind == "flag":
        made = _made("list", tr("Choose one of the list."), formula1="list_truth")
    elif kind == "country":
        message = tr("ISO 3166 code with two capitals, such as DE.")
        made = _made("list", message, "warning", formula1="list_countries")
    elif column.remark and name == "source":
        made = DataValidation("list", "list_sources", allow_blank=True, showErrorMessage=False)
    elif kind == "text" and section in lists and name not in ("id", "text"):
        message = tr("No item of this id yet: enter it on its sheet as well.")
        made = _made("list", message, "warning", formula1=f"list_{section}")
    elif kind in ("number", "yearly", "whole"):
        made = _bounded(column.field)
    if made is not None:
        made.add(cells)
        sheet.add_data_validation(made)


def _made(kind: Any, message: str, style: Any = "stop", **more: Any) -> DataValidation:
    return DataValidation(kind, errorStyle=style, errorTitle="Vorrat", error=message,
                          allow_blank=True, showErrorMessage=True, **more)  # fmt: skip


def _bounded(field: Field) -> DataValidation:
    """A number within the bounds of its field."""
    bounds = field.bounds
    if field.is_year:
        message, ends = tr("A calendar year, such as 2030."), {"formula1": "0", "formula2": "9999"}
        return _made("whole", message, operator="between", **ends)
    if bounds is not None and bounds.le is not None:
        message = tr("A share from 0 % to 100 %, that is, from 0 to 1.")
        ends = {"formula1": f"{bounds.ge or 0:g}", "formula2": f"{bounds.le:g}"}
        return _made("decimal", message, operator="between", **ends)
    if bounds is not None and bounds.lt is not None:
        message, most = tr("A share from 0 % to under 100 %."), f"{bounds.lt:g}"
        return _made("decimal", message, operator="lessThan", formula1=most)
    kind = "whole" if bounds is not None and bounds.whole else "decimal"
    if bounds is not None and bounds.gt is not None:
        least = f"{bounds.gt:g}"
        message = tr("A number above {least}.", least=least)
        return _made(kind, message, operator="greaterThan", formula1=least)
    least = f"{(bounds.ge or 0) if bounds is not None else 0:g}"
    message = tr("A number of {least} or more.", least=least)
    return _made(kind, message, operator="greaterThanOrEqual", formula1=least)
