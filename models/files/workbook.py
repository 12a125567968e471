"""Reading of tables from Excel workbooks; limits are checked before openpyxl reads them.

A small file can unpack to gigabytes, or hold a single cell far from the others. Therefore the size
of the file, its unpacked size, and the numbers of rows and columns are limited.
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
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format  # type: ignore[import-untyped,unused-ignore]
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped,unused-ignore]
from openpyxl.worksheet._read_only import ReadOnlyWorksheet  # type: ignore[import-untyped,unused-ignore]
from openpyxl.worksheet._reader import FORMULA_TAG, ROW_TAG, WorkSheetParser  # type: ignore[import-untyped,unused-ignore]
from openpyxl.xml.constants import ARC_STYLE, SHEET_MAIN_NS  # type: ignore[import-untyped,unused-ignore]
from openpyxl.xml.functions import iterparse  # type: ignore[import-untyped,unused-ignore]

from models.faults import Fault, ScenarioError, SourceLocation
from models.files.decoding import MAX_CELLS, count_toward_limits, fatal_error, find_unprintable
from models.files.nodes import MAX_COLUMNS, MAX_ROWS, Cell, FaultReporter, Node, Sheet
from models.files.result_json import ArchiveLimits, ArchiveRefused, check_archive
from models.spelling import unknown_name_hint

MAX_UNPACKED = 200_000_000  #: Unpacked bytes of a workbook.
MAX_RATIO = 200  #: Ratio of unpacked to packed bytes.
_OLE_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
MAX_PARTS = 5_000
MAX_FORMAT_LENGTH = 255  #: Characters of a number format, as in Excel.
MAX_TAGS = 300_000  #: Tags of one part of a workbook outside of cells; each becomes an object.
WORKBOOK_LIMITS = ArchiveLimits(
    MAX_PARTS, MAX_UNPACKED, MAX_RATIO, MAX_TAGS, ("xl/worksheets/", "xl/sharedStrings")
)


def read_workbook(
    raw: bytes, file: str, sheet_name: Node | None, location: SourceLocation, report: FaultReporter
) -> Sheet:
    """Return the table on one sheet of a workbook; on the first sheet if ``sheet_name`` is None.

    Raises ScenarioError if the workbook or the sheet cannot be read.
    """
    book = open_workbook(raw, file, location)
    if not book.sheetnames:
        raise fatal_error(location, f"'{file}' has no sheets")
    name = book.sheetnames[0]
    if sheet_name is not None and sheet_name.value is not None:
        name = sheet_name.value
        if name not in book.sheetnames:
            message = f"there is no sheet '{name}' in '{file}'"
            raise fatal_error(
                sheet_name.location, message, unknown_name_hint(name, book.sheetnames)
            )
    rows = read_rows(book[name], file, location, report)
    if not rows:
        message = f"the sheet '{name}' is empty"
        raise fatal_error(location, message, "its first row names the columns")
    return Sheet(rows[0], rows[1:])


def open_workbook(raw: bytes, file: str, location: SourceLocation) -> Any:
    """Open a workbook with openpyxl after checking its size, to read the values of its cells.

    Raises ScenarioError if it is not readable or exceeds the limits.
    """
    check_workbook_archive(raw, file, location)
    with _refuse_unreadable(file, location):
        workbook_reader = _WorkbookReader(
            io.BytesIO(raw), read_only=True, data_only=True, keep_links=False
        )
        workbook_reader.read()
    if any(len(code) > MAX_FORMAT_LENGTH for code in workbook_reader.formats.values()):
        message = f"a number format of '{file}' is longer than {MAX_FORMAT_LENGTH} characters"
        raise fatal_error(location, message, "copy the values into a new workbook")
    return workbook_reader.wb


def sheet_names(raw: bytes, file: str, location: SourceLocation) -> list[str]:
    """Return the sheet names of a workbook, after checking its size.

    Raises ScenarioError as :func:`open_workbook` does.
    """
    return list(open_workbook(raw, file, location).sheetnames)


def read_rows(
    sheet: Any, file: str, location: SourceLocation, report: FaultReporter
) -> list[list[Cell]]:
    """Return the rows of a sheet that have content, each without the empty cells at its end.

    Faulty cells are reported. Raises ScenarioError if the sheet cannot be read or exceeds the
    limits on rows, columns and cells.
    """
    with _refuse_unreadable(file, location):
        return list(_iter_rows(sheet, file, report))


class _WorkbookReader(ExcelReader):  # type: ignore[misc,unused-ignore]
    """Reader of the parts of a workbook that determine cell values.

    These are the shared texts, the sheets, and which number formats are dates. Defined names, print
    areas and other styles are not read: openpyxl parses them by regular expressions whose running
    time grows at least with the square of the length.
    """

    def read(self) -> None:
        """Read the workbook into ``wb``."""
        self.read_manifest()
        self.read_strings()
        self.read_workbook()
        self.formats = self._number_formats()
        short_formats = {
            style: code for style, code in self.formats.items() if len(code) <= MAX_FORMAT_LENGTH
        }
        book: Any = self.wb
        book._date_formats = {style for style, code in short_formats.items() if _is_date_code(code)}
        book._timedelta_formats = {
            style for style, code in short_formats.items() if _is_duration_code(code)
        }
        self.read_worksheets()

    def read_worksheets(self) -> None:
        """Add the sheets that hold cells to the workbook, leaving out charts."""
        book: Any = self.wb
        files = set(self.valid_files)
        for sheet, relationship in self.parser.find_sheets():
            if relationship.target in files and "chartsheet" not in relationship.Type:
                book._sheets.append(
                    _LazySheet(book, sheet.name, relationship.target, self.shared_strings)
                )

    def _number_formats(self) -> dict[int, str]:
        """Return the number format of each cell style, by the position of the style."""
        if ARC_STYLE not in self.valid_files:
            return {}
        codes, styles = dict(BUILTIN_FORMATS), []
        with self.archive.open(ARC_STYLE) as source:
            for _, node in iterparse(source):
                if node.tag == _FORMAT_TAG:
                    codes[int(node.get("numFmtId"))] = node.get("formatCode", "")
                elif node.tag == _STYLES_TAG:
                    styles = [int(style.get("numFmtId", 0)) for style in node]
        return {position: codes.get(style, "") for position, style in enumerate(styles)}


_FORMAT_TAG, _STYLES_TAG = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("numFmt", "cellXfs"))
_is_date_code, _is_duration_code = cache(is_date_format), cache(is_timedelta_format)


class _LazySheet(ReadOnlyWorksheet):  # type: ignore[misc,unused-ignore]
    """A sheet that is read only when its rows are iterated."""

    def _get_size(self) -> None:
        pass


class _RowParser(WorkSheetParser):  # type: ignore[misc,unused-ignore]
    """Parser of the rows of a sheet, with the stored values of formulas."""

    def parse(self) -> Any:
        """Yield the number of each row, and its cells."""
        for _, element in iterparse(self.source):
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                element.clear()

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """Return a cell; a formula without a stored value has the type ``f``."""
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            cell["data_type"] = "f"
        return cell


@contextmanager
def _refuse_unreadable(file: str, location: SourceLocation) -> Iterator[None]:
    """Turn all errors of openpyxl into ScenarioError, and suppress its warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ScenarioError:
        raise
    except Exception as error:
        # openpyxl does not document which exceptions a damaged workbook raises.
        problem = str(error).splitlines()[0] if str(error) else ""
        hint = f"reading it ended with: {problem}" if problem else ""
        raise fatal_error(location, f"'{file}' is not a readable workbook", hint) from None


