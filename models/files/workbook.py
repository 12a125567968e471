"""Tables in Excel workbooks, bounded before they are read.

A small file can unpack to gigabytes or hold one far cell, so the size of the file, what it
unpacks to, rows and columns are limited first.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openpyxl import load_workbook  # type: ignore[import-untyped,unused-ignore]
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped,unused-ignore]

from models.faults import Fault, Place, ScenarioError
from models.files.archive import Bounds, Unpacking, check
from models.files.decoding import MAX_CELLS, count_cells, refuse, unprintable
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, Node, Report, Sheet
from models.language import tr
from models.spelling import existing

MAX_UNPACKED = 200_000_000
MAX_RATIO = 200
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
MAX_PARTS = 5_000
MAX_TAGS = 300_000
"""Tags of one part of a workbook, each of which becomes an object; cells apart."""
BOUNDS = Bounds(
    MAX_PARTS, MAX_UNPACKED, MAX_RATIO, MAX_TAGS, ("xl/worksheets/", "xl/sharedStrings")
)


def read_workbook(raw: bytes, file: str, tab: Node | None, place: Place, report: Report) -> Sheet:
    """The cells of one sheet; the first sheet where ``tab`` is absent."""
    values, formulas = open_workbook(raw, file, place)
    if not values.sheetnames:
        raise refuse(place, tr("'{file}' has no sheets", file=file))
    name = values.sheetnames[0]
    if tab is not None and tab.value is not None:
        name = tab.value
        if name not in values.sheetnames:
            message = tr("there is no sheet '{sheet}' in '{file}'", sheet=name, file=file)
            raise refuse(tab.place, message, existing(name, values.sheetnames))
    rows = rows_of(values[name], formulas[name], file, place, report)
    if not rows:
        message = tr("the sheet '{sheet}' is empty", sheet=name)
        raise refuse(place, message, tr("its first row names the columns"))
    return Sheet(rows[0], rows[1:])


def open_workbook(raw: bytes, file: str, place: Place) -> tuple[Any, Any]:
    """A workbook of bounded size, opened twice: for its values and for its formulas."""
    check_packed(raw, file, place)
    try:
        with _quietly():
            values = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
            formulas = load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
    except Exception as error:
        # A damaged workbook fails in many ways, none of them documented.
        raise _unreadable(file, place, error) from None
    return values, formulas


def sheet_names(raw: bytes, file: str, place: Place) -> list[str]:
    """The sheets of a workbook of bounded size."""
    return list(open_workbook(raw, file, place)[0].sheetnames)


def rows_of(
    values: Any, formulas: Any, file: str, place: Place, report: Report
) -> list[list[Cell]]:
    """The rows of a sheet that hold anything, without the empty cells at their ends."""
    try:
        with _quietly():
            return list(_rows(values, formulas, file, values.title, report))
    except ScenarioError:
        raise
    except Exception as error:
        # Cells are parsed while they are read, and fail in as many ways.
        raise _unreadable(file, place, error) from None


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what openpyxl warns of: parts of a workbook that it leaves out, and nobody needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _unreadable(file: str, place: Place, error: Exception) -> ScenarioError:
    said = str(error).splitlines()[0] if str(error) else ""
    hint = tr("reading it ended with: {problem}", problem=said) if said else ""
    return refuse(place, tr("'{file}' is not a readable workbook", file=file), hint)


def check_packed(raw: bytes, file: str, place: Place) -> None:
    """Refuse what is no workbook, and one that unpacks to more than it may.

    To be called before anything else opens it. Raises ScenarioError.
    """
    try:
        check(raw, BOUNDS)
    except zipfile.BadZipFile:
        message = tr("'{file}' is not an Excel workbook", file=file)
        hint = tr("save it as .xlsx")
        if raw.startswith(_OLE):
            message = tr("'{file}' is encrypted, or saved by an old Excel", file=file)
            hint = tr("save it as .xlsx, without a password")
        raise refuse(place, message, hint) from None
    except Unpacking as error:
        raise refuse(place, *_refused(error, file)) from None


def _refused(error: Unpacking, file: str) -> tuple[str, str]:
    """What is said of a workbook that is more than it may be, and a hint."""
    if error.problem == "size":
        message = tr("'{file}' unpacks to {size:.0f} MB", file=file, size=error.size / 1e6)
        return message, tr("save the table as CSV")
    if error.problem == "parts":
        return tr("'{file}' has more than {count} parts", file=file, count=MAX_PARTS), ""
    if error.problem == "tags":
        hint = tr("copy the values into a new workbook")
        return tr("a part of '{file}' has too many entries", file=file), hint
    hint = tr("save it anew in a spreadsheet program")
    if error.problem == "entities":
        return tr("'{file}' declares XML entities, which no workbook does", file=file), hint
    return tr("'{file}' states sizes of its parts that are not true", file=file), hint


def _rows(values: Any, formulas: Any, file: str, name: str, report: Report) -> Iterator[list[Cell]]:
    values.reset_dimensions()
    formulas.reset_dimensions()
    pairs = zip(values.iter_rows(), formulas.iter_rows(), strict=False)
    count = 0
    for number, (row, written) in enumerate(pairs, start=1):
        place = Place(file, cell=f"{name}!A{number}")
        if number > MAX_ROWS:
            message = tr("more than {count} rows", count=MAX_ROWS)
            raise refuse(place, message, tr("delete what lies below the table"))
        count += len(row)
        if count > MAX_CELLS:
            hint = tr("delete what lies below and beside the table")
            raise refuse(place, tr("more than {count} cells", count=MAX_CELLS), hint)
        cells = []
        for column, (one, other) in enumerate(zip(row, written, strict=False)):
            cell = _cell(one, other, Place(file, cell=f"{name}!{_letter(column)}{number}"), column)
            if isinstance(cell, Fault):
                report(cell)
                cell = Cell(None, cell.place or place, column, faulty=True)
            elif cell.filled and column >= MAX_COLUMNS:
                hint = tr("delete what lies beside the table")
                raise refuse(cell.place, tr("more than {count} columns", count=MAX_COLUMNS), hint)
            cells.append(cell)
        while cells and not cells[-1].filled:
            cells.pop()
        if cells:
            yield cells
    count_cells(count, Place(file))


def _letter(column: int) -> str:
    return str(get_column_letter(column + 1)) if column < 18278 else "?"


def _cell(one: Any, written: Any, place: Place, column: int) -> Cell | Fault:
    if one.value is None and written.data_type == "f":
        hint = tr("open and save the file in a spreadsheet program, or write the value")
        return Fault((), tr("this formula has no stored value"), hint, place=place)
    if one.data_type == "e":
        message = tr("this cell holds the error {error}", error=one.value)
        return Fault((), message, tr("mend the formula"), place=place)
    if isinstance(one.value, str) and (code := unprintable(one.value)):
        message = tr("character {code} does not belong into a text", code=code)
        return Fault((), message, tr("remove it"), place=place)
    value = one.value
    if isinstance(value, int) and abs(value) >= 10**300:
        value = math.inf  # as everywhere; beyond a float, a whole number breaks arithmetic
    return Cell(value, place, column)
