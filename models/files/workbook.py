"""Tables in Excel workbooks, bounded before they are read.

A small file can unpack to gigabytes or hold one far cell, so the size of the file, what it
unpacks to, rows and columns are limited first.
"""

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
from models.files.decoding import MAX_CELLS, count, refuse, unprintable
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, Node, Report, Sheet
from models.language import tr
from models.spelling import existing

MAX_UNPACKED = 200_000_000
MAX_RATIO = 200
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
MAX_PARTS = 5_000
MAX_TAGS = 300_000  #: Tags of one part of a workbook, each of which becomes an object; cells apart.
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
    with _readable(file, place):
        values = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        return values, load_workbook(io.BytesIO(raw), read_only=True, data_only=False)


def sheet_names(raw: bytes, file: str, place: Place) -> list[str]:
    """The sheets of a workbook of bounded size."""
    return list(open_workbook(raw, file, place)[0].sheetnames)


def rows_of(
    values: Any, formulas: Any, file: str, place: Place, report: Report
) -> list[list[Cell]]:
    """The rows of a sheet that hold anything, without the empty cells at their ends."""
    with _readable(file, place):
        return list(_rows(values, formulas, file, values.title, report))


@contextmanager
def _readable(file: str, place: Place) -> Iterator[None]:
    """Refuses what openpyxl cannot read, and keeps its warnings of parts that nobody needs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ScenarioError:
        raise
    except Exception as error:
        # A damaged workbook fails in many ways, none of them documented, some while it is read.
        said = str(error).splitlines()[0] if str(error) else ""
        hint = tr("reading it ended with: {problem}", problem=said) if said else ""
        raise refuse(place, tr("'{file}' is not a readable workbook", file=file), hint) from None


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
        about = {"file": file, "size": error.size / 1e6, "count": MAX_PARTS}
        entities = tr("'{file}' declares XML entities, which no workbook does", **about)
        anew = tr("save it anew in a spreadsheet program")
        message, hint = {
            "size": (tr("'{file}' unpacks to {size:.0f} MB", **about), tr("save the table as CSV")),
            "parts": (tr("'{file}' has more than {count} parts", **about), ""),
            "tags": (
                tr("a part of '{file}' has too many entries", **about),
                tr("copy the values into a new workbook"),
            ),
            "entities": (entities, anew),
            "sizes": (tr("'{file}' states sizes of its parts that are not true", **about), anew),
        }[error.problem]
        raise refuse(place, message, hint) from None


def _rows(values: Any, formulas: Any, file: str, name: str, report: Report) -> Iterator[list[Cell]]:
    values.reset_dimensions()
    formulas.reset_dimensions()
    pairs = zip(values.iter_rows(), formulas.iter_rows(), strict=False)
    total = 0
    for number, (row, written) in enumerate(pairs, start=1):
        place = Place(file, cell=f"{name}!A{number}")
        if number > MAX_ROWS:
            message = tr("more than {count} rows", count=MAX_ROWS)
            raise refuse(place, message, tr("delete what lies below the table"))
        total += len(row)
        if total > MAX_CELLS:
            hint = tr("delete what lies below and beside the table")
            raise refuse(place, tr("more than {count} cells", count=MAX_CELLS), hint)
        cells = []
        for column, (one, other) in enumerate(zip(row, written, strict=False)):
            letter = get_column_letter(column + 1) if column < 18278 else "?"
            at = Place(file, cell=f"{name}!{letter}{number}")
            message, hint = _wrong(one, other)
            if message:
                report(Fault((), message, hint, place=at))
            value = None if message else one.value
            if isinstance(value, int) and abs(value) >= 10**300:
                value = math.inf  # as everywhere; beyond a float, a whole number breaks arithmetic
            cells.append(Cell(value, at, column, faulty=bool(message)))
            if cells[-1].filled and not message and column >= MAX_COLUMNS:
                hint = tr("delete what lies beside the table")
                raise refuse(at, tr("more than {count} columns", count=MAX_COLUMNS), hint)
        while cells and not cells[-1].filled:
            cells.pop()
        if cells:
            yield cells
    count("cells", total, Place(file))


def _wrong(one: Any, written: Any) -> tuple[str, str]:
    """What is wrong with a cell, and a hint; nothing where it can be read."""
    if one.value is None and written.data_type == "f":
        hint = tr("open and save the file in a spreadsheet program, or write the value")
        return tr("this formula has no stored value"), hint
    if one.data_type == "e":
        return tr("this cell holds the error {error}", error=one.value), tr("mend the formula")
    if isinstance(one.value, str) and (code := unprintable(one.value)):
        return tr("character {code} does not belong into a text", code=code), tr("remove it")
    return "", ""