def check_workbook_archive(raw: bytes, file: str, location: SourceLocation) -> None:
    """Raise ScenarioError, located at ``location``, if a file is no workbook or exceeds the limits.

    This function must be called before anything else opens the file.
    """
    try:
        check_archive(raw, WORKBOOK_LIMITS)
    except zipfile.BadZipFile:
        message = f"'{file}' is not an Excel workbook"
        hint = "save it as .xlsx"
        if raw.startswith(_OLE_SIGNATURE):
            message = f"'{file}' is encrypted, or saved by an old Excel"
            hint = "save it as .xlsx, without a password"
        raise fatal_error(location, message, hint) from None
    except ArchiveRefused as error:
        values: dict[str, Any] = {"file": file, "size": error.size / 1e6, "count": MAX_PARTS}
        entities = "'{file}' declares XML entities, which no workbook does".format(**values)
        save_again = "save it again in a spreadsheet program"
        message, hint = {
            "size": ("'{file}' unpacks to {size:.0f} MB".format(**values), "save the table as CSV"),
            "parts": ("'{file}' has more than {count} parts".format(**values), ""),
            "tags": (
                "a part of '{file}' has too many entries".format(**values),
                "copy the values into a new workbook",
            ),
            "entities": (entities, save_again),
            "sizes": (
                "'{file}' states sizes of its parts that are not true".format(**values),
                save_again,
            ),
        }[error.problem]
        raise fatal_error(location, message, hint) from None


