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
from functools import cache
from typing import Any

from openpyxl.reader.excel import ExcelReader  # type: ignore[import-untyped,unused-ignore]
from openpyxl.styles.numbers import (  # type: ignore[import-untyped,unused-ignore]
    BUILTIN_FORMATS,
    is_date_format,
    is_timedelta_format,
)
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped,unused-ignore]
from openpyxl.worksheet._read_only import (  # type: ignore[import-untyped,unused-ignore]
    ReadOnlyWorksheet,
)
from openpyxl.worksheet._reader import (  # type: ignore[import-untyped,unused-ignore]
    FORMULA_TAG,
    ROW_TAG,
    WorkSheetParser,
)
from openpyxl.xml.constants import (  # type: ignore[import-untyped,unused-ignore]
    ARC_STYLE,
    SHEET_MAIN_NS,
)
from openpyxl.xml.functions import iterparse  # type: ignore[import-untyped,unused-ignore]

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
MAX_FORMAT = 255  #: Characters of a number format, as in Excel.
MAX_TAGS = 300_000  #: Tags of one part of a workbook, each of which becomes an object; cells apart.
BOUNDS = Bounds(
    MAX_PARTS, MAX_UNPACKED, MAX_RATIO, MAX_TAGS, ("xl/worksheets/", "xl/sharedStrings")
)


def read_workbook(raw: bytes, file: str, tab: Node | None, place: Place, report: Report) -> Sheet:
    """The cells of one sheet; the first sheet where ``tab`` is absent."""
    book = open_workbook(raw, file, place)
    if not book.sheetnames:
        raise refuse(place, tr("'{file}' has no sheets", file=file))
    name = book.sheetnames[0]
    if tab is not None and tab.value is not None:
        name = tab.value
        if name not in book.sheetnames:
            message = tr("there is no sheet '{sheet}' in '{file}'", sheet=name, file=file)
            raise refuse(tab.place, message, existing(name, book.sheetnames))
    rows = rows_of(book[name], file, place, report)
    if not rows:
        message = tr("the sheet '{sheet}' is empty", sheet=name)
        raise refuse(place, message, tr("its first row names the columns"))
    return Sheet(rows[0], rows[1:])


def open_workbook(raw: bytes, file: str, place: Place) -> Any:
    """A workbook of bounded size, opened for the values of its cells."""
    check_packed(raw, file, place)
    with _readable(file, place):
        reader = _Workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        reader.read()
    if any(len(code) > MAX_FORMAT for code in reader.formats.values()):
        message = tr("a number format of '{file}' is longer than {count} characters",
                     file=file, count=MAX_FORMAT)  # fmt: skip
        raise refuse(place, message, tr("copy the values into a new workbook"))
    return reader.wb


def sheet_names(raw: bytes, file: str, place: Place) -> list[str]:
    """The sheets of a workbook of bounded size."""
    return list(open_workbook(raw, file, place).sheetnames)


def rows_of(sheet: Any, file: str, place: Place, report: Report) -> list[list[Cell]]:
    """The rows of a sheet that hold anything, without the empty cells at their ends."""
    with _readable(file, place):
        return list(_rows(sheet, file, report))


class _Workbook(ExcelReader):  # type: ignore[misc,unused-ignore]
    """Reads what the values of cells rest on: texts, sheets, and which styles are dates.

    Names, print areas and all else of styles are left alone: openpyxl reads them by regular
    expressions whose time grows with the square of a text, or more.
    """

    def read(self) -> None:
        """Read a workbook into ``wb``."""
        self.read_manifest()
        self.read_strings()
        self.read_workbook()
        self.formats = self._formats()
        found = {style: code for style, code in self.formats.items() if len(code) <= MAX_FORMAT}
        book: Any = self.wb
        book._date_formats = {style for style, code in found.items() if _is_date(code)}
        book._timedelta_formats = {style for style, code in found.items() if _is_span(code)}
        self.read_worksheets()

    def read_worksheets(self) -> None:
        """Find the sheets that hold cells."""
        book: Any = self.wb
        files = set(self.valid_files)
        for sheet, rel in self.parser.find_sheets():
            if rel.target in files and "chartsheet" not in rel.Type:
                book._sheets.append(_Sheet(book, sheet.name, rel.target, self.shared_strings))

    def _formats(self) -> dict[int, str]:
        """The number formats of styles by their positions."""
        if ARC_STYLE not in self.valid_files:
            return {}
        codes, styles = dict(BUILTIN_FORMATS), []
        with self.archive.open(ARC_STYLE) as source:
            for _, node in iterparse(source):
                if node.tag == _FORMAT:
                    codes[int(node.get("numFmtId"))] = node.get("formatCode", "")
                elif node.tag == _STYLES:
                    styles = [int(style.get("numFmtId", 0)) for style in node]
        return {position: codes.get(style, "") for position, style in enumerate(styles)}


