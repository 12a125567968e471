"""Drop-downs and bounds: what Excel itself lets into a cell.

Lists of ids are defined names that grow with their sheet. A validation that named another sheet
itself would be kept by Excel in a form that other programs drop.
"""

from __future__ import annotations

from typing import Literal

from openpyxl import Workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from models.files.tabs import OWN, word_shown
from models.language import tr
from models.scenario.countries import ALPHA_2
from optimizer.report.scenario_workbook.columns import Column
from optimizer.report.scenario_workbook.fields import Field, section_of

LISTS = f"{OWN}lists"
COUNTRY_LIST, TRUTH_LIST = "list_countries", "list_truth"


def add_lists(book: Workbook) -> None:
    """The hidden sheet with the lists that are too long for a validation."""
    sheet = book.create_sheet(LISTS)
    sheet.sheet_state = "hidden"
    codes = sorted(ALPHA_2)
    for row, code in enumerate(codes, start=1):
        sheet.cell(row, 1, code)
    sheet.cell(1, 2, True)
    sheet.cell(2, 2, False)
    _define(book, COUNTRY_LIST, f"'{LISTS}'!$A$1:$A${len(codes)}")
    _define(book, TRUTH_LIST, f"'{LISTS}'!$B$1:$B$2")


def add_ids(book: Workbook, section: str, sheet: str, column: str, first: int, last: int) -> None:
    """The ids of a sheet as a list, as long as there are ids."""
    cells = f"'{sheet}'!${column}${first}:${column}${last}"
    start = f"'{sheet}'!${column}${first}"
    _define(book, f"list_{section}", f"OFFSET({start},0,0,MAX(1,COUNTA({cells})),1)")


def _define(book: Workbook, name: str, formula: str) -> None:
    book.defined_names[name] = DefinedName(name, attr_text=formula)


def validation_of(column: Column, lists: set[str]) -> DataValidation | None:
    """The validation of a column's cells; None where anything may stand."""
    shape = column.shape
    if shape.kind == "choice":
        words = ",".join(word_shown(word) for word in shape.choices)
        return _list(f'"{words}"', tr("Choose one of the list."), "stop")
    if shape.kind == "flag":
        return _list(TRUTH_LIST, tr("Choose one of the list."), "stop")
    if shape.kind == "country":
        return _list(COUNTRY_LIST, tr("ISO 3166 code with two capitals, such as DE."), "warning")
    if column.remark and column.path[-1] == "source":
        return _list("list_sources", "", None)
    if shape.kind == "text":
        section = section_of(column.path[-1])
        if section in lists and column.path[-1] not in ("id", "text"):
            return _list(f"list_{section}", tr("No item of this id yet: enter it on its sheet as "
                                               "well."), "warning")  # fmt: skip
        return None
    if shape.kind in ("number", "yearly", "whole"):
        return _bounded(column.field)
    return None


def _list(formula: str, message: str, style: Literal["stop", "warning"] | None) -> DataValidation:
    made = DataValidation(type="list", formula1=formula, allow_blank=True)
    if style is None:
        made.showErrorMessage = False
        return made
    made.showErrorMessage, made.errorStyle = True, style
    made.errorTitle, made.error = "Vorrat", message
    return made


def _bounded(field: Field) -> DataValidation:
    """A number within the bounds of its field."""
    bounds = field.bounds
    if field.is_year:
        made = DataValidation("whole", "0", "9999", operator="between")
        made.error = tr("A calendar year, such as 2030.")
    elif bounds is not None and bounds.le is not None:
        made = DataValidation("decimal", f"{bounds.ge or 0:g}", f"{bounds.le:g}",
                              operator="between")  # fmt: skip
        made.error = tr("A share from 0 % to 100 %, that is, from 0 to 1.")
    elif bounds is not None and bounds.lt is not None:
        made = DataValidation("decimal", f"{bounds.lt:g}", operator="lessThan")
        made.error = tr("A share from 0 % to under 100 %.")
    else:
        whole = bounds is not None and bounds.whole
        least = 0.0 if bounds is None else bounds.gt if bounds.gt is not None else bounds.ge or 0
        above = bounds is not None and bounds.gt is not None
        made = DataValidation(
            "whole" if whole else "decimal",
            f"{least:g}",
            operator="greaterThan" if above else "greaterThanOrEqual",
        )
        shown = f"{least:g}"
        made.error = (
            tr("A number above {least}.", least=shown)
            if above
            else tr("A number of {least} or more.", least=shown)
        )
    made.allow_blank, made.showErrorMessage = True, True
    made.errorStyle, made.errorTitle = "stop", "Vorrat"
    return made


def validate_cells(sheet: Worksheet, column: Column, cells: str, lists: set[str]) -> None:
    """Put a column's validation on cells."""
    found = validation_of(column, lists)
    if found is not None:
        found.add(cells)
        sheet.add_data_validation(found)