def _iter_rows(sheet: Any, file: str, report: FaultReporter) -> Iterator[list[Cell]]:
    book, name, cell_count, last_row_number = sheet.parent, sheet.title, 0, 0
    format_sets = {"date_formats": book._date_formats, "timedelta_formats": book._timedelta_formats}
    with sheet._get_source() as source:
        shared_strings = sheet._shared_strings
        for row_number, row in _RowParser(
            source, shared_strings, data_only=True, epoch=book.epoch, **format_sets
        ).parse():
            if (
                row_number <= last_row_number
            ):  # duplicate rows, or rows out of order; no program writes them
                continue
            row_location, last_row_number = (
                SourceLocation(file, cell=f"{name}!A{row_number}"),
                row_number,
            )
            if row_number > MAX_ROWS:
                message = f"more than {MAX_ROWS} rows"
                raise fatal_error(row_location, message, "delete what lies below the table")
            cells_by_column = {cell["column"]: cell for cell in row}
            cell_count += (width := max(cells_by_column, default=0))
            if cell_count > MAX_CELLS:
                hint = "delete what lies below and beside the table"
                raise fatal_error(row_location, f"more than {MAX_CELLS} cells", hint)
            cells = []
            for column in range(width):
                raw_cell = cells_by_column.get(column + 1, _EMPTY_CELL)
                letter = get_column_letter(column + 1) if column < 18278 else "?"
                location = SourceLocation(file, cell=f"{name}!{letter}{row_number}")
                message, hint = _cell_problem(raw_cell["value"], raw_cell["data_type"])
                if message:
                    report(Fault((), message, hint, location=location))
                value = None if message else raw_cell["value"]
                if isinstance(value, int) and abs(value) >= 10**300:
                    value = math.inf  # integers beyond the range of floats break arithmetic
                cells.append(Cell(value, location, column, faulty=bool(message)))
                if cells[-1].is_filled and not message and column >= MAX_COLUMNS:
                    hint = "delete the other keys next to the table"
                    raise fatal_error(location, f"more than {MAX_COLUMNS} columns", hint)
            while cells and not cells[-1].is_filled:
                cells.pop()
            if cells:
                yield cells
    count_toward_limits("cells", cell_count, SourceLocation(file))


_EMPTY_CELL = {"value": None, "data_type": "n"}


def _cell_problem(value: Any, data_type: str) -> tuple[str, str]:
    """Return message and hint for a cell that cannot be read; empty if it can."""
    if data_type == "f":
        hint = "open and save the file in a spreadsheet program, or write the value"
        return "this formula has no stored value", hint
    if data_type == "e":
        return f"this cell holds the error {value}", "mend the formula"
    if isinstance(value, str) and (code := find_unprintable(value)):
        return f"character {code} does not belong into a text", "remove it"
    return "", ""
