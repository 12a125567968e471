"""Rows of downloaded files: CSV in the encodings that publishers use, and Excel sheets."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.faults import Fault, ScenarioError, SourceLocation, escape_unprintable
from models.files.decoding import fatal_error, read_bytes, replace_unprintable
from models.files.table_source import field_positions
from models.spelling import unknown_name_hint

MAX_BYTES = 100_000_000  #: Of one file; UN Comtrade gives 250,000 rows of about 300 bytes at most.
MAX_CELLS = 20_000_000  #: Of one CSV file.
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Notice:
    """Something in a file that is not taken as it stands, and what was done with it."""

    location: SourceLocation
    message: str

    def __str__(self) -> str:
        return f"{self.location}: {escape_unprintable(self.message)}"


@dataclass(frozen=True)
class Row:
    """One row: its number in the file, from 1, and its cells."""

    line: int
    cells: Sequence[object]

    def text(self, index: int | None) -> str:
        """Return the text of a cell without spaces at its ends; empty if there is no cell."""
        value = None if index is None or index >= len(self.cells) else self.cells[index]
        return "" if value is None else " ".join(str(value).split())


@dataclass
class DataFile:
    """The rows of a downloaded file that are not empty, and the notices about its content."""

    path: Path
    rows: list[Row]
    delimiter: str = ""
    sheet: str = ""
    lines: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def location(self, row: Row, index: int = 0) -> SourceLocation:
        """Return the location of a cell."""
        if self.sheet:
            from openpyxl.utils import get_column_letter

            cell = f"{self.sheet}!{get_column_letter(index + 1)}{row.line}"
            return SourceLocation(str(self.path), cell=cell)
        lines = self.lines[row.line - 1 : row.line + 49]  # enough for any row with line breaks
        positions = field_positions(lines, row.line, self.delimiter)
        return SourceLocation(str(self.path), *positions[min(index, len(positions) - 1)])

    def note(self, row: Row | None, message: str, index: int = 0) -> None:
        """Record a notice about a cell, or about the file."""
        location = self.location(row, index) if row else SourceLocation(str(self.path))
        self.notices.append(Notice(location, message))

    def fault(self, row: Row | None, message: str, hint: str = "", index: int = 0) -> ScenarioError:
        """Return the error for a cell, or for the file."""
        location = self.location(row, index) if row else SourceLocation(str(self.path))
        return ScenarioError([Fault((), message, hint, location=location)])


def header_key(name: object) -> str:
    """Return the name of a column without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", str(name or "").lower())


def read_file(path: Path, sheet: str | None = None, prefer_sheets: Sequence[str] = ()) -> DataFile:
    """Return the rows of a CSV file or of a sheet of an Excel file.

    Without ``sheet``, the sheet is the first of ``prefer_sheets`` that exists, else the first one.
    Raises ScenarioError if the file cannot be read, or if a row has more cells than the first one.
    """
    location = SourceLocation(str(path))
    raw = read_bytes(path, location, limit=MAX_BYTES, role="table")
    if path.suffix.lower() in WORKBOOK_SUFFIXES:
        return _read_sheet(path, raw, sheet, prefer_sheets)
    if sheet is not None:
        raise fatal_error(location, "only an Excel file has sheets", "leave it out")
    if b"\0" in raw[:1000] and raw[:2] not in _UTF_16_MARKS:
        hint = "unpack it, or save it as .csv or .xlsx"
        raise fatal_error(location, "this is no text file", hint)
    data = DataFile(path, [])
    text = _decode(raw, data)
    data.lines = io.StringIO(text, newline="").readlines()
    filled_lines = [line for line in data.lines if line.strip()][:20]
    for sample in (filled_lines[:1], filled_lines):  # the first line may be a title
        unquoted = "".join("".join(sample).split('"')[::2])
        data.delimiter = max((",", ";", "\t"), key=unquoted.count)
        if data.delimiter in unquoted:
            break
    reader = csv.reader(data.lines, delimiter=data.delimiter)
    start, cell_count = 1, 0
    try:
        for cells in reader:
            cell_count += len(cells)
            if cell_count > MAX_CELLS:
                raise fatal_error(location, f"more than {MAX_CELLS} cells")
            if any(cell.strip() for cell in cells):
                data.rows.append(Row(start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        message = f"this row is not valid CSV: {error!s}"
        raise fatal_error(SourceLocation(str(path), start, 1), message) from None
    if not data.rows:
        raise fatal_error(location, "the file is empty")
    return data


def check_widths(data: DataFile) -> None:
    """Raise ScenarioError if a row has cells without a column, or too few cells.

    Empty cells at the end do not count: UN Comtrade ends each row with a comma.
    """
    width = len(data.rows[0].cells)
    for row in data.rows[1:]:
        if any(str(cell).strip() for cell in row.cells[width:]) or len(row.cells) < width:
            counts = {"cells": len(row.cells), "columns": width}
            message = "{cells} cells in a row, but {columns} columns".format(**counts)
            raise data.fault(row, message, "download the file again")


def _decode(raw: bytes, data: DataFile) -> str:
    if raw[:2] in _UTF_16_MARKS:
        return replace_unprintable(raw.decode("utf-16", "replace"))
    try:
        return replace_unprintable(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        data.note(None, "the file is not UTF-8; read as Windows-1252")
        return replace_unprintable(raw.decode("cp1252", "replace"))


def _read_sheet(
    path: Path, raw: bytes, sheet: str | None, prefer_sheets: Sequence[str]
) -> DataFile:
    """Return the rows of a sheet, all of the same length. Cells that cannot be read are noted."""
    from models.files.workbook import open_workbook, read_rows

    location = SourceLocation(str(path))
    book = open_workbook(raw, str(path), location)
    preferred = [name for name in (*prefer_sheets, *book.sheetnames) if name in book.sheetnames]
    name = sheet or (preferred or [""])[0]
    if name not in book.sheetnames:
        message = f"there is no sheet '{name}' in '{path}'"
        raise fatal_error(location, message, unknown_name_hint(name, book.sheetnames))
    data = DataFile(path, [], sheet=name)

    def report(fault: Fault) -> None:
        data.notices.append(Notice(fault.location or location, fault.message))

    rows = read_rows(book[name], str(path), location, report)
    if not rows:
        raise fatal_error(location, "the file is empty")
    width = max(map(len, rows))
    for row in rows:
        values = [cell.value for cell in row]
        line = int(row[0].location.cell.rpartition("!A")[2])
        data.rows.append(Row(line, values + [None] * (width - len(values))))
    return data