_FORMAT, _STYLES = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("numFmt", "cellXfs"))
_is_date, _is_span = cache(is_date_format), cache(is_timedelta_format)


class _Sheet(ReadOnlyWorksheet):  # type: ignore[misc,unused-ignore]
    """A sheet that is not read before it is needed."""

    def _get_size(self) -> None:
        pass


class _Rows(WorkSheetParser):  # type: ignore[misc,unused-ignore]
    """Reads the rows of a sheet with the stored values of formulas, and nothing else of it."""

    def parse(self) -> Any:
        """The number of each row, and its cells."""
        for _, element in iterparse(self.source):
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                element.clear()

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """A cell; a formula without a value has the type ``f``."""
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            cell["data_type"] = "f"
        return cell


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


def _rows(sheet: Any, file: str, report: Report) -> Iterator[list[Cell]]:
    book, name, total, last = sheet.parent, sheet.title, 0, 0
    how = {"date_formats": book._date_formats, "timedelta_formats": book._timedelta_formats}
    with sheet._get_source() as source:
        strings = sheet._shared_strings
        for number, row in _Rows(source, strings, data_only=True, epoch=book.epoch, **how).parse():
            if number <= last:  # no spreadsheet program writes rows twice, or out of order
                continue
            place, last = Place(file, cell=f"{name}!A{number}"), number
            if number > MAX_ROWS:
                message = tr("more than {count} rows", count=MAX_ROWS)
                raise refuse(place, message, tr("delete what lies below the table"))
            found = {cell["column"]: cell for cell in row}
            total += (width := max(found, default=0))
            if total > MAX_CELLS:
                hint = tr("delete what lies below and beside the table")
                raise refuse(place, tr("more than {count} cells", count=MAX_CELLS), hint)
            cells = []
            for column in range(width):
                one = found.get(column + 1, _EMPTY)
                letter = get_column_letter(column + 1) if column < 18278 else "?"
                at = Place(file, cell=f"{name}!{letter}{number}")
                message, hint = _wrong(one["value"], one["data_type"])
                if message:
                    report(Fault((), message, hint, place=at))
                value = None if message else one["value"]
                if isinstance(value, int) and abs(value) >= 10**300:
                    value = math.inf  # as everywhere; beyond a float, integers break arithmetic
                cells.append(Cell(value, at, column, faulty=bool(message)))
                if cells[-1].filled and not message and column >= MAX_COLUMNS:
                    hint = tr("delete what lies beside the table")
                    raise refuse(at, tr("more than {count} columns", count=MAX_COLUMNS), hint)
            while cells and not cells[-1].filled:
                cells.pop()
            if cells:
                yield cells
    count("cells", total, Place(file))


_EMPTY = {"value": None, "data_type": "n"}


def _wrong(value: Any, kind: str) -> tuple[str, str]:
    """What is wrong with a cell, and a hint; nothing where it can be read."""
    if kind == "f":
        hint = tr("open and save the file in a spreadsheet program, or write the value")
        return tr("this formula has no stored value"), hint
    if kind == "e":
        return tr("this cell holds the error {error}", error=value), tr("mend the formula")
    if isinstance(value, str) and (code := unprintable(value)):
        return tr("character {code} does not belong into a text", code=code), tr("remove it")
    return "", ""
